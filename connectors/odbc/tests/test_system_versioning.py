"""MariaDB's history as changes: by transactions in the order of their commits, late ones and deletes included, exact values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyodbc
import pytest
from connector_odbc import OdbcConnector
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, SchemaDriftError, TransientError
from connector_sdk.rejects import Reject, rejects_of
from connector_sdk.schema import Mode

from connectors.odbc.tests import workload
from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.fidelity_cases import CASES
from connectors.odbc.tests.test_fidelity import check
from connectors.odbc.tests.test_logical_decoding import last, told
from connectors.odbc.tests.workload import SECONDS, Follower, Writers

SHOP = "CREATE TABLE shop (id integer PRIMARY KEY, name varchar(20)) ENGINE=InnoDB"


@pytest.fixture
def system(mariadb_system: System) -> System:
    return mariadb_system


def install(system: System, stream: str = "shop", **settings: Any) -> str:
    with system.connector(**settings) as connector:
        return str(connector.call("capture.install", {"streams": [stream], "method": "versions"}))


def split_of(connector: OdbcConnector, name: str = "shop") -> Split:
    (split,) = connector.plan(list(connector.discover([name])), Mode.CHANGES)
    return split


Begun = tuple[OdbcConnector, Split, State]


@pytest.fixture
def begun(system: System) -> Iterator[Begun]:
    """A connector to a table of two rows whose changes have been read so far."""
    system.run(SHOP, "INSERT INTO shop VALUES (1, 'one'), (2, 'two')")
    install(system)
    with system.connector() as connector:
        split = split_of(connector)
        assert split.id == "shop/versions"
        batches = list(connector.read(split, None))
        assert told(batches) == [("r", 1, "one"), ("r", 2, "two")]
        yield connector, split, last(batches)


def transaction(system: System, *statements: str) -> None:
    connection = system.database.connect(autocommit=False)
    try:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    finally:
        connection.close()


def test_the_columns_of_the_history_are_no_fields(system: System, begun: Begun) -> None:
    connector, _, _ = begun
    (stream,) = connector.discover(["shop"])
    assert stream.schema.names == ["id", "name"]
    assert stream.keys == ("id",)
    assert Mode.CHANGES in stream.reads
    assert workload.rows_of(connector, "shop") == {(1,): {"id": 1, "name": "one"}, (2,): {"id": 2, "name": "two"}}


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
        assert told(rest)[0] == ("r", 2, "two")
        assert told(rest)[-1] == ("d", 1)
        assert told(list(connector.read(split, last(rest)))) == []


def test_every_operation_in_the_order_of_the_commits(system: System, begun: Begun) -> None:
    connector, split, state = begun
    system.run(
        "INSERT INTO shop VALUES (3, 'three')",
        "UPDATE shop SET name = NULL WHERE id = 1",
        "UPDATE shop SET id = 20 WHERE id = 2",
        "DELETE FROM shop WHERE id = 3",
    )
    transaction(
        system,
        "UPDATE shop SET name = 'x' WHERE id = 1",
        "UPDATE shop SET name = 'y' WHERE id = 1",
        "INSERT INTO shop VALUES (9, 'gone')",
        "DELETE FROM shop WHERE id = 9",
        "DELETE FROM shop WHERE id = 20",
        "INSERT INTO shop VALUES (20, 'again')",
    )
    batches = list(connector.read(split, state))
    found = told(batches)
    assert found[:-2] == [("c", 3, "three"), ("u", 1, None), ("d", 2), ("c", 20, "two"), ("d", 3)]
    assert sorted(found[-2:]) == [("u", 1, "y"), ("u", 20, "again")]
    rows = [row for batch in batches for row in batch.data.to_pylist()]
    assert [row["_pos"] for row in rows] == sorted(row["_pos"] for row in rows)
    assert [row["_ts"] for row in rows] == sorted(row["_ts"] for row in rows)


def test_what_commits_late_is_found_whatever_was_read_before(system: System, begun: Begun) -> None:
    connector, split, state = begun
    long, other = system.database.connect(autocommit=False), system.database.connect(autocommit=False)
    try:
        long.execute("INSERT INTO shop VALUES (7, 'late')")
        other.execute("INSERT INTO shop VALUES (8, 'never')")
        other.rollback()
        system.run("INSERT INTO shop VALUES (900, 'soon')")
        first = list(connector.read(split, state))
        assert told(first) == [("c", 900, "soon")]
        long.commit()
        system.run("INSERT INTO shop VALUES (901, 'later')")
        second = list(connector.read(split, last(first)))
        assert told(second) == [("c", 7, "late"), ("c", 901, "later")]
        assert told(list(connector.read(split, last(second)))) == []
        assert told(list(connector.read(split, state, last(first)))) == [("c", 900, "soon")]
    finally:
        long.close()
        other.close()


def test_a_commit_that_is_numbered_but_not_visible_yet_is_read_later_and_once(system: System, begun: Begun) -> None:
    """The number of a commit is given before it is visible: a state between must name the transaction, whoever it is."""
    connector, split, state = begun
    system.run("INSERT INTO shop VALUES (3, 'x')", "INSERT INTO shop VALUES (4, 'y')")
    whole = list(connector.read(split, state))
    ((early, _),) = system.rows(
        "SELECT transaction_id, commit_id FROM mysql.transaction_registry WHERE transaction_id = "
        "(SELECT _connector_start FROM shop WHERE id = 3)"
    )
    without = {**last(whole), "log": {**last(whole)["log"], "pending": [int(early)]}}
    assert told(list(connector.read(split, state, without))) == [("c", 4, "y")]
    assert told(list(connector.read(split, without))) == [("c", 3, "x")]


def test_every_state_is_a_place_to_go_on_from_and_to_stop_at_exactly(system: System) -> None:
    system.run(SHOP, "INSERT INTO shop SELECT seq, 'x' FROM seq_1_to_5")
    install(system)
    with system.connector(batch_rows=2) as connector:
        split = split_of(connector)
        start = last(list(connector.read(split, None)))
        for number in range(6):
            transaction(
                system,
                f"UPDATE shop SET name = '{number}' WHERE id < 4",
                f"INSERT INTO shop VALUES ({100 + number}, '')",
                f"DELETE FROM shop WHERE id = {99 + number}",
            )
        whole = list(connector.read(split, start))
        changes = told(whole)
        assert len(changes) == 29
        states = [start, *(batch.state for batch in whole if batch.state is not None)]
        assert len(states) > 4
        system.run("INSERT INTO shop VALUES (999, 'after')")
        for state in states:
            head = list(connector.read(split, start, state))
            assert last(head) == state
            assert told([*head, *connector.read(split, state, states[-1])]) == changes


def test_history_is_kept_unless_the_configuration_lets_it_go(system: System, begun: Begun) -> None:
    connector, split, state = begun
    past = "SELECT count(*) FROM shop FOR SYSTEM_TIME ALL WHERE _connector_end < 18446744073709551615"
    system.run("UPDATE shop SET name = 'x'", "DELETE FROM shop WHERE id = 2")
    first = list(connector.read(split, state))
    connector.ack(split, last(first))
    assert system.rows(past) == [(3,)]
    system.run("DELETE FROM shop WHERE id = 1")
    with system.connector(purge_history=True) as purging:
        for _ in range(2):
            purging.ack(split, last(first))
        assert [row[0] for row in system.rows(past)] != [4]
        assert told(list(purging.read(split, last(first)))) == [("d", 1)]


def test_reading_goes_on_after_the_server_restarted_or_crashed(system: System, begun: Begun) -> None:
    _, split, state = begun
    for hard in (False, True):
        system.run(f"INSERT INTO shop VALUES ({10 + hard}, 'x')")
        system.server.restart(hard=hard)
    with system.connector() as again:
        assert told(list(again.read(split, state))) == [("c", 10, "x"), ("c", 11, "x")]


def test_a_server_that_dies_while_it_is_read_is_worth_another_try(system: System) -> None:
    system.run(SHOP)
    install(system)
    with system.connector(batch_rows=2) as connector:
        split = split_of(connector)
        state = last(list(connector.read(split, None)))
        system.run(*(f"INSERT INTO shop VALUES ({number}, 'x')" for number in range(10, 20)))
        reading = iter(connector.read(split, state))
        next(reading)
        system.server.restart(hard=True)
        with pytest.raises(TransientError):
            list(reading)
        assert len(told(list(connector.read(split, state)))) == 10


def test_values_of_the_history_are_those_of_a_full_read(system: System) -> None:
    cases = [case for case in CASES["mariadb"] if not case.apart]
    columns = "".join(f", {system.quote(case.name)} {case.native}" for case in cases)
    system.run(f"CREATE TABLE nasty (id integer PRIMARY KEY{columns}) ENGINE=InnoDB")
    install(system, "nasty")
    with system.connector() as connector:
        (stream,) = connector.discover(["nasty"])
        split = split_of(connector, "nasty")
        state = last(list(connector.read(split, None)))
        statements = [f"INSERT INTO nasty (id, {system.quote(c.name)}) VALUES ({n}, {c.literal})" for n, c in enumerate(cases)]
        transaction(system, "SET sql_mode = ''", *statements)
        batches = list(connector.read(split, state))
    rejects: list[Reject] = [reject for batch in batches if batch.rejects is not None for reject in rejects_of(batch.rejects)]
    found = pa.Table.from_batches([batch.data for batch in batches]).select(stream.schema.names)
    assert check(cases, stream, found, rejects) == []


def test_a_row_that_was_refused_is_deleted_all_the_same(system: System) -> None:
    system.run("CREATE TABLE odd (id integer PRIMARY KEY, d date) ENGINE=InnoDB")
    install(system, "odd")
    with system.connector() as connector:
        split = split_of(connector, "odd")
        state = last(list(connector.read(split, None)))
        transaction(system, "SET sql_mode = ''", "INSERT INTO odd VALUES (1, '0000-00-00')")
        system.run("DELETE FROM odd")
        batches = list(connector.read(split, state))
        assert told(batches, "odd") == [("d", 1)]
        assert sum(batch.rejects.num_rows for batch in batches if batch.rejects is not None) == 1


def test_a_large_transaction_comes_in_pages(system: System, begun: Begun) -> None:
    _, split, state = begun
    system.run("INSERT INTO shop SELECT seq, 'x' FROM seq_10_to_30009", "UPDATE shop SET name = 'y' WHERE id >= 10")
    with system.connector(batch_rows=1000) as connector:
        batches: list[Batch] = list(connector.read(split, state))
    assert max(batch.data.num_rows for batch in batches) <= 2000
    found = told(batches)
    assert [len([one for one in found if one[0] == op]) for op in "cud"] == [30_000, 30_000, 0]
    assert {one[1] for one in found[30_000:]} == set(range(10, 30_010))


def test_tables_that_cannot_tell_are_refused(system: System) -> None:
    system.run(
        "CREATE TABLE stamped (id integer PRIMARY KEY) ENGINE=InnoDB WITH SYSTEM VERSIONING",
        "CREATE TABLE isam (id integer PRIMARY KEY) ENGINE=MyISAM",
        "CREATE TABLE nothing (a integer) ENGINE=InnoDB",
    )
    for name, why in (("stamped", "by timestamps"), ("isam", "MyISAM"), ("nothing", "no keys")):
        with pytest.raises(ConfigError, match=why):
            install(system, name)


def test_a_login_that_may_not_is_told_what_it_lacks(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.run(SHOP, "CREATE OR REPLACE USER reader@'127.0.0.1' IDENTIFIED BY 'x'")
    monkeypatch.setenv("READER_PASSWORD", "x")
    try:
        system.run(f"GRANT ALL ON {system.quote(system.database.name)}.* TO reader@'127.0.0.1'")
        with pytest.raises(ConfigError, match="GRANT SELECT ON mysql.transaction_registry"):
            install(system, user="reader", password="env:READER_PASSWORD")
        system.run("GRANT SELECT ON mysql.transaction_registry TO reader@'127.0.0.1'")
        with pytest.raises(ConfigError, match="GRANT PROCESS"):
            install(system, user="reader", password="env:READER_PASSWORD")
    finally:
        system.run("DROP USER reader@'127.0.0.1'")


def test_a_table_altered_between_is_told_by_its_fields(system: System, begun: Begun) -> None:
    connector, split, state = begun
    transaction(system, "SET SESSION system_versioning_alter_history = 'KEEP'", "ALTER TABLE shop DROP COLUMN name")
    with pytest.raises(SchemaDriftError) as caught:
        list(connector.read(split, state))
    assert caught.value.fields == ("name",)


def test_install_says_what_it_does_and_does_it_once_and_remove_leaves_no_trace(system: System) -> None:
    system.run(SHOP)
    before = system.rows("SHOW CREATE TABLE shop")
    with system.connector() as connector:
        arguments = {"streams": ["shop"], "method": "versions"}
        shown = connector.call("capture.install", {**arguments, "dry_run": True})
        assert system.rows("SHOW CREATE TABLE shop") == before
        assert connector.call("capture.install", arguments) == shown
        assert connector.call("capture.install", arguments) == ""
        (status,) = connector.call("capture.status", {"streams": ["shop"]})  # type: ignore[misc]
        assert (status["method"], status["past_versions"]) == ("versions", 0)
        connector.call("capture.remove", arguments)
    assert system.rows("SHOW CREATE TABLE shop") == before


def test_what_foreign_keys_delete_is_seen(system: System) -> None:
    system.run(
        "CREATE TABLE parent (id integer PRIMARY KEY) ENGINE=InnoDB",
        "CREATE TABLE child (id integer PRIMARY KEY, parent integer,"
        " FOREIGN KEY (parent) REFERENCES parent (id) ON DELETE CASCADE)",
        "INSERT INTO parent VALUES (1), (2)",
        "INSERT INTO child VALUES (10, 1), (11, 2)",
    )
    install(system, "child")
    with system.connector() as connector:
        split = split_of(connector, "child")
        state = last(list(connector.read(split, None)))
        system.run("DELETE FROM parent WHERE id = 1")
        assert told(list(connector.read(split, state)), "child") == [("d", 10)]
        assert list(workload.rows_of(connector, "child")) == [(11,)]


def test_a_transaction_over_two_tables_is_seen_in_each(system: System, begun: Begun) -> None:
    _, split, state = begun
    system.run("CREATE TABLE other (id integer PRIMARY KEY) ENGINE=InnoDB")
    install(system, "other")
    with system.connector() as both:
        second = split_of(both, "other")
        start = last(list(both.read(second, None)))
        transaction(system, "INSERT INTO shop VALUES (3, 'x')", "INSERT INTO other VALUES (3)", "DELETE FROM shop WHERE id = 1")
        found = [*both.read(split, state), *both.read(second, start)]
    assert told(found) == [("d", 1), ("c", 3, "x")]
    assert told(found, "other") == [("c", 3)]
    moments = {row["_pos"][:8] for batch in found for row in batch.data.to_pylist()}
    assert len(moments) == 1


def test_odd_names_are_names(system: System) -> None:
    name, column = "ö `d'd {x}", "a {0} ?"
    system.run(f"CREATE TABLE {system.quote(name)} (id integer PRIMARY KEY, {system.quote(column)} text) ENGINE=InnoDB")
    install(system, name)
    with system.connector() as connector:
        split = split_of(connector, name)
        state = last(list(connector.read(split, None)))
        system.run(f"INSERT INTO {system.quote(name)} VALUES (1, 'x')", f"DELETE FROM {system.quote(name)}")
        assert told(list(connector.read(split, state)), name) == [("c", 1, "x"), ("d", 1)]


def test_a_replica_under_load_equals_the_source(system: System) -> None:
    workload.create(system)
    install(system, workload.TABLE)
    follower = Follower(system.connector)
    with Writers(system) as writers:
        follower.follow(SECONDS)
    follower.read()
    assert follower.replica is not None
    with system.connector() as connector:
        assert follower.replica.rows == workload.rows_of(connector)
    assert writers.commits > 50
    assert follower.cuts > 3


FAILING = "INSERT INTO shop VALUES (1, 'there already')"


def half_failed(system: System, *statements: str) -> None:
    """A transaction that commits, although its last statement fails: the server does not register it."""
    connection = system.database.connect(autocommit=False)
    try:
        for statement in statements:
            connection.execute(statement)
        with pytest.raises(pyodbc.IntegrityError):
            connection.execute(FAILING)
        connection.commit()
    finally:
        connection.close()


def test_a_transaction_that_the_server_does_not_register_is_seen(system: System, begun: Begun) -> None:
    connector, split, state = begun
    transaction(system, "UPDATE shop SET name = 'uno' WHERE id = 1")
    change = "UPDATE shop SET name = 'i' WHERE id = 1"
    half_failed(system, "INSERT INTO shop VALUES (3, 'three')", "DELETE FROM shop WHERE id = 2", change)
    ((unregistered,),) = system.rows("SELECT _connector_start FROM shop WHERE id = 3")
    assert not system.rows(f"SELECT 1 FROM mysql.transaction_registry WHERE transaction_id = {unregistered}")
    batches = list(connector.read(split, state))
    assert told(batches)[0] == ("u", 1, "uno")
    assert sorted(told(batches)[1:]) == [("c", 3, "three"), ("d", 2), ("u", 1, "i")]
    assert all(batch.state is None for batch in batches[:-1] if batch.data.num_rows)
    assert told(list(connector.read(split, last(batches)))) == []
    transaction(system, "UPDATE shop SET name = 'tres' WHERE id = 3")
    assert told(list(connector.read(split, last(batches)))) == [("u", 3, "tres")]


def test_a_late_transaction_that_the_server_does_not_register_is_seen_once(system: System, begun: Begun) -> None:
    connector, split, state = begun
    slow = system.database.connect(autocommit=False)
    try:
        slow.execute("INSERT INTO shop VALUES (3, 'three')")
        transaction(system, "INSERT INTO shop VALUES (4, 'four')")
        before = list(connector.read(split, state))
        assert told(before) == [("c", 4, "four")]
        with pytest.raises(pyodbc.IntegrityError):
            slow.execute(FAILING)
        slow.commit()
    finally:
        slow.close()
    batches = list(connector.read(split, last(before)))
    assert told(batches) == [("c", 3, "three")]
    assert told(list(connector.read(split, last(batches)))) == []
