"""Changes that are right together and not one by one: values that only one row may have go from row to row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from connector_odbc.writing import pieces
from connector_sdk import changes
from connector_sdk.errors import DataError
from connector_sdk.runtime.session import Session

from connectors.odbc.tests.conftest import System

SCHEMA = pa.schema([pa.field("id", pa.int32(), nullable=False), ("code", pa.string()), ("n", pa.int32())])


@pytest.fixture
def sink(system: System) -> Any:
    """A table of which no two rows have one code, or one `n`."""
    system.run(
        "CREATE TABLE t (id integer PRIMARY KEY, code varchar(5) UNIQUE, n integer NOT NULL UNIQUE)",
        "INSERT INTO t VALUES (1, 'A', 1), (2, 'B', 2), (3, 'C', 3), (4, 'D', 4)",
    )
    with Session(system.connector(), "sink") as session:
        yield session


def rows(system: System) -> list[tuple[Any, ...]]:
    return system.rows("SELECT id, code, n FROM t ORDER BY id")


def updates(*found: tuple[int, str, int]) -> pa.RecordBatch:
    columns = [pa.array(list(values), field.type) for values, field in zip(zip(*found, strict=True), SCHEMA, strict=True)]
    return changes.build(pa.RecordBatch.from_arrays(columns, schema=SCHEMA), ["u"] * len(found))


@pytest.mark.parametrize("mode", ["apply", "upsert"])
def test_values_go_round(system: System, sink: Session, mode: str) -> None:
    found = updates((1, "B", 1), (2, "C", 2), (3, "A", 3))
    sink.write("t", found if mode == "apply" else found.select(SCHEMA.names), mode=mode)
    assert rows(system) == [(1, "B", 1), (2, "C", 2), (3, "A", 3), (4, "D", 4)]


def test_who_wants_the_value_of_a_stranger_is_rejected_and_nobody_else(system: System, sink: Session) -> None:
    found = sink.write("t", updates((1, "B", 1), (2, "A", 2), (3, "D", 3)), mode="apply", max_rejects=1)
    assert found.rejects == 1
    assert rows(system) == [(1, "B", 1), (2, "A", 2), (3, "C", 3), (4, "D", 4)]


def test_a_value_that_no_row_can_be_without_is_not_exchanged(system: System, sink: Session) -> None:
    with pytest.raises(DataError, match="2 rejected"):
        sink.write("t", updates((1, "A", 2), (2, "B", 1)), mode="apply", max_rejects=1)
    assert rows(system)[:2] == [(1, "A", 1), (2, "B", 2)]


def test_what_was_refused_does_not_come_after_a_later_change_of_its_row(
    system: System, sink: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "NETTED_ROWS", 1)
    batches = [updates((1, "B", 1)), updates((1, "X", 1)), updates((2, "Y", 2))]
    found = sink.write("t", batches, mode="apply", max_rejects=1)
    assert found.rejects == 1
    assert rows(system)[:2] == [(1, "X", 1), (2, "Y", 2)]
