"""Runs one engine job in a process of its own that may be killed at a chosen point: the worker of law 6.

``python -m connector_sdk.testing.crash JOB.json`` runs one job. ``python -m connector_sdk.testing.crash -`` reads jobs from its
standard input, a line of JSON each, and runs each in a fork of itself, where everything is imported already: that takes forty
milliseconds instead of two seconds. It answers with two lines: the process's number as it starts, its exit status at its end.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector_sdk import plugins
from connector_sdk.config import Limits
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt, Split, State
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.state_store import FileStore, Saved
from connector_sdk.schema import Mode, Stream, Where, WriteMode
from connector_sdk.testing.offered import as_offered

__all__ = ["MOMENT", "POINTS", "CrashJob", "Side", "main"]

POINTS = ("read", "stage", "staged", "commit", "committed", "save", "saved", "ack", "acked")
"""Where a run can be killed from within, each counted from 1: as a batch is pulled, before and after a piece is staged, a
checkpoint is committed in the sink, the state is saved, and the source is told."""

MOMENT = "moment"
"""Or so many milliseconds after it began, whatever it does then."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """A connector as another process finds it."""

    connector: str
    """``module:Class``"""
    config: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class CrashJob:
    """One run of the engine, and where it dies. `kill` is one of POINTS and which of them, or MOMENT and the milliseconds until
    then; `report` is written at the end.

    `traced`: wait until a tracer (strace) has attached. `path` is added to ``sys.path``, for connectors in test folders, and
    `environment` to the process's own, for secrets.
    """

    source: Side
    sink: Side
    streams: tuple[str, ...]
    mode: str
    write: str
    state: str
    report: str
    piece_rows: int = 10
    sessions: int = 1
    kill: tuple[str, int] | None = None
    traced: bool = False
    path: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Text for :meth:`from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CrashJob:
        """The job that :meth:`to_json` wrote."""
        value = json.loads(text)
        for name in ("streams", "path", "kill"):
            value[name] = None if value[name] is None else tuple(value[name])
        return cls(**value | {name: Side(**value[name]) for name in ("source", "sink")})


class _Points:
    """Counts the points that a run passes, and ends the process, without any goodbye, at the chosen one."""

    def __init__(self, kill: tuple[str, int] | None) -> None:
        self._kill = kill
        self._lock = threading.Lock()
        self.counts = dict.fromkeys(POINTS, 0)
        if kill is not None and kill[0] == MOMENT:
            clock = threading.Timer(kill[1] / 1000, os.kill, (os.getpid(), signal.SIGKILL))
            clock.daemon = True
            clock.start()

    def __call__(self, point: str) -> None:
        with self._lock:
            self.counts[point] += 1
            if self._kill == (point, self.counts[point]):
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)  # the kill comes while it does; this thread must not go on until then


@dataclass
class _Either:
    """A source or sink with points around what it does. Everything else is the connector's own."""

    inner: Any
    at: _Points

    def __enter__(self) -> Self:
        self.inner.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.inner.__exit__(kind, error, trace)

    def check(self) -> None:
        self.inner.check()

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        found: Iterable[Stream] = self.inner.discover(only)
        return found

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        splits: Sequence[Split] = self.inner.plan(streams, mode, where)
        return splits

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        for batch in self.inner.read(split, state, until):
            self.at("read")
            yield batch

    def ack(self, split: Split, state: State) -> None:
        self.at("ack")
        self.inner.ack(split, state)
        self.at("acked")

    def alter(self, want: Stream, have: Stream | None, *, dry_run: bool) -> list[str]:
        told: list[str] = self.inner.alter(want, have, dry_run=dry_run)
        return told

    def resume(self, load: Load) -> Checkpoint | None:
        at: Checkpoint | None = self.inner.resume(load)
        return at

    def write(self, load: Load, piece: str, batches: Iterable[Batch]) -> Receipt:
        self.at("stage")
        receipt: Receipt = self.inner.write(load, piece, batches)
        self.at("staged")
        return receipt

    def commit(self, load: Load, receipts: Sequence[Receipt], at: Checkpoint) -> Receipt:
        self.at("commit")
        receipt: Receipt = self.inner.commit(load, receipts, at)
        self.at("committed")
        return receipt


class _Store:
    def __init__(self, inner: FileStore, at: _Points) -> None:
        self._inner = inner
        self._at = at

    def load(self) -> Saved:
        return self._inner.load()

    def save(self, saved: Saved) -> None:
        self._at("save")
        self._inner.save(saved)
        self._at("saved")


def work(job: CrashJob) -> None:
    """Run `job` to its end, its error or its death, and write its report: error, rows, how often each point was passed."""
    if job.traced:
        _await_tracer()
    points = _Points(job.kill)
    report: dict[str, object] = {"error": None, "rows": 0, "counts": points.counts}
    try:
        source = _Either(as_offered(plugins.make(plugins.find(job.source.connector), job.source.config)), points)
        sink = _Either(plugins.make(plugins.find(job.sink.connector), job.sink.config), points)
        with source, sink, FileStore(Path(job.state), job.source.connector) as store:
            found = {stream.name: stream for stream in source.discover(job.streams)}
            result = run(
                Job(
                    source=source,
                    sink=sink,
                    streams=tuple(found[name] for name in job.streams),
                    mode=Mode(job.mode),
                    write=WriteMode(job.write),
                    store=_Store(store, points),
                    limits=Limits(max_sessions=job.sessions),
                    piece_rows=job.piece_rows,
                    retry=Retry(attempts=3, first=0.05),
                )
            )
            report["rows"] = result.rows
    except Exception as error:
        report["error"] = f"{type(error).__name__}: {error}"
    report["modules"] = sorted(sys.modules)
    Path(job.report).write_text(json.dumps(report), encoding="utf-8")


def _await_tracer(seconds: float = 10.0) -> None:
    # Where only ancestors may trace (Yama), let the kit's strace in, which is a sibling.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if "TracerPid:\t0\n" not in Path("/proc/self/status").read_text(encoding="ascii"):
            return
        time.sleep(0.002)  # nothing can be waited for: a process is not told that it is traced


def _prepare(job: CrashJob) -> None:
    sys.path += [entry for entry in job.path if entry not in sys.path]
    os.environ.update(job.environment)


def serve() -> None:
    """Run the jobs that are named on standard input, one after the other, each in a fork."""
    for line in iter(sys.stdin.readline, ""):
        job = CrashJob.from_json(line)
        _prepare(job)
        for side in (job.source, job.sink):
            plugins.find(side.connector)  # imported here, once, and not in each fork
        sys.stdout.flush()
        gc.freeze()  # or the collector of each run writes to all that is here, and so copies it
        process = os.fork()
        if process == 0:
            try:
                work(job)
            finally:
                os._exit(0)
        sys.stdout.write(f"{process}\n")
        sys.stdout.flush()
        _, status = os.waitpid(process, 0)
        _import_what_it_needed(job)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _import_what_it_needed(job: CrashJob) -> None:
    """Import what the last run imported late, so that the next fork finds it: pyarrow alone brings pandas in, a second's work."""
    with contextlib.suppress(OSError, ValueError):
        for module in json.loads(Path(job.report).read_text(encoding="utf-8"))["modules"]:
            if module not in sys.modules and module != "__main__":
                with contextlib.suppress(Exception):
                    importlib.import_module(module)


def main(arguments: Sequence[str]) -> int:
    """The command line: a job's path, or ``-``."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m connector_sdk.testing.crash JOB.json | -\n")
        return 2
    if arguments[0] == "-":
        serve()
    else:
        job = CrashJob.from_json(Path(arguments[0]).read_text(encoding="utf-8"))
        _prepare(job)
        work(job)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
