"""Changes by comparison through sessions and the engine: settings, acknowledgement, one reader at a time."""

from __future__ import annotations

import connector_sdk
import pyarrow as pa
import pytest
from connector_sdk.config import ConnectorConfig
from connector_sdk.errors import ConfigError, DataError, LocalResourceError
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.state_store import FileStore, MemoryStore
from connector_sdk.schema import Mode, WriteMode
from connector_sdk.testing.laws.subject import kit_target

from .drops import Drops

# -- acknowledging, and two at once ----------------------------------------------------------------------------------------


def test_the_source_is_acknowledged_when_the_changes_are(goods, follower):
    follower.follow()
    assert goods.acks == []
    follower.ack()
    assert goods.acks == [("part 0", {"row": 3}), ("part 1", {"row": 2})]
    follower.diff.ack(follower.split, follower.seen[0].state)
    assert len(goods.acks) == 2


def test_one_history_is_added_to_by_one_reader_at_a_time(goods, follower):
    follower.follow()
    goods.bad = 1
    first = follower.diff.read(follower.split, follower.state)
    next(first)  # has read everything, and waits whether its rejects are accepted
    with pytest.raises(LocalResourceError, match="in use by another run"):
        follower.read(follower.state)
    first.close()
    goods.bad = 0
    assert follower.follow() == []


# -- through sessions and the engine ---------------------------------------------------------------------------------------


class GoodsConfig(ConnectorConfig):
    """Where the goods are is no matter: there is one source a test."""


class GoodsConnector:
    source: Drops

    def __init__(self, config: GoodsConfig) -> None:
        self.config = config

    def __getattr__(self, name):
        return getattr(type(self).source, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def check(self):
        return None

    def discover(self, only=None):
        return self.source.discover(only)

    def plan(self, streams, mode, where={}):  # noqa: B006 - as the contract has it
        return self.source.plan(streams, mode, where)

    def read(self, split, state, until=None):
        return self.source.read(split, state, until)

    def ack(self, split, state):
        self.source.ack(split, state)


@pytest.fixture
def connector(goods):
    return type("Here", (GoodsConnector,), {"source": goods})


def test_a_session_offers_changes_where_there_is_an_index(goods, connector, tmp_path):
    with connector_sdk.open(connector, index=tmp_path, max_change=None) as session:
        first = session.changes("goods")
        assert pa.table(first).num_rows == 5
        del goods.rows[1]
        assert next(session.changes("goods", state=first.state).rows())["_op"] == "d"
        assert session.read("goods").table().num_rows == 4


def test_without_an_index_it_says_what_to_do(goods, connector):
    with connector_sdk.open(connector) as session, pytest.raises(ConfigError, match="set `index: FOLDER`"):
        session.changes("goods")
    goods.keys = ()
    with connector_sdk.open(connector) as session, pytest.raises(ConfigError, match="it has no key"):
        session.changes("goods")


def test_before_images_are_part_of_what_a_session_reads(goods, connector, tmp_path):
    with connector_sdk.open(connector, index=tmp_path, before=True, max_change="100%") as session:
        first = session.changes("goods")
        first.table()
        goods.rows[1] = ("bolt", 11)
        second = session.changes("goods", state=first.state)
        assert second.schema.names[5] == "_before"
        assert second.table().column("_before").to_pylist() == [{"id": 1, "name": "bolt", "qty": 10}]


@pytest.mark.parametrize(("text", "share"), [("20%", 0.2), ("0.5%", 0.005), (0.3, 0.3), (1, 1.0), (None, None)])
def test_max_change_is_a_share(text, share):
    assert GoodsConfig(max_change=text).max_change == share


@pytest.mark.parametrize("text", ["lots", "x%", "120%", -1, 20])
def test_what_is_no_share_is_refused(connector, text):
    with pytest.raises(ConfigError, match="max_change"):
        connector_sdk.open(connector, max_change=text)


def night(connector, index, sink, store, **more):
    with connector_sdk.open(connector, index=index, max_change=None) as session:
        streams = tuple(session.discover())
        settings = {"mode": Mode.CHANGES, "write": WriteMode.APPLY, "store": store, "piece_rows": 2}
        return run(Job(source=session.source(), sink=sink, streams=streams, **{**settings, **more}))


def test_the_engine_moves_changes_and_acknowledges_them(goods, connector, tmp_path):
    with kit_target() as (target, sink), FileStore(tmp_path / "state", "goods") as store:
        for number in range(1, 5):
            night(connector, tmp_path / "index", sink, store)
            assert {row["id"]: (row["name"], row["qty"]) for row in target.rows("goods").to_pylist()} == goods.rows
            goods.rows.pop(number)
            goods.rows[number + 10] = ("new", number)
    kept = [path.suffix for path in (tmp_path / "index").rglob("*") if path.is_file()]
    assert sorted(kept) == ["", ".acks", ".hashes", ".json", ".lookup", ".rows"]
    assert goods.acks


def test_a_budget_of_rejects_that_is_exceeded_leaves_the_index_where_it_was(goods, connector, tmp_path):
    store = MemoryStore("goods")
    with kit_target() as (target, sink):
        night(connector, tmp_path, sink, store)
        goods.rows[1] = ("bolt", 11)
        goods.bad = 3
        for _ in range(2):
            with pytest.raises(DataError, match="3 rejected records, 2 allowed"):
                night(connector, tmp_path, sink, store, max_rejects=2)
        goods.bad = 2
        assert night(connector, tmp_path, sink, store, max_rejects=2).rows == 1
        goods.bad = 0
        assert night(connector, tmp_path, sink, store).rows == 0
        assert sorted(target.rows("goods").column("qty").to_pylist(), key=str) == [11, 20, 40, 50, None]


def test_a_reading_that_is_acknowledged_leaves_no_changes_behind(goods, connector, tmp_path):
    def kept():
        return any(path.suffix == ".changed" for path in tmp_path.rglob("*"))

    with connector_sdk.open(connector, index=tmp_path, max_change=None) as session:
        reading = session.changes("goods")
        reading.acknowledge()  # nothing was read
        assert reading.table().num_rows == 5
        assert kept()
        reading.acknowledge()
        reading.acknowledge()
        assert not kept()
        del goods.rows[1]
        assert [row["id"] for row in session.changes("goods", state=reading.state)] == [1]
