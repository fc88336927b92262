"""Where records begin and end in delimited text: whole, well-formed ones are cut off as blocks, broken ones are named.

Most blocks are judged by bit sets: a quote that opens follows a delimiter or line end, one that closes precedes one, and then a
line end belongs to a quoted value exactly when the quotes before it are odd. Text that breaks this rule (a stray inch mark, a
quote that is never closed) or has an escape character goes through a regular expression of the same grammar, record by record:

- quotes mean something only at the start of a value; elsewhere they are ordinary characters;
- after a closing quote comes a delimiter or a line end; anything else makes the record *broken*;
- a broken record, or one whose quote is not closed within reach, ends with its first line, so that the next one is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from connector_sdk.formats.delimited.places import (
    TOP,
    Finder,
    Ordered,
    Places,
    Positions,
    after,
    before,
    count,
    head,
    last,
    line_end,
    parity,
    positions,
)
from connector_sdk.formats.layout import Delimited

__all__ = ["Grammar", "Records", "Segment", "count_lines"]

_LF, _CR = 10, 13


@dataclass(frozen=True, kw_only=True)
class Segment:
    """`text[start:stop]`: whole records, or one record that is `broken` for a reason; `lines` counts its line ends.

    `ends` are the places of the line ends that are not quoted, where they are known.
    """

    start: int
    stop: int
    lines: int
    ends: Places | None = None
    broken: str | None = None


class Grammar:
    """How one dialect's records are told apart."""

    def __init__(self, form: Delimited) -> None:
        self.quote = None if form.quote is None else form.quote.encode()
        self.escape = None if form.escape is None else form.escape.encode()
        self.delimiter = form.delimiter.encode()
        self._finder = Finder()
        d, q, e = (re.escape(mark) if mark else b"" for mark in (self.delimiter, self.quote, self.escape))
        escaped = rb"|" + e + rb"." if e else b""
        first = rb"(?:[^\r\n" + d + q + e + rb"]" + escaped + rb")"
        rest = rb"(?:[^\r\n" + d + e + rb"]" + escaped + rb")*+"
        self._value = rb"(?:" + first + rest + rb")"
        if q:
            inside = rb"[^" + q + e + rb"]*+"
            self._open = q + inside + rb"(?:(?:" + q + q + escaped + rb")" + inside + rb")*+"
            self._value = rb"(?:" + self._open + q + rb"|" + self._value + rb")"
        record = rb"(?>" + self._value + rb"?(?:" + d + self._value + rb"?)*+)"
        more = rb"(" + record + rb")(?:\r\n|\n|\r(?=[^\n]))"
        last = rb"(" + record + rb")(?:\r\n|\n|\r|\Z)"
        self._record = {False: re.compile(more, re.DOTALL), True: re.compile(last, re.DOTALL)}
        self._records = {
            False: re.compile(rb"(?:" + record + rb"(?:\r\n|\n|\r(?=[^\n])))*+", re.DOTALL),
            True: re.compile(rb"(?:" + record + rb"(?:\r\n|\n|\r))*+(?:" + record + rb"\Z)?", re.DOTALL),
        }
        self._broken = re.compile(rb"(?:" + self._value + rb"?" + d + rb")*+(" + self._open + rb")", re.DOTALL) if q else None

    def cut(self, text: bytes, *, final: bool) -> list[Segment]:
        """The segments that `text`, which starts at a record, holds from its start on; none when it takes more text to tell.

        `final`: no more text will come, so that the last record needs no line end and a quote that is still open stays open.
        """
        if not text:
            return []
        if self.escape is None or self.escape not in text:
            whole = self._simple(text, final=final)
            if whole is not None:
                return [whole] if whole.stop else []
        return list(self._careful(text, final=final))

    def _simple(self, text: bytes, *, final: bool) -> Segment | None:
        """All whole records, if every quote among them is where quotes should be; else None."""
        feeds = self._finder.where(text, b"\n")
        returns = self._finder.where(text, b"\r") if b"\r" in text else None
        edges = feeds if returns is None else feeds | returns
        breaks = feeds if returns is None else edges & ~after(returns) | returns  # one for each line end, CRLF included
        if self.quote is None or self.quote not in text:
            stop = len(text) if final else line_end(feeds, returns, len(text))
            return Segment(start=0, stop=stop, lines=count(breaks, stop), ends=edges)
        quotes = self._finder.where(text, self.quote)
        inside = parity(quotes)  # a quote that opens is inside, one that closes is not
        outside = ~inside
        stop = line_end(feeds & outside, None if returns is None else returns & outside, len(text))
        if final and not inside[-1] >> TOP:
            stop = len(text)
        elif stop == 0 or final:
            return None
        ends = edges & outside
        # Before a quote that opens and after one that closes there is a delimiter, a line end or another quote.
        inside &= quotes
        outside &= quotes
        beside = before(inside)
        beside |= after(outside)
        allowed = self._finder.where(text, self.delimiter)
        allowed |= edges
        allowed |= quotes
        beside &= ~allowed
        if head(beside, stop).any():
            return None
        return Segment(start=0, stop=stop, lines=count(breaks, stop), ends=ends)

    def _careful(self, text: bytes, *, final: bool) -> Iterator[Segment]:
        start = 0
        while start < len(text):
            found = self._records[final].match(text, start)
            if found and found.end() > start:
                yield Segment(start=start, stop=found.end(), lines=count_lines(text, start, found.end()))
                start = found.end()
                continue
            opened = self._broken.match(text, start) if self._broken else None
            unclosed = opened is not None and opened.end() == len(text)
            undecided = opened is not None and text[opened.end() + 1 :] in (b"", b"\r")
            if not final and (opened is None or undecided):
                return
            stop = self.first_line(text, start, final=final)
            if stop is None:
                return
            if opened is None:
                reason = "the file ends after an escape character"
            elif unclosed:
                reason = f"the quote at byte {opened.start(1) - start} of the record is not closed"
            else:
                reason = f"there is text after the closing quote at byte {opened.end() - start} of the record"
            yield Segment(start=start, stop=stop, broken=reason, lines=1)
            start = stop

    def first(self, text: bytes, *, final: bool) -> int | None:
        """Where the first record ends, its line end included; None when that is not in sight, or the record is broken."""
        found = self._record[final].match(text)
        return None if found is None else found.end()

    @staticmethod
    def first_line(text: bytes, start: int, *, final: bool) -> int | None:
        """Where the line at `start` ends, its line end included; None when that is not in sight."""
        found = _LINE_END.search(text, start)
        if found is None or (found.group() == b"\r" and found.end() == len(text) and not final):
            return len(text) if final else None
        return found.end()

    def split(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Starts and ends (without line ends) of the records in a segment, empty lines included."""
        for found in self._record[True].finditer(text):
            if found.start() < len(text):
                yield found.span(1)


_LINE_END = re.compile(rb"\r\n|\n|\r")


class Records:
    """The records of one segment; they are told apart only when a problem asks for one, by its number."""

    def __init__(self, grammar: Grammar, text: bytes, segment: Segment, *, blank: bool) -> None:
        self._grammar, self._whole, self._segment, self._blank = grammar, text, segment, blank
        self.view = memoryview(text)[segment.start : segment.stop]

    def span(self, number: int) -> tuple[int, int]:
        """Start and end, without its line end, of a record. Empty lines count only if they are records (`blank`)."""
        if self._segment.ends is None or self._blank:
            start, stop = self._spans[number]
            return int(start), int(stop)
        try:
            stop = self._ends[number]
        except IndexError:  # the file ends without a line end
            stop = len(self.view)
        return last(self._segment.ends, stop) + 1, stop

    @cached_property
    def _ends(self) -> Ordered:
        """The line ends that are not right after another."""
        assert self._segment.ends is not None
        ends = head(self._segment.ends, self._segment.stop)
        closing = ends & ~after(ends)
        closing[0] &= ~np.uint64(1)
        return Ordered(closing)

    @cached_property
    def _spans(self) -> Positions:
        if self._segment.ends is None:
            found = np.array(list(self._grammar.split(self.view.tobytes())), dtype=np.int64).reshape(-1, 2)
            return found if self._blank else found[found[:, 0] < found[:, 1]]
        size = len(self.view)
        breaks = positions(head(self._segment.ends, self._segment.stop))
        starts, stops = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [size]))
        data = np.frombuffer(self._whole, dtype=np.uint8)
        within = (data[breaks] == _CR) & (data[np.minimum(breaks + 1, size - 1)] == _LF)  # between CR and LF is no line
        real = starts < size
        real[1:] &= ~within
        return np.stack((starts[real], stops[real]), axis=1)


def count_lines(text: bytes, start: int, stop: int) -> int:
    """How many line ends (LF, CRLF, CR) are in `text[start:stop]`."""
    if stop - start < 1024:
        lines = text.count(b"\n", start, stop)
    else:  # six times as fast, once it is long
        lines = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8, count=stop - start, offset=start) == _LF))
    if text.find(b"\r", start, stop) >= 0:
        lines += text.count(b"\r", start, stop) - text.count(b"\r\n", start, stop)
    return lines
