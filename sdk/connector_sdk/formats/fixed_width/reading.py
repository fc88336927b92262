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
from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats.fixed_width.code_page import Bytes, code_page
from connector_sdk.formats.fixed_width.framing import Records, Rows, cut
from connector_sdk.formats.fixed_width.notation import Notation, notation
from connector_sdk.formats.fixed_width.totals import Totals
from connector_sdk.formats.fixed_width.values import parse
from connector_sdk.formats.layout import Field, FixedWidth, Layout, Record
from connector_sdk.formats.layout.layout import schema_of
from connector_sdk.rejects import RAW_LIMIT, Reject, reject_batch

__all__ = ["Decoded", "Wanted", "decode", "decode_record", "record_length", "records_of"]


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


@dataclass(frozen=True)
class Wanted:
    """A record whose rows are asked for: the stream they go to, and which fields, in that order (None: all)."""

    stream: str
    columns: tuple[str, ...] | None = None


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
    # glibc gives freed blocks of this size back to the system and gets them again page by page, for each block, until it has
    # seen a larger one come and go: without this, reading takes a third longer.
    bytearray(24 << 20)
    reading = _Reading(layout, wanted, place, max_record_bytes, block_bytes)
    if reading.totals is not None and offset:
        raise ConfigError(f"layout {layout.name!r} has a header or trailer: its files are read from their start", code="layout")
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


def records_of(layout: Layout) -> tuple[Record, ...]:
    """The types of records in a file: those it lists, or the one that its own fields are, called as the layout."""
    return layout.fixed_width.records or (Record(name=layout.name, fields=layout.fields, keys=layout.keys),)


def record_length(form: FixedWidth, record: Record, records: Sequence[Record]) -> int:
    """Bytes of a record without its line end: its own length, that of the file, or as far as fields reach."""
    ends = [
        field.place.end for each in (records if form.framing == "none" else (record,)) for field in each.fields if field.place
    ]
    if form.framing == "none":
        return max([form.length, *(each.length for each in records), *ends])
    return record.length or form.length or max(ends, default=0)


@dataclass(frozen=True)
class _Problem:
    code: str
    reason: str
    field: str | None = None


class _Type:
    """One type of record: its length, what of it is decoded, and for whom."""

    def __init__(self, record: Record, length: int, notations: Mapping[str, Notation], wanted: Wanted | None) -> None:
        self.record, self.length, self.wanted = record, length, wanted
        self.notations = notations
        self.columns: tuple[str, ...] = ()
        if wanted is not None:
            names = tuple(field.name for field in record.fields)
            unknown = [name for name in wanted.columns or () if name not in names]
            if unknown or wanted.columns == ():
                raise ConfigError(
                    f"record {record.name!r} has no field {', '.join(map(repr, unknown)) or 'in an empty projection'}",
                    hint=f"it has {', '.join(names[:20])}",
                    stream=wanted.stream,
                )
            self.columns = wanted.columns or names


class _Reading:
    """What is known for a whole reading: the types of records, how their fields are written, and the totals so far."""

    def __init__(self, layout: Layout, wanted: Mapping[str, Wanted], place: str | None, max_record: int, block: int) -> None:
        self.layout, self.form, self.place = layout, layout.fixed_width, place
        self.name = layout.whole.name
        self.page = code_page(layout.encoding)
        records = records_of(layout)
        unknown = sorted(set(wanted) - {record.name for record in records if record.role == "data"})
        if unknown or not wanted:
            raise ConfigError(f"layout {layout.name!r} has no rows called {', '.join(unknown) or 'nothing'}", code="layout")
        self.first = next(iter(wanted.values())).stream
        self.types = [
            _Type(
                record,
                record_length(self.form, record, records),
                {field.name: notation(field, self.page) for field in record.fields},
                wanted.get(record.name),
            )
            for record in records
        ]
        self.schemas = {each.wanted.stream: _schema(each) for each in self.types if each.wanted is not None}
        lengths = [each.length for each in self.types]
        self.length = max(lengths, key=lengths.count)
        self.totals = Totals(self.form, place or self.name) if self.form.checked else None
        self.max_record = max(max_record, *lengths)
        self.block = max(block, 2 * max(lengths) + 4)
        self.head = max((r.when.end for r in records if r.when is not None), default=0)
        self.blank = self.page.encode(" ")[0]

    # --- the walk through the file

    def run(self, read: Callable[[int], bytes], offset: int, line: int | None, *, fresh: bool) -> Iterator[Decoded]:
        text, ended, told = b"", False, False
        line = line if self.form.framing == "lines" else None
        while True:
            text, ended = _grown(read, text, self.block) if not ended else (text, ended)
            records = cut(self.form, self.page, self.length, text, final=ended)
            if fresh and not told:
                self._recognise(text, records)
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
        types, rest = self._classified(data, records)
        for row in rest:
            bad[int(row)] = self.first, _Problem("record", "no type of record begins like this")
        self._order(types, records)
        for kind, rows in types:
            if rows is not None and not len(rows):
                continue
            if self.totals is not None:
                self.totals.counted(kind.record.name, len(records) if rows is None else len(rows))
            rows = self._measured(kind, records, rows, bad)
            if kind.wanted is None and self.totals is None:
                continue
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
        return Decoded(
            data=batches,
            rejects=reject_batch(rejects) if rejects else None,
            offset=offset + records.size,
            line=None if line is None else line + records.lines,
        )

    def _classified(self, data: Bytes, records: Records) -> tuple[list[tuple[_Type, Rows | None]], Rows]:
        """The records of each type (None: all of them), and those of none."""
        if len(self.types) == 1 and self.types[0].record.when is None:
            return [(self.types[0], None)], np.empty(0, dtype=np.int64)
        head = records.table(data, None, self.head, self.blank)
        left = np.ones(len(records), dtype=bool)
        found: list[tuple[_Type, Rows | None]] = []
        for kind in sorted(self.types, key=lambda kind: kind.record.when is None):
            mine = left.copy()
            when = kind.record.when
            if when is not None:
                there = head[:, when.start - 1 : when.end]
                values = [self.page.encode(v).ljust(when.length, self.page.encode(" ")) for v in when.value]
                mine = np.zeros(len(records), dtype=bool)
                for value in values:
                    mine |= (there == np.frombuffer(value, dtype=np.uint8)).all(axis=1)
                mine &= left
            left &= ~mine
            found.append((kind, np.flatnonzero(mine)))
        return found, np.flatnonzero(left)

    def _order(self, types: Sequence[tuple[_Type, Rows | None]], records: Records) -> None:
        if self.totals is None:
            return
        places = {kind.record.role: rows.tolist() for kind, rows in types if rows is not None and kind.record.role != "data"}
        first = next((kind.record.name for kind, rows in types if rows is not None and len(rows) and rows[0] == 0), None)
        self.totals.order(first, len(records), len(places.get("header", ())), places.get("trailer", []))

    def _measured(self, kind: _Type, records: Records, rows: Rows | None, bad: dict[int, tuple[str, _Problem]]) -> Rows | None:
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
            bad[int(row)] = kind.wanted.stream if kind.wanted else self.first, _Problem("length", what)
        if self.totals is not None:
            for name, field in self.totals.wanted:
                if name == kind.record.name:
                    self.totals.add(name, field, pa.array([], pa.int64()), int(wrong.sum()))
        kept: Rows = every[~wrong]
        return kept

    def _decoded(self, kind: _Type, raw: Bytes, plain: Bytes, is_ascii: bool) -> tuple[pa.RecordBatch, dict[int, _Problem]]:
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
                raise DataError(
                    f"{self.place or self.name}: the {record.name} record cannot be read: {problem.field}: {problem.reason}",
                    code="trailer",
                )
            if len(raw):
                totals.say(record.name, {name: values[-1].as_py() for name, values in columns.items()})
        if kind.wanted is None:
            return _empty(pa.schema([])), {}
        schema = self.schemas[kind.wanted.stream]
        batch = pa.RecordBatch.from_arrays([columns[name] for name in kind.columns], schema=schema)
        return (batch.filter(pa.array(~bad)) if problems else batch), problems

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

    # --- is it that kind of file at all

    def _recognise(self, text: bytes, records: Records) -> None:
        """Raises SchemaDriftError when the beginning of a file shows that it is written in another way altogether."""
        where, form = self.place or self.name, self.form
        sample = text[: 64 << 10]
        other = _other_family(sample, ebcdic=self.page.ebcdic)
        if other:
            raise SchemaDriftError(
                f"{where}: its bytes are {other}, and layout {self.name!r} says {self.layout.encoding}",
                hint="correct the encoding in the layout",
                code="encoding",
                stream=self.first,
            )
        if form.framing == "none" and len(sample) > 2 * self.length + 4:
            for end in (b"\r\n", *self.page.line_ends):
                stride = self.length + len(end)
                if all(sample[at - len(end) : at] == end for at in range(stride, len(sample), stride)):
                    raise SchemaDriftError(
                        f"{where}: each record ends with a line end, and layout {self.name!r} says there is none",
                        hint="framing: lines",
                        code="framing",
                        stream=self.first,
                    )
        lengths = set(records.lengths[:1000].tolist())
        known = {kind.length for kind in self.types}
        if form.framing == "lines" and len(records) > 1 and len(lengths) == 1 and not lengths & known:
            (found,) = lengths
            if form.trimmed and found < max(known):
                return
            raise SchemaDriftError(
                f"{where}: every record has {found} bytes, and layout {self.name!r} says {max(known)}",
                fields=self.layout.names,
                hint="correct the length in the layout, or the file",
                code="length",
                stream=self.first,
            )


_DIGIT_OR_BLANK = {False: b" 0123456789", True: "\x40".encode("latin-1") + bytes(range(0xF0, 0xFA))}


def _other_family(sample: bytes, *, ebcdic: bool) -> str | None:
    """``ASCII`` or ``EBCDIC`` when `sample` is evidently that, and not the other: by its blanks and digits."""
    if len(sample) < 16:
        return None
    ours = sum(sample.count(byte) for byte in _DIGIT_OR_BLANK[ebcdic])
    theirs = sum(sample.count(byte) for byte in _DIGIT_OR_BLANK[not ebcdic])
    if theirs * 5 > len(sample) and ours * 20 < theirs:
        return "ASCII" if ebcdic else "EBCDIC"
    return None


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


def _schema(kind: _Type) -> pa.Schema:
    by_name = {field.name: field for field in kind.record.fields}
    return schema_of([by_name[name] for name in kind.columns])


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
