"""CSV and JSON lines read row by row where it must be: the same rows as at once, and each bad one a reject of its own."""

from __future__ import annotations

import io
from dataclasses import replace

import pyarrow as pa
import pytest
from connector_sdk.formats import FORMATS
from connector_sdk.rejects import Reject, rejects_of
from connector_sdk.schema import describe
from hypothesis import HealthCheck, assume, given, settings

from tests.sdk.formats.tables import batches, survives

ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def sift(name: str, content: bytes, schema: pa.Schema) -> tuple[pa.Table, list[Reject]]:
    told: list[pa.RecordBatch] = []
    found = list(FORMATS[name].sift(io.BytesIO(content), schema, "s", "place", told.append))
    return pa.Table.from_batches(found), [reject for batch in told for reject in rejects_of(batch)]


def none_told(rejects: pa.RecordBatch) -> None:
    raise AssertionError(rejects.to_pylist())


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@ANY
@given(data=batches())
def test_whatever_was_written_is_read_and_nothing_of_it_is_a_reject(name, data):
    form = FORMATS[name]
    assume(name != "csv" or "" not in data[0].schema.names)
    survives(replace(form, read=lambda file, schema: form.sift(file, schema, "s", "place", none_told)), data)


TYPES = [
    pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.decimal128(5, 2), pa.decimal128(5, -2),
    pa.decimal256(60, 2),
    pa.date32(), pa.date64(), pa.time32("s"), pa.time64("us"), pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", "UTC"),
    pa.duration("ms"), pa.binary(), pa.binary(3), pa.uuid(), pa.month_day_nano_interval(), pa.null(),
    pa.list_(pa.int8()), pa.struct([("x", pa.int8())]), pa.map_(pa.string(), pa.int8()), pa.map_(pa.int8(), pa.int8()),
    pa.dictionary(pa.int8(), pa.int64()), pa.dictionary(pa.int8(), pa.date32()),
]  # fmt: skip
WORDS = ['"what is this?"', "12.345.6", '"2024-13-01"', '{"y":{"z":[]}}', '["x",{}]', "[[1]]", '""']


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_a_cell_that_is_no_value_is_a_reject_of_its_row(type_):
    schema = pa.schema([("id", pa.int64()), ("a", type_)])
    for word in WORDS[:-1]:
        quoted = '"' + word.strip('"').replace('"', '""') + '"'
        content = f"id,a\n1,\n2,{quoted}\n3,\n".encode()
        table, rejects = sift("csv", content, schema)
        assert table.column("id").to_pylist() == [1, 3], word
        assert [(r.line, r.field, r.code) for r in rejects] == [(3, "a", "type")]
        assert rejects[0].raw == f"id,a\n2,{quoted}".encode()
        assert sift("csv", rejects[0].raw, schema)[0].num_rows == 0


@pytest.mark.parametrize("type_", [*TYPES, pa.string(), pa.large_string()], ids=str)
def test_a_json_value_that_is_none_is_a_reject_of_its_row(type_):
    schema = pa.schema([("id", pa.int64()), ("a", type_)])
    for word in ('{"y":{"z":[]}}', '["x",{}]', "[[1]]", "1.5" if pa.types.is_integer(type_) else '{"x":"y"}'):
        content = f'{{"id":1}}\n{{"id":2,"a":{word}}}\n{{"id":3,"a":null}}\n'.encode()
        table, rejects = sift("jsonl", content, schema)
        assert table.column("id").to_pylist() == [1, 3], word
        assert [(r.line, r.field, r.code, r.raw_form) for r in rejects] == [(2, "a", "type", "jsonl")]
        assert sift("jsonl", rejects[0].raw, schema)[0].num_rows == 0


def test_what_must_have_a_value_and_has_none_is_a_reject():
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("key", pa.uuid(), nullable=False)])
    key = "00112233-4455-6677-8899-aabbccddeeff"
    table, rejects = sift("csv", f"id,key\n1,{key}\n2,\n,{key}\n".encode(), schema)
    assert table.num_rows == 1
    assert [(r.line, r.field, r.code) for r in rejects] == [(3, "key", "required"), (4, "id", "required")]
    table, rejects = sift("jsonl", f'{{"id":1,"key":"{key}"}}\n{{"id":2}}\n{{"id":null,"key":"{key}"}}\n'.encode(), schema)
    assert table.num_rows == 1
    assert [(r.line, r.field, r.code) for r in rejects] == [(2, "key", "required"), (3, "id", "required")]


def test_a_byte_that_is_no_text_is_a_reject():
    schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("tags", pa.list_(pa.string()))])
    content = b"id,name,tags\n1,a,[]\n2,\xff,[]\n3,c,\xff\n"
    table, rejects = sift("csv", content, schema)
    assert table.column("id").to_pylist() == [1]
    assert [(r.line, r.field, r.code) for r in rejects] == [(3, "name", "encoding"), (4, "tags", "encoding")]
    table, rejects = sift("jsonl", b'{"id":1}\n{"id":2,"name":"\xff"}\n', schema)
    assert [(r.line, r.field, r.code) for r in rejects] == [(2, None, "json")]


def test_a_quote_that_is_never_closed_costs_its_line():
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    table, rejects = sift("csv", b'id,name\r\n1,a\r\n2,"b\r\n3,c\r\n', schema)
    assert table.column("id").to_pylist() == [1, 3]
    assert [(r.line, r.code) for r in rejects] == [(3, "quote")]


def test_json_that_is_nested_without_end_is_a_reject():
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    table, rejects = sift("jsonl", b'{"a":1}\n' + deep, pa.schema([("a", pa.int64())]))
    assert table.num_rows == 1
    assert [(r.line, r.code) for r in rejects] == [(2, "json")]


def test_what_the_system_fills_in_may_be_left_out():
    schema = pa.schema([describe("id", pa.int64(), nullable=False, default="identity"), describe("name", pa.string())])
    for name, content in (("csv", b"name\na\nb\n"), ("jsonl", b'{"name":"a"}\n{"name":"b"}\n')):
        table, rejects = sift(name, content, schema)
        assert (table.to_pylist(), rejects) == ([{"name": "a"}, {"name": "b"}], [])
    table, rejects = sift("jsonl", b'{"id":1,"name":"a"}\n{"name":"b"}\n', schema)
    assert table.to_pylist() == [{"id": 1, "name": "a"}]
    assert [(r.line, r.field, r.code) for r in rejects] == [(2, "id", "required")]
