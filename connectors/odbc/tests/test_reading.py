"""FULL reads: splits that are the table, states that resume exactly, predicates as the engine has them, servers that die."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc import OdbcConnector, fetching
from connector_sdk.contract import Split
from connector_sdk.errors import DataError, SchemaDriftError, StateInvalidError, TransientError
from connector_sdk.runtime.where import keep, typed_where
from connector_sdk.schema import Mode, Stream, Where

from connectors.odbc.tests.conftest import System

TEXTS = ("", "a", "A", "b", "B", "ä", "z", "Z", "aa", "a ", "😀", "\uffff", "é", "10", "9", "ab", "a-b", "_", "~", "ß")


def run(system: System, *statements: str) -> None:
    """By its own library where it is SQLite, for sqliteodbc does not understand all texts in statements."""
    if system.kind != "sqlite":
        return system.run(*statements)
    with closing(sqlite3.connect(system.database.name)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return None


def table(system: System, name: str, columns: str, rows: Sequence[str]) -> None:
    run(system, f"CREATE TABLE {name} ({columns})")
    for at in range(0, len(rows), 500):
        run(system, f"INSERT INTO {name} VALUES {', '.join(rows[at : at + 500])}")


def discovered(connector: OdbcConnector, name: str) -> Stream:
    [stream] = connector.discover([name])
    return stream


def rows_of(connector: OdbcConnector, split: Split, state: Any = None, until: Any = None) -> list[tuple[Any, ...]]:
    return [row for batch in connector.read(split, state, until) for row in tuples(batch.data)]


def tuples(data: pa.RecordBatch) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in data.to_pylist()]


def tried(connector: OdbcConnector, split: Split, state: Any) -> list[tuple[Any, ...]]:
    """As the engine does: what idle connections were to the server before fails once."""
    try:
        return rows_of(connector, split, state)
    except TransientError:
        return []


KEYS: dict[str, tuple[str, Any]] = {
    "integer": ("k bigint NOT NULL PRIMARY KEY, v integer", lambda n: f"({n * 7 - 400}, {n})"),
    "text": ("k varchar(40) NOT NULL PRIMARY KEY, v integer", lambda n: f"('{TEXTS[n % 17]}{n:x}', {n})"),
    "composite": (
        "k varchar(10) NOT NULL, m integer NOT NULL, v integer, PRIMARY KEY (k, m)",
        lambda n: f"('{'xyz'[n % 3]}', {n // 3}, {n})",
    ),
    "number_first": (
        "k integer NOT NULL, m varchar(10) NOT NULL, v integer, PRIMARY KEY (k, m)",
        lambda n: f"({n // 9}, '{TEXTS[n % 9]}{n % 9}', {n})",
    ),
    "unique_with_nulls": ("k integer UNIQUE, v integer", lambda n: f"({'NULL' if n % 3 else n}, {n})"),
    "nothing": ("k integer, v varchar(10)", lambda n: f"({n % 10}, '{n % 3}')"),
}
MOMENTS = {
    "date": ("k date NOT NULL PRIMARY KEY, v integer", lambda n: f"('{date.fromordinal(738000 + n * 3)}', {n})"),
    "moment": (
        "k timestamp(6) NOT NULL PRIMARY KEY, v integer",
        lambda n: f"('{datetime.fromtimestamp(1.7e9 + n * 1.000001, UTC).replace(tzinfo=None)}', {n})",
    ),
    "decimal": ("k numeric(20,5) NOT NULL PRIMARY KEY, v integer", lambda n: f"({n * 11}.12345, {n})"),
}


def some_table(system: System, key: str, count: int = 400) -> None:
    columns, row = {**KEYS, **MOMENTS}[key]
    if system.kind == "mariadb":
        columns = columns.replace("timestamp(6)", "datetime(6)")
    table(system, "t", columns, [row(n) for n in range(count)])
    if system.kind == "postgresql":
        system.run("ANALYZE t")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FEWEST_ROWS", 1)


@pytest.mark.parametrize("key", [*KEYS, *MOMENTS])
def test_the_splits_are_the_table_and_every_state_goes_on_exactly(system: System, key: str) -> None:
    some_table(system, key)
    with system.connector(split_rows=90, batch_rows=17) as connector:
        stream = discovered(connector, "t")
        splits = connector.plan([stream], Mode.FULL)
        splits = [Split.from_json(split.to_json()) for split in splits]
        resumable = key not in ("unique_with_nulls", "nothing") or system.kind != "mariadb"
        if system.kind == "sqlite" and key in MOMENTS:
            assert len(splits) > 1  # by the rowid
        elif resumable:
            assert len(splits) > 1, splits
        everything: list[tuple[Any, ...]] = []
        for split in splits:
            batches = list(connector.read(split, None))
            whole = [row for batch in batches for row in tuples(batch.data)]
            everything += whole
            assert batches[-1].state is not None
            seen = 0
            states = []
            for batch in batches:
                seen += batch.data.num_rows
                if batch.state is not None:
                    states.append((seen, batch.state))
            assert len(states) == len(batches) or not resumable
            for at, state in states:
                assert rows_of(connector, split, state) == whole[at:]
            for (one, first), (other, second) in pairwise(states):
                assert rows_of(connector, split, first, second) == whole[one:other]
                assert rows_of(connector, split, None, second) == whole[:other]
    names = ", ".join(system.quote(name) for name in stream.schema.names)
    truth = system.rows(f"SELECT {names} FROM t")
    if key in ("integer", "number_first", "unique_with_nulls", "nothing", "composite"):
        assert sorted(everything, key=str) == sorted(truth, key=str)
    assert len(everything) == len(set(everything) if key != "nothing" else everything) == len(truth) == 400


def test_a_projection_keeps_its_order_and_resumes_by_a_key_that_it_has_not(system: System) -> None:
    some_table(system, "composite")
    with system.connector(batch_rows=50) as connector:
        stream = discovered(connector, "t").only(["v", "k"])
        [split] = connector.plan([stream], Mode.FULL)
        batches = list(connector.read(split, None))
        assert batches[0].data.schema.names == ["v", "k"]
        assert sum(batch.data.num_rows for batch in batches) == 400
        assert sum(batch.data.num_rows for batch in connector.read(split, batches[2].state)) == 250


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


def test_a_table_dropped_or_altered_since_the_plan_is_drift_that_names_the_fields(system: System) -> None:
    some_table(system, "integer")
    with system.connector() as connector:
        stream = discovered(connector, "t")
        [split] = connector.plan([stream], Mode.FULL)
        system.run("ALTER TABLE t RENAME COLUMN v TO w")
        with pytest.raises(SchemaDriftError, match="v is gone") as altered:
            list(connector.read(split, None))
        assert altered.value.fields == ("v",)
        system.run("DROP TABLE t")
        with pytest.raises(SchemaDriftError) as dropped:
            list(connector.read(split, None))
        assert dropped.value.fields == ("k", "v")
        with pytest.raises(SchemaDriftError):
            connector.plan([stream], Mode.FULL)


def test_a_state_of_somebody_else_is_said_to_be(system: System) -> None:
    some_table(system, "integer")
    with system.connector() as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        with pytest.raises(StateInvalidError):
            list(connector.read(split, {"offset": 12}))


def test_a_server_that_dies_in_mid_read_is_transient_and_reading_goes_on_exactly(system: System) -> None:
    if system.server is None:
        return  # a file has no server
    some_table(system, "integer", 4000)
    with system.connector(batch_rows=50, options={**system.settings["options"], "Fetch": "50"}) as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        found: list[tuple[Any, ...]] = []
        state = None
        kill_at = 0 if system.kind == "mariadb" else 3  # of a page that it holds, its driver does not need the server
        with pytest.raises(TransientError), closing(connector.read(split, None)) as batches:
            for number, batch in enumerate(batches):
                found += tuples(batch.data)
                state = batch.state
                if number == kill_at:
                    system.server.restart(hard=True)
        assert 50 <= len(found) < 4000
        found += next(again for again in (tried(connector, split, state) for _ in range(5)) if again)
    assert [row[1] for row in found] == list(range(4000))


def test_all_splits_show_the_moment_of_the_plan(postgresql_system: System, caplog: pytest.LogCaptureFixture) -> None:
    some_table(postgresql_system, "integer")
    with postgresql_system.connector(split_rows=90) as connector:
        splits = connector.plan([discovered(connector, "t")], Mode.FULL)
        assert len(splits) > 3
        first = rows_of(connector, splits[0])
        postgresql_system.run("DELETE FROM t")
        rest = [row for split in splits[1:] for row in rows_of(connector, split)]
        assert len(first) + len(rest) == 400
        assert not caplog.records
    with postgresql_system.connector(split_rows=90) as another, caplog.at_level(logging.WARNING):
        assert [row for split in splits for row in rows_of(another, split)] == []
    assert "the snapshot that reading t began with is gone" in caplog.text


def test_long_and_short_values_by_turns_are_all_read(system: System) -> None:
    rows = [f"({n}, '{'x' * (5 if n % 50 else n * 20)}')" for n in range(300)]
    table(system, "t", "k integer PRIMARY KEY, v text", rows)
    for batch_rows in (20, 10_000):
        with system.connector(batch_rows=batch_rows) as connector:
            [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
            found = rows_of(connector, split)
        assert [(k, len(v)) for k, v in found] == [(n, 5 if n % 50 else n * 20) for n in range(300)]


def test_up_to_where_an_empty_table_ended_there_is_nothing(system: System) -> None:
    table(system, "late", "id int PRIMARY KEY", [])
    with system.connector() as connector:
        [split] = connector.plan([discovered(connector, "late")], Mode.FULL)
        *_, last = connector.read(split, None)
        run(system, "INSERT INTO late VALUES (1)")
        assert rows_of(connector, split, None, last.state) == []
        assert rows_of(connector, split) in ([(1,)], [])  # [] where the plan's snapshot is of before


def test_few_rows_with_keys_far_apart_are_one_split(system: System) -> None:
    table(system, "sparse", "id bigint PRIMARY KEY", [f"({n * 10_000_000})" for n in range(200)])
    with system.connector(split_rows=1000) as connector:
        [split] = connector.plan([discovered(connector, "sparse")], Mode.FULL)
        assert len(rows_of(connector, split)) == 200


def test_a_view_is_read_in_one_piece(system: System) -> None:
    some_table(system, "integer")
    system.run(
        "CREATE VIEW w AS SELECT v, 'long ' || v AS t FROM t WHERE v < 20"
        if system.kind != "mariadb"
        else "CREATE VIEW w AS SELECT v, repeat('é', 300) AS t FROM t WHERE v < 20"
    )
    with system.connector(split_rows=5) as connector:
        [split] = connector.plan([discovered(connector, "w")], Mode.FULL)
        batches = list(connector.read(split, None))
    assert sorted(row[0] for batch in batches for row in tuples(batch.data)) == list(range(20))
    assert [batch.state is None for batch in batches] == [True] * (len(batches) - 1) + [False]


def test_names_with_quotes_and_unicode_are_names(system: System) -> None:
    name, column = 'we"ird`t?ä', "se%lect{x}"
    run(system, f"CREATE TABLE {system.quote(name)} (id integer PRIMARY KEY, {system.quote(column)} varchar(10))")
    run(system, f"INSERT INTO {system.quote(name)} VALUES (1, 'x')")
    with system.connector() as connector:
        [split] = connector.plan([discovered(connector, name)], Mode.FULL)
        assert rows_of(connector, split, {"v": 1, "at": ["0"], "done": False}) == [(1, "x")]


def test_a_view_that_fails_half_way_says_what_the_database_says(postgresql_system: System) -> None:
    some_table(postgresql_system, "integer")
    postgresql_system.run("CREATE VIEW w AS SELECT v, 100 / (300 - v) AS q FROM t")
    with postgresql_system.connector() as connector:
        [split] = connector.plan([discovered(connector, "w")], Mode.FULL)
        with pytest.raises(DataError, match="division by zero"):
            list(connector.read(split, None))


def test_a_read_that_is_cancelled_leaves_no_session_behind(postgresql_system: System) -> None:
    some_table(postgresql_system, "integer", 4000)
    mine = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{postgresql_system.database.name}' AND pid <> pg_backend_pid()"
    )
    with postgresql_system.connector(batch_rows=50) as connector:
        stream = discovered(connector, "t")
        [split] = connector.plan([stream], Mode.FULL)
        before = postgresql_system.rows(mine)
        with closing(connector.read(split, None)) as batches:
            next(batches)
        assert postgresql_system.rows(mine) <= before


ODD_KEYS = {
    "postgresql": ("uuid", "bytea", "timestamptz", "character(6)", "numeric(40,3)", "time"),
    "mariadb": ("uuid", "binary(4)", "bigint unsigned", "year", "char(6)", "inet6", "timestamp(6)"),
    "sqlite": ("text collate nocase", "varchar(10)", "blob"),
}
ODD_VALUES = {
    "uuid": lambda n: f"'{n * 7919:08x}-0000-4000-8000-{n:012x}'",
    "bytea": lambda n: f"'\\x{n * 7919 % 65521:08x}'",
    "binary(4)": lambda n: f"x'{n * 7919 % 65521:08x}'",
    "blob": lambda n: f"x'{n * 7919 % 65521:08x}'",
    "timestamptz": lambda n: f"'2024-03-31 0{n % 10}:59:{n // 10:02d}.5+02'",
    "timestamp(6)": lambda n: f"'2024-03-31 0{n % 10}:59:{n // 10:02d}.000001'",
    "time": lambda n: f"'0{n % 10}:00:{n // 10:02d}'",
    "bigint unsigned": lambda n: str(2**64 - 1 - n * 10**16),
    "year": lambda n: str(1901 + n),
    "inet6": lambda n: f"'::{n:x}'",
    "numeric(40,3)": lambda n: f"{n}00000000000000000000000000000000.125",
}


def test_keys_of_odd_types_page_in_their_own_order(system: System) -> None:
    for number, kind in enumerate(ODD_KEYS[system.kind]):
        name, value = f"t{number}", ODD_VALUES.get(kind, lambda n: f"'{'bB cä'[n % 5]}{n:x}'")
        null = " DEFAULT '2000-01-01'" if kind == "timestamp(6)" else ""
        table(system, name, f"k {kind} NOT NULL{null} PRIMARY KEY, v integer", [f"({value(n)}, {n})" for n in range(60)])
        with system.connector(batch_rows=7, split_rows=25) as connector:
            splits = connector.plan([discovered(connector, name)], Mode.FULL)
            found: list[int] = []
            for split in splits:
                batches = list(connector.read(split, None))
                whole = [row[1] for batch in batches for row in tuples(batch.data)]
                seen = 0
                for batch in batches:
                    seen += batch.data.num_rows
                    assert batch.state is not None, kind
                    assert [row[1] for row in rows_of(connector, split, batch.state)] == whole[seen:], kind
                found += whole
        assert sorted(found) == list(range(60)), kind
