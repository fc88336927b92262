"""Law 11 with drops that evolve at random: whatever a partner delivers, the changes make a replica the newest good drop."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from connector_sdk import plugins
from connector_sdk.errors import DataError, TransientError
from connector_sdk.formats.layout import layout_from
from connector_sdk.schema import Mode
from connector_sdk.testing.comparison import Replica
from connector_sdk.testing.in_memory import in_memory
from connector_sdk.testing.offered import as_offered
from connector_sftp import SftpConnector
from connector_sftp.plain_layout import PlainLayout
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

DELIMITED = {
    "name": "stock",
    "keys": ["id"],
    "fields": [
        {"name": "id", "type": "int64", "nullable": False},
        {"name": "called", "type": "string"},
        {"name": "pieces", "type": "int32"},
    ],
}
FIXED = {
    "name": "stock",
    "format": "fixed_width",
    "records": [
        {
            "name": "article",
            "when": {"start": 1, "value": "A"},
            "keys": ["id"],
            "fields": [
                {"name": "id", "start": 2, "length": 6, "type": "int64", "nullable": False, "sign": "none"},
                {"name": "called", "start": 8, "length": 10, "type": "string"},
                {"name": "pieces", "start": 18, "length": 6, "type": "int32", "sign": "leading"},
            ],
        },
        {
            "name": "end",
            "role": "trailer",
            "when": {"start": 1, "value": "Z"},
            "checks": [{"field": "records", "counts": ["article"]}, {"field": "pieces", "sums": ["article.pieces"]}],
            "fields": [
                {"name": "records", "start": 2, "length": 6, "type": "int64", "sign": "none"},
                {"name": "pieces", "start": 8, "length": 10, "type": "int64", "sign": "leading"},
            ],
        },
    ],
}
KEYS = st.integers(0, 25)
VALUES = st.tuples(st.sampled_from([None, "a", "b b", "long name"]), st.sampled_from([None, 0, 1, -7]))
ROWS = st.dictionaries(KEYS, VALUES, max_size=12)
DAY = 20260101  # the first drop's name; the others are numbers after it, and old ones before it


class Deliveries(RuleBasedStateMachine):
    """A folder that a partner delivers to, and a reader who may die, come late, and be told that a drop cannot be right."""

    @initialize(
        fixed=st.booleans(), block=st.sampled_from([16, 64, 1 << 20]), rows=ROWS, after=st.sampled_from(["leave", "archive"])
    )
    def start(self, fixed, block, rows, after):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "in"
        self.folder.mkdir()
        self.layout = PlainLayout("stock", layout_from(FIXED if fixed else DELIMITED))
        (layout,) = self.layout.streams.values()
        self.fixed = fixed
        self.config = {
            "folder": str(self.folder),
            "settle": 0,
            "block_bytes": block,
            "index": str(Path(self.temporary.name) / "index"),
            "streams": {"stock": {"files": "stock-*.dat", "takes": "latest", "layout": FIXED if fixed else DELIMITED}},
            "after": after,
        }
        self.replica = Replica(layout.schema, layout.keys)
        self.state = None
        self.day = DAY
        self.newest = {}  # what the newest good drop holds
        self.compared = {}  # what the reader has last compared with
        self.bad = False
        self.deliver(rows)

    def teardown(self):
        if hasattr(self, "temporary"):
            self.temporary.cleanup()

    # What the partner does.

    @rule(rows=ROWS, follow=st.booleans())
    def add_and_change(self, rows, follow):
        self.next_day(self.newest | rows, follow)

    @precondition(lambda self: self.newest)
    @rule(data=st.data(), follow=st.booleans())
    def delete(self, data, follow):
        gone = data.draw(st.sets(st.sampled_from(sorted(self.newest)), min_size=1))
        self.next_day({key: row for key, row in self.newest.items() if key not in gone}, follow)

    @precondition(lambda self: self.newest)
    @rule(data=st.data(), key=KEYS, follow=st.booleans())
    def give_another_key(self, data, key, follow):
        rows = dict(self.newest)
        rows[key] = rows.pop(data.draw(st.sampled_from(sorted(rows))))
        self.next_day(rows, follow)

    @rule(follow=st.booleans())
    def move_rows(self, follow):
        self.next_day(dict(reversed(self.newest.items())), follow)

    @rule(rows=ROWS, follow=st.booleans())
    def deliver_the_day_again_with_other_content(self, rows, follow):
        self.deliver(rows)
        self.follow_if(follow)

    @rule(rows=ROWS, days=st.integers(1, 300))
    def an_old_drop_comes_late(self, rows, days):
        self.write(DAY - days, rows)
        self.follow_if(not self.bad)

    @rule(suffix=st.sampled_from(["-again", "_2", " (1)"]))
    def a_copy_of_the_newest_comes(self, suffix):
        if not self.bad:
            self.write(f"{self.day}{suffix}", self.newest)
            self.follow()

    @rule()
    def the_same_drop_comes_twice(self):
        if not self.bad:
            self.follow()
            self.deliver(self.newest)
            assert not [batch for batch in self.read() if batch.data.num_rows]

    @rule(data=st.data())
    def a_drop_is_cut_short(self, data):
        """In fixed width the trailer lies, or is not there; a delimited drop has lost all but a row, and there is the brake."""
        if not self.fixed and len(self.compared) < 2:
            return
        self.day += 1
        rows = dict(list(self.newest.items())[: data.draw(st.integers(0, 1))])
        lines = self.lines(rows)
        content = self.layout.write(lines)
        if self.fixed:
            more = self.lines({99: ("more", 1)})
            content = data.draw(st.sampled_from([b"".join(lines + more), self.layout.write(lines + more).removeprefix(more[0])]))
            content = content if lines else self.layout.write(more)[len(more[0]) :]
        (self.folder / f"stock-{self.day}.dat").write_bytes(content)
        self.bad = True
        before = dict(self.replica._rows), self.state
        with pytest.raises(DataError) as caught:
            self.read(max_change=0.2)
        assert caught.value.code == ("max_change" if not self.fixed else caught.value.code)
        # What was told before, of a drop that was compared earlier, may have come; of this one nothing.
        assert self.held() == self.compared if self.state != before[1] else self.replica._rows == before[0]

    @rule()
    def somebody_clears_the_folder(self):
        """No drop is not an empty drop."""
        kept = {path: path.read_bytes() for path in self.folder.glob("stock-*")}
        for path in kept:
            path.unlink()
        with pytest.raises(TransientError):
            self.read()
        for path, content in kept.items():
            path.write_bytes(content)

    # What the reader does.

    @rule(stop=st.integers(1, 5), saved=st.booleans())
    def the_reader_dies(self, stop, saved):
        """After some batches, which were committed or not; nothing was acknowledged."""
        if self.bad:
            return
        with self.opened() as connector:
            batches = connector.read(self.split(connector), self.state)
            seen = [batch for batch, _ in zip(batches, range(stop), strict=False)]
            batches.close()
        went_on = saved or self.state is not None  # or it will begin a history of its own
        if went_on and (len(seen) < stop or any(batch.data.num_rows for batch in seen)):
            self.compared = dict(self.newest)
        if saved:
            self.take(seen)

    @rule()
    def acknowledge(self):
        if self.state is not None:
            with self.opened() as connector:
                connector.ack(self.split(connector), self.state)

    @rule()
    def read_on(self):
        self.follow_if(not self.bad)

    def next_day(self, rows, follow):
        self.day += 1
        self.deliver(rows)
        self.follow_if(follow)

    def deliver(self, rows):
        self.write(self.day, rows)
        for copy in self.folder.glob(f"stock-{self.day}[_]*"):  # a corrected day is not followed by what it corrects
            copy.unlink()
        self.newest, self.bad = dict(rows), False

    def lines(self, rows):
        shown = [{"id": key, "called": called, "pieces": pieces} for key, (called, pieces) in rows.items()]
        return self.layout.records([("stock", row) for row in shown])

    def write(self, stamp, rows):
        (self.folder / f"stock-{stamp}.dat").write_bytes(self.layout.write(self.lines(rows)))

    def opened(self, max_change=None):
        return as_offered(plugins.make(SftpConnector, {**self.config, "max_change": max_change}))

    def split(self, connector):
        (split,) = connector.plan(list(connector.discover()), Mode.CHANGES)
        return split

    def read(self, max_change=None):
        with self.opened(max_change) as connector:
            seen = []
            for batch in connector.read(self.split(connector), self.state):
                seen.append(batch)
                self.take([batch])
            return seen

    def take(self, batches):
        if self.state is None and batches:
            assert batches[0].data.num_rows == 0 and batches[0].state is not None  # law 4
        for batch in batches:
            self.replica.apply([batch.data])
            self.state = batch.state

    def follow_if(self, wanted):
        if wanted:
            self.follow()

    def follow(self):
        self.read()
        assert self.held() == self.newest
        self.compared = dict(self.newest)

    def held(self):
        return {row["id"]: (row["called"], row["pieces"]) for row in self.replica.table().to_pylist()}


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture(autouse=True)
def memory():
    with in_memory():
        yield
