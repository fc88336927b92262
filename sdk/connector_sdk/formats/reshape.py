"""Arrays of one type as arrays of another that holds the same values: how a format that lacks a type stores it, and back.

Fields of structs are matched by position, so that names and metadata can differ; every leaf is cast safely, so that a value that
does not fit raises ``pyarrow.ArrowInvalid`` and is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["INTERVAL", "Array", "list_parts", "map_leaves", "paths", "reshape", "reshape_batch", "struct_array", "wider_decimal"]

Array: TypeAlias = "pa.Array[Any]"
Offsets: TypeAlias = "np.ndarray[Any, np.dtype[np.int32]]"

INTERVAL = pa.struct([pa.field("months", pa.int32()), pa.field("days", pa.int32()), pa.field("nanoseconds", pa.int64())])
"""How an interval of months, days and nanoseconds is stored where there is no such type."""

_INTERVAL = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
# Constructors and kernels that the stubs of pyarrow know only for types known beforehand.
_arrow: Any = pa
_compute: Any = pc


def is_list(type_: pa.DataType) -> bool:
    """Whether `type_` is one of Arrow's five kinds of list (a map is none of them)."""
    t = pa.types
    return (
        t.is_list(type_)
        or t.is_large_list(type_)
        or t.is_fixed_size_list(type_)
        or t.is_list_view(type_)
        or t.is_large_list_view(type_)
    )


def wider_decimal(type_: pa.DataType) -> pa.DataType | None:
    """The decimal type with ``0 <= scale <= precision``, as most systems want it, that holds every value of `type_`.

    ``decimal(5,-2)`` needs ``decimal(7,0)``, ``decimal(3,5)`` needs ``decimal(5,5)``. None when that takes over 76 digits.
    """
    kind: Any = type_
    precision = max(kind.precision + max(0, -kind.scale), kind.scale)
    if precision > 76:
        return None
    make = pa.decimal128 if precision <= 38 and kind.bit_width <= 128 else pa.decimal256
    return make(precision, max(0, kind.scale))


def map_leaves(type_: pa.DataType, change: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """`type_` with `change` applied to it and to all that is within it, from the inside out. Lists become plain lists."""
    kind: Any = type_
    if is_list(type_):
        field = kind.value_field
        return change(pa.list_(field.with_type(map_leaves(field.type, change))))
    if pa.types.is_struct(type_):
        return change(pa.struct([field.with_type(map_leaves(field.type, change)) for field in kind]))
    if pa.types.is_map(type_):
        make: Callable[..., pa.DataType] = pa.map_
        item = kind.item_field
        return change(make(map_leaves(kind.key_type, change), item.with_type(map_leaves(item.type, change))))
    return change(type_)


def paths(schema: pa.Schema) -> Iterator[tuple[str, pa.DataType]]:
    """Every type in `schema` with the path that leads to it: ``address.street``, ``tags[]``, ``prices{}``."""
    for field in schema:
        yield from _paths(field.name, field.type)


def _paths(path: str, type_: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    yield path, type_
    kind: Any = type_
    if is_list(type_):
        yield from _paths(f"{path}[]", kind.value_type)
    elif pa.types.is_struct(type_):
        for field in kind:
            yield from _paths(f"{path}.{field.name}", field.type)
    elif pa.types.is_map(type_):
        yield from _paths(f"{path}{{}}.key", kind.key_type)
        yield from _paths(f"{path}{{}}", kind.item_type)
    elif pa.types.is_dictionary(type_):
        yield from _paths(path, kind.value_type)


def reshape_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` as rows of `schema`, column by column in order. Raises ArrowInvalid, with the field's name in it."""
    if batch.schema.equals(schema, check_metadata=True):
        return batch
    if not len(schema):
        return batch.replace_schema_metadata(schema.metadata)
    columns = []
    for field, column in zip(schema, batch.columns, strict=True):
        try:
            columns.append(reshape(column, field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise pa.ArrowInvalid(f"field {field.name!r}: {error}") from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def reshape(array: Array, type_: pa.DataType) -> Array:
    """`array` as an array of `type_`, value for value. Raises ArrowInvalid for a value that does not fit exactly."""
    have: Any = array.type
    want: Any = type_
    source: Any = array
    if have.equals(want, check_metadata=True):
        return array
    if isinstance(have, pa.BaseExtensionType):
        return reshape(source.storage, want)
    if isinstance(want, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(want, reshape(array, want.storage_type))
    if pa.types.is_dictionary(have):
        return reshape(source.dictionary.take(source.indices), want)
    if pa.types.is_dictionary(want):
        encoded: Any = reshape(array, want.value_type).dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.cast(want.index_type), encoded.dictionary, ordered=want.ordered)
    if pa.types.is_map(want):
        return _map(array, want)
    if is_list(want):
        return _list(array, want)
    if pa.types.is_struct(want):
        return _interval_struct(array, want) if have == pa.month_day_nano_interval() else _struct(source, want)
    if want == pa.month_day_nano_interval():
        return _interval(source)
    if pa.types.is_decimal(have) and pa.types.is_decimal(want) and have.scale != want.scale:
        # Arrow checks a change of scale in the narrower of two widths, and so refuses what fits: rescale at full width.
        wide = array.cast(pa.decimal256(have.precision, have.scale))
        return wide.cast(pa.decimal256(want.precision, want.scale)).cast(want)
    return array.cast(want)


def list_parts(array: Array) -> tuple[Offsets, Array]:
    """Any list or map array as n+1 offsets and the flat items (of a map: key-value structs); a null has no items."""
    lists: Any = array
    values: Array = _entries(lists) if pa.types.is_map(array.type) else lists.values
    if pa.types.is_fixed_size_list(array.type):
        size = lists.type.list_size
        starts, sizes = (array.offset + np.arange(len(array))) * size, np.full(len(array), size)
    elif hasattr(lists, "sizes"):
        starts, sizes = lists.offsets.to_numpy(zero_copy_only=False), lists.sizes.to_numpy(zero_copy_only=False)
    else:
        bounds = lists.offsets.to_numpy(zero_copy_only=False)
        starts, sizes = bounds[:-1], np.diff(bounds)
    sizes = np.where(_valid(array), sizes, 0)
    offsets = np.zeros(len(array) + 1, np.int32)
    np.cumsum(sizes, out=offsets[1:])
    return offsets, _gather(values, starts[sizes > 0], sizes[sizes > 0])


def _gather(values: Array, starts: Any, sizes: Any) -> Array:
    """The pieces of `values` one behind the other; not with the kernels that do it, which know too few types."""
    if not len(starts):
        return values.slice(0, 0)
    if (starts[1:] == starts[:-1] + sizes[:-1]).all():
        return values.slice(int(starts[0]), int(sizes.sum()))
    return pa.concat_arrays([values.slice(int(start), int(size)) for start, size in zip(starts, sizes, strict=True)])


def _entries(maps: Any) -> Array:
    fields = [pa.field("key", maps.type.key_type, nullable=False), maps.type.item_field.with_name("value")]
    made: Array = _arrow.StructArray.from_arrays([maps.keys, maps.items], fields=fields)
    return made


def _mask(array: Array) -> Any:
    return array.is_null() if array.null_count else None


def _valid(array: Array) -> Any:
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False))


def _list(array: Array, want: Any) -> Array:
    offsets, items = list_parts(array)
    made: Array
    if pa.types.is_fixed_size_list(want):
        return _fixed_list(array, offsets, items, want)
    values = reshape(items, want.value_type)
    if pa.types.is_list(want):
        made = _arrow.ListArray.from_arrays(pa.array(offsets), values, type=want, mask=_mask(array))
    elif pa.types.is_large_list(want):
        made = _arrow.LargeListArray.from_arrays(pa.array(offsets.astype(np.int64)), values, type=want, mask=_mask(array))
    else:
        large = pa.types.is_large_list_view(want)
        kind = _arrow.LargeListViewArray if large else _arrow.ListViewArray
        width = np.int64 if large else np.int32
        starts, sizes = pa.array(offsets[:-1].astype(width)), pa.array(np.diff(offsets).astype(width))
        made = kind.from_arrays(starts, sizes, values, type=want, mask=_mask(array))
    return made


def _fixed_list(array: Array, offsets: Offsets, items: Array, want: Any) -> Array:
    size = want.list_size
    valid = _valid(array)
    if not (np.diff(offsets)[valid] == size).all():
        raise pa.ArrowInvalid(f"lists of {size} items expected")
    if not size:  # from_arrays cannot tell how many lists of nothing there are
        return pa.Array.from_buffers(want, len(array), [pa.array(valid).buffers()[1]], children=[reshape(items, want.value_type)])
    if not valid.all():
        missing = pa.nulls(size, items.type)
        slots = (items.slice(int(at), size) if there else missing for at, there in zip(offsets, valid, strict=False))
        items = pa.concat_arrays(list(slots))
    values = reshape(items, want.value_type)
    made: Array = _arrow.FixedSizeListArray.from_arrays(values, type=want, mask=_mask(array))
    return made


def _map(array: Array, want: Any) -> Array:
    offsets, entries = list_parts(array)
    parts: Any = entries
    keys, values = reshape(parts.field(0), want.key_type), reshape(parts.field(1), want.item_type)
    starts = pa.array(offsets, mask=np.append(~_valid(array), False))
    made: Array = _arrow.MapArray.from_arrays(starts, keys, values, type=want)
    return made


def _struct(source: Any, want: Any) -> Array:
    # Below a null, a builder leaves any value: flatten makes those null, so that no conversion stumbles over them.
    columns = [reshape(column, field.type) for column, field in zip(source.flatten(), want, strict=True)]
    return struct_array(columns, list(want), source)


def struct_array(columns: list[Array], fields: list[pa.Field[Any]], like: Array) -> Array:
    """A struct array of `columns`, null where `like` is."""
    if not fields:  # from_arrays cannot tell how many structs of nothing there are
        return pa.Array.from_buffers(pa.struct([]), len(like), [pa.array(_valid(like)).buffers()[1]])
    made: Array = _arrow.StructArray.from_arrays(columns, fields=fields, mask=_mask(like))
    return made


def _interval_struct(array: Array, want: Any) -> Array:
    data: Any = array.buffers()[1]
    parts = (
        np.frombuffer(data, _INTERVAL, len(array), array.offset * _INTERVAL.itemsize) if len(array) else np.zeros(0, _INTERVAL)
    )
    columns = [pa.array(np.ascontiguousarray(parts[name])) for name in _INTERVAL.names or ()]
    return reshape(struct_array(columns, list(INTERVAL), array), want)


def _interval(source: Any) -> Array:
    parts = np.zeros(len(source), _INTERVAL)
    for index, name in enumerate(_INTERVAL.names or ()):
        parts[name] = _compute.fill_null(source.field(index), 0).to_numpy(zero_copy_only=False)
    valid = pa.array(_valid(source)).buffers()[1] if source.null_count else None
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(source), [valid, pa.py_buffer(parts.tobytes())])
