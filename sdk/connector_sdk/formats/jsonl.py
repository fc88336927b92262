"""JSON lines: one object per row, UTF-8, ended by a line feed. What each value looks like is in :mod:`.text_values`.

Nulls are written, so that every row has every key; a missing key is read as null, an unknown one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa

from connector_sdk import types
from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats.format import (
    Format,
    Loss,
    Output,
    Tell,
    accept,
    at_least_one,
    refuse,
    unreadable,
    unwritable,
)
from connector_sdk.formats.misfits import UNFIT, misfits
from connector_sdk.formats.text_values import from_values, text_losses, to_values
from connector_sdk.rejects import Reject, reject_batch
from connector_sdk.schema import has_default

__all__ = ["FORMAT"]

READ_BYTES = 1 << 20
WRITE_ROWS = 1 << 13
SIFT_ROWS = 10_000  # looked at one by one before the rejects among them are told: whoever has a limit need not wait for more
SHOWN = 100
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def losses(schema: pa.Schema) -> list[Loss]:
    return text_losses(schema)


class _Writer:
    def __init__(self, out: Output, schema: pa.Schema) -> None:
        refuse("JSON lines", losses(schema))
        self._out = out
        self._schema = schema
        self._encoder = msgspec.json.Encoder()

    def write(self, batch: pa.RecordBatch) -> None:
        accept(batch, self._schema)
        names = self._schema.names
        for start in range(0, batch.num_rows, WRITE_ROWS):
            piece = batch.slice(start, WRITE_ROWS)
            if not names:
                self._out.write(b"{}\n" * piece.num_rows)
                continue
            columns = []
            for name, column in zip(names, piece.columns, strict=True):
                with unwritable("JSON lines", name):
                    columns.append(to_values(column))
            self._out.write(
                self._encoder.encode_lines([dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)])
            )

    def close(self) -> None:
        """Nothing is held back."""


def read(file: BinaryIO, schema: pa.Schema | None = None) -> Iterator[pa.RecordBatch]:
    """Batches of about 1 MB. Without `schema` the file is read twice: first for the types that fit all of its rows."""
    with unreadable("JSON lines", file):
        if schema is None:
            schema = _infer(file)
        yield from at_least_one((_batch(rows, line, schema) for rows, line in _rows(file, schema)), schema)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line that holds something, without its end; `row` is what it says, or None where it is no JSON object."""

    text: bytes
    offset: int
    number: int
    row: dict[str, Any] | None
    problem: str | None


def sift(file: BinaryIO, schema: pa.Schema | None, stream: str, place: str, tell: Tell) -> Iterator[pa.RecordBatch]:
    """As `read` does; what is no row is told. An unknown key is no matter of one row, and ends the reading all the same.

    A field that the system itself fills in is left out when no row at the start of the file has it (null would be a value).
    """
    with unreadable("JSON lines", file):
        if schema is None:
            schema = _infer(file)
        try:
            yield from at_least_one(_sifted(file, schema, stream, place, tell), schema)
        except SchemaDriftError as error:
            hint = f"the stream has {', '.join(schema.names[:20])}"
            raise SchemaDriftError(f"{place}: {error.message}", fields=error.fields, hint=hint) from None


def _sifted(file: BinaryIO, schema: pa.Schema, stream: str, place: str, tell: Tell) -> Iterator[pa.RecordBatch]:
    decoder = _decoder(schema)
    offset, number = 0, 1
    for block in _blocks(file):
        if not offset:
            schema = _said(schema, decoder, block)
        try:
            whole = _batch(decoder.decode_lines(block), number, schema)
        except (DataError, *NOT_JSON):
            lines = _lines(decoder, block, offset, number)
            for start in range(0, len(lines), SIFT_ROWS):
                yield _good(lines[start : start + SIFT_ROWS], schema, stream, place, tell)
        else:
            yield whole
        offset += len(block)
        number += block.count(b"\n")


def _said(schema: pa.Schema, decoder: Any, block: bytes) -> pa.Schema:
    """`schema` without the fields that have a default and are in none of the rows of `block`."""
    filled = {field.name for field in schema if has_default(field)}
    if not filled:
        return schema
    names: set[str] = set()
    for line in _lines(decoder, block, 0, 1):
        names.update(line.row or ())
    kept = [field for field in schema if field.name in names or field.name not in filled]
    return pa.schema(kept).with_metadata(schema.metadata)


def _lines(decoder: Any, block: bytes, offset: int, number: int) -> list[_Line]:
    found = []
    for index, text in enumerate(block.split(b"\n")):
        if text.strip():
            problem = None
            try:
                row = decoder.decode(text)
            except NOT_JSON as error:
                row, problem = None, f"it is not JSON: {error}"
            if problem is None and not isinstance(row, dict):
                row, problem = None, "it is not a JSON object"
            found.append(_Line(text.rstrip(b"\r"), offset, number + index, row, problem))
        offset += len(text) + 1
    return found


def _good(lines: list[_Line], schema: pa.Schema, stream: str, place: str, tell: Tell) -> pa.RecordBatch:
    """The rows in `lines`, when those that are none have been told."""
    wrong: dict[int, tuple[str, str, str | None]] = {
        i: ("json", line.problem, None) for i, line in enumerate(lines) if line.problem
    }
    rows = [line.row or {} for line in lines]
    for field in schema:
        values = [row.get(field.name) for row in rows]
        for index, why in misfits(values, partial(from_values, type_=field.type)):
            wrong.setdefault(index, ("type", f"{_shown(values[index])} is no {types.to_text(field.type)}: {why}", field.name))
        if not field.nullable:
            for index in (index for index, value in enumerate(values) if value is None):
                wrong.setdefault(index, ("required", "there is no value, and one is required", field.name))
    if wrong:
        tell(
            reject_batch(
                Reject(
                    stream=stream,
                    code=code,
                    reason=reason,
                    field=field,
                    place=place,
                    raw=lines[index].text,
                    raw_form="jsonl",
                    offset=lines[index].offset,
                    line=lines[index].number,
                )
                for index, (code, reason, field) in sorted(wrong.items())
            )
        )
    return _batch([row for index, row in enumerate(rows) if index not in wrong], lines[0].number, schema)


def _shown(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _decoder(schema: pa.Schema | None) -> Any:
    exact = schema is not None and "decimal" in str(schema.types)
    return msgspec.json.Decoder(float_hook=Decimal) if exact else msgspec.json.Decoder()


def _rows(file: BinaryIO, schema: pa.Schema | None) -> Iterator[tuple[list[Any], int]]:
    """Rows as dictionaries, some at a time, with the number of the first one's line."""
    decoder = _decoder(schema)
    line = 1
    for block in _blocks(file):
        try:
            rows = decoder.decode_lines(block)
        except NOT_JSON:
            rows = [_decode(decoder, text, line + index) for index, text in enumerate(block.split(b"\n")) if text.strip()]
        yield rows, line
        line += block.count(b"\n")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """The file cut behind line ends."""
    held: list[bytes] = []
    while data := file.read(READ_BYTES):
        end = data.rfind(b"\n") + 1
        if not end:
            held.append(data)
            continue
        yield b"".join([*held, data[:end]])
        held = [data[end:]]
    if any(held):
        yield b"".join(held)


def _decode(decoder: Any, text: bytes, line: int) -> Any:
    try:
        return decoder.decode(text)
    except NOT_JSON as error:
        raise DataError(f"line {line} is not JSON: {error}", code="format") from None


def _batch(rows: list[Any], line: int, schema: pa.Schema) -> pa.RecordBatch:
    names = schema.names
    known = set(names)
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"row {index + 1} from line {line} on is not a JSON object", code="format")
        if not known.issuperset(row):
            unknown = tuple(key for key in row if key not in known)
            raise SchemaDriftError(
                f"row {index + 1} from line {line} on has the unknown field{'s' if len(unknown) > 1 else ''} "
                f"{', '.join(map(repr, unknown))}",
                fields=unknown,
            )
    if not names:
        return pa.RecordBatch.from_pydict({"": pa.nulls(len(rows))}).select([]).replace_schema_metadata(schema.metadata)
    columns = []
    for field in schema:
        try:
            columns.append(from_values([row.get(field.name) for row in rows], field.type))
        except UNFIT as error:
            raise DataError(
                f"field {field.name!r} in the rows from line {line} on is no {field.type}: {error}", code="format"
            ) from None
        if not field.nullable and columns[-1].null_count:
            raise DataError(f"field {field.name!r} must not be null, and is in the rows from line {line} on", code="null")
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _infer(file: BinaryIO) -> pa.Schema:
    if not file.seekable():
        raise ConfigError("JSON lines without a schema cannot be read from a pipe", hint="save it as a file first", code="format")
    start = file.tell()
    found = pa.schema([])
    for rows, line in _rows(file, None):
        try:
            names = list(dict.fromkeys(name for row in rows for name in row))
            here = pa.schema([pa.field(name, pa.array([row.get(name) for row in rows]).type) for name in names])
            found = pa.unify_schemas([found, here], promote_options="permissive")
        except (pa.ArrowException, TypeError, AttributeError) as error:
            raise DataError(f"the rows from line {line} on have no common types: {error}", code="format") from None
    file.seek(start)
    return found


FORMAT = Format(name="jsonl", suffix=".jsonl", appendable=True, losses=losses, writer=_Writer, read=read, sift=sift)
