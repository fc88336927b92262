"""What can only be read whole is followed change by change: exactly, before-images and all, and from any state."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest
from connector_sdk.contract import Split
from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.schema import Mode

from .drops import GOODS, Drops, Follower

# -- what is told ----------------------------------------------------------------------------------------------------------


def test_a_stream_with_keys_offers_changes(goods, tmp_path):
    def offered():
        (stream,) = SnapshotDiff(goods, tmp_path).discover()
        return Mode.CHANGES in stream.reads

    assert offered()
    goods.keys = ()
    assert not offered()


def test_the_low_water_state_comes_first_and_touches_nothing(goods, tmp_path):
    follower = Follower(goods, tmp_path / "index")
    first = next(iter(follower.diff.read(follower.split, None)))
    assert first.data.num_rows == 0
    assert first.state is not None
    assert goods.reads == []
    assert not (tmp_path / "index").exists()


def test_the_first_read_tells_every_row_as_it_is_now(follower):
    assert [(row["_op"], row["id"]) for row in follower.follow()] == [("r", 1), ("r", 3), ("r", 5), ("r", 2), ("r", 4)]
    assert follower.held == GOODS


def test_later_reads_tell_what_is_gone_new_and_changed(goods, follower):
    follower.follow()
    del goods.rows[2]
    goods.rows |= {3: ("washer", 0), 4: (None, 40), 6: ("bolt", 10)}
    told = follower.follow()
    assert told[0] == {"_op": "d", "_known": [0], "id": 2, "name": None, "qty": None}
    assert sorted(told[1:], key=lambda row: row["id"]) == [
        {"_op": "u", "id": 3, "name": "washer", "qty": 0},
        {"_op": "u", "id": 4, "name": None, "qty": 40},
        {"_op": "c", "id": 6, "name": "bolt", "qty": 10},
    ]
    assert follower.held == goods.rows


def test_nothing_changed_is_a_state_and_no_rows(follower):
    follower.follow()
    before = follower.state
    assert follower.follow() == []
    assert follower.state != before


def test_the_order_of_the_rows_and_the_cut_into_batches_do_not_matter(goods, follower):
    follower.follow()
    goods.rows = dict(reversed(goods.rows.items()))
    goods.size, goods.parts = 2, 3
    assert follower.follow() == []


def test_an_empty_stream_is_followed_from_its_start(goods, follower):
    goods.rows = {}
    assert follower.follow() == []
    goods.rows = dict(GOODS)
    assert {row["_op"] for row in follower.follow()} == {"c"}
    goods.rows = {}
    assert {row["_op"] for row in follower.follow()} == {"d"}
    assert follower.follow() == []
    assert follower.held == {}


def test_positions_grow_with_what_is_told(goods, follower):
    for number in range(3):
        goods.rows[number] = (f"new {number}", number)
        follower.follow()
    positions = [p for batch in follower.seen for p in batch.data.column("_pos").to_pylist()]
    assert positions == sorted(set(positions))
    assert all(len(position) == 16 for position in positions)


def test_keys_of_several_fields(goods, tmp_path):
    goods.keys = ("name", "id")
    follower = Follower(goods, tmp_path)
    goods.rows = {1: ("a", 1), 2: ("b", 2)}
    follower.follow()
    goods.rows = {1: ("a", 9), 2: ("B", 2)}
    told = {(row["_op"], row["id"], row["name"]): row.get("_known") for row in follower.follow()}
    assert told == {("d", 2, "b"): [0, 1], ("u", 1, "a"): None, ("c", 2, "B"): None}


# -- the rows as they were -------------------------------------------------------------------------------------------------


def test_before_images_tell_the_row_as_it_was(goods, tmp_path):
    follower = Follower(goods, tmp_path, before=True)
    assert all("_before" not in row for row in follower.follow())
    del goods.rows[2]
    goods.rows |= {3: ("washer", 3), 6: ("new", 6)}
    told = {row["_op"]: row for row in follower.follow()}
    assert told["d"] == {
        "_op": "d", "_known": [0], "_before": {"id": 2, "name": "nut", "qty": 20}, "id": 2, "name": None, "qty": None,
    }  # fmt: skip
    assert told["u"]["_before"] == {"id": 3, "name": "washer", "qty": None}
    assert "_before" not in told["c"]
    assert follower.held == goods.rows


def test_before_images_can_be_asked_for_later(goods, tmp_path):
    plain = Follower(goods, tmp_path)
    plain.follow()
    full = Follower(goods, tmp_path, before=True)
    full.state = plain.state
    goods.rows[1] = ("bolt", 11)
    assert [row.get("_before") for row in full.follow()] == [None]  # only keys were kept so far
    goods.rows[2] = ("nut", 21)
    assert [row["_before"]["qty"] for row in full.follow()] == [20]
    plain.state = full.state
    goods.rows[3] = ("washer", 31)
    assert [row["id"] for row in plain.follow()] == [3]


# -- states ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [False, True])
def test_from_any_state_up_to_any_later_one_the_same_changes_come(goods, tmp_path, monkeypatch, before):
    monkeypatch.setattr("connector_sdk.runtime.snapshot_diff.blocks.BLOCK_ROWS", 2)
    follower = Follower(goods, tmp_path, before=before)
    for step in ({}, {1: ("x", 1), 7: ("y", 7)}, {}, {8: ("z", 8), 1: ("x", 2), 2: ("", 0)}):
        goods.rows.pop(5 - len(step), None)
        goods.rows |= step
        follower.follow()
    places = [(-1, None), *((i, batch.state) for i, batch in enumerate(follower.seen))]
    for start, state in places:
        for end, until in places[start + 2 :]:
            got = follower.read(state, until)
            expected = follower.seen[start + 1 : end + 1]
            assert pa.Table.from_batches(b.data for b in got) == pa.Table.from_batches(b.data for b in expected)
            assert got[-1].state == until
    assert all(batch.data.num_rows < 4 for batch in follower.seen)


def test_a_state_is_small_and_the_splits_are_stable(goods, follower):
    ids = {follower.split.id}
    for number in range(30):
        goods.rows[number] = (str(number), number)
        follower.follow()
        ids.add(follower.split.id)
    assert len(ids) == 1
    assert len(str(follower.state)) < 250


def test_a_split_travels(follower):
    split = follower.split
    assert Split.from_json(split.to_json()) == split
    assert pickle.loads(pickle.dumps(split)) == split
    pickle.dumps(SnapshotDiff(Drops, "index"))


def test_readings_from_the_start_are_strangers_to_each_other(goods, tmp_path):
    one, other = (Follower(goods, tmp_path) for _ in range(2))
    one.follow()
    goods.rows[9] = ("late", 9)
    other.follow()
    one.follow()
    goods.rows.clear()
    other.follow()
    other.ack()
    one.follow()
    assert one.held == other.held == {}


def test_until_must_be_a_later_state_of_the_same_reading(goods, tmp_path):
    one, other = (Follower(goods, tmp_path) for _ in range(2))
    one.follow()
    other.follow()
    for state, until in ((one.state, one.seen[0].state), (one.state, other.state)):
        with pytest.raises(StateInvalidError, match="not a later state"):
            one.read(state, until)


@pytest.mark.parametrize("state", [{}, {"v": 2}, {"v": 1, "history": "../../etc", "seq": 1, "digest": "", "at": 0}, {"log": 3}])
def test_a_state_of_something_else_is_refused(follower, state):
    with pytest.raises(StateInvalidError, match="not one of changes found by comparing"):
        follower.read(state)
