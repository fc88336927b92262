"""Law 6: killed anywhere and started again, a job leaves the target equal to the source: nothing lost, nothing twice."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from connector_sdk import plugins
from connector_sdk.errors import ConfigError, ConnectorError
from connector_sdk.runtime.state_store import MemoryStore, read_saved
from connector_sdk.schema import Mode, Stream, WriteMode
from connector_sdk.testing.comparison import difference
from connector_sdk.testing.crash import CrashJob, Side
from connector_sdk.testing.crash_runs import Crash, Worker
from connector_sdk.testing.fake_records import Entry, encode, key_of
from connector_sdk.testing.fake_simulator import FakeSimulator
from connector_sdk.testing.fake_system import system_at
from connector_sdk.testing.fakes import FakeConfig, FakeConnector
from connector_sdk.testing.in_memory import in_memory
from connector_sdk.testing.laws.subject import NotOffered, Stage, Subject, kit_source, require, spread, transfer

__all__ = ["Scenario", "survive", "survives_kills"]


class Scenario(Protocol):
    """A job that can be run again and again: one round sets something up, runs, is killed, runs again, and is compared."""

    @property
    def name(self) -> str:
        """What is done, for the certificate."""

    def prepare(self, number: int) -> CrashJob:
        """Set up round `number`, and the job that does it."""

    def compare(self) -> str | None:
        """What is wrong with the target after the round, or None."""


def survives_kills(subject: Subject) -> str:
    """Law 6."""
    if subject.config is not None:
        raise NotOffered("needs a simulator; a live system is only read")
    told = []
    with in_memory(), Worker() as worker:
        for scenarios in (_reading, _writing):
            told += [f"{scenario.name}: {survive(scenario, worker, subject.crash_points)}" for scenario in scenarios(subject)]
    if not told:
        raise NotOffered("no stream can be read or written")
    return "; ".join(told)


def survive(scenario: Scenario, worker: Worker, most: int) -> str:
    """Kill rounds of `scenario` at every point, or at `most` of them evenly spread, and compare after each restart.

    Raises LawBrokenError at the first difference. Returns what was done.
    """
    rounds = iter(range(sys.maxsize))

    def one(*crashes: Crash) -> bool:
        number = next(rounds)
        job = scenario.prepare(number)
        if crashes and crashes[0].who == "inside" and number % 2:
            job = replace(job, sessions=4)  # strace counts by thread; the points count over all, and splits may go side by side
        before = _checkpoint(job)[0]
        when = f"{scenario.name}, killed at {' and then at '.join(map(str, crashes))}" if crashes else scenario.name
        struck = False
        for crash in (*crashes, None):
            ended = worker.run(job, crash)
            require(ended.error is None, f"{when}: {ended.error}")
            struck |= ended.killed
            checkpoint, done = _checkpoint(job)
            if not ended.killed or (done and checkpoint > before):
                break  # it was all over: another run would be another load
        problem = scenario.compare()
        require(not problem, f"{when}: {problem}")
        return struck

    one()
    points: list[Crash] = []
    for record in (worker.run, worker.record):
        ended = record(scenario.prepare(next(rounds)))
        require(ended.error is None and not ended.killed, f"{scenario.name}: {ended.error}")
        problem = scenario.compare()
        require(not problem, f"{scenario.name}, run again undisturbed: {problem}")
        points += [crash for crash in ended.crashes if crash not in points]
    chosen = spread(points, most)
    hit = 0
    for number, crash in enumerate(chosen):
        # Every fourth time the restart dies as well.
        again = (points[number * 7 % len(points)],) if number % 4 == 3 else ()
        hit += one(crash, *again)
    every = "every one" if len(chosen) == len(points) else f"{len(chosen)}"
    untraced = f"; no system calls, since {worker.no_trace}" if worker.no_trace else ""
    return f"killed at {every} of {len(points)} points, {hit} kills struck{untraced}"


def _checkpoint(job: CrashJob) -> tuple[int, bool]:
    """Which checkpoint the job's state is at, and whether its run is done."""
    if not Path(job.state).exists():
        return 0, False
    saved = read_saved(Path(job.state))
    return saved.checkpoint, saved.done


def _reading(subject: Subject) -> Iterator[Scenario]:
    """The connector as the source of the kit's sink."""
    for mode, fresh in ((Mode.FULL, True), (Mode.INCREMENTAL, False), (Mode.CHANGES, True), (Mode.CHANGES, False)):
        with subject.stage() as stage, stage.opened() as source, _folder() as folder:
            try:
                streams = stage.read_in(source, mode)
            except NotOffered:
                continue
            yield _Reading(stage=stage, source=source, streams=streams, mode=mode, fresh=fresh, folder=folder)


def _writing(subject: Subject) -> Iterator[Scenario]:
    """The connector as the sink of the kit's source."""
    for write, mode in (
        (WriteMode.APPEND, Mode.FULL),
        (WriteMode.APPEND, Mode.INCREMENTAL),
        (WriteMode.REPLACE, Mode.FULL),
        (WriteMode.UPSERT, Mode.INCREMENTAL),
        (WriteMode.APPLY, Mode.CHANGES),
    ):
        with subject.stage() as stage, stage.opened() as sink, _folder() as folder:
            try:
                streams = [stream for stream in stage.written_in(sink) if write in stream.writes]
            except NotOffered:
                continue
            for stream in streams[:1]:
                with kit_source(stream, seed=6, like=stage.simulator) as (kit, source):
                    yield _Writing(stage=stage, kit=kit, source=source, mode=mode, write=write, folder=folder)


@dataclass(kw_only=True)
class _Reading:
    """From the connector into the kit's sink: each round a job of its own (`fresh`), or one that goes on after a change."""

    stage: Stage
    source: Any
    streams: tuple[Stream, ...]
    mode: Mode
    fresh: bool
    folder: Path

    name: str = ""

    def __post_init__(self) -> None:
        self.name = f"{self.mode} read{' from no state' if self.fresh else ''}"
        self._write = WriteMode.APPLY if self.mode is Mode.CHANGES else WriteMode.APPEND
        self._twin = _Twin()
        self._target = self.folder / "target.json"
        rows = sum(self.stage.truth.rows(stream.name).num_rows for stream in self.streams)
        # A handful of checkpoints, so that most points get their turn.
        self._piece_rows = max(10, rows // 8) if self.fresh else 10

    def prepare(self, number: int) -> CrashJob:
        round_of = number if self.fresh else 0
        self._target = self.folder / f"target-{round_of}.json"
        if number and not self.fresh:
            self.stage.truth.change(number)
        return _job(
            source=_side(self.stage.connector, self.stage.settings),
            sink=_side(FakeConnector, {"file": str(self._target)}),
            streams=self.streams,
            mode=self.mode,
            write=self._write,
            state=self.folder / f"state-{round_of}.json",
            piece_rows=self._piece_rows,
        )

    def compare(self) -> str | None:
        found = system_at(self._target).snapshot()
        if self.mode is Mode.INCREMENTAL:
            # Versions are seen and deletes are not: what should be there is what an undisturbed run tells.
            self._twin.follow(self.source, self.streams, self.mode, self._write)
        for stream in self.streams:
            expected = self._twin.rows(stream.name) if self.mode is Mode.INCREMENTAL else self.stage.truth.rows(stream.name)
            problem = difference(expected, found.table(stream.name), repeats=self.mode in stream.repeats)
            if problem:
                return f"stream {stream.name!r}: {problem}"
        return None


@dataclass(kw_only=True)
class _Writing:
    """From the kit's source into the connector: full reads are a load each, the others one that goes on after a change."""

    stage: Stage
    kit: FakeSimulator
    source: FakeConnector
    mode: Mode
    write: WriteMode
    folder: Path

    name: str = ""

    def __post_init__(self) -> None:
        (self._stream,) = self.source.discover()
        self.name = f"{self.write} of a {self.mode} read"
        self._twin = _Twin()
        self._twin.begin(self._stream, self.stage.truth.rows(self._stream.name))

    def prepare(self, number: int) -> CrashJob:
        if self.write is WriteMode.APPEND and self._stream.keys:
            if number:  # a system that holds to its keys takes no row twice
                self.kit.renew(number)
        elif (number and self.write is not WriteMode.APPEND) or self.mode is not Mode.FULL:
            self.kit.change(number)
        return _job(
            source=_side(FakeConnector, self.kit.config),
            sink=_side(self.stage.connector, self.stage.settings),
            streams=(self._stream,),
            mode=self.mode,
            write=self.write,
            state=self.folder / (f"state-{number}.json" if self.mode is Mode.FULL else "state.json"),
        )

    def compare(self) -> str | None:
        self._twin.follow(self.source, (self._stream,), self.mode, self.write)
        expected, found = self._twin.rows(self._stream.name), self.stage.truth.rows(self._stream.name)
        return difference(expected, found, repeats=self.write in self._stream.repeats)


class _Twin:
    """The kit's own sink in memory, which an undisturbed run keeps as the target should be."""

    def __init__(self) -> None:
        self._sink = FakeConnector(FakeConfig(name=f"twin-{uuid.uuid4().hex}"))
        self._store = MemoryStore("twin")

    def begin(self, stream: Stream, rows: pa.Table) -> None:
        """What is in the target before anything is written."""
        self._sink.alter(stream, None, dry_run=False)
        with self._sink.system.change() as system:
            for row, record in zip(rows.to_pylist(), encode(rows), strict=True):
                system.log.append(Entry(stream.name, "c", key_of(stream, row), record))

    def follow(self, source: Any, streams: Sequence[Stream], mode: Mode, write: WriteMode) -> None:
        """One more undisturbed run."""
        transfer(source, self._sink, streams, mode, write, self._store)

    def rows(self, stream: str) -> pa.Table:
        return self._sink.system.table(stream)


def _job(
    *,
    source: Side,
    sink: Side,
    streams: Sequence[Stream],
    mode: Mode,
    write: WriteMode,
    state: Path,
    piece_rows: int = 10,
) -> CrashJob:
    return CrashJob(
        source=source,
        sink=sink,
        streams=tuple(stream.name for stream in streams),
        mode=str(mode),
        write=str(write),
        state=str(state),
        report="",
        piece_rows=piece_rows,
    )


def _side(connector: Any, settings: Mapping[str, object]) -> Side:
    name = f"{connector.__module__}:{connector.__qualname__}"
    try:
        same = plugins.find(name) is connector
    except ConnectorError:
        same = False
    if not same:
        raise ConfigError(
            f"{name} cannot be imported, and law 6 starts it in a process of its own", hint="put the class in a module"
        )
    return Side(connector=name, config=settings)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="connector-law6-") as folder:
        yield Path(folder)
