"""Where records begin and end in delimited text: whole, well-formed ones are cut off as blocks, broken ones are named.

Most blocks are judged by numpy: a quote that opens follows a delimiter or line end, one that closes precedes one, and then a
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
import numpy.typing as npt

from connector_sdk.formats.layout import Delimited

__all__ = ["Grammar", "Records", "Segment", "count_lines"]

_LF, _CR = 10, 13
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Segment:
    """`text[start:stop]`: whole records, or one record that is `broken` for a reason. `simple`: quotes before a line end tell
    whether it is quoted."""

    start: int
    stop: int
    simple: bool = True
    broken: str | None = None


class Grammar:
    """How one dialect's records are told apart."""

    def __init__(self, form: Delimited) -> None:
        self.quote = None if form.quote is None else form.quote.encode()
        self.escape = None if form.escape is None else form.escape.encode()
        delimiter = form.delimiter.encode()
        self._edge = np.zeros(256, dtype=bool)  # what may stand on the outer side of a quote
        for mark in (delimiter, b"\n", b"\r", self.quote or b"\n"):
            self._edge[mark[0]] = True

        d, q, e = (re.escape(mark) if mark else b"" for mark in (delimiter, self.quote, self.escape))
        escaped = rb"|" + e + rb"." if e else b""
        first = rb"(?:[^\r\n" + d + q + e + rb"]" + escaped + rb")"
        rest = rb"(?:[^\r\n" + d + e + rb"]" + escaped + rb")*+"
        self._value = first + rest
        if q:
            inside = rb"[^" + q + e + rb"]*+"
            self._open = q + inside + rb"(?:(?:" + q + q + escaped + rb")" + inside + rb")*+"
            self._value = rb"(?:" + self._open + q + rb"|" + self._value + rb")"
        record = rb"(?>" + self._value + rb"?(?:" + d + self._value + rb"?)*+)"
        more = record + rb"(?:\r\n|\n|\r(?=[^\n]))"
        last = record + rb"(?:\r\n|\n|\r|\Z)"
        self._record = {False: re.compile(more, re.DOTALL), True: re.compile(last, re.DOTALL)}
        self._records = {
            False: re.compile(rb"(?:" + more + rb")*+", re.DOTALL),
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
            stop = self._simple(text, final=final)
            if stop is not None:
                return [Segment(0, stop)] if stop else []
        return list(self._careful(text, final=final))

    def _simple(self, text: bytes, *, final: bool) -> int | None:
        """Where the last whole record ends, if every quote before it is where quotes should be; else None."""
        if self.quote is None or self.quote not in text:
            return len(text) if final else self._line_end(text, None)
        data = np.frombuffer(text, dtype=np.uint8)
        quotes = np.flatnonzero(data == self.quote[0])
        stop = len(text) if final and len(quotes) % 2 == 0 else self._line_end(text, quotes)
        inner = quotes[: np.searchsorted(quotes, stop)]
        opening, closing = inner[::2], inner[1::2]
        if len(opening) and opening[0] == 0:
            opening = opening[1:]
        if len(closing) and closing[-1] == len(text) - 1:
            closing = closing[:-1]
        well = self._edge[data[opening - 1]].all() and self._edge[data[closing + 1]].all()
        unfinished = stop == 0 or (final and stop < len(text))
        return stop if well and not unfinished else None

    @staticmethod
    def _line_end(text: bytes, quotes: Positions | None) -> int:
        """The end of the last line that ends outside quotes; LF is looked for first, so that CRLF is not cut in two."""
        for mark in (b"\n", b"\r"):
            # A CR that is the last byte may be half of a CRLF.
            stop = text.rfind(mark, 0, len(text) if mark == b"\n" else len(text) - 1)
            while stop >= 0 and quotes is not None:
                before = int(np.searchsorted(quotes, stop))
                if before % 2 == 0:
                    break
                stop = text.rfind(mark, 0, int(quotes[before - 1]))
            if stop >= 0:
                return stop + 1
        return 0

    def _careful(self, text: bytes, *, final: bool) -> Iterator[Segment]:
        start = 0
        while start < len(text):
            found = self._records[final].match(text, start)
            if found and found.end() > start:
                yield Segment(start, found.end(), simple=False)
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
            yield Segment(start, stop, broken=reason)
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

    def split(self, text: bytes, *, simple: bool, blank: bool) -> Positions:
        """Starts and ends (without line ends) of a segment's records, an array of two columns. `blank`: empty lines count."""
        if simple:
            data = np.frombuffer(text, dtype=np.uint8)
            breaks = np.flatnonzero((data == _LF) | (data == _CR))
            if self.quote is not None and self.quote in text:
                quotes = np.flatnonzero(data == self.quote[0])
                breaks = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
            starts = np.concatenate(([0], breaks + 1))
            ends = np.concatenate((breaks, [len(text)]))
            if blank:
                # Between CR and LF there is no line, and after the last line end there is none either.
                real = starts < len(text)
                real[1:] &= ~(
                    (data[breaks] == _CR) & (data[np.minimum(breaks + 1, len(text) - 1)] == _LF) & (starts[1:] < len(text))
                )
            else:
                real = starts < ends
            return np.stack((starts[real], ends[real]), axis=1)
        spans = []
        start = 0
        while start < len(text):
            found = self._record[True].match(text, start)
            stop = len(text) if found is None else found.end()
            line = text[start:stop]
            end = stop - (2 if line.endswith(b"\r\n") else 1 if line.endswith((b"\n", b"\r")) else 0)
            if end > start or blank:
                spans.append((start, end))
            start = stop
        return np.array(spans, dtype=np.int64).reshape(-1, 2)


_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class Records:
    """The records of one segment, split only when a problem asks for it."""

    grammar: Grammar
    text: bytes
    simple: bool
    blank: bool

    @cached_property
    def spans(self) -> Positions:
        """Start and end of each record, without its line end."""
        return self.grammar.split(self.text, simple=self.simple, blank=self.blank)

    def __len__(self) -> int:
        return len(self.spans)

    def start(self, number: int) -> int:
        """Where record `number` starts; the end of the text for the one after the last."""
        return int(self.spans[number, 0]) if number < len(self.spans) else len(self.text)

    def reach(self, number: int, size: int) -> int:
        """The first record after `number` that starts at least `size` bytes later."""
        return max(int(np.searchsorted(self.spans[:, 0], self.start(number) + size)), number + 1)


def count_lines(text: bytes) -> int:
    """How many line ends (LF, CRLF, CR) are in `text`."""
    lines = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == _LF))
    if b"\r" in text:
        lines += text.count(b"\r") - text.count(b"\r\n")
    return lines
