"""CSV files, through pyarrow: RFC 4180 with a header, UTF-8, and line feeds.

Text is always quoted, so that ``""`` is the empty string and nothing at all is null. Numbers, dates and times are written as they
are; what CSV has no notion of is written as in JSON lines: base64, ISO 8601 durations, and lists and structs as JSON text
(:mod:`connector_sdk.formats.text_values`). Files as others write them are read by a layout instead
(:mod:`connector_sdk.formats.delimited`).
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from connector_sdk.errors import DataError, SchemaDriftError
from connector_sdk.formats.csv_sifting import Column, sifted
from connector_sdk.formats.format import (
    EVERY_FIELD,
    Format,
    Kept,
    Loss,
    Output,
    OutputFile,
    Tell,
    accept,
    at_least_one,
    refuse,
    unreadable,
    unwritable,
)
from connector_sdk.formats.reshape import Array, reshape, wider_decimal
from connector_sdk.formats.text_values import (
    decimal_text,
    from_values,
    is_text,
    text_losses,
    to_timestamps,
    to_values,
    within_years,
)

__all__ = ["FORMAT"]

BLOCK_BYTES = 1 << 20
WRITE_ROWS = 1 << 13
_compute: Any = pc


def losses(schema: pa.Schema) -> list[Loss]:
    found = text_losses(schema)
    if not len(schema):
        found.append(Loss(EVERY_FIELD, "a row without fields", Kept.REFUSED))
    return found


def _native(type_: pa.DataType) -> pa.DataType | None:
    """The type as which pyarrow writes and reads the values of `type_` itself; None for those written as JSON writes them."""
    t = pa.types
    kind: Any = type_
    if t.is_dictionary(type_):
        return _native(kind.value_type)
    if type_ == pa.float16():
        return pa.float32()
    if t.is_boolean(type_) or t.is_integer(type_) or t.is_floating(type_) or t.is_time(type_) or t.is_null(type_):
        return type_
    if is_text(type_):
        return pa.string()
    if t.is_date(type_):
        return pa.date32()
    if t.is_timestamp(type_):
        return pa.timestamp(kind.unit, None if kind.tz is None else "UTC")
    return wider_decimal(type_) if t.is_decimal(type_) else None


def _has_exponents(type_: Any) -> bool:
    """Whether Arrow may write decimals of `type_` as in ``1E-8``."""
    return pa.types.is_decimal(type_) and type_.scale > 6


def _written(type_: pa.DataType) -> pa.DataType:
    native = _native(type_)
    return pa.string() if native is None or _has_exponents(native) or pa.types.is_null(native) else native


def _to_cells(array: Array) -> Array:
    native = _native(array.type)
    if native is None:
        return pa.array([_text(value) for value in to_values(array)], pa.string())
    cells = reshape(array, native)
    within_years(cells)
    if _has_exponents(native):
        return decimal_text(cells)
    return cells.cast(pa.string()) if pa.types.is_null(native) else cells


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()


class _Writer:
    def __init__(self, out: Output, schema: pa.Schema) -> None:
        self._sink = OutputFile(out)
        refuse("CSV", losses(schema))
        self._schema = schema
        self._written = pa.schema([pa.field(field.name, _written(field.type)) for field in schema])
        self._writer = pcsv.CSVWriter(cast(Any, self._sink), self._written)

    def write(self, batch: pa.RecordBatch) -> None:
        accept(batch, self._schema)
        for start in range(0, batch.num_rows, WRITE_ROWS):
            piece = batch.slice(start, WRITE_ROWS)
            cells = []
            for name, column in zip(self._schema.names, piece.columns, strict=True):
                with unwritable("CSV", name):
                    cells.append(_to_cells(column))
            self._writer.write_batch(pa.RecordBatch.from_arrays(cells, schema=self._written))

    def close(self) -> None:
        self._writer.close()

    def __del__(self) -> None:
        self._sink.drop()


def read(file: BinaryIO, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of about 1 MB of text. Without `schema` every field is text: nothing is guessed."""
    with unreadable("CSV", file):
        blocks = _blocks(file)
        first = next(blocks, b"")
        names, start = _header(first)
        if schema is None:
            schema = pa.schema([pa.field(name, pa.string()) for name in names])
        _check_names(names, schema)
        yield from at_least_one(_batches(first[start:], blocks, names, schema), schema)


def sift(file: BinaryIO, schema: pa.Schema | None, stream: str, place: str, tell: Tell) -> Iterator[pa.RecordBatch]:
    """As `read` does; what is no row is told, and the header may leave fields out: the rows are then without them."""
    with unreadable("CSV", file):
        head = file.read(BLOCK_BYTES)
        while _header_end(head) < 0 and (more := file.read(BLOCK_BYTES)):
            head += more
        if not head:
            raise DataError(f"{place} is empty, a CSV header was expected", code="format")
        names, start = _header(head)
        if schema is None:
            schema = pa.schema([pa.field(name, pa.string()) for name in names])
        _check_names(names, schema, place)
        there = pa.schema([field for field in schema if field.name in names]).with_metadata(schema.metadata)
        columns = [_column(schema.field(name)) for name in names]
        yield from sifted(head, start, file, columns, there, stream, place, tell)


def _column(field: pa.Field[Any]) -> Column:
    """The field as what delimited text has a notation for, where each value of that is one of the field's."""
    native, kind = _read_as(field.type), field.type
    same = native == kind or is_text(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(native)
    if pa.types.is_dictionary(kind) or pa.types.is_null(kind):
        same = False
    return Column(field=field, native=native if same else None, from_text=lambda text: _from_cells(text, kind))


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file cut behind whole records: at line feeds before which the number of quotes is even."""
    held = b""
    while data := file.read(max(BLOCK_BYTES, len(held))):
        held += data
        end = _last_end(held)
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def _last_end(data: bytes) -> int:
    before, end = data.count(b'"'), len(data)
    while (line_end := data.rfind(b"\n", 0, end)) >= 0:
        before -= data.count(b'"', line_end, end)
        if before % 2 == 0:
            return line_end + 1
        # Inside quotes: so are the line feeds behind the quote that opens them.
        end = data.rfind(b'"', 0, line_end)
        before -= 1
    return 0


def _header(block: bytes) -> tuple[list[str], int]:
    """The names in the first record, and where the second begins."""
    end = _header_end(block)
    head = block if end < 0 else block[: end + 1]
    try:
        names = next(csv.reader(io.StringIO(head.decode("utf-8-sig"), newline=""), strict=True), None)
    except csv.Error as error:
        raise DataError(f"the header is not CSV: {error}", code="format") from None
    if names is None:
        raise DataError("the CSV file is empty, a header was expected", code="format")
    return names or [""], len(head)


def _header_end(block: bytes) -> int:
    """Where the line feed behind the first record is; -1: not in `block`."""
    end = block.find(b"\n")
    while end >= 0 and block.count(b'"', 0, end) % 2:
        end = block.find(b"\n", end + 1)
    return end


def _check_names(names: list[str], schema: pa.Schema, sifted: str | None = None) -> None:
    """Raise SchemaDriftError for other names than those of `schema`; in a file that is `sifted` some of them may be missing."""
    twice = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    missing = tuple(name for name in schema.names if name not in names) if sifted is None else ()
    unknown = tuple(name for name in names if name not in schema.names)
    if twice or missing or unknown:
        parts = [("repeats", twice), ("lacks", missing), ("has the unknown", unknown)]
        text = "; ".join(f"{verb} {', '.join(map(repr, fields))}" for verb, fields in parts if fields)
        where = "" if sifted is None else f" of {sifted}"
        hint = None if sifted is None else f"the stream has {', '.join(schema.names[:20])}"
        raise SchemaDriftError(f"the CSV header{where} {text}", fields=twice + missing + unknown, hint=hint)


def _batches(first: bytes, blocks: Iterator[bytes], names: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    types = {field.name: _read_as(field.type) for field in schema}
    convert = pcsv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    parse = pcsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    for block in itertools.chain([first], blocks):
        if block:
            options = pcsv.ReadOptions(column_names=names, block_size=len(block) + 1)
            source = cast(Any, pa.BufferReader(block))
            table = pcsv.read_csv(source, read_options=options, parse_options=parse, convert_options=convert)
            yield _restored(table, schema)


def _restored(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        cells = cast(Any, table.column(field.name).combine_chunks())
        try:
            columns.append(_from_cells(cells, field.type))
        except (pa.ArrowException, ValueError, TypeError, KeyError) as error:
            raise DataError(f"field {field.name!r} has a value that is no {field.type}: {error}", code="format") from None
        if not field.nullable and columns[-1].null_count:
            raise DataError(f"field {field.name!r} must not be null, and {columns[-1].null_count} values are", code="null")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _read_as(type_: Any) -> pa.DataType:
    native = _native(type_)
    if native is None or pa.types.is_decimal256(native) or (pa.types.is_timestamp(native) and cast(Any, native).unit == "ns"):
        return pa.string()
    return native


def _from_cells(cells: Array, type_: Any) -> Array:
    native = _native(type_)
    if native is None:
        return from_values(_values(cells, type_), type_)
    if pa.types.is_null(native) and cells.null_count == len(cells):
        return pa.nulls(len(cells))
    if cells.type != native and not pa.types.is_timestamp(native):
        cells = cells.cast(native)
    elif cells.type != native:
        return reshape(to_timestamps(_compute.binary_replace_slice(cells, 10, 11, "T"), native), type_)
    return reshape(cells, type_)


def _values(cells: Array, type_: Any) -> list[Any]:
    values = cells.to_pylist()
    if pa.types.is_nested(type_) or type_ == pa.month_day_nano_interval():
        return [None if text is None else msgspec.json.decode(text) for text in values]
    return values


FORMAT = Format(name="csv", suffix=".csv", appendable=False, losses=losses, writer=_Writer, read=read, sift=sift)
