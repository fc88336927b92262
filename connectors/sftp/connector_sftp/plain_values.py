"""Values of delimited fields as texts and back, the plain way: one at a time, without the SDK's decoder."""

from __future__ import annotations

import base64
from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Field

from connector_sftp.plain_moments import moment_of, text_of

__all__ = ["is_text", "to_text", "value_of"]


def is_text(kind: pa.DataType) -> bool:
    """Whether values of `kind` are text: only there blanks count, and quotes."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def to_text(field: Field, value: Any) -> str | None:
    """A value in the field's notation, marks and all; None is nothing at all."""
    if value is None:
        return None
    if isinstance(value, bool):
        return (field.true if value else field.false)[0]
    if isinstance(value, bytes):
        return value.hex() if field.format == ("hex",) else base64.b64encode(value).decode()
    if isinstance(value, date | time):
        return text_of(field, value)
    if isinstance(value, Decimal | float | int):
        return _number(field, value)
    return str(value)


def value_of(field: Field, text: str, *, quoted: bool) -> Any:
    """What a text means. Raises ValueError, ArithmeticError or KeyError when it means nothing."""
    kind: Any = field.type
    if is_text(kind):
        return None if not quoted and (not text or text in field.null) else text
    text = text.strip()
    if not text or text in field.null:
        return None
    if pa.types.is_boolean(kind):
        return {**dict.fromkeys(field.true, True), **dict.fromkeys(field.false, False)}[text]
    if pa.types.is_temporal(kind):
        return moment_of(field, text)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return bytes.fromhex(text) if field.format == ("hex",) else base64.b64decode(text, validate=True)
    plain = _plain_number(field, text).replace(field.group or "", "").replace(field.decimal, ".")
    if "_" in plain:
        raise ValueError(text)  # Python's own notation
    if pa.types.is_decimal(kind):
        return Decimal(plain)
    return int(plain) if pa.types.is_integer(kind) else float(plain)


def _number(field: Field, value: Decimal | float) -> str:
    plain = f"{value.copy_abs():f}" if isinstance(value, Decimal) else repr(abs(value))  # `abs` would round to 28 digits
    if field.group is not None and "e" not in plain:
        plain = f"{Decimal(plain):,f}"
    plain = plain.translate({ord(","): field.group, ord("."): field.decimal})
    if value < 0:
        plain = {"leading": f"-{plain}", "trailing": f"{plain}-", "parentheses": f"({plain})"}[field.negative]
    if not field.marks:
        return plain
    # As people write them: before or after, with a blank or without.
    mark, blank = field.marks[len(plain) % len(field.marks)], " " * (len(plain) % 2)
    return f"{mark}{blank}{plain}" if len(plain) % 3 else f"{plain}{blank}{mark}"


def _plain_number(field: Field, text: str) -> str:
    """`text` without marks, its sign in front."""
    text = _bare(field, text)
    if field.negative == "parentheses" and text.startswith("(") and text.endswith(")"):
        inside = text[1:-1].strip()
        return text if inside[:1] in ("+", "-") else f"-{_bare(field, inside)}"
    if field.negative == "trailing" and text.endswith("-") and text[:1] not in ("+", "-"):
        return f"-{_bare(field, text[:-1].rstrip())}"
    return text


def _bare(field: Field, text: str) -> str:
    sign, rest = (text[0], text[1:].lstrip()) if text[:1] in ("+", "-") else ("", text)
    marks = sorted(field.marks, key=len, reverse=True)
    front = next((mark for mark in marks if rest.startswith(mark) and len(rest) > len(mark)), "")
    rest = rest[len(front) :].lstrip()
    back = next((mark for mark in marks if rest.endswith(mark) and len(rest) > len(mark)), "")
    return sign + rest[: len(rest) - len(back)].rstrip()
