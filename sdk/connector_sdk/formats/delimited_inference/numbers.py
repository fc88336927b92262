"""Which notation of numbers understands a whole column, and how large and how fine its numbers are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute

from connector_sdk.formats.delimited_inference.shapes import Block

__all__ = ["NEGATIVES", "Extent", "Notation", "Numbers", "Shape", "read_shape"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does


@dataclass(frozen=True)
class Notation:
    """A decimal mark and a thousands mark."""

    mark: str
    group: str | None

    def said(self, *, marked: bool, grouped: bool) -> str:
        """What is seen of it in a column whose numbers have a decimal mark (`marked`), a thousands mark (`grouped`) or both."""
        words = [f"a decimal {'point' if self.mark == '.' else 'comma'}"] if marked else []
        if grouped and self.group is not None:
            words.append(f"thousands separated by {self.group!r}")
        return " and ".join(words)


_NOTATIONS = tuple(
    Notation(mark, group)
    for mark, group in (
        (".", None), (",", None), (".", ","), (",", "."), (".", " "), (",", " "), (".", "\u00a0"), (",", "\u00a0"),
        (".", "\u202f"), (",", "\u202f"), (".", "'"), (".", "’"), (",", "'"),
    )
)  # fmt: skip
_ALL = (1 << len(_NOTATIONS)) - 1
_MONEY = (
    "€", "$", "£", "¥", "₹", "₽", "₺", "zł", "Kč", "kr", "Fr.", "CHF", "EUR", "USD", "GBP", "JPY", "SEK", "NOK", "DKK", "PLN",
    "CZK", "AUD", "CAD", "RUB", "INR", "US$", "A$", "C$", "R$",
)  # fmt: skip
NEGATIVES = ("trailing", "parentheses")
"""The signs that other things than numbers have, too."""
_MARKS = ("%", "‰", *(mark for mark in _MONEY if "." not in mark))
_MARK = "|".join(sorted(map(re.escape, _MARKS), key=len, reverse=True))
_BLANK = "[ \u00a0\u202f]?"
_DASH = "(?:--?|[–—])"
"""In place of digits behind a decimal mark: ``12,-`` has no cents, and is not negative."""
_WRITTEN = re.compile(
    rf"(?P<before>(?:{_MARK})(?=[ ]?\())?[ ]?(?P<open>\()?(?:(?P<first>{_MARK}){_BLANK})?"
    rf"(?P<sign>[+-])?(?:(?P<second>{_MARK}){_BLANK})?"
    rf"(?P<core>[9.,][9.,' ’\u00a0\u202f]*?)(?P<power>[eE][+-]?9+)?(?P<dash>(?<=[.,]){_DASH})?"
    rf"(?:{_BLANK}(?P<last>{_MARK}))?(?P<minus>-)?(?P<close>\))?"
)


@dataclass(frozen=True)
class Part:
    """A number's shape in one notation: digits before and after the decimal mark, and whether the marks occur in it."""

    whole: int
    scale: int
    marked: bool
    grouped: bool


@dataclass(frozen=True)
class Shape:
    """What a number's shape says: which notations understand it, what stands around it, and how its sign is written.

    `sign` is ``+``, ``-``, ``trailing``, ``parentheses`` or nothing. `power` is the exponent's shape.
    """

    left: int
    parts: tuple[Part | None, ...]
    mark: str | None
    sign: str
    power: str | None
    dash: bool
    plain: bool

    def part(self, notation: int) -> Part:
        found = self.parts[notation]
        assert found is not None
        return found


@lru_cache(maxsize=1 << 16)
def read_shape(shape: str) -> Shape | None:
    """The shape of a number (its digits are nines) in every notation that understands it; None when none does."""
    found = _WRITTEN.fullmatch(shape)
    if found is None or len(shape) > 400:
        return None
    marks = [mark for mark in found.group("before", "first", "second", "last") if mark]
    signs = [sign for sign in (found["sign"], found["minus"], found["open"]) if sign]
    if len(marks) > 1 or bool(found["open"]) != bool(found["close"]) or len(signs) > 1:
        return None
    core, power = found["core"], found["power"]
    dash = found["dash"] is not None
    if dash and (power is not None or found["minus"]):
        return None
    parts = tuple(_part(core, notation, power=power is not None, dash=dash) for notation in _NOTATIONS)
    left = sum(1 << number for number, part in enumerate(parts) if part is not None)
    if not left:
        return None
    sign = "parentheses" if found["open"] else "trailing" if found["minus"] else found["sign"] or ""
    plain = core.strip("9") == "" and not power
    return Shape(left, parts, marks[0] if marks else None, sign, power, dash, plain)


def _part(core: str, notation: Notation, *, power: bool, dash: bool) -> Part | None:
    whole, mark, rest = core.partition(notation.mark)
    if rest.strip("9") or not (whole or rest):
        return None
    grouped = notation.group is not None and notation.group in whole
    if grouped:
        pieces = whole.split(notation.group)
        # Commas may stand after two digits as well, as they do in India.
        inner = (3,) if notation.group != "," else (2, 3)
        if not 1 <= len(pieces[0]) <= 3 or len(pieces[-1]) != 3 or any(len(piece) not in inner for piece in pieces[1:-1]):
            return None
        whole = "".join(pieces)
    if whole.strip("9") or (power and notation.group is not None):
        return None
    return Part(len(whole), 2 if dash else len(rest), bool(mark), grouped)


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How large and how fine some numbers are: digits before the mark, what numbers of places after it, and what else occurs.

    `least` and `whole` are the fewest and the most digits before the mark. `power`: some have exponents; `integers`: some are
    digits alone; `fractions`: some have a decimal mark and no exponent, or a negative one. `exact`: a 64-bit float holds each of
    them as it is written.
    """

    least: int = 0
    whole: int = 0
    scales: frozenset[int] = frozenset()
    digits: int = 0
    power: bool = False
    integers: bool = False
    fractions: bool = False
    zeros: bool = False
    marked: bool = False
    grouped: bool = False
    low: float = float("inf")
    high: float = float("-inf")
    exact: bool = True

    @property
    def bare(self) -> bool:
        """Whether they are nothing but digits."""
        return not self.marked and not self.grouped and not self.power

    @property
    def floating(self) -> bool:
        """Whether numbers with exponents are no names, nor whole numbers that a spreadsheet has rounded."""
        return self.fractions or (self.marked and not self.integers)

    @property
    def scale(self) -> int:
        return max(self.scales, default=0)

    def and_also(self, more: Extent) -> Extent:
        """The extent of both."""
        return Extent(
            least=min(self.least, more.least),
            whole=max(self.whole, more.whole),
            scales=self.scales | more.scales,
            digits=max(self.digits, more.digits),
            power=self.power or more.power,
            integers=self.integers or more.integers,
            fractions=self.fractions or more.fractions,
            zeros=self.zeros or more.zeros,
            marked=self.marked or more.marked,
            grouped=self.grouped or more.grouped,
            low=min(self.low, more.low),
            high=max(self.high, more.high),
            exact=self.exact and more.exact,
        )


@dataclass
class Numbers:
    """The race of the notations over the blocks of one column, and what was seen on the way."""

    left: int = _ALL
    like: int = 0
    """How many values are numbers in some notation, whether or not in that of the others."""
    marks: Counter[str | None] = field(default_factory=Counter)
    signs: Counter[str] = field(default_factory=Counter)
    _plain: Extent | None = None
    _others: dict[int, Extent] = field(default_factory=dict)
    seen: int = 0

    def narrow(self, block: Block, shapes: list[Shape | None]) -> None:
        """Go on with one more block, of which `shapes` are the numbers' shapes (None: no number)."""
        weights = block.weights
        for shape, weight in zip(shapes, weights, strict=True):
            self.seen |= 0 if shape is None else shape.left
            if shape is None:
                self.left = 0
                continue
            self.like += int(weight)
            self.left &= shape.left
        if not self.left:
            return
        known = [shape for shape in shapes if shape is not None]  # all of them
        for shape, weight in zip(known, weights, strict=True):
            self.marks[shape.mark] += int(weight)
            self.signs[shape.sign] += int(weight)
        dressed = any(s.mark is not None or s.dash or s.sign in NEGATIVES for s in known)
        bare = _bare(block.values) if dressed else block.values
        if all(shape.plain for shape in known):  # the same in every notation
            extent = _extent(bare, known, 0)
            self._plain = extent if self._plain is None else self._plain.and_also(extent)
            return
        done: dict[tuple[str, str | None], Extent] = {}  # most blocks tell few notations apart
        for number in self._each():
            notation = _NOTATIONS[number]
            key = (notation.mark, notation.group if any(shape.part(number).grouped for shape in known) else None)
            if key not in done:
                done[key] = _extent(bare, known, number)
            before = self._others.get(number)
            self._others[number] = done[key] if before is None else before.and_also(done[key])

    def _each(self) -> list[int]:
        return [number for number in range(len(_NOTATIONS)) if self.left >> number & 1]

    @property
    def candidates(self) -> Mapping[Notation, Extent]:
        """The notations that understand every value, and the extent of the values in each.

        Nobody writes 0,125 for a hundred and twenty-five: thousands that begin with a zero are none, where it can be a decimal.
        """
        found: dict[Notation, Extent] = {}
        for number in self._each():
            extent = self._others.get(number)
            if self._plain is not None:
                extent = self._plain if extent is None else extent.and_also(self._plain)
            if extent is not None:
                found[_NOTATIONS[number]] = extent
        sensible = {notation: extent for notation, extent in found.items() if not (extent.grouped and extent.zeros)}
        return sensible or found


def _bare(values: Any) -> Any:
    """Numbers without what stands around them, negative ones with a minus at their start."""
    values = pc.replace_substring_regex(values, rf"[.,]{_DASH}({_BLANK}(?:{_MARK}))?([)]?)$", r"\2")
    negative = pc.match_substring_regex(values, r"^[^\d]*[(-]|-$")
    values = pc.replace_substring_regex(values, rf"^(?:(?:{_MARK})? ?[(])?(?:{_MARK})?{_BLANK}[+-]?(?:{_MARK})?{_BLANK}", "")
    values = pc.replace_substring_regex(values, rf"{_BLANK}(?:{_MARK})?-?[)]?$", "")
    return pc.if_else(negative, pc.binary_join_element_wise("-", values, ""), values)


def _extent(values: Any, shapes: list[Shape], number: int) -> Extent:
    notation = _NOTATIONS[number]
    parts = [shape.part(number) for shape in shapes]
    grouped = any(part.grouped for part in parts)
    if grouped:
        values = pc.replace_substring(values, notation.group, "")
    if notation.mark != ".":
        values = pc.replace_substring(values, notation.mark, ".")
    if any(shape.sign == "+" for shape in shapes):
        values = pc.replace_substring_regex(values, r"^\+", "")
    floats = values.cast(pa.float64())
    bounds = pc.min_max(floats).as_py()
    power = any(shape.power for shape in shapes)
    marked = any(part.marked for part in parts)
    # A single digit before the mark may be the zero of 0.5.
    whole = max(part.whole for part in parts)
    if whole == 1 and bounds["min"] > -1 and bounds["max"] < 1:
        whole = 0
    digits = max(min(part.whole, whole) + part.scale for part in parts)
    padded = whole > 1 and bool(pc.any(pc.match_substring_regex(values, r"^[+-]?0\d")).as_py())
    return Extent(
        least=min(part.whole for part in parts),
        whole=whole,
        scales=frozenset(part.scale for part in parts),
        digits=digits,
        power=power,
        integers=any(shape.plain for shape in shapes),
        fractions=any(shape.power[1] == "-" if shape.power else part.marked for shape, part in zip(shapes, parts, strict=True)),
        zeros=padded,
        marked=marked,
        grouped=grouped,
        low=bounds["min"],
        high=bounds["max"],
        exact=_exact(values, floats, digits, power=power, whole=not power and not marked),
    )


_SURE = 15
"""Digits that a 64-bit float holds whatever they are."""
_SMALLEST = 1e-300
"""Below it, floats have fewer."""


def _exact(values: Any, floats: Any, digits: int, *, power: bool, whole: bool) -> bool:
    """Whether each of `floats` says the number that is written in `values`."""
    if whole:
        if digits > 18:
            return False
        return digits <= _SURE or bool(pc.all(pc.equal(floats.cast(pa.int64(), safe=False), values.cast(pa.int64()))).as_py())
    if power:
        small = pc.less(pc.abs(floats), _SMALLEST)
        if pc.any(pc.and_(small, pc.match_substring_regex(values, r"^[+-]?[0.]*[1-9]"))).as_py():
            return False
    if digits <= _SURE:
        return True
    other = pc.not_equal(floats.cast(pa.string()), values)
    pairs = zip(values.filter(other).to_pylist(), floats.filter(other).to_pylist(), strict=True)
    return all(Decimal(text) == Decimal(repr(value)) for text, value in pairs)
