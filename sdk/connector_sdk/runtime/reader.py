"""Reading one split to its end, whatever the connection does: retries, limits, the predicate that was left, the projection."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa

from connector_sdk.changes import RESERVED, is_change
from connector_sdk.config import Limits
from connector_sdk.contract import Batch, Source, Split, State, check_state
from connector_sdk.errors import ConfigError, InternalError, TransientError
from connector_sdk.rejects import REJECT_SCHEMA
from connector_sdk.runtime.limits import Throttle, respect_quiet_hours
from connector_sdk.runtime.retry import Retry, patiently
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.telemetry import Event, Paused, Retrying
from connector_sdk.runtime.where import columns_of, keep, typed_where
from connector_sdk.schema import Mode, Stream, Where

__all__ = ["Reader", "Request", "request"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to read: `streams` as the caller will see them, `wanted` as the source is asked (with columns only `where` needs)."""

    streams: tuple[Stream, ...]
    wanted: tuple[Stream, ...]
    mode: Mode
    where: Mapping[str, Where]

    @property
    def digest(self) -> str:
        """The same for the same request."""
        names = [(stream.name, stream.schema.names) for stream in self.streams]
        text = repr((sorted(names), str(self.mode), sorted(self.where.items())))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def request(
    streams: Sequence[Stream],
    mode: Mode,
    where: Mapping[str, Where] | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
) -> Request:
    """Check what is asked against what the streams declare. Raises ConfigError that names what does not fit."""
    where, columns = dict(where or {}), dict(columns or {})
    seen: list[Stream] = []
    wanted: list[Stream] = []
    for stream in streams:
        if mode not in stream.reads:
            offered = ", ".join(sorted(stream.reads)) or "none"
            raise ConfigError(
                f"stream {stream.name!r} does not offer {mode} reads",
                hint=_how_to_follow(stream) if mode is Mode.CHANGES and Mode.FULL in stream.reads else f"it offers: {offered}",
                stream=stream.name,
            )
        chosen = tuple(columns.get(stream.name) or stream.schema.names)
        seen.append(stream if list(chosen) == stream.schema.names else stream.only(chosen))
        if stream.name in where:
            where[stream.name] = typed_where(where[stream.name], stream.schema, stream.name)
        needed = [c for c in columns_of(where.get(stream.name, ())) if c not in chosen]
        if mode is not Mode.FULL:
            # Keys stay: without them changes and repeats could not be told apart.
            needed += [key for key in stream.keys if key not in chosen and key not in needed]
        everything = [*chosen, *needed]
        own = [name for name in RESERVED if name in everything] if mode is Mode.CHANGES else []
        if own:
            raise ConfigError(
                f"stream {stream.name!r} has fields of its own called {', '.join(own)}, as changes have",
                hint="--columns leaves them out",
                stream=stream.name,
            )
        wanted.append(stream if everything == stream.schema.names else stream.only(everything))
    return Request(streams=tuple(seen), wanted=tuple(wanted), mode=mode, where=where)


def _how_to_follow(stream: Stream) -> str:
    if not stream.keys:
        return "it has no key, and without one it cannot be told what changed"
    return (
        "`connector capture install` makes a database tell them; or set `index: FOLDER` in the configuration: "
        "changes are then found by comparing each full read with the one before"
    )


class Reader:
    """Reads splits of one source for one run; shared by the run's threads."""

    def __init__(
        self,
        source: Source,
        asked: Request,
        *,
        limits: Limits | None = None,
        retry: Retry | None = None,
        stop: Stop | None = None,
        emit: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self.source = source
        self.asked = asked
        self.limits = limits or Limits()
        self.retry = retry or Retry()
        self.stop = stop or Stop()
        self.emit = emit
        self._throttle = Throttle(self.limits)
        self._columns = {stream.name: stream.schema.names for stream in asked.streams}

    def plan(self) -> tuple[Split, ...]:
        """The source's splits for what is asked. Raises InternalError when they break the contract."""
        splits = self.patiently("plan", lambda: tuple(self.source.plan(self.asked.wanted, self.asked.mode, self.asked.where)))
        ids = [split.id for split in splits]
        if len(set(ids)) != len(ids):
            twice = next(i for i in ids if ids.count(i) > 1)
            raise InternalError(f"two splits of one plan are called {twice!r}", split=twice)
        return splits

    def read(self, split: Split, state: State | None, until: State | None = None) -> Generator[Batch, None, None]:
        """The batches of a split, filtered and projected.

        A TransientError is tried again from the last state where that is exact: when no row has been passed on since. Otherwise
        it is raised, and the caller starts over from its own last state.
        """
        since = state
        failures = 0
        while True:
            loose = False  # whether rows after `since` were passed on
            try:
                with closing(_generator(self.source.read(split, since, until))) as batches:
                    for batch in batches:
                        if batch.state is not None:
                            check_state(batch.state, split.id)
                        yield self._refine(split, batch)
                        loose = batch.state is None and (loose or batch.data.num_rows > 0 or batch.rejects is not None)
                        if batch.state is not None:
                            since = batch.state
                            failures = 0
                return
            except TransientError as error:
                if loose:
                    raise
                failures += 1
                self.wait_or_raise(split.id, failures, error)

    def patiently(self, what: str, ask: Callable[[], T]) -> T:
        """What `ask` returns, however often it has to be asked; `what` it is about goes into the event."""
        return patiently(ask, lambda failures, error: self.wait_or_raise(what, failures, error))

    def wait_or_raise(self, split: str, failures: int, error: TransientError) -> None:
        """Sleep before the next try after `failures` in a row, or raise `error` when that was the last one."""
        pause = None if self.stop.requested else self.retry.wait(failures, error)
        if pause is None:
            raise error
        self.emit(Retrying(split=split, attempt=failures + 1, wait=pause, reason=str(error)))
        if self.stop.wait(pause):
            raise self.stop.error()

    def _refine(self, split: Split, batch: Batch) -> Batch:
        respect_quiet_hours(self.limits)
        pause = self._throttle.pause_after(batch.data.num_rows)
        if pause > 0:
            self.emit(Paused(wait=pause, reason="max_rate"))
            self.stop.wait(pause)
        data = batch.data
        where = split.left.get(batch.stream)
        if where:
            data = keep(where, data)
        names = self._columns.get(batch.stream)
        if names is None:
            raise InternalError(f"split {split.id!r} gave a batch of {batch.stream!r}, which was not asked for", split=split.id)
        if is_change(data.schema):
            names = [name for name in data.schema.names if name in RESERVED] + names
        if data.schema.names != names:
            data = _select(data, names, split.id)
        rejects = batch.rejects
        if rejects is not None and not rejects.num_rows:
            rejects = None
        if rejects is not None and rejects.schema != REJECT_SCHEMA:
            rejects = rejects.cast(REJECT_SCHEMA)
        return batch if data is batch.data and rejects is batch.rejects else replace(batch, data=data, rejects=rejects)


def _select(data: pa.RecordBatch, names: Sequence[str], split: str) -> pa.RecordBatch:
    missing = [name for name in names if name not in data.schema.names]
    if missing:
        raise InternalError(f"split {split!r} gave batches without {', '.join(map(repr, missing))}", split=split)
    return data.select(list(names))


def _generator(batches: Iterator[Batch]) -> Generator[Batch, None, None]:
    """`batches` as something that closes: a plain iterator is allowed by the contract, and has nothing to release."""
    if isinstance(batches, Generator):
        return batches
    return (batch for batch in batches)
