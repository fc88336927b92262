"""A piece: what a sink pulls of one split in one go, up to a state where it is time for a checkpoint."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import InternalError
from connector_sdk.rejects import Budget, Reject, rejects_of
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.telemetry import BatchRead, Event
from connector_sdk.schema import Mode, Stream

__all__ = ["Abandoned", "Piece", "Pull", "RowLimit"]


class Abandoned(Exception):  # noqa: N818 - never leaves the runtime
    """Another split failed: drop the piece at hand."""


class RowLimit:
    """How many rows of each stream a run may have, over all its splits; None: any number."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._handed: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, batch: Batch) -> Batch:
        """`batch`, cut to the rows that are left of its stream's limit."""
        if self._limit is None:
            return batch
        with self._lock:
            handed = self._handed.get(batch.stream, 0)
            taken = max(0, min(self._limit - handed, batch.data.num_rows))
            self._handed[batch.stream] = handed + taken
        return batch if taken == batch.data.num_rows else replace(batch, data=batch.data.slice(0, taken))

    def give_back(self, handed: Mapping[str, int]) -> None:
        """Forget so many rows of each stream: they will be read again."""
        with self._lock:
            for stream, rows in handed.items():
                self._handed[stream] = self._handed.get(stream, 0) - rows

    def reached(self, streams: Sequence[Stream]) -> bool:
        """Whether every one of `streams` has given as many rows as it may."""
        return self._limit is not None and all(self._handed.get(stream.name, 0) >= self._limit for stream in streams)


@dataclass(frozen=True, kw_only=True)
class Pull:
    """What all pieces of one run share: how large they become, and what must hear of every batch."""

    mode: Mode
    rows: int
    bytes: int
    seconds: float
    limit: RowLimit
    budget: Budget
    stop: Stop
    failed: threading.Event
    emit: Callable[[Event], None]


class Piece:
    """A split's batches from the state `start`. Iterate it once; `end`, `rows`, `rejects` and `last` are right afterwards."""

    def __init__(self, pull: Pull, split: Split, start: State | None, batches: Iterator[Batch]) -> None:
        self._pulling = pull
        self._split = split
        self._start = start
        self._batches = batches
        self._deadline = time.monotonic() + pull.seconds
        self._iterator: Iterator[Batch] | None = None
        self.name = _name(split, start)
        self.end: State | None = None
        self.rows = self.bytes = 0
        self.rejects: list[Reject] = []
        self._handed: Counter[str] = Counter()
        self.last = self.complete = False
        self._loose = 0  # rows and rejects since the last state

    def __iter__(self) -> Iterator[Batch]:
        if self._iterator is None:
            self._iterator = self._pull()
        return self._iterator

    def drain(self) -> None:
        """A sink that returned before the end left rows behind: that is a defect, and must not become a loss."""
        for batch in self:
            if batch.data.num_rows:
                raise InternalError(f"the sink returned before the end of piece {self.name!r}", split=self._split.id)

    def give_back(self) -> None:
        """Uncount its rows and rejects: the piece will be read again."""
        self._pulling.limit.give_back(self._handed)
        self._pulling.budget.give_back(len(self.rejects))

    def _pull(self) -> Iterator[Batch]:
        pull = self._pulling
        for read in self._batches:
            if pull.failed.is_set():
                raise Abandoned
            batch = pull.limit.take(read)
            self._count(batch)
            yield batch
            limited = pull.limit.reached(self._split.streams)
            if batch.state is not None:
                self.end = batch.state
                self._loose = 0
                if limited or pull.stop.requested or self._is_large_enough():
                    self.complete, self.last = True, limited
                    return
            elif limited:
                self.end, self.complete, self.last = self._start or {}, True, True
                return
        if self._loose:
            raise InternalError(f"the last batch of split {self._split.id!r} carries no state", split=self._split.id)
        self.complete = self.last = True

    def _count(self, batch: Batch) -> None:
        found = [] if batch.rejects is None else rejects_of(batch.rejects)
        rows, size = batch.data.num_rows, batch.data.nbytes
        self.rejects += found
        self.rows += rows
        self._handed[batch.stream] += rows
        self.bytes += size
        self._loose += rows + len(found)
        event = BatchRead(split=self._split.id, stream=batch.stream, rows=rows, bytes=size, rejects=len(found))
        self._pulling.emit(event)
        if found:
            self._pulling.budget.spend(len(found), found[-1])

    def _is_large_enough(self) -> bool:
        pull = self._pulling
        if self._start is None and not self.rows and pull.mode is Mode.CHANGES:
            return True  # the low-water state, which must be committed before the next batch is pulled
        return self.rows >= pull.rows or self.bytes >= pull.bytes or time.monotonic() >= self._deadline


def _name(split: Split, start: State | None) -> str:
    text = json.dumps([split.id, start], sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
