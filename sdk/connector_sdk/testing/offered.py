"""A connector as people meet it: read as a session reads it, changes by comparison included; written as it is itself.

The laws are about what is offered, whoever offers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Sink, Split, State
from connector_sdk.runtime.snapshot_diff import offer
from connector_sdk.schema import Mode, Stream, Where

__all__ = ["as_offered"]


def as_offered(connector: Any) -> Any:
    """`connector`, or what reads as a session with it would; a Source, a Sink or both, as it is. Opening it opens `connector`."""
    source = offer(connector)
    return _Both(source, connector) if source is not connector and isinstance(connector, Sink) else source


class _Both:
    """Reads through `source`, writes through `sink`, which `source` opens and closes."""

    def __init__(self, source: Any, sink: Sink) -> None:
        self._source = source
        self._sink = sink

    def __enter__(self) -> Self:
        self._source.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._source.__exit__(kind, error, trace)

    def check(self) -> None:
        self._source.check()

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        found: Iterable[Stream] = self._source.discover(only)
        return found

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        splits: Sequence[Split] = self._source.plan(streams, mode, where)
        return splits

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        batches: Iterator[Batch] = self._source.read(split, state, until)
        return batches

    def ack(self, split: Split, state: State) -> None:
        self._source.ack(split, state)

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        return self._sink.alter(want, have, dry_run=dry_run)

    def resume(self, load: Load) -> Checkpoint | None:
        return self._sink.resume(load)

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        return self._sink.write(load, piece, batches)

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        return self._sink.commit(load, receipts, at)
