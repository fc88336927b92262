"""Rows as lines, a page at a time: the server strings the lines of a page together, and the next page is fetched meanwhile.

A driver that hands over one text of megabytes does nothing row by row. A page is a query of its own, which goes on behind the
key of the last row of the page before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from connector_odbc.decoding import Decoded
from connector_odbc.packing import NotEvenError, Packed
from connector_odbc.profiles.reads import LEFT_OUT

__all__ = ["BYTES", "FEWEST_ROWS", "Page", "Pages"]

BYTES = 3_500_000
"""Of lines in a page, about: buffers that grow by doubling hold one in 4 MiB."""

MOST_TIMES = 8
"""A line that is so many times longer than would fit is left out by the server, so that it never builds more than that."""

FEWEST_ROWS = 64
"""Pages that would have fewer are read column by column."""

MOST_TIMES_AS_MANY = 64
"""Rows that a page has for each of the page before, at most: how long they are is not known when the first is asked for."""

TAIL = 1 << 16
"""Where the last line is looked for. Behind one that is longer the next page waits until all are decoded."""

After: TypeAlias = "Sequence[str] | None"


@dataclass(frozen=True)
class Page:
    """`lines` of `count` rows, with ``LEFT_OUT`` for those that are too long."""

    count: int
    lines: pa.Buffer


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The pages behind a key. ``ask(after, rows, longest)`` fetches one, of lines of at most `longest` bytes.

    The first has `first_rows`, the others what those before come to, and none more than `most_rows`. With `ahead` the next page
    is asked for, in a thread of its own, while one is decoded and used.
    """

    packed: Packed
    ask: Callable[[After, int, int], Page]
    first_rows: int
    most_rows: int
    ahead: bool

    def batches(self, after: After) -> Generator[Decoded]:
        """The rows, a batch for each page. Raises NotEvenError where lines do not show them, and what `ask` raises."""
        rows = min(self.most_rows, max(FEWEST_ROWS, self.first_rows))
        following: Future[Page] | None = None
        with ThreadPoolExecutor(1, thread_name_prefix="next-page") as hand:
            while True:
                page = self._asked(after, rows) if following is None else following.result()
                following = None
                if not page.count:
                    return
                more, next_rows = page.count == rows, self._next(page)
                behind = self.packed.place(_last_line(page.lines)) if more and self.ahead else None
                if behind is not None:
                    following = hand.submit(self._asked, behind, next_rows)
                try:
                    found = self.packed.decode(page.lines, page.count)
                except NotEvenError:
                    if rows <= FEWEST_ROWS or not _has_left_out(page.lines):
                        raise
                    rows = max(FEWEST_ROWS, rows // MOST_TIMES)  # there is room for longer lines when they are fewer
                    if following is not None:
                        wait([following])
                        following = None
                    continue
                if behind is not None and found.at != behind:
                    raise NotEvenError("the last line is not the last row")
                yield found
                if not more:
                    return
                after, rows = found.at, next_rows

    def _asked(self, after: After, rows: int) -> Page:
        return self.ask(after, rows, MOST_TIMES * BYTES // rows)

    def _next(self, page: Page) -> int:
        """How many rows the next page has: as many as fit when they are like these, but not at once."""
        fit = BYTES * page.count // max(1, page.lines.size)
        return min(self.most_rows, MOST_TIMES_AS_MANY * page.count, max(FEWEST_ROWS, fit))


def _has_left_out(lines: pa.Buffer) -> bool:
    return b"\n%b\n" % LEFT_OUT.encode() in b"\n%b\n" % lines.to_pybytes()


def _last_line(lines: pa.Buffer) -> pa.Buffer:
    tail = lines.slice(max(0, lines.size - TAIL))
    return tail.slice(tail.to_pybytes().rfind(b"\n", 0, -1) + 1)
