"""Whether one cell looks like a value or like a name: enough to tell headers and totals from records, not to give a type."""

from __future__ import annotations

import re

__all__ = ["looks_like_data"]

_NUMBER = re.compile(r"\s*[(]?[+-]?[\d.,'’\s%€$£+-]*\d[\d.,'’\s%€$£-]*(?:[eE][+-]?\d+)?\s*(?:[A-Z]{3})?[)]?\s*\Z")
_DATE = re.compile(r"\s*\d{1,4}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{1,4}([T ]\d{1,2}:\d{2}.*)?\s*\Z")


def looks_like_data(cell: str) -> bool:
    """Whether a cell is much like a number or a date."""
    return bool(_NUMBER.match(cell) or _DATE.match(cell))
