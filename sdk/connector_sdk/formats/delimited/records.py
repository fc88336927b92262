"""Where records begin and end in delimited text: whole, well-formed ones are cut off as blocks, broken ones are named.

Most blocks are judged by bit sets: a quote that opens follows a delimiter or line end, one that closes precedes one, and then a
line end belongs to a quoted value exactly when the quotes before it are odd. Text that breaks this rule (a stray inch mark, a
quote that is never closed), has an escape character, or a line that may be a comment goes through a regular expression of the
same grammar:

- quotes mean something only at the start of a value; elsewhere they are ordinary characters;
- after a closing quote comes a delimiter or a line end; anything else makes the record *broken*;
- a broken record, or one whose quote is not closed within reach, ends with its first line, so that the next one is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from connector_sdk.formats.delimited.marks import Marks
from connector_sdk.formats.delimited.places import TOP, Finder, Places, after, before, count, head, line_end, parity
from connector_sdk.formats.layout import Delimited

__all__ = ["Grammar", "Segment", "count_lines", "last_lines"]

_LF = 10


@dataclass(frozen=True, kw_only=True)
class Segment:
    """`text[start:stop]`: whole records, or one that is `broken` for a reason, with its `code`; `lines` counts line ends.

    `ends` are the places of the line ends that are not quoted, where they are known. `gaps` are the stretches of the text, from
    start to stop each, that are no records: comments, or the lines at the file's end.
    """

    start: int
    stop: int
    lines: int
    ends: Places | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    broken: str | None = None
    code: str = "quote"


class Grammar:
    """How one dialect's records are told apart."""

    def __init__(self, form: Delimited) -> None:
        self.form, self.marks = form, Marks(form)
        self.quote, self.escape, self.delimiter = self.marks.quote, self.marks.escape, self.marks.delimiter
        comment = self.marks.comment
        self._finder = Finder()
        d, q, e = (re.escape(mark) if mark else b"" for mark in (self.delimiter, self.quote, self.escape))
        escaped = rb"|" + e + rb"." if e else b""
        first = rb"(?:" + _none_of(b"\r\n", self.delimiter, self.quote, self.escape) + escaped + rb")"
        rest = rb"(?:" + _none_of(b"\r\n", self.delimiter, self.escape) + escaped + rb")*+"
        self._value = rb"(?:" + first + rest + rb")"
        if q:
            inside = rb"(?:" + _none_of(b"", self.quote, self.escape) + rb")*+"
            self._open = q + inside + rb"(?:(?:" + q + q + escaped + rb")" + inside + rb")*+"
            self._value = rb"(?:" + self._open + q + rb"|" + self._value + rb")"
        record = rb"(?>" + self._value + rb"?(?:" + d + self._value + rb"?)*+)"
        if comment:
            record = rb"(?!" + re.escape(comment) + rb")" + record
            line = re.escape(comment) + rb"[^\r\n]*+"
            self._comments = {
                False: re.compile(rb"(?:" + line + rb"(?:\r\n|\n|\r(?=[^\n])))++"),
                True: re.compile(rb"(?:" + line + rb"(?:\r\n|\n|\r|\Z))++"),
            }
        self._commented = [start + comment for start in (b"\n", b"\r")] if comment else []
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
        escaped = self.escape is not None and self.escape in text
        if not escaped and not self._may_have_comments(text) and (self.quote is None or len(self.quote) == 1):
            whole = self._simple(text, final=final)
            if whole is not None:
                return [whole] if whole.stop else []
        return list(self._careful(text, final=final))

    def _may_have_comments(self, text: bytes) -> bool:
        comment = self.marks.comment
        return comment is not None and (text.startswith(comment) or any(start in text for start in self._commented))

    def _delimiters(self, text: bytes) -> Places:
        """The places of all bytes of delimiters; of those that overlap (``|||``), the first one counts."""
        if len(self.delimiter) == 1:
            return self._finder.where(text, self.delimiter)
        free = next((bytes((code,)) for code in range(128) if code not in b"\r\n" and code not in text), None)
        if free is None:
            return np.zeros(-(-len(text) // 64), dtype=np.uint64)  # then no quote seems to be where quotes should be
        return self._finder.where(text.replace(self.delimiter, free * len(self.delimiter)), free)

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
        allowed = self._delimiters(text)
        allowed |= edges
        allowed |= quotes
        beside &= ~allowed
        if head(beside, stop).any():
            return None
        return Segment(start=0, stop=stop, lines=count(breaks, stop), ends=ends)

    def _careful(self, text: bytes, *, final: bool) -> Iterator[Segment]:
        start = at = 0
        gaps: list[tuple[int, int]] = []
        while at < len(text):
            found = self._records[final].match(text, at)
            if found and found.end() > at:
                at = found.end()
                continue
            past = self.comments(text, at, final=final)
            if past > at:
                gaps.append((at, past))
                at = past
                continue
            if at > start:
                yield Segment(start=start, stop=at, lines=count_lines(text, start, at), gaps=tuple(gaps))
                start, gaps = at, []
            stop, reason = self._wrong(text, at, final=final)
            if not stop:
                return
            yield Segment(start=at, stop=stop, broken=reason, lines=1)
            start = at = stop
        if at > start:
            yield Segment(start=start, stop=at, lines=count_lines(text, start, at), gaps=tuple(gaps))

    def _wrong(self, text: bytes, start: int, *, final: bool) -> tuple[int, str]:
        """Where the broken record at `start` ends, and why it is broken; 0 when it takes more text to tell."""
        if not final and self.marks.comment is not None and text.startswith(self.marks.comment, start):
            return 0, ""  # a comment without its end
        opened = self._broken.match(text, start) if self._broken else None
        unclosed = opened is not None and opened.end() == len(text)
        after_quote = b"" if opened is None or self.quote is None else text[opened.end() + len(self.quote) :]
        undecided = opened is not None and after_quote in (b"", b"\r")
        if after_quote and any(mark is not None and mark.startswith(after_quote) for mark in (self.delimiter, self.quote)):
            undecided = True  # the first half of a mark
        if not final and (opened is None or undecided):
            return 0, ""
        stop = self.first_line(text, start, final=final)
        if stop is None:
            return 0, ""
        if opened is None:
            return stop, "the file ends after an escape character"
        if unclosed:
            return stop, f"the quote at byte {opened.start(1) - start} of the record is not closed"
        return stop, f"there is text after the closing quote at byte {opened.end() - start} of the record"

    def comments(self, text: bytes, start: int, *, final: bool) -> int:
        """Where the comments at `start` end, line ends included; `start` itself when there are none, or their end is not seen."""
        found = self._comments[final].match(text, start) if self.marks.comment is not None else None
        return start if found is None else found.end()

    def first(self, text: bytes, *, final: bool) -> tuple[int, int] | None:
        """Where the first record ends, and where its line end does; None when that is not in sight, or the record is broken."""
        found = self._record[final].match(text)
        return None if found is None else (found.end(1), found.end())

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


def _none_of(others: bytes, *marks: bytes | None) -> bytes:
    """An expression for one byte (or, where marks are longer, more) that is none of `others` and begins none of `marks`."""
    known = [mark for mark in marks if mark]
    leads = b"".join(re.escape(lead) for lead in sorted({mark[:1] for mark in known}))
    plain = rb"[^" + others.replace(b"\r", rb"\r").replace(b"\n", rb"\n") + leads + rb"]"
    if all(len(mark) == 1 for mark in known):
        return plain
    return plain + rb"++|(?!" + b"|".join(map(re.escape, known)) + rb")[" + leads + rb"]"


def last_lines(text: bytes, count: int) -> int:
    """Where the last `count` lines of `text` begin; 0 when it has no more."""
    at = len(text)
    for _ in range(count):
        end = at - (2 if text.endswith(b"\r\n", 0, at) else 1 if text.endswith((b"\r", b"\n"), 0, at) else 0)
        at = max(text.rfind(b"\n", 0, end), text.rfind(b"\r", 0, end)) + 1
    return at


def count_lines(text: bytes, start: int, stop: int) -> int:
    """How many line ends (LF, CRLF, CR) are in `text[start:stop]`."""
    if stop - start < 1024:
        lines = text.count(b"\n", start, stop)
    else:  # six times as fast, once it is long
        lines = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8, count=stop - start, offset=start) == _LF))
    if text.find(b"\r", start, stop) >= 0:
        lines += text.count(b"\r", start, stop) - text.count(b"\r\n", start, stop)
    return lines
