"""Rejected records tried again with the layout of today: from their own bytes, or from their file where those were cut."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
from connector_sdk.contract import Batch
from connector_sdk.formats import delimited, fixed_width
from connector_sdk.formats.layout import FixedWidth, Layout
from connector_sdk.rejects import Reject, reject_batch, rejects_of
from connector_sdk.runtime.folder import safe_name
from connector_sdk.schema import Stream

from connector_sftp.binding import Binding
from connector_sftp.content import content
from connector_sftp.drops import Drops

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
    for name in (reject.place, f"{drops.config.archive}/{reject.place}"):
        entry = drops.folder.stat(safe_name(name))
        if entry is None:
            continue
        with content(binding.settings.compression, entry, partial(drops.folder.open_read, name), reject.offset) as read:
            raw = b""
            while len(raw) < reject.raw_length and (more := read(reject.raw_length - len(raw))):
                raw += more
        if hashlib.sha256(raw).hexdigest() == reject.raw_sha256:
            return raw
    return None
