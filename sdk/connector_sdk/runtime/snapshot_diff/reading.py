"""One read of the changes of one stream: what is stored after a state first, then a new generation of what the source has now."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

import pyarrow as pa

from connector_sdk.changes import change_schema
from connector_sdk.config import Limits
from connector_sdk.contract import Batch, Source, Split
from connector_sdk.errors import StateInvalidError
from connector_sdk.rejects import REJECT_SCHEMA
from connector_sdk.runtime.index_files import damaged
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.snapshot_diff.blocks import no_rows
from connector_sdk.runtime.snapshot_diff.brake import Brake
from connector_sdk.runtime.snapshot_diff.comparison import Comparison
from connector_sdk.runtime.snapshot_diff.history import Draft, Generation, History, Position
from connector_sdk.runtime.snapshot_diff.index import Index
from connector_sdk.runtime.snapshot_diff.row_hash import VERSION
from connector_sdk.runtime.snapshot_diff.snapshot import Snapshot, Torn, ends_to_bytes, pausing
from connector_sdk.runtime.snapshot_diff.stored import changes_of, rejects_of
from connector_sdk.schema import Mode, Where

__all__ = ["Reading", "Terms"]

HEARTBEAT = 1.0  # seconds after which a batch of nothing shows that the read is alive
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What all reads of one source have in common. `failing` has the splits whose last read failed."""

    source: Source
    brake: Brake
    before: bool
    limits: Limits
    retry: Retry
    failing: set[str] = field(default_factory=set)


class Reading:
    """The changes of the one stream of `split`, of the rows that `where` keeps, from `position` on."""

    def __init__(self, terms: Terms, history: History, split: Split, where: Mapping[str, Where], position: Position) -> None:
        self._terms = terms
        self._history = history
        self._split = split
        self._stream = split.streams[0]
        self._where = where
        self._position = position
        self._told = time.monotonic()

    def empty(self, rejects: pa.RecordBatch | None = None) -> Batch:
        """A batch of nothing, to say where the reading stands."""
        self._told = time.monotonic()
        schema = change_schema(self._stream.schema, before=self._terms.before)
        data = no_rows(schema)
        return Batch(stream=self._stream.name, data=data, state=self._position.to_state(), rejects=rejects)

    def stored(self, end: Position | None) -> Iterator[Batch]:
        """What is stored after the position, up to `end` or to the last there is."""
        generation = self._history.at(self._position)
        last = end.seq if end is not None else max([*self._history.sequences(), 0])
        if end is not None:
            self._history.at(end)
        if generation is not None:
            yield from self._differences(generation, end)
        for seq in range(self._position.seq + 1, last + 1):
            previous = generation.digest if generation is not None else ""
            generation = self._history.generation(seq)
            if generation.previous != previous:
                raise damaged(self._history.path(seq), "it does not follow the generation before")
            yield from self._rejects(generation)
            yield from self._differences(generation, end)

    def _rejects(self, generation: Generation) -> Iterator[Batch]:
        for rejects in rejects_of(self._history, generation):
            yield replace(self.empty(rejects), state=None)

    def _differences(self, generation: Generation, end: Position | None) -> Iterator[Batch]:
        """The rest of a generation's differences: at least a state, unless the position is at their end already."""
        entered = self._position.seq == generation.seq
        start = self._position.at if entered else 0
        stop = end.at if end is not None and end.seq == generation.seq else generation.differences
        if not entered and start == stop:
            self._move(generation, stop)
            yield self.empty()
        for data in changes_of(self._history, generation, self._stream, start, stop, before=self._terms.before):
            start += data.num_rows
            self._move(generation, start)
            self._told = time.monotonic()
            yield Batch(stream=self._stream.name, data=data, state=self._position.to_state())

    def _move(self, generation: Generation, at: int) -> None:
        self._position = replace(self._position, seq=generation.seq, at=at, digest=generation.digest)

    def onward(self) -> Iterator[Batch]:
        """What is stored after the position, and then what the source has now."""
        while True:
            yield from self.stored(None)
            with self._history.held():
                if max([*self._history.sequences(), 0]) > self._position.seq:
                    continue  # another run was faster
                generation = yield from self._generation()
                break
        yield from self._differences(generation, None)

    def _generation(self) -> Generator[Batch, None, Generation]:
        """Read everything, compare, and publish what was found. Yields signs of life, and the rejects."""
        # After a failure the engine counts tries without progress; a heartbeat would look like progress.
        quiet = self._split.id in self._terms.failing
        self._terms.failing.add(self._split.id)
        failures = 0
        while True:
            try:
                generation = yield from self._attempt(quiet)
                break
            except Torn as torn:
                failures += 1
                pause = self._terms.retry.wait(failures, torn.cause)
                if pause is None:
                    raise torn.cause from None
                for _ in pausing(pause):
                    yield from self._alive(quiet)
        self._terms.failing.discard(self._split.id)
        return generation

    def _attempt(self, quiet: bool) -> Generator[Batch, None, Generation]:
        terms, history = self._terms, self._history
        # As the source itself offers it.
        stream = replace(self._stream, reads=self._stream.reads - {Mode.CHANGES})
        previous = history.at(self._position)
        if previous is not None and previous.hashing != VERSION:
            raise StateInvalidError(
                f"the index in {history.folder} was made by another version of connector-sdk and cannot be compared with",
                hint="reset the state and read everything again",
                code="index_version",
            )
        with Draft(history) as draft, Index(history, previous) as index:
            rejects = draft.blocks("rejects")
            comparison = Comparison(stream, index, draft, before=terms.before)
            snapshot = Snapshot(
                terms.source,
                stream,
                self._where,
                limits=terms.limits,
                retry=terms.retry,
                rejects=lambda batch: rejects.append(batch.cast(REJECT_SCHEMA)),
            )
            with closing(snapshot.chunks()) as chunks:
                for chunk in chunks:
                    if chunk is not None:
                        comparison.add(chunk)
                    yield from self._alive(quiet)
            comparison.problems.check()
            rejected = rejects.finish()
            if rejected.rows and comparison.unseen:
                _log.warning(
                    "%s: %d rows are not there any more; none is deleted while %d records cannot be decoded",
                    stream.name,
                    comparison.unseen,
                    rejected.rows,
                )
            deleted = 0 if rejected.rows else comparison.unseen
            terms.brake.check(stream.name, before=index.rows, updated=comparison.counts["u"], deleted=deleted)
            for _ in comparison.merge(keep_unseen=rejected.rows > 0):
                yield from self._alive(quiet)
            comparison.problems.check()
            acks = draft.words("acks")
            acks.write(ends_to_bytes(snapshot.ends, stream))
            generation = Generation(
                seq=self._position.seq + 1,
                previous="" if previous is None else previous.digest,
                stream=stream,
                before=comparison.whole,
                hashing=VERSION,
                rows=comparison.rows,
                counts=comparison.counts,
                parts={**comparison.parts, "rejects": rejected, "acks": acks.finish()},
            )
            for batch in rejects_of(history, generation):
                yield replace(self.empty(batch), state=None)
            # Whoever goes on after the rejects accepts the snapshot.
            return draft.publish(generation)

    def _alive(self, quiet: bool) -> Iterator[Batch]:
        if not quiet and time.monotonic() - self._told >= HEARTBEAT:
            yield self.empty()
