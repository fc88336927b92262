"""From what a column has been through to the field it becomes: with its evidence, and with what a person should look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from connector_sdk.formats.delimited_inference.columns import Column
from connector_sdk.formats.delimited_inference.dates import Candidate, Group
from connector_sdk.formats.delimited_inference.numbers import NEGATIVES, Extent, Notation
from connector_sdk.formats.delimited_inference.words import SPREADSHEET_ERRORS, SURELY_NULL, lone_boolean, may_be_codes, pair_of
from connector_sdk.formats.layout import Field

__all__ = ["Decision", "decide"]

_DATE_NAME = re.compile(r"date|datum|(^|_)(dt|day|dob|on|tag)($|_)|birth|fecha|data_", re.IGNORECASE)
_ANGLE_NAME = re.compile(r"(^|[^a-z])(lat|lon|lng)($|[^a-z])|latitude|longitude|breitengrad|l(ä|ae)ngengrad", re.IGNORECASE)
_FLAG_NAME = re.compile(
    r"^(is|has)[A-Z]"
    r"|(?i:(^|[^a-z])(is|has|ist|hat|ok)($|[^a-z])|flag|activ|aktiv|attiv|ativo|enabled|disabled|valid|deleted|paid|pagad|bezahlt)"
)
_UTC_NAME = re.compile(r"(^|[^a-z])(utc|gmt|zulu)($|[^a-z])", re.IGNORECASE)
_PERCENT = ("%", "‰")


@dataclass(frozen=True)
class Decision:
    """A field as it will stand in the layout, and what should be asked or told about it."""

    field: Field
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unique: bool = False

    def asking(self, *questions: str | None) -> Decision:
        return replace(self, questions=(*self.questions, *(q for q in questions if q)))

    def noting(self, *notes: str | None) -> Decision:
        return replace(self, notes=(*self.notes, *(n for n in notes if n)))


def decide(column: Column, *, comma: bool, month_first: bool | None) -> Decision:
    """The field. `comma`: other fields write a decimal comma; `month_first`: other fields tell (None: none does)."""
    # That a field was never empty in a sample is no promise: only keys may not be null (see `sample`).
    base = Field(name=column.name, title=column.title, type=pa.string())
    if not column.count and not column.nulls and not column.longest:
        decision = Decision(replace(base, evidence="no values" if not column.rows else f"always empty, {column.rows:,} times"))
    else:
        decision = (
            _as_boolean(column, base)
            or _as_moment(column, base, month_first)
            or _as_number(column, base, comma=comma)
            or _as_text(column, base)
        )
    evidence = decision.field.evidence
    null: tuple[str, ...] = ()
    if not pa.types.is_string(decision.field.type) and column.nulls:
        null = tuple(sorted(column.nulls))
        count = sum(column.nulls.values())
        evidence = f"{evidence}; {', '.join(map(repr, null))} for null, {count:,} of {column.rows - column.empty:,}"
        errors = [repr(word) for word in null if word in SPREADSHEET_ERRORS]
        if errors:
            decision = decision.asking(f"{', '.join(errors)} are errors of a spreadsheet: they were taken for null, please look")
    complete = bool(column.rows) and not column.empty and not column.blank and not null
    if complete:
        evidence = f"{evidence}; never empty"
    field = replace(decision.field, null=null, evidence=evidence)
    return replace(decision, field=field, unique=complete and column.unique)


def _as_boolean(column: Column, base: Field) -> Decision | None:
    words, count = column.words, column.count
    if not words or (may_be_codes(words) and not _FLAG_NAME.search(column.title or column.name)):
        return None
    pair = pair_of(words)
    if pair is not None:
        true = tuple(word for word in words if word.lower() == pair[0])
        false = tuple(word for word in words if word.lower() == pair[1])
        told = f"{count:,} of {count:,} values are {_counted(words, true)} or {_counted(words, false)}"
        return Decision(replace(base, type=pa.bool_(), true=true, false=false, evidence=told))
    one = next(iter(words))
    pairs = lone_boolean(words)
    if len(pairs) == 1 and count > 1:
        ((yes, no),) = pairs
        found = tuple(words)
        other = no if one.lower() == yes else yes
        made = (found, (other,)) if one.lower() == yes else ((other,), found)
        told = f"{count:,} of {count:,} values are {one!r}"
        note = f"only {one!r} is there: taken for a boolean whose other word is {other!r}"
        return Decision(replace(base, type=pa.bool_(), true=made[0], false=made[1], evidence=told), notes=(note,))
    return None


def _counted(words: Mapping[str, int], some: tuple[str, ...]) -> str:
    return " or ".join(f"{word!r} ({words[word]:,})" for word in some)


# --- dates


def _as_moment(column: Column, base: Field, month_first: bool | None) -> Decision | None:
    count = column.count
    groups = column.dates.possible()
    if not groups or not count:
        return None
    if len(groups) == 1 and all(candidate.pattern == "%Y%m%d" for candidate in groups[0].left):
        if not _DATE_NAME.search(column.title or column.name):
            return None
        told = f"{count:,} of {count:,} values are a day as YYYYMMDD"
        question = None if count > 2 else "eight digits: taken for a day by the field's name"
        return Decision(replace(base, type=pa.date32(), format=("%Y%m%d",), evidence=told)).asking(question)
    chosen: list[Candidate] = []
    questions: list[str] = []
    for group in groups:
        candidate, question = _chosen(group, month_first)
        chosen.append(candidate)
        questions += [question] if question else []
    kinds = {str(candidate.kind): candidate.kind for candidate in chosen}
    if len(kinds) > 1:
        if set(kinds) != {"date32[day]", "timestamp[us]"}:
            return None
        kind: pa.DataType = pa.timestamp("us")
        questions.append("some values are days and others moments: days were taken for their midnight")
    else:
        kind = chosen[0].kind
    short = [candidate.pattern for candidate in chosen if "%y" in candidate.pattern]
    notes = ["years of two digits: 69 to 99 were taken for 19xx, 00 to 68 for 20xx"] if short else []
    if len(chosen) == 1:
        only = chosen[0]
        told = f"{count:,} of {count:,} values are {only.said}"
        field = replace(base, type=kind, format=(only.pattern,) if only.pattern else (), evidence=told)
        return _with_zone(column, Decision(field, tuple(questions), tuple(notes)))
    patterns = tuple(_explicit(group, candidate) for group, candidate in zip(groups, chosen, strict=True))
    if not all(patterns):
        return None
    told = "; ".join(f"{group.count:,} of {count:,} values are as {p}" for group, p in zip(groups, patterns, strict=True))
    notes.append(f"written in {len(patterns)} ways: {', '.join(patterns)}")
    decision = Decision(replace(base, type=kind, format=patterns, evidence=told), tuple(questions), tuple(notes))
    return _with_zone(column, decision)


def _chosen(group: Group, month_first: bool | None) -> tuple[Candidate, str | None]:
    """The notation that is taken, and a question when other orders of day, month and year are as possible as this one."""
    preferred = sorted(group.left, key=group.rank)
    orders: dict[str, Candidate] = {}
    for candidate in preferred:
        orders.setdefault(candidate.order, candidate)
    told = None if month_first is None else orders.get("mdy" if month_first else "dmy")
    taken = told or preferred[0]
    if told is not None or not taken.order or len(orders) == 1:
        return taken, None
    said = " or ".join(candidate.pattern for candidate in orders.values())
    return taken, f"every value could be {said}; {taken.pattern} was taken, please look"


def _explicit(group: Group, chosen: Candidate) -> str:
    """A pattern, where ISO 8601 is one of several notations; empty when no single one says it."""
    return chosen.pattern or min((c.pattern for c in group.left if c.pattern), default="")


def _with_zone(column: Column, decision: Decision) -> Decision:
    (zone,) = column.dates.zones
    field = decision.field
    if zone in ("UTC", "GMT"):
        return replace(decision, field=replace(field, type=pa.timestamp("us", "UTC"), zone="UTC"))
    if zone is not None:
        question = (
            f"every value ends with {zone}: the clock was read as it stands; where it hangs (zone: Europe/Berlin) is yours to say"
        )
        return decision.asking(question)
    if pa.types.is_timestamp(field.type) and field.type.tz is None and _UTC_NAME.search(column.title or column.name):
        return decision.asking(
            "the name says UTC and the values do not: they were read as they stand (zone: UTC makes them moments)"
        )
    return decision


# --- numbers


def _as_number(column: Column, base: Field, *, comma: bool) -> Decision | None:
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
    decision = _sized(written, base, extent, count, column).asking(question or _like_names(extent, count))
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


# --- text


def _as_text(column: Column, base: Field) -> Decision:
    count = column.count
    decision = Decision(
        replace(base, evidence=f"{column.rows - column.empty:,} values of text, up to {column.longest:,} characters")
    )
    numbers, dates = column.numbers.like, column.dates.like
    if dates and 2 * dates >= count and dates >= numbers:
        decision = _nearly_dates(decision, column, dates, count)
    elif numbers and 2 * numbers >= count:
        decision = _nearly(decision, "numbers", numbers, count, column.no_number)
    elif column.no_word is not None and not column.words:
        told = f"the first values were words for true and false; {column.no_word} is none of these"
        decision = _told(decision, told).noting(f"kept as text: {told}")
    if column.words and count > 1 and lone_boolean(column.words):
        one = next(iter(column.words))
        decision = decision.noting(f"only {one!r} is there: it may be a boolean")
    elif column.words and may_be_codes(column.words):
        said = " and ".join(f"{word!r} ({n:,})" for word, n in column.words.items())
        decision = decision.asking(f"{said} may be words for true and false, or codes: kept as text")
    elif column.count and column.empty and column.lone in ("x", "X", "✓", "✔"):
        question = f"only {column.lone!r} and nothing are there: taken for a boolean, in which nothing is null and not false"
        told = f"{count:,} of {count:,} values are {column.lone!r}, {column.empty:,} are empty"
        made = replace(base, type=pa.bool_(), true=(column.lone,), evidence=told)
        decision = Decision(made, questions=(question,))
    return _null_words(decision, column)


def _null_words(decision: Decision, column: Column) -> Decision:
    """Words that mean null elsewhere are text here; that is asked about where they can hardly be meant as text."""
    if not column.nulls or not pa.types.is_string(decision.field.type):
        return decision
    said = ", ".join(f"{word!r} ({n:,})" for word, n in sorted(column.nulls.items()))
    told = f"{said} of {column.rows - column.empty:,} values may mean null; they stay text (null: in the layout makes them null)"
    return decision.asking(told) if not set(SURELY_NULL).isdisjoint(column.nulls) else decision.noting(told)


def _nearly_dates(decision: Decision, column: Column, dates: int, count: int) -> Decision:
    if column.dates.contradicting is not None:
        one, other = column.dates.contradicting
        told = f"{dates:,} of {count:,} values are dates, but no notation understands both {one!r} and {other!r}"
        return _told(decision, told).asking(f"{told}: kept as text")
    if column.dates.groups is not None:
        zones = sorted(map(str, column.dates.zones))
        what = f"zones {', '.join(zones)}" if len(zones) > 1 else "more than one way"
        told = f"{dates:,} of {count:,} values are dates, written in {what}"
        return _told(decision, told).asking(f"{told}: kept as text")
    return _nearly(decision, "dates", dates, count, column.no_date)


def _nearly(decision: Decision, what: str, found: int, count: int, against: object) -> Decision:
    if against is None:
        told = f"{found:,} of {count:,} values are {what}, but in notations that contradict each other"
        return _told(decision, told).asking(f"{told}: kept as text")
    told = f"{found:,} of {count:,} values are {what}; the first that is none is {against}"
    return _told(decision, told).noting(f"kept as text: {told}")


def _told(decision: Decision, what: str) -> Decision:
    return replace(decision, field=replace(decision.field, evidence=f"{decision.field.evidence}; {what}"))
