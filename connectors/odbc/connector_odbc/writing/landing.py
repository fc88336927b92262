"""Rows on their way into one table: in parts of a good size, encoded, and those that are refused found by halving and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from connector_sdk.rejects import Budget, Reject

from connector_odbc import driver_manager
from connector_odbc.catalogue import Column, TableName
from connector_odbc.database import Database
from connector_odbc.kept_memory import keep_freed_memory
from connector_odbc.typed import AnyArray
from connector_odbc.writing.bisection import Refused, halved
from connector_odbc.writing.columns import StagedColumn, encoded, unfit
from connector_odbc.writing.refusals import reject_of

__all__ = ["Landing", "in_parts"]

CHUNK_ROWS = 10_000
CHUNK_BYTES = 16 << 20
_compute: Any = pc


@dataclass
class Landing:
    """Where rows of one stream land: what ``insert(columns)`` returns inserts all rows or, raising pyodbc's Error, none.

    `target` is the table that rejects name. `carry` runs what inserts a part, now or, one after the other, in another thread,
    while the next part is made ready.
    """

    database: Database
    stream: str
    target: TableName
    doing: str
    budget: Budget
    insert: Callable[[Sequence[StagedColumn]], Callable[[], None]]
    carry: Callable[[Callable[[], None]], None] = lambda work: work()
    rejects: list[Reject] = field(default_factory=list)
    rows: int = 0

    def __post_init__(self) -> None:
        keep_freed_memory()

    def land(self, rows: pa.RecordBatch, arrays: Sequence[tuple[str, Column | None, AnyArray]]) -> None:
        """Insert `arrays`, columns of the table by name, one element for each of `rows`, which are what rejects keep."""
        columns, wrong = encoded(arrays, self.database.profile.writes.encoding)
        for position, name, reason in wrong:
            self.refuse(rows.slice(position, 1), reason, key=name)
        gone = [position for position, _, _ in wrong]
        columns = unfit(columns, rows.num_rows, gone)
        left = [position for position in range(rows.num_rows) if position not in set(gone)] if gone else None
        count = rows.num_rows - len(gone)
        if not count:
            return

        whole = self.insert(columns)
        self.carry(lambda: self._insert(rows, columns, whole, count, left))

    def _insert(
        self,
        rows: pa.RecordBatch,
        columns: Sequence[StagedColumn],
        whole: Callable[[], None],
        count: int,
        left: Sequence[int] | None,
    ) -> None:
        end = count - 1

        def attempt(first: int, last: int) -> None:
            some = (first, last) != (0, end)
            (self.insert([column.slice(first, last - first + 1) for column in columns]) if some else whole)()

        def refused(found: Refused) -> None:
            nonlocal count
            count -= 1
            position = found.ordinal if left is None else left[found.ordinal]
            self.refuse(rows.slice(position, 1), found.reason)

        try:
            halved(attempt, 0, end, self.database.profile.writes, refused)
        except driver_manager.pyodbc().Error as error:
            raise self.database.failure(error, self.doing, stream=self.stream) from None
        self.rows += count

    def refuse(self, row: pa.RecordBatch, reason: str, *, code: str = "refused", key: str | None = None) -> None:
        """Make a reject of `row`. Raises DataError over the budget."""
        reject = reject_of(self.stream, str(self.target), row, reason, code=code, field=key)
        self.rejects.append(reject)
        self.budget.spend(1, reject)


def in_parts(rows: pa.RecordBatch) -> Iterable[pa.RecordBatch]:
    """`rows` in parts of a size that one statement takes well."""
    size = max(1, sum(map(_bytes, rows.columns)) // max(1, rows.num_rows))
    step = max(1, min(CHUNK_ROWS, CHUNK_BYTES // size))
    for start in range(0, rows.num_rows, step):
        yield rows.slice(start, step)


def _bytes(column: Any) -> int:
    """The bytes of `column` as it will be written: of a dictionary, each row has its whole value."""
    t = pa.types
    if not t.is_dictionary(column.type) or not (t.is_string(column.type.value_type) or t.is_large_string(column.type.value_type)):
        return int(column.nbytes)
    return int(_compute.sum(_compute.binary_length(column.dictionary).take(column.indices)).as_py() or 0)
