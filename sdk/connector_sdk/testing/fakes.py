"""The fake connector: the whole contract in a hundred plain lines, and the proof that the contract is right.

It is the other end of every law: sources are run against it as a sink, sinks against it as a source. It is also an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pyarrow as pa

from connector_sdk.config import ConnectorConfig, Secret
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Split, State
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.schema import Mode, Stream, Where, WriteMode
from connector_sdk.testing.fake_log import batch_of, chunks, steps_between
from connector_sdk.testing.fake_records import Entry, entries_of
from connector_sdk.testing.fake_system import Committed, System, system_at

__all__ = ["FakeConfig", "FakeConnector"]


class FakeConfig(ConnectorConfig):
    """Which system (`file`: one that outlives the process), and how finely it is read."""

    file: Path | None = None
    name: str = "default"
    password: Secret | None = None
    batch_rows: int = 7
    splits: int = 3


class FakeConnector:
    """A source and a sink over a log of records."""

    simulator: ClassVar[str] = "connector_sdk.testing.fake_simulator:FakeSimulator"

    def __init__(self, config: FakeConfig) -> None:
        self.config = config

    @property
    def system(self) -> System:
        return system_at(self.config.file or self.config.name)

    def __enter__(self) -> Self:
        password = self.config.password
        if not self.system.snapshot().allows(None if password is None else password.reveal()):
            raise ConfigError("the fake system does not know this password", code="login")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        return None

    def check(self) -> None:
        """Nothing beyond what entering tests."""

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [stream for stream in self.system.snapshot().streams.values() if only is None or stream.name in only]

    # Reading. A FULL split is every n-th row by where it was inserted; the other modes are one split: the log.

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        if mode is Mode.FULL:
            n = self.config.splits
            return [
                Split(id=f"{s.name}-{part}of{n}", streams=(s,), mode=mode, spec=[part, n], left=where)
                for s in streams
                for part in range(n)
            ]
        if mode is Mode.INCREMENTAL:
            return [Split(id=s.name, streams=(s,), mode=mode, left=where) for s in streams]
        return [Split(id="log", streams=tuple(streams), mode=mode, left=where)]

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        system = self.system.snapshot()
        for stream in split.streams:
            same_shape(stream, system)
        if split.mode is Mode.CHANGES and state is None:
            state = {"v": 1, "low": len(system.log), "rows": [0, -1]}
            yield batch_of(system, split.streams[0], split.mode, [], state)
        for stream, steps in chunks(steps_between(system, split, state, until), self.config.batch_rows):
            state = steps[-1].after
            yield batch_of(system, stream, split.mode, steps, state)
        end = state or {"v": 1, "row": -1} if split.mode is Mode.FULL else {"v": 1, "log": len(system.log)}
        yield batch_of(system, split.streams[0], split.mode, [], until or end)

    def ack(self, split: Split, state: State) -> None:
        """The log is kept for ever."""

    # Writing. What is staged lives in memory; a commit is one change of the system.

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        if have is not None:
            gone = [f.name for f in want.schema if f.name not in have.schema.names or have.schema.field(f.name).type != f.type]
            if gone:
                raise SchemaDriftError(f"stream {want.name!r} has other fields", fields=tuple(gone), stream=want.name)
            return []
        if not dry_run:
            with self.system.change() as system:
                reads = {Mode.FULL, Mode.INCREMENTAL} | ({Mode.CHANGES} if want.keys else set())
                writes = {WriteMode.APPEND, WriteMode.REPLACE} | ({WriteMode.UPSERT, WriteMode.APPLY} if want.keys else set())
                system.streams[want.name] = replace(want, reads=frozenset(reads), writes=frozenset(writes), repeats=frozenset())
        return [f"create {want.name}"]

    def resume(self, load: Load) -> Checkpoint | None:
        for token in [token for token in self.system.staged if token.startswith(load.id.encode())]:
            del self.system.staged[token]
        known = self.system.snapshot().loads.get(load.id)
        return known and known.at

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        streams = {stream.name: stream for stream in load.streams}
        entries = [entry for batch in batches for entry in entries_of(streams[batch.stream], batch.data, load.mode)]
        token = f"{load.id}/{piece}".encode()
        self.system.staged[token] = entries
        return Receipt(rows=len(entries), token=token)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        with self.system.change() as system:
            known = system.loads.get(load.id)
            if known is not None and known.at.id >= at.id:
                return Receipt(rows=known.rows)
            entries = [entry for receipt in receipts for entry in system.staged.pop(receipt.token)]
            pending: list[Entry] = []
            if load.mode is WriteMode.REPLACE:
                pending = [*(known.pending if known else ()), *entries]
                entries = [Entry(s.name, "t", "", b"{}") for s in load.streams] + pending if at.done else []
            system.append(entries)
            rows = sum(receipt.rows for receipt in receipts)
            system.loads[load.id] = Committed(at, rows, () if at.done else tuple(pending))
            return Receipt(rows=rows)


def same_shape(stream: Stream, system: System) -> None:
    """Raises SchemaDriftError when the system's stream is no longer what `stream` says, or a projection of it."""
    now = system.streams[stream.name].schema if stream.name in system.streams else pa.schema([])
    fields = tuple(f.name for f in stream.schema if f.name not in now.names or now.field(f.name).type != f.type)
    if fields:
        raise SchemaDriftError(f"stream {stream.name!r} changed: {', '.join(fields)}", fields=fields, stream=stream.name)
