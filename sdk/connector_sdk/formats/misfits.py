"""Which of many values cannot be converted, where a conversion of all of them says only that one cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

__all__ = ["UNFIT", "misfits"]

UNFIT = (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError)
"""What a conversion raises at a value that is none of its type."""


def misfits(values: Any, convert: Callable[[Any], object], start: int = 0) -> Iterator[tuple[int, str]]:
    """The places in `values` (a list or an array) of those that `convert` refuses, in order, found by halving, and why."""
    try:
        convert(values)
    except UNFIT as error:
        if len(values) == 1:
            yield start, str(error)
            return
        half = len(values) // 2
        yield from misfits(values[:half], convert, start)
        yield from misfits(values[half:], convert, start + half)
