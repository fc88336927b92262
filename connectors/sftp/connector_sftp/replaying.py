"""Rejected records tried again with the layout of today: from their own bytes, or from their file where those were cut."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial

import pyarrow as pa
from connector_sdk.contract import Batch
from connector_sdk.formats import delimited, fixed_width
from connector_sdk.formats.compression import skip
from connector_sdk.formats.layout import FixedWidth, Layout
from connector_sdk.rejects import Reject, reject_batch, rejects_of
from connector_sdk.runtime.folder import Entry, safe_name
from connector_sdk.schema import Stream

from connector_sftp.binding import Binding
from connector_sftp.drops import Drops
from connector_sftp.parts import MEMBER, parts

__all__ = ["replay"]


def replay(drops: Drops, binding: Binding, layout: Layout, stream: Stream, rejects: pa.RecordBatch) -> Iterator[Batch]:
    """The rows that the records in `rejects` are now; those still bad come as rejects again."""
    columns = None if tuple(stream.schema.names) == layout.names else stream.schema.names
    rows, again = [], []
    for reject in rejects_of(rejects):
        raw = reject.raw if reject.raw_length in (None, len(reject.raw)) else _whole(drops, binding, reject)
        if raw is None:
            again.append(reject)
            continue
        data, rejected = _decoded(layout, raw, reject, stream.name, columns)
        rows.append(pa.RecordBatch.from_arrays(data.columns, schema=stream.schema))
        if rejected is not None:
            again += rejects_of(rejected)
    table = pa.Table.from_batches(rows, schema=stream.schema).combine_chunks()
    empty = pa.RecordBatch.from_arrays([pa.array([], f.type) for f in stream.schema], schema=stream.schema)
    data = table.to_batches()[0] if table.num_rows else empty
    yield Batch(stream=stream.name, data=data, rejects=reject_batch(again) if again else None)


def _decoded(
    layout: Layout, raw: bytes, reject: Reject, stream: str, columns: Sequence[str] | None
) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    place, offset, line = reject.place, reject.offset, reject.line
    if isinstance(layout.form, FixedWidth):
        record = fixed_width.decode_record(layout, raw, stream=stream, place=place, offset=offset, line=line, columns=columns)
        return record.data[stream], record.rejects
    found = delimited.decode_record(layout, raw, stream=stream, place=place, offset=offset, line=line, columns=columns)
    return found.data, found.rejects


def _whole(drops: Drops, binding: Binding, reject: Reject) -> bytes | None:
    """A record of which the reject has only the beginning, from its file; None when that is gone or has changed."""
    if reject.place is None or reject.offset is None or reject.raw_length is None:
        return None
    for place in (reject.place, f"{drops.config.archive}/{reject.place}"):
        for name, member in _names(place):
            entry = drops.folder.stat(safe_name(name))
            if entry is None:
                continue
            raw = _bytes(drops, binding, entry, member, reject.offset, reject.raw_length)
            if hashlib.sha256(raw).hexdigest() == reject.raw_sha256:
                return raw
    return None


def _names(place: str) -> Iterator[tuple[str, str | None]]:
    """The files that `place` may mean: one of that name, or an archive and the member in it."""
    yield place, None
    at = place.find(MEMBER)
    while at >= 0:
        yield place[:at], place[at + 1 :]
        at = place.find(MEMBER, at + 1)


def _bytes(drops: Drops, binding: Binding, entry: Entry, member: str | None, offset: int, size: int) -> bytes:
    """`size` bytes from `offset` of a file, or of a member; fewer when it ends before."""
    unpacking = drops.unpacking(binding)
    opener = partial(drops.folder.open_read, entry.name)
    with closing(parts(unpacking, entry, opener, 0 if member else offset, only=member)) as found:
        for part in found:
            skip(part.read, offset - part.offset, part.place)
            raw = b""
            while len(raw) < size and (more := part.read(size - len(raw))):
                raw += more
            return raw
    return b""
