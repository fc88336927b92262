"""A connector for every law, that breaks it in the way people do: the fake connector with one thing wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
from connector_sdk import changes
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Split, State
from connector_sdk.schema import Mode, Stream, Where, WriteMode
from connector_sdk.testing.fakes import FakeConnector


class LosesASplit(FakeConnector):
    """Law 1: one part of the plan falls through."""

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        splits = super().plan(streams, mode, where)
        return [*splits[:1], *splits[2:]] if mode is Mode.FULL else splits


class ResumesOneRowEarly(FakeConnector):
    """Law 2: ``>=`` where ``>`` was meant."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        if split.mode is Mode.INCREMENTAL and state is not None and int(state["log"]) > 0:
            state = {"v": 1, "log": int(state["log"]) - 1}
        return super().read(split, state, until)


class BelievesInTheCursor(FakeConnector):
    """Law 3: what has a cursor value that was passed is taken to be known."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        cursor = split.streams[0].cursor
        if split.mode is not Mode.INCREMENTAL or cursor is None:
            yield from super().read(split, state, until)
            return
        passed = "" if state is None else state["passed"]
        for batch in super().read(split, state, until):
            rows = []
            for row in batch.data.to_pylist():
                if row[cursor].isoformat() > passed:
                    rows.append(row)
                    passed = row[cursor].isoformat()
            data = pa.RecordBatch.from_pylist(rows, schema=batch.data.schema)
            yield replace(batch, data=data, state={**batch.state, "passed": passed})


class MarksItsPlaceLast(FakeConnector):
    """Law 4 (and so law 11): takes the snapshot, and only then looks where the log stands."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        if split.mode is not Mode.CHANGES or state is not None:
            yield from super().read(split, state, until)
            return
        snapshot = [batch for batch in super().read(split, None) if batch.data.num_rows]
        for batch in snapshot:
            yield replace(batch, state=None)
        yield Batch(stream=snapshot[-1].stream, data=snapshot[-1].data.slice(0, 0), state={"v": 1, "log": len(self.system.log)})


class CommitsAgain(FakeConnector):
    """Law 5: a checkpoint that is known already is published once more."""

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        kept = {
            receipt.token: list(self.system.staged.get(receipt.token, _published.get(receipt.token, []))) for receipt in receipts
        }
        _published.update(kept)
        with self.system.change() as system:
            if load.id in system.loads and system.loads[load.id].at.id == at.id:
                del system.loads[load.id]
        self.system.staged.update(kept)
        return super().commit(load, receipts, at)


_published: dict[bytes, list] = {}


class ForgetsItsCheckpoint(FakeConnector):
    """Law 6: the rows are published in one step, what was published in another."""

    def resume(self, load: Load) -> Checkpoint | None:
        super().resume(load)
        return None


class DropsTheMetadata(FakeConnector):
    """Law 7: discovers native types and documentation, and hands out batches without them."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        for batch in super().read(split, state, until):
            bare = pa.schema([pa.field(f.name, f.type, f.nullable) for f in batch.data.schema])
            yield replace(batch, data=pa.RecordBatch.from_arrays(batch.data.columns, schema=bare))


class SkipsBadRecords(FakeConnector):
    """Law 8: what cannot be decoded is left out, and nobody is told."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        for batch in super().read(split, state, until):
            yield replace(batch, rejects=None)


class LogsItsPassword(FakeConnector):
    """Law 9: only when debugging."""

    def check(self) -> None:
        logging.getLogger("broken").debug("logging in with %s", self.config.password and self.config.password.reveal())


class CastsQuietly(FakeConnector):
    """Law 10: a field that became another one is made to fit."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        now = self.system.snapshot().streams
        current = replace(split, streams=tuple(replace(s, schema=now[s.name].schema) for s in split.streams))
        asked = {stream.name: stream.schema for stream in split.streams}
        for batch in super().read(current, state, until):
            schema = asked[batch.stream]
            if split.mode is Mode.CHANGES:
                schema = changes.change_schema(schema)
            columns = [
                batch.data.column(f.name)
                if batch.data.schema.field(f.name).type == f.type
                else pa.nulls(batch.data.num_rows, f.type)
                for f in schema
            ]
            yield replace(batch, data=pa.RecordBatch.from_arrays(columns, schema=schema))


class SeesNoDeletes(FakeConnector):
    """Law 11 (and so 4 and 6): calls it changes, and leaves the deletes out."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        for batch in super().read(split, state, until):
            if split.mode is Mode.CHANGES:
                kept = [op != "d" for op in batch.data.column(changes.OP).to_pylist()]
                batch = replace(batch, data=batch.data.filter(pa.array(kept, pa.bool_())))
            yield batch


class RemembersEverything(FakeConnector):
    """Law 12: its state is a list of all it has seen."""

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        seen = list(state["seen"]) if state else []
        for batch in super().read(split, state, until):
            if batch.data.num_rows:
                seen = [*seen, *[batch.state] * batch.data.num_rows]
            yield replace(batch, state={**batch.state, "seen": seen})


class ReadsOnly(FakeConnector):
    """Nothing broken: a source that cannot be written, and says so."""

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [replace(stream, writes=frozenset(), reads=stream.reads - {Mode.CHANGES}) for stream in super().discover(only)]


class WritesOnly(FakeConnector):
    """Nothing broken: a sink that cannot be read, and says so."""

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [
            replace(stream, reads=frozenset(), writes=stream.writes & {WriteMode.APPEND}) for stream in super().discover(only)
        ]


BROKEN: Mapping[type[FakeConnector], set[int]] = {
    LosesASplit: {1, 6},
    ResumesOneRowEarly: {2, 6},
    BelievesInTheCursor: {3},
    MarksItsPlaceLast: {4, 11},
    CommitsAgain: {5},
    ForgetsItsCheckpoint: {6},
    DropsTheMetadata: {7},
    SkipsBadRecords: {8},
    LogsItsPassword: {9},
    CastsQuietly: {10},
    SeesNoDeletes: {11, 4, 6},
    RemembersEverything: {12},
}
"""Which laws each of them breaks: its own, and those that follow from it."""
