"""Changes by triggers: every committed change in its order, whenever it was committed, as values that FULL reads would show."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import pytest
from connector_odbc import OdbcConnector
from connector_sdk.contract import Split, State
from connector_sdk.errors import ConfigError, SchemaDriftError, StateInvalidError
from connector_sdk.rejects import rejects_of
from connector_sdk.schema import Mode

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.fidelity_cases import CASES
from connectors.odbc.tests.test_fidelity import prepare, same
from connectors.odbc.tests.workload import SECONDS, TABLE, Follower, Replica, Writers, create, rows_of

BIG = {"postgresql": "bigint", "mariadb": "bigint", "sqlite": "bigint"}


def _installed(system: System, *streams: str) -> OdbcConnector:
    with system.connector() as opened:
        for stream in streams:
            opened.call("capture.install", {"streams": [stream], "method": "triggers"})
    return system.connector(changes="triggers")


def _split(opened: OdbcConnector, name: str) -> Split:
    (stream,) = opened.discover([name])
    (split,) = opened.plan([stream], Mode.CHANGES)
    return split


def _read(opened: OdbcConnector, split: Split, state: State | None, until: State | None = None) -> tuple[list[Any], State]:
    """Operations with their rows, and the last state."""
    found: list[Any] = []
    batches = list(opened.read(split, state, until))
    for batch in batches:
        assert batch.rejects is None
        found += [
            (row["_op"], *(value for name, value in row.items() if not name.startswith("_"))) for row in batch.data.to_pylist()
        ]
    assert batches[-1].state is not None
    return found, batches[-1].state


def _small(system: System) -> OdbcConnector:
    system.run("CREATE TABLE small (id integer NOT NULL PRIMARY KEY, name varchar(20))", "INSERT INTO small VALUES (1, 'one')")
    return _installed(system, "small")


def test_each_kind_of_change_is_told_once_and_in_order(system: System) -> None:
    with _small(system) as opened:
        split = _split(opened, "small")
        first, state = _read(opened, split, None)
        assert first == [("r", 1, "one")]
        system.run(
            "INSERT INTO small VALUES (2, 'two')",
            "UPDATE small SET name = 'deux' WHERE id = 2",
            "UPDATE small SET id = 3 WHERE id = 2",
            "DELETE FROM small WHERE id = 1",
        )
        told, later = _read(opened, split, state)
        assert told == [("c", 2, "two"), ("u", 2, "deux"), ("d", 2, None), ("c", 3, "deux"), ("d", 1, None)]
        assert _read(opened, split, state) == (told, later)
        assert _read(opened, split, later)[0] == []


def test_the_first_batch_is_empty_and_has_the_low_water_state(system: System) -> None:
    with _small(system) as opened:
        split = _split(opened, "small")
        batches = iter(opened.read(split, None))
        low = next(batches)
        assert low.data.num_rows == 0 and low.state is not None
        system.run("UPDATE small SET name = 'uno' WHERE id = 1", "INSERT INTO small VALUES (2, 'due')")
        replica = Replica(("id",))
        rest = list(batches)
        for batch in rest:
            replica.apply(batch.data)
        for batch in opened.read(split, rest[-1].state):
            replica.apply(batch.data)
        assert replica.rows == rows_of(opened, "small")


def test_what_a_long_transaction_wrote_is_told_when_it_commits(system: System) -> None:
    """Its numbers are below those that others have committed, and have been read, meanwhile."""
    if system.kind == "sqlite":
        pytest.skip("SQLite has one writer at a time: what is committed late was written late")
    with _small(system) as opened:
        split = _split(opened, "small")
        _, state = _read(opened, split, None)
        late, gone = system.database.connect(autocommit=False), system.database.connect(autocommit=False)
        try:
            late.execute("INSERT INTO small VALUES (10, 'late')")
            gone.execute("INSERT INTO small VALUES (20, 'rolled back')")
            system.run("INSERT INTO small VALUES (11, 'soon')")
            told, state = _read(opened, split, state)
            assert told == [("c", 11, "soon")]
            opened.ack(split, state)
            gone.rollback()
            assert _read(opened, split, state)[0] == []
            late.execute("UPDATE small SET name = 'later' WHERE id = 10")
            late.commit()
            told, state = _read(opened, split, state)
            assert told == [("c", 10, "late"), ("u", 10, "later")]
            system.run("DELETE FROM small WHERE id = 11")
            told, state = _read(opened, split, state)
            assert told == [("d", 11, None)]
            assert _read(opened, split, state)[0] == []
        finally:
            late.close()
            gone.close()


def test_a_transaction_that_is_open_holds_up_no_reader(mariadb_system: System) -> None:
    """Its rows lie right behind those that are read, or that are deleted when they are acknowledged."""
    with _small(mariadb_system) as opened, closing(mariadb_system.database.connect(autocommit=False)) as first:
        split = _split(opened, "small")
        state = _read(opened, split, None)[1]
        first.execute("INSERT INTO small VALUES (2, 'a'), (3, 'b'), (4, 'c'), (5, 'd')")
        mariadb_system.run("INSERT INTO small VALUES (6, 'e')")
        told, state = _read(opened, split, state)
        assert told == [("c", 6, "e")]
        first.commit()
        with closing(mariadb_system.database.connect(autocommit=False)) as second:
            second.execute("INSERT INTO small VALUES (7, 'f')")
            began = time.monotonic()
            opened.ack(split, state)
            told, state = _read(opened, split, state)
            assert told == [("c", 2, "a"), ("c", 3, "b"), ("c", 4, "c"), ("c", 5, "d")]
            opened.ack(split, state)
            assert time.monotonic() - began < 5
            second.commit()
        assert _read(opened, split, state)[0] == [("c", 7, "f")]


def test_two_transactions_that_change_one_row_are_told_in_the_order_of_their_commits(system: System) -> None:
    """One whose transaction began first may well write last."""
    if system.kind == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with _small(system) as opened:
        split = _split(opened, "small")
        _, state = _read(opened, split, None)
        first, holder = system.database.connect(autocommit=False), system.database.connect(autocommit=False)
        try:
            first.execute("INSERT INTO small VALUES (5, 'begun first')")
            holder.execute("INSERT INTO small VALUES (6, 'stays open')")
            system.run("UPDATE small SET name = 'by the second' WHERE id = 1")
            first.execute("UPDATE small SET name = 'by the first' WHERE id = 1")
            first.commit()
            told, state = _read(opened, split, state)
            assert [row for row in told if row[1] == 1] == [("u", 1, "by the second"), ("u", 1, "by the first")]
            assert ("c", 5, "begun first") in told
            holder.commit()
            assert _read(opened, split, state)[0] == [("c", 6, "stays open")]
        finally:
            first.close()
            holder.close()


def test_a_read_goes_on_from_any_state_and_ends_exactly_at_one(system: System) -> None:
    connector = _small(system)
    with system.connector(changes="triggers", batch_rows=7) as opened:
        split = _split(opened, "small")
        _, start = _read(opened, split, None)
        system.run(*(f"INSERT INTO small VALUES ({n}, 'n')" for n in range(100, 140)))
        system.run("UPDATE small SET name = 'm' WHERE id >= 130")
        batches = list(opened.read(split, start))
        everything, _ = _read(opened, split, start)
        assert len(everything) == 50
        seen = 0
        for batch in batches:
            seen += batch.data.num_rows
            if batch.state is not None:
                assert _read(opened, split, start, batch.state) == (everything[:seen], batch.state)
                assert _read(opened, split, batch.state)[0] == everything[seen:]
    assert connector.config.changes == "triggers"


def test_what_is_acknowledged_is_deleted_and_an_older_state_does_not_go_on(system: System) -> None:
    with _small(system) as opened:
        split = _split(opened, "small")
        _, start = _read(opened, split, None)
        system.run("INSERT INTO small VALUES (2, 'two')", "INSERT INTO small VALUES (3, 'three')")
        told, state = _read(opened, split, start)
        assert len(told) == 2
        assert opened.call("capture.status", {"streams": ["small"]})[0]["waiting"] == 2  # type: ignore[index]
        opened.ack(split, state)
        opened.ack(split, state)
        opened.ack(split, start)
        assert opened.call("capture.status", {"streams": ["small"]})[0]["waiting"] == 0  # type: ignore[index]
        system.run("INSERT INTO small VALUES (4, 'four')")
        assert _read(opened, split, state)[0] == [("c", 4, "four")]
        with pytest.raises(StateInvalidError, match="acknowledged"):
            list(opened.read(split, start))


def test_a_truncated_table_is_told_by_postgresql(postgresql_system: System) -> None:
    with _small(postgresql_system) as opened:
        split = _split(opened, "small")
        _, state = _read(opened, split, None)
        postgresql_system.run("TRUNCATE small", "INSERT INTO small VALUES (7, 'seven')")
        assert _read(opened, split, state)[0] == [("t", None, None), ("c", 7, "seven")]


def test_a_delete_by_replacing_is_told_by_sqlite(sqlite_system: System) -> None:
    sqlite_system.run(
        "CREATE TABLE u (id integer NOT NULL PRIMARY KEY, mail text UNIQUE, n integer)",
        "INSERT INTO u VALUES (1, 'a', 1), (2, 'b', 1)",
    )
    with _installed(sqlite_system, "u") as opened:
        split = _split(opened, "u")
        _, state = _read(opened, split, None)
        sqlite_system.run(
            "INSERT OR IGNORE INTO u VALUES (9, 'a', 9)",
            "INSERT OR REPLACE INTO u VALUES (3, 'b', 3)",
            "INSERT INTO u VALUES (4, 'a', 4) ON CONFLICT (mail) DO UPDATE SET n = 4",
            "UPDATE OR REPLACE u SET mail = 'a' WHERE id = 3",
        )
        told, _ = _read(opened, split, state)
        assert told == [("d", 2, None, None), ("c", 3, "b", 3), ("u", 1, "a", 4), ("d", 1, None, None), ("u", 3, "a", 3)]
        assert {key for (key,) in rows_of(opened, "u")} == {3}


def test_installing_shows_first_what_it_would_do_and_removing_leaves_no_trace(system: System) -> None:
    system.run("CREATE TABLE small (id integer NOT NULL PRIMARY KEY, name varchar(20))")
    before = _objects(system)
    with system.connector() as opened:
        told = opened.call("capture.install", {"streams": ["small"], "method": "triggers", "dry_run": True})
        assert "CREATE TRIGGER" in str(told) and _objects(system) == before
        assert opened.call("capture.status", {})[0]["method"] is None  # type: ignore[index]
        opened.call("capture.install", {"streams": ["small"], "method": "triggers"})
        assert opened.call("capture.install", {"streams": ["small"], "method": "triggers"}) == ""
        assert opened.call("capture.status", {"streams": ["small"]})[0]["method"] == "triggers"  # type: ignore[index]
        assert [stream.name for stream in opened.discover()] == ["small"]
        opened.call("capture.remove", {"streams": ["small"], "method": "triggers"})
        assert _objects(system) == before
        system.run("INSERT INTO small VALUES (1, 'free')")
        (stream,) = opened.discover(["small"])
        assert Mode.CHANGES not in stream.reads


def _objects(system: System) -> list[Any]:
    """Everything that a database has, by name."""
    queries = {
        "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL "
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL SELECT tgname FROM pg_trigger",
        "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() UNION ALL "
        "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
        "sqlite": "SELECT name FROM sqlite_master WHERE name <> 'sqlite_sequence'",
    }
    return sorted(system.rows(queries[system.kind]))


def test_a_state_of_an_earlier_installation_does_not_go_on(system: System) -> None:
    with _small(system) as opened:
        split = _split(opened, "small")
        _, state = _read(opened, split, None)
        opened.call("capture.remove", {"streams": ["small"], "method": "triggers"})
        with pytest.raises(ConfigError, match="removed"):
            list(opened.read(split, state))
        opened.call("capture.install", {"streams": ["small"], "method": "triggers"})
        with pytest.raises(StateInvalidError, match="anew"):
            list(opened.read(split, state))


def test_a_new_column_that_the_triggers_do_not_know_is_said(system: System) -> None:
    with _small(system) as opened:
        _, state = _read(opened, _split(opened, "small"), None)
        system.run("ALTER TABLE small ADD COLUMN born date")
        with pytest.raises(SchemaDriftError, match="born"):
            list(opened.read(_split(opened, "small"), state))


def test_names_with_anything_in_them(system: System) -> None:
    name, column = "wé'ird \" ` Täble. of more than forty letters", 'sel ect"'
    system.run(f"CREATE TABLE {system.quote(name)} ({system.quote(column)} integer NOT NULL PRIMARY KEY)")
    with _installed(system, name) as opened:
        split = _split(opened, name)
        _, state = _read(opened, split, None)
        system.run(f"INSERT INTO {system.quote(name)} VALUES (1)")
        assert _read(opened, split, state)[0] == [("c", 1)]
        opened.call("capture.remove", {"streams": [name], "method": "triggers"})
        assert not [n for (n,) in _objects(system) if n.startswith("_connector")]


def test_what_triggers_would_not_see_on_mariadb_is_refused(mariadb_system: System) -> None:
    mariadb_system.run(
        "CREATE TABLE parent (id int PRIMARY KEY) ENGINE=InnoDB",
        "CREATE TABLE child (id int PRIMARY KEY, p int, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE) ENGINE=InnoDB",
        "CREATE TABLE old (id int PRIMARY KEY) ENGINE=MyISAM",
    )
    with mariadb_system.connector() as opened:
        with pytest.raises(ConfigError, match="ON DELETE CASCADE"):
            opened.call("capture.install", {"streams": ["child"], "method": "triggers"})
        with pytest.raises(ConfigError, match="MyISAM"):
            opened.call("capture.install", {"streams": ["old"], "method": "triggers"})
    assert not [name for (name,) in _objects(mariadb_system) if name.startswith("_connector")]


@pytest.mark.slow
def test_a_replica_converges_under_writers_that_do_everything(system: System) -> None:
    """Commits, rollbacks, deletes, keys that change, long transactions, a server that is killed, a reader that is cut short."""
    create(system)
    _installed(system, TABLE)
    follower = Follower(lambda: system.connector(changes="triggers", batch_rows=50))
    commits: list[int] = []

    def killed() -> None:
        if system.server is not None:
            system.server.restart(hard=True)
        commits.append(writers.commits)

    with Writers(system, count=2 if system.kind == "sqlite" else 4, truncates=system.kind == "postgresql") as writers:
        follower.follow(SECONDS, killed)
    follower.read()
    assert writers.commits > commits[0] + 10, writers.failures[-5:]
    assert writers.rollbacks > 5 and follower.cuts > 0
    assert follower.replica is not None
    with system.connector() as opened:
        assert follower.replica.rows == rows_of(opened)


@pytest.mark.parametrize("batch_rows", [10_000, 1], ids=["in_bulk", "row_by_row"])
def test_every_type_is_told_as_full_reads_show_it_or_refused(system: System, batch_rows: int) -> None:
    cases = [case for case in CASES[system.kind] if not case.apart]
    prepare(system, [("nasty", cases)])
    with _installed(system, "nasty"), system.connector(changes="triggers", batch_rows=batch_rows) as opened:
        split = _split(opened, "nasty")
        low = next(iter(opened.read(split, None))).state
        assert low is not None
        past_rows = {key: value for key, value in low.items() if key != "rows"}
        system.run("UPDATE nasty SET id = id")
        batches = list(opened.read(split, past_rows))
    refused = {r.field: r.raw for b in batches if b.rejects is not None for r in rejects_of(b.rejects)}
    rows = {row["id"]: row for batch in batches for row in batch.data.to_pylist()}
    wrong = []
    for number, case in enumerate(cases):
        if case.raw is not None:
            if number in rows or not refused.get(case.name, b"").decode().startswith(case.raw):
                wrong.append(f"{case.name}: {refused.get(case.name)!r} refused, not {case.raw!r}")
        elif number not in rows or not same(rows[number][case.name], case.value):
            wrong.append(f"{case.name}: {str(rows.get(number, {}).get(case.name))[:80]!r}, not {str(case.value)[:80]!r}")
    assert wrong == []
