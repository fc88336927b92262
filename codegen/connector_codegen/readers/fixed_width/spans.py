"""Which bytes each row of a table means: positions that count from 1 or from 0, ends that belong to a field or lie behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connector_codegen.problems import Problem
from connector_codegen.readers.fixed_width.columns import RANGE
from connector_codegen.readers.fixed_width.findings import Wrong
from connector_codegen.readers.fixed_width.pictures import picture_of
from connector_codegen.readers.fixed_width.tables import Row

__all__ = ["Span", "number_in", "spans_of"]


@dataclass(frozen=True)
class Span:
    """A row and its bytes: `length` of them from `start` on, which counts from 1."""

    row: Row
    start: int
    length: int


@dataclass(frozen=True)
class _Said:
    """What a row says of its place, as it says it."""

    row: Row
    start: int | None
    end: int | None
    length: int | None
    offset: int | None

    @property
    def name(self) -> str:
        return self.row["name"] or "a row"


@dataclass(frozen=True)
class _Counting:
    """How positions count: `zero` is what the first of them is less than 1; `behind`: an end is the byte after the field."""

    zero: int = 0
    behind: bool = False


def spans_of(groups: Mapping[str, Sequence[Row]], problems: list[Problem]) -> dict[str, list[Span]]:
    """The bytes of each row, by record. What cannot be placed is an error among `problems`, and how it counts a note."""
    sized = _sized([row for rows in groups.values() for row in rows])
    said: dict[str, list[_Said]] = {}
    for record, rows in groups.items():
        said[record] = []
        for row in rows:
            try:
                said[record].append(_said(row, sized))
            except Wrong as wrong:
                problems.append(Problem(level="error", where=row.where, what=wrong.what, hint=wrong.hint))
    counting = _counting(said, problems)
    found: dict[str, list[Span]] = {}
    for record, cells in said.items():
        spans = found[record] = []
        for each in cells:
            try:
                spans.append(_placed(each, counting, spans[-1].start + spans[-1].length - 1 if spans else 0))
            except Wrong as wrong:
                problems.append(Problem(level="error", where=each.row.where, what=wrong.what, hint=wrong.hint))
    return found


def number_in(row: Row, column: str) -> int | None:
    """The whole number in a cell; None for an empty one. Raises Wrong for anything else."""
    text = row[column].strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}(\.0*)?", text):
        raise Wrong(f"{row['name'] or 'a row'}: {column} is {text!r}, and a number was expected")
    return int(text.partition(".")[0])


def _sized(rows: Iterable[Row]) -> str:
    """What tells how long a field is where its row has neither length nor end: ``range`` (one byte), ``picture``, or nothing."""
    kept = list(rows)
    if any(RANGE.fullmatch(row["start"]) for row in kept):
        return "range"
    return "" if any(row["length"] or row["end"] for row in kept) else "picture"


def _said(row: Row, sized: str) -> _Said:
    both = RANGE.fullmatch(row["start"])
    length = number_in(row, "length")
    if both is not None:
        return _Said(row, int(both[1]), int(both[2]), length, None)
    start, end, offset = (number_in(row, column) for column in ("start", "end", "offset"))
    if length is None and end is None:
        picture = picture_of(row.cells)
        if sized == "range" and start is not None:
            length = 1
        elif sized == "picture" and picture is not None:
            length = picture.characters
        else:
            raise Wrong(f"{row['name'] or 'a row'} has neither length nor end")
    return _Said(row, start, end, length, offset)


def _placed(said: _Said, counting: _Counting, before: int) -> Span:
    """The bytes of a row; without a start it follows the byte `before`."""
    start = before + 1
    if said.start is not None:
        start = said.start + counting.zero
    elif said.offset is not None:
        start = said.offset + 1
    end = None if said.end is None else said.end + counting.zero - counting.behind
    length = said.length
    if length is None:
        assert end is not None
        length = end - start + 1
    if start < 1 or length < 1 or (end is not None and end != start + length - 1):
        told = " and ".join(
            f"{what} {value}"
            for what, value in (("start", said.start), ("offset", said.offset), ("length", said.length), ("end", said.end))
            if value is not None
        )
        raise Wrong(f"{said.name}: {told} do not agree" if " and " in told else f"{said.name}: {told} is no place")
    return Span(said.row, start, length)


# --- positions that count from 0


def _counting(said: Mapping[str, Sequence[_Said]], problems: list[Problem]) -> _Counting:
    first = next((each for cells in said.values() for each in cells if each.start == 0), None)
    if first is None:
        return _Counting()
    try:
        for record, cells in said.items():
            _begins_at_zero(record, cells, first)
        behind = _ends_behind([each for cells in said.values() for each in cells], said.values(), first)
    except Wrong as wrong:
        problems.append(Problem(level="error", where=first.row.where, what=wrong.what, hint=wrong.hint))
        return _Counting(zero=1)
    what = f"{first.name} starts at 0: all positions are taken to count from 0, and are one more in the layout"
    what += ", save ends, which are the byte behind a field" if behind else ""
    problems.append(Problem(level="note", where=first.row.where, what=what))
    return _Counting(zero=1, behind=bool(behind))


def _begins_at_zero(record: str, cells: Sequence[_Said], first: _Said) -> None:
    """Raises Wrong where a record speaks against positions that count from 0."""
    placed = sorted((each for each in cells if each.start is not None), key=lambda each: each.start or 0)
    if placed and placed[0].start == 1:
        raise Wrong(
            f"{first.name} starts at 0, and the record {record!r} at 1: do positions count from 0 or from 1?",
            "count them in one way",
        )
    for one, other in pairwise(placed):
        # With the 0 as a 1 there would be no gap: then that is what was meant, or a byte was forgotten.
        if one.start == 0 and one.end is None and one.length is not None and other.start == one.length + 1:
            raise Wrong(
                f"{one.name} starts at 0 and has {one.length} bytes, and {other.name} starts at {other.start}: "
                "do positions count from 0 or from 1?",
                f"write 1 in place of 0, or a FILLER for byte {one.length}",
            )


def _ends_behind(said: Sequence[_Said], groups: Iterable[Sequence[_Said]], first: _Said) -> bool | None:
    """Whether ends are the byte behind a field; None where there are none. Raises Wrong when rows speak for both, or for none."""
    if not any(each.end is not None for each in said):
        return None
    votes = list(_by_length(said)) or [vote for cells in groups for vote in _by_neighbours(cells)]
    what = f"{first.name} starts at 0, and nothing says whether an end is the last byte of a field or the one behind it"
    if len({behind for behind, _ in votes}) == 1:
        return votes[0][0]
    if votes:
        told = [next(why for behind, why in votes if behind is each) for each in (True, False)]
        what = f"{first.name} starts at 0: is an end the last byte of a field or the one behind it? {told[0]}, and {told[1]}"
    raise Wrong(what, "say the length of each field, or count from 1")


def _by_length(said: Iterable[_Said]) -> Iterable[tuple[bool, str]]:
    for each in said:
        if each.start is None or each.end is None:
            continue
        length, picture = each.length, picture_of(each.row.cells)
        if length is None and picture is not None and not picture.signed:
            length = picture.characters
        if each.start == each.end:
            length = 1
        distance = each.end - each.start
        if length is not None and distance in (length, length - 1):
            yield distance == length, f"{each.name} has {length} bytes from {each.start} to {each.end}"


def _by_neighbours(cells: Sequence[_Said]) -> Iterable[tuple[bool, str]]:
    placed = sorted((each for each in cells if each.start is not None), key=lambda each: each.start or 0)
    for one, other in pairwise(placed):
        if one.end is not None and other.start in (one.end, one.end + 1):
            yield other.start == one.end, f"{one.name} ends at {one.end}, {other.name} starts at {other.start}"
