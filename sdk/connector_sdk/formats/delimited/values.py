"""A column of text to a column of values and back, by the notation of its field; whole columns at once."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_sdk import types
from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited.casting import Bools, Text, cast_text, mask
from connector_sdk.formats.delimited.numbers import has_hexadecimal, parse_numbers, render_numbers, unwritable
from connector_sdk.formats.layout import Field
from connector_sdk.formats.moments import check_pattern, parse_moments, render_moments

__all__ = ["check_notation", "describe_type", "has_infinite", "is_binary", "is_plain", "is_text", "parse", "render"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

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
    if (field.marks or field.negative != "leading") and not number:
        raise ConfigError(
            f"field {field.name!r}: a {describe_type(kind)} has no marks and no sign", hint="only numbers have", code="layout"
        )
    if moment:
        for pattern in field.format:
            check_pattern(pattern, _clock(field))
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
        refused = mask(beyond, truth=True) | (False if refused is None else refused)
        values = pc.if_else(beyond, pa.scalar(None, values.type), values)
    for row in () if refused is None else np.flatnonzero(refused):
        bad[int(row)] = "type"
    return values, bad


def _plainly(field: Field, raw: Any) -> tuple[pa.Array[Any], dict[int, str]] | None:
    """Arrow's own conversion, a few bad values aside; None when they are many, or only written in another way than Arrow's."""
    text = raw.view(pa.string())  # not checked for UTF-8: what Arrow makes a number or a date of is ASCII
    if pa.types.is_integer(field.type) and has_hexadecimal(text):
        return None
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
        plain = word.isascii() and word == word.strip() and word[:1] not in ("", "+") and word[-1:] != "-"
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
        clock = _clock(field)
        values, bad = _moments(text, patterns, clock) if patterns else cast_text(text, clock, None)
        return (values, bad) if field.zone is None else _placed(values, bad, field.zone, kind)
    return parse_numbers(field, text)


def _clock(field: Field) -> pa.DataType:
    """What the text of a moment says: for a field with a zone, the time of a clock there."""
    kind = field.type
    return kind if field.zone is None else pa.timestamp(cast("Any", kind).unit)


def _placed(clock: Any, bad: Bools | None, zone: str, kind: pa.DataType) -> tuple[pa.Array[Any], Bools | None]:
    """Times of a clock in `zone` as instants; what that clock never showed, or is in no year from 1 to 9999, is bad."""
    placed = pc.assume_timezone(clock, zone, ambiguous="earliest", nonexistent="earliest")
    year = pc.year(placed.cast(kind))
    skipped = pc.or_(pc.not_equal(pc.local_timestamp(placed), clock), pc.or_(pc.less(year, 1), pc.greater(year, 9999)))
    skipped = pc.fill_null(skipped, False)
    if pc.any(skipped, min_count=0).as_py():
        placed = pc.if_else(skipped, pa.scalar(None, placed.type), placed)
        bad = mask(skipped, truth=True) | (False if bad is None else bad)
    return placed.cast(kind), bad


def _moments(text: Text, patterns: tuple[str, ...], kind: pa.DataType) -> tuple[pa.Array[Any], Bools | None]:
    values, bad = parse_moments(text, patterns[0], kind)
    for pattern in patterns[1:]:
        if not bad.any():
            break
        others, bad = parse_moments(text, pattern, kind)
        values = pc.coalesce(values, others)
        bad = mask(text) & ~mask(values)
    return values, bad if bad.any() else None


def _lost(text: Text, values: Any) -> Bools | None:
    """Which values there were and are not any more."""
    if values.null_count == text.null_count:
        return None
    return mask(text) & ~mask(values)


def is_plain(field: Field) -> bool:
    """Whether Arrow's own conversions understand the field's notation (a leading plus and blanks around it aside)."""
    kind = field.type
    other = is_text(kind) or is_binary(kind) or pa.types.is_boolean(kind) or pa.types.is_time(kind)
    written = field.null or field.format or field.group is not None or field.decimal != "."
    return not (other or written or field.zone is not None or field.marks or field.negative != "leading")


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
            raise unwritable(field, "empty binary value, which would be read as null")
    elif pa.types.is_temporal(kind):
        text = _render_temporal(field, values)
    else:
        text = render_numbers(field, values)
    if field.null and pc.any(pc.is_in(text, pa.array(field.null))).as_py():
        raise unwritable(field, f"value written like one of its words for null ({', '.join(field.null)})")
    return text.cast(pa.large_string())


def _render_temporal(field: Field, values: pa.Array[Any]) -> Text:
    kind = field.type
    if not pa.types.is_time(kind):
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            values = values.cast(pa.timestamp(kind.unit, field.zone or "UTC"))
        if field.zone is not None:
            instants, values = values, pc.local_timestamp(values)
            if not _placed(values, None, field.zone, kind)[0].equals(instants.cast(kind)):
                raise unwritable(
                    field, f"time that the clock of {field.zone} shows twice, which would be read as the earlier one"
                )
        naive = values.cast(pa.timestamp(kind.unit)) if pa.types.is_timestamp(kind) else values.cast(pa.date32())
        years = pc.min_max(pc.year(naive)).as_py()
        if years["min"] is not None and not (years["min"] >= 1 and years["max"] <= 9999):
            raise unwritable(field, "date outside the years 1 to 9999")
    if not field.format:
        return values.cast(pa.string())
    text = render_moments(values, field.format[0])
    clock = _clock(field)
    back, bad = _moments(text, field.format[:1], clock)
    if bad is not None or not back.equals(values.cast(clock)):
        raise unwritable(field, f"value with more in it than {field.format[0]} can write")
    return text
