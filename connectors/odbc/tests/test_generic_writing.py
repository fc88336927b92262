"""A database that nobody made a profile for: written by what the standard promises, tried on PostgreSQL as if it were unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk import changes
from connector_sdk.contract import Batch, Load
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.runtime.session import Session
from connector_sdk.schema import WriteMode

from connectors.odbc.tests.conftest import System

ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "name": pa.array(["Ann", "é🚚 'x' \"y\"", None], pa.string()),
        "price": pa.array([Decimal("1.10"), Decimal("-99999.99"), None], pa.decimal128(7, 2)),
        "share": pa.array([0.1, 1e300, None], pa.float64()),
        "day": pa.array([date(2024, 2, 29), date(1, 1, 1), None], pa.date32()),
        "at": pa.array([datetime(2024, 1, 1, 1, 2, 3, 4), datetime(1999, 12, 31), None], pa.timestamp("us")),
    }
)


@pytest.fixture
def session(postgresql_system: System) -> Iterator[Session]:
    with Session(postgresql_system.connector(profile="generic", schemas=["public"]), "generic") as session:
        session.write("public.things", ROWS, keys=["id"])
        yield session


def things(system: System) -> list[tuple[object, ...]]:
    return system.rows('SELECT id, name, price, share, "day", "at" FROM things ORDER BY id')


def test_every_value_is_there(postgresql_system: System, session: Session) -> None:
    assert things(postgresql_system) == [tuple(row.values()) for row in ROWS.to_pylist()]


def test_upsert_replace_and_apply(postgresql_system: System, session: Session) -> None:
    new = [{"id": 2, "name": "Bob"}, {"id": 4, "name": "Dan"}]
    session.write("public.things", new, mode="upsert")
    assert [row[:2] for row in things(postgresql_system)] == [(1, "Ann"), (2, "Bob"), (3, None), (4, "Dan")]
    rows = ROWS.select(["id", "name"]).slice(0, 2).to_batches()[0]
    session.write("public.things", changes.build(rows, ["d", "u"]), mode="apply")
    assert [row[:2] for row in things(postgresql_system)] == [(2, "é🚚 'x' \"y\""), (3, None), (4, "Dan")]
    session.write("public.things", ROWS.slice(2, 1), mode="replace")
    assert [row[0] for row in things(postgresql_system)] == [3]


def test_history_of_columns_of_any_name(postgresql_system: System, session: Session) -> None:
    for price in (1, 1, 2):
        row = {"id": 1, "part.": "a", "price at.": price}
        session.write("public.parts", pa.Table.from_pylist([row]), mode="history", keys=["id"])
    found = postgresql_system.rows('SELECT "price at.", valid_to FROM parts ORDER BY valid_from')
    assert [(price, end is None) for price, end in found] == [(1, False), (2, True)]


def test_what_the_database_refuses_is_a_reject(postgresql_system: System, session: Session) -> None:
    more = [{"id": 3, "name": "again"}, {"id": 5, "name": "new"}]
    with pytest.raises(DataError, match="0 allowed"):
        session.write("public.things", more)
    result = session.write("public.things", more, max_rejects=1)
    assert (result.rows, result.rejects) == (1, 1)
    assert [row[0] for row in things(postgresql_system)] == [1, 2, 3, 5]


def test_a_table_in_no_known_schema_is_not_made(postgresql_system: System) -> None:
    with (
        Session(postgresql_system.connector(profile="generic"), "generic") as session,
        pytest.raises(ConfigError, match="schema"),
    ):
        session.write("things", ROWS, keys=["id"])
    assert postgresql_system.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_what_a_cut_load_staged_is_dropped_by_the_next(postgresql_system: System, session: Session) -> None:
    stream = session.stream("public.things")
    load = Load(id="cut", streams=(stream,), mode=WriteMode.UPSERT)
    with postgresql_system.connector(profile="generic", schemas=["public"]) as connector:
        connector.resume(load)
        connector.write(load, "lost", [Batch(stream=stream.name, data=ROWS.cast(stream.schema).to_batches()[0])])
    with postgresql_system.connector(profile="generic", schemas=["public"]) as connector:
        assert connector.resume(load) is None
    test_nothing_is_left_behind(postgresql_system, session)


def test_nothing_is_left_behind(postgresql_system: System, session: Session) -> None:
    tables = postgresql_system.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {name for (name,) in tables} == {"things", "_connector_checkpoints"}
