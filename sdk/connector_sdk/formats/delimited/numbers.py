"""Numbers as people write them (``1.234,50 €``, ``(7)``, ``12 %``) to values and back; whole columns at once."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import DataError
from connector_sdk.formats.delimited.casting import Bools, Text, cast_text
from connector_sdk.formats.layout import Field

__all__ = ["has_hexadecimal", "parse_numbers", "render_numbers", "unwritable"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_FLOAT = r"^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:nan|inf|infinity))$"
_INTEGER = r"^[+-]?\d+$"
_BLANK = r"[\s\p{Z}]*"
_DASH = "(?:--?|[–—])"
"""``12,-``: no cents, which is how prices without them are written. It is not a sign."""


def parse_numbers(field: Field, text: Text) -> tuple[pa.Array[Any], Bools | None]:
    kind = field.type
    text = _plain_sign(field, text)
    if field.group is not None:
        group, mark = re.escape(field.group), re.escape(field.decimal)
        grouped = rf"^[+-]?\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}}(?:{mark}\d*)?$"
        text = pc.if_else(pc.match_substring_regex(text, grouped), pc.replace_substring(text, field.group, ""), text)
    if field.decimal != ".":
        # A point that is left is no decimal mark here; "?" makes it no number either.
        text = pc.replace_substring(pc.replace_substring(text, ".", "?"), field.decimal, ".")
    if pa.types.is_integer(kind):
        text = pc.replace_substring_regex(text, r"^\+(\d)", r"\1")
        if has_hexadecimal(text):
            text = pc.replace_substring_regex(text, "[xX]", "?")  # Arrow takes 0x10 for 16
        return cast_text(text, kind, _INTEGER)
    return cast_text(text, kind, _FLOAT if pa.types.is_floating(kind) else _NUMBER)


def _plain_sign(field: Field, text: Text) -> Text:
    """Numbers without the marks at their ends, and with a minus in front if with any."""
    marks = "|".join(re.escape(mark) for mark in sorted(field.marks, key=len, reverse=True))

    def bare(text: Text) -> Text:
        if marks:
            text = pc.replace_substring_regex(text, rf"^([+-]?){_BLANK}(?:{marks}){_BLANK}(.)", r"\1\2")
            text = pc.replace_substring_regex(text, rf"(.){_BLANK}(?:{marks})(?:{_BLANK}(-))?$", r"\1\2")
        if pa.types.is_integer(field.type):
            return text
        return pc.replace_substring_regex(text, rf"(\d){re.escape(field.decimal)}{_DASH}$", r"\1")

    text = bare(text)
    if field.negative == "parentheses":
        text = bare(pc.replace_substring_regex(text, rf"^\({_BLANK}([^+-].*?){_BLANK}\)$", r"-\1"))
    elif field.negative == "trailing":
        text = pc.replace_substring_regex(text, rf"^([^+-].*?){_BLANK}-$", r"-\1")
    return text


def has_hexadecimal(text: Text) -> bool:
    """Whether there is a ``0x`` anywhere, which makes Arrow read a number as hexadecimal."""
    _, places, data = text.buffers()
    if data is None or not len(text):
        return False
    ends = np.frombuffer(places, dtype=np.int32)
    held = np.frombuffer(data, dtype=np.uint8)[ends[text.offset] : ends[text.offset + len(text)]]
    found = np.flatnonzero((held == ord("x")) | (held == ord("X")))
    return bool((held[found[found > 0] - 1] == ord("0")).any())


def render_numbers(field: Field, values: pa.Array[Any]) -> Text:
    kind = field.type
    if pa.types.is_decimal(kind) and kind.scale < 0:
        raise unwritable(field, "decimal type with a negative scale")
    text = (
        pa.array([None if v is None else f"{v:f}" for v in values.to_pylist()], pa.string())
        if _long(kind)
        else values.cast(pa.string())
    )
    if field.decimal != ".":
        text = pc.replace_substring(text, ".", field.decimal)
    if field.negative == "leading":
        return text
    return pc.replace_substring_regex(text, "^-(.*)$", r"(\1)" if field.negative == "parentheses" else r"\1-")


def _long(kind: pa.DataType) -> bool:
    """Arrow writes decimals smaller than 10⁻⁶ with an exponent, which people (and other readers) do not expect."""
    return pa.types.is_decimal(kind) and cast("Any", kind).scale > 6


def unwritable(field: Field, what: str) -> DataError:
    return DataError(f"field {field.name!r} has a {what}", hint="correct the data, or the field in the layout", code="unwritable")
