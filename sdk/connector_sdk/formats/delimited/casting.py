"""Text to values by Arrow's own conversion, which stops at the first bad one: here all of them are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

__all__ = ["Bools", "Text", "cast_text", "mask"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

Bools = npt.NDArray[np.bool_]
Text = Any
"""A `pa.StringArray`; the stubs of pyarrow.compute say nothing about what comes out."""


def cast_text(text: Text, kind: pa.DataType, shape: str | None) -> tuple[pa.Array[Any], Bools | None]:
    """Arrow's own conversion; when it refuses, the values it refuses are looked for by `shape` first, then by halving."""
    try:
        return text.cast(kind), None
    except pa.ArrowInvalid:
        pass
    bad = np.zeros(len(text), dtype=bool)
    if shape is not None:
        bad |= ~mask(pc.fill_null(pc.match_substring_regex(text, shape), True), truth=True)
        text = _without(text, bad)
    _halve(text, kind, 0, bad)
    return _without(text, bad).cast(kind), bad


def _halve(text: Text, kind: pa.DataType, start: int, bad: Bools) -> None:
    try:
        text.cast(kind)
    except pa.ArrowInvalid:
        if len(text) == 1:
            bad[start] = True
            return
        half = len(text) // 2
        _halve(text[:half], kind, start, bad)
        _halve(text[half:], kind, start + half, bad)


def _without(text: Text, bad: Bools) -> Text:
    return pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), text)


def mask(values: Any, *, truth: bool = False) -> Bools:
    return np.array((values if truth else values.is_valid()).to_numpy(zero_copy_only=False), dtype=bool)
