"""Changes by comparison never go past what cannot be right: keys told twice, drops cut short, rejects, sources that fail."""

from __future__ import annotations

import pytest
from connector_sdk.contract import Batch
from connector_sdk.errors import DataError, StateInvalidError, TransientError
from connector_sdk.runtime.snapshot_diff import reading

from .drops import GOODS, Drops, Follower, rows_of

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


def test_an_index_of_another_way_of_hashing_is_refused_in_one_line(goods, follower, monkeypatch):
    """Its rows cannot be told from others: without this, every one of them would be an update."""
    monkeypatch.setattr(reading, "VERSION", 1)
    follower.follow()
    monkeypatch.undo()
    with pytest.raises(StateInvalidError, match=r"^the index in .*goods.* was made by another version") as caught:
        follower.follow()
    assert (caught.value.code, caught.value.exit_code) == ("index_version", 6)
    assert caught.value.hint == "reset the state and read everything again"


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
