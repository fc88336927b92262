"""Rows that are appended lie in their table already, in a transaction that only their checkpoint ends."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from connector_odbc import OdbcConnector
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt
from connector_sdk.errors import DataError, TransientError
from connector_sdk.rejects import rejects_of
from connector_sdk.schema import Stream, WriteMode

from connectors.odbc.tests.conftest import System

SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string())])
STREAM = Stream(name="t", schema=SCHEMA, keys=("id",))
LOAD = Load(id="load", streams=(STREAM,), mode=WriteMode.APPEND, max_rejects=1)


@pytest.fixture(params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest) -> System:
    """A database that takes rows of several writers at once."""
    system: System = request.getfixturevalue(f"{request.param}_system")
    return system


@pytest.fixture
def connector(served: System) -> Iterator[OdbcConnector]:
    with served.connector() as connector:
        connector.alter(STREAM, None, dry_run=False)
        connector.resume(LOAD)
        yield connector


def write(connector: OdbcConnector, piece: str, *ids: int, names: str = "x") -> Receipt:
    data = pa.RecordBatch.from_arrays([pa.array(ids, pa.int64()), pa.array([names] * len(ids))], schema=SCHEMA)
    return connector.write(LOAD, piece, [Batch(stream="t", data=data)])


def ids(system: System) -> list[int]:
    return [row[0] for row in system.rows("SELECT id FROM t ORDER BY id")]


def stages(system: System) -> int:
    names = system.rows("SELECT table_name FROM information_schema.tables")
    return sum(name.startswith("_connector_stage_") for (name,) in names)


def test_nothing_is_seen_before_the_commit_and_nothing_is_staged(served: System, connector: OdbcConnector) -> None:
    receipt = write(connector, "a", 1, 2, 3)
    assert ids(served) == []
    assert stages(served) == 0
    assert connector.commit(LOAD, [receipt], Checkpoint(id=1)).rows == 3
    assert connector.commit(LOAD, [receipt], Checkpoint(id=1)).rows == 3
    assert ids(served) == [1, 2, 3]


def test_it_is_the_same_under_a_stricter_default(served: System) -> None:
    if served.kind == "postgresql":
        served.run(f"ALTER DATABASE \"{served.database.name}\" SET default_transaction_isolation = 'serializable'")
    else:
        served.run("SET GLOBAL tx_isolation = 'SERIALIZABLE'")
    try:
        with served.connector() as connector:
            connector.alter(STREAM, None, dry_run=False)
            connector.resume(LOAD)
            connector.commit(LOAD, [write(connector, "z", 9)], Checkpoint(id=1))
            one, other = write(connector, "a", 1), write(connector, "b", 2)
            connector.commit(LOAD, [other], Checkpoint(id=2))
            connector.commit(LOAD, [one], Checkpoint(id=3))
        assert ids(served) == [1, 2, 9]
    finally:
        if served.kind == "mariadb":
            served.run("SET GLOBAL tx_isolation = 'REPEATABLE-READ'")


def test_pieces_that_are_written_at_once_are_committed_in_any_order(served: System, connector: OdbcConnector) -> None:
    one, other, third = write(connector, "a", 1), write(connector, "b", 2), write(connector, "c", 3)
    assert stages(served) == 2
    connector.commit(LOAD, [other], Checkpoint(id=1))
    assert ids(served) == [2]
    connector.commit(LOAD, [one], Checkpoint(id=2))
    assert ids(served) == [1, 2]
    connector.commit(LOAD, [third], Checkpoint(id=3, done=True))
    assert ids(served) == [1, 2, 3]
    assert stages(served) == 0


def test_pieces_that_are_committed_together_are_there_together(served: System, connector: OdbcConnector) -> None:
    receipts = [write(connector, "a", 1, 2), write(connector, "b", 3, 1, names="é🚚")]  # 1 comes twice
    done = connector.commit(LOAD, receipts, Checkpoint(id=1))
    assert ids(served) == [1, 2, 3]
    assert done.rows == 3
    assert done.rejects is not None
    [reject] = rejects_of(done.rejects)
    with pa.ipc.open_stream(reject.raw) as reader:
        assert reader.read_all().to_pylist() == [{"id": 1, "name": "é🚚"}]


def test_over_the_budget_at_the_commit_none_of_them_is_there(served: System, connector: OdbcConnector) -> None:
    receipts = [write(connector, "a", 1, 2), write(connector, "b", 2, 1)]
    with pytest.raises(DataError) as raised:
        connector.commit(LOAD, receipts, Checkpoint(id=1))
    assert isinstance(raised.value.rejects, pa.RecordBatch)
    assert raised.value.rejects.num_rows == 2
    assert ids(served) == []


def test_a_transaction_that_the_server_ended_is_told_as_lost(served: System, connector: OdbcConnector) -> None:
    receipt = write(connector, "a", 1)
    served.server.restart(hard=True)
    for _ in range(3):  # a connection may be found cut before that is found
        with pytest.raises(TransientError) as raised:
            connector.commit(LOAD, [receipt], Checkpoint(id=1))
    assert raised.value.code == "staging_lost"
    connector.commit(LOAD, [write(connector, "a", 1)], Checkpoint(id=1))
    assert ids(served) == [1]


def test_a_connection_that_was_cut_while_nothing_was_written_is_not_taken_again(served: System, connector: OdbcConnector) -> None:
    connector.commit(LOAD, [write(connector, "a", 1)], Checkpoint(id=1))
    if served.kind == "postgresql":
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
        served.run(f"SELECT pg_terminate_backend(pid) {others}")
    else:
        others = "FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        served.run(*(f"KILL {number}" for (number,) in served.rows(f"SELECT id {others}")))
    with pytest.raises(TransientError):
        write(connector, "b", 2)
    connector.commit(LOAD, [write(connector, "b", 2)], Checkpoint(id=2))
    assert ids(served) == [1, 2]


def test_a_piece_whose_commit_never_comes_is_in_nobodys_way(served: System, connector: OdbcConnector) -> None:
    write(connector, "a", 1)
    wider = Stream(name="t", schema=SCHEMA.append(pa.field("more", pa.int32())), keys=("id",))
    [have] = connector.discover(["t"])
    assert connector.alter(wider, have, dry_run=False)
    other = Load(id="other", streams=(STREAM,), mode=WriteMode.APPEND)
    connector.resume(other)
    connector.commit(LOAD, [write(connector, "b", 1)], Checkpoint(id=1))
    assert ids(served) == [1]


def test_pieces_that_want_the_same_key_do_not_wait_for_one_another(served: System) -> None:
    with served.connector(timeout=1.0) as connector:
        connector.alter(STREAM, None, dry_run=False)
        connector.resume(LOAD)
        first, second = write(connector, "a", 1, 2), write(connector, "b", 2, 3)
        assert connector.commit(LOAD, [second], Checkpoint(id=1)).rows == 2
        with pytest.raises(TransientError) as raised:
            connector.commit(LOAD, [first], Checkpoint(id=2))
        assert raised.value.code == "staging_lost"
        again = write(connector, "a again", 1, 2)
        assert again.rejects is not None and len(rejects_of(again.rejects)) == 1
        assert connector.commit(LOAD, [again], Checkpoint(id=2)).rows == 1
    assert ids(served) == [1, 2, 3]
