"""The records of a stretch of delimited text by their numbers: which bytes are the one that something is wrong with."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from connector_sdk.formats.delimited.places import Ordered, Positions, after, head, last, positions
from connector_sdk.formats.delimited.records import Grammar, Segment

__all__ = ["Records"]

_LF, _CR = 10, 13


class Records:
    """The records of one segment; they are told apart only when a problem asks for one, by its number."""

    def __init__(self, grammar: Grammar, text: bytes, segment: Segment, *, blank: bool) -> None:
        self._grammar, self._whole, self._segment, self._blank = grammar, text, segment, blank
        self.view = memoryview(text)[segment.start : segment.stop]
        self._gaps = segment.gaps
        if self._gaps:
            bounds = [segment.start, *(place for gap in self._gaps for place in gap), segment.stop]
            self.view = memoryview(b"".join(text[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True)))

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
            for start, stop in self._gaps:
                found[found[:, 0] >= start - self._segment.start] += stop - start
            return found if self._blank else found[found[:, 0] < found[:, 1]]
        size = len(self.view)
        breaks = positions(head(self._segment.ends, self._segment.stop))
        starts, stops = np.concatenate(([0], breaks + 1)), np.concatenate((breaks, [size]))
        data = np.frombuffer(self._whole, dtype=np.uint8)
        within = (data[breaks] == _CR) & (data[np.minimum(breaks + 1, size - 1)] == _LF)  # between CR and LF is no line
        real = starts < size
        real[1:] &= ~within
        return np.stack((starts[real], stops[real]), axis=1)
