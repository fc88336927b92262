"""PostgreSQL's log as changes: every operation, nothing rolled back, exact values, and no gap wherever a reader stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc import OdbcConnector
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, SchemaDriftError, StateInvalidError, TransientError
from connector_sdk.rejects import Reject, rejects_of
from connector_sdk.schema import Mode

from connectors.odbc.tests import workload
from connectors.odbc.tests.conftest import System, reached
from connectors.odbc.tests.fidelity_cases import CASES, TYPES
from connectors.odbc.tests.test_fidelity import check
from connectors.odbc.tests.workload import SECONDS, Follower, Writers
from tests.servers.postgresql import PostgreSQL

SHOP = "CREATE TABLE shop (id integer PRIMARY KEY, name text, long text)"


@pytest.fixture
def system(postgresql_system: System) -> System:
    return postgresql_system


def install(system: System, stream: str = "shop", **settings: Any) -> str:
    with system.connector(**settings) as connector:
        return str(connector.call("capture.install", {"streams": [stream]}))


def split_of(connector: OdbcConnector, *names: str) -> Split:
    (split,) = connector.plan(list(connector.discover(names or ["shop"])), Mode.CHANGES)
    return split


def told(batches: Sequence[Batch], stream: str = "shop") -> list[tuple[Any, ...]]:
    """Operation, then the known values."""
    found: list[tuple[Any, ...]] = []
    for batch in batches:
        if batch.stream == stream:
            for row in batch.data.to_pylist():
                values = [value for name, value in row.items() if not name.startswith("_")]
                known = row["_known"]
                found.append((row["_op"], *(values if known is None else [values[place] for place in known])))
    return found


def last(batches: Sequence[Batch]) -> State:
    assert batches[-1].state is not None
    return batches[-1].state


@pytest.fixture
def begun(system: System) -> Iterator[tuple[OdbcConnector, Split, State]]:
    """A connector to a table of two rows whose changes have been read so far."""
    system.run(SHOP, "INSERT INTO shop VALUES (1, 'one'), (2, 'two')")
    install(system)
    with system.connector() as connector:
        split = split_of(connector)
        batches = list(connector.read(split, None))
        assert told(batches) == [("r", 1, "one", None), ("r", 2, "two", None)]
        yield connector, split, last(batches)


Begun = tuple[OdbcConnector, Split, State]


def test_the_first_batch_is_empty_and_what_happens_then_is_not_lost(system: System) -> None:
    system.run(SHOP, "INSERT INTO shop VALUES (1, 'one')")
    install(system)
    with system.connector() as connector:
        split = split_of(connector)
        reading = iter(connector.read(split, None))
        first = next(reading)
        assert first.data.num_rows == 0
        assert first.state is not None
        system.run("INSERT INTO shop VALUES (2, 'two')", "DELETE FROM shop WHERE id = 1")
        rest = list(reading)
        assert told(rest)[0] == ("r", 2, "two", None)
        assert told(rest)[-1] == ("d", 1)
        assert told(list(connector.read(split, last(rest)))) == []


def test_every_operation_in_the_order_of_the_commits(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run(
        "INSERT INTO shop VALUES (3, 'three')",
        "UPDATE shop SET name = NULL WHERE id = 1",
        "UPDATE shop SET id = 20 WHERE id = 2",
        "DELETE FROM shop WHERE id = 3",
        "TRUNCATE shop",
        "INSERT INTO shop VALUES (1, 'again')",
    )
    batches = list(connector.read(split, state))
    assert told(batches) == [
        ("c", 3, "three", None),
        ("u", 1, None, None),
        ("d", 2),
        ("c", 20, "two", None),
        ("d", 3),
        ("t",),
        ("c", 1, "again", None),
    ]
    rows = [row for batch in batches for row in batch.data.to_pylist()]
    assert [row["_pos"] for row in rows] == sorted({row["_pos"] for row in rows})
    assert all(row["_ts"] is not None for row in rows)


def test_what_is_rolled_back_is_not_seen_and_a_long_transaction_is_when_it_commits(system: System, begun: Begun) -> None:
    connector, split, state = begun
    long, other = system.database.connect(autocommit=False), system.database.connect(autocommit=False)
    try:
        long.execute("INSERT INTO shop VALUES (7, 'late')")
        other.execute("INSERT INTO shop VALUES (8, 'never')")
        other.rollback()
        system.run("INSERT INTO shop VALUES (9, 'soon')")
        first = list(connector.read(split, state))
        assert told(first) == [("c", 9, "soon", None)]
        connector.ack(split, last(first))
        long.commit()
        second = list(connector.read(split, last(first)))
        assert told(second) == [("c", 7, "late", None)]
    finally:
        long.close()
        other.close()


def test_a_subtransaction_that_was_rolled_back_is_not_seen(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run(
        "BEGIN; INSERT INTO shop VALUES (3, 'kept'); SAVEPOINT s; INSERT INTO shop VALUES (4, 'not'); ROLLBACK TO s; COMMIT"
    )
    assert told(list(connector.read(split, state))) == [("c", 3, "kept", None)]


LONG = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) AS n)"


def test_a_value_kept_apart_that_did_not_change_is_not_known(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run(f"UPDATE shop SET long = {LONG} WHERE id = 1", "UPDATE shop SET name = 'new' WHERE id = 1")
    found = told(list(connector.read(split, state)))
    assert [(op, len(values)) for op, *values in found] == [("u", 3), ("u", 2)]
    assert found[1] == ("u", 1, "new")


def test_a_row_that_gets_another_key_keeps_the_value_that_is_kept_apart(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run(f"UPDATE shop SET long = {LONG} WHERE id = 1", "UPDATE shop SET id = 5 WHERE id = 1")
    ((_, _, _, long),) = [change for change in told(list(connector.read(split, state))) if change[0] == "u"]
    system.run("UPDATE shop SET id = 6 WHERE id = 5")
    assert told(list(connector.read(split, state)))[-2:] == [("d", 5), ("c", 6, "one", long)]


def test_the_row_as_it_was_comes_along_under_a_full_replica_identity(system: System) -> None:
    system.run(SHOP, f"INSERT INTO shop VALUES (1, 'one', {LONG})", "ALTER TABLE shop REPLICA IDENTITY FULL")
    install(system)
    with system.connector() as connector:
        split = split_of(connector)
        state = last(list(connector.read(split, None)))
        system.run("UPDATE shop SET name = 'uno' WHERE id = 1", "UPDATE shop SET id = 2", "DELETE FROM shop")
        rows = [row for batch in connector.read(split, state) for row in batch.data.to_pylist()]
    assert [(row["_op"], row["_before"] and row["_before"]["name"], row["id"]) for row in rows] == [
        ("u", "one", 1),
        ("d", "uno", 1),
        ("c", None, 2),
        ("d", "uno", 2),
    ]
    assert rows[0]["long"] == rows[0]["_before"]["long"] != ""
    assert rows[0]["_known"] is None


def test_a_table_without_a_primary_key_is_told_by_whole_rows_or_refused(system: System) -> None:
    system.run("CREATE TABLE plain (a integer, b text)", "CREATE TABLE nothing (a integer)")
    keys = {"plain": {"keys": ["a"]}}
    assert 'ALTER TABLE "public"."plain" REPLICA IDENTITY FULL' in install(system, "plain", streams=keys)
    with pytest.raises(ConfigError, match="nothing has no keys"):
        install(system, "nothing")
    with system.connector(streams=keys) as connector:
        split = split_of(connector, "plain")
        state = last(list(connector.read(split, None)))
        system.run("INSERT INTO plain VALUES (1, 'x')", "UPDATE plain SET b = 'y'", "DELETE FROM plain")
        assert told(list(connector.read(split, state)), "plain") == [("c", 1, "x"), ("u", 1, "y"), ("d", 1)]
    system.run("ALTER TABLE plain REPLICA IDENTITY NOTHING")
    with system.connector(streams=keys) as connector, pytest.raises(ConfigError, match="does not tell the keys"):
        split_of(connector, "plain")


def test_every_state_is_a_place_to_go_on_from_and_to_stop_at_exactly(system: System) -> None:
    system.run(SHOP, "CREATE TABLE other (id integer PRIMARY KEY)", "INSERT INTO shop SELECT n, 'x' FROM generate_series(1, 5) n")
    install(system)
    install(system, "other")
    with system.connector(batch_rows=2) as connector:
        split = split_of(connector, "shop", "other")
        start = last(list(connector.read(split, None)))
        for number in range(6):
            system.run(
                f"BEGIN; INSERT INTO other VALUES ({number}); UPDATE shop SET name = '{number}' WHERE id < 4; COMMIT",
                f"DELETE FROM other WHERE id = {number - 1}",
            )
        whole = list(connector.read(split, start))
        changes = [told(whole, name) for name in ("shop", "other")]
        assert [len(part) for part in changes] == [18, 11]
        states = [start, *(batch.state for batch in whole if batch.state is not None)]
        assert len(states) > 4
        system.run("INSERT INTO other VALUES (99)")
        for state in states:
            head = list(connector.read(split, start, state))
            assert last(head) == state
            tail = list(connector.read(split, state, states[-1]))
            assert [told([*head, *tail], name) for name in ("shop", "other")] == changes


def test_acknowledging_lets_go_of_what_was_read_and_of_no_more(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run("INSERT INTO shop VALUES (3, 'x')")
    first = list(connector.read(split, state))
    system.run("INSERT INTO shop VALUES (4, 'y')")
    for _ in range(2):
        assert told(list(connector.read(split, state))) == [("c", 3, "x", None), ("c", 4, "y", None)]
    for _ in range(2):
        connector.ack(split, last(first))
    assert told(list(connector.read(split, last(first)))) == [("c", 4, "y", None)]
    with pytest.raises(StateInvalidError, match="begins at"):
        list(connector.read(split, state))


def test_reading_goes_on_after_the_server_restarted_or_crashed(system: System, begun: Begun) -> None:
    _, split, state = begun
    for hard in (False, True):
        system.run(f"INSERT INTO shop VALUES ({10 + hard}, 'x')")
        system.server.restart(hard=hard)
    with system.connector() as again:
        assert told(list(again.read(split, state))) == [("c", 10, "x", None), ("c", 11, "x", None)]
        again.ack(split, state)


def test_values_of_the_log_are_those_of_a_full_read(system: System) -> None:
    cases = [case for case in CASES["postgresql"] if not case.apart]
    columns = "".join(f", {system.quote(case.name)} {case.native}" for case in cases)
    system.run(*TYPES["postgresql"], f"CREATE TABLE nasty (id integer PRIMARY KEY{columns})")
    install(system, "nasty")
    with system.connector() as connector:
        (stream,) = connector.discover(["nasty"])
        (split,) = connector.plan([stream], Mode.CHANGES)
        state = last(list(connector.read(split, None)))
        for number, case in enumerate(cases):
            system.run(f"INSERT INTO nasty (id, {system.quote(case.name)}) VALUES ({number}, {case.literal})")
        batches = list(connector.read(split, state))
    rejects: list[Reject] = [reject for batch in batches if batch.rejects is not None for reject in rejects_of(batch.rejects)]
    found = pa.Table.from_batches([batch.data for batch in batches]).select(stream.schema.names)
    assert check(cases, stream, found, rejects) == []


def test_long_values_come_whole_or_are_rejects(system: System) -> None:
    cases = [case for case in CASES["postgresql"] if case.apart]
    for case in cases:
        system.run(f"CREATE TABLE {case.name} (id integer PRIMARY KEY, {case.name} {case.native})")
        install(system, case.name)
    with system.connector() as connector:
        split = split_of(connector, *(case.name for case in cases))
        state = last(list(connector.read(split, None)))
        for case in cases:
            system.run(f"INSERT INTO {case.name} VALUES (1, {case.literal})")
        batches = list(connector.read(split, state))
        for case in cases:
            assert [row[2] == case.value for row in told(batches, case.name)] == [True], case.name
    with system.connector(max_value_bytes=50_000) as connector:
        rejects = [r for b in connector.read(split, state) if b.rejects is not None for r in rejects_of(b.rejects)]
    assert {reject.code for reject in rejects} == {"too_long"}
    assert {reject.field for reject in rejects} == {case.name for case in cases if case.name != "char_wide"}


def test_inet_and_xml_are_as_full_reads_have_them(system: System) -> None:
    system.run("CREATE TABLE odd (id integer PRIMARY KEY, i inet, c cidr, x xml, b bytea)")
    install(system, "odd")
    with system.connector() as connector:
        split = split_of(connector, "odd")
        state = last(list(connector.read(split, None)))
        xml = """'<?xml version="1.0" encoding="utf-8"?><a/>'"""
        for number, address in enumerate(("10.0.0.1", "10.0.0.1/8", "::1", "fe80::/64")):
            system.run(f"INSERT INTO odd VALUES ({number}, '{address}', '10.0.0.0/8', {xml}, '')")
        logged = [row[1:] for row in told(list(connector.read(split, state)), "odd")]
        full = list(workload.rows_of(connector, "odd").values())
    assert logged == [tuple(row.values()) for row in full]


def test_a_table_altered_between_is_told_by_its_fields(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run("INSERT INTO shop VALUES (3, 'x')", "ALTER TABLE shop ADD COLUMN more integer DEFAULT 7")
    assert told(list(connector.read(split, state))) == [("c", 3, "x", None)], "who does not ask for it need not care"
    with system.connector() as later:
        wider = split_of(later)
        with pytest.raises(SchemaDriftError, match="altered") as caught:
            list(later.read(wider, state))
        assert caught.value.fields == ("more",)
        system.run("UPDATE shop SET name = 'y' WHERE id = 3")
        replica = workload.Replica(("id",))
        for batch in later.read(wider, None):
            replica.apply(batch.data)
        assert replica.rows == workload.rows_of(later, "shop")
    system.run("ALTER TABLE shop ALTER COLUMN name TYPE varchar(10)", "ALTER TABLE shop DROP COLUMN long")
    with pytest.raises(SchemaDriftError) as caught:
        list(connector.read(split, state))
    assert "long" in caught.value.fields


def test_a_table_that_joins_or_is_made_anew_is_read_as_it_is(system: System, begun: Begun) -> None:
    _, _, state = begun
    system.run("CREATE TABLE other (id integer PRIMARY KEY)", "INSERT INTO other VALUES (1)")
    install(system, "other")
    with system.connector() as connector:
        split = split_of(connector, "shop", "other")
        batches = list(connector.read(split, state))
        assert told(batches, "other") == [("t",), ("r", 1)]
        assert told(batches) == []
        state = last(batches)
        system.run("DROP TABLE other", "CREATE TABLE other (id integer PRIMARY KEY)", "INSERT INTO other VALUES (2)")
    install(system, "other")
    with system.connector() as connector:
        batches = list(connector.read(split_of(connector, "shop", "other"), state))
        assert told(batches, "other") == [("t",), ("r", 2)]
        assert told(list(connector.read(split_of(connector, "shop", "other"), last(batches))), "other") == []


def test_partitions_are_told_as_their_table(system: System) -> None:
    system.run(
        "CREATE TABLE parted (id integer PRIMARY KEY, v text) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF parted FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE high PARTITION OF parted FOR VALUES FROM (10) TO (20)",
    )
    install(system, "parted")
    with system.connector() as connector:
        split = split_of(connector, "parted")
        state = last(list(connector.read(split, None)))
        system.run("INSERT INTO parted VALUES (1, 'a')", "UPDATE parted SET id = 11", "TRUNCATE parted")
        assert told(list(connector.read(split, state)), "parted") == [("c", 1, "a"), ("d", 1), ("c", 11, "a"), ("t",)]


def test_generated_columns_are_not_in_the_log(system: System) -> None:
    system.run("CREATE TABLE shop (id integer PRIMARY KEY, twice integer GENERATED ALWAYS AS (id * 2) STORED, name text)")
    install(system)
    with system.connector() as connector:
        (stream,) = connector.discover(["shop"])
        with pytest.raises(ConfigError, match="generated columns of shop: twice"):
            connector.plan([stream], Mode.CHANGES)
        narrow = replace(stream, schema=pa.schema([stream.schema.field("name"), stream.schema.field("id")]))
        (split,) = connector.plan([narrow], Mode.CHANGES)
        state = last(list(connector.read(split, None)))
        system.run("INSERT INTO shop (id, name) VALUES (1, 'x')", "DELETE FROM shop")
        assert told(list(connector.read(split, state))) == [("c", "x", 1), ("d", 1)]


def test_a_server_that_does_not_write_enough_or_throws_it_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with PostgreSQL(wal_level="replica", max_wal_senders=0) as server, server.database() as database:
        system = reached(database, monkeypatch)
        system.run(SHOP)
        with pytest.raises(ConfigError, match="wal_level = replica"):
            install(system)
    with (
        PostgreSQL(max_slot_wal_keep_size="1MB", min_wal_size="32MB", max_wal_size="32MB") as server,
        server.database() as database,
    ):
        system = reached(database, monkeypatch)
        system.run(SHOP)
        install(system)
        with system.connector() as connector:
            split = split_of(connector)
            state = last(list(connector.read(split, None)))
            for _ in range(5):
                system.run("INSERT INTO shop SELECT n, repeat('x', 900) FROM generate_series(1, 20000) AS n", "TRUNCATE shop")
                system.run("SELECT pg_switch_wal()", "CHECKPOINT")
            with pytest.raises(StateInvalidError, match="thrown away log"):
                list(connector.read(split, state))
            with pytest.raises(StateInvalidError, match="thrown away log"):
                connector.ack(split, state)
            (status,) = connector.call("capture.status", {"streams": ["shop"]})  # type: ignore[misc]
            assert "thrown away log" in status["problem"]


def test_odd_names_are_names(system: System) -> None:
    name = "ö \"d'd"
    system.run(f"CREATE TABLE {system.quote(name)} (id integer PRIMARY KEY, {system.quote('a %s ?')} text)")
    install(system, name)
    with system.connector() as connector:
        split = split_of(connector, name)
        state = last(list(connector.read(split, None)))
        system.run(f"INSERT INTO {system.quote(name)} VALUES (1, 'x')")
        assert told(list(connector.read(split, state)), name) == [("c", 1, "x")]


def test_a_slot_that_is_gone_or_made_anew_ends_the_state(system: System, begun: Begun) -> None:
    connector, split, state = begun
    statements = connector.call("capture.remove", {"streams": ["shop"]})
    assert "DROP PUBLICATION" in str(statements)
    assert "pg_drop_replication_slot" in str(statements)
    with pytest.raises(StateInvalidError, match="no replication slot .* any more"):
        list(connector.read(split, state))
    with pytest.raises(ConfigError, match="no method captures"):
        connector.plan(split.streams, Mode.CHANGES)
    system.run("INSERT INTO shop VALUES (3, 'missed')")
    install(system)
    with pytest.raises(StateInvalidError, match="made anew"):
        list(connector.read(split, state))


def test_install_says_what_it_does_and_does_it_once(system: System) -> None:
    system.run(SHOP)
    with system.connector() as connector:
        shown = connector.call("capture.install", {"streams": ["shop"], "dry_run": True})
        assert system.rows("SELECT count(*) FROM pg_publication") == [(0,)]
        assert connector.call("capture.install", {"streams": ["shop"]}) == shown
        assert connector.call("capture.install", {"streams": ["shop"]}) == ""
        (status,) = connector.call("capture.status", {"streams": ["shop"]})  # type: ignore[misc]
        assert status["method"] == "log"
        assert status["behind_bytes"] >= 0
        assert "problem" not in status
        connector.call("capture.remove", {"streams": ["shop"]})
        slots = f"SELECT count(*) FROM pg_replication_slots WHERE database = '{system.database.name}'"
        assert system.rows(slots) == [(0,)]


def test_a_slot_that_holds_back_much_log_is_warned_of(system: System, begun: Begun, caplog: pytest.LogCaptureFixture) -> None:
    _, split, state = begun
    system.run("INSERT INTO shop SELECT n, repeat('x', 100) FROM generate_series(10, 10000) AS n")
    with system.connector(retained_mb=1) as connector, caplog.at_level(logging.WARNING):
        list(connector.read(split, state))
        (status,) = connector.call("capture.status", {"streams": ["shop"]})  # type: ignore[misc]
    assert "keeps" in caplog.text
    assert "MB of log" in str(status["problem"])


def test_a_login_that_may_not_is_told_what_it_lacks(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.run(SHOP, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'x'", "GRANT SELECT ON shop TO reader")
    monkeypatch.setenv("READER_PASSWORD", "x")
    try:
        with pytest.raises(ConfigError, match="may not use replication slots"):
            install(system, user="reader", password="env:READER_PASSWORD")
        system.run("ALTER ROLE reader REPLICATION")
        with pytest.raises(ConfigError, match="permission denied"):
            install(system, user="reader", password="env:READER_PASSWORD")
    finally:
        system.run("DROP OWNED BY reader", "DROP ROLE reader")


def test_two_readers_of_one_slot_wait_for_each_other(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run("INSERT INTO shop SELECT n, 'x' FROM generate_series(10, 40000) AS n")
    found: list[Any] = []

    def other() -> None:
        with system.connector() as second:
            try:
                found.append(len(told(list(second.read(split, state)))))
            except TransientError as error:
                found.append(error)

    threads = [threading.Thread(target=other) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 3
    assert all(one == 39991 or isinstance(one, TransientError) for one in found)
    assert len(told(list(connector.read(split, state)))) == 39991


def test_a_replica_under_load_equals_the_source(system: System) -> None:
    workload.create(system)
    install(system, workload.TABLE)
    follower = Follower(system.connector)
    with Writers(system, truncates=True) as writers:
        follower.follow(SECONDS)
    follower.read()
    assert follower.replica is not None
    with system.connector() as connector:
        assert follower.replica.rows == workload.rows_of(connector)
    assert writers.commits > 100
    assert follower.cuts > 3
