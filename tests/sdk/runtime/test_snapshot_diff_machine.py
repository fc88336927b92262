"""Drops that evolve as real ones do, followed by readers that stop anywhere: their replicas are the source, deletes included."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from connector_sdk.errors import DataError, StateInvalidError
from connector_sdk.runtime.snapshot_diff import blocks, comparison, snapshot, sorted_rows
from connector_sdk.testing.comparison import Replica
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from .drops import SCHEMA, Drops, Follower

KEYS = st.integers(-3, 30)
VALUES = st.tuples(st.sampled_from([None, "", "a", "b", "x" * 300]), st.sampled_from([None, 0, 1, -1]))

# So small that a handful of rows is many chunks, runs, buckets and blocks.
SMALL = {
    (snapshot, "CHUNK_ROWS"): 5,
    (sorted_rows, "RUN_ROWS"): 7,
    (sorted_rows, "BUCKETS"): 8,
    (comparison, "BUCKETS"): 8,
    (comparison, "BUCKET_ROWS"): 4,
    (blocks, "BLOCK_ROWS"): 3,
}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for (module, name), value in SMALL.items():
        monkeypatch.setattr(module, name, value)


class Nights(RuleBasedStateMachine):
    """One source, and a reader whose every state is remembered with the replica that belongs to it."""

    @initialize(before=st.booleans(), size=st.integers(1, 7), splits=st.integers(1, 3))
    def start(self, before, size, splits):
        self.folder = tempfile.TemporaryDirectory()
        self.goods = Drops(size=size, splits=splits)
        self.follower = Follower(self.goods, Path(self.folder.name), before=before)
        self.known = [(None, {})]  # every state there was since the last ack, and the replica it stands for

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()

    # What happens over there.

    @rule(key=KEYS, value=VALUES)
    def put(self, key, value):
        self.goods.rows[key] = value

    @rule(rows=st.dictionaries(KEYS, VALUES, max_size=20))
    def put_many(self, rows):
        self.goods.rows |= rows

    @precondition(lambda self: self.goods.rows)
    @rule(data=st.data())
    def remove(self, data):
        del self.goods.rows[data.draw(st.sampled_from(sorted(self.goods.rows)))]

    @precondition(lambda self: self.goods.rows)
    @rule(data=st.data(), key=KEYS)
    def give_another_key(self, data, key):
        self.goods.rows[key] = self.goods.rows.pop(data.draw(st.sampled_from(sorted(self.goods.rows))))

    @rule()
    def drop_again_in_another_order(self):
        self.goods.rows = dict(reversed(self.goods.rows.items()))

    @rule()
    def truncate(self):
        self.goods.rows = {}

    # What the reader does.

    @rule()
    def follow(self):
        batches = self.follower.read(self.follower.state)
        if self.follower.state is None:
            assert batches[0].data.num_rows == 0
        self.take(batches)
        assert self.follower.held == self.goods.rows

    @rule(stop=st.integers(1, 6))
    def follow_and_be_killed(self, stop):
        batches = self.follower.diff.read(self.follower.split, self.follower.state)
        self.take([batch for batch, _ in zip(batches, range(stop), strict=False)])
        batches.close()

    @rule(data=st.data())
    def read_again_from_an_earlier_state(self, data):
        start = data.draw(st.integers(0, len(self.known) - 1))
        end = data.draw(st.integers(start, len(self.known) - 1))
        (state, replica), (until, expected) = self.known[start], self.known[end]
        if until is None:
            return
        again = self.replica_of(replica)
        again.apply(batch.data for batch in self.follower.read(state, until))
        assert self.held_by(again) == expected
        if state is not None and data.draw(st.booleans()):  # and on from there, to what is now
            again = self.replica_of(replica)
            again.apply(batch.data for batch in self.follower.read(state))
            assert self.held_by(again) == self.goods.rows

    @precondition(lambda self: self.follower.state is not None)
    @rule(data=st.data())
    def acknowledge(self, data):
        place = data.draw(st.integers(0 if self.known[0][0] else 1, len(self.known) - 1))
        self.follower.diff.ack(self.follower.split, self.known[place][0])
        forgotten, self.known = self.known[:place], self.known[place:]
        if not forgotten:
            return
        state, replica = data.draw(st.sampled_from(forgotten))
        if state is not None:  # what was acknowledged may be gone; it is never wrong
            again = self.replica_of(replica)
            try:
                again.apply(batch.data for batch in self.follower.read(state))
            except StateInvalidError:
                return
            assert self.held_by(again) == self.goods.rows

    @precondition(lambda self: self.goods.rows)
    @rule(data=st.data(), value=VALUES)
    def a_delivery_comes_twice(self, data, value):
        self.goods.more = [(data.draw(st.sampled_from(sorted(self.goods.rows))), *value)]
        with pytest.raises(DataError) as caught:
            self.follower.follow()
        assert caught.value.code == "duplicate_key"
        self.goods.more = []

    @rule(rows=st.dictionaries(KEYS, VALUES, max_size=10))
    def a_snapshot_is_cut_short(self, rows):
        """The brake is on for once; whatever it says, nothing is lost."""
        if self.follower.state is None:
            return
        careful = Follower(self.goods, self.follower.diff.index, max_change=0.0, before=self.follower.diff._terms.before)
        whole, self.goods.rows = self.goods.rows, rows
        try:
            list(careful.diff.read(careful.split, self.follower.state))
        except DataError as error:
            assert error.code == "max_change"
        self.goods.rows = whole

    def take(self, batches):
        for batch in batches:
            self.follower.replica.apply([batch.data])
            self.follower.state = batch.state
            self.known.append((batch.state, self.follower.held))

    def replica_of(self, rows):
        replica = Replica(SCHEMA, ("id",))
        replica._rows = {(key,): {"id": key, "name": name, "qty": qty} for key, (name, qty) in rows.items()}
        return replica

    def held_by(self, replica):
        return {row["id"]: (row["name"], row["qty"]) for row in replica.table().to_pylist()}

    @invariant()
    def no_leftovers(self):
        if hasattr(self, "folder"):
            assert not list(Path(self.folder.name).rglob(".new-*"))


TestNights = Nights.TestCase
TestNights.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
