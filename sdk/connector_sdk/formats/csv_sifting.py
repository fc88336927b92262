"""CSV files row by row where it must be: read as delimited files are, so that a record that is no row is one reject."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import pyarrow as pa

from connector_sdk.formats.delimited.reading import decode
from connector_sdk.formats.format import Tell
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sdk.formats.misfits import UNFIT, misfits
from connector_sdk.formats.reshape import Array, reshape
from connector_sdk.rejects import reject_batch, rejects_of

__all__ = ["Column", "sifted"]

BLOCK_BYTES = 1 << 20
RECORD_BYTES = 64 << 20
"""How far a quote may be from the one that closes it: the writer of the format has no limit, a stray quote must have one."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A field of the file: the type to read it as, or else how its text becomes values."""

    field: pa.Field[Any]
    native: pa.DataType | None
    from_text: Callable[[Array], Array]


def sifted(
    head: bytes, start: int, file: BinaryIO, columns: list[Column], schema: pa.Schema, stream: str, place: str, tell: Tell
) -> Iterator[pa.RecordBatch]:
    """Rows of `schema` from a file of `columns`. `head` was read of it already, and its header ends at `start`."""
    header = head[:start] if head[:start].endswith((b"\n", b"\r")) else head[:start] + b"\n"
    layout = Layout(
        name=stream,
        form=Delimited(header=0),
        fields=tuple(
            Field(name=column.field.name, type=column.native or column.field.type, nullable=column.field.nullable)
            for column in columns
        ),
    )
    blocks = decode(
        layout,
        _joined(head[start:], file),
        stream=stream,
        place=place,
        offset=start,
        line=1 + header.count(b"\n"),
        max_record_bytes=RECORD_BYTES,
        block_bytes=BLOCK_BYTES,
        converts={column.field.name: _convert(column) for column in columns if column.native is None},
    )
    for block in blocks:
        if block.rejects is not None:
            tell(_with_header(block.rejects, header))
        found = [reshape(block.data.column(field.name), field.type) for field in schema]
        yield pa.RecordBatch.from_arrays(found, schema=schema)


def _joined(head: bytes, file: BinaryIO) -> Callable[[int], bytes]:
    held = head

    def read(size: int) -> bytes:
        nonlocal held
        part, held = held[:size], held[size:]
        return part or file.read(size)

    return read


def _convert(column: Column) -> Callable[[Any], tuple[Array, dict[int, str]]]:
    def convert(raw: Any) -> tuple[Array, dict[int, str]]:
        try:
            text, wrong = raw.cast(pa.string()), {}
        except pa.ArrowInvalid:
            wrong = dict.fromkeys((row for row, _ in misfits(raw, lambda part: part.cast(pa.string()))), "encoding")
            text = _without(raw, wrong).cast(pa.string())
        try:
            return column.from_text(text), wrong
        except UNFIT:
            wrong |= dict.fromkeys((row for row, _ in misfits(text, column.from_text)), "type")
        return column.from_text(_without(text, wrong)), wrong

    return convert


def _without(values: Any, wrong: dict[int, str]) -> Any:
    kept = [None if row in wrong else value for row, value in enumerate(values.to_pylist())]
    return pa.array(kept, values.type)


def _with_header(rejects: pa.RecordBatch, header: bytes) -> pa.RecordBatch:
    """With the header in front, the raw bytes of a record say by themselves which value is which."""
    return reject_batch(replace(reject, raw=header + reject.raw, raw_form="csv") for reject in rejects_of(rejects))
