"""Any Arrow data at all, and the one question every format is asked: does it survive, or was the loss declared?"""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.changes import RESERVED, change_schema
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats import Format, Kept
from connector_sdk.formats.reshape import map_leaves, reshape
from hypothesis import strategies as st

UNITS = ("s", "ms", "us", "ns")
ZONES = (None, "UTC", "Europe/Berlin", "+05:30", "-00:01", "Nowhere/At_All")
NAMES = st.one_of(
    st.sampled_from(["id", "name", "a b", "1st", "", 'say "hi"', "back\\slash", "a,b", "line\nbreak", "é", "😀", "\x00"]),
    st.sampled_from(["_op", "null", "a-b", "a_b", "a.b", "id_2", "row"]),
    st.text(max_size=8),
)  # fmt: skip
PLAIN = [
    pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(),
    pa.float16(), pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(),
    pa.binary_view(), pa.binary(0), pa.binary(3), pa.date32(), pa.date64(), pa.month_day_nano_interval(), pa.uuid(),
    *(pa.time32(unit) for unit in UNITS[:2]), *(pa.time64(unit) for unit in UNITS[2:]), *(pa.duration(unit) for unit in UNITS),
]  # fmt: skip
INTEGERS = {
    pa.int8(): 8, pa.int16(): 16, pa.int32(): 32, pa.int64(): 64,
    pa.uint8(): -8, pa.uint16(): -16, pa.uint32(): -32, pa.uint64(): -64,
}  # fmt: skip
DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


@st.composite
def decimals(draw: Any) -> pa.DataType:
    make, most = draw(st.sampled_from([(pa.decimal32, 9), (pa.decimal64, 18), (pa.decimal128, 38), (pa.decimal256, 76)]))
    precision = draw(st.integers(1, most))
    return make(precision, draw(st.integers(-3, precision)))


def timestamps() -> st.SearchStrategy[pa.DataType]:
    return st.builds(pa.timestamp, st.sampled_from(UNITS), st.sampled_from(ZONES))


def leaves() -> st.SearchStrategy[pa.DataType]:
    return st.one_of(st.sampled_from(PLAIN), decimals(), timestamps())


def dictionaries() -> st.SearchStrategy[pa.DataType]:
    values = st.sampled_from([pa.string(), pa.int64(), pa.binary(), pa.date32(), pa.timestamp("us", "UTC"), pa.decimal128(9, 2)])
    return st.builds(pa.dictionary, st.sampled_from([pa.int8(), pa.int32(), pa.int64(), pa.uint16()]), values, st.booleans())


METADATA = st.one_of(st.none(), st.dictionaries(st.text(min_size=1, max_size=3), st.binary(max_size=3), min_size=1, max_size=2))


def fields(types: st.SearchStrategy[pa.DataType], names: st.SearchStrategy[str] = NAMES) -> st.SearchStrategy[Any]:
    def field(name: str, type_: pa.DataType, nullable: bool, metadata: Any) -> Any:
        return pa.field(name, type_, nullable=nullable or pa.types.is_null(type_), metadata=metadata)

    return st.builds(field, names, types, st.booleans(), METADATA)


def nested(types: st.SearchStrategy[pa.DataType]) -> st.SearchStrategy[pa.DataType]:
    item = fields(types, st.just("item"))
    keys = st.sampled_from([pa.string(), pa.int32(), pa.date32()])
    return st.one_of(
        st.builds(pa.list_, item),
        st.builds(pa.large_list, item),
        st.builds(pa.list_, item, st.integers(0, 2)),
        st.builds(pa.list_view, item),
        st.builds(pa.struct, st.lists(fields(types), max_size=3)),
        st.builds(pa.map_, keys, fields(types, st.just("value")), st.booleans()),
    )


TYPES = st.one_of(leaves(), leaves(), dictionaries(), st.recursive(st.one_of(leaves(), dictionaries()), nested, max_leaves=4))


@st.composite
def arrays(draw: Any, type_: Any, size: int, nullable: bool = True) -> Any:
    """`size` values of `type_`, nulls among them if they may be."""
    t = pa.types
    if t.is_null(type_):
        return pa.nulls(size)
    if isinstance(type_, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(type_, draw(arrays(type_.storage_type, size, nullable)))
    if t.is_dictionary(type_):
        encoded = draw(arrays(type_.value_type, size, nullable)).dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.cast(type_.index_type), encoded.dictionary, ordered=type_.ordered)
    missing = draw(st.lists(st.booleans(), min_size=size, max_size=size)) if nullable else [False] * size
    mask = pa.array(missing, pa.bool_()) if any(missing) else None
    if t.is_struct(type_):
        if not len(type_):
            return pa.Array.from_buffers(type_, size, [_bits(missing)])
        columns = [draw(arrays(field.type, size, field.nullable)) for field in type_]
        return pa.StructArray.from_arrays(columns, fields=list(type_), mask=mask)
    if t.is_nested(type_):
        return draw(collections(type_, missing, mask))
    values = draw(st.lists(scalars(type_), min_size=size, max_size=size))
    values = [None if no else value for value, no in zip(values, missing, strict=True)]
    if t.is_temporal(type_) and type_ != pa.month_day_nano_interval():
        return pa.array(values, pa.int32() if type_.bit_width == 32 else pa.int64()).view(type_)
    if t.is_decimal(type_):  # Arrow itself does not make decimals of every scale from Python's
        whole = pa.array(values, _decimal(type_.bit_width)(type_.precision, 0))
        return pa.Array.from_buffers(type_, size, whole.buffers())
    return pa.array(values, type_)


def _bits(missing: list[bool]) -> Any:
    return pa.array([not no for no in missing], pa.bool_()).buffers()[1]


def _decimal(bits: int) -> Any:
    return {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}[bits]


@st.composite
def collections(draw: Any, type_: Any, missing: list[bool], mask: Any) -> Any:
    t = pa.types
    if t.is_fixed_size_list(type_):
        items = draw(arrays(type_.value_type, len(missing) * type_.list_size, type_.value_field.nullable))
        if not type_.list_size:
            return pa.Array.from_buffers(type_, len(missing), [_bits(missing)], children=[items])
        return pa.FixedSizeListArray.from_arrays(items, type=type_, mask=mask)
    sizes = [0 if no else draw(st.integers(0, 3)) for no in missing]
    offsets = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    if t.is_map(type_):
        keys = draw(st.lists(scalars(type_.key_type), min_size=offsets[-1], max_size=offsets[-1], unique=True))
        places = [None if no else at for at, no in zip(offsets, [*missing, False], strict=True)]
        key_array = (
            pa.array(keys, pa.int32()).view(type_.key_type) if t.is_date(type_.key_type) else pa.array(keys, type_.key_type)
        )
        values = draw(arrays(type_.item_type, offsets[-1], type_.item_field.nullable))
        return pa.MapArray.from_arrays(pa.array(places, pa.int32()), key_array, values, type=type_)
    items = draw(arrays(type_.value_type, offsets[-1], type_.value_field.nullable))
    if t.is_list_view(type_):
        return pa.ListViewArray.from_arrays(
            pa.array(offsets[:-1], pa.int32()), pa.array(sizes, pa.int32()), items, type=type_, mask=mask
        )
    kind, width = (pa.LargeListArray, pa.int64()) if t.is_large_list(type_) else (pa.ListArray, pa.int32())
    return kind.from_arrays(pa.array(offsets, width), items, type=type_, mask=mask)


def scalars(type_: Any) -> st.SearchStrategy[Any]:
    """Python values of a type that has no other type in it; of dates and times their integers, the extremes included."""
    t = pa.types
    if type_ in INTEGERS:
        bits = INTEGERS[type_]
        return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if bits > 0 else st.integers(0, (1 << -bits) - 1)
    if t.is_boolean(type_):
        return st.booleans()
    if t.is_floating(type_):
        return st.floats(width=type_.bit_width)
    if t.is_decimal(type_):
        most = 10**type_.precision - 1
        return st.integers(-most, most).map(Decimal)
    if t.is_fixed_size_binary(type_):
        return st.binary(min_size=type_.byte_width, max_size=type_.byte_width)
    if t.is_string(type_) or t.is_large_string(type_) or t.is_string_view(type_):
        return st.text(max_size=8)
    if t.is_binary(type_) or t.is_large_binary(type_) or t.is_binary_view(type_):
        return st.binary(max_size=8)
    if t.is_date64(type_):
        days = st.one_of(st.integers(-719_162, 2_932_896), st.integers(-(1 << 31), (1 << 31) - 1))
        return days.map(lambda day: day * 86_400_000)
    if t.is_date32(type_):
        return st.one_of(st.integers(-719_162, 2_932_896), st.integers(-(1 << 31), (1 << 31) - 1))
    if t.is_time(type_):
        return st.integers(0, DAY[type_.unit] - 1)
    if t.is_timestamp(type_):
        usual = st.integers(-719_162, 2_932_896).map(lambda day: min(max(day * DAY[type_.unit] + 1, -(1 << 63)), (1 << 63) - 1))
        return st.one_of(usual, usual, st.integers(-(1 << 63), (1 << 63) - 1))
    if t.is_duration(type_):
        return st.integers(-(1 << 63), (1 << 63) - 1)
    assert type_ == pa.month_day_nano_interval(), type_
    small = st.integers(-(1 << 31), (1 << 31) - 1)
    return st.builds(lambda a, b, c: pa.MonthDayNano([a, b, c]), small, small, st.integers(-(1 << 63), (1 << 63) - 1))


@st.composite
def batches(draw: Any, types: st.SearchStrategy[pa.DataType] = TYPES, changes: bool = False) -> list[pa.RecordBatch]:
    """One to three batches of one schema; with `changes`, they are change batches."""
    chosen = draw(st.lists(fields(types), max_size=4, unique_by=lambda field: field.name))
    schema = pa.schema(chosen, draw(METADATA))
    if changes:
        schema = pa.schema([field for field in schema if field.name not in RESERVED], schema.metadata)
        schema = change_schema(schema, before=draw(st.booleans()))
    made = []
    for size in draw(st.lists(st.integers(0, 5), min_size=1, max_size=3)):
        columns = [draw(arrays(field.type, size, field.nullable)) for field in schema]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        if not columns:
            batch = pa.record_batch({"x": [0] * size}).select([]).replace_schema_metadata(schema.metadata)
        batch.validate(full=True)
        made.append(batch)
    return made


class Plain:
    """All that a writer may ask of a file."""

    def __init__(self) -> None:
        self.content = io.BytesIO()

    def write(self, data: bytes, /) -> int:
        assert isinstance(data, bytes)
        return self.content.write(data)


def written(format_: Format, given: list[pa.RecordBatch]) -> bytes:
    """The file that `format_` makes of the batches."""
    out = Plain()
    writer = format_.writer(out, given[0].schema)
    for batch in given:
        writer.write(batch)
    writer.close()
    return out.content.getvalue()


def survives(format_: Format, given: list[pa.RecordBatch]) -> None:
    """Written and read back, the batches are what they were, or what is not was declared by `Format.losses`."""
    schema = given[0].schema
    losses = format_.losses(schema)
    refused = [loss for loss in losses if loss.kept is Kept.REFUSED]
    try:
        content = written(format_, given)
    except ConfigError as error:
        types = [loss for loss in refused if not loss.what.startswith("values ")]
        assert types and all(loss.what in error.message for loss in types), error
        return
    except DataError as error:
        values = [loss for loss in refused if loss.what.startswith("values ")]
        assert any(_top(loss.field, schema) in error.message for loss in values), error
        return
    assert all(loss.what.startswith("values ") for loss in refused), "a refused type was written"
    back = list(format_.read(io.BytesIO(content), schema))
    assert back, "a reader gives at least one batch"
    for batch in back:
        batch.validate(full=True)
        assert batch.schema.equals(schema, check_metadata=True), (batch.schema, schema)
    assert sum(batch.num_rows for batch in back) == sum(batch.num_rows for batch in given)
    for index, field in enumerate(schema):
        was = [value for batch in given for value in exact(batch.column(index))]
        now = [value for batch in back for value in exact(batch.column(index))]
        assert now == was, (field, was, now)


def _top(path: str, schema: pa.Schema) -> str:
    return next(repr(name) for name in sorted(schema.names, key=len, reverse=True) if path.startswith(name))


def exact(array: Any) -> list[str]:
    """Each value as text that is different for different values: -0.0, precision and years beyond 9999 included."""
    return [repr(value) for value in reshape(array, map_leaves(array.type, _leaf)).to_pylist()]


def _leaf(type_: Any) -> pa.DataType:
    t = pa.types
    if t.is_dictionary(type_):
        return _leaf(type_.value_type)
    if isinstance(type_, pa.BaseExtensionType):
        return type_.storage_type
    if t.is_temporal(type_) and type_ != pa.month_day_nano_interval():
        return pa.int32() if type_.bit_width == 32 else pa.int64()
    if t.is_struct(type_):  # Python's dictionaries have no room for two fields of one name
        return pa.struct([field.with_name(str(index)) for index, field in enumerate(type_)])
    return type_
