"""A key's value as text and exactly: what states and the bounds of splits are made of."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

__all__ = ["key_text"]


def key_text(value: object) -> str | None:
    """`value`, as pyarrow gives it, in its canonical text (moments in UTC, bytes in hexadecimal); None for what has none."""
    match value:
        case None | bool() | float():
            return None
        case str():
            return None if "\0" in value else value  # drivers cut there
        case bytes():
            return value.hex()
        case int() | Decimal():
            return f"{value:f}" if isinstance(value, Decimal) else str(value)
        case datetime():
            return (value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)).isoformat(" ")
        case date() | time():
            return value.isoformat()
    return None
