"""From the notations that understand a column of numbers to the smallest type that loses none of them, or to a question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from connector_sdk.formats.delimited_inference.columns import Column
from connector_sdk.formats.delimited_inference.decision import Decision
from connector_sdk.formats.delimited_inference.numbers import NEGATIVES, Extent, Notation
from connector_sdk.formats.layout import Field

__all__ = ["as_number"]

_ANGLE_NAME = re.compile(r"(^|[^a-z])(lat|lon|lng)($|[^a-z])|latitude|longitude|breitengrad|l(ä|ae)ngengrad", re.IGNORECASE)
_PERCENT = ("%", "‰")


def as_number(column: Column, base: Field, *, comma: bool) -> Decision | None:
    """The field as a number, or as text where it would not stay what it is; None when some value is no number."""
    count, candidates = column.count, column.numbers.candidates
    if not candidates or not count:
        return None
    notation, extent, question = _notation(candidates, comma=comma)
    if extent.zeros:
        what = "numbers" if extent.marked or extent.grouped or extent.power else "digits"
        told = f"{count:,} of {count:,} values are {what}, some with leading zeros: kept as text"
        return Decision(replace(base, evidence=told))
    signs = column.numbers.signs
    if signs["+"] and extent.bare and set(column.numbers.marks) == {None} and not any(signs[sign] for sign in ("-", *NEGATIVES)):
        told = f"{count:,} of {count:,} values are digits, {signs['+']:,} with a plus sign and none with a minus"
        asked = f"{signs['+']:,} of {count:,} values begin with a plus sign, which a number does not keep: kept as text"
        return Decision(replace(base, evidence=told), questions=(asked,))
    marks = {mark: n for mark, n in column.numbers.marks.items() if mark is not None}
    if len(marks) > 1:
        said = " and ".join(f"{mark} ({n:,})" for mark, n in marks.items())
        return Decision(
            replace(base, evidence=f"{count:,} of {count:,} values are numbers with {said}: kept as text"),
            questions=(f"amounts are in {said}: without their mark they would not be the same, so they were kept as text",),
        )
    negatives = [sign for sign in NEGATIVES if signs[sign]]
    if len(negatives) > 1:
        told = f"{count:,} of {count:,} values are numbers, negative in parentheses and with trailing minus: kept as text"
        return Decision(replace(base, evidence=told), questions=("negative numbers are written in two ways",))
    written = replace(
        base,
        decimal=notation.mark if extent.marked or extent.grouped else ".",
        group=notation.group if extent.grouped else None,
        marks=tuple(marks),
        negative=next(iter(negatives), "leading"),
    )
    decision = _sized(written, base, extent, count, column).asking(question or (None if marks else _like_names(extent, count)))
    if negatives and signs[negatives[0]] == count:
        how = "in parentheses" if negatives[0] == "parentheses" else "followed by a minus"
        decision = decision.asking(f"every value is {how}: all were read as negative numbers, please look")
    for mark, marked in marks.items():
        decision = _about_mark(decision, mark, marked, count)
    return decision


def _about_mark(decision: Decision, mark: str, marked: int, count: int) -> Decision:
    field = decision.field
    decision = replace(decision, field=replace(field, evidence=f"{field.evidence}; {marked:,} of {count:,} with {mark}"))
    if marked < count:
        return decision.asking(
            f"{marked:,} of {count:,} values have {mark!r} and the others nothing: all were read as the bare number"
        )
    if mark in _PERCENT:
        return decision.noting(f"12{mark} is read as 12")
    return decision.noting(f"every value is in {mark}, which the number does not say")


def _notation(candidates: Mapping[Notation, Extent], *, comma: bool) -> tuple[Notation, Extent, str | None]:
    plain = next(((n, e) for n, e in candidates.items() if not e.marked and not e.grouped), None)
    if plain is not None:
        return (*plain, None)
    used = [(n, e) for n, e in candidates.items() if e.grouped or n.group is None]
    used = used or list(candidates.items())
    wanted = "," if comma else "."
    notation, extent = next(((n, e) for n, e in used if n.mark == wanted), used[0])
    taken = notation.said(marked=extent.marked, grouped=extent.grouped)
    said = [n.said(marked=e.marked, grouped=e.grouped) for n, e in used if n.mark != notation.mark]
    other = next((each for each in said if each != taken), None)
    if other is None:
        return notation, extent, None
    return notation, extent, f"every value could have {taken} or {other}; {taken} was taken, please look"


def _like_names(extent: Extent, count: int) -> str | None:
    """A question about digits that all have the same groups, as names that are made of digits have."""
    if not extent.grouped or extent.marked or extent.least != extent.whole or extent.whole < 7:
        return None
    return (
        f"all of the {count:,} values have {extent.whole} digits in groups: taken for thousands; are they names (type: string)?"
    )


def _sized(written: Field, base: Field, extent: Extent, count: int, column: Column) -> Decision:
    """The number's type: the smallest that loses none of them, or text."""
    within = f"{_shown(extent.low)} … {_shown(extent.high)}"
    of = f"{count:,} of {count:,} values are"
    if not extent.scale and not extent.power and not extent.marked:
        if extent.digits <= 18:
            note = None
            if {extent.low, extent.high} == {0, 1}:
                note = "only 0 and 1: it may be a boolean"
            elif extent.digits == 8 and column.dates.groups:
                note = "every value could be a day as YYYYMMDD"
            return Decision(replace(written, type=pa.int64(), evidence=f"{of} whole numbers, {within}")).noting(note)
        if extent.digits <= 38:
            told = f"{of} whole numbers of up to {extent.digits} digits"
            return Decision(replace(written, type=pa.decimal128(38, 0), evidence=told))
        told = f"{of} whole numbers, of up to {extent.digits} digits: kept as text"
        return Decision(replace(base, evidence=told)).noting(f"{extent.digits} digits are too long for a number: kept as text")
    if extent.power:
        return _with_exponents(written, base, extent, f"{of} numbers, some with exponents", within)
    if _measured(extent, column):
        told = f"{of} numbers of up to {extent.digits} digits, {within}"
        return Decision(replace(written, type=pa.float64(), evidence=told)).noting(_rounded(extent.scale))
    if extent.whole + extent.scale <= 38:
        kind = pa.decimal128(18 if extent.whole + extent.scale <= 16 else 38, extent.scale)
        return Decision(replace(written, type=kind, evidence=f"{of} decimals with up to {extent.scale} places, {within}"))
    told = f"{of} numbers too long for a decimal: kept as text"
    return Decision(replace(base, evidence=told)).noting(f"{extent.digits} digits are too long for a decimal: kept as text")


def _with_exponents(written: Field, base: Field, extent: Extent, told: str, within: str) -> Decision:
    if float("-inf") == extent.low or extent.high == float("inf"):
        beyond = "some numbers are beyond what a 64-bit float holds; they were kept as text"
        return Decision(replace(base, evidence=f"{told}, and some beyond a 64-bit float: kept as text"), questions=(beyond,))
    if not extent.floating:
        names = "whole numbers with an E may be names (1E5), or what a spreadsheet has made of longer ones: kept as text"
        return Decision(replace(base, evidence=f"{told}, and else whole: kept as text"), questions=(names,))
    if not extent.exact:
        rounded = "a 64-bit float would round some of the numbers with exponents, or those beside them; they were kept as text"
        return Decision(replace(base, evidence=f"{told}, which a 64-bit float would round: kept as text"), questions=(rounded,))
    return Decision(replace(written, type=pa.float64(), evidence=f"{told}, {within}")).noting(_rounded())


def _measured(extent: Extent, column: Column) -> bool:
    """Whether decimals were floats where they come from: as many digits as those have, or angles, and places as they come.

    Numbers that somebody has decided on (a rate, a price) have fewer, and stay decimals.
    """
    likely = extent.digits > 15 or bool(_ANGLE_NAME.search(column.title or column.name))
    return likely and extent.exact and extent.scale > 4 and len(extent.scales) > 2


def _rounded(scale: int | None = None) -> str:
    better = "" if scale is None else f"; decimal(38,{scale}) would refuse them instead"
    return f"read as 64-bit floats: later values of more than 15 digits are rounded{better}"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:g}"
