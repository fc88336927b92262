"""Dates and times as texts and back, the plain way: one at a time, by Python's own parsers and time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from connector_sdk.formats.layout import Field

__all__ = ["EPOCH", "moment_of", "text_of"]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""When samples begin, on a clock of no zone."""


def text_of(field: Field, value: date | time) -> str:
    """A moment in the field's notation: the first of its formats, or ISO 8601; with a zone, what the clock there shows."""
    if field.zone is not None and isinstance(value, datetime):
        value = value.astimezone(ZoneInfo(field.zone)).replace(tzinfo=None)
    if field.format:
        return value.strftime(field.format[0])
    if isinstance(value, datetime | time):
        kind: Any = field.type
        return value.isoformat(timespec={"s": "seconds", "ms": "milliseconds"}.get(kind.unit, "microseconds"))
    return value.isoformat()


def moment_of(field: Field, text: str) -> Any:
    """What a text means. Raises ValueError when it is no moment, or none that the clock of the field's zone shows."""
    kind: Any = field.type
    whole: Any = date if pa.types.is_date(kind) else time if pa.types.is_time(kind) else datetime
    found = _by_format(field, text, whole) if field.format else whole.fromisoformat(text)
    if field.zone is None:
        return found
    placed = found.replace(tzinfo=ZoneInfo(field.zone)).astimezone(UTC)
    if placed.astimezone(ZoneInfo(field.zone)).replace(tzinfo=None, fold=0) != found:
        raise ValueError(f"{text} is skipped")
    return placed


def _by_format(field: Field, text: str, whole: type) -> Any:
    for pattern in field.format:
        try:
            found = datetime.strptime(text, pattern)  # noqa: DTZ007 - patterns of types with a zone have %z, or the field has one
        except ValueError:
            continue
        return found.date() if whole is date else found.time() if whole is time else found
    raise ValueError(text)
