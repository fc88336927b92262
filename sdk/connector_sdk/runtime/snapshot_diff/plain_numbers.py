"""Whole numbers and decimals as the one number they are, whatever width and scale they are declared with: 1.5 is 1.50."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Numbers", "without_zeros"]

_POWERS = (64, 32, 16, 8, 4, 2, 1)
"""Each at most once, they add up to any number of zeros that a decimal can end with."""
_MOST = 16  # the largest of them that 64 bits have room for


class Numbers(NamedTuple):
    """`words` are n numbers in two's complement, lowest word first; `scale` says how many of the digits are a fraction."""

    words: npt.NDArray[np.uint64]
    scale: npt.NDArray[np.int64]


def without_zeros(words: npt.NDArray[np.uint64], scale: int) -> Numbers:
    """Numbers of one `scale` without the zeros at the end of their fraction."""
    left = np.full(len(words), scale, np.int64)
    if scale <= 0 or not len(words):
        return Numbers(words, left)
    narrow = words[:, 0].view(np.int64)
    if (words[:, 1:] == (narrow >> 63).view(np.uint64)[:, None]).all():
        narrow, left = _stripped(narrow, left, min(scale, _MOST), _divided)
        wide = np.repeat((narrow >> 63)[:, None], words.shape[1], axis=1)  # the sign, as far as it goes
        wide[:, 0] = narrow
        return Numbers(wide.view(np.uint64), left)
    return Numbers(*_stripped(words, left, scale, _divided_wide))


def _stripped(numbers: Any, left: Any, most: int, divided: Callable[[Any, int], tuple[Any, Any]]) -> tuple[Any, Any]:
    numbers = numbers.copy()
    for power in _POWERS:
        if power > most:
            continue
        fewer, exactly = divided(numbers, power)
        rows = np.flatnonzero(exactly & (left >= power))
        numbers[rows] = fewer[rows]
        left[rows] -= power
    left[(numbers == 0) if numbers.ndim == 1 else (numbers == 0).all(axis=1)] = 0
    return numbers, left


def _divided(numbers: npt.NDArray[np.int64], power: int) -> tuple[Any, Any]:
    """`numbers` without `power` digits, and which of them lose nothing."""
    fewer = numbers // 10**power
    return fewer, fewer * 10**power == numbers


def _divided_wide(words: npt.NDArray[np.uint64], power: int) -> tuple[Any, Any]:
    """The same for more than 64 bits, which Arrow divides when it makes whole numbers of decimals."""
    count, width = words.shape
    whole, scaled = (pa.decimal128(38, scale) if width == 2 else pa.decimal256(76, scale) for scale in (0, power))
    held: Any = np.ascontiguousarray(words)
    numbers: Any = pa.Array.from_buffers(scaled, count, [None, pa.py_buffer(held)])
    fewer = numbers.cast(whole, safe=False)
    again = np.frombuffer(memoryview(fewer.cast(scaled, safe=False).buffers()[1]), np.uint64).reshape(count, width)
    return np.frombuffer(memoryview(fewer.buffers()[1]), np.uint64).reshape(count, width), (again == held).all(axis=1)
