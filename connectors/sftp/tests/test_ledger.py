"""What has been read is known, what has not is new: whatever the dates, however long the history."""

from __future__ import annotations

import json
import random

import pytest
from connector_sdk.contract import STATE_LIMIT
from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.folder import Entry
from connector_sftp.ledger import InStateLedger, Position
from connector_sftp.ledger import in_state as module
from hypothesis import given, settings
from hypothesis import strategies as st

ENTRIES = st.lists(
    st.builds(
        Entry,
        name=st.sampled_from([f"f{n}.csv" for n in range(12)]),
        size=st.integers(0, 3),
        mtime=st.sampled_from([0.0, 1.0, 1.5, 2.0]),
    ),
    unique_by=lambda entry: entry.name,
)


def saved(ledger: InStateLedger) -> InStateLedger:
    return InStateLedger(json.loads(json.dumps(ledger.state())))


@given(rounds=st.lists(ENTRIES, max_size=6))
def test_each_file_is_new_once_and_a_replaced_one_once_more(rounds: list[list[Entry]]) -> None:
    ledger = InStateLedger()
    seen: set[Entry] = set()
    for listed in rounds:
        fresh = ledger.new(listed)
        assert set(fresh) == set(listed) - seen
        assert fresh == sorted(fresh, key=lambda e: (e.mtime, e.name))
        for entry in fresh:
            ledger.finish(entry)
        seen |= set(fresh)
        ledger = saved(ledger)


def test_the_file_that_is_read_in_part_comes_first() -> None:
    ledger = InStateLedger()
    old, new = Entry(name="old", size=1, mtime=1.0), Entry(name="new", size=1, mtime=9.0)
    ledger.position = Position(name="new", size=1, mtime=9.0, offset=4, line=2)
    assert saved(ledger).new([old, new]) == [new, old]
    assert saved(ledger).position == ledger.position


def test_a_long_history_fits_a_state_and_nothing_known_is_new_again(caplog: pytest.LogCaptureFixture) -> None:
    ledger = InStateLedger()
    listed = [Entry(name=f"drop-{n:06}.csv.gz", size=n, mtime=1.7e9 + n // 3) for n in range(20_000)]
    for entry in ledger.new(listed):
        ledger.finish(entry)
    assert len(json.dumps(ledger.state())) < STATE_LIMIT
    assert saved(ledger).new(listed) == []
    late = Entry(name="late.csv", size=1, mtime=1.7e9 + 5_000)
    assert ledger.new([*listed, late]) == [late], "late, but above the floor"
    assert caplog.text.count("more than 7,500 files, which is what a state remembers one by one") == 2, "once for each ledger"
    assert "With `index` (a folder) in the configuration every one is known" in caplog.text


def test_files_that_are_gone_give_up_their_place_before_the_floor_rises() -> None:
    ledger = InStateLedger()
    for day in range(5):
        listed = [Entry(name=f"{day}-{n}.csv", size=n, mtime=float(day)) for n in range(5_000)]
        for entry in ledger.new(listed):
            ledger.finish(entry)
    assert ledger.floor is None


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_floor_never_hides_a_file_that_is_still_to_be_read(seed: int) -> None:
    rng = random.Random(seed)
    capacity, module.CAPACITY = module.CAPACITY, 20
    try:
        ledger, listed, read = InStateLedger(), [], set()
        for turn in range(8):
            listed += [
                Entry(name=f"{turn}-{n}", size=n, mtime=float(rng.randrange(10) + turn * 3)) for n in range(rng.randrange(30))
            ]
            fresh = ledger.new(listed)
            for number, entry in enumerate(fresh):
                ledger.finish(entry)
                read.add(entry)
                rest = set(fresh[number + 1 :])
                assert set(saved(ledger).new(listed)) == rest
            assert not set(ledger.new(listed)) & read
    finally:
        module.CAPACITY = capacity


def test_what_lies_between_two_states_can_be_missing() -> None:
    one, two = Entry(name="a", size=1, mtime=1.0), Entry(name="b", size=1, mtime=2.0)
    before, after = InStateLedger(), InStateLedger()
    for entry in (one, two):
        after.finish(entry)
    assert before.between(after.state(), [two, one]) == [one, two]
    with pytest.raises(StateInvalidError, match="1 of the files"):
        before.between(after.state(), [two])


@pytest.mark.parametrize("state", [{}, {"v": 2}, {"v": 1}, {"v": 1, "files": "?"}, {"v": 1, "files": "QQ=="}])
def test_a_state_of_somebody_else_is_not_gone_on_from(state: dict[str, object]) -> None:
    with pytest.raises(StateInvalidError):
        InStateLedger(state, split="s")
