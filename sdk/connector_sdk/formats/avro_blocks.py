"""Rows as Avro's binary encoding, a column at a time (Apache Avro 1.12 specification, "Binary Encoding").

Each function makes, of an array of a type that Avro has, a binary array whose value ``i`` is the encoding of value ``i``; a null
there is a null here. Arrow's kernels join the columns. It is several times faster than encoding one dictionary after another.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector_sdk.errors import DataError
from connector_sdk.formats.reshape import Array, is_list, list_parts

__all__ = ["encode_rows"]

_compute: Any = pc
_END = pa.scalar(b"\x00")
_NULL, _VALUE = pa.scalar(b"\x00"), pa.scalar(b"\x02")
_NOTHING = pa.scalar(b"")


def encode_rows(batch: pa.RecordBatch) -> Array:
    """One binary value per row. Raises DataError for a null where the schema has none, ArrowInvalid for a map's key twice."""
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        try:
            encoded = _encode(column, field)
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(f"field {field.name!r}: {error}") from None
        if encoded.null_count:
            raise DataError(f"field {field.name!r} has a null where its type has none", code="null")
        columns.append(encoded)
    return _join(*columns) if columns else pa.array([b""] * batch.num_rows, pa.binary())


def _encode(array: Array, field: pa.Field[Any]) -> Array:
    if pa.types.is_null(field.type):
        return pa.array([b""] * len(array), pa.binary())
    values = _values(array, field.type)
    if not field.nullable:
        return values
    result: Array = _compute.if_else(array.is_valid(), _join(_VALUE, values), _NULL)
    return result


def _values(array: Array, type_: Any) -> Array:
    t = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        storage: Any = array
        return _values(storage.storage, type_.storage_type)
    if t.is_string(type_) or t.is_binary(type_):
        text = array.cast(pa.binary()) if t.is_string(type_) else array
        return _join(_longs(_compute.binary_length(text)), text)
    if t.is_fixed_size_binary(type_):
        return array.cast(pa.binary())
    if t.is_boolean(type_):
        return _of_bytes(array, _numbers(array, False).astype(np.uint8).reshape(-1, 1))
    if t.is_floating(type_):
        floats = _numbers(array, 0).astype(f"<f{type_.bit_width // 8}")
        return _of_bytes(array, floats.view(np.uint8).reshape(-1, type_.bit_width // 8))
    if t.is_decimal(type_):
        return _decimals(array, type_.bit_width // 8)
    if t.is_struct(type_):
        return _struct(array, type_)
    if t.is_map(type_) or is_list(type_):
        return _items(array, type_)
    return _longs(array.view(pa.int32() if type_.bit_width == 32 else pa.int64()))


def _join(*parts: Any) -> Array:
    joined: Array = _compute.binary_join_element_wise(*parts, _NOTHING)
    return joined


def _numbers(array: Array, filler: object) -> Any:
    filled: Any = _compute.fill_null(array, filler) if array.null_count else array
    return filled.to_numpy(zero_copy_only=False)


def _binary(array: Array, offsets: Any, data: Any) -> Array:
    """A binary array of the same nulls as `array`."""
    valid: Any = array.is_valid()
    bits = pa.concat_arrays([valid]).buffers()[1] if array.null_count else None
    buffers = [bits, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(cast(Any, np.ascontiguousarray(data)))]
    return pa.Array.from_buffers(pa.binary(), len(array), buffers)


def _of_bytes(array: Array, rows: Any) -> Array:
    """From a matrix of bytes, all of each row."""
    return _binary(array, np.arange(len(rows) + 1) * rows.shape[1], rows)


def _of_some_bytes(array: Array, rows: Any, used: Any) -> Array:
    """From a matrix of bytes, those of each row that the matrix of booleans `used` names."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(used.sum(axis=1), out=offsets[1:])
    return _binary(array, offsets, rows[used])


def _longs(array: Array) -> Array:
    """``int`` and ``long``: zig-zag, then seven bits at a time, the lowest first."""
    numbers = _numbers(array, 0).astype(np.int64)
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    width = max(1, (int(zigzag.max(initial=0)).bit_length() + 6) // 7)
    shifts = np.arange(width, dtype=np.uint64) * np.uint64(7)
    rest = zigzag[:, None] >> shifts
    rows = (rest & np.uint64(0x7F)).astype(np.uint8)
    rows[:, :-1] |= (rest[:, 1:] != 0).astype(np.uint8) << 7
    used = rest != 0
    used[:, 0] = True
    return _of_some_bytes(array, rows, used)


def _decimals(array: Array, width: int) -> Array:
    """``bytes`` of the unscaled integer: two's complement, the highest byte first, as few as hold it."""
    if not len(array):
        return pa.array([], pa.binary())
    data: Any = array.buffers()[1]
    start = array.offset * width
    rows = np.frombuffer(data, np.uint8, len(array) * width, start).reshape(-1, width)[:, ::-1]
    sign = np.where(rows[:, :1] >= 0x80, 0xFF, 0).astype(np.uint8)
    # A leading byte says nothing when it repeats the sign and the next byte's first bit already has it.
    idle = (rows[:, :-1] == sign) & ((rows[:, 1:] & 0x80) == (sign & 0x80))
    used = np.ones(rows.shape, bool)
    used[:, :-1] = ~np.logical_and.accumulate(idle, axis=1)
    digits = _of_some_bytes(array, rows, used)
    return _join(_longs(_compute.binary_length(digits)), digits)


def _struct(array: Array, type_: Any) -> Array:
    source: Any = array
    if not len(type_):
        empty = np.zeros(len(array) + 1, np.int32)
        return _binary(array, empty, np.zeros(0, np.uint8))
    return _join(*(_encode(source.field(index), field) for index, field in enumerate(type_)))


def _items(array: Array, type_: Any) -> Array:
    """``array`` and ``map``: one block with its count, then a block of none; an empty one is the latter alone."""
    offsets, flat = list_parts(array)
    if pa.types.is_map(type_):
        entries: Any = flat
        keys = entries.field(0)
        _refuse_repeated(keys, offsets)
        encoded = _join(_values(keys, type_.key_type), _encode(entries.field(1), type_.item_field))
    else:
        encoded = _encode(flat, type_.value_field)
    if encoded.null_count:
        return pa.nulls(len(array), pa.binary())
    data: Any = encoded.buffers()
    ends = np.frombuffer(data[1], np.int32)[encoded.offset :] if len(encoded) else np.zeros(1, np.int32)
    bodies = _binary(array, ends[offsets], np.frombuffer(data[2], np.uint8) if data[2] else np.zeros(0, np.uint8))
    counts = pa.array(np.diff(offsets))
    full = _join(_longs(counts), bodies, _END)
    nothing: Array = _compute.if_else(array.is_valid(), _END, pa.scalar(None, pa.binary()))
    result: Array = _compute.if_else(_compute.greater(counts, 0), full, nothing)
    return result


def _refuse_repeated(keys: Any, offsets: Any) -> None:
    codes = keys.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    if len(np.unique(rows * (codes.max(initial=0) + 1) + codes)) < len(codes):
        raise pa.ArrowInvalid("a map has a key twice")
