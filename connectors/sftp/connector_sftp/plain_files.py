"""Delimited files made and read the plain way, a value at a time: how the simulator knows the truth without the SDK's decoder."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Field, Layout

__all__ = ["read", "record", "sample", "write"]

Row = Mapping[str, Any]

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - zones are added where the type has one
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
)


def sample(layout: Layout, number: int, rng: random.Random) -> dict[str, Any]:
    """The row `number`, plausible and awkward; its keys follow from `number`. Every value of it can be written in `layout`."""
    return {
        field.name: None
        if field.nullable and field.name not in layout.keys and len(layout.fields) > 1 and rng.random() < 0.1
        else _sample(layout, field, number if field.name in layout.keys else None, rng)
        for field in layout.fields
    }


def write(layout: Layout, lines: Iterable[str]) -> bytes:
    """A whole file: what is to be skipped, the header, and `lines` as :func:`record` makes them."""
    head = [f"line {number + 1} is not data\n" for number in range(layout.delimited.skip)]
    if layout.delimited.header:
        head.append(_line(layout, [field.name if field.title is None else field.title for field in layout.fields]))
    return "".join([*head, *lines]).encode(layout.encoding)


def record(layout: Layout, row: Row, **instead: str) -> str:
    """One row as it stands in a file; `instead` has the text of values that are none."""
    values = [instead.get(field.name, _text(field, row[field.name])) for field in layout.fields]
    return _line(layout, values)


def read(layout: Layout, content: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a file, without those that cannot be understood."""
    records = _records(layout, content.decode(layout.encoding).removeprefix("\ufeff"))
    for _ in range(layout.delimited.header):
        next(records, None)
    for values in records:
        if len(values) == len(layout.fields):
            try:
                pairs = zip(layout.fields, values, strict=True)
                yield {field.name: _value(field, text, quoted=quoted) for field, (text, quoted) in pairs}
            except (ValueError, ArithmeticError, KeyError):
                continue


def _line(layout: Layout, values: Iterable[str | None]) -> str:
    form = layout.delimited
    special = {form.delimiter, form.quote or "", form.escape or "", "\r", "\n"} - {""}

    def shown(value: str | None) -> str:
        if value is None or form.quote is None or (value and not special & set(value)):
            return value or ""
        inside = value if form.escape is None else value.replace(form.escape, form.escape * 2)
        return form.quote + inside.replace(form.quote, form.quote * 2) + form.quote

    return form.delimiter.join(map(shown, values)) + "\n"


def _records(layout: Layout, text: str) -> Iterator[list[tuple[str, bool]]]:
    """Records as (text, was quoted): the one thing that `csv` does not tell, and that makes an empty value a text or a null."""
    form = layout.delimited
    d, q, e = (re.escape(mark or "") for mark in (form.delimiter, form.quote, form.escape))
    escaped = f"|{e}." if e else ""
    quoted = f"{q}((?:[^{q}{e}]|{q}{q}{escaped})*){q}|" if q else "(?!)()|"
    value = re.compile(f"(?:{quoted}((?:[^{d}\r\n{e}]{escaped})*))({d}|\r\n|\n|\r|\\Z)", re.DOTALL)
    at = 0
    for _ in range(form.skip):
        at = text.index("\n", at) + 1
    values: list[tuple[str, bool]] = []
    while at < len(text) or values:
        found = value.match(text, at)
        assert found is not None
        inside, plain, end = found.groups()
        content = plain if inside is None else inside if form.quote is None else inside.replace(form.quote * 2, form.quote)
        values.append((re.sub(f"{e}(.)", r"\1", content, flags=re.DOTALL) if e else content, inside is not None))
        at = found.end()
        if end != form.delimiter:
            if values != [("", False)]:
                yield values
            values = []


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
    return f"K{number:06d}" if number is not None else rng.choice([text for text in TEXTS if _fits(layout, text)])


def _fits(layout: Layout, text: str) -> bool:
    try:
        text.encode(layout.encoding)
    except UnicodeEncodeError:
        return False
    form = layout.delimited
    return form.quote is not None or not (not text or set(text) & {form.delimiter, "\n", form.escape})


def _moment(field: Field, after: timedelta, rng: random.Random) -> Any:
    """A time or timestamp with no more in it than the type's unit and the field's format can say."""
    kind: Any = field.type
    digits = {"s": 0, "ms": 3}.get(kind.unit, 6)
    moment = EPOCH + after + timedelta(microseconds=rng.randrange(10**digits) * 10 ** (6 - digits))
    value = moment.time() if pa.types.is_time(kind) else moment.replace(tzinfo=UTC) if kind.tz else moment
    return _value(field, _text(field, value) or "", quoted=False)


def _text(field: Field, value: Any) -> str | None:
    """A value in the field's notation; None is nothing at all."""
    if value is None:
        return None
    if isinstance(value, bool):
        return (field.true if value else field.false)[0]
    if isinstance(value, bytes):
        return value.hex() if field.format == ("hex",) else base64.b64encode(value).decode()
    if isinstance(value, date | time):
        return value.strftime(field.format[0]) if field.format else _iso(field.type, value)
    if isinstance(value, Decimal | float | int):
        plain = f"{value:f}" if isinstance(value, Decimal) else repr(value)
        if field.group is not None and "e" not in plain:
            plain = f"{Decimal(plain):,f}"
        return plain.translate({ord(","): field.group, ord("."): field.decimal})
    return str(value)


def _iso(kind: Any, value: date | time) -> str:
    if isinstance(value, datetime | time):
        return value.isoformat(timespec={"s": "seconds", "ms": "milliseconds"}.get(kind.unit, "microseconds"))
    return value.isoformat()


def _value(field: Field, text: str, *, quoted: bool) -> Any:
    """What a text means. Raises ValueError, ArithmeticError or KeyError when it means nothing."""
    kind: Any = field.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return None if not text and not quoted else text
    text = text.strip()
    if not text or text in field.null:
        return None
    if pa.types.is_boolean(kind):
        return {**dict.fromkeys(field.true, True), **dict.fromkeys(field.false, False)}[text]
    if pa.types.is_temporal(kind):
        return _read_moment(field, text)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return bytes.fromhex(text) if field.format == ("hex",) else base64.b64decode(text, validate=True)
    plain = text.replace(field.group or "", "").replace(field.decimal, ".")
    if pa.types.is_decimal(kind):
        return Decimal(plain)
    return int(plain) if pa.types.is_integer(kind) else float(plain)


def _read_moment(field: Field, text: str) -> Any:
    kind = field.type
    whole: Any = date if pa.types.is_date(kind) else time if pa.types.is_time(kind) else datetime
    if not field.format:
        return whole.fromisoformat(text)
    for pattern in field.format:
        try:
            found = datetime.strptime(text, pattern)  # noqa: DTZ007 - patterns of types with a zone have %z
        except ValueError:
            continue
        return found.date() if whole is date else found.time() if whole is time else found
    raise ValueError(text)
