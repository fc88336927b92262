"""A value of a fixed-width field as its bytes, and back, the plain way: one at a time, without the SDK's decoder."""

from __future__ import annotations

from datetime import date, time
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Field, Layout, Place

from connector_sftp.plain_moments import moment_of, text_of

__all__ = ["EXACT", "place_of", "to_bytes", "value_of"]

EXACT = Context(prec=100)  # the default rounds to 28 digits, and columns have up to 76
_PLUS, _MINUS = "{ABCDEFGHI", "}JKLMNOPQR"
_ZONES = {
    **{0xC0 | n: (n, 1) for n in range(10)},
    **{0xD0 | n: (n, -1) for n in range(10)},
    **{0xF0 | n: (n, 1) for n in range(10)},
}


def place_of(field: Field) -> Place:
    assert field.place is not None
    return field.place


def to_bytes(layout: Layout, field: Field, value: Any) -> bytes:
    """A value in its place."""
    place, encoding = place_of(field), layout.encoding
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
        return text_of(field, value).ljust(place.length).encode(encoding)
    if isinstance(value, str):
        pad = place.pad if place.pad is not None else " "
        return (value.rjust(place.length, pad) if place.justify == "right" else value.ljust(place.length, pad or " ")).encode(
            encoding
        )
    if pa.types.is_floating(kind):
        return repr(value).rjust(place.length).encode(encoding)
    return _number(layout, field, Decimal(value))


def _number(layout: Layout, field: Field, value: Decimal) -> bytes:
    place, encoding = place_of(field), layout.encoding
    kind: Any = field.type
    pointed = pa.types.is_decimal(kind) and kind.scale and place.scale is None
    digits = (
        f"{value.copy_abs():.{kind.scale}f}".replace(".", field.decimal)
        if pointed
        else str(int(value.copy_abs().scaleb(place.scale or 0, EXACT)))
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


def value_of(layout: Layout, field: Field, raw: bytes) -> Any:
    """What bytes mean. Raises ValueError, ArithmeticError or KeyError when they mean nothing."""
    place = place_of(field)
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
        return moment_of(field, text.strip())
    if pa.types.is_floating(kind):
        return float(text)
    return _read_number(layout, field, raw, text)


def _read_number(layout: Layout, field: Field, raw: bytes, text: str) -> Any:
    place = place_of(field)
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
    number = Decimal(plain).scaleb(-(place.scale or 0), EXACT)
    number = number.copy_negate() if sign < 0 else number
    if pa.types.is_integer(kind):
        return int(number)
    if number.copy_abs() >= Decimal(10) ** (kind.precision - kind.scale):
        raise ValueError(text)
    return number
