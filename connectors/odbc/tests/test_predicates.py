"""Predicates: what goes to the database keeps what the engine would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.contract import Split
from connector_sdk.runtime.where import keep, typed_where
from connector_sdk.schema import Mode, Where

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.reading_tables import TEXTS, discovered, some_table, table

pytestmark = pytest.mark.usefixtures("small_pages")

WHERES: Sequence[Where] = (
    ((("i", ">=", Decimal(3)),),),
    ((("i", "=", Decimal("2.5")),),),
    ((("i", "<", Decimal("2.5")), ("t", "!=", "b")),),
    ((("t", ">", "a"),),),
    ((("t", "<=", "Z"),),),
    ((("t", "=", "a"),),),
    ((("t", "!=", "a "),),),
    ((("t", "is null", None),), (("i", "=", Decimal(1)),)),
    ((("d", "<", Decimal("1.005")),),),
    ((("d", "=", Decimal("1.00")),),),
    ((("f", ">", 0.5),),),
    ((("f", "!=", 0.5), ("i", ">", Decimal(2))),),
    ((("ts", ">=", datetime(2024, 1, 5, 0, 0, 0, 1)),),),
    ((("dt", "<", date(2024, 1, 4)), ("i", "is not null", None)), (("t", "=", "😀"),)),
    ((("i", "<", Decimal(10**30)),),),
)


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_a_predicate_keeps_what_the_engine_would(system: System, where: Where) -> None:
    stamp = "datetime(6)" if system.kind == "mariadb" else "timestamp"
    columns = f"id integer PRIMARY KEY, i integer, t varchar(10), d decimal(9,2), f double precision, ts {stamp}, dt date"
    odd = {"postgresql": "'NaN'"}.get(system.kind, "0.5")
    rows = [
        f"({n}, {n % 5}, '{text}', {n % 3}.0{n % 2}, {n / 8 if n % 4 else odd}, "
        f"'2024-01-0{n % 9 + 1} 00:00:00', '2024-01-0{n % 9 + 1}')"
        for n, text in enumerate(TEXTS)
    ]
    table(system, "t", columns, [*rows, "(100, NULL, NULL, NULL, NULL, NULL, NULL)"])
    with system.connector() as connector:
        stream = discovered(connector, "t")
        typed = typed_where(where, stream.schema, "t")
        everything = [row for split in connector.plan([stream], Mode.FULL) for row in connector.read(split, None)]
        whole = pa.Table.from_batches([batch.data for batch in everything]).combine_chunks().to_batches()[0]
        found = [
            row
            for split in connector.plan([stream], Mode.FULL, {"t": typed})
            for batch in connector.read(Split.from_json(split.to_json()), None)
            for row in keep(split.left.get("t", ()), batch.data).to_pylist()
        ]
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in keep(typed, whole).to_pylist())


def test_what_can_be_is_left_to_the_database(postgresql_system: System) -> None:
    some_table(postgresql_system, "integer")
    with postgresql_system.connector() as connector:
        stream = discovered(connector, "t")
        [split] = connector.plan([stream], Mode.FULL, {"t": ((("v", "<", Decimal(10)),),)})
        assert not split.left
        assert sum(batch.data.num_rows for batch in connector.read(split, None)) == 10
