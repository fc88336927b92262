"""A source that does what a test tells it to, and a sink that keeps rows in a list: the seams of the engine, nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Split, State
from connector_sdk.errors import DataError
from connector_sdk.rejects import Reject, reject_batch
from connector_sdk.schema import Mode, Stream, Where, WriteMode

SCHEMA = pa.schema([("n", pa.int64()), ("half", pa.float64())])


def stream(name: str = "s", **more: Any) -> Stream:
    everything = frozenset(WriteMode)
    return Stream(
        name=name, schema=SCHEMA, keys=("n",), reads=frozenset({Mode.FULL, Mode.INCREMENTAL}), writes=everything, **more
    )


class Died(BaseException):
    """The process died here."""


class Numbers:
    """`count` numbers per stream in `splits` splits, `size` rows a batch, a state on every `stateful`-th batch."""

    def __init__(
        self, count: int = 100, splits: int = 3, size: int = 7, stateful: int = 1, names: Sequence[str] = ("s",)
    ) -> None:
        self.count, self.parts, self.size, self.stateful, self.names = count, splits, size, stateful, names
        self.before_batch: Callable[[Split, int], None] = lambda split, row: None
        self.bad: set[int] = set()
        self.acks: list[tuple[str, int]] = []
        self.reading = self.most_reading = 0
        self.plans = 0
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def check(self):
        return None

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [stream(name) for name in self.names if only is None or name in only]

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        self.plans += 1
        parts = self.parts if mode is Mode.FULL else 1
        return [
            Split(id=f"{s.name}-{part}of{parts}", streams=(s,), mode=mode, spec=[part, parts, self.plans], left=where)
            for s in streams
            for part in range(parts)
        ]

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        part, parts, _ = split.spec
        begin = state["next"] if state else part
        end = until["next"] if until else self.count
        todo = list(range(begin, end, parts))
        with self._lock:
            self.reading += 1
            self.most_reading = max(self.most_reading, self.reading)
        try:
            chunks = [todo[i : i + self.size] for i in range(0, len(todo), self.size)] or [[]]
            for number, chunk in enumerate(chunks, 1):
                self.before_batch(split, chunk[0] if chunk else begin)
                good = [n for n in chunk if n not in self.bad]
                rejects = [
                    Reject(stream="s", code="type", reason="bad", raw=str(n).encode(), line=n) for n in chunk if n in self.bad
                ]
                data = pa.RecordBatch.from_pydict({"n": good, "half": [n / 2 for n in good]}, SCHEMA)
                last = number == len(chunks)
                yield Batch(
                    stream=split.streams[0].name,
                    data=data.select(split.streams[0].schema.names),
                    state={"next": (chunk[-1] + parts) if chunk else begin} if last or number % self.stateful == 0 else None,
                    rejects=reject_batch(rejects) if rejects else None,
                )
        finally:
            with self._lock:
                self.reading -= 1

    def ack(self, split: Split, state: State) -> None:
        self.acks.append((split.id, state["next"]))


class Rows:
    """A sink in memory whose committed rows and checkpoints outlive a `Died`. `die` is called with the name of each step."""

    def __init__(self, die: Callable[[str], None] = lambda step: None) -> None:
        self.rows: dict[str, list[int]] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.staged: dict[bytes, list[tuple[str, int]]] = {}
        self.pending: dict[str, list[tuple[str, int]]] = {}
        self.pieces: list[str] = []
        self.refuse: set[int] = set()
        self.refuse_late: set[int] = set()
        self.receipts: dict[str, Receipt] = {}
        self.die = die

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def check(self):
        return None

    def discover(self, only=None):
        return ()

    def alter(self, want, have, *, dry_run):
        return [f"create {want.name}"]

    def resume(self, load: Load) -> Checkpoint | None:
        self.staged.clear()
        return self.checkpoints.get(load.id)

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        found, rejects = [], []
        for batch in batches:
            self.die("batch")
            for n in batch.data.column("n").to_pylist():
                if n in self.refuse:
                    rejects.append(Reject(stream=batch.stream, code="refused", reason="no", raw=str(n).encode()))
                else:
                    found.append((batch.stream, n))
        self.pieces.append(piece)
        self.staged[piece.encode()] = found
        self.die("staged")
        return Receipt(rows=len(found), token=piece.encode(), rejects=reject_batch(rejects) if rejects else None)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        self.die("before commit")
        known = self.checkpoints.get(load.id)
        if known is None or known.id < at.id:
            rows = [row for receipt in receipts for row in self.staged[receipt.token]]
            held = self.pending.get(load.id, []) + rows if load.mode is WriteMode.REPLACE else []
            rows = rows if load.mode is not WriteMode.REPLACE else held if at.done else []
            late = [
                Reject(stream=name, code="refused", reason="late", raw=str(n).encode())
                for name, n in rows
                if n in self.refuse_late
            ]
            if load.max_rejects is not None and len(late) > load.max_rejects:
                error = DataError("too many", code="rejects")
                error.rejects = reject_batch(late)
                raise error
            rows = [row for row in rows if row[1] not in self.refuse_late]
            for receipt in receipts:
                del self.staged[receipt.token]
            self.pending[load.id] = [] if at.done else held
            if load.mode is WriteMode.REPLACE and at.done:
                self.rows = {}
            for name, n in rows:
                self.rows.setdefault(name, []).append(n)
            self.checkpoints[load.id] = at
            count = sum(receipt.rows for receipt in receipts) - len(late)
            self.receipts[load.id] = Receipt(rows=count, rejects=reject_batch(late) if late else None)
        self.die("after commit")
        return self.receipts[load.id]


def at_step(number: int) -> Callable[[str], None]:
    """Die at the `number`-th step."""
    left = [number]

    def die(step: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Died(step)

    return die


def wait_until(what: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
