"""Connectors for people who import them: open one, look, read Arrow or typed rows, write, copy."""

from __future__ import annotations

import difflib
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import pyarrow as pa

from connector_sdk import plugins
from connector_sdk.changes import change_schema
from connector_sdk.config import Limits
from connector_sdk.contract import Batch, Caller, Connector, Operation, Sink, Source, Split, State
from connector_sdk.errors import ConfigError, DataError, TransientError
from connector_sdk.rejects import REJECT_SCHEMA, Budget, rejects_of
from connector_sdk.runtime import engine
from connector_sdk.runtime.reader import Reader, request
from connector_sdk.runtime.retry import Retry, patiently
from connector_sdk.runtime.snapshot_diff import offer
from connector_sdk.runtime.state_store import FileStore, MemoryStore
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.table_source import TableSource
from connector_sdk.runtime.telemetry import Listener, Retrying
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Mode, Stream, Where, WriteMode

__all__ = ["Reading", "Session", "copy", "open"]

Row = TypeVar("Row")
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
        self._streams: dict[str, Stream] = {}
        self._complete = False

    def __repr__(self) -> str:
        return f"<Session {self.name}, {'open' if self._open else 'closed'}>"

    def __enter__(self) -> Self:
        self.opened()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.close()

    def opened(self) -> Connector:
        """The connector, entered."""
        if self._open is None:
            stack = ExitStack()
            self._patiently("open", lambda: stack.enter_context(self.connector))
            self._open = stack
        return self.connector

    def close(self) -> None:
        """Release the connector. Again is fine."""
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
        return Reading(
            self,
            found,
            Mode(mode),
            where={stream: predicate} if predicate else {},
            columns=tuple(columns) if columns is not None else None,
            start=state or {},
            max_rejects=max_rejects,
            retry=retry or self.retry,
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


@dataclass(eq=False)
class Reading:
    """A stream as it will be read: iterate it as often as you like; each time it is read anew.

    ``polars.DataFrame(reading)``, ``pyarrow.table(reading)`` and ``duckdb.sql("select … from reading")`` work through
    ``__arrow_c_stream__``, which reads only what is asked for. After a use that came to the end, `state` is where to go on and
    `rejects` what could not be decoded (`connector_sdk.rejects.REJECT_SCHEMA`).
    """

    session: Session
    stream: Stream
    mode: Mode
    where: Mapping[str, Where]
    columns: tuple[str, ...] | None
    start: Mapping[str, State]
    max_rejects: int | None
    retry: Retry
    state: Mapping[str, State] = field(default_factory=dict)
    rejects: pa.Table = field(default_factory=lambda: REJECT_SCHEMA.empty_table())

    def __post_init__(self) -> None:
        columns = {} if self.columns is None else {self.stream.name: self.columns}
        self._asked = request([self.stream], self.mode, self.where, columns)
        self.state = dict(self.start)

    def __repr__(self) -> str:
        return f"<Reading {self.session.name} {self.stream.name}, {self.mode}, {len(self.schema)} columns>"

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the batches."""
        schema = self._asked.streams[0].schema
        return change_schema(schema) if self.mode is Mode.CHANGES else schema

    def splits(self) -> tuple[Split, ...]:
        """The splits a use would read."""
        return self._reader().plan()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Record batches of `schema`, none of them empty. Raises DataError when there are more rejects than allowed."""
        for batch in self._batches():
            if batch.data.num_rows:
                yield batch.data

    def _reader(self) -> Reader:
        session = self.session
        return Reader(session.source(), self._asked, limits=session.limits, retry=self.retry, emit=session.emit)

    def _batches(self) -> Iterator[Batch]:
        reader = self._reader()
        budget = Budget(self.max_rejects)
        states = dict(self.start)
        rejects: list[pa.RecordBatch] = []
        for split in reader.plan():
            with closing(reader.read(split, states.get(split.id))) as batches:
                for batch in batches:
                    if batch.rejects is not None:
                        rejects.append(batch.rejects)
                        self.rejects = pa.Table.from_batches(rejects, REJECT_SCHEMA)
                        budget.spend(batch.rejects.num_rows, rejects_of(batch.rejects)[-1])
                    yield batch
                    if batch.state is not None:
                        states[split.id] = batch.state
        self.state = states
        self.rejects = pa.Table.from_batches(rejects, REJECT_SCHEMA)

    @overload
    def rows(self) -> Iterator[dict[str, Any]]: ...
    @overload
    def rows(self, model: type[Row], columns: Mapping[str, str] | None = None) -> Iterator[Row]: ...
    def rows(self, model: type[Any] | None = None, columns: Mapping[str, str] | None = None) -> Iterator[Any]:
        """Rows as dicts, or as instances of `model`: a generated Struct, pydantic model or dataclass, or your own.

        `columns` says which column a field of `model` takes, where the two are called differently and the model does not say so
        itself: for generated dataclasses it is ``COLUMNS[stream]`` of their ``streams.py``. What a model says itself comes first.
        Raises DataError naming row and field when a row does not fit the model.
        """
        convert = _row_maker(model)
        said = _own_names(model)
        fields = {column: field for field, column in (columns or {}).items() if field not in said}
        for batch in self.batches():
            named = batch.rename_columns([fields.get(name, name) for name in batch.schema.names]) if fields else batch
            yield from convert(named.to_pylist())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.rows()

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        # A generator: the source is not touched before the first batch is asked for (DuckDB asks for three streams a query).
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        capsule: object = reader.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]
        return capsule

    def table(self) -> pa.Table:
        """Everything, as one Arrow table."""
        return pa.Table.from_batches(self.batches(), self.schema)


def _own_names(model: type[Any] | None) -> set[str]:
    """The fields of `model` of which it says itself what their columns are called."""
    import msgspec
    from pydantic import BaseModel

    if isinstance(model, type) and issubclass(model, BaseModel):
        return {name for name, field in model.model_fields.items() if field.alias or field.validation_alias}
    if isinstance(model, type) and issubclass(model, msgspec.Struct):
        return {field.name for field in msgspec.structs.fields(model) if field.encode_name != field.name}
    return set()


def _row_maker(model: type[Any] | None) -> Callable[[list[dict[str, Any]]], Iterable[Any]]:
    if model is None:
        return lambda rows: rows
    from pydantic import BaseModel, TypeAdapter, ValidationError

    if isinstance(model, type) and issubclass(model, BaseModel):
        adapter = TypeAdapter(list[model])  # type: ignore[valid-type]

        def through_pydantic(rows: list[dict[str, Any]]) -> Iterable[Any]:
            try:
                return adapter.validate_python(rows)
            except ValidationError as error:
                first = error.errors()[0]
                raise DataError(f"a row does not fit {model.__name__}: {first['loc']}: {first['msg']}") from None

        return through_pydantic
    import msgspec

    def through_msgspec(rows: list[dict[str, Any]]) -> Iterable[Any]:
        try:
            result: list[Any] = msgspec.convert(rows, list[model])  # type: ignore[valid-type]
        except msgspec.ValidationError as error:
            raise DataError(f"a row does not fit {model.__name__}: {error}") from None
        return result

    return through_msgspec


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
    listener: Listener | None = None,
    stop: Stop | None = None,
) -> engine.Result:
    """Copy streams from one system into another: one load, one sequence of checkpoints, exactly once where the sink can.

    `streams` default to all that offer `mode`. With a `state` file a restarted copy goes on where it was; without one, the sink's
    own checkpoint does that. Raises the ConnectorError that ended the run.
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
