"""Connectors for people who import them: open one, look, read Arrow or typed rows, write, copy."""

from __future__ import annotations

import difflib
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from connector_sdk import plugins
from connector_sdk.config import Limits
from connector_sdk.contract import Caller, Connector, Operation, Sink, Source, State
from connector_sdk.errors import ConfigError, TransientError
from connector_sdk.runtime import engine
from connector_sdk.runtime.reader import Reader, Request
from connector_sdk.runtime.reading import Reading
from connector_sdk.runtime.retry import Retry, patiently
from connector_sdk.runtime.snapshot_diff import offer
from connector_sdk.runtime.state_store import FileStore, MemoryStore
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.table_source import TableSource
from connector_sdk.runtime.telemetry import Listener, Retrying
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Mode, Stream, Where, WriteMode

__all__ = ["Session", "copy", "open"]

T = TypeVar("T")


def open(name: str | type[Any], /, **config: Any) -> Session:  # noqa: A001 - connector_sdk.open is the field's word
    """A session with the connector `name` (installed, ``module:Class``, or a class), configured by keywords.

    Nothing is connected before the first use. Raises ConfigError for an unknown connector or a wrong key.
    """
    connector = plugins.find(name) if isinstance(name, str) else name
    title = name if isinstance(name, str) else f"{name.__module__}:{name.__qualname__}"
    return Session(plugins.make(connector, config), title)


class Session:
    """One opened connector. Use it in a ``with`` block, or call :meth:`close`; reading from it re-opens nothing.

    While the system is out of reach, opening and discovering are tried again as `retry` says; `listener` hears of it.
    """

    def __init__(
        self,
        connector: Connector,
        name: str | None = None,
        *,
        confirm: bool = False,
        retry: Retry | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.connector = connector
        self.retry = retry or Retry()
        self.emit: Listener = listener or (lambda _event: None)
        # With an index configured, changes are offered wherever everything can be read and has keys; `confirm` lifts their brake.
        self._offered = offer(connector, confirm=confirm)
        self.name = name or f"{type(connector).__module__}:{type(connector).__qualname__}"
        self._open: ExitStack | None = None
        self._closed = False
        self._streams: dict[str, Stream] = {}
        self._complete = False

    def __repr__(self) -> str:
        return f"<Session {self.name}, {'open' if self._open else 'closed'}>"

    def __enter__(self) -> Self:
        self._closed = False
        self.opened()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.close()

    def opened(self) -> Connector:
        """The connector, entered. Raises ConfigError after :meth:`close`: what is closed does not open by being used."""
        if self._closed:
            raise ConfigError(f"the session with {self.name} is closed", hint="read within its with block, or open another")
        if self._open is None:
            stack = ExitStack()
            self._patiently("open", lambda: stack.enter_context(self.connector))
            self._open = stack
        return self.connector

    def close(self) -> None:
        """Release the connector. Again is fine; only another ``with`` opens it once more."""
        self._closed = True
        stack, self._open = self._open, None
        if stack is not None:
            stack.close()

    @property
    def limits(self) -> Limits:
        """The courtesy limits of the connector's configuration."""
        found = getattr(getattr(self.connector, "config", None), "limits", None)
        return found if isinstance(found, Limits) else Limits()

    def check(self) -> None:
        """Reach the system and log in. Raises the ConnectorError that says what is wrong, at the first try."""
        self.opened().check()

    def discover(self, only: Sequence[str] | None = None) -> list[Stream]:
        """The streams, sorted by name. Raises ConfigError for a name in `only` that does not exist."""
        self.opened()
        found = {stream.name: stream for stream in self._patiently("discover", lambda: list(self._offered.discover(only)))}
        self._streams.update(found)
        if only is None:
            self._complete = True
            return [found[name] for name in sorted(found)]
        missing = [name for name in only if name not in found]
        if missing:
            names = sorted(stream.name for stream in self.connector.discover())
            near = difflib.get_close_matches(missing[0], names, 1)
            raise ConfigError(
                f"{self.name} has no stream {missing[0]!r}",
                hint=f"did you mean {near[0]}?" if near else f"it has {', '.join(names[:20]) or 'none'}",
                stream=missing[0],
            )
        return [found[name] for name in only]

    def stream(self, name: str) -> Stream:
        """One stream, discovered once."""
        if name not in self._streams:
            self.discover([name])
        return self._streams[name]

    def read(
        self,
        stream: str,
        *,
        mode: Mode | str = Mode.FULL,
        where: Where | str | None = None,
        columns: Sequence[str] | None = None,
        state: Mapping[str, State] | None = None,
        max_rejects: int | None = 0,
        retry: Retry | None = None,
    ) -> Reading:
        """A reading of `stream`: nothing is read before it is used, and each use reads anew from `state`.

        `where` is text as for :func:`connector_sdk.runtime.where.parse_where`; `state` is an earlier reading's `state`.
        """
        found = self.stream(stream)
        predicate = parse_where(where) if isinstance(where, str) else where

        def begin(asked: Request) -> Reader:
            return Reader(self.source(), asked, limits=self.limits, retry=retry or self.retry, emit=self.emit)

        return Reading(
            name=self.name,
            open=begin,
            stream=found,
            mode=Mode(mode),
            where={stream: predicate} if predicate else {},
            columns=tuple(columns) if columns is not None else None,
            start=state or {},
            max_rejects=max_rejects,
        )

    def changes(self, stream: str, *, state: Mapping[str, State] | None = None, max_rejects: int | None = 0) -> Reading:
        """The changes of `stream` since `state`, as change batches (:mod:`connector_sdk.changes`)."""
        return self.read(stream, mode=Mode.CHANGES, state=state, max_rejects=max_rejects)

    def write(
        self,
        stream: str,
        data: Any,
        *,
        mode: WriteMode | str = WriteMode.APPEND,
        keys: Sequence[str] = (),
        max_rejects: int | None = 0,
        listener: Listener | None = None,
    ) -> engine.Result:
        """Write `data` to `stream`: a Reading, anything with ``__arrow_c_stream__``, a table, batches, or a list of dicts.

        Raises DataError when the target refuses more than `max_rejects` rows; nothing of the piece at hand is then written.
        """
        sink = self.sink()
        with TableSource(stream, data, keys=keys, like=self._known(stream)) as source:
            return engine.run(
                engine.Job(
                    source=source,
                    sink=sink,
                    streams=tuple(source.discover()),
                    mode=source.mode,
                    write=WriteMode(mode),
                    store=MemoryStore(self.name),
                    max_rejects=max_rejects,
                    listener=listener,
                )
            )

    def operations(self) -> list[Operation]:
        """What the system can be asked to do besides streams."""
        return list(self.caller().operations())

    def call(self, operation: str, /, **arguments: object) -> object:
        """Run one operation. Raises ConfigError when there is none of that name."""
        names = [known.name for known in self.operations()]
        if operation not in names:
            raise ConfigError(f"{self.name} has no operation {operation!r}", hint=f"it has {', '.join(names) or 'none'}")
        return self.caller().call(operation, arguments)

    def _patiently(self, what: str, ask: Callable[[], T]) -> T:
        def wait_or_raise(failures: int, error: TransientError) -> None:
            pause = self.retry.wait(failures, error)
            if pause is None:
                raise error
            self.emit(Retrying(split=what, attempt=failures + 1, wait=pause, reason=str(error)))
            time.sleep(pause)

        return patiently(ask, wait_or_raise)

    def _known(self, stream: str) -> Stream | None:
        return next((found for found in self.connector.discover([stream]) if found.name == stream), None)

    def source(self) -> Source:
        """The connector, entered, as a source. Raises ConfigError when it cannot be read."""
        self.opened()
        if not isinstance(self._offered, Source):
            raise ConfigError(f"{self.name} cannot be read")
        return self._offered

    def sink(self) -> Sink:
        """The connector, entered, as a sink. Raises ConfigError when it cannot be written to."""
        connector = self.opened()
        if not isinstance(connector, Sink):
            raise ConfigError(f"{self.name} cannot be written to")
        return connector

    def caller(self) -> Caller:
        """The connector, entered, as a caller. Raises ConfigError when it has no operations."""
        connector = self.opened()
        if not isinstance(connector, Caller):
            raise ConfigError(f"{self.name} has no operations")
        return connector


def copy(
    source: Session,
    sink: Session,
    *,
    streams: Sequence[str] | None = None,
    mode: Mode | str = Mode.FULL,
    write: WriteMode | str = WriteMode.APPEND,
    state: Path | str | None = None,
    where: Mapping[str, Where | str] | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    max_rejects: int | None = 0,
    rejects: Path | str | None = None,
    dry_run: bool = False,
    listener: Listener | None = None,
    stop: Stop | None = None,
) -> engine.Result:
    """Copy streams from one system into another: one load, one sequence of checkpoints, exactly once where the sink can.

    `streams` default to all that offer `mode`. With a `state` file a restarted copy goes on where it was; without one, the sink's
    own checkpoint does that. With `dry_run` nothing is done, and the result's `altered` says what would be made or altered.
    Raises the ConnectorError that ended the run.
    """
    mode, write = Mode(mode), WriteMode(write)
    found = source.discover(streams)
    chosen = tuple(stream for stream in found if streams is not None or mode in stream.reads)
    if not chosen:
        raise ConfigError(f"no stream of {source.name} offers {mode} reads")
    job = engine.Job(
        source=source.source(),
        sink=sink.sink(),
        streams=chosen,
        mode=mode,
        write=write,
        store=MemoryStore(source.name, load_id=job_id(source, sink, chosen, mode, write)),
        where={name: parse_where(w) if isinstance(w, str) else w for name, w in (where or {}).items()},
        columns=columns or {},
        limits=source.limits,
        max_rejects=max_rejects,
        rejects=None if rejects is None else Path(rejects),
        listener=listener,
        stop=stop,
    )
    if dry_run:
        steps = engine.would_alter(job)
        return engine.Result(rows=0, bytes=0, rejects=0, checkpoint=0, states={}, seconds=0.0, altered=steps)
    if state is None:
        return engine.run(job)
    with FileStore(Path(state), source.name) as store:
        return engine.run(replace(job, store=store))


def job_id(source: Session, sink: Session, streams: Sequence[Stream], mode: Mode, write: WriteMode) -> str:
    """The identity of a copy that has no state file: the same request is the same job, and finds the sink's checkpoint again."""
    what = [source.name, sink.name, sorted(stream.name for stream in streams), str(mode), str(write)]
    for session in (source, sink):
        config = getattr(session.connector, "config", None)
        dump = getattr(config, "model_dump_json", None)  # secrets dump as their references
        # How carefully it is done is no part of what is done.
        what.append(dump(exclude={"limits", "max_change"}) if dump is not None else "")
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]
