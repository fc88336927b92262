"""Which marks lie between the values of a sample's head, and how they are quoted and escaped."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from connector_sdk.formats.delimited_inference.escapes import ESCAPE, with_escape
from connector_sdk.formats.delimited_inference.rows import Row, rows_of
from connector_sdk.formats.layout import Delimited

__all__ = ["Dialect", "find_dialect", "width_of"]

# In the order of preference among those that fit: a comma often stands inside numbers and sentences.
_LONG = ("||", "~|~", "|~|", "^|^", "|^|", "<|>", "~~", "^^", "::", "##", "@@", "$$", "|;|", ";;", "\t|\t", "||~||", "~^~")
_SINGLE = (
    "\t",
    ";",
    "|",
    ",",
    "\x1f",
    "\x01",
    "\x1e",
    "\x14",
    "\x02",
    "§",
    "¦",
    "¬",
    "¶",
    "·",
    "•",
    "þ",
    "÷",
    "^",
    "~",
    "!",
    ":",
)
_USUAL = ("\t", ";", "|", ",")
_TITLES = 20
"""Lines before the header, at most."""
_MEANT = re.compile(r"['\"]?sep=(?P<mark>[^\w'\"\\\r\n\x85]{1,3})['\"]?[\r\n]", re.IGNORECASE)
_ODD = re.compile(r"[^\w\s.,'\"()/%+:-]{1,3}|[ ]{2,}")


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote and escape, the records of the head as they read them, and what a person should look at."""

    form: Delimited
    records: list[Row]
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """How well one delimiter cuts the head: `share` of the records have `width` values."""

    form: Delimited
    rows: list[Row]
    width: int
    share: float
    rank: int

    @property
    def score(self) -> tuple[float, int, int]:
        # Where nearly all records agree, the more careful delimiter wins; else the one that more records agree on.
        sure = self.share >= 0.95
        return (1.0 if sure else self.share, -self.rank if sure else self.width, self.width)


def find_dialect(text: str, *, whole: bool) -> Dialect:
    """The dialect of `text`, the start of a file (`whole`: all of it)."""
    quote = _quote(text)
    escapes = [None, ESCAPE] if ESCAPE in text else [None]
    meant = _MEANT.match(text)
    if meant is not None:
        mark = meant["mark"]
        form = with_escape(Delimited(delimiter=mark, quote=quote), text, whole=whole)
        return Dialect(form, rows_of(text, form, whole=whole), notes=(f"the first line says that {mark!r} is the delimiter",))
    fits = [
        fit
        for rank, mark in enumerate((*_LONG, *_SINGLE))
        if mark in text and (len(mark) == 1 or _mostly_together(mark, text))
        for escape in (escapes if mark in _SINGLE else escapes[:1])
        if (fit := _fit(text, Delimited(delimiter=mark, quote=quote, escape=escape), rank, whole=whole)) is not None
    ]
    best = max(fits, key=lambda fit: (*fit.score, fit.form.escape is None), default=None)
    if best is None or best.share < 0.6:
        found = _found(text, quote, whole=whole)
        if found is not None:
            asked = f"read with delimiter {found.form.delimiter!r} ({found.width} fields), which few files have: please look"
            return Dialect(found.form, found.rows, (asked,))
    if best is None:
        mark = next(mark for mark in (*_USUAL[3:], *_USUAL[:3], "\x1f") if mark not in text or mark == "\x1f")
        form = with_escape(Delimited(delimiter=mark, quote=quote), text, whole=whole)
        there = [repr(usual) for usual in _USUAL if usual in text]
        unsure = (f"no delimiter cuts the lines alike, {', '.join(there)} included: each line was taken for one value",)
        return Dialect(form, rows_of(text, form, whole=whole), unsure if there else ())
    form = best.form if best.form.escape is not None else with_escape(best.form, text, whole=whole)
    rows = rows_of(text, form, whole=whole)
    return Dialect(form, rows, _doubts(best, fits))


def _doubts(best: _Fit, fits: Sequence[_Fit]) -> tuple[str, ...]:
    """A question, when another delimiter fits as well."""
    mark = best.form.delimiter
    # Where the header is not cut as the records are, the mark stands in values: a decimal comma.
    alike = [fit for fit in fits if len(fit.rows[0].cells) == fit.width]
    others = {
        fit.form.delimiter: fit.width
        for fit in alike
        if fit.form.delimiter in _USUAL and fit.share > 0.95 and fit.width > 2 and len(fit.rows) > 1
    }
    told = [f"{other!r} ({width} fields)" for other, width in others.items() if other != mark and other not in mark]
    if not told or mark == "," or len(mark) > 1:
        return ()
    return (f"read with delimiter {mark!r} ({best.width} fields); {', '.join(told)} would fit as well",)


def _mostly_together(mark: str, text: str) -> bool:
    """Whether the characters of `mark` stand in this order, and one of them hardly ever alone; others may be in values."""
    count = text.count(mark)
    known = {one for one in mark if one not in " \t"} if count > 1 else set(mark)
    return any(text.count(one) <= 1.15 * count * mark.count(one) for one in known)


def _fit(text: str, form: Delimited, rank: int, *, whole: bool) -> _Fit | None:
    rows = rows_of(text, form, whole=whole)
    width, share = width_of(rows)
    return None if width < 2 else _Fit(form, rows, width, share, rank)


def width_of(rows: Sequence[Row]) -> tuple[int, float]:
    """How many values the records have, and what share of the records does; (1, 1.0) when no width of two or more is usual.

    Titles before the records and endings behind them, which have fewer values, do not count.
    """
    widths = [0 if row.broken else len(row.cells) for row in rows]
    counts = Counter(width for width in widths if width > 1)
    for width, count in sorted(counts.items(), key=lambda item: (-item[1] * (item[0] - 1), -item[0])):
        if count < 2 < len(rows) or count < 0.3 * len(rows):
            continue
        start, stop = widths.index(width), len(widths) - widths[::-1].index(width)
        if start > _TITLES or max(widths[:start], default=0) > width:
            start = 0
        if len(widths) - stop > _TITLES or max(widths[stop:], default=0) > width:
            stop = len(widths)
        share = count / (stop - start)
        if share >= 0.6:
            return width, share
    return 1, 1.0


def _found(text: str, quote: str, *, whole: bool) -> _Fit | None:
    """A mark nobody thought of, which stands equally often in each line."""
    lines = [line for line in islice(io.StringIO(text), 200) if line.strip()]
    if len(lines) < 3:
        return None
    first = Counter(_ODD.findall(lines[0]))
    for mark, count in first.most_common():
        if mark.isspace() or not mark.isprintable() or quote in mark or "\\" in mark:
            continue
        if sum(line.count(mark) == count for line in lines) >= 0.95 * len(lines):
            return _fit(text, Delimited(delimiter=mark, quote=quote), 99, whole=whole)
    return None


def _quote(text: str) -> str:
    before, behind = r"(?:^|[\t;|,:^~\x1f\x01§¦])", r"(?=$|[\t;|,:^~\x1f\x01\r§¦])"
    double = len(re.findall(rf'{before}"', text, re.MULTILINE))
    single = len(re.findall(rf"{before}'[^'\n]*'{behind}", text, re.MULTILINE))
    return "'" if single > 2 and not double else '"'
