"""What can only be read whole is followed change by change: exactly, from any state, and never past what cannot be right."""

from __future__ import annotations

import pickle
from dataclasses import replace

import connector_sdk
import pyarrow as pa
import pytest
from connector_sdk.config import ConnectorConfig
from connector_sdk.contract import Batch, Split
from connector_sdk.errors import ConfigError, DataError, LocalResourceError, SchemaDriftError, StateInvalidError, TransientError
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.snapshot_diff import SnapshotDiff, reading
from connector_sdk.runtime.state_store import FileStore, MemoryStore
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Mode, WriteMode
from connector_sdk.testing.laws.subject import kit_target

from .drops import Drops, Follower, rows_of

GOODS = {1: ("bolt", 10), 2: ("nut", 20), 3: ("washer", None), 4: ("", 40), 5: (None, 50)}


@pytest.fixture
def goods():
    return Drops(GOODS)


@pytest.fixture
def follower(goods, tmp_path):
    return Follower(goods, tmp_path / "index")


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


# -- what cannot be right --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 100])
def test_two_rows_of_one_key_are_an_error_with_the_key(goods, tmp_path, size):
    goods.size = size
    follower = Follower(goods, tmp_path)
    goods.more = [(4, "again", 1), (4, "and again", 1), (2, "nut", 20)]
    for _ in range(2):  # in the first snapshot, and in a later one
        with pytest.raises(DataError, match=r"'goods': 3 rows have the key of another row \(id=\d; id=\d") as caught:
            follower.follow()
        assert caught.value.code == "duplicate_key"
        goods.more, kept = [], goods.more
        follower.follow()
        goods.more = kept
    goods.more = []
    assert follower.follow() == []


def test_two_new_rows_of_one_key_are_an_error_too(goods, follower):
    follower.follow()
    goods.more = [(77, "a", 1), (77, "b", 2)]
    with pytest.raises(DataError, match=r"1 row has the key of another row \(id=77\)"):
        follower.follow()


def test_a_key_without_a_value_is_an_error(goods, tmp_path):
    goods.keys = ("name", "qty")
    follower = Follower(goods, tmp_path)
    with pytest.raises(
        DataError, match=r"2 rows have no value in the key \(name='washer', qty=None; name=None, qty=50\)"
    ) as caught:
        follower.follow()
    assert caught.value.code == "null_key"


def test_the_brake_stops_a_snapshot_that_was_cut_short(tmp_path):
    goods = Drops({n: (f"n{n}", n) for n in range(100)}, size=10)
    follower = Follower(goods, tmp_path, max_change=0.2)
    follower.follow()
    state, files = follower.state, sorted(path.name for path in tmp_path.rglob("*"))
    whole = dict(goods.rows)
    for n in range(81, 100):
        del goods.rows[n]
    goods.rows |= {0: ("x", 0), 1: ("x", 1)}
    figures = (
        r"'goods': this snapshot would delete 19 and change 2 of 100 rows, 21.0%; max_change allows 20%; nothing was taken over"
    )
    with pytest.raises(DataError, match=figures) as caught:
        follower.follow()
    assert caught.value.code == "max_change"
    assert "--confirm" in caught.value.hint
    assert caught.value.exit_code == 4
    assert sorted(path.name for path in tmp_path.rglob("*")) == files  # nothing has moved
    goods.rows = {**whole, **{n: ("new", n) for n in range(200, 400)}, 0: ("x", 0)}  # new rows are no reason to brake
    assert len(follower.follow()) == 201
    assert follower.state != state


def test_the_brake_is_lifted_on_request(tmp_path):
    goods = Drops(GOODS)
    follower = Follower(goods, tmp_path, max_change=0.2)
    follower.follow()
    goods.rows = {}
    with pytest.raises(DataError, match="delete 5 and change 0 of 5 rows"):
        follower.follow()
    sure = Follower(goods, tmp_path, max_change=0.2, confirm=True)
    sure.state = follower.state
    assert len(sure.follow()) == 5


def test_exactly_as_much_as_is_allowed_passes(tmp_path):
    goods = Drops(GOODS)
    follower = Follower(goods, tmp_path, max_change=0.2)
    follower.follow()
    del goods.rows[1]
    assert len(follower.follow()) == 1


# -- rejects ---------------------------------------------------------------------------------------------------------------


def test_rejects_come_first_and_nothing_is_taken_over_before_they_are_accepted(goods, follower):
    follower.follow()
    goods.rows[1] = ("bolt", 11)
    goods.bad = 2
    batches = follower.diff.read(follower.split, follower.state)
    first = next(batch for batch in batches if batch.rejects is not None)
    assert first.rejects.num_rows == 2
    assert first.state is None
    batches.close()  # over budget
    goods.bad = 0
    assert [batch.rejects for batch in follower.read(follower.state)] == [None]
    assert [row["qty"] for row in follower.follow()] == [11]


def test_accepted_rejects_come_again_from_an_earlier_state(goods, follower):
    follower.follow()
    goods.rows[1] = ("bolt", 11)
    goods.bad = 2
    start = follower.state
    follower.follow()
    goods.bad = 0
    again = follower.read(start, follower.state)
    assert [batch.rejects.num_rows for batch in again if batch.rejects is not None] == [2]
    assert rows_of(again) == [{"_op": "u", "id": 1, "name": "bolt", "qty": 11}]


def test_a_row_that_cannot_be_decoded_is_not_deleted(goods, follower, caplog):
    follower.follow()
    gone = goods.rows.pop(2)
    goods.rows[3] = ("washer", 3)
    goods.bad = 1
    assert [row["_op"] for row in follower.follow()] == ["u"]
    assert "none is deleted while 1 records cannot be decoded" in caplog.text
    goods.bad = 0
    assert [(row["_op"], row["id"]) for row in follower.follow()] == [("d", 2)]
    goods.rows[2] = gone
    assert [(row["_op"], row["id"]) for row in follower.follow()] == [("c", 2)]


# -- a source that fails ---------------------------------------------------------------------------------------------------


def failing(goods: Drops, at: str, row: int, times: int) -> None:
    left = [times]

    def before(split: str, place: int) -> None:
        if split == at and place == row and left[0]:
            left[0] -= 1
            raise TransientError("gone for a moment")

    goods.before_batch = before


def test_a_failed_read_goes_on_from_the_split_s_last_state(tmp_path):
    goods = Drops({n: ("x", n) for n in range(20)})
    follower = Follower(goods, tmp_path)
    failing(goods, "part 1", 6, 2)
    assert len(follower.follow()) == 20
    assert goods.reads == [("part 0", None), ("part 1", None), ("part 1", {"row": 6}), ("part 1", {"row": 6})]
    assert follower.held == goods.rows


def test_a_plan_that_does_not_hold_any_more_is_made_anew(tmp_path):
    """A file is replaced while it is read: that is no word against the reader's own state."""
    goods = Drops({n: ("x", n) for n in range(20)})
    follower = Follower(goods, tmp_path)
    left = [2]

    def before(split: str, place: int) -> None:
        if split == "part 1" and place == 3 and left[0]:
            left[0] -= 1
            goods.rows[100 + left[0]] = ("new", 1)
            raise StateInvalidError("replaced while it was read", code="replaced")

    goods.before_batch = before
    follower.follow()
    assert left == [0]
    assert follower.held == goods.rows
    left[0] = 99
    with pytest.raises(TransientError) as caught:
        follower.follow()
    assert caught.value.code == "replaced"


def test_rows_after_the_last_state_are_read_again(tmp_path, monkeypatch):
    goods = Drops({n: ("x", n) for n in range(40)}, splits=1, stateful=2)
    follower = Follower(goods, tmp_path)
    failing(goods, "part 0", 9, 1)
    assert len(follower.follow()) == 40
    assert goods.reads[-1] == ("part 0", {"row": 6})
    # When they are too many to be kept in hand, everything is read anew.
    monkeypatch.setattr("connector_sdk.runtime.snapshot_diff.snapshot.CHUNK_ROWS", 4)
    goods.stateful = 100
    goods.rows[0] = ("y", 0)
    goods.reads.clear()
    failing(goods, "part 0", 9, 1)
    assert len(follower.follow()) == 1
    assert goods.reads == [("part 0", None), ("part 0", None)]


def test_a_source_that_stays_away_ends_the_read_and_leaves_no_trace(goods, follower, tmp_path):
    follower.follow()
    files = sorted(path.name for path in tmp_path.rglob("*"))
    failing(goods, "part 1", 0, 99)
    goods.rows[1] = ("changed", 1)
    with pytest.raises(TransientError):
        follower.follow()
    assert sorted(path.name for path in tmp_path.rglob("*")) == files
    goods.before_batch = lambda split, row: None
    assert [row["id"] for row in follower.follow()] == [1]


def test_a_long_read_shows_that_it_is_alive_but_not_after_a_failure(goods, follower, monkeypatch):
    monkeypatch.setattr(reading, "HEARTBEAT", 0.0)
    follower.follow()
    start = follower.state
    follower.follow()
    alive = [batch.state for batch in follower.seen[::-1]]
    assert alive[1:4] == [start] * 3
    failing(goods, "part 1", 0, 99)
    # Again and again without a row: were it to look like progress, the engine would try for ever.
    assert [len(until_it_fails(follower)) > 0 for _ in range(3)] == [True, False, False]


def until_it_fails(follower: Follower) -> list[Batch]:
    batches = []
    with pytest.raises(TransientError):
        for batch in follower.diff.read(follower.split, follower.state):
            batches.append(batch)  # noqa: PERF402 - what came before the error counts
    return batches


# -- the shape changes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [False, True])
def test_a_new_field_changes_the_rows_that_have_a_value_in_it(goods, tmp_path, before):
    follower = Follower(goods, tmp_path, before=before)
    follower.follow()
    goods.schema = goods.schema.append(pa.field("colour", pa.string()))
    goods.rows = {key: (*rest, "red" if key == 3 else None) for key, rest in goods.rows.items()}
    told = follower.follow()
    assert [(row["_op"], row["id"], row["colour"]) for row in told] == [("u", 3, "red")]
    if before:
        assert told[0]["_before"] == {"id": 3, "name": "washer", "qty": None, "colour": None}
    goods.rows[4] = ("x", 40, None)
    assert [row["id"] for row in follower.follow()] == [4]


def test_a_lost_field_changes_the_rows_that_had_a_value_in_it(goods, follower):
    follower.follow()
    goods.schema = goods.schema.remove(1)
    goods.rows = {key: (qty,) for key, (_, qty) in goods.rows.items()}
    assert sorted(row["id"] for row in follower.follow()) == [1, 2, 3, 4]


def test_other_order_and_wider_integers_change_nothing(goods, follower):
    follower.follow()
    goods.schema = pa.schema([("qty", pa.int64()), pa.field("id", pa.int32(), nullable=False), ("name", pa.large_string())])
    goods.rows, goods.more = {}, [(qty, key, name) for key, (name, qty) in GOODS.items()]
    assert follower.follow() == []
    goods.more = goods.more[1:]
    assert follower.follow() == [{"_op": "d", "_known": [1], "qty": None, "id": 1, "name": None}]


def test_another_type_changes_the_rows_that_have_a_value(goods, follower):
    follower.follow()
    goods.schema = goods.schema.set(2, pa.field("qty", pa.string()))
    goods.rows = {key: (name, None if qty is None else str(qty)) for key, (name, qty) in goods.rows.items()}
    assert sorted(row["id"] for row in follower.follow()) == [1, 2, 4, 5]


def test_stored_changes_come_in_the_shape_that_is_asked_for_now(goods, follower):
    follower.follow()
    goods.rows[1] = ("bolt", 11)
    start = follower.state
    follower.follow()
    goods.schema = pa.schema([*list(goods.schema), ("colour", pa.string())]).set(2, pa.field("qty", pa.string()))
    goods.rows = {}
    told = rows_of(follower.read(start, follower.state))
    assert told == [{"_op": "u", "_known": [0, 1], "id": 1, "name": "bolt", "qty": None, "colour": None}]


@pytest.mark.parametrize(
    ("keys", "schema", "fields"),
    [
        (("id", "qty"), None, ("qty",)),
        (("qty",), None, ("qty", "id")),
        (("id",), pa.schema([pa.field("id", pa.string()), ("name", pa.string()), ("qty", pa.int32())]), ("id",)),
    ],
)
def test_another_key_is_drift(goods, follower, keys, schema, fields):
    goods.rows = {1: ("bolt", 1)}
    follower.follow()
    goods.keys = keys
    if schema is not None:
        goods.schema = schema
        goods.rows = {"1": ("bolt", 1)}
    with pytest.raises(SchemaDriftError, match="has another key") as caught:
        follower.follow()
    assert caught.value.fields == fields


# -- predicates, projections, other streams --------------------------------------------------------------------------------


def test_a_row_that_no_longer_meets_the_predicate_is_deleted(goods, tmp_path):
    follower = Follower(goods, tmp_path)
    split = follower.diff.plan([next(iter(follower.diff.discover()))], Mode.CHANGES, {"goods": parse_where("qty >= 20")})[0]
    split = Split.from_json(split.to_json())
    batches = list(follower.diff.read(split, None))
    assert sorted(row["id"] for row in rows_of(batches)) == [2, 4, 5]
    goods.rows |= {2: ("nut", 19), 1: ("bolt", 21), 3: ("washer", 1)}
    told = rows_of(follower.diff.read(split, batches[-1].state))
    assert [(row["_op"], row["id"]) for row in told] == [("d", 2), ("c", 1)]


def test_only_the_fields_that_are_asked_for_are_compared(goods, tmp_path):
    diff = SnapshotDiff(goods, tmp_path, max_change=None)
    (stream,) = diff.discover()
    (split,) = diff.plan([stream.only(["name", "id"])], Mode.CHANGES)
    state = list(diff.read(split, None))[-1].state
    goods.rows |= {1: ("bolt", 99), 2: ("NUT", 20)}
    assert rows_of(diff.read(split, state)) == [{"_op": "u", "name": "NUT", "id": 2}]


class Native(Drops):
    """Has its own changes for one stream, and none for the other."""

    @property
    def log(self):
        return replace(self.stream, name="log", reads=frozenset({Mode.FULL, Mode.CHANGES}))

    def discover(self, only=None):
        return [s for s in (self.stream, self.log) if only is None or s.name in only]

    def plan(self, streams, mode, where={}):  # noqa: B006 - as the contract has it
        if mode is Mode.FULL:
            return super().plan(streams, mode, where)
        return [Split(id="the log", streams=tuple(streams), mode=mode)]

    def read(self, split, state, until=None):
        if split.mode is Mode.FULL:
            return super().read(split, state, until)
        return iter([Batch(stream="log", data=self._data(split, []), state={"log": 1})])


def test_what_the_source_does_better_is_left_to_it(tmp_path):
    source = Native(GOODS)
    diff = SnapshotDiff(source, tmp_path)
    streams = list(diff.discover())
    splits = diff.plan(streams, Mode.CHANGES)
    assert [split.id for split in splits] == ["the log", "goods by comparison"]
    assert [batch.state for batch in diff.read(splits[0], None)] == [{"log": 1}]
    diff.ack(splits[0], {"log": 1})
    assert source.acks == [("the log", {"log": 1})]
    full = diff.plan(streams[:1], Mode.FULL)
    assert sum(batch.data.num_rows for split in full for batch in diff.read(split, None)) == 5
    assert rows_of(diff.read(splits[1], None))


def test_entering_and_checking_reach_the_source(goods, tmp_path):
    with SnapshotDiff(goods, tmp_path) as diff:
        diff.check()
        assert goods.entered == 1
    assert goods.entered == 0


def test_what_has_no_key_cannot_be_followed(goods, tmp_path):
    goods.keys = ()
    with pytest.raises(ConfigError, match="cannot be told: it has no key"):
        SnapshotDiff(goods, tmp_path).plan([goods.stream], Mode.CHANGES)


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
