"""A column of bytes to a column of values, by the notation of its field; whole columns at once, and never a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from connector_sdk.formats.fixed_width.code_page import Bools, Bytes, bits, buffer, strings
from connector_sdk.formats.fixed_width.digits import Magnitudes, decimals, magnitudes, small
from connector_sdk.formats.fixed_width.notation import DIRECTIVES, Notation
from connector_sdk.formats.moments import DIGITS, days_since_1970, month_length, parse_moments, tokens

__all__ = ["Column", "parse"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does
Ints = npt.NDArray[np.int64]

_EXACT = 18
"""Digits that always fit 64 bits."""


@dataclass(frozen=True)
class Column:
    """The values of a column, null where they are bad; `bad` says which, and `code` in what way: ``type`` or ``encoding``."""

    values: Any
    bad: Bools | None = None
    code: str = "type"


def parse(notation: Notation, raw: Bytes, plain: Bytes, *, is_ascii: bool) -> Column:
    """The values in `raw`, the bytes of the field in each record, whose ASCII is `plain`; `is_ascii`: all of it is."""
    if notation.kind == "text":
        return _texts(notation, raw, plain if is_ascii else None)
    null = _nulls(notation.nulls, raw)
    match notation.kind:
        case "raw":
            return Column(_with_nulls(strings(raw).cast(pa.binary()).cast(notation.field.type), null))
        case "bool":
            return _booleans(notation, raw, null)
        case "moment":
            return _moments(notation, plain, null)
        case "float" | "spelled":
            return _spelled(notation, plain, null)
    return _numbers(notation, plain, raw, null)


def _texts(notation: Notation, raw: Bytes, plain: Bytes | None) -> Column:
    values, bad = notation.page.texts(raw, plain, notation.pad, right=notation.right)
    nulls = notation.nulls
    empty: Bools | None = None
    blank = notation.page.encode(" ") * notation.place.length
    if notation.pad == " " and blank in nulls:  # what is blank has nothing left: that is seen faster than all its blanks
        nulls = tuple(null for null in nulls if null != blank)
        offsets = np.frombuffer(values.buffers()[1], dtype=np.int32, count=len(values) + 1, offset=4 * values.offset)
        nothing: Bools = offsets[1:] == offsets[:-1]
        empty = _without(nothing, bad)
    return Column(_with_nulls(values.cast(notation.field.type), _either(_nulls(nulls, raw), empty)), bad, "encoding")


def _nulls(nulls: Sequence[bytes], raw: Bytes) -> Bools | None:
    """Which rows are one of `nulls`; None when no row is."""
    found: Bools | None = None
    first = raw[:, 0]
    for null in nulls:
        rows = np.flatnonzero(first == null[0])
        if len(rows):
            same = rows[(raw[rows] == np.frombuffer(null, dtype=np.uint8)).all(axis=1)]
            if len(same):
                found = np.zeros(len(raw), dtype=bool) if found is None else found
                found[same] = True
    return found


def _with_nulls(values: Any, null: Bools | None) -> Any:
    """`values` with those of `null` null, without a copy of the others."""
    if null is None:
        return values
    valid = ~null
    if values.null_count:
        valid &= np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    return pa.Array.from_buffers(values.type, len(values), [bits(valid), *values.buffers()[1:]], offset=values.offset)


def _without(bad: Bools | None, null: Bools | None) -> Bools | None:
    """The bad rows that are not simply null; None when there is none."""
    if bad is None:
        return None
    left = bad if null is None else bad & ~null
    return left if left.any() else None


def _either(bad: Bools | None, null: Bools | None) -> Bools | None:
    return bad if null is None else null if bad is None else bad | null


# --- numbers


def _numbers(notation: Notation, plain: Bytes, raw: Bytes, null: Bools | None) -> Column:
    place = notation.place
    found = magnitudes(place, plain, raw, ebcdic=notation.page.ebcdic)
    values, bad = _scaled(notation.field.type, found, place.scale or 0)
    bad = _without(_either(bad, found.bad), null)
    return Column(_with_nulls(values, _either(bad, null)), bad)


def _scaled(kind: Any, found: Magnitudes, scale: int) -> tuple[Any, Bools | None]:
    """Digits, of which the last `scale` are a fraction, as numbers of `kind`; and which of them it has no room for."""
    whole = pa.types.is_integer(kind)
    more = 0 if whole else kind.scale - scale
    width = found.digits.shape[1]
    if width + more > _EXACT:
        return _wide(kind, decimals(found), width, scale)
    numbers = small(found)
    if more:
        numbers *= 10**more
    bad: Bools | None = None
    if whole:
        low, high = _range(kind)
        if 10**width - 1 > high or low == 0:
            bad = (numbers < low) | (numbers > high)
        dtype = kind.to_pandas_dtype()
        return pa.array(numbers.astype(dtype), kind), bad if bad is not None and bad.any() else None
    if width + more > kind.precision:
        limit = 10**kind.precision
        bad = (numbers <= -limit) | (numbers >= limit)
    return _decimal_array(kind, numbers), bad if bad is not None and bad.any() else None


def _range(kind: Any) -> tuple[int, int]:
    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1


def _decimal_array(kind: Any, numbers: Ints) -> Any:
    limbs = kind.bit_width // 64
    words = np.empty((len(numbers), limbs), dtype=np.int64)
    words[:, 0] = numbers
    words[:, 1:] = (numbers >> 63)[:, None]
    return pa.Array.from_buffers(kind, len(numbers), [None, buffer(words)])


def _wide(kind: Any, numbers: Any, width: int, scale: int) -> tuple[Any, Bools | None]:
    """The same for numbers that 64 bits are too few for; `numbers` are decimals without a fraction."""
    limit = 0 if pa.types.is_integer(kind) else 10 ** (kind.precision - kind.scale + scale)
    low, high = (1 - limit, limit - 1) if limit else _range(kind)
    bad: Bools | None = None
    if 10**width - 1 > high or 1 - 10**width < low:
        kept = [low <= int(number) <= high for number in numbers.to_pylist()]
        bad = ~np.array(kept, dtype=bool)
        numbers = _with_nulls(numbers, bad)
    if scale:  # the same digits, with the point where it is meant
        unscaled = numbers.type
        make: Any = pa.decimal128 if pa.types.is_decimal128(unscaled) else pa.decimal256
        numbers = pa.Array.from_buffers(make(unscaled.precision, scale), len(numbers), numbers.buffers())
    return numbers.cast(kind), bad if bad is not None and bad.any() else None


_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)$"
_UNSIGNED = r"^(?:\d+\.?\d*|\.\d+)$"
_FLOAT = r"^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|(?i:nan|inf|infinity))$"


def _spelled(notation: Notation, plain: Bytes, null: Bools | None) -> Column:
    """Numbers with their decimal mark."""
    field = notation.field
    kind: Any = field.type
    if notation.kind == "spelled":
        mark = plain.shape[1] - 1 - kind.scale
        # Where the mark nearly always is, and as many digits behind it as there can be.
        usual = mark > 0 and field.decimal.isascii() and bool((plain[:, mark] == ord(field.decimal)).all())
        if usual and bool((plain[:, mark + 1 :] - np.uint8(ord("0")) < 10).all()):
            found = magnitudes(notation.place, np.delete(plain, mark, axis=1), plain, ebcdic=False)
            if found.bad is None:
                values, over = _scaled(kind, found, kind.scale)
                if over is None:
                    return Column(_with_nulls(values, null))
    text = pc.ascii_trim(_ascii(plain), " ")
    if null is not None:
        text = pc.if_else(pa.array(null), "0", text)
    if field.group is not None:
        text = pc.replace_substring(text, field.group, "")
    if field.decimal != ".":
        text = pc.replace_substring(pc.replace_substring(text, ".", "?"), field.decimal, ".")
    shape = _FLOAT if notation.kind == "float" else _UNSIGNED if notation.place.sign == "none" else _NUMBER
    fits = np.array(pc.match_substring_regex(text, shape).to_numpy(zero_copy_only=False), dtype=bool)
    if not fits.all():
        text = pc.if_else(pa.array(fits), text, "0")
    try:
        values = text.cast(kind)
    except pa.ArrowInvalid:
        values, kept = _one_by_one(text, kind)
        fits &= kept
    bad = _without(~fits, null)
    return Column(_with_nulls(values, _either(bad, null)), bad)


def _one_by_one(text: Any, kind: pa.DataType) -> tuple[Any, Bools]:
    """Values that have each been asked for alone, since Arrow refused them together."""
    values: list[Any] = []
    for word in text:
        try:
            values.append(word.cast(kind).as_py())
        except pa.ArrowInvalid:
            values.append(None)
    return pa.array(values, kind), np.array([value is not None for value in values], dtype=bool)


def _ascii(plain: Bytes) -> Any:
    """A column as strings, of which bytes that are no ASCII are question marks: they are in no number and no date."""
    return strings(plain if not plain.size or plain.max() < 0x80 else np.where(plain < 0x80, plain, np.uint8(ord("?"))))


# --- dates and times


def _moments(notation: Notation, plain: Bytes, null: Bools | None) -> Column:
    values: Any = None
    missing: Bools = np.ones(len(plain), dtype=bool) if null is None else ~null
    for pattern in notation.field.format:
        found, unfit = _moment(notation, plain, pattern)
        values = found if values is None else pc.coalesce(values, found)
        missing &= unfit
        if not missing.any():
            break
    bad = missing if missing.any() else None
    return Column(_with_nulls(values, _either(bad, null)), bad)


def _moment(notation: Notation, plain: Bytes, pattern: str) -> tuple[Any, Bools]:
    """The values that are written by `pattern`, and which are not. Digits are read where the pattern has them."""
    kind: Any = notation.field.type
    width = plain.shape[1]
    parts = tokens(pattern)
    letters = [token for directive, token in parts if directive]
    fraction = width - sum(DIRECTIVES.get(token, 0) if directive else 1 for directive, token in parts)
    if not set(letters) <= {*DIRECTIVES, "f"} or not all(token.isascii() for _, token in parts):
        return parse_moments(pc.ascii_trim(_ascii(plain), " "), pattern, kind)
    if "f" in letters and not 1 <= fraction <= 9:
        return parse_moments(pc.ascii_trim(_ascii(plain), " "), pattern, kind)
    fits = np.ones(len(plain), dtype=bool)
    numbers: dict[str, Ints] = {}
    at = 0
    for directive, letter in parts:
        if not directive:
            fits &= plain[:, at] == ord(letter)
            at += 1
            continue
        size = fraction if letter == "f" else DIRECTIVES[letter]
        number = np.zeros(len(plain), dtype=np.int64)
        for column in range(at, at + size):
            digit = plain[:, column] - np.uint8(ord("0"))
            fits &= digit < 10
            number = number * 10 + digit
        numbers[letter] = number
        at += size
    if at < width:
        fits &= (plain[:, at:] == ord(" ")).all(axis=1)
    if "f" in numbers:
        numbers["f"] *= 10 ** (9 - fraction)
    return _assembled(numbers, fits, kind)


def _assembled(numbers: dict[str, Ints], fits: Bools, kind: Any) -> tuple[Any, Bools]:
    """The parts of dates and times put together; days and times that do not exist are none."""
    rows = len(fits)

    def of(letter: str, default: int) -> Ints:
        return numbers.get(letter, np.full(rows, default, dtype=np.int64))

    year, month, day = of("Y", 1970), of("m", 1), of("d", 1)
    if "y" in numbers:
        year = np.where(numbers["y"] < 69, 2000, 1900) + numbers["y"]
    hour, minute, second, fraction = of("H", 0), of("M", 0), of("S", 0), of("f", 0)
    fits = fits & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    month = np.where(fits, month, 1)
    if "j" in numbers:
        day = numbers["j"]
        fits &= (day >= 1) & (day <= 337 + month_length(year, np.full(rows, 2)))
    else:
        fits &= day <= month_length(year, month)
    days = days_since_1970(year, month, day)
    if pa.types.is_date(kind):
        return pa.array(days.astype(np.int32), mask=~fits).cast(pa.date32()).cast(kind), ~fits
    places = DIGITS[kind.unit]
    fits &= fraction % 10 ** (9 - places) == 0
    ticks = (hour * 3600 + minute * 60 + second) * 10**places + fraction // 10 ** (9 - places)
    if pa.types.is_time(kind):
        return pa.array(ticks, mask=~fits).cast(pa.int32() if places < 6 else pa.int64()).cast(kind), ~fits
    if kind.unit == "ns":
        fits &= (days > -106_751) & (days < 106_751)
    return pa.array(days * 86_400 * 10**places + ticks, mask=~fits).cast(kind), ~fits


# --- the rest


def _booleans(notation: Notation, raw: Bytes, null: Bools | None) -> Column:
    found = []
    for words in (notation.field.true, notation.field.false):
        match = np.zeros(len(raw), dtype=bool)
        for word in words:
            try:
                match |= (raw == np.frombuffer(notation.placed(word), dtype=np.uint8)).all(axis=1)
            except ValueError:
                continue  # a word that is too long for this place is never there
        found.append(match)
    true, false = found
    bad = _without(~(true | false), null)
    return Column(_with_nulls(pa.array(true), _either(bad, null)), bad)
