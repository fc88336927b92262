"""The source wrapper: whatever can be read whole and has keys is read as changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from connector_sdk.changes import BEFORE_TOLD
from connector_sdk.config import MAX_CHANGE, Limits
from connector_sdk.contract import Batch, Source, Split, State
from connector_sdk.errors import ConfigError, StateInvalidError
from connector_sdk.runtime.index_files import damaged
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.snapshot_diff.brake import Brake
from connector_sdk.runtime.snapshot_diff.history import Generation, History, Position
from connector_sdk.runtime.snapshot_diff.reading import Reading, Terms
from connector_sdk.runtime.snapshot_diff.snapshot import ends_from_bytes
from connector_sdk.schema import JSON, Mode, Stream, Where

__all__ = ["SnapshotDiff"]

_MARK = "snapshot_diff"


class SnapshotDiff:
    """`source`, with CHANGES for every stream that it reads whole, that has keys, and for which it has no better way.

    Each read of changes reads the stream whole, compares it by hashes with what the read before found, and gives the
    difference: ``r`` for every row the first time, then ``d`` (only the key fields are known), ``c`` and ``u``, deletes first,
    the others in the source's own order. With `before`, ``u`` and ``d`` tell in ``_before`` the row as it was; the index then
    keeps whole rows.

    What is found is written to `index` before it is given, and stays until it is acknowledged: from any state the very same
    changes come again. A read that fails, is stopped or dies leaves the index as it was.

    - **The brake**: when a snapshot would delete and change more than `max_change` of the rows that were there, DataError (code
      ``max_change``), and nothing is taken over. `confirm` or None lifts it; the first read has none.
    - **Keys**: two rows of one key, or a key with a null, are a DataError (``duplicate_key``, ``null_key``).
    - **Rejects** are passed on first, and only a reader who goes on after them has the snapshot taken over. While there are
      any, nothing is deleted: a row that could not be decoded is not a row that is gone.
    - **A new schema**: rows whose values differ are changed, so a new field matters only where it has a value, and a wider
      number or more decimal places not at all. Another key is a SchemaDriftError.
    - **A predicate** chooses the rows that are compared: a row that no longer meets it is deleted.
    """

    def __init__(
        self,
        source: Source,
        index: Path,
        *,
        max_change: float | None = MAX_CHANGE,
        confirm: bool = False,
        before: bool = False,
        limits: Limits | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.source = source
        self.index = index
        self._terms = Terms(
            source=source,
            brake=Brake(max_change=None if confirm else max_change),
            before=before,
            limits=limits or Limits(),
            retry=retry or Retry(),
        )

    def __enter__(self) -> Self:
        self.source.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.source.__exit__(kind, error, trace)

    def check(self) -> None:
        self.source.check()

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        return [self._offering(stream) for stream in self.source.discover(only)]

    def _offering(self, stream: Stream) -> Stream:
        if Mode.CHANGES in stream.reads or Mode.FULL not in stream.reads or not stream.keys:
            return stream
        schema = stream.schema
        if self._terms.before:
            schema = schema.with_metadata({**(schema.metadata or {}), BEFORE_TOLD: b"1"})
        return replace(stream, schema=schema, reads=stream.reads | {Mode.CHANGES})

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        if mode is not Mode.CHANGES:
            return self.source.plan(streams, mode, where)
        offered = {stream.name: stream for stream in self.source.discover([stream.name for stream in streams])}
        native = [s for s in streams if s.name in offered and Mode.CHANGES in offered[s.name].reads]
        splits = (
            list(self.source.plan(native, mode, {s.name: where[s.name] for s in native if s.name in where})) if native else []
        )
        for stream in streams:
            if stream in native:
                continue
            if not stream.keys or Mode.FULL not in stream.reads:
                raise ConfigError(
                    f"the changes of stream {stream.name!r} cannot be told: it "
                    + ("has no key" if not stream.keys else "is not read whole"),
                    stream=stream.name,
                )
            told = {stream.name: where[stream.name]} if stream.name in where else {}
            left = Split(id="", streams=(), mode=Mode.FULL, left=told).to_json()["left"]
            spec: JSON = {_MARK: 1, "where": left}
            splits.append(Split(id=f"{stream.name} by comparison", streams=(stream,), mode=mode, spec=spec))
        return splits

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        if not _is_ours(split):
            yield from self.source.read(split, state, until)
            return
        end = None if until is None else Position.from_state(until)
        position = Position.from_state(state) if state is not None else Position(end.history) if end else Position.fresh()
        if end is not None and (end.history != position.history or end < position):
            raise StateInvalidError(f"split {split.id!r}: `until` is not a later state of the same reading", split=split.id)
        history = History.of(self.index, split.streams[0].name, position)
        reading = Reading(self._terms, history, split, _where_of(split), position)
        if state is None or position == end:
            yield reading.empty()
        if end is None:
            yield from reading.onward()
        else:
            yield from reading.stored(end)

    def ack(self, split: Split, state: State) -> None:
        if not _is_ours(split):
            self.source.ack(split, state)
            return
        position = Position.from_state(state)
        history = History.of(self.index, split.streams[0].name, position)
        for seq in history.sequences():
            generation = history.generation(seq)
            if Position(position.history, seq, generation.differences) <= position:
                for inner, end in _ends(history, generation):
                    self.source.ack(inner, end)
        history.forget(position)


def _is_ours(split: Split) -> bool:
    return isinstance(split.spec, Mapping) and _MARK in split.spec


def _where_of(split: Split) -> Mapping[str, Where]:
    spec = cast("Mapping[str, Any]", split.spec)
    empty = Split(id="", streams=(), mode=Mode.FULL).to_json()
    return Split.from_json({**empty, "left": spec["where"]}).left


def _ends(history: History, generation: Generation) -> list[tuple[Split, State]]:
    """Up to where the source was read for `generation`; nothing when that was acknowledged before."""
    path = history.folder / generation.parts["acks"].name
    try:
        return ends_from_bytes(path.read_bytes(), generation.stream)
    except FileNotFoundError:
        return []
    except ValueError:
        raise damaged(path, "it is not JSON") from None
