"""The head of a delimited file: byte order mark, skipped lines, and the rows of column names, which must be the layout's."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Sequence

from connector_sdk.errors import DataError, SchemaDriftError
from connector_sdk.formats.delimited.cells import cells
from connector_sdk.formats.delimited.records import Grammar, count_lines
from connector_sdk.formats.delimited.text import BOM, Window
from connector_sdk.formats.layout import Layout

__all__ = ["take_head", "take_rows"]

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: "utf-8",
}
"""The longer ones first: UTF-32 begins like UTF-16."""


def take_head(window: Window, grammar: Grammar, layout: Layout, *, stream: str, where: str, limit: int, block: int) -> int:
    """Take the head in; returns the number of the line after it. A row of names is at most `limit` bytes long.

    Raises SchemaDriftError when the names are not the layout's, DataError for a skipped line over the limit.
    """
    window.grow(max(block, 8))  # a byte order mark is seen whole
    marked = next((name for mark, name in _MARKS.items() if window.peek(4).startswith(mark)), None)
    hint = "generate the layout again, or correct the file"
    if marked is not None and marked != layout.encoding:
        hint = f"the file begins with the mark of {marked}, the layout's encoding is {layout.encoding}"
    try:
        rows, line = take_rows(window, grammar, header=layout.delimited.header, blank=len(layout.fields) == 1, limit=limit)
    except DataError as error:
        if error.code == "header":
            raise SchemaDriftError(f"{where}: {error.message}", hint=hint, stream=stream, code="header") from None
        raise DataError(f"{where}: {error.message}", stream=stream) from None
    if rows:
        _check(joined(rows), layout, stream, where, hint)
    return line


def take_rows(window: Window, grammar: Grammar, *, header: int, blank: bool, limit: int) -> tuple[list[list[str]], int]:
    """The cells of each row of names, and the number of the line after them; no rows when the file is empty.

    `blank`: the file has one column, in which an empty line is an empty cell. Raises DataError, with the code ``header`` when a
    row of names has no end within `limit` bytes.
    """
    line = 1
    if window.text.startswith(BOM):
        window.drop(len(BOM))
    for _ in range(grammar.form.skip):
        _drop_line(window, grammar, limit)
        line += 1
    rows: list[list[str]] = []
    while len(rows) < header and (window.text or not window.ended):
        if not window.text:
            window.grow(min(1 << 16, limit + 1))
            continue
        past = grammar.comments(window.text, 0, final=window.ended)
        if past:
            line += count_lines(window.text, 0, past)
            window.drop(past)
        elif window.text[:1] in (b"\n", b"\r") and not (blank and rows):
            _drop_line(window, grammar, limit)
            line += 1
        elif (found := grammar.first(window.text, final=window.ended)) is not None:
            stop, end = found
            rows.append([value.decode("utf-8", "replace").strip() for value, _ in cells(window.text[:stop], grammar.marks)])
            line += count_lines(window.text, 0, end)
            window.drop(end)
        elif len(window.text) > limit or window.ended:
            why = "" if window.ended else f" within {limit:,} bytes: there is no line end, or a quote stands open"
            raise DataError(f"the header is not closed{why}", code="header")
        else:
            window.grow(max(min(len(window.text), limit + 1 - len(window.text)), 1))
    return rows, line


def joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """One name for each column: its cells, of which empty ones in all rows but the last repeat what is to their left."""
    width = max(map(len, rows))
    full = []
    for number, row in enumerate(rows):
        cells_of_row = [*row, *[""] * (width - len(row))]
        left = ""
        for at, cell in enumerate(cells_of_row):
            left = cell or left
            if number < len(rows) - 1:
                cells_of_row[at] = left
        full.append(cells_of_row)
    return [" ".join(filter(None, column)) for column in zip(*full, strict=True)]


def _drop_line(window: Window, grammar: Grammar, limit: int) -> None:
    while (stop := grammar.first_line(window.text, 0, final=window.ended)) is None:
        if len(window.text) > limit:
            raise DataError(f"a line before the records is over {limit} bytes")
        window.grow(max(1 << 16, len(window.text)))
    window.drop(stop)


def _check(found: list[str], layout: Layout, stream: str, where: str, hint: str) -> None:
    want = [(f.name if f.title is None else f.title).strip() for f in layout.fields]
    if found == want:
        return
    missing, new = _surplus(want, found), _surplus(found, want)
    moved = [at for at, (a, b) in enumerate(zip(found, want, strict=False)) if a != b] if not missing and not new else []
    told = [
        f"{what} {', '.join(_short(headers[at]) for at in places[:10])}{' …' if len(places) > 10 else ''}"
        for what, headers, places in (("missing", want, missing), ("new", found, new), ("out of order", found, moved))
        if places
    ]
    names = layout.names
    raise SchemaDriftError(
        f"{where}: the header is not that of layout {layout.name!r}: {'; '.join(told)}",
        fields=tuple(dict.fromkeys([*(names[at] for at in missing), *(found[at] for at in new), *(names[at] for at in moved)])),
        hint=hint,
        code="header",
        stream=stream,
    )


def _surplus(these: list[str], those: list[str]) -> list[int]:
    """The places in `these` of what is in them more often than in `those`."""
    left = Counter(those)
    places = []
    for place, name in enumerate(these):
        left[name] -= 1
        if left[name] < 0:
            places.append(place)
    return places


def _short(header: str) -> str:
    return repr(header if len(header) <= 60 else f"{header[:60]}…")
