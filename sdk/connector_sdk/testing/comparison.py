"""Comparing what arrived with what should have: rows as multisets, and change batches by what they make of a replica."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from connector_sdk import changes

__all__ = ["Replica", "difference", "frozen_rows", "show"]


def frozen_rows(data: pa.Table | pa.RecordBatch, names: Sequence[str] | None = None) -> list[tuple[Any, ...]]:
    """The rows as hashable tuples of exact Python values, their columns in the order of `names`."""
    columns = [_plain(data.column(name)).to_pylist() for name in (data.schema.names if names is None else names)]
    return [tuple(map(_frozen, row)) for row in zip(*columns, strict=True)] if columns else []


def _plain(column: Any) -> Any:
    # Nanoseconds have no exact Python value.
    exact = getattr(column.type, "unit", "us") != "ns" and not pa.types.is_duration(column.type)
    return column if exact else column.cast(pa.int64())


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    if isinstance(value, dict):
        return tuple((key, _frozen(inner)) for key, inner in value.items())
    return "NaN" if isinstance(value, float) and value != value else value


def difference(expected: pa.Table, found: pa.Table, *, repeats: bool = False) -> str | None:
    """What is wrong with `found`, as one line, or None. With `repeats`, a row may be there more often than expected."""
    names = expected.schema.names
    if absent := [name for name in names if name not in found.schema.names]:
        return f"the fields {', '.join(absent)} are missing"
    want, have = Counter(frozen_rows(expected, names)), Counter(frozen_rows(found, names))
    missing, extra = want - have, have - want
    if repeats:
        missing = Counter({row: 1 for row in want if row not in have})
        extra = Counter({row: n for row, n in extra.items() if row not in want})
    parts = []
    if missing:
        parts.append(f"{missing.total()} of {want.total()} rows are missing, one is {show(names, next(iter(missing)))}")
    again = [row for row in extra if row in want]
    if again:
        parts.append(f"{sum(extra[row] for row in again)} rows are there too often, one is {show(names, again[0])}")
    other = [row for row in extra if row not in want]
    if other:
        parts.append(f"{sum(extra[row] for row in other)} rows should not be there, one is {show(names, other[0])}")
    return "; ".join(parts) or None


def show(names: Sequence[str], row: Sequence[Any]) -> str:
    """A row for people: the first few fields, values cut short."""
    texts = [f"{name}={value!r:.40}" for name, value in zip(names, row, strict=True)]
    return "{" + ", ".join(texts[:4]) + (", …}" if len(texts) > 4 else "}")


class Replica:
    """One stream's rows by key, as change batches or plain rows (then: upserts) make them."""

    def __init__(self, schema: pa.Schema, keys: Sequence[str]) -> None:
        self.schema = schema
        self._keys = keys
        self._rows: dict[Any, dict[str, Any]] = {}

    def apply(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Carry out `batches` in order."""
        for batch in batches:
            if not changes.is_change(batch.schema):
                for row in batch.to_pylist():
                    self._rows[self._key(row)] = row
                continue
            ops: list[Any] = batch.column(changes.OP).to_pylist()
            known: list[Any] = batch.column(changes.KNOWN).to_pylist()
            for op, positions, row in zip(ops, known, changes.payload(batch).to_pylist(), strict=True):
                if op == "t":
                    self._rows.clear()
                elif op == "d":
                    self._rows.pop(self._key(row), None)
                elif positions is None:
                    self._rows[self._key(row)] = row
                else:
                    names = [self.schema.names[position] for position in positions]
                    self._rows.setdefault(self._key(row), {}).update({name: row[name] for name in names})

    def _key(self, row: dict[str, Any]) -> Any:
        return tuple(_frozen(row[key]) for key in self._keys)

    def table(self) -> pa.Table:
        """The rows as they are now."""
        return pa.Table.from_pylist(list(self._rows.values()), schema=self.schema)
