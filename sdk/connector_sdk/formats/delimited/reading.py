"""Bytes of a delimited file to Arrow, block by block: exact values, exact places to resume at, and what could not be read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import SchemaDriftError
from connector_sdk.formats.delimited.footer import footer
from connector_sdk.formats.delimited.header import take_head
from connector_sdk.formats.delimited.numbering import Records
from connector_sdk.formats.delimited.records import Grammar, Segment, count_lines, last_lines
from connector_sdk.formats.delimited.rows import Convert, Problem, Rows, joined, nothing
from connector_sdk.formats.delimited.text import Window
from connector_sdk.formats.dos_end import without_dos_end
from connector_sdk.formats.freed_memory import keep_freed_memory
from connector_sdk.formats.layout import Layout
from connector_sdk.rejects import RAW_LIMIT, REJECT_SCHEMA, Reject, reject_batch

__all__ = ["Decoded", "decode", "decode_record"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does


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
    converts: Mapping[str, Convert] = MappingProxyType({}),
) -> Iterator[Decoded]:
    """The records of a delimited file from byte `offset` on, which is 0 or the `offset` of an earlier :class:`Decoded`.

    `read(n)` returns up to n bytes, ``b""`` at the end, and already stands at `offset`; give the earlier `line` with it, or
    rejects have none. At offset 0 the byte order mark, skipped lines and the header are taken in first. `columns` is a
    projection, in that order. `converts` reads the values of fields that delimited text has no notation for. At least one
    Decoded comes, empty if need be. Memory is a small multiple of the larger of `block_bytes` and the longest record, which is
    at most `max_record_bytes`.

    Bad records are rejects with the code ``ragged``, ``type``, ``required``, ``encoding``, ``quote`` or ``too_long``; a good one
    among the lines of the footer is one with the code ``footer``. Raises SchemaDriftError when the header is not the layout's,
    ConfigError for a column or type that cannot be.
    """
    keep_freed_memory()
    reading = _Reading(layout, stream, place, columns, max_record_bytes, block_bytes, converts)
    window = Window(without_dos_end(read, layout.encoding), layout.encoding, offset)
    return reading.run(window, 1 if offset == 0 else line, fresh=offset == 0)


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
    layout = replace(layout, form=replace(layout.delimited, footer=0))  # it is known to be a record, not the file's end
    start = offset or 0
    reading = _Reading(layout, stream, place, columns, max(len(raw) * 4, 1 << 16), 1 << 20)
    found = list(reading.run(Window(io.BytesIO(raw).read, layout.encoding, start), line, fresh=False))
    rejects = [block.rejects for block in found if block.rejects is not None]
    return Decoded(
        data=joined([block.data for block in found], found[0].data.schema),
        rejects=joined(rejects, REJECT_SCHEMA) if rejects else None,
        offset=found[-1].offset,
        line=found[-1].line,
    )


def _ends_line(raw: bytes, encoding: str) -> bool:
    return raw.endswith(("\n".encode(encoding), "\r".encode(encoding)))


class _Reading:
    """The walk through one file, block by block."""

    def __init__(
        self,
        layout: Layout,
        stream: str,
        place: str | None,
        columns: Sequence[str] | None,
        max_record: int,
        block: int,
        converts: Mapping[str, Convert] = MappingProxyType({}),
    ) -> None:
        self.layout, self.stream, self.place = layout, stream, place
        self.grammar = Grammar(layout.delimited)
        self.columns = columns
        self.rows = Rows(layout, self.grammar, columns, stream, converts)
        self.schema = self.rows.schema
        self.footer = layout.delimited.footer
        self.max_record = max_record
        # A block of very wide records would hold only a few, and each block costs some time per column.
        wide = 1024 * len(layout.fields) if len(layout.fields) > 1000 else 0
        self.block = min(max(block, wide), max_record, 16 << 20)

    def run(self, window: Window, line: int | None, *, fresh: bool) -> Iterator[Decoded]:
        if fresh:
            line = take_head(
                window,
                self.grammar,
                self.layout,
                stream=self.stream,
                where=self._where(),
                limit=self.max_record,
                block=self.block,
            )
        told = False
        first = fresh and not self.layout.delimited.header
        while True:
            if len(window.text) < self.block and not window.ended:
                window.grow(self.block - len(window.text))
            segments = self._segments(window)
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
            yield Decoded(data=nothing(self.schema), rejects=None, offset=window.offset, line=line)

    def _segments(self, window: Window) -> list[Segment]:
        """What the window starts with: whole records, and at the end of the file the lines that are none."""
        if not self.footer:
            return self.grammar.cut(window.text, final=window.ended)
        end = last_lines(window.text, self.footer)
        found = self.grammar.cut(window.text[:end], final=window.ended)
        if window.ended and len(window.text) > end:
            every = self.rows if self.columns is None else Rows(self.layout, self.grammar, None, self.stream)
            found += footer(window.text, end, self.grammar, every)
        return found

    def _check_count(self, rejects: pa.RecordBatch | None) -> None:
        """Without a header, a file whose every record has the same wrong number of values has another shape."""
        if rejects is None or rejects.num_rows < 2 or pc.unique(rejects["code"]).to_pylist() != ["ragged"]:
            return
        reasons = pc.unique(rejects["reason"]).to_pylist()
        if len(reasons) == 1:
            raise SchemaDriftError(
                f"{self._where()}: every record has another shape than layout {self.layout.name!r}: {reasons[0]}",
                fields=self.layout.names,
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
            data=nothing(self.schema),
            rejects=reject_batch([reject]),
            offset=window.offset,
            line=None if line is None else line + 1,
        )

    def _block(self, window: Window, segments: Sequence[Segment], line: int | None) -> Decoded:
        """The rows and rejects of what the window starts with, which it then drops."""
        batches: list[pa.RecordBatch] = []
        bad: list[tuple[int, int, Problem]] = []
        for segment in segments:
            if segment.broken is not None:
                stop = segment.start + len(window.text[segment.start : segment.stop].rstrip(b"\r\n"))
                bad.append((segment.start, stop, Problem(segment.code, segment.broken)))
                continue
            records = Records(self.grammar, window.text, segment, blank=self.rows.blank)
            batch, problems = self.rows.read(records.view)
            batches.append(batch)
            for number in sorted(problems):
                start, stop = records.span(number)
                bad.append((segment.start + start, segment.start + stop, problems[number]))
        rejects = self._rejects(window, bad, line) if bad else None
        if line is not None:
            line += sum(segment.lines for segment in segments)
        window.drop(segments[-1].stop)
        return Decoded(data=joined(batches, self.schema), rejects=rejects, offset=window.offset, line=line)

    def _rejects(self, window: Window, bad: Sequence[tuple[int, int, Problem]], line: int | None) -> pa.RecordBatch:
        """Rejects for the bad stretches (start, stop) of the window's text, which are in order."""
        found = []
        counted = 0
        for start, stop, problem in bad:
            if line is not None:
                line += count_lines(window.text, counted, start)
                counted = start
            offset = window.offset + window.size(start)  # places are asked for in their order: each is counted from the last
            found.append(
                Reject(
                    stream=self.stream,
                    code=problem.code,
                    reason=problem.reason,
                    field=problem.field,
                    place=self.place,
                    raw=window.raw(start, stop),
                    offset=offset,
                    line=line,
                )
            )
        return reject_batch(found)
