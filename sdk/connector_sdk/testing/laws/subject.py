"""The connector that stands before the laws, and how it is set up for each of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from connector_sdk import plugins
from connector_sdk.contract import Batch, Sink, Source, Split, State
from connector_sdk.errors import ConfigError, LawBrokenError
from connector_sdk.runtime.engine import Job, Result, run
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.state_store import MemoryStore, StateStore
from connector_sdk.schema import Mode, Stream, WriteMode
from connector_sdk.testing.fake_simulator import FakeSimulator
from connector_sdk.testing.fakes import FakeConnector
from connector_sdk.testing.in_memory import in_memory
from connector_sdk.testing.offered import as_offered
from connector_sdk.testing.simulation import Simulator, simulator_of

__all__ = [
    "LIVE_ROWS",
    "NotOffered",
    "Stage",
    "Subject",
    "in_each_mode",
    "kit_source",
    "kit_target",
    "last_state",
    "require",
    "rows_by_stream",
    "spread",
    "transfer",
]

T = TypeVar("T")
A = TypeVar("A")

LIVE_ROWS = 1_000_000
"""On a live system, streams that say they have more rows are left alone, and so are all but the first LIVE_STREAMS."""
LIVE_STREAMS = 5

WRITES = (WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT, WriteMode.APPLY)
"""What the kit's own source and sink can do, and so what it can judge."""


class NotOffered(Exception):  # noqa: N818 - a verdict, not an error
    """The connector does not declare what this law is about; the text says what."""


def require(condition: object, message: str) -> None:
    """Raises LawBrokenError with `message` unless `condition` holds."""
    if not condition:
        raise LawBrokenError(message)


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of `items`, evenly spread, always with the first and the last."""
    if len(items) <= most:
        return list(items)
    if most < 2:
        return list(items[:most])
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


class Truth:
    """A simulator, asked: when it says it cannot do something, that is a verdict. A connector that says so has failed."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def rows(self, stream: str) -> pa.Table:
        return self._ask(self._simulator.rows, stream)

    def change(self, seed: int) -> None:
        self._ask(self._simulator.change, seed)

    def corrupt(self, stream: str) -> bytes:
        return self._ask(self._simulator.corrupt, stream)

    def alter(self, stream: str) -> tuple[str, ...]:
        return self._ask(self._simulator.alter, stream)

    def age(self) -> str | None:
        """See `Simulator`; None when it has no such method."""
        age = getattr(self._simulator, "age", None)
        return None if age is None else str(age())

    @staticmethod
    def _ask(method: Callable[[A], T], argument: A) -> T:
        try:
            return method(argument)
        except NotImplementedError as error:
            if type(error) is not NotImplementedError:
                raise
            raise NotOffered(f"the simulator cannot show it: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One system for one law: the simulator that knows the truth (None: a live system) and how the connector reaches it."""

    connector: Any
    simulator: Simulator | None
    settings: Mapping[str, object]

    @property
    def truth(self) -> Truth:
        """The simulator. Raises NotOffered on a live system, which must not be changed and does not know the truth."""
        if self.simulator is None:
            raise NotOffered("needs a simulator; a live system is only read")
        return Truth(self.simulator)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """A fresh instance of the connector, opened; read with changes by comparison when the settings have an `index`."""
        with as_offered(plugins.make(self.connector, self.settings)) as connector:
            yield connector

    def streams(self, connector: Any) -> tuple[Stream, ...]:
        """The streams that the laws use."""
        if self.simulator is not None:
            names = self.simulator.streams
            found = {stream.name: stream for stream in connector.discover(names)}
            require(set(names) == set(found), f"discover finds {sorted(found)}, the simulator has {sorted(names)}")
            return tuple(found[name] for name in names)
        small = [stream for stream in connector.discover() if (stream.rows or 0) <= LIVE_ROWS]
        return tuple(small[:LIVE_STREAMS])

    def read_in(self, connector: Any, mode: Mode) -> tuple[Stream, ...]:
        """Those that offer `mode`. Raises NotOffered when there is none."""
        streams = tuple(s for s in self.streams(connector) if mode in s.reads) if isinstance(connector, Source) else ()
        if not streams:
            raise NotOffered(f"no stream offers {mode} reads")
        return streams

    def written_in(self, connector: Any) -> tuple[Stream, ...]:
        """Those that can be written. Raises NotOffered when there is none, or on a live system."""
        assert self.truth
        streams = tuple(s for s in self.streams(connector) if s.writes & set(WRITES)) if isinstance(connector, Sink) else ()
        if not streams:
            raise NotOffered("no stream can be written")
        return streams


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A connector class, and either its simulator or, with `config`, a live system. `crash_points` bounds each part of law 6."""

    connector: Any
    config: Mapping[str, object] | None = None
    crash_points: int = 40

    @contextmanager
    def stage(self, seed: int = 0) -> Iterator[Stage]:
        """A system of its own for one law, with data in it."""
        if self.config is not None:
            with tempfile.TemporaryDirectory(prefix="connector-index-") as index:
                # The laws' readings are none of those that the system's own index is about.
                own = {"index": index} if self.config.get("index") is not None else {}
                yield Stage(connector=self.connector, simulator=None, settings={**self.config, **own})
            return
        simulator = simulator_of(self.connector)
        if simulator is None:
            raise ConfigError(
                f"{getattr(self.connector, '__qualname__', self.connector)} names no simulator",
                hint='name one (simulator = "package.module:Class"), or test a live system with -c FILE',
                code="no_simulator",
            )
        with in_memory(), simulator(seed) as running:
            yield Stage(connector=self.connector, simulator=running, settings=dict(running.config))


def in_each_mode(subject: Subject, modes: Iterable[Mode], look: Callable[[Stage, Any, Sequence[Stream], Mode], str]) -> str:
    """What `look` says of the streams that offer each of `modes`, on a system of its own. Raises NotOffered when none does."""
    told, offered = [], False
    for mode in modes:
        with subject.stage() as stage, stage.opened() as connector:
            try:
                streams = stage.read_in(connector, mode)
            except NotOffered:
                told.append(f"{mode}: not offered")
                continue
            offered = True
            told.append(f"{mode}: {look(stage, connector, streams, mode)}")
    if not offered:
        raise NotOffered(f"no stream offers {' or '.join(modes)} reads")
    return "; ".join(told)


def rows_by_stream(split: Split, batches: Sequence[Batch]) -> dict[str, pa.Table]:
    """The rows of plain batches, per stream of the split."""
    return {
        stream.name: pa.Table.from_batches(
            [batch.data.select(stream.schema.names).cast(stream.schema) for batch in batches if batch.stream == stream.name],
            schema=stream.schema,
        )
        for stream in split.streams
    }


def last_state(split: Split, batches: Sequence[Batch]) -> State:
    """The state of the last batch, which every read must have."""
    require(batches and batches[-1].state is not None, f"the read of split {split.id!r} ends without a state")
    state = batches[-1].state
    assert state is not None
    return state


@contextmanager
def kit_target() -> Iterator[tuple[FakeSimulator, FakeConnector]]:
    """The kit's own sink, empty and opened, with the simulator that shows what is in it."""
    with FakeSimulator(streams=()) as simulator, plugins.make(FakeConnector, simulator.config) as sink:
        assert isinstance(sink, FakeConnector)
        yield simulator, sink


@contextmanager
def kit_source(
    stream: Stream, seed: int = 0, rows: int = 40, like: Simulator | None = None
) -> Iterator[tuple[FakeSimulator, FakeConnector]]:
    """The kit's own source, with sample rows in a stream of that schema, opened, and its simulator.

    `like` is the simulator of the system that the rows will be written to: it may know which rows that can hold.
    """
    fake = FakeSimulator(seed, streams=(stream,), rows=rows, sample=getattr(like, "sample", None))
    with fake as simulator, plugins.make(FakeConnector, simulator.config) as source:
        assert isinstance(source, FakeConnector)
        yield simulator, source


def transfer(
    source: Any,
    sink: Any,
    streams: Sequence[Stream],
    mode: Mode,
    write: WriteMode,
    store: StateStore | None = None,
    *,
    piece_rows: int = 10,
) -> Result:
    """One run of the engine between two opened connectors."""
    return run(
        Job(
            source=source,
            sink=sink,
            streams=tuple(streams),
            mode=mode,
            write=write,
            store=store or MemoryStore("laws"),
            piece_rows=piece_rows,
            retry=Retry(attempts=3, first=0.05),
        )
    )
