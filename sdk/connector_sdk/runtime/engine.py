"""Moving streams from a source into a sink so that every row arrives once, whatever dies on the way.

plan → splits in parallel → batches → pieces staged → checkpoints committed → acknowledged. Each split has one thread that lets
the sink *pull* a piece through the source: no queues, so memory is bounded by the batches in hand. What makes a checkpoint is
under one lock and always in this order: rejects, sink, state file, acknowledgement.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from connector_sdk.changes import change_schema
from connector_sdk.contract import Batch, Load, Split
from connector_sdk.errors import ConfigError, DataError, InternalError, TransientError
from connector_sdk.rejects import Budget
from connector_sdk.runtime.beginning import begin_from
from connector_sdk.runtime.checkpoints import STAGING_LOST, Checkpoints, refused_by
from connector_sdk.runtime.job import Job, Result
from connector_sdk.runtime.limits import respect_quiet_hours
from connector_sdk.runtime.piece import Abandoned, Piece, Pull, RowLimit
from connector_sdk.runtime.reader import Reader, request
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.telemetry import (
    Event,
    RunFinished,
    RunStarted,
    SplitFinished,
    SplitStarted,
)
from connector_sdk.runtime.turns import turns
from connector_sdk.schema import Mode, Stream, WriteMode

__all__ = ["Job", "Result", "run", "would_alter"]


def run(job: Job) -> Result:
    """Carry out `job` and return when everything is committed.

    Raises the ConnectorError that ended it: whatever was committed before stays, and running the same job again goes on from
    there. DataError: over the reject budget, and nothing of the piece at hand is published. Stopped: someone asked.
    """
    try:
        return _Run(job).run()
    except DataError as error:
        if error.code == "rejects" and job.rejects is not None:
            error.hint = "; ".join(filter(None, (f"look at {job.rejects}", error.hint)))
        raise


def would_alter(job: Job) -> tuple[str, ...]:
    """What :func:`run` would make or alter before its first row, in the sink's own words; nothing is done.

    Raises ConfigError and SchemaDriftError as that would.
    """
    made = _Run(job)
    made.check_writes()
    return made.alter(dry_run=True)


class _Run:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.asked = request(job.streams, job.mode, job.where, job.columns)
        self.stop = job.stop or Stop()
        self.reader = Reader(job.source, self.asked, limits=job.limits, retry=job.retry, stop=self.stop, emit=self.emit)
        saved = job.store.load()
        # A limited run is nobody's run before: its sink must not take it for the job's own.
        saved = saved if job.limit is None else replace(saved, load=uuid.uuid4().hex)
        self.load = Load(id=saved.load, streams=self._targets(), mode=job.write, max_rejects=job.max_rejects)
        self.budget = Budget(job.max_rejects)
        self.checkpoints = Checkpoints(
            job, self.load, saved, self.budget, emit=self.emit, wait_or_raise=self.reader.wait_or_raise
        )
        self._finished: set[str] = set()
        self._refers: dict[str, set[str]] = {}
        self._listener_lock = threading.Lock()
        self.failed = threading.Event()
        self.pull = Pull(
            mode=job.mode,
            rows=job.piece_rows,
            bytes=job.piece_bytes,
            seconds=job.piece_seconds,
            limit=RowLimit(job.limit),
            budget=self.budget,
            stop=self.stop,
            failed=self.failed,
            emit=self.emit,
        )

    def run(self) -> Result:
        started = time.monotonic()
        job = self.job
        self.check_writes()
        respect_quiet_hours(job.limits)
        altered = self.alter(dry_run=False)
        splits, finished = self._start()
        if not finished:
            self.checkpoints.acknowledge_all(splits)
            self._run_splits(splits)
            self.checkpoints.finish(self.reader.plan)
        done = self.checkpoints
        result = Result(
            rows=done.rows,
            bytes=done.bytes,
            rejects=done.rejects,
            checkpoint=done.saved.checkpoint,
            states=done.saved.states,
            seconds=time.monotonic() - started,
            reject_file=job.rejects if job.rejects is not None and done.rejects else None,
            altered=altered,
        )
        self.emit(
            RunFinished(
                rows=result.rows,
                bytes=result.bytes,
                rejects=result.rejects,
                seconds=result.seconds,
                checkpoint=result.checkpoint,
            )
        )
        return result

    # -- before the first row ---------------------------------------------------------------------------------------------

    def _targets(self) -> tuple[Stream, ...]:
        """The streams as the sink holds them: changes that are kept as rows keep their reserved columns, and have no key."""
        if self.job.mode is Mode.CHANGES and self.job.write in (WriteMode.APPEND, WriteMode.REPLACE):
            return tuple(replace(s, schema=change_schema(s.schema), keys=(), cursor=None) for s in self.asked.streams)
        return self.asked.streams

    def check_writes(self) -> None:
        if self.checkpoints.saved.mode and self.checkpoints.saved.mode != self.job.mode:
            raise ConfigError(
                f"the state is of {self.checkpoints.saved.mode} reads, this is a {self.job.mode} read",
                hint="use another state file",
            )
        if self.job.write in (WriteMode.UPSERT, WriteMode.APPLY, WriteMode.HISTORY):
            for stream in self.asked.streams:
                if not stream.keys:
                    raise ConfigError(
                        f"stream {stream.name!r} has no key, and {self.job.write} needs one",
                        hint="use append or replace" if self.job.mode is Mode.FULL else "use append",
                        stream=stream.name,
                    )

    def alter(self, *, dry_run: bool) -> tuple[str, ...]:
        names = [stream.name for stream in self.asked.streams]
        have = {stream.name: stream for stream in self.reader.patiently("discover", lambda: list(self.job.sink.discover(names)))}
        steps: list[str] = []
        for stream in self.load.streams:
            found = have.get(stream.name)
            if found is not None and self.job.write not in found.writes:
                raise ConfigError(
                    f"the target {stream.name!r} does not offer {self.job.write}",
                    hint=f"it offers: {', '.join(sorted(found.writes)) or 'no writes'}",
                    stream=stream.name,
                )
            # Where nothing is there yet (a new file for each delivery), only what is new is just what is wanted.
            if (
                found is not None
                and self.job.write is WriteMode.REPLACE
                and self.job.mode is not Mode.FULL
                and self.checkpoints.saved.states
            ):
                raise ConfigError(
                    f"replace with a read of mode {self.job.mode} would leave only what is new of {stream.name!r}",
                    hint="use --mode full, or --write append",
                    stream=stream.name,
                )
            steps += self.job.sink.alter(stream, found, dry_run=dry_run)
            self._refers[stream.name] = set() if found is None else {relation.to for relation in found.relations}
        return tuple(steps)

    def _start(self) -> tuple[tuple[Split, ...], bool]:
        """Decide from the sink's checkpoint and the saved state where to begin. True when the last run had really finished."""
        job, saved = self.job, self.checkpoints.saved
        truth = self.reader.patiently("resume", lambda: job.sink.resume(self.load))
        # A sink that is further than the state file was killed between its commit and the saving of the state.
        if truth is not None and truth.done and not saved.done and truth.id > saved.checkpoint:
            if self.checkpoints.file:
                self.checkpoints.file.rewind(truth.id)
                self.checkpoints.keep_cut_off(truth)
            self.checkpoints.save(replace(saved, checkpoint=truth.id, states=truth.states, base={}, splits=(), done=True))
            for split in self._saved_or_planned(saved.splits):
                if split.id in truth.states:
                    self.checkpoints.acknowledge(split, truth.states[split.id])
            return (), True
        begin = begin_from(saved, truth, job.mode, self.asked.digest)
        splits = self._saved_or_planned(begin.splits)
        rejects = 0 if saved.done or begin.resumed is None else saved.rejects
        if self.checkpoints.file:
            self.checkpoints.file.rewind(begin.rejects_up_to)
            if truth is not None and truth.id == saved.checkpoint + 1:
                rejects += self.checkpoints.keep_cut_off(truth)
        self.budget.spent = rejects if begin.resumed is not None else 0
        self.checkpoints.save(
            replace(
                saved,
                mode=str(job.mode),
                asked=self.asked.digest,
                checkpoint=begin.checkpoint,
                states=begin.states,
                base=begin.base,
                splits=splits if job.mode is Mode.FULL else (),
                rejects=self.budget.spent,
                done=False,
            )
        )
        expected = [stream.rows for stream in self.job.streams]
        self.emit(
            RunStarted(
                load=self.load.id,
                streams=tuple(stream.name for stream in self.asked.streams),
                mode=str(job.mode),
                write=str(job.write),
                splits=len(splits),
                expected=sum(n for n in expected if n is not None) if None not in expected else None,
                resumed=begin.resumed,
            )
        )
        return splits, False

    def _saved_or_planned(self, splits: tuple[Split, ...]) -> tuple[Split, ...]:
        """A FULL plan that was saved is used again: replanned key ranges would lose rows. Other plans do not depend on data."""
        if self.job.mode is Mode.FULL and splits:
            return splits
        return self.reader.plan()

    # -- rows ---------------------------------------------------------------------------------------------------------------

    def _run_splits(self, splits: Sequence[Split]) -> None:
        for group in turns(splits, self._refers):
            self._run_at_once(group)
        if self.stop.requested and len(self._finished) < len(splits):
            raise self.stop.error()

    def _run_at_once(self, splits: Sequence[Split]) -> None:
        workers = max(1, min(self.job.limits.max_sessions, len(splits)))
        with ThreadPoolExecutor(workers, thread_name_prefix="split") as pool:
            futures: set[Future[None]] = {pool.submit(self._run_split, split) for split in splits}
            try:
                while futures:
                    done, futures = wait(futures, timeout=0.5, return_when=FIRST_EXCEPTION)
                    failed = next((f for f in done if f.exception() is not None), None)
                    if failed is not None:
                        raise failed.exception() or InternalError("a split failed without an error")
            except BaseException as error:
                self.failed.set()
                for future in futures:
                    future.cancel()
                wait(futures)
                raise error from None

    def _run_split(self, split: Split) -> None:
        if self.stop.requested or self.failed.is_set():
            return
        self.emit(SplitStarted(split=split.id, streams=tuple(stream.name for stream in split.streams)))
        state = self.checkpoints.state_of(split)
        rows = failures = 0
        batches: Iterator[Batch] | None = None
        while True:
            batches = batches if batches is not None else self.reader.read(split, state)
            piece = Piece(self.pull, split, state, batches)
            try:
                receipt = self.job.sink.write(self.load, piece.name, piece)
                if not piece.complete:
                    piece.drain()
            except TransientError as error:
                _close(batches)
                batches = None
                piece.give_back()
                failures += 1
                self.reader.wait_or_raise(split.id, failures, error)
                continue
            except Abandoned:
                _close(batches)
                return
            except BaseException as error:
                _close(batches)
                self.checkpoints.keep_given_up([*piece.rejects, *refused_by(error)])
                raise
            if piece.end is not None and (piece.rows or piece.rejects or piece.end != state):
                try:
                    state = self.checkpoints.commit(split, piece, receipt)
                except TransientError as error:
                    if error.code != STAGING_LOST:
                        raise
                    _close(batches)
                    batches = None
                    piece.give_back()
                    failures += 1
                    self.reader.wait_or_raise(split.id, failures, error)
                    continue
            failures = 0
            rows += receipt.rows
            if piece.last or self.stop.requested:
                _close(batches)
                if piece.last:
                    self._finished.add(split.id)
                    self.emit(SplitFinished(split=split.id, rows=rows))
                return

    # -- small things -----------------------------------------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        if self.job.listener is not None:
            with self._listener_lock:
                self.job.listener(event)


def _close(batches: Iterator[Batch]) -> None:
    close: Callable[[], None] | None = getattr(batches, "close", None)
    if close is not None:
        close()
