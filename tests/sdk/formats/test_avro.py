"""Avro files: whatever Arrow holds survives, and every other Avro reader sees what the specification says."""

from __future__ import annotations

import io
import json
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

import fastavro
import polars as pl
import pyarrow as pa
import pytest
from connector_sdk.errors import DataError
from connector_sdk.formats import FORMATS
from connector_sdk.formats.avro_blocks import encode_rows
from connector_sdk.formats.avro_schema import avro_schema
from connector_sdk.schema import describe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sdk.formats.tables import batches, survives, written

AVRO = FORMATS["avro"]
ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(batches())
def test_whatever_arrow_holds_survives_or_the_loss_is_declared(data):
    survives(AVRO, data)


@ANY
@given(batches(changes=True))
def test_change_batches_survive(data):
    survives(AVRO, data)


def columns(**named: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(named)


def test_other_readers_see_logical_types():
    day, moment = date(2024, 2, 29), datetime(2024, 2, 29, 12, 30, 15, 123456)
    given = columns(
        d=pa.array([day]),
        t=pa.array([time(12, 30, 15, 123456)]),
        local=pa.array([moment]),
        instant=pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")),
        price=pa.array([Decimal("-1234.50")], pa.decimal128(12, 2)),
        long_price=pa.array([Decimal("12345678901234567890123456789012345678901.5")], pa.decimal256(50, 1)),
        big=pa.array([2**64 - 1], pa.uint64()),
        tags=pa.array([["a", None, "😀"]]),
        person=pa.array([{"name": "x", "age": None}], pa.struct([("name", pa.string()), ("age", pa.int8())])),
        prices=pa.array([[("a", 1), ("b", None)]], pa.map_(pa.string(), pa.int64())),
        nothing=pa.nulls(1),
    )
    (row,) = fastavro.reader(io.BytesIO(written(AVRO, [given])))
    assert row == {
        "d": day,
        "t": time(12, 30, 15, 123456),
        "local": moment,
        "instant": moment.replace(tzinfo=UTC),
        "price": Decimal("-1234.50"),
        "long_price": Decimal("12345678901234567890123456789012345678901.5"),
        "big": Decimal(2**64 - 1),
        "tags": ["a", None, "😀"],
        "person": {"name": "x", "age": None},
        "prices": {"a": 1, "b": None},
        "nothing": None,
    }


def test_polars_reads_it_too():
    given = columns(
        id=pa.array([1, None, -3]), name=pa.array(["a", "", None]), day=pa.array([date(1, 1, 1), None, date(9999, 12, 31)])
    )
    assert pl.read_avro(io.BytesIO(written(AVRO, [given]))).to_dict(as_series=False) == given.to_pydict()


@ANY
@given(st.lists(st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1)), max_size=20))
def test_integers_are_encoded_as_fastavro_does(numbers):
    schema = pa.schema([pa.field("n", pa.int64())])
    rows = encode_rows(pa.RecordBatch.from_pydict({"n": pa.array(numbers, pa.int64())}, schema=schema)).to_pylist()
    for number, mine in zip(numbers, rows, strict=True):
        theirs = io.BytesIO()
        fastavro.schemaless_writer(theirs, avro_schema(schema), {"n": number})
        assert mine == theirs.getvalue()


@ANY
@given(st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1, max_size=20))
def test_decimals_take_as_few_bytes_as_hold_them(numbers):
    given = columns(n=pa.array(numbers, pa.decimal128(20, 3)))
    for number, row in zip(numbers, encode_rows(given).to_pylist(), strict=True):
        unscaled = int(number.scaleb(3))
        length = row[1] // 2
        assert int.from_bytes(row[2:], "big", signed=True) == unscaled
        assert length == len(row) - 2 == (unscaled + (unscaled < 0)).bit_length() // 8 + 1


def test_names_that_avro_forbids_are_mangled_and_come_back():
    names = ["order id", "order-id", "1st", "", "grün", "ok"]
    given = pa.RecordBatch.from_arrays([pa.array([number]) for number in range(len(names))], names=names)
    content = written(AVRO, [given])
    (row,) = fastavro.reader(io.BytesIO(content))
    assert row == {"order_id": 0, "order_id_2": 1, "_1st": 2, "_": 3, "gr_n": 4, "ok": 5}
    (back,) = AVRO.read(io.BytesIO(content), None)
    assert back.schema.names == names


def test_docs_of_fields_are_docs_in_avro():
    schema = pa.schema([describe("id", pa.int64(), nullable=False, doc="what identifies it", native="NUMBER(18)")])
    content = written(AVRO, [pa.RecordBatch.from_pydict({"id": [1]}, schema=schema)])
    header = fastavro.reader(io.BytesIO(content))
    assert json.loads(header.metadata["avro.schema"])["fields"] == [{"name": "id", "type": "long", "doc": "what identifies it"}]
    assert header.codec == "deflate"


FOREIGN = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["string", "null"]},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "DONE"]}},
        {"name": "before", "type": ["null", "State"]},
        {"name": "digest", "type": {"type": "fixed", "name": "Md5", "size": 4}},
        {"name": "price", "type": {
            "type": "fixed", "name": "P", "size": 8, "logicalType": "decimal", "precision": 12, "scale": 2,
        }},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": [
            {"name": "day", "type": [{"type": "int", "logicalType": "date"}, "null"]},
            {"name": "extra", "type": {"type": "map", "values": "double"}},
        ]}}},
    ],
}  # fmt: skip


def test_a_file_of_somebody_else_is_read_by_its_own_schema():
    row = {
        "id": 1, "note": None, "state": "DONE", "before": "OPEN", "digest": b"abcd", "price": Decimal("-12.34"),
        "at": datetime(2024, 1, 1, tzinfo=UTC),
        "lines": [{"day": date(2024, 1, 2), "extra": {"x": 1.5}}, {"day": None, "extra": {}}],
    }  # fmt: skip
    out = io.BytesIO()
    fastavro.writer(out, FOREIGN, [row])
    (batch,) = AVRO.read(io.BytesIO(out.getvalue()), None)
    assert not batch.schema.field("id").nullable
    assert batch.schema.field("price").type == pa.decimal128(12, 2)
    assert batch.schema.field("at").type == pa.timestamp("ms", "UTC")
    expected = {**row, "lines": [{**line, "extra": list(line["extra"].items())} for line in row["lines"]]}
    assert batch.to_pylist() == [expected]


@pytest.mark.parametrize(
    ("type_", "message"),
    [
        (["int", "string"], "may be any of 2 types"),
        ({"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}, "contains itself"),
    ],
)
def test_what_arrow_has_no_type_for_is_refused_by_name(type_, message):
    out = io.BytesIO()
    fastavro.writer(out, {"type": "record", "name": "R", "fields": [{"name": "odd", "type": type_}]}, [])
    with pytest.raises(DataError, match=message) as caught:
        list(AVRO.read(io.BytesIO(out.getvalue()), None))
    assert "odd" in str(caught.value)


def test_a_note_that_is_not_of_this_file_is_left_aside():
    """Another tool may copy the metadata of our file into one with other fields."""
    theirs = io.BytesIO()
    metadata = fastavro.reader(io.BytesIO(written(AVRO, [columns(a=pa.array([1]), b=pa.array(["x"]))]))).metadata
    kept = {key: value for key, value in metadata.items() if not key.startswith("avro.")}
    fastavro.writer(
        theirs, {"type": "record", "name": "R", "fields": [{"name": "b", "type": "string"}]}, [{"b": "y"}], metadata=kept
    )
    (batch,) = AVRO.read(io.BytesIO(theirs.getvalue()), None)
    assert batch.to_pylist() == [{"b": "y"}]


def test_a_map_with_a_key_twice_is_refused_by_field():
    given = columns(prices=pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64())))
    with pytest.raises(DataError, match="'prices': a map has a key twice"):
        written(AVRO, [given])


def test_a_uuid_is_sixteen_bytes():
    one = uuid.uuid4()
    given = columns(id=pa.array([one.bytes, None], pa.uuid()))
    assert [row["id"] for row in fastavro.reader(io.BytesIO(written(AVRO, [given])))] == [one.bytes, None]
