"""Bytes of a fixed-width file to Arrow, block by block: exact values, exact places to resume at, and what could not be read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from connector_sdk import types
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.dos_end import without_dos_end
from connector_sdk.formats.fixed_width.code_page import Bytes, code_page
from connector_sdk.formats.fixed_width.framing import Records, Rows, cut
from connector_sdk.formats.fixed_width.notation import Notation
from connector_sdk.formats.fixed_width.recognising import recognise
from connector_sdk.formats.fixed_width.record_types import RecordType, Wanted, classified, record_types
from connector_sdk.formats.fixed_width.totals import Totals
from connector_sdk.formats.fixed_width.values import parse
from connector_sdk.formats.freed_memory import keep_freed_memory
from connector_sdk.formats.layout import Field, Layout
from connector_sdk.rejects import RAW_LIMIT, Reject, reject_batch

__all__ = ["Decoded", "decode", "decode_record"]


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """One block: its rows by stream, what of it was rejected (`REJECT_SCHEMA`), and where to go on.

    `offset` is the byte after its last record in the (uncompressed) file. It is a safe place to resume at, unless the layout has
    a header or trailer: what those promise can only be checked from start to end. `line` is the number of the line there,
    counted from 1, where records are lines and it is known.
    """

    data: Mapping[str, pa.RecordBatch]
    rejects: pa.RecordBatch | None
    offset: int
    line: int | None


def decode(
    layout: Layout,
    read: Callable[[int], bytes],
    wanted: Mapping[str, Wanted],
    *,
    place: str | None,
    offset: int = 0,
    line: int | None = None,
    max_record_bytes: int = 16 << 20,
    block_bytes: int = 1 << 20,
) -> Iterator[Decoded]:
    """The records of a fixed-width file from byte `offset` on, which is 0 or the `offset` of an earlier :class:`Decoded`.

    `layout` is that of the file or of one of its streams; `wanted` says by record name which rows to decode (a file with one
    type of records calls it as the layout). `read(n)` returns up to n bytes, ``b""`` at the end, and already stands at `offset`.
    At least one Decoded comes, empty if need be. Memory is a small multiple of `block_bytes`.

    Bad records are rejects with the code ``length``, ``record`` (of no known type), ``type``, ``encoding``, ``required`` or
    ``too_long``. Raises SchemaDriftError when the file is evidently not written as the layout says (another code page, length or
    framing), and at its end DataError (code ``trailer``) when what its header or trailer promises does not hold: until then, with
    such records, nothing that came is certain.
    """
    keep_freed_memory()
    reading = _Reading(layout, wanted, place, max_record_bytes, block_bytes)
    if reading.totals is not None and offset:
        raise ConfigError(f"layout {layout.name!r} has a header or trailer: its files are read from their start", code="layout")
    if reading.form.framing != "none":
        read = without_dos_end(read, layout.encoding)
    return reading.run(read, offset, 1 if offset == 0 else line, fresh=offset == 0)


def decode_record(
    layout: Layout,
    raw: bytes,
    *,
    stream: str,
    place: str | None = None,
    offset: int | None = None,
    line: int | None = None,
    columns: Sequence[str] | None = None,
) -> Decoded:
    """One record of a stream's `layout` from its own bytes, as a reject has them: a row, or again a reject."""
    form = layout.fixed_width
    name = form.record or layout.name
    alone = replace(layout, form=replace(form, records=tuple(replace(r, role="data", checks=()) for r in form.records)))
    wanted = {name: Wanted(stream, None if columns is None else tuple(columns))}
    reading = _Reading(alone, wanted, place, max(len(raw) * 2, 1 << 16), 1 << 20)
    text = raw if form.framing == "none" else raw + reading.page.line_ends[0]
    return next(reading.run(io.BytesIO(text).read, offset or 0, line, fresh=False))


@dataclass(frozen=True)
class _Problem:
    code: str
    reason: str
    field: str | None = None


class _Reading:
    """What is known for a whole reading: the types of records, how their fields are written, and the totals so far."""

    def __init__(self, layout: Layout, wanted: Mapping[str, Wanted], place: str | None, max_record: int, block: int) -> None:
        self.layout, self.form, self.place = layout, layout.fixed_width, place
        self.name = layout.whole.name
        self.page = code_page(layout.encoding)
        self.types = record_types(layout, wanted)
        self.first = next(iter(wanted.values())).stream
        self.schemas = {each.wanted.stream: each.schema for each in self.types if each.wanted is not None}
        lengths = [each.length for each in self.types]
        self.length = max(lengths, key=lengths.count)
        self.totals = Totals(self.form, place or self.name) if self.form.checked else None
        self.max_record = max(max_record, *lengths)
        self.block = max(block, 2 * max(lengths) + 4)
        self.blank = self.page.encode(" ")[0]

    # --- the walk through the file

    def run(self, read: Callable[[int], bytes], offset: int, line: int | None, *, fresh: bool) -> Iterator[Decoded]:
        text, ended, told = b"", False, False
        line = line if self.form.framing == "lines" else None
        while True:
            text, ended = _grown(read, text, self.block) if not ended else (text, ended)
            records = cut(self.form, self.page, self.length, text, final=ended)
            if fresh and not told:
                lengths = [each.length for each in self.types]
                recognise(self.layout, lengths, text, records, place=self.place or self.name, stream=self.first)
            if records.size:
                block = self._block(text, records, offset, line)
                text = text[records.size :]
            elif not text:
                break
            elif len(text) <= self.max_record and not ended:
                text, ended = _grown(read, text, len(text) + self.block)
                continue
            else:
                block, text, ended = self._long(read, text, offset, line)
            offset, line, told = block.offset, block.line, True
            yield block
        if self.totals is not None:
            self.totals.check()
        if not told:
            yield Decoded(data=self._nothing(), rejects=None, offset=offset, line=line)

    def _nothing(self) -> dict[str, pa.RecordBatch]:
        return {stream: _empty(schema) for stream, schema in self.schemas.items()}

    def _long(self, read: Callable[[int], bytes], text: bytes, offset: int, line: int | None) -> tuple[Decoded, bytes, bool]:
        """A line that does not end within reach: one reject, of which all but the beginning streams by."""
        digest, head, length, ended = hashlib.sha256(), b"", 0, False
        while True:
            ends = [at for end in self.page.line_ends if (at := text.find(end)) >= 0]
            part = text[: min(ends)] if ends else text
            digest.update(part)
            length += len(part)
            head += part[: RAW_LIMIT - len(head)]
            text = text[len(part) :]
            if ends or ended:
                break
            text, ended = _grown(read, text, self.block)
        size = length + len(text[:1])
        reject = Reject(
            stream=self.first,
            code="too_long",
            reason=f"the record has {length} bytes, {self.length} were expected",
            raw=head,
            place=self.place,
            offset=offset,
            line=line,
            raw_length=length,
            raw_sha256=digest.hexdigest(),
        )
        after = None if line is None else line + 1
        done = Decoded(data=self._nothing(), rejects=reject_batch([reject]), offset=offset + size, line=after)
        return done, text[1:], ended

    # --- one block of whole records

    def _block(self, text: bytes, records: Records, offset: int, line: int | None) -> Decoded:
        data = np.frombuffer(text, dtype=np.uint8)
        plain_text = self.page.to_plain(text)
        plain = np.frombuffer(plain_text, dtype=np.uint8)
        is_ascii = plain_text.isascii()
        bad: dict[int, tuple[str, _Problem]] = {}
        batches = self._nothing()
        types, rest = classified(self.types, self.page, data, records)
        for row in rest:
            bad[int(row)] = self.first, _Problem("record", "no type of record begins like this")
        self._order(types, records)
        for kind, rows in types:
            if rows is not None and not len(rows):
                continue
            if self.totals is not None:
                self.totals.counted(kind.record.name, len(records) if rows is None else len(rows))
            if kind.wanted is None and self.totals is None:
                continue
            rows = self._measured(kind, records, rows, bad)
            trimmed = self.form.trimmed
            table = records.table(data, rows, kind.length, self.blank if trimmed else None)
            same = self.page.plain is None
            ascii_table = table if same else records.table(plain, rows, kind.length, 0x20 if trimmed else None)
            batch, problems = self._decoded(kind, table, ascii_table, is_ascii)
            if kind.wanted is None:
                continue
            batches[kind.wanted.stream] = batch
            for row, problem in problems.items():
                bad[row if rows is None else int(rows[row])] = kind.wanted.stream, problem
        rejects = [self._reject(text, records, row, bad[row], offset, line) for row in sorted(bad)]
        self._remember(rejects)
        return Decoded(
            data=batches,
            rejects=reject_batch(rejects) if rejects else None,
            offset=offset + records.size,
            line=None if line is None else line + records.lines,
        )

    def _order(self, types: Sequence[tuple[RecordType, Rows | None]], records: Records) -> None:
        if self.totals is None:
            return
        places = {kind.record.role: rows.tolist() for kind, rows in types if rows is not None and kind.record.role != "data"}
        first = next((kind.record.name for kind, rows in types if rows is not None and len(rows) and rows[0] == 0), None)
        self.totals.order(first, len(records), len(places.get("header", ())), places.get("trailer", []))

    def _remember(self, rejects: Sequence[Reject]) -> None:
        """The first reject that a total lacks a value for: such a file is refused as a whole, and nobody sees its rejects."""
        if self.totals is None or self.totals.first_unread is not None:
            return
        added = {field for _, field in self.totals.wanted}
        found = next((each for each in rejects if each.code == "length" or each.field in added), None)
        if found is not None:
            where = f"byte {found.offset:,}" if found.line is None else f"line {found.line:,}"
            what = f"{where}, field {found.field}" if found.field else where
            self.totals.first_unread = f"{what}: {found.reason}"

    def _measured(
        self, kind: RecordType, records: Records, rows: Rows | None, bad: dict[int, tuple[str, _Problem]]
    ) -> Rows | None:
        """Those of `rows` that have the length they should; the others are bad."""
        lengths = records.lengths if rows is None else records.lengths[rows]
        wrong = lengths > kind.length if self.form.trimmed else lengths != kind.length
        if not wrong.any():
            return rows
        every = np.arange(len(records)) if rows is None else rows
        for row, length in zip(every[wrong], lengths[wrong], strict=True):
            what = f"the record has {length} bytes, {kind.length} were expected"
            if self.form.framing == "none":
                what = f"the file ends after {length} of the {kind.length} bytes of a record"
            if kind.record.role != "data":
                raise self._unreadable(kind, what)
            if kind.wanted is not None:
                bad[int(row)] = kind.wanted.stream, _Problem("length", what)
        if self.totals is not None:
            for name, field in self.totals.wanted:
                if name == kind.record.name:
                    self.totals.add(name, field, pa.array([], pa.int64()), int(wrong.sum()))
        kept: Rows = every[~wrong]
        return kept

    def _decoded(self, kind: RecordType, raw: Bytes, plain: Bytes, is_ascii: bool) -> tuple[pa.RecordBatch, dict[int, _Problem]]:
        """The good rows of a table of records, and what is wrong with the others, by their row."""
        record, totals = kind.record, self.totals
        added = [field for name, field in totals.wanted if name == record.name] if totals is not None else []
        needed = [field.name for field in record.fields] if record.role != "data" else [*kind.columns, *added]
        bad = np.zeros(len(raw), dtype=bool)
        problems: dict[int, _Problem] = {}
        columns: dict[str, Any] = {}
        for name in dict.fromkeys(needed):
            how = kind.notations[name]
            span = slice(how.place.offset, how.place.end)
            column = parse(how, raw[:, span], plain[:, span], is_ascii=is_ascii)
            columns[name] = column.values
            wrong = column.bad
            if totals is not None and name in added:
                unread = 0 if wrong is None else int(wrong.sum())
                totals.add(record.name, name, column.values, unread)
            if name not in kind.columns and record.role == "data":
                continue
            for row in () if wrong is None else np.flatnonzero(wrong & ~bad):
                problems[int(row)] = self._problem(how, column.code, raw[row, span].tobytes())
            if wrong is not None:
                bad |= wrong
            if not how.field.nullable and column.values.null_count:
                missing = np.asarray(column.values.is_null().to_numpy(zero_copy_only=False), dtype=bool) & ~bad
                for row in np.flatnonzero(missing):
                    problems[int(row)] = _Problem("required", "there is no value, and one is required", name)
                bad |= missing
        if totals is not None and record.role != "data":
            if problems:
                problem = next(iter(problems.values()))
                raise self._unreadable(kind, f"{problem.field}: {problem.reason}")
            if len(raw):
                totals.say(record.name, {name: values[-1].as_py() for name, values in columns.items()})
        if kind.wanted is None:
            return _empty(pa.schema([])), {}
        schema = self.schemas[kind.wanted.stream]
        batch = pa.RecordBatch.from_arrays([columns[name] for name in kind.columns], schema=schema)
        return (batch.filter(pa.array(~bad)) if problems else batch), problems

    def _unreadable(self, kind: RecordType, what: str) -> DataError:
        return DataError(f"{self.place or self.name}: the {kind.record.name} record cannot be read: {what}", code="trailer")

    def _problem(self, how: Notation, code: str, raw: bytes) -> _Problem:
        said = self.page.shown(raw)
        if code == "encoding":
            return _Problem(code, f"{said} is not all {self.layout.encoding}", how.field.name)
        return _Problem(code, f"{said} is no {types.to_text(how.field.type)}{_written(how.field)}", how.field.name)

    def _reject(
        self, text: bytes, records: Records, row: int, found: tuple[str, _Problem], offset: int, line: int | None
    ) -> Reject:
        stream, problem = found
        start = int(records.starts[row])
        return Reject(
            stream=stream,
            code=problem.code,
            reason=problem.reason,
            field=problem.field,
            place=self.place,
            raw=text[start : start + int(records.lengths[row])],
            offset=offset + start,
            line=None if line is None else line + records.line(row),
        )


def _grown(read: Callable[[int], bytes], text: bytes, size: int) -> tuple[bytes, bool]:
    """`text` with as much behind it as makes `size` bytes, and whether the file has ended."""
    parts, have = [text], len(text)
    while have < size:
        data = read(size - have)
        if not data:
            return b"".join(parts), True
        parts.append(data)
        have += len(data)
    return b"".join(parts), False


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _written(field: Field) -> str:
    if field.format:
        return f" as {' or '.join(field.format)}"
    if pa.types.is_boolean(field.type):
        return f": {', '.join(field.true)} or {', '.join(field.false)}"
    place = field.place
    if place is None:
        return ""
    parts = [f"sign {place.sign}"] if place.sign != "free" else []
    parts += [f"decimal mark {field.decimal!r}"] if field.decimal != "." else []
    return f" with {' and '.join(parts)}" if parts else ""
