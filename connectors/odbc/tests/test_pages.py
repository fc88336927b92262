"""Pages of lines over a table that is a list: every row once, never too much at a time, the next page fetched ahead."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc.decoding import Decoded
from connector_odbc.packing import NotEvenError
from connector_odbc.pages import BYTES, FEWEST_ROWS, MOST_TIMES, MOST_TIMES_AS_MANY, Page, Pages
from connector_odbc.profiles.reads import LEFT_OUT
from hypothesis import given, settings
from hypothesis import strategies as st


class Lines:
    """A line is a row's number, as six digits, and what it is filled with."""

    width = 100

    def decode(self, lines: pa.Buffer, rows: int) -> Decoded:
        found = lines.to_pybytes().splitlines()
        if len(found) != rows or any(not line[:6].isdigit() for line in found):
            raise NotEvenError("not even")
        numbers = [int(line[:6]) for line in found]
        return Decoded(data=pa.record_batch({"n": pa.array(numbers)}), rejects=None, at=(str(numbers[-1]),))

    def place(self, line: pa.Buffer) -> tuple[str, ...] | None:
        number = line.to_pybytes()[:6]
        return (str(int(number)),) if number.isdigit() else None


@dataclass
class Table:
    """Rows by their texts; what was asked of it, and the most bytes that it strung together."""

    texts: Sequence[bytes]
    asked: list[tuple[int, int]] = field(default_factory=list)
    built: int = 0
    fails_behind: int | None = None

    def ask(self, after: Sequence[str] | None, rows: int, longest: int) -> Page:
        first = 0 if after is None else int(after[0]) + 1
        self.asked.append((first, rows))
        if self.fails_behind is not None and first > self.fails_behind:
            raise RuntimeError("the server is gone")
        found = [b"%06d%b" % (first + n, text) for n, text in enumerate(self.texts[first : first + rows])]
        lines = b"\n".join(line if len(line) <= longest else LEFT_OUT.encode() for line in found)
        self.built = max(self.built, len(lines))
        return Page(len(found), pa.py_buffer(lines))


def pages(table: Table, *, first: int = FEWEST_ROWS, most: int = 10_000, ahead: bool = True) -> Pages:
    lines: Any = Lines()
    return Pages(packed=lines, ask=table.ask, first_rows=first, most_rows=most, ahead=ahead)


def read(table: Table, after: Sequence[str] | None = None, **options: Any) -> list[int]:
    return [n for found in pages(table, **options).batches(after) for n in found.data.column("n").to_pylist()]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3_000), st.integers(64, 900), st.sampled_from([10, 500, 5_000, 20_000]), st.booleans())
def test_every_row_comes_once_in_order(count: int, most: int, size: int, ahead: bool) -> None:
    table = Table([b"x" * (size if n % 7 == 0 else 10) for n in range(count)])
    assert read(table, most=most, ahead=ahead) == list(range(count))
    assert all(rows <= most for _, rows in table.asked)
    assert table.built <= MOST_TIMES * BYTES


def test_reading_goes_on_behind_a_key() -> None:
    assert read(Table([b""] * 1_000), ("299",)) == list(range(300, 1_000))
    assert read(Table([b""] * 300), ("299",)) == []


def test_a_server_is_asked_for_few_rows_at_first_and_then_for_as_many_as_fit() -> None:
    table = Table([b"x" * 1_000] * 20_000)
    read(table, most=1_000_000)
    sizes = [rows for _, rows in table.asked]
    assert sizes[0] == FEWEST_ROWS < FEWEST_ROWS * MOST_TIMES_AS_MANY
    assert {*sizes[1:]} == {BYTES // 1_007}


def test_where_rows_become_long_pages_become_small() -> None:
    table = Table([b"x" * 20] * 20_000 + [b"x" * 30_000] * 500)
    assert read(table, most=100_000) == list(range(20_500))
    assert table.built <= MOST_TIMES * BYTES


def test_a_line_that_is_too_long_for_the_smallest_page_is_not_even() -> None:
    table = Table([b""] * 100 + [b"x" * (MOST_TIMES * BYTES // FEWEST_ROWS)] + [b""] * 100)
    with closing(pages(table, most=64).batches(None)) as batches:
        assert next(batches).data.num_rows == 64
        with pytest.raises(NotEvenError):
            next(batches)


def test_what_looks_like_a_line_in_a_value_costs_a_page_and_no_row() -> None:
    texts = [b""] * 500
    texts[63] = b"a\n000444"  # the first page ends with what looks like a row far behind
    with closing(pages(Table(texts)).batches(None)) as batches, pytest.raises(NotEvenError):
        next(batches)


def test_a_failure_of_the_next_page_comes_after_this_one() -> None:
    table = Table([b""] * 500, fails_behind=10)
    with closing(pages(table).batches(None)) as batches:
        assert next(batches).data.num_rows == 64
        with pytest.raises(RuntimeError, match="gone"):
            next(batches)


def test_a_read_that_is_given_up_leaves_no_thread_behind() -> None:
    table = Table([b""] * 5_000)
    with closing(pages(table).batches(None)) as batches:
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("next-page")]


def test_nothing_is_asked_for_ahead_unless_it_is_wanted() -> None:
    table = Table([b""] * 5_000)
    with closing(pages(table, ahead=False).batches(None)) as batches:
        next(batches)
    assert table.asked == [(0, FEWEST_ROWS)]
