"""Bytes of a delimited file to Arrow, block by block: exact values, exact places to resume at, and what could not be read.

Blocks of whole records go through Arrow's typed CSV reader. A block it refuses is read again as text and converted column by
column, which finds every bad record in it; the refused column is read as text from then on, the others typed again.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats.delimited.records import Grammar, Records, Segment, count_lines
from connector_sdk.formats.delimited.text import BOM, Window
from connector_sdk.formats.delimited.values import check_notation, describe_type, has_infinite, is_plain, is_text, parse
from connector_sdk.formats.layout import Field, Layout
from connector_sdk.rejects import RAW_LIMIT, REJECT_SCHEMA, Reject, reject_batch

__all__ = ["Decoded", "decode", "decode_record"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does
csv: Any = pyarrow.csv


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
    # glibc gives freed blocks of this size back to the system and gets them again page by page, for each block, until it has
    # seen a larger one come and go. This halves the CPU time of the whole reading.
    bytearray(24 << 20)
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
        data=_concat([block.data for block in found], found[0].data.schema),
        rejects=_concat(rejects, REJECT_SCHEMA) if rejects else None,
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
        self.grammar = Grammar(layout.delimited)
        self.blank = len(self.names) == 1  # an empty line of a one-column file is a null, elsewhere it is nothing
        self.max_record = max_record
        # A block of very wide records would hold only a few, and each block costs some time per column.
        wide = 1024 * len(self.names) if len(self.names) > 1000 else 0
        self.block = min(max(block, wide), max_record, 16 << 20)
        self.mark = _common([f.decimal for f in self.fields if _is_real(f.type)], ".")
        self.words = _common([(f.true, f.false) for f in self.fields if pa.types.is_boolean(f.type)], ((), ()))
        self.floating = [f.name for f in self.fields if pa.types.is_floating(f.type)]
        self.as_text: set[str] = set()
        self._ask_of(*(f.name for f in self.fields if not self._typed(f)))
        # Only text tells a quoted word for null from a bare one, which Arrow does for all columns of a pass alike.
        self.passes: dict[tuple[str, ...], list[Field]] = {}
        for field in self.fields:
            self.passes.setdefault(field.null if is_text(field.type) else (), []).append(field)

        self.ragged: dict[int, _Problem] = {}
        self.parsing = self._parsing()
        self.converting: dict[tuple[tuple[str, ...], bool, int], Any] = {}

    def _typed(self, field: Field) -> bool:
        """Whether Arrow's typed reader understands the field's notation."""
        kind = field.type
        if pa.types.is_boolean(kind):
            return not field.null and bool((field.true, field.false) == self.words)
        if _is_real(kind) and field.group is None and field.decimal == self.mark:
            field = replace(field, decimal=".")
        plain = is_plain(field) and not pa.types.is_decimal256(kind)
        return is_text(kind) or plain or (pa.types.is_time(kind) and not field.null and not field.format)

    # --- the walk through the file

    def run(self, window: Window, line: int | None, *, fresh: bool) -> Iterator[Decoded]:
        if fresh:
            line = self._head(window)
        told = False
        first = fresh and not self.layout.delimited.header
        while True:
            if len(window.text) < self.block and not window.ended:
                window.grow(self.block - len(window.text))
            segments = self.grammar.cut(window.text, final=window.ended)
            if segments:
                block = self._block(window, segments, line)
                if first and block.data.num_rows == 0:
                    self._check_count(block.rejects)
                first = False
            elif not window.text and window.ended:
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
        form = self.layout.delimited
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
                return line + count_lines(head, 0, len(head))
            if len(window.text) > self.max_record or window.ended:
                raise SchemaDriftError(
                    f"{self._where()}: the header is not closed"
                    + (
                        "" if window.ended else f" within {self.max_record:,} bytes: there is no line end, or a quote stands open"
                    ),
                    hint="generate the layout again, or correct the file",
                    stream=self.stream,
                    code="header",
                )
            window.grow(min(len(window.text), self.max_record + 1 - len(window.text)))
        return line

    def _line(self, window: Window) -> None:
        while (stop := self.grammar.first_line(window.text, 0, final=window.ended)) is None:
            if len(window.text) > self.max_record:
                raise DataError(f"{self._where()}: a line before the records is over {self.max_record} bytes", stream=self.stream)
            window.grow(max(self.block, len(window.text)))
        window.drop(stop)

    def _check_header(self, head: bytes) -> None:
        count = head.count(self.layout.delimited.delimiter.encode()) + 1
        form = self.layout.delimited
        try:
            table = csv.read_csv(
                pa.BufferReader(head if head.endswith((b"\n", b"\r")) else head + b"\n"),  # Arrow misses a header alone
                csv.ReadOptions(use_threads=False, autogenerate_column_names=True, block_size=len(head) + 1),
                csv.ParseOptions(
                    delimiter=form.delimiter,
                    quote_char=form.quote or False,
                    escape_char=form.escape or False,
                    newlines_in_values=True,
                ),
                csv.ConvertOptions(column_types={f"f{index}": pa.string() for index in range(count)}),
            )
        except pa.ArrowInvalid as error:
            raise SchemaDriftError(f"{self._where()}: the header cannot be read: {error}", stream=self.stream) from None
        found = [str(column[0].as_py() or "").strip() for column in table.columns]
        want = [(f.name if f.title is None else f.title).strip() for f in self.layout.fields]
        if found == want:
            return
        missing, new = _surplus(want, found), _surplus(found, want)
        moved = [at for at, (a, b) in enumerate(zip(found, want, strict=False)) if a != b] if not missing and not new else []
        told = [
            f"{what} {', '.join(_short(headers[at]) for at in places[:10])}{' …' if len(places) > 10 else ''}"
            for what, headers, places in (("missing", want, missing), ("new", found, new), ("out of order", found, moved))
            if places
        ]
        names = [field.name for field in self.layout.fields]
        raise SchemaDriftError(
            f"{self._where()}: the header is not that of layout {self.layout.name!r}: {'; '.join(told)}",
            fields=tuple(
                dict.fromkeys([*(names[at] for at in missing), *(found[at] for at in new), *(names[at] for at in moved)])
            ),
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
            lost = Segment(
                start=0, stop=stop, lines=1, broken=f"a quote in the record is not closed within {self.max_record} bytes"
            )
            return self._block(window, [lost], line)
        digest, head, length = hashlib.sha256(), b"", 0
        while True:
            stop = self.grammar.first_line(window.text, 0, final=window.ended)
            if stop is None and window.text.endswith(b"\r"):
                part = window.take(len(window.text) - 1)  # the CR may be half of a line end
            elif stop is None:
                part = window.take(len(window.text))
            else:
                part = window.take(len(window.text[:stop].rstrip(b"\r\n")))
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
        batches: list[pa.RecordBatch] = []
        bad: list[tuple[int, int, _Problem]] = []
        for segment in segments:
            if segment.broken is not None:
                stop = segment.start + len(window.text[segment.start : segment.stop].rstrip(b"\r\n"))
                bad.append((segment.start, stop, _Problem("quote", segment.broken)))
                continue
            records = Records(self.grammar, window.text, segment, blank=self.blank)
            batch, problems = self._read(records)
            batches.append(batch)
            for number in sorted(problems):
                start, stop = records.span(number)
                bad.append((segment.start + start, segment.start + stop, problems[number]))
        rejects = self._rejects(window, bad, line) if bad else None
        if line is not None:
            line += sum(segment.lines for segment in segments)
        window.drop(segments[-1].stop)
        return Decoded(data=_concat(batches, self.schema), rejects=rejects, offset=window.offset, line=line)

    def _rejects(self, window: Window, bad: Sequence[tuple[int, int, _Problem]], line: int | None) -> pa.RecordBatch:
        """Rejects for the bad stretches (start, stop) of the window's text, which are in order."""
        found = []
        counted = 0
        for start, stop, problem in bad:
            if line is not None:
                line += count_lines(window.text, counted, start)
                counted = start
            found.append(
                Reject(
                    stream=self.stream,
                    code=problem.code,
                    reason=problem.reason,
                    field=problem.field,
                    place=self.place,
                    raw=window.raw(start, stop),
                    offset=window.offset + window.size(start),
                    line=line,
                )
            )
        return reject_batch(found)

    # --- one block of whole records

    def _read(self, records: Records) -> tuple[pa.RecordBatch, dict[int, _Problem]]:
        """The rows of a block, and what is wrong with those of its records (by number) that are not among them."""
        if not _is_utf8(records.view):
            return self._parse(records.view, all_text=True)
        try:
            batch, problems = self._parse(records.view, all_text=False)
        except pa.ArrowInvalid as error:
            refused = re.match(r"In CSV column #(\d+)", str(error))
        else:
            infinite = [
                n for n, c in zip(batch.schema.names, batch.columns, strict=True) if has_infinite(c) and n not in self.as_text
            ]
            if not infinite:
                return batch, problems
            self._ask_of(*infinite)
            return self._parse(records.view, all_text=True)
        if refused:
            # Where one bad value was there may be more, and Arrow may just not know the notation ("+5", a quoted empty
            # number): from now on the column is read as text and converted here.
            self._ask_of(self.names[int(refused[1])])
        return self._parse(records.view, all_text=True)

    def _ask_of(self, *names: str) -> None:
        """Read these fields as text from now on; only such fields, and those that must have a value, are looked at at all."""
        self.as_text |= set(names)
        self.demanding = [i for i, field in enumerate(self.fields) if field.name in self.as_text or not field.nullable]

    def _parse(self, text: memoryview, *, all_text: bool) -> tuple[pa.RecordBatch, dict[int, _Problem]]:
        """Whole records as rows, without the bad ones, which are told by number. Raises ArrowInvalid unless `all_text`."""
        self.ragged.clear()
        escaped = self.grammar.escape is not None and not self.blank and text[-2:-1] == self.grammar.escape
        if len(text) and (text[-1] not in b"\r\n" or escaped):
            text = memoryview(text.tobytes() + b"\n")  # else Arrow takes the last value for quoted if the one before it is
        try:
            parts = [self._arrow(text, words, all_text=all_text) for words in self.passes]
        except pa.ArrowInvalid as error:
            if str(error) == "Empty CSV file":
                return _nothing(self.schema), {}  # empty lines
            raise
        batch = parts[0]
        if len(parts) > 1:
            found = {name: column for part in parts for name, column in zip(part.schema.names, part.columns, strict=True)}
            batch = pa.RecordBatch.from_pydict({field.name: found[field.name] for field in self.fields})
        ragged = dict(self.ragged)
        bad: dict[int, _Problem] = {}
        for index in range(len(self.fields)) if all_text else self.demanding:
            field, column = self.fields[index], batch.column(index)
            if all_text or field.name in self.as_text:
                values, wrong = parse(field, column)
                for row, code in wrong.items():
                    bad.setdefault(row, self._problem(field, code, column[row].as_py()))
                batch, column = batch.set_column(index, self.schema.field(index), values), values
            if not field.nullable and column.null_count:
                for row in map(int, np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))):
                    bad.setdefault(row, _Problem("required", "there is no value, and one is required", field.name))
        if not batch.schema.equals(self.schema, check_metadata=True):
            batch = pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
        if not bad:
            return batch, ragged
        rows = sorted(bad)
        starts, stops = [0, *(row + 1 for row in rows)], [*rows, batch.num_rows]
        good = _concat([batch.slice(start, stop - start) for start, stop in zip(starts, stops, strict=True)], self.schema)
        rest = np.delete(np.arange(batch.num_rows + len(ragged)), list(ragged)) if ragged else None
        return good, ragged | {row if rest is None else int(rest[row]): problem for row, problem in bad.items()}

    def _arrow(self, text: memoryview, words: tuple[str, ...], *, all_text: bool) -> pa.RecordBatch:
        """The fields whose words for null are `words`, as Arrow reads them; raises ArrowInvalid at a value it does not take."""
        reader = csv.open_csv(  # all in one batch; `read_csv` does the same with twice as much switching of threads
            pa.BufferReader(pa.py_buffer(text)),
            csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=self.names),
            self.parsing,
            self._converting(words, all_text=all_text),
        )
        batch: pa.RecordBatch | None = next(iter(reader), None)
        return _nothing(reader.schema) if batch is None else batch

    def _problem(self, field: Field, code: str, raw: bytes) -> _Problem:
        said = repr(raw[:100].decode("utf-8", "replace")) + ("…" if len(raw) > 100 else "")
        if code == "encoding":
            return _Problem(code, f"{said} is not all {self.layout.encoding}", field.name)
        return _Problem(code, f"{said} is no {describe_type(field.type)}{_notation(field)}", field.name)

    def _parsing(self) -> Any:
        """How Arrow is to cut records into values; ragged ones end up in `self.ragged` by their number."""
        form = self.layout.delimited

        def skip(row: Any) -> str:
            had = f"{row.actual_columns} value{'s' if row.actual_columns != 1 else ''}"
            self.ragged[row.number - 1] = _Problem("ragged", f"{had}, {row.expected_columns} expected")
            return "skip"

        return csv.ParseOptions(
            delimiter=form.delimiter,
            quote_char=form.quote if form.quote is not None else False,
            escape_char=form.escape if form.escape is not None else False,
            newlines_in_values=form.quote is not None,
            ignore_empty_lines=not self.blank,
            invalid_row_handler=skip,
        )

    def _converting(self, words: tuple[str, ...], *, all_text: bool) -> Any:
        """How Arrow is to convert the fields whose words for null are `words`; made anew only when something has changed."""
        key = (words, all_text, len(self.as_text))
        if key not in self.converting:
            kinds = {f.name: pa.binary() if all_text or f.name in self.as_text else f.type for f in self.passes[words]}
            self.converting[key] = csv.ConvertOptions(
                check_utf8=False,  # a whole block is checked in half the time
                column_types=kinds,
                include_columns=list(kinds),
                null_values=["", *words],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=list(self.words[0]),
                false_values=list(self.words[1]),
                decimal_point=self.mark,
            )
        return self.converting[key]


def _surplus(these: list[str], those: list[str]) -> list[int]:
    """The places in `these` of what is in them more often than in `those`."""
    left = Counter(those)
    places = []
    for place, name in enumerate(these):
        left[name] -= 1
        if left[name] < 0:
            places.append(place)
    return places


def _short(header: str) -> str:
    return repr(header if len(header) <= 60 else f"{header[:60]}…")


def _is_real(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _common(found: list[Any], otherwise: Any) -> Any:
    return max(found, key=found.count) if found else otherwise


def _concat(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    joined: pa.RecordBatch = pa.concat_batches(batches) if batches else _nothing(schema)  # type: ignore[attr-defined]
    return joined


def _nothing(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _is_utf8(text: memoryview) -> bool:
    """Arrow's check, over the whole text as if it were one value."""
    ends = pa.py_buffer(np.array([0, len(text)], dtype=np.int32).tobytes())
    try:
        pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(text)]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _notation(field: Field) -> str:
    if field.format:
        return f" as {' or '.join(field.format)}"
    if pa.types.is_boolean(field.type):
        return f": {', '.join(field.true)} or {', '.join(field.false)}"
    return f" with decimal mark {field.decimal!r}" if field.decimal != "." else ""
