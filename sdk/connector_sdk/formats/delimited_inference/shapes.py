"""What the values of one block of a column look like: each digit as a 9, so that a million numbers have a dozen shapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

__all__ = ["MOST", "Block"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

MOST = 4096
"""Shapes in one block beyond which a column is text: numbers and dates do not have so many."""

_NINES = np.arange(256, dtype=np.uint8)
_NINES[ord("0") : ord("9") + 1] = ord("9")


@dataclass(frozen=True)
class Block:
    """Different values of a column, without the blanks around them, and how often each is there.

    `rows` tells the row of the block in which a value stands first.
    """

    values: Any
    counts: npt.NDArray[np.int64]
    rows: Any

    @classmethod
    def of(cls, encoded: Any) -> Block:
        """The values of a dictionary array of texts."""
        indices = encoded.indices
        kept = indices.drop_null() if indices.null_count else indices
        counts = np.bincount(kept.to_numpy(zero_copy_only=False), minlength=len(encoded.dictionary)).astype(np.int64)
        return cls(pc.utf8_trim_whitespace(encoded.dictionary), counts, indices)

    @cached_property
    def _shapes(self) -> Any:
        _, offsets, data = self.values.buffers()
        if data is None:
            return self.values.dictionary_encode()
        digits = pa.py_buffer(_NINES[np.frombuffer(data, dtype=np.uint8)].data)
        alike = pa.Array.from_buffers(pa.string(), len(self.values), [None, offsets, digits], offset=self.values.offset)
        return alike.dictionary_encode()

    @property
    def many(self) -> bool:
        """Whether there are so many shapes that this is text."""
        return len(self._shapes.dictionary) > MOST

    @cached_property
    def shapes(self) -> list[str]:
        """The shapes, in the order in which they appear."""
        found: list[str] = self._shapes.dictionary.to_pylist()
        return found

    @cached_property
    def shape_of(self) -> npt.NDArray[np.int64]:
        """For each value, the number of its shape."""
        found: npt.NDArray[np.int64] = self._shapes.indices.to_numpy(zero_copy_only=False)
        return found

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """How many values (all of them, not only different ones) have each shape."""
        return np.bincount(self.shape_of, weights=self.counts, minlength=len(self.shapes)).astype(np.float64)

    def with_shapes(self, wanted: npt.NDArray[np.bool_]) -> Any:
        """The values whose shapes are `wanted`, by number of the shape."""
        return self.values if wanted.all() else self.values.filter(pa.array(wanted[self.shape_of]))

    def without(self, unwanted: Any) -> Block:
        """The block without the values for which the mask `unwanted` is true."""
        if not pc.any(unwanted, min_count=0).as_py():
            return self
        left = np.flatnonzero(~np.asarray(unwanted.to_numpy(zero_copy_only=False), dtype=bool))
        places = np.full(len(self.values), -1, dtype=np.int64)
        places[left] = np.arange(len(left))
        rows = pc.if_else(self.rows.is_valid(), pa.array(places).take(self.rows.cast(pa.int64())), None)
        return Block(self.values.take(pa.array(left)), self.counts[left], rows)

    def first(self, value: int) -> int:
        """The row in which the value of this number stands first."""
        row: int = pc.index(self.rows, pa.scalar(value, self.rows.type)).as_py()
        return row
