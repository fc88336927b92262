"""Change batches: ordinary batches whose first columns say what happened to each row.

The reserved columns stand in front of the stream's own fields, which are all nullable in a change batch:

=========== =========================== ======================================================================================
``_op``     string                      ``r`` the row's state now, ``c`` created, ``u`` updated, ``d`` deleted, ``t`` truncated
``_pos``    binary                      where in the source's log this change lies; orders the changes between two states
``_ts``     timestamp[us, UTC]          when it happened, as the source tells it
``_rev``    string                      the row's version; in a write it makes the write conditional (reject ``conflict``)
``_known``  list<int16>                 the positions in `Stream.schema` that are really present; null: all of them
``_before`` struct of the stream        optional: the row as it was
=========== =========================== ======================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector_sdk.errors import InternalError

__all__ = [
    "BEFORE",
    "BEFORE_TOLD",
    "KNOWN",
    "OP",
    "POS",
    "RESERVED",
    "REV",
    "TS",
    "build",
    "change_schema",
    "is_change",
    "payload",
]

OP, POS, TS, REV, KNOWN, BEFORE = "_op", "_pos", "_ts", "_rev", "_known", "_before"
RESERVED = (OP, POS, TS, REV, KNOWN, BEFORE)
OPERATIONS = frozenset("rcudt")
BEFORE_TOLD = b"connector.before"

_FIELDS: tuple[pa.Field[Any], ...] = (
    pa.field(OP, pa.string(), nullable=False),
    pa.field(POS, pa.binary()),
    pa.field(TS, pa.timestamp("us", tz="UTC")),
    pa.field(REV, pa.string()),
    pa.field(KNOWN, pa.list_(pa.int16())),
)


def change_schema(schema: pa.Schema, *, before: bool | None = None) -> pa.Schema:
    """The schema of change batches for a stream of `schema`; with `before`, the row as it was comes along.

    None: when the metadata of `schema` says so (`BEFORE_TOLD`), as a source's that tells it with every change.
    """
    fields: list[pa.Field[Any]] = list(_FIELDS)
    if before or (before is None and BEFORE_TOLD in (schema.metadata or {})):
        fields.append(pa.field(BEFORE, pa.struct([f.with_nullable(True) for f in schema])))
    return pa.schema([*fields, *(f.with_nullable(True) for f in schema)]).with_metadata(schema.metadata)


def is_change(schema: pa.Schema) -> bool:
    """Whether batches of `schema` are change batches."""
    return bool(schema.names) and schema.names[0] == OP


def build(
    rows: pa.RecordBatch,
    op: str | Sequence[str],
    *,
    pos: Sequence[bytes | None] | None = None,
    ts: Sequence[object] | None = None,
    rev: Sequence[str | None] | None = None,
    known: Sequence[Sequence[int] | None] | None = None,
    before: pa.RecordBatch | pa.StructArray | None = None,
) -> pa.RecordBatch:
    """A change batch from the stream's own columns. `op` is one letter for all rows, or one for each.

    `before` has the rows as they were; as an array of structs, null for a row that was not.
    Raises InternalError for an operation that is none of ``r c u d t``.
    """
    count = rows.num_rows
    ops = [op] * count if isinstance(op, str) and len(op) == 1 else list(op)
    if not OPERATIONS.issuperset(ops) or len(ops) != count:
        raise InternalError(f"{count} rows want one operation of r c u d t each, got {ops[:10]!r}")
    schema = change_schema(rows.schema, before=before is not None)
    columns: list[pa.Array[pa.Scalar[pa.DataType]]] = [
        pa.array(values if values is not None else [None] * count, schema.field(name).type)
        for name, values in ((OP, ops), (POS, pos), (TS, ts), (REV, rev), (KNOWN, known))
    ]
    if before is not None:
        was = before.to_struct_array() if isinstance(before, pa.RecordBatch) else before
        columns.append(was.cast(schema.field(BEFORE).type))
    return pa.RecordBatch.from_arrays([*columns, *rows.columns], schema=schema)


def payload(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A change batch without its reserved columns."""
    return batch.select([name for name in batch.schema.names if name not in RESERVED])
