"""No value is wrong: each nasty column of each database is read equal, or refused with its raw text, or its loss is told."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc import OdbcConnector
from connector_sdk.rejects import Reject, rejects_of
from connector_sdk.schema import Mode, Stream, doc_of

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.fidelity_cases import CASES, SESSION, TYPES, Case


def prepare(system: System, tables: Iterable[tuple[str, Sequence[Case]]]) -> None:
    """A table of each name, with a column for each case and a row for each, in which all others are null."""
    # sqliteodbc cannot be told all of them.
    connection: Any = sqlite3.connect(system.database.name) if system.kind == "sqlite" else system.database.connect()
    try:
        for statement in (*TYPES[system.kind], *SESSION[system.kind]):
            connection.execute(statement)
        for table, cases in tables:
            columns = "".join(f", {system.quote(case.name)} {case.native}" for case in cases)
            connection.execute(f"CREATE TABLE {table} (id integer PRIMARY KEY{columns})")
            for number, case in enumerate(cases):
                name = system.quote(case.name)
                connection.execute(f"INSERT INTO {table} (id, {name}) VALUES ({number}, {case.literal})")
        connection.commit()
    finally:
        connection.close()


def read(connector: OdbcConnector, table: str) -> tuple[Stream, pa.Table, list[Reject]]:
    [stream] = connector.discover([table])
    batches = [batch for split in connector.plan([stream], Mode.FULL) for batch in connector.read(split, None)]
    rejects = [reject for batch in batches if batch.rejects is not None for reject in rejects_of(batch.rejects)]
    return stream, pa.Table.from_batches([batch.data for batch in batches], stream.schema), rejects


def check(cases: Sequence[Case], stream: Stream, found: pa.Table, rejects: Sequence[Reject]) -> list[str]:
    """What is not as the cases say."""
    wrong: list[str] = []
    rows = {row["id"]: row for row in found.to_pylist()}
    refused = {reject.field: reject for reject in rejects}
    for number, case in enumerate(cases):
        field = stream.schema.field(case.name)
        if str(field.type) != case.type:
            wrong.append(f"{case.name}: {field.type}, not {case.type}")
        if case.noted != bool(doc_of(field)) and case.raw is None:
            wrong.append(f"{case.name}: the note is {doc_of(field)!r}")
        if case.raw is not None:
            reject = refused.pop(case.name, None)
            if number in rows or reject is None:
                wrong.append(f"{case.name}: not refused: {rows.get(number, {}).get(case.name)!r}")
            elif not reject.raw.decode().startswith(case.raw):
                wrong.append(f"{case.name}: refused with {reject.raw!r}, not {case.raw!r}")
            elif f"id={number!r}".replace("=", "='") not in str(reject.place):
                wrong.append(f"{case.name}: refused at {reject.place!r}")
            continue
        if number not in rows:
            wrong.append(f"{case.name}: refused: {refused[case.name].reason}")
            continue
        value = rows[number][case.name]
        if not same(value, case.value):
            wrong.append(f"{case.name}: {str(value)[:80]!r}, not {str(case.value)[:80]!r}")
        others = [name for name, other in rows[number].items() if other is not None and name not in ("id", case.name)]
        if others:
            wrong.append(f"{case.name}: {others} are not null beside it")
    return wrong


def same(value: object, wanted: object) -> bool:
    if isinstance(value, float) and isinstance(wanted, float):
        return math.isnan(value) if math.isnan(wanted) else (value, math.copysign(1, value)) == (wanted, math.copysign(1, wanted))
    return type(value) is type(wanted) and value == wanted


@pytest.mark.parametrize("batch_rows", [10_000, 1], ids=["in_bulk", "row_by_row"])
def test_every_type_is_read_exactly_or_refused_or_its_loss_is_told(system: System, batch_rows: int) -> None:
    cases = [case for case in CASES[system.kind] if not case.apart]
    prepare(system, [("nasty", cases)])
    with system.connector(batch_rows=batch_rows) as connector:
        assert check(cases, *read(connector, "nasty")) == []


def test_long_values_are_read_exactly(system: System) -> None:
    cases = [case for case in CASES[system.kind] if case.apart]
    prepare(system, [(case.name, [case]) for case in cases])
    with system.connector() as connector:
        assert [wrong for case in cases for wrong in check([case], *read(connector, case.name))] == []


def test_a_value_beyond_the_limit_is_a_reject_with_its_length(system: System) -> None:
    prepare(system, [("lengthy", [case for case in CASES[system.kind] if case.name == "text_100_kb"])])
    with system.connector(max_value_bytes=50_000) as connector:
        _, found, [reject] = read(connector, "lengthy")
    assert found.num_rows == 0
    assert (reject.code, reject.raw_length, reject.field) == ("too_long", len("aé😀b".encode()) * 12800, "text_100_kb")


def test_there_are_enough_cases() -> None:
    assert sum(len(cases) for cases in CASES.values()) >= 90
