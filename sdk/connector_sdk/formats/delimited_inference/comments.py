"""Lines that begin with a mark and are no records: titles where all of them come first, comments where some are among records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pyarrow.compute

from connector_sdk.formats.delimited.reading import decode
from connector_sdk.formats.delimited_inference.likeness import looks_like_data
from connector_sdk.formats.delimited_inference.opening import Opener
from connector_sdk.formats.delimited_inference.rows import Row
from connector_sdk.formats.layout import Layout

__all__ = ["Marked", "find_marked", "records_behind"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_MARKS = ("#", "//", "--", "%", "!", "*")
_TITLE_MARKS = ("#", "//")
"""Where records have one value, a width tells nothing, and the others begin values."""


@dataclass(frozen=True)
class Marked:
    """What `mark` makes of the rows that begin with it: a `comment` mark, `titles` before all others, or the header's `names`."""

    mark: str
    comment: bool = False
    titles: Sequence[Row] = ()
    names: Row | None = None
    question: str | None = None


def find_marked(rows: Sequence[Row], width: int) -> Marked | None:
    """The mark that lines begin with which are no records, if there is one."""
    return next(filter(None, (_marked(mark, rows, width) for mark in _MARKS)), None)


def _marked(mark: str, rows: Sequence[Row], width: int) -> Marked | None:
    first = next((number for number, row in enumerate(rows) if not row.text.startswith(mark)), len(rows))
    leading, others = rows[:first], rows[first:]
    among = [row for row in others if row.text.startswith(mark)]
    if not others or len(leading) + len(among) > 0.5 * len(rows) + 1:
        return None
    if width == 1:
        if not leading or among or mark not in _TITLE_MARKS:
            return None
        return Marked(mark, titles=leading, question=f"line {leading[-1].line} begins with {mark!r}: it was taken for a title")
    if leading and not among and _names(leading[-1], others[0], mark, width):
        return Marked(mark, titles=leading[:-1], names=leading[-1])
    # A line as wide as the records is one of them, unless it stands above their header.
    wide = [row for row in leading if len(row.cells) == width]
    if wide and any(looks_like_data(cell) for cell in others[0].cells):
        return None
    asked = None
    if wide:
        asked = f"line {wide[-1].line} begins with {mark!r} and is as wide as the records: it was taken for a title"
    if not among:
        return Marked(mark, titles=leading, question=asked) if leading else None
    if any(len(row.cells) == width for row in among):
        return None
    return Marked(mark, comment=True, titles=leading if wide else (), question=asked)


def _names(row: Row, record: Row, mark: str, width: int) -> bool:
    """Whether it has a name for each field, and the first record is none."""
    names = [row.cells[0].removeprefix(mark), *row.cells[1:]]
    named = len(names) == width and all(name.strip() and not looks_like_data(name) for name in names)
    return named and any(looks_like_data(cell) for cell in record.cells)


def records_behind(layout: Layout, opener: Opener) -> str | None:
    """A question, when somewhere in the sample lines begin with the comment mark that are as wide as the records."""
    mark = layout.delimited.comment
    if mark is None:
        return None
    form = replace(layout.delimited, header=0)  # before it there may be comments, which are no names either
    shown, _ = _counted(replace(layout, form=form), opener, mark)
    every, example = _counted(replace(layout, form=replace(form, comment=None)), opener, mark)
    if every <= shown:
        return None
    return f"{every - shown:,} lines that begin with {mark!r} are as wide as the records, as {example!r} is: no line is a comment"


def _counted(layout: Layout, opener: Opener, mark: str) -> tuple[int, str]:
    """How many records there are, and the first that begins with `mark`."""
    count, example = 0, ""
    with closing(opener()) as opened:  # type: ignore[type-var]
        for block in decode(layout, next(opened), stream=layout.name, place=None):
            count += block.data.num_rows
            begins = block.data.filter(pc.starts_with(block.data.column(0), mark)) if not example else None
            if begins is not None and begins.num_rows:
                example = layout.delimited.delimiter.join(str(value) for value in begins.slice(0, 1).to_pylist()[0].values())[:60]
    return count, example
