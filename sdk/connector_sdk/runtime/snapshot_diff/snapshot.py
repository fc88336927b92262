"""Reading a stream whole, once: every split of its FULL plan, through failures, in chunks of a good size."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing

import pyarrow as pa

from connector_sdk.config import Limits
from connector_sdk.contract import Batch, Source, Split, State
from connector_sdk.errors import InternalError, SchemaDriftError, StateInvalidError, TransientError
from connector_sdk.runtime.reader import Reader, Request
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.snapshot_diff.blocks import joined
from connector_sdk.schema import Mode, Stream, Where

__all__ = ["Snapshot", "Torn", "ends_from_bytes", "ends_to_bytes", "pausing"]

CHUNK_ROWS = 256 * 1024
CHUNK_BYTES = 32 << 20
TICK = 0.5  # seconds between two signs of life while waiting


class Torn(Exception):  # noqa: N818 - never leaves the package
    """The read failed where it cannot be taken up again: rows after the last state were handed on. Begin anew."""

    def __init__(self, cause: TransientError) -> None:
        self.cause = cause


class Snapshot:
    """Goes through the rows of `stream` that `where` keeps. `rejects` takes what could not be decoded.

    `ends` has, after that, each split of the plan with the state after it: what the source may be told to forget.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        where: Mapping[str, Where],
        *,
        limits: Limits,
        retry: Retry,
        rejects: Callable[[pa.RecordBatch], None],
    ) -> None:
        self._stream = stream
        self._retry = retry
        self._rejects = rejects
        asked = Request(streams=(stream,), wanted=(stream,), mode=Mode.FULL, where=where)
        # Failures are met here, where rows that were not handed on yet can be dropped.
        self._reader = Reader(source, asked, limits=limits, retry=Retry(attempts=1))
        self._ready: list[Batch] = []  # up to a state
        self._loose: list[Batch] = []  # after it
        self._rows = self._bytes = 0  # of both
        self.ends: list[tuple[Split, State]] = []

    def chunks(self) -> Generator[pa.RecordBatch | None, None, None]:
        """Record batches of the stream's schema; None is a sign of life.

        Raises TransientError when the source does not recover, Torn when it has to be read from the start, SchemaDriftError when
        its values are not of the stream's types.
        """
        for split in self._reader.plan():
            yield from self._split(split)
        yield from self._deliver()

    def _split(self, split: Split) -> Iterator[pa.RecordBatch | None]:
        since: State | None = None
        failures = 0
        torn = False
        while True:
            try:
                with closing(self._reader.read(split, since)) as batches:
                    for batch in batches:
                        self._loose.append(batch)
                        self._rows += batch.data.num_rows
                        self._bytes += batch.data.nbytes
                        if batch.state is not None:
                            since, failures, torn = batch.state, 0, False
                            self._settle()
                        if self._rows < CHUNK_ROWS and self._bytes < CHUNK_BYTES:
                            yield None
                        else:
                            torn = torn or len(self._loose) > 0
                            self._settle()
                            yield from self._deliver()
                if self._loose:
                    raise InternalError(f"the last batch of split {split.id!r} carries no state", split=split.id)
                break
            except StateInvalidError as error:
                # A state of this very read, of a plan that does not hold any more: a file was replaced, say. Nobody else has it.
                raise Torn(TransientError(error.message, code=error.code, stream=self._stream.name, split=split.id)) from None
            except TransientError as error:
                if torn:
                    raise Torn(error) from None
                self._rows -= sum(batch.data.num_rows for batch in self._loose)
                self._bytes -= sum(batch.data.nbytes for batch in self._loose)
                self._loose = []
                failures += 1
                pause = self._retry.wait(failures, error)
                if pause is None:
                    raise
                yield from pausing(pause)
        if since is not None:
            self.ends.append((split, since))

    def _settle(self) -> None:
        self._ready += self._loose
        self._loose = []

    def _deliver(self) -> Iterator[pa.RecordBatch]:
        ready, self._ready = self._ready, []
        self._rows = self._bytes = 0
        for batch in ready:
            if batch.rejects is not None:
                self._rejects(batch.rejects)
        datas = [self._typed(batch.data) for batch in ready if batch.data.num_rows]
        del ready
        for data in joined(datas):
            step = max(1, min(CHUNK_ROWS, CHUNK_BYTES * data.num_rows // max(1, data.nbytes)))
            for start in range(0, data.num_rows, step):
                yield data.slice(start, step)

    def _typed(self, data: pa.RecordBatch) -> pa.RecordBatch:
        schema = self._stream.schema
        if data.schema.equals(schema):
            return data
        columns = []
        for field, column in zip(schema, data.columns, strict=True):
            try:
                columns.append(column if column.type == field.type else column.cast(field.type))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise SchemaDriftError(
                    f"field {field.name!r} of stream {self._stream.name!r} is {column.type}, {field.type} was expected: {error}",
                    fields=(field.name,),
                    stream=self._stream.name,
                ) from None
        return pa.RecordBatch.from_arrays(columns, names=schema.names)


def pausing(seconds: float) -> Iterator[None]:
    """Wait, with signs of life."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, TICK))
        yield None


def ends_to_bytes(ends: Sequence[tuple[Split, State]], stream: Stream) -> bytes:
    """Splits and states as JSON. A plan has many splits, mostly of the one `stream`, which need not be told again."""
    told = [({**split.to_json(), **({"streams": None} if split.streams == (stream,) else {})}, dict(end)) for split, end in ends]
    return json.dumps(told).encode()


def ends_from_bytes(data: bytes, stream: Stream) -> list[tuple[Split, State]]:
    """What :func:`ends_to_bytes` wrote. Raises ValueError when it is something else."""
    return [
        (Split.from_json({**split, "streams": split["streams"] or [stream.to_json()]}), end) for split, end in json.loads(data)
    ]
