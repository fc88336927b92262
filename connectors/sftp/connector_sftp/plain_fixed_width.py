"""Fixed width made and read the plain way, a value at a time: how the simulator knows the truth without the SDK's decoder."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Check, Field, Layout, Place, Record
from connector_sdk.formats.layout.fixed_width import LINE_ENDS

__all__ = ["cut_off", "raw", "read", "record", "sample", "write"]

Row = Mapping[str, Any]

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - zones are added where the type has one
TEXTS = ("Ada", "Grace Hopper", "said yes", "semi;colon, comma", "x" * 60, "Müller & Sohn", "007", "inner  blanks", "N/A")
_EXACT = Context(prec=100)  # the default rounds to 28 digits, and columns have up to 76
_PLUS, _MINUS = "{ABCDEFGHI", "}JKLMNOPQR"
_ZONES = {
    **{0xC0 | n: (n, 1) for n in range(10)},
    **{0xD0 | n: (n, -1) for n in range(10)},
    **{0xF0 | n: (n, 1) for n in range(10)},
}


def sample(layout: Layout, number: int, rng: random.Random) -> dict[str, Any]:
    """The row `number`, plausible; its keys follow from `number`. Every value of it can be written in `layout`."""
    return {field.name: _sample(layout, field, number, rng) for field in layout.fields}


def write(layout: Layout, records: Sequence[bytes]) -> bytes:
    """A whole file: its header, `records` as :func:`record` makes them, and a trailer that adds up."""
    form = layout.fixed_width
    parts = [_control(layout, each, records) for each in form.records if each.role == "header"]
    parts += records
    parts += [_control(layout, each, records) for each in form.records if each.role == "trailer"]
    return b"".join(parts)


def record(layout: Layout, row: Row, **instead: str) -> bytes:
    """One row of a stream as it stands in a file, its line end included; `instead` has the text of values that are none."""
    values = {field.name: _bytes(layout, field, row[field.name]) for field in layout.fields}
    for name, text in instead.items():
        place = _place(next(field for field in layout.fields if field.name == name))
        values[name] = text.encode(layout.encoding)[: place.length].ljust(place.length, b"?")
    return _record(layout, _own(layout), values)


def cut_off(layout: Layout, whole: bytes) -> bytes:
    """A record without its last field, and what comes after."""
    end = _end(layout)
    return whole[: max(_place(field).offset for field in layout.fields)] + end


def raw(layout: Layout, whole: bytes) -> bytes:
    """A record without its line end."""
    end = _end(layout)
    return whole.removesuffix(end) if end else whole


def read(layout: Layout, content: bytes) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The rows of a file with their record's name, without those that cannot be understood."""
    for found in _split(layout, content):
        own = next((each for each in _records(layout) if _is(layout, each, found)), None)
        if own is None or own.role != "data" or len(found) != _length(layout, own):
            continue
        try:
            row = {field.name: _value(layout, field, found[_place(field).offset : _place(field).end]) for field in own.fields}
        except (ValueError, ArithmeticError, KeyError):
            continue
        if all(field.nullable or row[field.name] is not None for field in own.fields):
            yield own.name if layout.fixed_width.records else None, row


# --- records


def _records(layout: Layout) -> tuple[Record, ...]:
    return layout.fixed_width.records or (Record(name=layout.name, fields=layout.fields),)


def _own(layout: Layout) -> Record:
    form = layout.fixed_width
    return next(each for each in _records(layout) if form.record in (None, each.name))


def _length(layout: Layout, own: Record) -> int:
    form = layout.fixed_width
    if form.framing == "none":
        places = [_place(field).end for each in _records(layout) for field in each.fields]
        return max([form.length, *places, *(each.length for each in _records(layout))])
    return own.length or form.length or max(_place(field).end for field in own.fields)


def _end(layout: Layout) -> bytes:
    form = layout.fixed_width
    return b"" if form.framing == "none" else LINE_ENDS[form.line_end].encode(layout.encoding)


def _record(layout: Layout, own: Record, values: Mapping[str, bytes]) -> bytes:
    out = bytearray(" ".encode(layout.encoding) * _length(layout, own))
    for field in own.fields:
        out[_place(field).offset : _place(field).end] = values[field.name]
    if own.when is not None:
        when = own.when
        out[when.start - 1 : when.end] = when.value[0].ljust(when.length).encode(layout.encoding)
    return bytes(out) + _end(layout)


def _control(layout: Layout, own: Record, records: Sequence[bytes]) -> bytes:
    checks = {check.field: check for check in own.checks}
    values = {}
    for field in own.fields:
        place, total = _place(field), None
        if field.name in checks:
            total = _total(layout, field, checks[field.name], records)
        if total is None and place.value is not None:
            values[field.name] = place.value.encode(layout.encoding).ljust(place.length, " ".encode(layout.encoding))
        else:
            values[field.name] = _bytes(layout, field, total)
    return _record(layout, own, values)


def _total(layout: Layout, field: Field, check: Check, records: Sequence[bytes]) -> Any:
    controls = [each for each in _records(layout) if each.role != "data"]
    found = Decimal(sum(each.name in check.counts for each in controls))
    for whole in records:
        own = next(each for each in _records(layout) if _is(layout, each, whole))
        found += own.name in check.counts
        for of, name in check.totals:
            if of == own.name:
                added = next(each for each in own.fields if each.name == name)
                value = _value(layout, added, whole[_place(added).offset : _place(added).end])
                found = _EXACT.add(found, Decimal(value or 0))
    if check.hashes:
        place = _place(field)
        digits = place.length - (place.sign in ("leading", "trailing")) - (place.scale or 0)
        found = _EXACT.remainder(found, Decimal(10) ** digits)
    return found if pa.types.is_decimal(field.type) else int(found)


def _split(layout: Layout, content: bytes) -> Iterator[bytes]:
    if layout.fixed_width.framing == "none":
        length = _length(layout, _records(layout)[0])
        yield from (content[at : at + length] for at in range(0, len(content), length))
        return
    feed = "\n".encode(layout.encoding)
    for line in content.replace("\x85".encode(layout.encoding), feed).split(feed) if feed != b"\n" else content.split(feed):
        if line.removesuffix(b"\r"):
            yield line.removesuffix(b"\r")


def _is(layout: Layout, own: Record, raw: bytes) -> bool:
    when = own.when
    return when is None or raw[when.start - 1 : when.end].decode(layout.encoding, "replace").rstrip() in [
        v.rstrip() for v in when.value
    ]


def _place(field: Field) -> Place:
    assert field.place is not None
    return field.place


# --- values


def _bytes(layout: Layout, field: Field, value: Any) -> bytes:
    """A value in its place."""
    place, encoding = _place(field), layout.encoding
    kind: Any = field.type
    if value is None:
        word = (place.blank or ("spaces",))[0] if place.blank != () else None
        if word in ("low-values", "high-values"):
            return (b"\x00" if word == "low-values" else b"\xff") * place.length
        text = {"spaces": "", "zeros": "0" * place.length}.get(word or "", field.null[0] if field.null else "")
        return text.ljust(place.length).encode(encoding)
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return (field.true if value else field.false)[0].ljust(place.length).encode(encoding)
    if isinstance(value, date | time):
        return value.strftime(field.format[0]).ljust(place.length).encode(encoding)
    if isinstance(value, str):
        pad = place.pad if place.pad is not None else " "
        return (value.rjust(place.length, pad) if place.justify == "right" else value.ljust(place.length, pad or " ")).encode(
            encoding
        )
    if pa.types.is_floating(kind):
        return repr(value).rjust(place.length).encode(encoding)
    return _number(layout, field, Decimal(value))


def _number(layout: Layout, field: Field, value: Decimal) -> bytes:
    place, encoding = _place(field), layout.encoding
    kind: Any = field.type
    pointed = pa.types.is_decimal(kind) and kind.scale and place.scale is None
    digits = (
        f"{value.copy_abs():.{kind.scale}f}".replace(".", field.decimal)
        if pointed
        else str(int(value.copy_abs().scaleb(place.scale or 0, _EXACT)))
    )
    width = place.length - (place.sign in ("leading", "trailing"))
    pad = " " if place.pad == " " or place.justify == "left" else "0"
    minus = "-" if value < 0 and place.sign == "free" else ""
    body = minus + digits.zfill(width - len(minus)) if pad == "0" else minus + digits
    body = body.ljust(width) if place.justify == "left" else body.rjust(width)
    sign = "-" if value < 0 else "+" if place.plus else " "
    if place.sign in ("leading", "trailing"):
        body = sign + body if place.sign == "leading" else body + sign
    if not place.sign.endswith("overpunch"):
        return body.encode(encoding)
    at = len(body.rstrip()) - 1 if place.sign == "overpunch" else len(body) - len(body.lstrip())
    digit = int(body[at])
    if "0".encode(encoding) == b"\xf0":
        data = bytearray(body.encode(encoding))
        data[at] = digit | (0xD0 if value < 0 else 0xC0 if place.plus else 0xF0)
        return bytes(data)
    punched = _MINUS[digit] if value < 0 else _PLUS[digit] if place.plus else str(digit)
    return (body[:at] + punched + body[at + 1 :]).encode(encoding)


def _value(layout: Layout, field: Field, raw: bytes) -> Any:
    """What bytes mean. Raises ValueError, ArithmeticError or KeyError when they mean nothing."""
    place = _place(field)
    kind: Any = field.type
    text_kind = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    blank = place.blank if place.blank is not None else () if binary else ("spaces", "low-values")
    fills = {
        "spaces": " ".encode(layout.encoding),
        "zeros": "0".encode(layout.encoding),
        "low-values": b"\x00",
        "high-values": b"\xff",
    }
    if not text_kind or field.nullable:
        if raw in [fills[word] * place.length for word in blank]:
            return None
        if field.null and raw.decode(layout.encoding, "replace").strip() in field.null:
            return None
    if binary:
        return raw
    text = raw.decode(layout.encoding)
    if text_kind:
        pad = place.pad if place.pad is not None else " "
        return text.lstrip(pad) if place.justify == "right" else text.rstrip(pad) if pad else text
    if pa.types.is_boolean(kind):
        return {**dict.fromkeys(field.true, True), **dict.fromkeys(field.false, False)}[text.strip()]
    if pa.types.is_temporal(kind):
        return _moment(field, text.strip())
    if pa.types.is_floating(kind):
        return float(text)
    return _read_number(layout, field, raw, text)


def _read_number(layout: Layout, field: Field, raw: bytes, text: str) -> Any:
    place = _place(field)
    kind: Any = field.type
    sign = 1
    body = text.strip() if place.sign not in ("leading", "trailing") else text
    if place.sign in ("leading", "trailing"):
        mark, body = (body[0], body[1:]) if place.sign == "leading" else (body[-1], body[:-1])
        sign = {"+": 1, "-": -1, " ": 1}[mark]
    elif place.sign.endswith("overpunch"):
        stripped = raw.strip(" ".encode(layout.encoding))
        at = -1 if place.sign == "overpunch" else 0
        if "0".encode(layout.encoding) == b"\xf0":
            digit, sign = _ZONES[stripped[at]]
        else:
            letter = body[at]
            digit = int(letter) if letter.isdigit() else (_PLUS + _MINUS).index(letter) % 10
            sign = -1 if letter in _MINUS else 1
        body = body[:-1] + str(digit) if at else str(digit) + body[1:]
    body = body.strip()
    if place.sign == "free" and body[:1] in ("+", "-"):
        sign, body = -1 if body[0] == "-" else 1, body[1:]
    plain = body.replace(field.group or "\0", "").replace(field.decimal, ".") if place.scale is None else body
    if not plain.replace(".", "", 1 if pa.types.is_decimal(kind) and place.scale is None else 0).isdigit() or not plain.isascii():
        raise ValueError(text)
    number = Decimal(plain).scaleb(-(place.scale or 0), _EXACT)
    number = number.copy_negate() if sign < 0 else number
    if pa.types.is_integer(kind):
        return int(number)
    if number.copy_abs() >= Decimal(10) ** (kind.precision - kind.scale):
        raise ValueError(text)
    return number


def _moment(field: Field, text: str) -> Any:
    kind: Any = field.type
    for pattern in field.format:
        try:
            found = datetime.strptime(text, pattern)  # noqa: DTZ007 - patterns of types with a zone have %z
        except ValueError:
            continue
        return found.date() if pa.types.is_date(kind) else found.time() if pa.types.is_time(kind) else found
    raise ValueError(text)


def _sample(layout: Layout, field: Field, number: int, rng: random.Random) -> Any:
    place = _place(field)
    kind: Any = field.type
    key = field.name in layout.keys
    told = _told(layout, field)
    if told is not None:
        return _value(layout, field, told)
    nothing = field.nullable and not key and (place.blank != () or bool(field.null)) and rng.random() < 0.1
    if nothing and not pa.types.is_binary(kind):
        return None
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _sample_number(field, number if key else None, _room_for_sums(layout, field), rng)
    if pa.types.is_floating(kind):
        return float(number % 1000) if key else rng.randrange(4096) / 8
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_temporal(kind):
        moment = EPOCH + (timedelta(days=number) if key else timedelta(seconds=rng.randrange(10**7)))
        moment = moment.replace(tzinfo=UTC) if getattr(kind, "tz", None) else moment
        return _moment(field, moment.strftime(field.format[0]))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return rng.randbytes(place.length) if not key else str(number).zfill(place.length)[-place.length :].encode()
    return _sample_text(layout, field, number if key else None, rng)


def _told(layout: Layout, field: Field) -> bytes | None:
    """The bytes of a field that is what tells its record's type."""
    when, place = _own(layout).when, _place(field)
    if when is None or place.offset < when.start - 1 or place.end > when.end:
        return None
    return when.value[0].ljust(when.length).encode(layout.encoding)[place.offset - when.start + 1 :][: place.length]


def _room_for_sums(layout: Layout, field: Field) -> int | None:
    """The most that a value may be, in its smallest unit, such that a few thousand of them still fit the sum in a trailer."""
    own = _own(layout).name
    rooms = []
    for control in layout.fixed_width.records:
        for check in control.checks:
            if f"{own}.{field.name}" in check.sums:
                place = _place(next(each for each in control.fields if each.name == check.field))
                digits = place.length - (place.sign in ("leading", "trailing", "free")) - (place.scale or 0)
                rooms.append(10 ** max(digits + (_place(field).scale or 0) - 4, 0))
    return min(rooms, default=None)


def _sample_number(field: Field, number: int | None, most_of_all: int | None, rng: random.Random) -> Any:
    place = _place(field)
    kind: Any = field.type
    decimal = pa.types.is_decimal(kind)
    pointed = decimal and kind.scale > 0 and place.scale is None
    digits = (
        place.length
        - (place.sign in ("leading", "trailing", "free"))
        - (1 + max(0, kind.scale - place.length + 3) if pointed else 0)
    )
    scale = kind.scale if pointed else place.scale or 0
    most = 10 ** max(digits, 1) - 1 if digits > 0 else 9
    room = 10 ** (kind.precision - kind.scale + scale) if decimal else 2 ** (kind.bit_width - 1)
    most = min(most, room - 1) if most_of_all is None else min(most, room - 1, most_of_all)
    signed = place.sign != "none" and not pa.types.is_unsigned_integer(kind) and digits > 0
    chosen = number % (most + 1) if number is not None else rng.choice((0, 1, most, rng.randrange(min(most, 10**6) + 1)))
    chosen = -chosen if signed and number is None and rng.random() < 0.3 else chosen
    return Decimal(chosen).scaleb(-scale, _EXACT).quantize(Decimal(1).scaleb(-kind.scale), context=_EXACT) if decimal else chosen


def _sample_text(layout: Layout, field: Field, number: int | None, rng: random.Random) -> str:
    place = _place(field)
    pad = place.pad if place.pad is not None else " "
    if number is not None:
        return (
            str(number).zfill(place.length)[-place.length :]
            if pad != "0"
            else str(number).ljust(place.length, "x")[: place.length]
        )
    text = rng.choice(TEXTS)
    try:
        text.encode(layout.encoding)
    except UnicodeEncodeError:
        text = "Ada"
    while len(text.encode(layout.encoding)) > place.length:
        text = text[:-1]
    text = text.strip(pad) if pad else text.ljust(place.length, "x")
    return text if text.strip() and text not in field.null else "x"
