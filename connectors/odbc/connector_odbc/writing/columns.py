"""A batch as the columns of its staging table: every value encoded, and the rows with one that has no exact form told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector_odbc.catalogue import Column
from connector_odbc.typed import AnyArray
from connector_odbc.writing.encoding import Encoded, Encoding, encode

__all__ = ["StagedColumn", "encoded", "unfit"]

_compute: Any = pc


@dataclass(frozen=True)
class StagedColumn:
    """A column of a staging table with the values for it; `column` is the target's own, None for one of ours."""

    name: str
    column: Column | None
    data: Encoded

    def slice(self, start: int, length: int) -> StagedColumn:
        """The same column with some of its rows."""
        data = Encoded(self.data.values.slice(start, length), self.data.kind)
        return StagedColumn(self.name, self.column, data)


def encoded(
    arrays: Sequence[tuple[str, Column | None, AnyArray]], how: Encoding
) -> tuple[list[StagedColumn], list[tuple[int, str, str]]]:
    """The columns, and of each row that cannot be written: its position, the field and the reason; a row is told once."""
    columns, wrong = [], dict[int, tuple[int, str, str]]()
    for name, column, array in arrays:
        data = encode(array, column, how)
        columns.append(StagedColumn(name, column, data))
        for mask, reason in data.refusals:
            for position in _compute.indices_nonzero(mask).to_pylist():
                wrong.setdefault(position, (position, name, reason))
    return columns, [wrong[position] for position in sorted(wrong)]


def unfit(columns: Sequence[StagedColumn], rows: int, wrong: Sequence[int]) -> list[StagedColumn]:
    """`columns` without the rows at the positions `wrong`."""
    if not wrong:
        return list(columns)
    gone = set(wrong)
    keep = pa.array([position for position in range(rows) if position not in gone], pa.int64())
    return [StagedColumn(c.name, c.column, Encoded(c.data.values.take(keep), c.data.kind)) for c in columns]
