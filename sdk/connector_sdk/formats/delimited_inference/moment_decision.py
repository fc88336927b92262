"""From the notations that understand a column of days, moments or times to the one that is taken, or asked about."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa

from connector_sdk.formats.delimited_inference.columns import Column
from connector_sdk.formats.delimited_inference.dates import Candidate, Group
from connector_sdk.formats.delimited_inference.decision import Decision
from connector_sdk.formats.layout import Field

__all__ = ["as_moment"]

_DATE_NAME = re.compile(r"date|datum|(^|_)(dt|day|dob|on|tag)($|_)|birth|fecha|data_", re.IGNORECASE)
_UTC_NAME = re.compile(r"(^|[^a-z])(utc|gmt|zulu)($|[^a-z])", re.IGNORECASE)


def as_moment(column: Column, base: Field, month_first: bool | None) -> Decision | None:
    """The field as days, moments or times; None when some value is none, or too many notations are needed."""
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
