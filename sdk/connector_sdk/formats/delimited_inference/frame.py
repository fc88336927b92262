"""Where the records of a sample begin and end: titles, the rows of the header, comments, and what follows the last record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector_sdk.formats.delimited_inference.comments import find_marked
from connector_sdk.formats.delimited_inference.dialect import Dialect, width_of
from connector_sdk.formats.delimited_inference.likeness import looks_like_data
from connector_sdk.formats.delimited_inference.rows import Row
from connector_sdk.formats.delimited_inference.words import NULL_WORDS, pair_of, possible_pairs
from connector_sdk.formats.layout import Delimited

__all__ = ["Frame", "find_frame"]

_HALVES = re.compile(r"\s*[+-]?\d+,\d+\s*")


@dataclass(frozen=True)
class Frame:
    """The form with what lies around the records, the rows of the header, the first records, and what a person should know."""

    form: Delimited
    header: list[list[str]]
    records: list[list[str]]
    width: int
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_frame(dialect: Dialect, text: str) -> Frame:
    """The frame of the head `text`, which the dialect has cut."""
    form, rows = dialect.form, dialect.records
    questions, notes = list(dialect.questions), list(dialect.notes)
    if not rows:
        return Frame(form, [], [], 1, tuple(questions), tuple(notes))
    width, _ = width_of(rows)
    marked = find_marked(rows, width)
    skip, last = 0, rows[0]
    if marked is not None:
        questions += [marked.question] if marked.question else []
        if marked.titles:
            skip, last = marked.titles[-1].line, marked.titles[-1]
            rows = rows[len(marked.titles) :]
        if marked.comment:
            form = replace(form, comment=marked.mark)
            count = len(rows)
            rows = [row for row in rows if not row.text.startswith(marked.mark)]
            notes.append(f"lines that begin with {marked.mark!r} are comments: {count - len(rows):,} in the first records")
        if marked.names is not None:
            notes.append(f"the header stands behind {marked.mark!r}")
    if marked is None or marked.names is None:
        before = _preamble(rows, width)
        if not before and rows[0].cells[0].lower().startswith("sep="):
            before = 1
        if before:
            skip, last, rows = rows[before - 1].line, rows[before - 1], rows[before:]
    form = replace(form, skip=skip)
    if skip:
        first = text.splitlines()[0].strip()[:60]
        notes.append(f"{skip} line{'s' if skip > 1 else ''} before the records {'are' if skip > 1 else 'is'} skipped: {first!r}")
    cells = [row.cells for row in rows]
    body = [record for record in cells[1:] if len(record) == width] if width > 1 else cells[1:]
    count, doubt = _header(cells, body)
    if doubt:
        questions.append(doubt)
    if not count:
        questions += filter(None, [_no_header(skip, last, width), _one_field(cells, width, form)])
    form = replace(form, header=count)
    return Frame(form, cells[:count], cells[count:], width, tuple(questions), tuple(notes))


def _no_header(skip: int, last: Row, width: int) -> str | None:
    if not skip or last.text.lower().startswith("sep="):
        return None
    names = f"{len(last.cells)} value{'' if len(last.cells) == 1 else 's'}"
    return f"line {last.line} has {names}, the records {width}: it was taken for a title, and no header"


def _one_field(cells: Sequence[Sequence[str]], width: int, form: Delimited) -> str | None:
    if width != 2 or form.delimiter != "," or not all(_HALVES.fullmatch(",".join(record)) for record in cells):
        return None
    return f"{','.join(cells[0])!r} was read as two fields; with a decimal comma it would be one (delimiter: ';', decimal: ',')"


def _preamble(rows: Sequence[Row], width: int) -> int:
    """How many of `rows` come before the first that is as wide as the records are."""
    if width < 2:
        return 0
    place = next((number for number, row in enumerate(rows) if _wide(row, width)), 0)
    if not 0 < place <= 20:
        return 0
    follow = rows[place : place + 20]
    if sum(len(row.cells) == width for row in follow) < 0.6 * len(follow):
        return 0
    # Records that are too short or too long are no titles: one of those has no more than a few values.
    if any(looks_like_data(row.cells[0]) and len(row.cells) > 1 and len(row.cells) != width for row in rows[:place]):
        return 0
    return place


def _wide(row: Row, width: int) -> bool:
    """Whether it may be a header or record: as wide as those are, and not a title followed by delimiters."""
    return len(row.cells) == width and (width < 3 or sum(1 for cell in row.cells if cell.strip()) > 1)


def _header(records: Sequence[Sequence[str]], body: Sequence[Sequence[str]]) -> tuple[int, str | None]:
    """How many rows name the fields, and a question when little speaks for that."""
    if not records:
        return 1, None
    first, rest = [cell.strip() for cell in records[0]], records[1:]
    merged = _several(records)
    if merged is not None:
        return merged
    if not rest:
        if any(cell == "" or looks_like_data(cell) for cell in first) and not _labelled(first):
            return 0, "there is only one record: it was taken for one, and not for the header"
        return 1, "there is only one record: it was taken for the header"
    again = sum(1 for record in rest if [cell.strip() for cell in record] == first)
    # A total below the records is no value of theirs.
    below = [record for record in body or rest if [cell.strip() for cell in record] != first]
    named = unnamed = 0
    for column, title in enumerate(first):
        values = [record[column].strip() for record in below if column < len(record)]
        values = [value for value in values if value and value not in NULL_WORDS]
        word = title not in ("", *NULL_WORDS) and (not looks_like_data(title) or (_year(title) and not any(map(_year, values))))
        named += word and _unlike(title, values)
        unnamed += not word and title not in ("", *NULL_WORDS)
    if named and again:
        return 1, f"the header's words come again as {again} of the first records: are these several files in one?"
    if named and not unnamed:
        return 1, None
    if named:
        said = "a header" if named >= unnamed else "no header"
        return int(
            named >= unnamed
        ), f"some fields say that the first record is a header, and some that it is none: taken for {said}"
    if unnamed or (any(cell == "" for cell in first) and not _labelled(first)):
        return 0, None
    # All text. A header's words are unlike each other and do not come again below it.
    words = {cell.strip() for record in rest for cell in record}
    repeated = [title for title in first if title in words]
    if len(set(first)) == len(first) and not repeated:
        return 1, "every field is text: the first record was taken for the header, since none of its words comes again"
    return 0, f"every field is text: there seems to be no header, since {(repeated or first)[0]!r} comes again"


def _unlike(title: str, values: Sequence[str]) -> bool:
    """Whether the values are numbers, dates, or words for true and false, and `title` above them is none of these."""
    if not values:
        return False
    return sum(map(looks_like_data, values)) > 0.8 * len(values) or (
        pair_of(values) is not None and not possible_pairs([*values, title])
    )


def _several(records: Sequence[Sequence[str]]) -> tuple[int, str | None] | None:
    """The number of header rows, when there is more than one: words over words over columns of numbers or dates."""
    for count in (4, 3, 2):
        heads, rest = records[:count], records[count:]
        if len(heads) < count or len(rest) < 2:
            continue
        width = len(records[0])
        if any(len(head) != width for head in heads):
            continue
        typed = [column for column in range(width) if _typed(rest, column)]
        last = heads[-1]
        if not typed or any(looks_like_data(head[column]) for head in heads for column in typed if not _year(head[column])):
            continue
        if not all(any(head[column].strip() not in ("", *NULL_WORDS) for column in typed) for head in heads[1:]):
            continue
        if any(looks_like_data(cell) and not _year(cell) for cell in last):
            continue
        words = [cell.strip() for cell in last if cell.strip()]
        if len(words) < 0.5 * width:
            continue
        if any(last[column].strip() in NULL_WORDS for column in typed):
            return count, f"line {count} of the header has {last[typed[0]]!r} over numbers: is it a row of units, or a record?"
        if not any(cell.strip() == "" for head in heads[:-1] for cell in head):
            return count, f"{count} rows of words come before the first number: they were taken for {count} rows of a header"
        return count, None
    return None


def _typed(records: Sequence[Sequence[str]], column: int) -> bool:
    values = [record[column].strip() for record in records if column < len(record) and record[column].strip()]
    values = [value for value in values if value not in NULL_WORDS]
    return bool(values) and sum(map(looks_like_data, values)) > 0.9 * len(values)


def _year(cell: str) -> bool:
    return bool(re.fullmatch(r"\s*(19|20)\d\d\s*", cell))


def _labelled(first: Sequence[str]) -> bool:
    """A header may have an empty cell, or a year as a title, as long as most of it are words."""
    words = sum(1 for cell in first if cell and not looks_like_data(cell))
    return len(first) > 2 and words >= 0.7 * len(first) and words >= 2
