"""A column of text to a column of values and back, by the notation of its field; whole columns at once."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from connector_sdk import types
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats.layout import Field
from connector_sdk.formats.moments import check_pattern, parse_moments, render_moments

__all__ = ["check_notation", "describe_type", "has_infinite", "is_binary", "is_plain", "is_text", "parse", "render"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

Bools = npt.NDArray[np.bool_]
Text = Any
"""A `pa.StringArray`; the stubs of pyarrow.compute say nothing about what comes out."""

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_FLOAT = r"^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:nan|inf|infinity))$"
_INTEGER = r"^[+-]?\d+$"
_REFUSED = re.compile(r"(?:Failed to parse string: |The string )'(.+)' (?:as a scalar|is not a valid)", re.DOTALL)
_ISO_TIMES = ("%H:%M:%S", "%H:%M:%S.%f", "%H:%M")


def is_text(kind: pa.DataType) -> bool:
    """Whether values of `kind` are text, for which the empty value and blanks mean something."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def check_notation(field: Field) -> None:
    """Raises ConfigError when values of the field's type have no notation in delimited text, or its format does not fit."""
    kind = field.type
    moment = pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_timestamp(kind)
    number = (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal128(kind) or pa.types.is_decimal256(kind)
    )
    if not (moment or number or is_text(kind) or pa.types.is_boolean(kind) or is_binary(kind)):
        raise ConfigError(f"field {field.name!r}: a value of type {kind} does not fit between delimiters", code="layout")
    if moment:
        for pattern in field.format:
            check_pattern(pattern, kind)
    elif field.format and not (is_binary(kind) and field.format in (("base64",), ("hex",))):
        raise ConfigError(
            f"field {field.name!r}: a {describe_type(kind)} has no format {', '.join(field.format)}",
            hint="formats are for dates, times and binary (base64 or hex)",
            code="layout",
        )


def describe_type(kind: pa.DataType) -> str:
    """The type as layouts name it."""
    return types.to_text(kind)


def parse(field: Field, raw: Any) -> tuple[pa.Array[Any], dict[int, str]]:
    """`raw` (UTF-8 bytes; null: unquoted empty) as values of the field, and by row which are bad: ``encoding`` or ``type``.

    Bad values are null among the others. Only text keeps its blanks; elsewhere they are trimmed, and what is then empty or
    one of the field's words for null is null.
    """
    if is_plain(field):
        found = _plainly(field, raw)
        if found is not None and not has_infinite(found[0]):
            return found
    text, bad = _decode(raw)
    if is_text(field.type):
        return text.cast(field.type), bad
    values, refused = _carefully(field, text)
    if has_infinite(values):
        # Arrow makes 1e400 infinite; only the word is. The others are beyond the type, and bad.
        beyond = pc.and_(pc.is_inf(values), pc.invert(pc.match_substring(pc.utf8_lower(text), "inf")))
        beyond = pc.fill_null(beyond, False)
        refused = _mask(beyond, truth=True) | (False if refused is None else refused)
        values = pc.if_else(beyond, pa.scalar(None, values.type), values)
    for row in () if refused is None else np.flatnonzero(refused):
        bad[int(row)] = "type"
    return values, bad


def _plainly(field: Field, raw: Any) -> tuple[pa.Array[Any], dict[int, str]] | None:
    """Arrow's own conversion, a few bad values aside; None when they are many, or only written in another way than Arrow's."""
    text = raw.view(pa.string())  # not checked for UTF-8: what Arrow makes a number or a date of is ASCII
    good: dict[int, Any] = {}
    bad: dict[int, str] = {}
    stretches = [(0, len(text))]
    while stretches:
        start, stop = stretches.pop()
        try:
            good[start] = text[start:stop].cast(field.type)
            continue
        except pa.ArrowInvalid as error:
            told = _REFUSED.match(str(error))
        word = told[1] if told else ""
        plain = word.isascii() and word == word.strip() and word[:1] not in ("", "+")
        row = pc.index(text[start:stop], word).as_py() if plain and len(bad) < 16 else -1
        if row < 0:
            return None
        bad[start + row] = "type"
        stretches += [(start, start + row), (start + row + 1, stop)]
    if not bad:
        return good[0], bad
    nothing = pa.array([None], field.type)
    pieces = good | dict.fromkeys(bad, nothing)  # a stretch may be empty, a bad row in its place then
    return pa.concat_arrays([pieces[start] for start in sorted(pieces)]), bad


def _decode(raw: Any) -> tuple[Text, dict[int, str]]:
    try:
        return raw.cast(pa.string()), {}
    except pa.ArrowInvalid:
        pass
    words = raw.to_pylist()
    bad = {}
    for row, word in enumerate(words):
        try:
            if word is not None:
                word.decode()
        except UnicodeDecodeError:
            bad[row], words[row] = "encoding", None
    return pa.array(words, pa.binary()).cast(pa.string()), bad


def _carefully(field: Field, text: Text) -> tuple[pa.Array[Any], Bools | None]:
    """Text as values by the field's notation, and a mask of what is none (None: there is no such value)."""
    kind = field.type
    text = pc.utf8_trim_whitespace(text)
    nothing = pc.equal(text, "")
    if field.null:
        nothing = pc.or_(nothing, pc.is_in(text, pa.array(field.null)))
    text = pc.if_else(nothing, pa.scalar(None, pa.string()), text)
    if pa.types.is_boolean(kind):
        values = pc.if_else(
            pc.is_in(text, pa.array(field.true)), True, pc.if_else(pc.is_in(text, pa.array(field.false)), False, None)
        ).cast(pa.bool_())
        values = pc.if_else(text.is_valid(), values, None).cast(pa.bool_())
        return values, _lost(text, values)
    if is_binary(kind):
        return _unpack(field, text)
    if pa.types.is_temporal(kind):
        patterns = field.format or (_ISO_TIMES if pa.types.is_time(kind) else ())
        return _moments(text, patterns, kind) if patterns else _cast(text, kind, None)
    return _numbers(field, text)


def _numbers(field: Field, text: Text) -> tuple[pa.Array[Any], Bools | None]:
    kind = field.type
    if field.group is not None:
        group, mark = re.escape(field.group), re.escape(field.decimal)
        grouped = rf"^[+-]?\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}}(?:{mark}\d*)?$"
        text = pc.if_else(pc.match_substring_regex(text, grouped), pc.replace_substring(text, field.group, ""), text)
    if field.decimal != ".":
        # A point that is left is no decimal mark here; "?" makes it no number either.
        text = pc.replace_substring(pc.replace_substring(text, ".", "?"), field.decimal, ".")
    if pa.types.is_integer(kind):
        text = pc.replace_substring_regex(text, r"^\+(\d)", r"\1")
        return _cast(text, kind, _INTEGER)
    return _cast(text, kind, _FLOAT if pa.types.is_floating(kind) else _NUMBER)


def _moments(text: Text, patterns: tuple[str, ...], kind: pa.DataType) -> tuple[pa.Array[Any], Bools | None]:
    values, bad = parse_moments(text, patterns[0], kind)
    for pattern in patterns[1:]:
        if not bad.any():
            break
        others, bad = parse_moments(text, pattern, kind)
        values = pc.coalesce(values, others)
        bad = _mask(text) & ~_mask(values)
    return values, bad if bad.any() else None


def _cast(text: Text, kind: pa.DataType, shape: str | None) -> tuple[pa.Array[Any], Bools | None]:
    """Arrow's own conversion; when it refuses, the values it refuses are looked for by `shape` first, then by halving."""
    try:
        return text.cast(kind), None
    except pa.ArrowInvalid:
        pass
    bad = np.zeros(len(text), dtype=bool)
    if shape is not None:
        bad |= ~_mask(pc.fill_null(pc.match_substring_regex(text, shape), True), truth=True)
        text = _without(text, bad)
    _halve(text, kind, 0, bad)
    return _without(text, bad).cast(kind), bad


def _halve(text: Text, kind: pa.DataType, start: int, bad: Bools) -> None:
    try:
        text.cast(kind)
    except pa.ArrowInvalid:
        if len(text) == 1:
            bad[start] = True
            return
        half = len(text) // 2
        _halve(text[:half], kind, start, bad)
        _halve(text[half:], kind, start + half, bad)


def _without(text: Text, bad: Bools) -> Text:
    return pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), text)


def _mask(values: Any, *, truth: bool = False) -> Bools:
    return np.array((values if truth else values.is_valid()).to_numpy(zero_copy_only=False), dtype=bool)


def _lost(text: Text, values: Any) -> Bools | None:
    """Which values there were and are not any more."""
    if values.null_count == text.null_count:
        return None
    return _mask(text) & ~_mask(values)


def is_plain(field: Field) -> bool:
    """Whether Arrow's own conversions understand the field's notation (a leading plus and blanks around it aside)."""
    kind = field.type
    other = is_text(kind) or is_binary(kind) or pa.types.is_boolean(kind) or pa.types.is_time(kind)
    return not (other or field.null or field.format or field.group is not None or field.decimal != ".")


def has_infinite(values: Any) -> bool:
    """Whether there are infinite numbers in a column: its text has to say whether they were meant."""
    return pa.types.is_floating(values.type) and bool(pc.any(pc.is_inf(values), min_count=0).as_py())


def is_binary(kind: pa.DataType) -> bool:
    """Whether values of `kind` are bytes, which are written in base64 or hex."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _unpack(field: Field, text: Text) -> tuple[pa.Array[Any], Bools | None]:
    decode = bytes.fromhex if field.format == ("hex",) else lambda word: base64.b64decode(word, validate=True)
    width = field.type.byte_width if pa.types.is_fixed_size_binary(field.type) else None
    values: list[bytes | None] = []
    bad = np.zeros(len(text), dtype=bool)
    for row, word in enumerate(text.to_pylist()):
        try:
            value = None if word is None else decode(word)
        except (ValueError, binascii.Error):
            value, bad[row] = None, True
        if value is not None and width is not None and len(value) != width:
            value, bad[row] = None, True
        values.append(value)
    return pa.array(values, field.type), bad if bad.any() else None


def render(field: Field, values: pa.Array[Any]) -> Text:
    """`values` as text that :func:`parse` reads back as the same values; null stays null. Nothing is quoted yet.

    Raises DataError naming the field when a value has no notation (a year past 9999, a word that means null).
    """
    kind = field.type
    if is_text(kind):
        return values.cast(pa.large_string())
    if pa.types.is_boolean(kind):
        text = pc.if_else(values, field.true[0], field.false[0])
    elif is_binary(kind):
        encode = bytes.hex if field.format == ("hex",) else lambda value: base64.b64encode(value).decode()
        text = pa.array([None if value is None else encode(value) for value in values.to_pylist()], pa.string())
        if pc.any(pc.equal(text, "")).as_py():
            raise _unwritable(field, "empty binary value, which would be read as null")
    elif pa.types.is_temporal(kind):
        text = _render_temporal(field, values)
    else:
        text = _render_number(field, values)
    if field.null and pc.any(pc.is_in(text, pa.array(field.null))).as_py():
        raise _unwritable(field, f"value written like one of its words for null ({', '.join(field.null)})")
    return text.cast(pa.large_string())


def _render_temporal(field: Field, values: pa.Array[Any]) -> Text:
    kind = field.type
    if not pa.types.is_time(kind):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            values = values.cast(pa.timestamp(kind.unit, "UTC"))
        naive = values.cast(pa.timestamp(kind.unit)) if pa.types.is_timestamp(kind) else values.cast(pa.date32())
        years = pc.min_max(pc.year(naive)).as_py()
        if years["min"] is not None and not (years["min"] >= 1 and years["max"] <= 9999):
            raise _unwritable(field, "date outside the years 1 to 9999")
    if not field.format:
        return values.cast(pa.string())
    text = render_moments(values, field.format[0])
    back, bad = _moments(text, field.format[:1], kind)
    if bad is not None or not back.equals(values.cast(kind)):
        raise _unwritable(field, f"value with more in it than {field.format[0]} can write")
    return text


def _render_number(field: Field, values: pa.Array[Any]) -> Text:
    kind = field.type
    if pa.types.is_decimal(kind) and kind.scale < 0:
        raise _unwritable(field, "decimal type with a negative scale")
    text = (
        pa.array([None if v is None else f"{v:f}" for v in values.to_pylist()], pa.string())
        if _long(kind)
        else values.cast(pa.string())
    )
    return text if field.decimal == "." else pc.replace_substring(text, ".", field.decimal)


def _long(kind: pa.DataType) -> bool:
    """Arrow writes decimals smaller than 10⁻⁶ with an exponent, which people (and other readers) do not expect."""
    return pa.types.is_decimal(kind) and cast("Any", kind).scale > 6


def _unwritable(field: Field, what: str) -> DataError:
    return DataError(f"field {field.name!r} has a {what}", hint="correct the data, or the field in the layout", code="unwritable")
