"""Rows cast to a stream's types where that loses nothing; each row that does not fit is one reject, and the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector_sdk.errors import SchemaDriftError
from connector_sdk.formats.text_values import is_text
from connector_sdk.rejects import Reject, reject_batch

__all__ = ["AT_ONCE", "exact", "fit", "roomy"]

_compute: Any = pc

AT_ONCE = 10_000
"""Rows that are looked at one by one before the rejects among them are told: whoever has a limit need not wait for more."""


def fit(stream: str, rows: pa.RecordBatch, schema: pa.Schema, *, before: int = 0) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    """`rows` with the fields of `schema`, and the rejects of those that cannot be so; None where all can.

    `before` is how many rows of the stream came before these. Raises SchemaDriftError for a type that no value can be cast to.
    """
    found = exact(rows, schema)
    if found is not None:
        return found, None
    wrong: dict[int, tuple[str, str, str]] = {}
    for column, field in zip(rows.columns, schema, strict=True):
        for index, reason in _misfits(column, field.type):
            wrong.setdefault(index, ("type", field.name, f"it cannot become {field.type} exactly: {reason}"))
        if not field.nullable:
            for index in (index for index, null in enumerate(column.is_null().to_pylist()) if null):
                wrong.setdefault(index, ("required", field.name, "it is null, and may not be"))
    rejects = [
        Reject(
            stream=stream,
            code=code,
            reason=f"row {before + index + 1}: {reason}",
            raw=_alone(rows.slice(index, 1)),
            field=field,
            raw_form="arrow",
        )
        for index, (code, field, reason) in sorted(wrong.items())
    ]
    mask = pa.array([index not in wrong for index in range(rows.num_rows)], pa.bool_())
    return _cast(rows.filter(mask), schema), reject_batch(rejects)


def exact(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch | None:
    """`rows` with the fields of `schema`; None where one of them does not fit. Raises as :func:`fit` does."""
    if rows.schema.equals(schema):
        return rows
    try:
        cast = _cast(rows, schema)
    except pa.ArrowInvalid:
        return None
    required = [column for column, field in zip(cast.columns, schema, strict=True) if not field.nullable]
    return None if any(column.null_count for column in required) else cast


def roomy(schema: pa.Schema) -> pa.Schema:
    """`schema` for a reader whose rows are fitted afterwards: nothing is required, numbers have room for what is too large."""
    return pa.schema([field.with_type(_wide(field.type)).with_nullable(True) for field in schema]).with_metadata(schema.metadata)


def _wide(type_: Any) -> pa.DataType:
    if pa.types.is_integer(type_) and type_ != pa.uint64():
        return pa.int64()
    if pa.types.is_decimal128(type_):
        return pa.decimal128(38, type_.scale)
    return pa.decimal256(76, type_.scale) if pa.types.is_decimal256(type_) else type_


def _cast(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for column, field in zip(rows.columns, schema, strict=True):
        try:
            columns.append(_exactly(column, field.type))
        except pa.ArrowNotImplementedError:
            raise SchemaDriftError(
                f"{field.name!r} is {column.type}, and cannot become {field.type}", fields=(field.name,)
            ) from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _exactly(column: Any, type_: pa.DataType) -> Any:
    """`column` as `type_`. Raises ArrowInvalid for a value that would be another, ArrowNotImplementedError where all would."""
    if column.type == type_:
        return column
    cast = column.cast(type_)
    if _unchecked(column.type, type_):
        changed = _compute.not_equal(cast.cast(column.type), column)
        if pa.types.is_floating(column.type):
            changed = _compute.and_not(changed, _compute.is_nan(column))
        if _compute.any(changed, min_count=0).as_py():
            at = _compute.index(changed, True).as_py()
            raise pa.ArrowInvalid(f"{column[at].as_py()} would be {cast[at].as_py()}")
    return cast


def _unchecked(have: Any, want: Any) -> bool:
    """Whether Arrow makes another value of what does not fit, and does not say so: only the way back tells."""
    t = pa.types
    if t.is_floating(have) and t.is_floating(want):
        return bool(want.bit_width < have.bit_width)
    return (
        (t.is_floating(have) and t.is_decimal(want))
        or (t.is_decimal(have) and t.is_floating(want))
        or (t.is_timestamp(have) and (t.is_date(want) or t.is_time(want)))
        or ((t.is_floating(have) or t.is_integer(have)) and t.is_boolean(want))
        or (t.is_duration(have) and is_text(want))
    )


def _misfits(column: Any, type_: pa.DataType, start: int = 0) -> Iterator[tuple[int, str]]:
    """The places of the values that are not cast, found by halving, and why."""
    try:
        _exactly(column, type_)
    except pa.ArrowInvalid as error:
        if len(column) == 1:
            yield start, str(error)
            return
        half = len(column) // 2
        yield from _misfits(column.slice(0, half), type_, start)
        yield from _misfits(column.slice(half), type_, start + half)


def _alone(row: pa.RecordBatch) -> bytes:
    """One row as an Arrow IPC stream, as a reject keeps it."""
    out: Any = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, row.schema) as writer:
        writer.write_batch(row)
    raw: bytes = out.getvalue().to_pybytes()
    return raw
