"""Columns of digits to whole numbers: eight digits in one multiplication, signs by table, and which rows are no number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector_sdk.formats.fixed_width.code_page import Bools, Bytes, strings
from connector_sdk.formats.layout import Place

__all__ = ["NEGATIVE", "POSITIVE", "Magnitudes", "decimals", "magnitudes", "small"]

Ints = npt.NDArray[np.int64]

POSITIVE, NEGATIVE = b"{ABCDEFGHI", b"}JKLMNOPQR"
"""The digits 0 to 9 with a sign over them, as ASCII has them."""

_ZERO, _SPACE, _PLUS, _MINUS = b"0 +-"
_SPACES, _SIGN, _DIGIT, _OTHER = range(4)


def _table(entries: dict[int, int], otherwise: int) -> Bytes:
    table = np.full(256, otherwise, dtype=np.uint8)
    for byte, meaning in entries.items():
        table[byte] = meaning
    return table


_CLASS = _table({_SPACE: _SPACES, _PLUS: _SIGN, _MINUS: _SIGN, **dict.fromkeys(b"0123456789", _DIGIT)}, _OTHER)
_PLAIN = {byte: byte for byte in b"0123456789"}
_PUNCHED = _table(_PLAIN | {byte: _ZERO + n for signs in (POSITIVE, NEGATIVE) for n, byte in enumerate(signs)}, 0)
_ZONED = _table({zone << 4 | n: _ZERO + n for zone in range(0xA, 0x10) for n in range(10)}, 0)
_NEGATIVE_ZONE = _table({zone << 4 | n: 1 for zone in (0xB, 0xD) for n in range(10)}, 0).astype(bool)
_NEGATIVE_PUNCH = _table(dict.fromkeys(NEGATIVE, 1), 0).astype(bool)

_MASKS = [np.uint64(mask) for mask in (0x0F0F0F0F0F0F0F0F, 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF)]
_FACTORS = [np.uint64(factor) for factor in (2561, 6553601, 42949672960001)]
_SHIFTS = [np.uint64(shift) for shift in (8, 16, 32)]
_HIGH, _THREES, _SIXES = (np.uint64(int(pair * 8, 16)) for pair in ("F0", "30", "06"))


@dataclass(frozen=True, eq=False)
class Magnitudes:
    """Whole numbers: their digits as ASCII, which are negative, and which rows are no number at all (None: not one of them)."""

    digits: Bytes
    negative: Bools | None
    bad: Bools | None

    @cached_property
    def words(self) -> npt.NDArray[np.uint64]:
        """Eight digits to a word, with zeros in front."""
        rows, width = self.digits.shape
        count = -(-width // 8)
        filled = np.full((rows, 8 * count), _ZERO, dtype=np.uint8)
        filled[:, 8 * count - width :] = self.digits
        words: npt.NDArray[np.uint64] = filled.view("<u8")
        return words

    @property
    def are_digits(self) -> bool:
        """Whether every byte of them is one of 0 to 9."""
        if not self.digits.shape[1]:
            return False
        words = self.words
        return bool(((words & _HIGH) == _THREES).all() and (((words + _SIXES) & _HIGH) == _THREES).all())


def magnitudes(place: Place, plain: Bytes, raw: Bytes, *, ebcdic: bool) -> Magnitudes:
    """The numbers in a column, whose ASCII is `plain`, by the sign of `place`. Blanks may stand before and after them."""
    if place.sign in ("free", "none"):
        found = Magnitudes(plain, None, None)
        if found.are_digits:
            return found
    else:
        found = _signed(place, plain, raw, ebcdic)
        if found.are_digits:
            return found
        if place.sign == "overpunch":
            plain, raw = _to_the_right(plain), _to_the_right(raw, blank=0x40 if ebcdic else _SPACE)
            found = _signed(place, plain, raw, ebcdic)
        inner = _freely(_to_the_right(found.digits), signs=False)
        bad = _either(found.bad, inner.bad)
        return Magnitudes(inner.digits, found.negative, bad)
    return _freely(_to_the_right(plain), signs=place.sign == "free")


def _signed(place: Place, plain: Bytes, raw: Bytes, ebcdic: bool) -> Magnitudes:
    """Digits without their sign; a sign that is none makes its row bad, or a digit that is none."""
    if place.sign in ("leading", "trailing"):
        at = 0 if place.sign == "leading" else -1
        mark = plain[:, at]
        bad = (mark != _PLUS) & (mark != _MINUS) & (mark != _SPACE)
        digits = plain[:, 1:] if place.sign == "leading" else plain[:, :-1]
        return Magnitudes(digits, mark == _MINUS, bad if bad.any() else None)
    at = 0 if place.sign == "leading overpunch" else -1
    digits = plain.copy()
    # A zone is the same in every EBCDIC code page; the character that it makes is not.
    digits[:, at] = (_ZONED if ebcdic else _PUNCHED)[raw[:, at]]
    return Magnitudes(digits, (_NEGATIVE_ZONE if ebcdic else _NEGATIVE_PUNCH)[raw[:, at]], None)


def _freely(plain: Bytes, *, signs: bool) -> Magnitudes:
    """Blanks, then perhaps a sign, then digits up to the end."""
    if not plain.shape[1]:
        return Magnitudes(plain, None, np.ones(len(plain), dtype=bool))
    kinds = _CLASS[plain]
    fits = (kinds[:, -1] == _DIGIT) & (kinds[:, 1:] >= kinds[:, :-1]).all(axis=1)
    marks = kinds == _SIGN
    fits &= marks.sum(axis=1) <= (1 if signs else 0)
    digits = np.where(kinds == _DIGIT, plain, np.uint8(_ZERO))
    bad = ~fits
    return Magnitudes(digits, (plain == _MINUS).any(axis=1) if signs else None, bad if bad.any() else None)


def _to_the_right(column: Bytes, blank: int = _SPACE) -> Bytes:
    """Values that stand left, moved right."""
    if not column.shape[1] or not (column[:, -1] == blank).any():
        return column
    width = column.shape[1]
    behind = np.argmax(column[:, ::-1] != blank, axis=1)
    wanted = np.arange(width) - behind[:, None]
    moved: Bytes = np.take_along_axis(column, np.maximum(wanted, 0), axis=1)
    moved[wanted < 0] = blank
    return moved


def _either(one: Bools | None, other: Bools | None) -> Bools | None:
    return other if one is None else one if other is None else one | other


def small(numbers: Magnitudes) -> Ints:
    """Numbers of up to 18 digits; what other bytes come out as means nothing."""
    words = numbers.words
    for mask, factor, shift in zip(_MASKS, _FACTORS, _SHIFTS, strict=True):
        words = ((words & mask) * factor) >> shift
    found = words[:, 0].astype(np.int64)
    for column in range(1, words.shape[1]):
        found = found * 100_000_000 + words[:, column].astype(np.int64)
    if numbers.negative is not None:
        np.negative(found, out=found, where=numbers.negative)
    return found


def decimals(numbers: Magnitudes) -> Any:
    """Numbers of up to 76 digits as an array of decimals without a fraction."""
    digits, negative = numbers.digits, numbers.negative
    rows, width = digits.shape
    signed = np.empty((rows, width + 1), dtype=np.uint8)
    signed[:, 0] = _PLUS if negative is None else np.where(negative, np.uint8(_MINUS), np.uint8(_PLUS))
    signed[:, 1:] = digits
    return strings(signed).cast(pa.decimal128(38, 0) if width <= 38 else pa.decimal256(76, 0))
