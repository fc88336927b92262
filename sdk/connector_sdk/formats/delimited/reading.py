"""Bytes of a delimited file to Arrow, block by block: exact values, exact places to resume at, and what could not be read.

Blocks of whole records go through Arrow's typed CSV reader in short stretches. A stretch it refuses is read again as text and
converted column by column, which finds every bad record in it; the next stretch is read typed again.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats.delimited.records import Grammar, Records, Segment, count_lines
from connector_sdk.formats.delimited.text import BOM, Window
from connector_sdk.formats.delimited.values import check_notation, describe_type, is_binary, is_text, parse
from connector_sdk.formats.layout import Field, Layout
from connector_sdk.rejects import RAW_LIMIT, Reject, reject_batch

__all__ = ["Decoded", "decode", "decode_record"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does
csv: Any = pyarrow.csv

_STRETCH = 128 << 10
"""Bytes that Arrow reads at once: short, because a bad record costs reading its stretch again."""


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """One block: its rows, what of it was rejected (`REJECT_SCHEMA`), and where to go on.

    `offset` is the byte after its last record in the (uncompressed) file: a safe place to resume. `line` is the number of the
    line there, counted from 1; None when it is not known where the reading began.
    """

    data: pa.RecordBatch
    rejects: pa.RecordBatch | None
    offset: int
    line: int | None


def decode(
    layout: Layout,
    read: Callable[[int], bytes],
    *,
    stream: str,
    place: str | None,
    offset: int = 0,
    line: int | None = None,
    columns: Sequence[str] | None = None,
    max_record_bytes: int = 16 << 20,
    block_bytes: int = 1 << 20,
) -> Iterator[Decoded]:
    """The records of a delimited file from byte `offset` on, which is 0 or the `offset` of an earlier :class:`Decoded`.

    `read(n)` returns up to n bytes, ``b""`` at the end, and already stands at `offset`; give the earlier `line` with it, or
    rejects have none. At offset 0 the byte order mark, skipped lines and the header are taken in first. `columns` is a
    projection, in that order. At least one Decoded comes, empty if need be. Memory is a small multiple of the larger of
    `block_bytes` and the longest record, which is at most `max_record_bytes`.

    Bad records are rejects with the code ``ragged``, ``type``, ``required``, ``encoding``, ``quote`` or ``too_long``. Raises
    SchemaDriftError when the header is not the layout's, ConfigError for a column or type that cannot be.
    """
    reading = _Reading(layout, stream, place, columns, max_record_bytes, block_bytes)
    return reading.run(Window(read, layout.encoding, offset), 1 if offset == 0 else line, fresh=offset == 0)


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
    """One record from its own bytes, as a reject has them: a row, or again a reject. `offset` is where it starts in its file."""
    raw += b"" if _ends_line(raw, layout.encoding) else "\n".encode(layout.encoding)
    start = offset or 0
    reading = _Reading(layout, stream, place, columns, max(len(raw) * 4, 1 << 16), 1 << 20)
    found = list(reading.run(Window(io.BytesIO(raw).read, layout.encoding, start), line, fresh=False))
    rejects = [block.rejects for block in found if block.rejects is not None]
    return Decoded(
        data=_concat([block.data for block in found]),
        rejects=_concat(rejects) if rejects else None,
        offset=found[-1].offset,
        line=found[-1].line,
    )


def _ends_line(raw: bytes, encoding: str) -> bool:
    return raw.endswith(("\n".encode(encoding), "\r".encode(encoding)))


@dataclass(frozen=True)
class _Problem:
    code: str
    reason: str
    field: str | None = None


class _RefusedError(Exception):
    """A stretch has values that Arrow took and the layout does not."""


class _Reading:
    """What is known for a whole reading: the layout, how Arrow is told of it, and which columns it had better not type."""

    def __init__(
        self,
        layout: Layout,
        stream: str,
        place: str | None,
        columns: Sequence[str] | None,
        max_record: int,
        block: int,
    ) -> None:
        self.layout, self.stream, self.place = layout, stream, place
        self.names = list(layout.names)
        by_name = {field.name: field for field in layout.fields}
        unknown = [name for name in columns or () if name not in by_name]
        if unknown or (columns is not None and not columns):
            raise ConfigError(
                f"layout {layout.name!r} has no field {', '.join(map(repr, unknown)) or 'in an empty projection'}",
                hint=f"it has {', '.join(self.names[:20])}",
                stream=stream,
            )
        self.fields: list[Field] = [by_name[name] for name in columns] if columns is not None else list(layout.fields)
        for field in self.fields:
            check_notation(field)
        self.schema = pa.schema([layout.schema.field(field.name) for field in self.fields])
        self.grammar = Grammar(layout.form)
        self.blank = len(self.names) == 1  # an empty line of a one-column file is a null, elsewhere it is nothing
        self.max_record = max_record
        # A block of very wide records would hold only a few, and each stretch costs some time per column.
        self.block = min(max(block, 1024 * len(self.names)), max_record, 16 << 20)
        self.stretch = max(_STRETCH, 1024 * len(self.names))
        self.mark = _common([f.decimal for f in self.fields if _is_real(f.type)], ".")
        self.words = _common([(f.true, f.false) for f in self.fields if pa.types.is_boolean(f.type)], ((), ()))
        self.as_text = {f.name for f in self.fields if not self._is_plain(f)}
        self.worded = any(is_text(f.type) and f.null for f in self.fields)
        self.stretches = self.refusals = 0

    def _is_plain(self, field: Field) -> bool:
        """Whether Arrow's typed reader understands the field's notation."""
        kind = field.type
        if is_text(kind):
            return True
        if field.null or field.format or field.group is not None or is_binary(kind) or pa.types.is_float16(kind):
            return False
        if pa.types.is_boolean(kind):
            return bool((field.true, field.false) == self.words)
        if _is_real(kind):
            return bool(field.decimal == self.mark)
        return True

    # --- the walk through the file

    def run(self, window: Window, line: int | None, *, fresh: bool) -> Iterator[Decoded]:
        if fresh:
            line = self._head(window)
        told = False
        first = fresh and not self.layout.form.header
        while True:
            if len(window.text) < self.block and not window.ended:
                window.grow(self.block - len(window.text))
            segments = self.grammar.cut(window.text, final=window.ended)
            if segments:
                block = self._block(window, segments, line)
                if first and block.data.num_rows == 0:
                    self._check_count(block.rejects)
                first = False
            elif not window.text:
                break
            elif len(window.text) <= self.max_record and not window.ended:
                window.grow(min(len(window.text) + self.block, self.max_record + 1 - len(window.text)))
                continue
            else:
                block = self._long(window, line)
            line = block.line
            told = True
            yield block
        if not told:
            yield Decoded(data=_nothing(self.schema), rejects=None, offset=window.offset, line=line)

    def _head(self, window: Window) -> int:
        """Take in byte order mark, skipped lines and header; returns the number of the first line of data."""
        line = 1
        window.grow(self.block)
        if window.text.startswith(BOM):
            window.drop(len(BOM))
        form = self.layout.form
        for _ in range(form.skip):
            self._line(window)
            line += 1
        if not form.header:
            return line
        while window.text[:1] in (b"\n", b"\r"):
            self._line(window)
            line += 1
        while window.text:
            found = self.grammar.first(window.text, final=window.ended)
            if found is not None:
                head = window.text[:found]
                self._check_header(head)
                window.drop(found)
                return line + count_lines(head)
            if len(window.text) > self.max_record or window.ended:
                raise SchemaDriftError(f"{self._where()}: the header is not closed", stream=self.stream, code="header")
            window.grow(min(len(window.text), self.max_record + 1 - len(window.text)))
        return line

    def _line(self, window: Window) -> None:
        while (stop := self.grammar.first_line(window.text, 0, final=window.ended)) is None:
            if len(window.text) > self.max_record:
                raise DataError(f"{self._where()}: a line before the records is over {self.max_record} bytes", stream=self.stream)
            window.grow(max(self.block, len(window.text)))
        window.drop(stop)

    def _check_header(self, head: bytes) -> None:
        try:
            table = csv.read_csv(
                pa.BufferReader(head),
                csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=len(head) + 1),
                self._parsing(None),
                csv.ConvertOptions(
                    column_types={f"f{i}": pa.string() for i in range(head.count(self.layout.form.delimiter.encode()) + 1)}
                ),
            )
            found = [str(column[0].as_py() or "").strip() for column in table.columns]
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise SchemaDriftError(f"{self._where()}: the header cannot be read: {error}", stream=self.stream) from None
        want = [(f.name if f.title is None else f.title).strip() for f in self.layout.fields]
        if found == want:
            return
        missing = [name for name in want if name not in found]
        new = [name for name in found if name not in want]
        moved = [a for a, b in zip(found, want, strict=False) if a != b] if not missing and not new else []
        told = [
            f"{what} {', '.join(map(repr, names[:10]))}{' …' if len(names) > 10 else ''}"
            for what, names in (("missing", missing), ("new", new), ("out of order", moved))
            if names
        ]
        raise SchemaDriftError(
            f"{self._where()}: the header is not that of layout {self.layout.name!r}: {'; '.join(told)}",
            fields=tuple(dict.fromkeys((*missing, *new, *moved))),
            hint="generate the layout again, or correct the file",
            code="header",
            stream=self.stream,
        )

    def _check_count(self, rejects: pa.RecordBatch | None) -> None:
        """Without a header, a file whose every record has the same wrong number of values has another shape."""
        if rejects is None or rejects.num_rows < 2 or pc.unique(rejects["code"]).to_pylist() != ["ragged"]:
            return
        reasons = pc.unique(rejects["reason"]).to_pylist()
        if len(reasons) == 1:
            raise SchemaDriftError(
                f"{self._where()}: every record has another shape than layout {self.layout.name!r}: {reasons[0]}",
                fields=tuple(self.names),
                hint="generate the layout again, or correct the file",
                code="header",
                stream=self.stream,
            )

    def _where(self) -> str:
        return self.place or self.stream

    def _long(self, window: Window, line: int | None) -> Decoded:
        """A record over the limit: one reject. Inside an open quote only its first line goes; otherwise all of it streams by."""
        start = window.offset
        stop = self.grammar.first_line(window.text, 0, final=window.ended)
        if stop is not None:
            lost = Segment(0, stop, broken=f"a quote in the record is not closed within {self.max_record} bytes")
            return self._block(window, [lost], line)
        digest, head, length = hashlib.sha256(), b"", 0
        while True:
            stop = self.grammar.first_line(window.text, 0, final=window.ended)
            if stop is None and window.text.endswith(b"\r"):
                part = window.drop(len(window.text) - 1)  # the CR may be half of a line end
            elif stop is None:
                part = window.drop(len(window.text))
            else:
                part = window.drop(len(window.text[:stop].rstrip(b"\r\n")))
            digest.update(part)
            length += len(part)
            head += part[: RAW_LIMIT - len(head)]
            if stop is not None:
                break
            window.grow(self.block)
        ending = self.grammar.first_line(window.text, 0, final=window.ended) or 0
        if window.text[:1] in (b"\r", b"\n"):
            window.drop(ending)
        reject = Reject(
            stream=self.stream,
            code="too_long",
            reason=f"the record has {length} bytes, {self.max_record} are allowed",
            raw=head,
            place=self.place,
            offset=start,
            line=line,
            raw_length=length,
            raw_sha256=digest.hexdigest(),
        )
        return Decoded(
            data=_nothing(self.schema),
            rejects=reject_batch([reject]),
            offset=window.offset,
            line=None if line is None else line + 1,
        )

    def _block(self, window: Window, segments: Sequence[Segment], line: int | None) -> Decoded:
        """The rows and rejects of what the window starts with, which it then drops."""
        text = window.text
        batches: list[pa.RecordBatch] = []
        rejects: list[Reject] = []
        for segment in segments:
            whole = segment.start == 0 and segment.stop == len(text)
            part = text if whole else text[segment.start : segment.stop]
            records = Records(self.grammar, part, segment.simple, self.blank)
            if segment.broken is not None:
                problem = _Problem("quote", segment.broken)
                rejects.append(self._reject(problem, window, segment.start, segment.start + len(part.rstrip(b"\r\n")), line))
                continue
            found, problems = self._read(records)
            batches += found
            for number in sorted(problems):
                start, stop = map(int, records.spans[number])
                rejects.append(self._reject(problems[number], window, segment.start + start, segment.start + stop, line))
        end = segments[-1].stop
        if line is not None:
            line += count_lines(text if end == len(text) else text[:end])
        window.drop(end)
        return Decoded(
            data=batches[0] if len(batches) == 1 else _concat(batches) if batches else _nothing(self.schema),
            rejects=reject_batch(rejects) if rejects else None,
            offset=window.offset,
            line=line,
        )

    def _reject(self, problem: _Problem, window: Window, start: int, stop: int, line: int | None) -> Reject:
        return Reject(
            stream=self.stream,
            code=problem.code,
            reason=problem.reason,
            field=problem.field,
            place=self.place,
            raw=window.raw(start, stop),
            offset=window.offset + window.size(start),
            line=None if line is None else line + count_lines(window.text[:start]),
        )

    # --- one block of whole records

    def _read(self, records: Records) -> tuple[list[pa.RecordBatch], dict[int, _Problem]]:
        """The rows of a block, and what is wrong with those of its records (by number) that are missing."""
        if not _is_utf8(records.text):
            problems = _undecodable(records, self.layout.encoding)
            kept = np.delete(np.arange(len(records)), list(problems))
            batch, others = self._as_text(records, kept)
            return [batch], problems | others
        if self.worded or self.refusals > max(8, self.stretches // 4):
            batch, problems = self._as_text(records, None)
            return [batch], problems
        batches: list[pa.RecordBatch] = []
        problems = {}
        number = 0
        while True:
            ragged: dict[int, _Problem] = {}
            done = 0
            rest = memoryview(records.text)[records.start(number) :] if number else records.text
            try:
                for batch in self._typed(rest, ragged):
                    batches.append(batch)
                    done += batch.num_rows
                    self.stretches += 1
                problems.update({number + row: problem for row, problem in ragged.items()})
                return batches, problems
            except (pa.ArrowInvalid, _RefusedError) as error:
                refusal = str(error)
            self.refusals += 1
            # Arrow may have looked ahead: only ragged records before the last row that came are settled.
            for row in sorted(ragged):
                if row < done:
                    done += 1
                    problems[number + row] = ragged[row]
            refused = number + done
            if refused == len(records):
                return batches, problems  # empty lines only
            number = records.reach(refused, self.stretch)
            batch, others = self._as_text(records, np.arange(refused, number))
            batches.append(batch)
            problems |= others
            self._learn(refusal, others)
            if number == len(records):
                return batches, problems

    def _learn(self, error: str, problems: Iterable[int]) -> None:
        """A column that Arrow refuses and we understand (``+5``, a quoted empty number) is read as text from now on."""
        column = re.match(r"In CSV column #(\d+)", error)
        if column and not problems:
            self.as_text.add(self.names[int(column[1])])

    def _typed(self, text: bytes | memoryview, ragged: dict[int, _Problem]) -> Iterator[pa.RecordBatch]:
        """Arrow's typed reader over a block, stretch by stretch. Raises ArrowInvalid or _RefusedError at a bad value."""
        reader = csv.open_csv(
            pa.BufferReader(pa.py_buffer(text)),
            csv.ReadOptions(use_threads=False, block_size=self.stretch, column_names=self.names),
            self._parsing(ragged),
            self._converting({f.name: pa.string() if f.name in self.as_text else f.type for f in self.fields}),
        )
        for batch in reader:
            columns: list[Any] = []
            for field, column in zip(self.fields, batch.columns, strict=True):
                if field.name in self.as_text:
                    column, bad = parse(field, column)
                    if bad is not None:
                        raise _RefusedError
                if not field.nullable and column.null_count:
                    raise _RefusedError
                columns.append(column)
            yield pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _as_text(self, records: Records, numbers: Any) -> tuple[pa.RecordBatch, dict[int, _Problem]]:
        """The records with these `numbers` (None: all), read as text and converted column by column, bad ones left out."""
        if numbers is None:
            numbers = np.arange(len(records))
            text = records.text
        elif len(numbers) and int(numbers[-1]) - int(numbers[0]) == len(numbers) - 1:
            text = records.text[records.start(int(numbers[0])) : records.start(int(numbers[-1]) + 1)]
        else:
            text = b"\n".join([records.text[s:e] for s, e in records.spans[numbers]]) + b"\n"
        if not len(numbers):
            return _nothing(self.schema), {}
        ragged: dict[int, _Problem] = {}
        columns: dict[str, Any] = {}
        for words in {f.null if is_text(f.type) else () for f in self.fields}:
            chosen = [f for f in self.fields if (f.null if is_text(f.type) else ()) == words]
            table = csv.read_csv(
                pa.BufferReader(text),
                csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=self.names),
                self._parsing(ragged),
                self._converting({f.name: pa.string() for f in chosen}, words),
            )
            for name in table.column_names:
                column = table.column(name)
                columns[name] = column.chunk(0) if column.num_chunks == 1 else pa.array([], pa.string())
        problems = {int(numbers[number]): problem for number, problem in ragged.items()}
        kept = np.delete(numbers, list(ragged)) if ragged else numbers
        good = np.ones(len(kept), dtype=bool)
        values = []
        for field in self.fields:
            column, bad = parse(field, columns[field.name])
            values.append(column)
            if bad is not None:
                good &= ~bad
                for row in np.flatnonzero(bad):
                    said = _short(columns[field.name][int(row)].as_py())
                    reason = f"{said!r} is no {describe_type(field.type)}{_notation(field)}"
                    problems.setdefault(int(kept[row]), _Problem("type", reason, field.name))
            if not field.nullable and column.null_count:
                missing = np.array(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
                good &= ~missing
                for row in np.flatnonzero(missing):
                    problems.setdefault(
                        int(kept[row]), _Problem("required", "there is no value, and one is required", field.name)
                    )
        if not good.all():
            mask = pa.array(good)
            values = [column.filter(mask) for column in values]
        return pa.RecordBatch.from_arrays(values, schema=self.schema), problems

    def _parsing(self, ragged: dict[int, _Problem] | None) -> csv.ParseOptions:
        form = self.layout.form

        def skip(row: Any) -> str:
            assert ragged is not None
            ragged[row.number - 1] = _Problem(
                "ragged", f"{row.actual_columns} value{'s' if row.actual_columns != 1 else ''}, {row.expected_columns} expected"
            )
            return "skip"

        return csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote if form.quote is not None else False,
            escape_char=form.escape if form.escape is not None else False,
            newlines_in_values=form.quote is not None,
            ignore_empty_lines=not self.blank,
            invalid_row_handler=None if ragged is None else skip,
        )

    def _converting(self, kinds: dict[str, pa.DataType], words: Sequence[str] = ()) -> csv.ConvertOptions:
        return csv.ConvertOptions(
            check_utf8=False,  # the whole block has been checked
            column_types=kinds,
            include_columns=list(kinds),
            null_values=["", *words],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=list(self.words[0]),
            false_values=list(self.words[1]),
            decimal_point=self.mark,
        )


def _is_real(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _common(found: list[Any], otherwise: Any) -> Any:
    return max(found, key=found.count) if found else otherwise


def _concat(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    joined: pa.RecordBatch = pa.concat_batches(batches)  # type: ignore[attr-defined]
    return joined


def _nothing(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _is_utf8(text: bytes) -> bool:
    """Arrow's check, over the whole text as if it were one value."""
    ends = pa.py_buffer(np.array([0, len(text)], dtype=np.int32).tobytes())
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(text)]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _undecodable(records: Records, encoding: str) -> dict[int, _Problem]:
    problems: dict[int, _Problem] = {}
    for number, (start, stop) in enumerate(records.spans):
        record = records.text[start:stop]
        try:
            record.decode()
        except UnicodeDecodeError as error:
            problems[number] = _Problem("encoding", f"character {len(record[: error.start].decode()) + 1} is not {encoding}")
    return problems


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:100] + "…"


def _notation(field: Field) -> str:
    if field.format:
        return f" as {' or '.join(field.format)}"
    if pa.types.is_boolean(field.type):
        return f": {', '.join(field.true)} or {', '.join(field.false)}"
    return f" with decimal mark {field.decimal!r}" if field.decimal != "." else ""
