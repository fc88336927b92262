"""FULL reads: drift, servers that die, snapshots and views; see also test_paging and test_predicates."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from connector_odbc import OdbcConnector
from connector_odbc.snapshots import MOST_IDLE, Snapshots
from connector_sdk.contract import Split
from connector_sdk.errors import DataError, SchemaDriftError, StateInvalidError, TransientError
from connector_sdk.schema import Mode

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.reading_tables import discovered, rows_of, run, some_table, table, tuples

pytestmark = pytest.mark.usefixtures("small_pages")


def tried(connector: OdbcConnector, split: Split, state: Any) -> list[tuple[Any, ...]]:
    """As the engine does: what idle connections were to the server before fails once."""
    try:
        return rows_of(connector, split, state)
    except TransientError:
        return []


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


def test_a_table_without_a_key_that_is_gone_on_with_at_another_moment_is_said_to_lose_rows(
    postgresql_system: System, caplog: pytest.LogCaptureFixture
) -> None:
    some_table(postgresql_system, "nothing", 4000)
    with postgresql_system.connector(split_rows=1000) as connector:
        splits = connector.plan([discovered(connector, "t")], Mode.FULL)
    with postgresql_system.connector() as another:
        rows_of(another, splits[1])
    assert "lost rows that were updated meanwhile" in caplog.text


def test_plans_of_a_connector_that_stays_open_do_not_use_up_the_sessions(
    postgresql_system: System, caplog: pytest.LogCaptureFixture
) -> None:
    some_table(postgresql_system, "integer")
    with postgresql_system.connector(split_rows=90, batch_rows=64) as connector:
        stream = discovered(connector, "t")
        first = connector.plan([stream], Mode.FULL)
        with closing(connector.read(first[0], None)) as batches:
            found = tuples(next(batches).data)
            for _ in range(3 * MOST_IDLE):
                [*_, last] = connector.plan([stream], Mode.FULL)
                next(connector.read(last, None))
            postgresql_system.run("DELETE FROM t")
            [[sessions]] = postgresql_system.rows("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert sessions < MOST_IDLE + 6
            found += [row for batch in batches for row in tuples(batch.data)]
            found += [row for split in first[1:] for row in rows_of(connector, split)]
    assert sorted(row[1] for row in found) == list(range(400))
    assert not caplog.records


WRITTEN_ANEW = {
    "emptied and filled": ["TRUNCATE t", "INSERT INTO t SELECT n, n FROM generate_series(0, 399) AS n"],
    "altered": ["ALTER TABLE t ADD COLUMN w float8 DEFAULT random()"],
    "another": [
        "ALTER TABLE t RENAME TO old",
        "CREATE TABLE t (k bigint PRIMARY KEY, v integer)",
        "INSERT INTO t SELECT * FROM old",
    ],
    "another partition": [
        "CREATE TABLE other (k bigint PRIMARY KEY, v integer)",
        "INSERT INTO other SELECT * FROM part",
        "ALTER TABLE t DETACH PARTITION part",
        "ALTER TABLE t ATTACH PARTITION other DEFAULT",
    ],
}


@pytest.mark.parametrize("how", WRITTEN_ANEW)
def test_a_table_written_anew_since_the_plan_is_read_as_it_is_now(
    postgresql_system: System, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it is left in the snapshot."""
    partitions = ["CREATE TABLE part PARTITION OF t DEFAULT"] if how == "another partition" else []
    postgresql_system.run(
        f"CREATE TABLE t (k bigint PRIMARY KEY, v integer){' PARTITION BY RANGE (k)' if partitions else ''}",
        *partitions,
        "INSERT INTO t SELECT n, n FROM generate_series(0, 399) AS n",
        "CREATE VIEW w AS SELECT v FROM t",
        "ANALYZE t",
    )
    with postgresql_system.connector(split_rows=90) as connector:
        splits = connector.plan([discovered(connector, "t")], Mode.FULL)
        [view] = connector.plan([discovered(connector, "w")], Mode.FULL)
        assert len(splits) > 3
        first = rows_of(connector, splits[0])
        assert not caplog.records
        postgresql_system.run(*WRITTEN_ANEW[how])
        rest = [row for split in splits[1:] for row in rows_of(connector, split)]
        assert sorted(row[1] for row in first + rest) == list(range(400))
        assert "t was written anew since its reading began" in caplog.text
        assert how == "another" or len(rows_of(connector, view)) == 400


def test_a_table_that_becomes_another_just_before_it_is_read_is_drift(
    postgresql_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql_system.run("CREATE TABLE t (k bigint PRIMARY KEY, v text)", "CREATE TABLE u (k bigint PRIMARY KEY, v integer)")
    postgresql_system.run("INSERT INTO u VALUES (1, 7)")
    with postgresql_system.connector() as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        begin = Snapshots.begin

        def renamed(*args: Any, **options: Any) -> Any:
            postgresql_system.run("ALTER TABLE t RENAME TO old", "ALTER TABLE u RENAME TO t")
            return begin(*args, **options)

        monkeypatch.setattr(Snapshots, "begin", renamed)
        with pytest.raises(SchemaDriftError, match="v is integer now"):
            rows_of(connector, split)


def test_a_table_without_a_key_written_anew_since_the_plan_is_not_gone_on_with(postgresql_system: System) -> None:
    """Its rows would be lost, or come twice: they lie elsewhere."""
    some_table(postgresql_system, "nothing", 4000)
    with postgresql_system.connector(split_rows=1000) as connector:
        splits = connector.plan([discovered(connector, "t")], Mode.FULL)
        rows_of(connector, splits[0])
        postgresql_system.run("DELETE FROM t WHERE k < 5", "VACUUM FULL t")
        with pytest.raises(StateInvalidError, match="has no key, and was written anew"):
            rows_of(connector, splits[1])


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
    run(system, f"CREATE TABLE {system.quote('keyless?')} ({system.quote(column)} varchar(10))")
    with system.connector() as connector:
        [split] = connector.plan([discovered(connector, "keyless?")], Mode.FULL)
        assert rows_of(connector, split) == []


def test_a_view_that_fails_half_way_says_what_the_database_says(postgresql_system: System) -> None:
    some_table(postgresql_system, "integer")
    postgresql_system.run("CREATE VIEW w AS SELECT v, 100 / (300 - v) AS q FROM t")
    with postgresql_system.connector() as connector:
        [split] = connector.plan([discovered(connector, "w")], Mode.FULL)
        with pytest.raises(DataError, match="division by zero"):
            list(connector.read(split, None))


@pytest.mark.parametrize("v", ["one", "two\nlines", "l" * 2_000])
def test_a_file_is_written_to_while_it_is_read(sqlite_system: System, v: str) -> None:
    """A writer that waits for a reader keeps other readers out: for good, were one of them to be waited for by the first."""
    table(sqlite_system, "t", "k integer PRIMARY KEY, v text", [f"({n}, '{v if n % 150 == 149 else n}')" for n in range(600)])
    with sqlite_system.connector(batch_rows=100, timeout=3) as connector:
        [split] = connector.plan([discovered(connector, "t")], Mode.FULL)
        with closing(connector.read(split, None)) as batches, closing(sqlite3.connect(sqlite_system.database.name)) as other:
            found = []
            for number, batch in enumerate(batches):
                found += tuples(batch.data)
                other.execute("UPDATE t SET v = ? WHERE k = 5", (str(number),))
                other.commit()
    assert [row[0] for row in found] == list(range(600))


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
