"""Where records begin and end in a block of a file: one after the other, or each with its line end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from connector_sdk.formats.fixed_width.code_page import Bytes, CodePage
from connector_sdk.formats.layout import FixedWidth

__all__ = ["Records", "Rows", "cut"]

Rows = npt.NDArray[np.int64]

_CR = 13


@dataclass(frozen=True, kw_only=True)
class Records:
    """The records at the start of a block. Record n begins at byte `starts[n]` and has `lengths[n]` bytes without its line end.

    They are `size` bytes in all, and `lines` lines; record n is on line `numbers[n]`, counted from 0. With `stride`, each
    begins so many bytes after the one before it.
    """

    starts: Rows
    lengths: Rows
    size: int
    lines: int
    stride: int | None = None
    numbers: Rows | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, record: int) -> int:
        """The line of a record, counted from 0."""
        return record if self.numbers is None else int(self.numbers[record])

    def table(self, data: Bytes, rows: Rows | None, length: int, blank: int | None = None) -> Bytes:
        """The first `length` bytes of the records `rows` (None: all), a row each; with `blank`, that is behind shorter ones."""
        if rows is None and self.stride is not None:
            whole: Bytes = data[: len(self) * self.stride].reshape(len(self), self.stride)[:, :length]
            return whole
        starts = self.starts if rows is None else self.starts[rows]
        if not len(starts):
            return np.empty((0, length), dtype=np.uint8)
        if blank is None:
            found: Bytes = np.lib.stride_tricks.sliding_window_view(data, length)[starts]
            return found
        lengths = self.lengths if rows is None else self.lengths[rows]
        padded = np.concatenate((data, np.full(length, blank, dtype=np.uint8)))
        filled: Bytes = np.lib.stride_tricks.sliding_window_view(padded, length)[starts]
        filled[np.arange(length) >= lengths[:, None]] = blank
        return filled

    @cached_property
    def shortest(self) -> int:
        """The length of the shortest record."""
        return int(self.lengths.min()) if len(self) else 0


def cut(form: FixedWidth, page: CodePage, length: int, text: bytes, *, final: bool) -> Records:
    """The whole records that `text` begins with; with `final`, no more of it will come. `length` is that of most records.

    Without line ends all records have that length, save the last one of the file. Empty lines are no records.
    """
    if form.framing == "none":
        count = len(text) // length
        starts = np.arange(count, dtype=np.int64) * length
        lengths = np.full(count, length, dtype=np.int64)
        size = count * length
        if final and size < len(text):
            starts, lengths = np.append(starts, size), np.append(lengths, len(text) - size)
            return Records(starts=starts, lengths=lengths, size=len(text), lines=count + 1)
        return Records(starts=starts, lengths=lengths, size=size, lines=count, stride=length)
    return _even(page, length, text) or _uneven(page, text, final=final)


def _even(page: CodePage, length: int, text: bytes) -> Records | None:
    """All whole lines, when every one of them has `length` bytes and the same line end."""
    feed = next((end for end in page.line_ends if text[length : length + 1] == end), None)
    stride = length + 1
    if feed is None and text[length : length + 2] == b"\r" + page.line_ends[0]:
        feed, stride = page.line_ends[0], length + 2
    count = len(text) // stride
    if feed is None or count < 2:
        return None
    size = count * stride
    table = np.frombuffer(text, dtype=np.uint8, count=size).reshape(count, stride)
    # Counted by numpy: `bytes.count` is slow where there is something to count.
    ends = sum(np.count_nonzero(table == end[0]) for end in page.line_ends)
    if ends != count or not (table[:, -1] == feed[0]).all() or (stride == length + 2 and not (table[:, -2] == _CR).all()):
        return None
    starts = np.arange(count, dtype=np.int64) * stride
    return Records(starts=starts, lengths=np.full(count, length, dtype=np.int64), size=size, lines=count, stride=stride)


def _uneven(page: CodePage, text: bytes, *, final: bool) -> Records:
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.zeros(len(data), dtype=bool)
    for end in page.line_ends:
        ends |= data == end[0]
    stops = np.flatnonzero(ends)
    if final and len(text) and not ends[-1]:
        stops = np.append(stops, len(text))
    starts = np.concatenate(([0], stops[:-1] + 1)) if len(stops) else stops
    size = min(int(stops[-1]) + 1, len(text)) if len(stops) else 0
    lengths = stops - starts
    lengths = lengths - ((lengths > 0) & (data[np.maximum(stops - 1, 0)] == _CR)) if len(stops) else lengths
    real = np.flatnonzero(lengths > 0)
    return Records(starts=starts[real], lengths=lengths[real], size=size, lines=len(stops), numbers=real)
