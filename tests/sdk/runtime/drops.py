"""A keyed stream that can only be read whole: rows in a dict, read in splits and batches, failing where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from connector_sdk import changes
from connector_sdk.contract import Batch, Split, State
from connector_sdk.rejects import Reject, reject_batch
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.schema import Mode, Stream, Where
from connector_sdk.testing.comparison import Replica

SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), ("name", pa.string()), ("qty", pa.int32())])
GOODS = {1: ("bolt", 10), 2: ("nut", 20), 3: ("washer", None), 4: ("", 40), 5: (None, 50)}
QUICK = Retry(attempts=3, first=0.001, longest=0.01)


class Drops:
    """`rows` by key as (name, qty); `more` are further rows, whatever their keys. A state on every `stateful`-th batch."""

    def __init__(self, rows: Mapping[Any, tuple[Any, ...]] | None = None, *, size: int = 3, splits: int = 2, stateful: int = 1):
        self.rows: dict[Any, tuple[Any, ...]] = dict(rows or {})
        self.more: list[tuple[Any, ...]] = []
        self.schema = SCHEMA
        self.keys: tuple[str, ...] = ("id",)
        self.size, self.parts, self.stateful = size, splits, stateful
        self.bad = 0
        self.before_batch: Callable[[str, int], None] = lambda split, row: None
        self.reads: list[tuple[str, State | None]] = []
        self.acks: list[tuple[str, State]] = []
        self.entered = 0

    @property
    def stream(self) -> Stream:
        return Stream(name="goods", schema=self.schema, keys=self.keys)

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *_):
        self.entered -= 1

    def check(self):
        return None

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [self.stream] if only is None or "goods" in only else []

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        assert mode is Mode.FULL
        (stream,) = streams
        return [Split(id=f"part {n}", streams=(stream,), mode=mode, spec=n, left=where) for n in range(self.parts)]

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        self.reads.append((split.id, state))
        everything = [(key, *rest) for key, rest in self.rows.items()] + self.more
        mine = everything[split.spec :: self.parts]
        start = 0 if state is None else state["row"]
        for number, row in enumerate(range(start, len(mine), self.size), 1):
            self.before_batch(split.id, row)
            stop = min(row + self.size, len(mine))
            at = {"row": stop} if number % self.stateful == 0 else None
            yield Batch(stream="goods", data=self._data(split, mine[row:stop]), state=at)
        rejects = None
        if self.bad and split.spec == 0:
            rejects = reject_batch(Reject(stream="goods", code="type", reason="bad", raw=b"?") for _ in range(self.bad))
        yield Batch(stream="goods", data=self._data(split, []), state={"row": len(mine)}, rejects=rejects)

    def _data(self, split: Split, rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
        named = [dict(zip(self.schema.names, row, strict=True)) for row in rows]
        return pa.RecordBatch.from_pylist(named, schema=self.schema).select(split.streams[0].schema.names)

    def ack(self, split: Split, state: State) -> None:
        self.acks.append((split.id, state))


class Follower:
    """Reads the changes of a source as a job would: it keeps a state and a replica."""

    def __init__(self, source: Any, index: Path, **settings: Any) -> None:
        self.source = source
        self.diff = SnapshotDiff(source, index, retry=QUICK, **{"max_change": None, **settings})
        self.state: State | None = None
        self.seen: list[Batch] = []
        self.replica = Replica(source.schema, source.keys)

    @property
    def split(self) -> Split:
        (split,) = self.diff.plan(list(self.diff.discover()), Mode.CHANGES)
        return split

    def read(self, state: State | None = None, until: State | None = None) -> list[Batch]:
        """The batches from `state`; nothing is remembered."""
        return list(self.diff.read(self.split, state, until))

    def follow(self) -> list[dict[str, Any]]:
        """Read on from where we are. Returns what came as rows, without reserved columns that are null."""
        batches = self.read(self.state)
        self.seen += batches
        self.state = batches[-1].state
        self.replica.apply(batch.data for batch in batches)
        return rows_of(batches)

    def ack(self) -> None:
        assert self.state is not None
        self.diff.ack(self.split, self.state)

    @property
    def held(self) -> dict[Any, tuple[Any, ...]]:
        """The replica, as the source keeps its rows."""
        return {row["id"]: (row["name"], row["qty"]) for row in self.replica.table().to_pylist()}


def rows_of(batches: Iterable[Batch]) -> list[dict[str, Any]]:
    """Change rows without their position and without nulls among the reserved columns."""
    rows = [row for batch in batches for row in batch.data.to_pylist()]
    return [
        {
            name: value
            for name, value in row.items()
            if name != changes.POS and (name not in changes.RESERVED or value is not None)
        }
        for row in rows
    ]
