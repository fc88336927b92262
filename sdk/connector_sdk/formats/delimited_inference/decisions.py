"""From what a column has been through to the field it becomes: with its evidence, and with what a person should look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from connector_sdk.formats.delimited_inference.columns import Column
from connector_sdk.formats.delimited_inference.decision import Decision
from connector_sdk.formats.delimited_inference.moment_decision import as_moment
from connector_sdk.formats.delimited_inference.number_decision import as_number
from connector_sdk.formats.delimited_inference.words import SPREADSHEET_ERRORS, SURELY_NULL, lone_boolean, may_be_codes, pair_of
from connector_sdk.formats.layout import Field

__all__ = ["Decision", "decide"]

_FLAG_NAME = re.compile(
    r"^(is|has)[A-Z]"
    r"|(?i:(^|[^a-z])(is|has|ist|hat|ok)($|[^a-z])|flag|activ|aktiv|attiv|ativo|enabled|disabled|valid|deleted|paid|pagad|bezahlt)"
)


def decide(column: Column, *, comma: bool, month_first: bool | None) -> Decision:
    """The field. `comma`: other fields write a decimal comma; `month_first`: other fields tell (None: none does)."""
    # That a field was never empty in a sample is no promise: only keys may not be null (see `sample`).
    base = Field(name=column.name, title=column.title, type=pa.string())
    if not column.count and not column.nulls and not column.longest:
        decision = Decision(replace(base, evidence="no values" if not column.rows else f"always empty, {column.rows:,} times"))
    else:
        decision = (
            _as_boolean(column, base)
            or as_moment(column, base, month_first)
            or as_number(column, base, comma=comma)
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
