"""What a connector is: four protocols and the values that pass between a connector and the engine.

Arrow is the only currency. A connector implements :class:`Source`, :class:`Sink`, :class:`Caller` or any of them together; it
inherits nothing. Everything it cannot do is declared data (`Stream.reads`, `Stream.writes`, `Stream.repeats`) that the engine,
the hosts and the laws read. An in-memory connector that keeps this contract is :mod:`connector_sdk.testing.fakes`.

**Threads.** One opened connector may be used by several threads at once: different splits are read, and different pieces
written, side by side; one split is read by one thread at a time. Threads that a read starts end with it. Every wait has a
timeout. **Cancellation** is the closing of an iterator between two batches (``GeneratorExit`` at the ``yield``): release what the
read holds, and nothing else; no state is lost, since a state counts only when the engine has committed it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

import pyarrow as pa

from connector_sdk.errors import InternalError
from connector_sdk.schema import JSON, Mode, Scalar, Stream, Where, WriteMode

__all__ = [
    "STATE_LIMIT",
    "Batch",
    "Caller",
    "Checkpoint",
    "Connector",
    "Load",
    "Operation",
    "Receipt",
    "Replayer",
    "Sink",
    "Source",
    "Split",
    "State",
    "check_state",
]

State: TypeAlias = Mapping[str, Any]
"""Where to go on reading a split: JSON, opaque to everyone but its connector, at most 64 KB, and it carries its own version."""

STATE_LIMIT = 64 * 1024


def check_state(state: State, split: str) -> State:
    """`state` itself. Raises InternalError when it is not JSON or larger than 64 KB."""
    try:
        size = len(json.dumps(state, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InternalError(f"the state of split {split!r} is not JSON: {error}", split=split) from None
    if size > STATE_LIMIT:
        raise InternalError(
            f"the state of split {split!r} is {size:,} bytes as JSON, {STATE_LIMIT:,} allowed",
            hint="keep what is larger in config.index and name it in the state",
            split=split,
        )
    return state


@dataclass(frozen=True, kw_only=True)
class Split:
    """The one unit of read, of parallelism and of state. It pickles, and goes to JSON and back.

    `spec` is the connector's own description of what to read, as JSON. `left` is, by stream, the part of the caller's predicate
    that the source does not evaluate itself and the engine must. Ids of INCREMENTAL and CHANGES splits do not depend on the data.
    Outside FULL, all rows of one key lie in one split.
    """

    id: str
    streams: tuple[Stream, ...]
    mode: Mode
    spec: Any = None
    left: Mapping[str, Where] = field(default_factory=dict)

    def to_json(self) -> dict[str, JSON]:
        """A JSON object for :meth:`from_json`."""
        return {
            "id": self.id,
            "streams": [stream.to_json() for stream in self.streams],
            "mode": str(self.mode),
            "spec": self.spec,
            "left": {
                name: [[[column, op, _scalar_to_json(value)] for column, op, value in group] for group in where]
                for name, where in self.left.items()
            },
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Split:
        """The split that :meth:`to_json` wrote."""
        return cls(
            id=value["id"],
            streams=tuple(Stream.from_json(stream) for stream in value["streams"]),
            mode=Mode(value["mode"]),
            spec=value["spec"],
            left={
                name: tuple(tuple((c, op, _scalar_from_json(v)) for c, op, v in group) for group in where)
                for name, where in value["left"].items()
            },
        )


def _scalar_to_json(value: Scalar) -> JSON:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return {type(value).__name__: str(value) if not hasattr(value, "isoformat") else value.isoformat()}


def _scalar_from_json(value: Any) -> Scalar:
    if not isinstance(value, Mapping):
        return value  # type: ignore[no-any-return]
    from datetime import date, datetime, time
    from decimal import Decimal

    (kind, text), *_ = value.items()
    if kind == "bytes":
        return bytes.fromhex(text)
    if kind == "Decimal":
        return Decimal(text)
    return {"date": date, "datetime": datetime, "time": time}[kind].fromisoformat(text)  # type: ignore[attr-defined, no-any-return]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Rows of one stream, and where to resume after them.

    `data` has the schema of the split's stream, or that of its change batches. `state` is where to go on AFTER this batch; None
    means that this is not a safe place to stop. `rejects` (`connector_sdk.rejects.REJECT_SCHEMA`) are the records between the
    previous batch and this one that could not be decoded. A batch of no rows with a state is a heartbeat.
    """

    stream: str
    data: pa.RecordBatch
    state: State | None = None
    rejects: pa.RecordBatch | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """One job's writing: all its streams, one sequence of checkpoints. `id` is the same across restarts and runs of one job."""

    id: str
    streams: tuple[Stream, ...]
    mode: WriteMode
    max_rejects: int | None = 0


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a write did: rows taken, the sink's own token for what is staged, what it refused, and what it assigned.

    `token` means something only to the sink, must survive JSON as base64, and is small. `returned` has keys and versions.
    """

    rows: int = 0
    token: bytes = b""
    rejects: pa.RecordBatch | None = None
    returned: pa.RecordBatch | None = None


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A point of a load: up to where each split has been taken. Ids count up from 1 and never repeat within a load.

    `states` has the state of every split that has one. `splits` is the saved plan of a FULL read that is not done. `done` closes
    one run: a REPLACE publishes, and the next run of the same load starts a new plan with the next id.
    """

    id: int
    states: Mapping[str, State] = field(default_factory=dict)
    splits: tuple[Split, ...] = ()
    done: bool = False

    def to_json(self) -> dict[str, JSON]:
        """A JSON object for :meth:`from_json`: what a sink keeps, so that its :meth:`Sink.resume` can tell it again."""
        return {
            "id": self.id,
            "states": {split: dict(state) for split, state in self.states.items()},
            "splits": [split.to_json() for split in self.splits],
            "done": self.done,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Checkpoint:
        """The checkpoint that :meth:`to_json` wrote."""
        splits = tuple(Split.from_json(split) for split in value["splits"])
        return cls(id=value["id"], states=value["states"], splits=splits, done=value["done"])


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something a system does that is not a stream: a function, a stored procedure, installing a trigger."""

    name: str
    input: pa.Schema
    output: pa.Schema | None = None
    doc: str | None = None
    changes_system: bool = True


@runtime_checkable
class Connector(Protocol):
    """What every connector has. Its ``__init__`` takes one argument, ``config``, whose annotation is its config model.

    ``__init__`` does no I/O, and the instance pickles until it is opened. ``with connector:`` opens and closes what it
    holds. A class attribute ``simulator = "package.module:Class"`` names the stand-in of its system
    (`connector_sdk.testing.simulation`).
    """

    def __enter__(self) -> Self:
        """Called once, before any other method, by the engine, a host or a session. May leave connecting to the first use.

        Raises ConfigError (what the user must change) or TransientError (worth another try).
        """
        ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        """Release everything. Called once, after all reads have been closed; must not raise for a connection already gone."""
        ...

    def check(self) -> None:
        """Say whether the configuration works: reach the system, log in, touch what will be used. Changes nothing there.

        Called by ``connector check`` and by hosts before a run. Returns when all is well; raises ConfigError, or TransientError
        when only time can help.
        """
        ...

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        """The streams that exist, with types, keys and capabilities; `only` restricts to those names, for speed.

        Called before every plan and on its own. It reads descriptions, not data, where the system has descriptions. A name in
        `only` that does not exist is left out: the caller reports it. Runs beside nothing else.
        """
        ...


@runtime_checkable
class Source(Connector, Protocol):
    """A connector that can be read."""

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        """Cut the reading of `streams` in `mode` into splits.

        Called once per run by the thread that runs the job, after `discover` (not for a FULL run that is resumed: its plan was
        saved). A stream with a reduced schema is a projection, and its fields' order is to be kept. From `where` push down only
        what gives exactly the engine's answer, and leave the rest in `Split.left`. Ids are stable: the same request has the
        same ids, and outside FULL they do not depend on the data.
        """
        ...

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        """The rows of `split` after `state` (None: from its start).

        Ends when it has caught up with where the source stood at its start, or exactly at `until`, a state emitted earlier. The
        last batch carries a state, empty of rows if need be; after it the split is done for this run. In CHANGES with no state,
        the first batch is empty and carries the low-water state, which the engine commits before it pulls again.
        Runs in a thread of its own beside reads of other splits; order holds within the split only. A record that cannot be
        decoded becomes a reject, never an exception. Raises TransientError when the engine should try again from the last
        state, SchemaDriftError when the shape is not the stream's, StateInvalidError when `state` cannot be continued from.
        """
        ...

    def ack(self, split: Split, state: State) -> None:
        """The host holds everything up to `state` durably: advance a replication slot, archive or delete a file.

        Cumulative and idempotent. Called after each commit and, at the start of a run, for the states it starts from, since the
        earlier run may have died before it could. May run beside `read`, and in another process. A TransientError here is
        reported and does not fail the run: the next ack covers it.
        """
        ...


@runtime_checkable
class Sink(Connector, Protocol):
    """A connector that can be written to."""

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        """Make the target able to hold `want`; `have` is what `discover` found, None when it does not exist.

        Returns the steps in the system's own words (DDL, folders), and carries them out unless `dry_run`. Called once per
        stream before the first write of a run. Never narrows or drops: what would lose data raises SchemaDriftError.
        """
        ...

    def resume(self, load: Load) -> Checkpoint | None:
        """The sink's own truth: the last checkpoint it committed of `load`, None if it has none.

        Called once at the start of a run, before any write. Finishes a commit that was cut half-way and discards staging that
        was never committed. What it returns beats the state file.
        """
        ...

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        """Stage one piece: nothing becomes visible. May run in any thread or process, beside other pieces of the load.

        `piece` names a split from one start state to an emitted state; it is the same when the piece is tried again, so
        idempotency keys come from it and the row's ordinal. The iterable is pulled once, lazily; when it raises, or when the
        write is cancelled, drop what was staged and let the exception pass. Rows the target refuses come back as
        `Receipt.rejects`.
        """
        ...

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        """Publish what `receipts` stage and remember `at`, in one atomic step as far as the system can.

        Called by one thread at a time, with ids counting up. A repeated id is a no-op that returns the same receipt. Under
        REPLACE nothing is visible before `at.done`. When it returns, the data and the checkpoint survive the death of this
        process.

        Rows that the target refuses only now come back as `Receipt.rejects`; of these `load.max_rejects` says how many there may
        still be. More than that: publish nothing, and raise DataError with them as its `rejects`. Where what was staged is gone
        (its server was restarted), raise TransientError with the code ``staging_lost``: the piece is then read and written again.
        """
        ...


@runtime_checkable
class Caller(Connector, Protocol):
    """A connector to a system with operations that are not streams; also for installing triggers, slots and the like."""

    def operations(self) -> Iterable[Operation]:
        """The operations that exist, with their input and output as Arrow schemas."""
        ...

    def call(self, name: str, arguments: Mapping[str, object]) -> object:
        """Run one operation and return its result as plain Python values. Never retried by the engine."""
        ...


@runtime_checkable
class Replayer(Connector, Protocol):
    """A source that can decode a rejected record again, for ``connector replay``."""

    def replay(self, stream: Stream, rejects: pa.RecordBatch) -> Iterator[Batch]:
        """Decode the records in `rejects` (`REJECT_SCHEMA`, all of `stream`, `raw_form` ``bytes``) with what is configured now.

        `raw` may be cut at 64 KB: then read the record again from `place` and `offset`. Still-bad records come back as rejects.
        """
        ...
