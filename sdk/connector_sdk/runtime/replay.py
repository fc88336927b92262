"""Trying rejected records again: a reject file as a source, decoded by the connector they came from as it is configured now."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from connector_sdk.contract import Batch, Connector, Replayer, Split, State
from connector_sdk.errors import ConfigError, ConnectorError
from connector_sdk.formats import FORMATS
from connector_sdk.rejects import RAW_LIMIT, Reject, reject_batch, rejects_of
from connector_sdk.runtime.exact_rows import fit
from connector_sdk.runtime.reject_file import read_rejects
from connector_sdk.schema import Mode, Stream, Where, has_default

__all__ = ["ReplaySource"]

AT_ONCE = 1000


class ReplaySource:
    """The rejects in `path` as streams of `connector`, which must be entered and stays its owner's to close.

    Records of a run that was given up (its budget was spent) are left out, and counted in `given_up`: that run's next try reads
    them from the source itself. Raises ConfigError when the connector cannot decode single records.
    """

    def __init__(self, connector: Connector, path: Path) -> None:
        self._connector = connector
        self._path = path
        self.given_up = 0
        self.counts: Counter[str] = Counter()
        self._given: dict[str, set[str] | None] = {}  # the fields that rows to be written had; None: records of the system itself
        for line in read_rejects(path):
            if line.checkpoint:
                self.counts[line.reject.stream] += 1
                self._learn(line.reject)
            else:
                self.given_up += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        return None

    def check(self) -> None:
        self._connector.check()

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        names = [name for name in self.counts if only is None or name in only]
        return [self._as_given(stream) for stream in self._connector.discover(names) if stream.name in names]

    def _learn(self, reject: Reject) -> None:
        given = self._given.setdefault(reject.stream, set())
        if reject.raw_form == "bytes":
            self._given[reject.stream] = None
        elif given is not None:
            given.update(_fields(reject))

    def _as_given(self, stream: Stream) -> Stream:
        """Without what the system itself fills in, where no row had it: null would be a value."""
        given = self._given[stream.name]
        names = [f.name for f in stream.schema if given is None or f.name in given or not has_default(f)]
        return stream if names == stream.schema.names else stream.only(names)

    def plan(self, streams: Sequence[Stream], mode: Mode, where: Mapping[str, Where] = {}) -> Sequence[Split]:
        return [
            Split(
                id=f"replay:{stream.name}",
                streams=(stream,),
                mode=mode,
                left={n: w for n, w in where.items() if n == stream.name},
            )
            for stream in streams
        ]

    def read(self, split: Split, state: State | None, until: State | None = None) -> Iterator[Batch]:
        (stream,) = split.streams
        done = int(str(state["rejects"])) if state else 0
        mine = (line.reject for line in read_rejects(self._path) if line.checkpoint and line.reject.stream == stream.name)
        count = done
        for group in _groups(islice(mine, done, None)):
            count += len(group)
            yield from self._try(stream, group)
            yield Batch(stream=stream.name, data=_empty(stream), state={"rejects": count})
        if count == done:
            yield Batch(stream=stream.name, data=_empty(stream), state={"rejects": count})

    def _try(self, stream: Stream, group: Sequence[Reject]) -> Iterator[Batch]:
        if group[0].raw_form == "arrow":
            for reject in group:
                with pa.ipc.open_stream(reject.raw) as rows:
                    for data in rows:
                        row, rejects = fit(stream.name, _whole(data, stream.schema), stream.schema)
                        yield Batch(stream=stream.name, data=row, rejects=rejects)
            return
        if group[0].raw_form in FORMATS:
            for reject in group:
                yield from _sifted(stream, reject)
            return
        if not isinstance(self._connector, Replayer):
            raise ConfigError(f"{type(self._connector).__name__} cannot decode single records again")
        for batch in self._connector.replay(stream, reject_batch(group)):
            yield Batch(stream=batch.stream, data=batch.data, rejects=batch.rejects)

    def ack(self, split: Split, state: State) -> None:
        return None


def _groups(rejects: Iterator[Reject]) -> Iterator[list[Reject]]:
    """Runs of rejects of one form, a thousand at a time."""
    group: list[Reject] = []
    for reject in rejects:
        if group and (len(group) == AT_ONCE or reject.raw_form != group[0].raw_form):
            yield group
            group = []
        group.append(reject)
    if group:
        yield group


def _sifted(stream: Stream, reject: Reject) -> Iterator[Batch]:
    """A row of a file that was written to the stream, read by the file's format."""
    if len(reject.raw) >= RAW_LIMIT:  # what is left of it is another row
        yield Batch(stream=stream.name, data=_empty(stream), rejects=reject_batch([reject]))
        return
    told: list[pa.RecordBatch] = []
    sift = FORMATS[reject.raw_form].sift
    assert sift is not None  # the form is that of a format that sifts
    for data in sift(io.BytesIO(reject.raw), stream.schema, stream.name, reject.place or stream.name, told.append):
        row, rejects = fit(stream.name, _whole(data, stream.schema), stream.schema)
        for again in [one for batch in told for one in rejects_of(batch)]:
            known = replace(reject, code=again.code, reason=again.reason, field=again.field)
            yield Batch(stream=stream.name, data=_empty(stream), rejects=reject_batch([known]))
        told.clear()
        yield Batch(stream=stream.name, data=row, rejects=rejects)


def _fields(reject: Reject) -> list[str]:
    """The fields that a row to be written has; none where that cannot be seen."""
    try:
        if reject.raw_form == "arrow":
            with pa.ipc.open_stream(reject.raw) as rows:
                return list(rows.schema.names)
        sift = FORMATS[reject.raw_form].sift
        assert sift is not None  # the form is that of a format that sifts
        return list(next(sift(io.BytesIO(reject.raw), None, "", "", lambda told: None)).schema.names)
    except (ConnectorError, pa.ArrowException):
        return []


def _whole(row: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`row` with the columns of `schema`, null where it was given without."""
    given = {name: row.column(name) for name in row.schema.names}
    nothing = {field.name: pa.nulls(row.num_rows, field.type) for field in schema if field.name not in given}
    return pa.RecordBatch.from_pydict({name: given[name] if name in given else nothing[name] for name in schema.names})


def _empty(stream: Stream) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in stream.schema], schema=stream.schema)
