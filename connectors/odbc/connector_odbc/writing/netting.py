"""Changes as one operation for each key: of what happened to a row within a chunk only the outcome is carried out.

========= ======================================================================================================================
``u``     the whole row is what it is now: update it, or insert it
``p``     only some columns are known: update those; insert them where there is no such row
``d``     delete it
``x``     delete it, and insert what is known: it was deleted and made again
========= ======================================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from connector_sdk.changes import BEFORE, KNOWN, OP, REV, TS, is_change, payload

from connector_odbc.typed import AnyArray

__all__ = ["Net", "net", "versions"]

_compute: Any = pc


@dataclass(frozen=True)
class Net:
    """`rows` has each key once, with the columns of the stream. `ops` as above; `known` is the positions that are known, as text,
    null for all; `revs` the versions that the rows must have. `before` are the rows as they were, where that is to be compared.
    `truncated`: everything that was there is deleted first. `froms` are the moments at which versions begin, in microseconds."""

    rows: pa.RecordBatch
    ops: Sequence[str]
    known: Sequence[str | None]
    revs: Sequence[str | None] = field(default=())
    before: pa.RecordBatch | None = None
    truncated: bool = False
    froms: Sequence[int] = ()


def versions(batch: pa.RecordBatch, keys: Sequence[str], now: int) -> Iterator[Net]:
    """`batch` for a history: nothing is netted; a key that comes again begins a new group, at a later microsecond at least.

    `now`, in microseconds since 1970, is when rows became what they are that do not tell it themselves.
    """
    truncated, changes = False, is_change(batch.schema)
    if changes and "t" in (letters := batch.column(OP).to_pylist()):
        start = len(letters) - letters[::-1].index("t")
        before, batch, truncated = batch.slice(0, start - 1), batch.slice(start), True
        kept = before.filter(_compute.not_equal(before.column(OP), "t"))
        if kept.num_rows:
            yield from versions(kept, keys, now)
    rows = payload(batch) if changes else batch
    moments: list[int | None] = batch.column(TS).view(pa.int64()).to_pylist() if changes else [now] * rows.num_rows
    latest: dict[tuple[Any, ...], tuple[int, int]] = {}
    groups: list[list[int]] = []
    froms: list[list[int]] = []
    for at, key in enumerate(_keys_of(rows, keys)):
        group, last = latest.get(key, (-1, -(2**63)))
        moment = max(now if moments[at] is None else int(moments[at] or 0), last + 1)
        latest[key] = group + 1, moment
        if group + 1 == len(groups):
            groups.append([])
            froms.append([])
        groups[group + 1].append(at)
        froms[group + 1].append(moment)
    ops = ["d" if op == "d" else "u" for op in batch.column(OP).to_pylist()] if changes else ["u"] * rows.num_rows
    if truncated and not groups:
        yield Net(rows, [], [], truncated=True)
    for number, positions in enumerate(groups):
        part = rows.take(pa.array(positions, pa.int64()))
        chosen = [ops[at] for at in positions]
        yield Net(part, chosen, [None] * len(chosen), truncated=truncated and number == 0, froms=froms[number])


def net(batch: pa.RecordBatch, keys: Sequence[str]) -> Iterator[Net]:
    """`batch`, rows or changes, as few groups in their order in which each key occurs once. Keys are not null."""
    if not is_change(batch.schema):
        kept = batch.take(_last_of_each(batch, keys))
        yield Net(kept, ["u"] * kept.num_rows, [None] * kept.num_rows)
        return
    start, truncated = 0, False
    ops: list[Any] = batch.column(OP).to_pylist()
    if "t" in ops:
        start, truncated = len(ops) - ops[::-1].index("t"), True
        batch, ops = batch.slice(start), ops[start:]
    if batch.column(REV).null_count < len(ops):
        yield from _one_by_one(batch, keys, truncated)
        return
    moved = BEFORE in batch.schema.names and _moves(batch, keys)
    if batch.column(KNOWN).null_count == len(ops) and not moved:
        last = _last_of_each(batch, keys)
        kept = batch.take(last)
        kinds = ["d" if op == "d" else "u" for op in kept.column(OP).to_pylist()]
        yield Net(payload(kept), kinds, [None] * len(kinds), truncated=truncated)
        return
    yield _merged(batch, keys, truncated)


def _last_of_each(batch: pa.RecordBatch, keys: Sequence[str]) -> AnyArray:
    """The position of the last row of each key, in order."""
    columns: list[Any] = [batch.column(key) for key in keys]
    columns = [c.storage if isinstance(c.type, pa.BaseExtensionType) else c for c in columns]
    names = [f"k{number}" for number in range(len(keys))]
    table = pa.table([*columns, pa.array(range(batch.num_rows), pa.int64())], names=[*names, "at"])
    last: Any = table.group_by(names).aggregate([("at", "max")]).column("at_max").combine_chunks()
    found: AnyArray = last.take(_compute.sort_indices(last))
    return found


def _keys_of(batch: Any, keys: Sequence[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(batch.column(key).to_pylist() for key in keys), strict=True))


def _before(batch: pa.RecordBatch) -> list[Any]:
    values: list[Any] = batch.column(BEFORE).to_pylist()
    return values


def _moves(batch: pa.RecordBatch, keys: Sequence[str]) -> bool:
    """Whether an update changes a key."""
    was: Any = batch.column(BEFORE)
    for key in keys:
        old = _compute.struct_field(was, [key])
        if _compute.any(_compute.not_equal(old, batch.column(key)), min_count=0).as_py():
            return True
    return False


@dataclass
class _Row:
    """What is known of one key so far: the operation, and the values by the position of their column."""

    op: str
    values: dict[int, Any]


def _merged(batch: pa.RecordBatch, keys: Sequence[str], truncated: bool) -> Net:
    """Changes with columns that are not known, or keys that change: followed row by row."""
    rows = payload(batch)
    names = rows.schema.names
    everything = range(len(names))
    columns = [column.to_pylist() for column in rows.columns]
    known: list[Any] = batch.column(KNOWN).to_pylist()
    before = _before(batch) if BEFORE in batch.schema.names else [None] * len(known)
    positions = [names.index(key) for key in keys]
    found: dict[tuple[Any, ...], _Row] = {}
    for at, (op, key) in enumerate(zip(batch.column(OP).to_pylist(), _keys_of(rows, keys), strict=True)):
        if op == "d":
            found[key] = _Row("d", {p: columns[p][at] for p in positions})
            continue
        there = everything if known[at] is None else sorted({*known[at], *positions})
        values = {p: columns[p][at] for p in there}
        was = before[at]
        if op == "u" and was is not None and (old := tuple(was[k] for k in keys)) != key and None not in old:
            earlier = found.get(old)
            found[old] = _Row("d", dict(zip(positions, old, strict=True)))
            rest = {p: was[names[p]] for p in everything} | ({} if earlier is None else earlier.values)
            values = {**rest, **values}
            found[key] = _Row("x" if len(values) < len(names) else "u", values)
            continue
        earlier = found.get(key)
        if earlier is None:
            found[key] = _Row("u" if len(values) == len(names) else "p", values)
        elif earlier.op == "d":
            found[key] = _Row("x", values)
        else:
            merged = {**earlier.values, **values}
            found[key] = _Row("u" if len(merged) == len(names) and earlier.op != "x" else earlier.op, merged)
    kept = list(found.values())
    data = [pa.array([row.values.get(p) for row in kept], rows.schema.field(p).type) for p in everything]
    merged_rows = pa.RecordBatch.from_arrays(data, schema=rows.schema)
    partly = [",".join(map(str, sorted(row.values))) if len(row.values) < len(names) and row.op in "px" else None for row in kept]
    return Net(merged_rows, [row.op for row in kept], partly, truncated=truncated)


def _one_by_one(batch: pa.RecordBatch, keys: Sequence[str], truncated: bool) -> Iterator[Net]:
    """Conditional changes: none is netted, since each may be refused by itself; a key that comes again begins a new group."""
    found: list[list[int]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for at, key in enumerate(_keys_of(batch, keys)):
        group = seen[key] = seen.get(key, -1) + 1
        if group == len(found):
            found.append([])
        found[group].append(at)
    for number, positions in enumerate(found):
        part = batch.take(pa.array(positions, pa.int64()))
        known: list[Any] = part.column(KNOWN).to_pylist()
        ops = ["d" if op == "d" else "u" if known[at] is None else "p" for at, op in enumerate(part.column(OP).to_pylist())]
        rows = payload(part)
        where = [rows.schema.names.index(key) for key in keys]
        before = None
        if BEFORE in batch.schema.names:
            was: Any = part.column(BEFORE)
            before = pa.RecordBatch.from_arrays(
                [_compute.struct_field(was, [name]) for name in rows.schema.names], schema=rows.schema
            )
        yield Net(
            rows,
            ops,
            [None if k is None else ",".join(map(str, sorted({*k, *where}))) for k in known],
            part.column(REV).to_pylist(),
            before,
            truncated and number == 0,
        )
    if not found and truncated:
        yield Net(payload(batch), [], [], truncated=True)
