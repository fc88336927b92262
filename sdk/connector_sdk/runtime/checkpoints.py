"""What makes a checkpoint, under one lock and always in this order: rejects, sink, state file, acknowledgement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import pyarrow as pa

from connector_sdk.contract import Checkpoint, Load, Receipt, Split, State
from connector_sdk.errors import ConnectorError, DataError, TransientError, redact
from connector_sdk.rejects import Budget, Reject, rejects_of
from connector_sdk.runtime.job import Job
from connector_sdk.runtime.piece import Piece
from connector_sdk.runtime.reject_file import RejectFile
from connector_sdk.runtime.state_store import Saved
from connector_sdk.runtime.telemetry import AckFailed, Committed, Event
from connector_sdk.schema import WriteMode

__all__ = ["STAGING_LOST", "Checkpoints", "refused_by"]

STAGING_LOST = "staging_lost"
"""The code of a commit's TransientError: what was staged is gone, and is read and written again."""


class Checkpoints:
    """Where one run stands, and how it comes further. `rows`, `bytes` and `rejects` count what it has committed.

    `wait_or_raise(split, failures, error)` is how a failing sink is waited for.
    """

    def __init__(
        self,
        job: Job,
        load: Load,
        saved: Saved,
        budget: Budget,
        *,
        emit: Callable[[Event], None],
        wait_or_raise: Callable[[str, int, TransientError], None],
    ) -> None:
        self.job, self.load, self.saved, self.budget = job, load, saved, budget
        self.file = RejectFile(job.rejects, saved.connector, load.id) if job.rejects else None
        self.rows = self.bytes = self.rejects = 0
        self.emit = emit
        self._wait_or_raise = wait_or_raise
        self._lock = threading.Lock()

    def state_of(self, split: Split) -> State | None:
        """Up to where `split` has been taken."""
        with self._lock:
            return self.saved.states.get(split.id)

    def commit(self, split: Split, piece: Piece, receipt: Receipt) -> State:
        """Publish a piece that the sink has staged; the state it leads to.

        Raises DataError over the reject budget, and TransientError (``staging_lost``) when the piece is to be read again: what
        it counted itself is then still counted.
        """
        assert piece.end is not None
        refused = [] if receipt.rejects is None else rejects_of(receipt.rejects)
        if refused:
            try:
                self.budget.spend(len(refused), refused[-1])
            except DataError:
                self.keep_given_up([*piece.rejects, *refused])
                raise
        rejects = [*piece.rejects, *refused]
        with self._lock:
            at = Checkpoint(
                id=self.saved.checkpoint + 1,
                states={**self.saved.states, split.id: piece.end},
                splits=self.saved.splits,
            )
            if self.file and rejects:
                self.file.append(rejects, at.id)
            try:
                late = self._keep_late(self._publish([receipt], at, split.id), at)
            except TransientError as error:
                if error.code == STAGING_LOST:
                    self.budget.give_back(len(refused))
                    if self.file:
                        self.file.rewind(self.saved.checkpoint)
                raise
            count = len(rejects) + len(late)
            self.save(replace(self.saved, checkpoint=at.id, states=at.states, rejects=self.saved.rejects + count))
            rows = max(0, receipt.rows - len(late))
            self.rows += rows
            self.bytes += piece.bytes
            self.rejects += count
            self.emit(Committed(checkpoint=at.id, rows=rows, splits=(split.id,)))
            self._spend_late(late)
        if self.job.write is not WriteMode.REPLACE:  # which shows nothing before it is done: until then the source may not forget
            self.acknowledge(split, piece.end)
        return piece.end

    def _keep_late(self, receipt: Receipt, at: Checkpoint) -> list[Reject]:
        """The rows that the target refused only when they were published, kept with the others."""
        late = [] if receipt.rejects is None else rejects_of(receipt.rejects)
        if self.file and late:
            self.file.append(late, at.id)
        return late

    def keep_cut_off(self, truth: Checkpoint) -> int:
        """The run before died between its sink's commit and ours: a commit that is repeated tells its rejects again.

        Returns how many that checkpoint has; only the reject file knows of all of them, and without one it is 0.
        """
        if self.file is None:
            return 0
        receipt = self.job.sink.commit(self.load, [], truth)
        kept = self.file.kept(truth.id)
        known = {(reject.raw_sha256, reject.reason) for reject in kept}
        told = [] if receipt.rejects is None else rejects_of(receipt.rejects)
        late = [reject for reject in told if (reject.raw_sha256, redact(reject.reason)) not in known]
        self.file.append(late, truth.id)
        return len(kept) + len(late)

    def _spend_late(self, late: Sequence[Reject]) -> None:
        """A sink that allows no more of them than were left is within the budget, unless other splits spent the same."""
        if late:
            self.budget.spend(len(late), late[-1])

    def _publish(self, receipts: Sequence[Receipt], at: Checkpoint, split: str) -> Receipt:
        failures = 0
        while True:
            try:
                return self.job.sink.commit(replace(self.load, max_rejects=self.budget.left()), receipts, at)
            except DataError as error:
                if self.file:
                    self.file.append(refused_by(error), 0)
                raise
            except TransientError as error:  # the id makes trying again safe
                if error.code == STAGING_LOST:
                    raise
                failures += 1
                self._wait_or_raise(split, failures, error)

    def finish(self, replanned: Callable[[], Sequence[Split]]) -> None:
        """Close the run: under REPLACE this is what publishes, and what the source is told only then.

        `replanned` gives the splits where the plan was not saved.
        """
        plan = self.saved.splits
        with self._lock:
            at = Checkpoint(id=self.saved.checkpoint + 1, states=self.saved.states, done=True)
            late = self._keep_late(self._publish([], at, ""), at)
            self.save(
                replace(self.saved, checkpoint=at.id, base={}, splits=(), done=True, rejects=self.saved.rejects + len(late))
            )
            self.rows -= len(late)
            self.rejects += len(late)
            self._spend_late(late)
        if self.job.write is WriteMode.REPLACE:
            for split in plan or replanned():
                if split.id in self.saved.states:
                    self.acknowledge(split, self.saved.states[split.id])

    def save(self, saved: Saved) -> None:
        """From now on the run stands there."""
        self.saved = saved
        if self.job.limit is None:
            self.job.store.save(saved)

    def acknowledge_all(self, splits: Sequence[Split]) -> None:
        """Tell the source where the run starts from: the run before may have died before it could."""
        if self.job.write is WriteMode.REPLACE:
            return
        for split in splits:
            state = self.saved.states.get(split.id)
            if state is not None:
                self.acknowledge(split, state)

    def acknowledge(self, split: Split, state: State) -> None:
        """Tell the source that everything up to `state` is held durably."""
        if self.job.limit is not None:
            return  # nothing is saved, so the source must not forget
        try:
            self.job.source.ack(split, state)
        except TransientError as error:
            self.emit(AckFailed(split=split.id, reason=str(error)))

    def keep_given_up(self, rejects: Sequence[Reject]) -> None:
        """The rejects of a piece that will not be committed: kept for whoever looks, and dropped again by the next run."""
        if self.file and rejects:
            with self._lock, suppress(ConnectorError):
                self.file.append(rejects, 0)


def refused_by(error: BaseException) -> list[Reject]:
    """The records with which a sink went over its budget."""
    found = error.rejects if isinstance(error, DataError) else None
    return rejects_of(found) if isinstance(found, pa.RecordBatch) else []
