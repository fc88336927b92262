"""Delimited files made and read the plain way, a value at a time: how the simulator knows the truth without the SDK's decoder."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Field, Layout

from connector_sftp.plain_moments import EPOCH
from connector_sftp.plain_values import is_text, to_text, value_of

__all__ = ["read", "record", "sample", "write"]

Row = Mapping[str, Any]
Value = tuple[str, bool]
"""A text of a file, and whether it is quoted."""

TEXTS = (
    "Ada",
    "Grace Hopper",
    'said "yes"',
    "semi;colon, comma",
    "two\nlines",
    "",
    " padded ",
    "Müller & Søn – 東京",
    "007",
    "NULL",
    "x" * 120,
    "# no comment",
    "one || two | three",
)


def sample(layout: Layout, number: int, rng: random.Random) -> dict[str, Any]:
    """The row `number`, plausible and awkward; its keys follow from `number`. Every value of it can be written in `layout`."""
    return {
        field.name: None
        if field.nullable and field.name not in layout.keys and len(layout.fields) > 1 and rng.random() < 0.1
        else _sample(layout, field, number if field.name in layout.keys else None, rng)
        for field in layout.fields
    }


def write(layout: Layout, lines: Sequence[str]) -> bytes:
    """A whole file of `lines` as :func:`record` makes them, with all that the form has besides: what is to be skipped, comments,
    rows of names, and lines at the end.
    """
    form = layout.delimited
    told = [f"{form.comment} said {place}\n" if form.comment else "" for place in ("first", "amid")]
    parts = [f"line {number + 1} is not data\n" for number in range(form.skip)]
    parts += [told[0], *(_line(layout, [(name, not name and len(names) == 1) for name in names]) for names in _names(layout))]
    parts += [*lines[:1], told[1], *lines[1:]]
    parts += [f"{len(lines)} records, {number} more lines\n" for number in reversed(range(form.footer))]
    return "".join(parts).encode(layout.encoding)


def record(layout: Layout, row: Row, **instead: str) -> str:
    """One row as it stands in a file; `instead` has the text of values that are none."""
    texts = [(field, instead.get(field.name, to_text(field, row[field.name]))) for field in layout.fields]
    return _line(layout, [(text, is_text(field.type) and text in ("", *field.null)) for field, text in texts])


def read(layout: Layout, content: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a file, without those that cannot be understood."""
    records = _records(layout, content.decode(layout.encoding).removeprefix("\ufeff"))
    for _ in range(layout.delimited.header):
        next(records, None)
    for values in records:
        if len(values) == len(layout.fields):
            try:
                pairs = zip(layout.fields, values, strict=True)
                row = {field.name: value_of(field, text, quoted=quoted) for field, (text, quoted) in pairs}
            except (ValueError, ArithmeticError, KeyError):
                continue
            if all(field.nullable or row[field.name] is not None for field in layout.fields):
                yield row


def _names(layout: Layout) -> list[list[str]]:
    """The rows of names. Of several, the first has what comes before the last word of each, if each has several words."""
    titles = [field.name if field.title is None else field.title for field in layout.fields]
    more = layout.delimited.header - 1
    if more < 1:
        return [titles] * (more + 1)
    nothing = [[""] * len(titles)]
    upper, _, lower = zip(*(title.rpartition(" ") for title in titles), strict=True)
    if not all(upper) or not all(lower):
        return [*(nothing * more), titles]
    # A cell that is merged with the one to its left is empty.
    merged = ["" if at and word == upper[at - 1] else word for at, word in enumerate(upper)]
    return [merged, *(nothing * (more - 1)), list(lower)]


def _line(layout: Layout, values: Iterable[tuple[str | None, bool]]) -> str:
    """Values, each with whether it must be quoted."""
    form = layout.delimited
    special = _special(layout)

    def shown(value: str | None, *, must: bool) -> str:
        plain = not must and value is not None and not special & set(value) and not value.startswith(form.comment or "\n")
        if value is None or form.quote is None or plain:
            return value or ""
        inside = value if form.escape is None else value.replace(form.escape, form.escape * 2)
        return form.quote + inside.replace(form.quote, form.quote * 2) + form.quote

    return form.delimiter.join(shown(value, must=must) for value, must in values) + "\n"


def _special(layout: Layout) -> set[str]:
    """Characters that mean something in a bare value."""
    form = layout.delimited
    return set(f"{form.delimiter}{form.quote or ''}{form.escape or ''}\r\n")


def _records(layout: Layout, text: str) -> Iterator[list[Value]]:
    """Records as (text, was quoted): the one thing that `csv` does not tell, and that makes an empty value a text or a null."""
    form = layout.delimited
    ends = "\r\n|\n|\r" + ("|\x85" if _is_ebcdic(layout.encoding) else "")
    lines = [0, *(end.end() for end in re.finditer(ends, text))]
    if lines[-1] == len(text):
        lines.pop()
    stop = len(text) if not form.footer else lines[max(0, len(lines) - form.footer)]
    at = lines[form.skip] if form.skip < len(lines) else len(text)
    comment = re.compile(f"{re.escape(form.comment)}[^\r\n]*(?:{ends}|\\Z)") if form.comment else None
    value = _value(layout, ends)
    values: list[Value] = []
    while at < stop or values:
        if comment and not values and (said := comment.match(text, at, stop)):
            at = said.end()
            continue
        found = value.match(text, at, stop)
        assert found is not None
        values.append(_meant(layout, found["quoted"], found["bare"]))
        at = found.end()
        if found["end"] != form.delimiter:
            if values != [("", False)]:
                yield values
            values = []


def _value(layout: Layout, ends: str) -> re.Pattern[str]:
    form = layout.delimited
    d, q, e = (re.escape(mark or "") for mark in (form.delimiter, form.quote, form.escape))
    escaped = f"|{e}." if e else ""
    quoted = f"{q}(?P<quoted>(?:[^{q}{e}]|{q}{q}{escaped})*){q}|" if q else "(?P<quoted>(?!))|"
    return re.compile(f"(?:{quoted}(?P<bare>(?:(?!{d}|{ends})[^{e or chr(0)}]{escaped})*))(?P<end>{d}|{ends}|\\Z)", re.DOTALL)


def _meant(layout: Layout, quoted: str | None, bare: str | None) -> Value:
    form = layout.delimited
    content = bare or "" if quoted is None else quoted.replace((form.quote or "") * 2, form.quote or "")
    if form.escape is not None:
        content = re.sub(f"{re.escape(form.escape)}(.)", r"\1", content, flags=re.DOTALL)
    return content, quoted is not None


def _is_ebcdic(encoding: str) -> bool:
    return "0".encode(encoding) == b"\xf0"


def _sample(layout: Layout, field: Field, number: int | None, rng: random.Random) -> Any:
    kind: Any = field.type
    if pa.types.is_integer(kind):
        low, high = (
            (0, 2**kind.bit_width) if str(kind).startswith("u") else (-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1))
        )
        return number if number is not None else rng.choice((0, 1, low, high - 1, rng.randrange(min(high, 10_000))))
    if pa.types.is_decimal(kind):
        digits = number if number is not None else rng.randrange(-(10**kind.precision) + 1, 10**kind.precision)
        return Decimal(f"{digits}E{-kind.scale}")  # from text: `scaleb` would round to 28 digits
    if pa.types.is_floating(kind):
        return float(number) if number is not None else rng.choice((0.0, -1.5, 0.25, rng.randrange(4096) / 8))
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_date(kind):
        return EPOCH.date() + timedelta(days=rng.randrange(365) if number is None else number)
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return _moment(field, timedelta(days=number) if number is not None else timedelta(seconds=rng.randrange(10**7)), rng)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return rng.randbytes(1 + rng.randrange(20)) if number is None else b"%06d" % number
    if pa.types.is_fixed_size_binary(kind):
        return rng.randbytes(kind.byte_width)
    return f"K{number:06d}" if number is not None else rng.choice([text for text in TEXTS if _fits(layout, field, text)])


def _fits(layout: Layout, field: Field, text: str) -> bool:
    try:
        text.encode(layout.encoding)
    except UnicodeEncodeError:
        return False
    form = layout.delimited
    bare = text and text not in field.null and not set(text) & _special(layout) and not text.startswith(form.comment or "\n")
    return form.quote is not None or bool(bare)


def _moment(field: Field, after: timedelta, rng: random.Random) -> Any:
    """A time or timestamp with no more in it than the type's unit and the field's format can say."""
    kind: Any = field.type
    digits = {"s": 0, "ms": 3}.get(kind.unit, 6)
    moment = EPOCH + after + timedelta(microseconds=rng.randrange(10**digits) * 10 ** (6 - digits))
    value = moment.time() if pa.types.is_time(kind) else moment.replace(tzinfo=UTC) if kind.tz else moment
    return value_of(field, to_text(field, value) or "", quoted=False)
