"""Keys of any type page and cut a table in their own order: every state goes on exactly, no row is lost, none comes twice."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from connector_sdk.contract import Batch, Split
from connector_sdk.errors import TransientError
from connector_sdk.schema import Mode

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.reading_tables import KEYS, MOMENTS, discovered, rows_of, run, some_table, table, tuples

pytestmark = pytest.mark.usefixtures("small_pages")


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


def test_long_and_short_values_by_turns_are_all_read(system: System) -> None:
    rows = [f"({n}, '{'x' * (5 if n % 50 else n * 20)}')" for n in range(300)]
    table(system, "t", "k integer PRIMARY KEY, v text", rows)
    for batch_rows in (20, 10_000):
        with system.connector(batch_rows=batch_rows) as connector:
            [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
            found = rows_of(connector, split)
        assert [(k, len(v)) for k, v in found] == [(n, 5 if n % 50 else n * 20) for n in range(300)]


@pytest.mark.parametrize("letters", ["é", "é5", "5é", "日本", "日本5", "😀a", "a😀bc"])
def test_long_values_are_cut_within_no_letter(system: System, letters: str) -> None:
    rows = {n: letters * (1 if n % 40 else n + 70) for n in range(120)}
    table(system, "t", "k integer PRIMARY KEY, v text", [f"({k}, '{v}')" for k, v in rows.items()])
    table(system, "narrow", "k integer PRIMARY KEY, v varchar(400)", [f"({k}, '{v[:400]}')" for k, v in rows.items()])
    system.run("CREATE VIEW w AS SELECT k, v FROM t")
    with system.connector(batch_rows=50) as connector:
        for name, most in (("t", 9999), ("narrow", 400), ("w", 9999)):
            [split] = connector.plan([discovered(connector, name)], Mode.FULL)
            assert dict(rows_of(connector, split)) == {k: v[:most] for k, v in rows.items()}, name


def test_values_that_are_too_long_are_rejects_among_others(system: System) -> None:
    rows = [f"({n}, '{'x' * (5 if n % 100 != 50 else 2_000)}')" for n in range(300)]
    table(system, "t", "k integer PRIMARY KEY, v text", rows)
    with system.connector(max_value_bytes=1_024) as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        batches = list(connector.read(split, None))
    assert [row[0] for batch in batches for row in tuples(batch.data)] == [n for n in range(300) if n % 100 != 50]
    rejects = [reject for batch in batches if batch.rejects for reject in batch.rejects.to_pylist()]
    assert [(reject["code"], reject["raw_length"]) for reject in rejects] == [("too_long", 2_000)] * 3


def test_a_null_where_the_catalogue_says_that_there_is_none_is_a_reject(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE TABLE t (k integer, v text NOT NULL)",
        "CREATE TABLE heir () INHERITS (t)",
        "ALTER TABLE heir ALTER v DROP NOT NULL",
        "INSERT INTO heir VALUES (1, 'one'), (2, NULL), (3, 'three')",
    )
    with postgresql_system.connector() as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        batches = list(connector.read(split, None))
    assert sorted(row for batch in batches for row in tuples(batch.data)) == [(1, "one"), (3, "three")]
    [reject] = [reject for batch in batches if batch.rejects for reject in batch.rejects.to_pylist()]
    assert (reject["field"], reject["raw"]) == ("v", b"") and "NOT NULL" in reject["reason"]


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


def told(batches: list[Batch]) -> tuple[int, int]:
    """How many rows came, and how many were refused."""
    return sum(batch.data.num_rows for batch in batches), sum(batch.rejects.num_rows for batch in batches if batch.rejects)


@pytest.mark.parametrize("long", [1, 40])
def test_behind_a_key_without_end_reading_goes_on(postgresql_system: System, long: int) -> None:
    """Every tenth row is refused for its key, the last of each batch among them; of `long` ones most have no room at first."""
    postgresql_system.run(
        "CREATE TABLE t (k integer, until timestamp, v text, PRIMARY KEY (k, until))",
        "INSERT INTO t SELECT n, CASE WHEN n % 5 = 4 THEN 'infinity' ELSE '2024-01-01'::timestamp END,"
        f" repeat('x', n * {long}) FROM generate_series(0, 99) AS n",
    )
    with postgresql_system.connector(batch_rows=10) as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        batches = list(connector.read(split, None))
        assert told(batches) == (80, 20)
        seen = 0
        for batch in batches:
            seen += batch.data.num_rows
            assert batch.state is not None
            assert len(rows_of(connector, split, batch.state)) == 80 - seen


def test_a_row_refused_for_a_field_and_for_a_key_that_is_none(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE TABLE t (k timestamp PRIMARY KEY, v numeric(5,2))", "INSERT INTO t VALUES ('infinity', 'NaN'), ('2024-01-01', 1)"
    )
    with postgresql_system.connector() as connector:
        [split] = connector.plan([discovered(connector, "t").only(["v"])], Mode.FULL)
        assert told(list(connector.read(split, None))) == (1, 1)


def test_a_view_whose_values_grow_while_it_is_read_is_read_again(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE TABLE t (v integer)",
        "INSERT INTO t SELECT generate_series(0, 299)",
        "CREATE FUNCTION grown() RETURNS integer LANGUAGE sql VOLATILE AS $$ SELECT set_config('of.test',"
        " (coalesce(nullif(current_setting('of.test', true), ''), '0')::integer + 1)::text, false)::integer $$",
        "CREATE VIEW w AS SELECT v, CASE WHEN v < 200 THEN 'short' ELSE repeat('x', 300 + grown()) END AS t FROM t",
    )
    with postgresql_system.connector(batch_rows=50) as connector:
        [split] = connector.plan([discovered(connector, "w")], Mode.FULL)
        states = []
        with pytest.raises(TransientError, match="longer value than when it was measured"):
            states += [batch.state for batch in connector.read(split, None)]
        assert set(states) <= {None}


SCATTERED = {
    "partitions": (
        "CREATE TABLE t (k integer, v integer) PARTITION BY LIST (k)",
        *(f"CREATE TABLE t{n} PARTITION OF t FOR VALUES IN ({n})" for n in range(3)),
        "INSERT INTO t SELECT n % 3, n FROM generate_series(0, 299) AS n",
    ),
    "heirs": (
        "CREATE TABLE t (k integer PRIMARY KEY, v integer)",
        "CREATE TABLE heir () INHERITS (t)",
        "INSERT INTO t SELECT n, n FROM generate_series(0, 149) AS n",
        "INSERT INTO heir SELECT n, n + 150 FROM generate_series(0, 149) AS n",
    ),
    "keyed partitions": (
        "CREATE TABLE t (k integer, v integer, PRIMARY KEY (v, k)) PARTITION BY LIST (k)",
        *(f"CREATE TABLE t{n} PARTITION OF t FOR VALUES IN ({n})" for n in range(3)),
        "INSERT INTO t SELECT n % 3, n FROM generate_series(0, 299) AS n",
    ),
}


@pytest.mark.parametrize("kind", SCATTERED)
def test_rows_that_lie_in_several_tables_come_once_from_every_state(postgresql_system: System, kind: str) -> None:
    postgresql_system.run(*SCATTERED[kind], "ANALYZE t")
    with postgresql_system.connector(batch_rows=7, split_rows=100) as connector:
        stream = discovered(connector, "t")
        assert stream.keys == (("v", "k") if kind == "keyed partitions" else ())
        splits = connector.plan([stream], Mode.FULL)
        found: list[Any] = []
        for split in splits:
            whole = [row[1] for row in rows_of(connector, split)]
            found += whole
            seen: list[Any] = []
            for batch in list(connector.read(split, None)):
                seen += [row[1] for row in tuples(batch.data)]
                if batch.state is not None:
                    assert seen + [row[1] for row in rows_of(connector, split, batch.state)] == whole
    assert sorted(found) == list(range(300))


def test_a_table_of_sqlite_without_rowids_is_read_whatever_its_key(sqlite_system: System) -> None:
    for number, kind in enumerate(("date", "real", "numeric(10,2)", "uuid", "blob")):
        run(sqlite_system, f"CREATE TABLE t{number} (k {kind} PRIMARY KEY NOT NULL, v int) WITHOUT ROWID")
        run(sqlite_system, f"INSERT INTO t{number} VALUES ({'x' * (kind == 'blob')}'20', 1)")
        with sqlite_system.connector() as connector:
            stream = discovered(connector, f"t{number}").only(["v"])
            [split] = connector.plan([stream], Mode.FULL)
            assert rows_of(connector, split) == [(1,)]


FOLDED = {
    "postgresql": [
        "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE TABLE t (k text COLLATE folded NOT NULL, m integer NOT NULL, v integer)",
        'CREATE UNIQUE INDEX by_bytes ON t (k COLLATE "C", m)',
    ],
    "postgresql, by another type": [
        "CREATE EXTENSION citext",
        "CREATE TABLE t (k citext NOT NULL, m integer NOT NULL, v integer)",
        "CREATE UNIQUE INDEX by_letters ON t (k text_ops, m)",
    ],
    "sqlite": [
        "CREATE TABLE t (k text COLLATE nocase NOT NULL, m integer NOT NULL, v integer)",
        "CREATE UNIQUE INDEX by_bytes ON t (k COLLATE binary, m)",
    ],
    "sqlite, primary": [
        "CREATE TABLE t (k text COLLATE nocase NOT NULL, m integer NOT NULL, v integer, PRIMARY KEY (k COLLATE binary, m))"
    ],
}


@pytest.mark.parametrize("kind", FOLDED)
def test_texts_that_only_an_index_tells_apart_are_all_read(request: pytest.FixtureRequest, kind: str) -> None:
    system: System = request.getfixturevalue(f"{kind.split(',')[0]}_system")
    run(system, *FOLDED[kind])
    run(system, "INSERT INTO t VALUES " + ", ".join(f"('{'Kk'[n % 2]}{n // 2}', 0, {n})" for n in range(400)))
    if system.kind == "postgresql":
        run(system, "ANALYZE t")
    with system.connector(batch_rows=101, split_rows=150) as connector:
        splits = connector.plan([discovered(connector, "t")], Mode.FULL)
        assert len(splits) > 1 or kind != "postgresql"
        assert sorted(row[2] for split in splits for row in rows_of(connector, split)) == list(range(400))


def test_nulls_in_a_domain_that_is_not_null_are_rows(postgresql_system: System) -> None:
    postgresql_system.run(
        "CREATE DOMAIN filled AS integer NOT NULL",
        "CREATE TABLE t (k filled UNIQUE, v integer)",
        "INSERT INTO t SELECT n, n FROM generate_series(0, 299) AS n",
        "INSERT INTO t SELECT (SELECT k FROM t WHERE false), n FROM generate_series(300, 302) AS n",
    )
    with postgresql_system.connector(batch_rows=100) as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        assert sorted(row[1] for row in rows_of(connector, split)) == list(range(303))
