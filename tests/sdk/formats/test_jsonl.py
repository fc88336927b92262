"""JSON lines: ordinary JSON readers see every digit, and with the schema nothing is lost."""

from __future__ import annotations

import io
import json
import math
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats import FORMATS
from connector_sdk.formats.jsonl import READ_BYTES
from hypothesis import HealthCheck, given, settings

from tests.sdk.formats.tables import batches, survives, written

JSONL = FORMATS["jsonl"]
ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(batches())
def test_whatever_arrow_holds_survives_or_the_loss_is_declared(data):
    survives(JSONL, data)


@ANY
@given(batches(changes=True))
def test_change_batches_survive(data):
    survives(JSONL, data)


def one(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def read(content: bytes, schema: pa.Schema | None = None) -> pa.Table:
    return pa.Table.from_batches(JSONL.read(io.BytesIO(content), schema))


def test_a_line_looks_like_this():
    moment = datetime(2024, 2, 29, 12, 30, 15, 120000)
    id_ = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
    batch = one(
        id=pa.array([2**63 - 1]),
        name=pa.array(['say "hi"\n😀']),
        price=pa.array([Decimal("12.30")], pa.decimal128(9, 2)),
        tiny=pa.array([Decimal("0.00000001")], pa.decimal128(20, 8)),
        ratio=pa.array([0.1]),
        day=pa.array([date(2024, 2, 29)]),
        at=pa.array([moment]),
        instant=pa.array([moment.replace(tzinfo=UTC)], pa.timestamp("ms", "Europe/Berlin")),
        t=pa.array([time(1, 2, 3)], pa.time32("s")),
        took=pa.array([-1_500_000], pa.duration("us")),
        ok=pa.array([True]),
        scan=pa.array([b"\x00\xff"]),
        key=pa.array([id_.bytes], pa.uuid()),
        tags=pa.array([["a", None]]),
        prices=pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())),
        ages=pa.array([[(7, None)]], pa.map_(pa.int8(), pa.int8())),
        gone=pa.nulls(1),
    )
    assert written(JSONL, [batch]).decode() == (
        '{"id":9223372036854775807,"name":"say \\"hi\\"\\n😀","price":"12.30","tiny":"0.00000001","ratio":0.1,"day":"2024-02-29",'
        '"at":"2024-02-29T12:30:15.120000","instant":"2024-02-29T12:30:15.120Z","t":"01:02:03","took":"-PT1.500000S","ok":true,'
        '"scan":"AP8=","key":"00112233-4455-6677-8899-aabbccddeeff","tags":["a",null],"prices":{"a":1},'
        '"ages":[{"key":7,"value":null}],"gone":null}\n'
    )


def test_what_json_has_no_number_for_is_a_word():
    batch = one(x=pa.array([math.nan, math.inf, -math.inf, None, 1.5]))
    lines = written(JSONL, [batch]).splitlines()
    assert [json.loads(line)["x"] for line in lines] == ["NaN", "Infinity", "-Infinity", None, 1.5]


def test_decimals_that_others_wrote_as_numbers_keep_their_digits():
    schema = pa.schema([("price", pa.decimal128(20, 10)), ("ratio", pa.float64())])
    table = read(b'{"price": 1234567890.0123456789, "ratio": 0.1}\n{"price": 3, "ratio": 2}\n', schema)
    assert table.to_pydict() == {"price": [Decimal("1234567890.0123456789"), Decimal(3)], "ratio": [0.1, 2.0]}


def test_without_a_schema_the_types_are_those_of_all_rows():
    table = read(b'{"a":1,"b":null}\n{"a":2.5,"c":"x"}\n{"b":["y"]}\n')
    assert table.to_pydict() == {"a": [1.0, 2.5, None], "b": [None, None, ["y"]], "c": [None, "x", None]}


def test_types_are_found_in_later_blocks_too():
    lines = b'{"n": 1}\n' * (READ_BYTES // 9 + 10) + b'{"n": 0.5, "late": "x"}\n'
    table = read(lines)
    assert table.schema == pa.schema([("n", pa.float64()), ("late", pa.string())])
    assert table.num_rows == READ_BYTES // 9 + 11


def test_rows_without_a_common_type_are_one_clear_error():
    with pytest.raises(DataError, match="have no common types"):
        read(b'{"a":1}\n{"a":"x"}\n')


def test_a_pipe_needs_a_schema():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ConfigError, match="pipe"):
        list(JSONL.read(Pipe(b'{"a":1}\n'), None))
    (batch,) = JSONL.read(Pipe(b'{"a":1}\n'), pa.schema([("a", pa.int8())]))
    assert batch.to_pylist() == [{"a": 1}]


def test_a_missing_key_is_null_and_blank_lines_are_none():
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    assert read(b'\n{"b":"x"}\r\n\n{"a":1}', schema).to_pylist() == [{"a": None, "b": "x"}, {"a": 1, "b": None}]


def test_an_unknown_key_is_drift_that_names_it():
    with pytest.raises(SchemaDriftError, match="'zz'") as caught:
        read(b'{"a":1,"zz":2}\n', pa.schema([("a", pa.int64())]))
    assert caught.value.fields == ("zz",)


@pytest.mark.parametrize(
    ("line", "type_", "message"),
    [
        ('{"a": 1.5}', pa.int64(), "'a' in the rows from line 1"),
        ('{"a": "5"}', pa.int64(), "'a'"),
        ('{"a": true}', pa.int64(), "bool where int is expected"),
        ('{"a": true}', pa.float64(), "true or false"),
        ('{"a": true}', pa.decimal128(5, 2), "'a'"),
        ('{"a": 9007199254740993}', pa.float64(), "'a'"),
        ('{"a": 1}', pa.bool_(), "'a'"),
        ('{"a": 1}', pa.string(), "'a'"),
        ('{"a": "1.234"}', pa.decimal128(5, 2), "'a'"),
        ('{"a": "2023-02-29"}', pa.date32(), "'a'"),
        ('{"a": "2024-01-01T00:00:00"}', pa.timestamp("us", "UTC"), "'a'"),
        ('{"a": "2024-01-01T00:00:00Z"}', pa.timestamp("us"), "'a'"),
        ('{"a": "2024-01-01T00:00:00.1234567890"}', pa.timestamp("ns"), "'a'"),
        ('{"a": "not base64!"}', pa.binary(), "'a'"),
        ('{"a": "1 day"}', pa.duration("s"), "PT90.5S"),
        ('{"a": "PT1.5S"}', pa.duration("s"), "'a'"),
        ('{"a": "nan"}', pa.float64(), "'a'"),
        ('{"a": {"x": 1}}', pa.struct([("y", pa.int8())]), "the unknown key 'x'"),
        ('{"a": 300}', pa.int8(), "'a'"),
        ('{"a": [1]}', pa.string(), "'a'"),
        ('{"a": "x"}', pa.list_(pa.string()), "a list was expected"),
        ('{"a": {}}', pa.list_(pa.string()), "a list was expected"),
        ('{"a": "x"}', pa.map_(pa.string(), pa.int8()), "'a'"),
        ('{"a": 5}', pa.struct([("y", pa.int8())]), "'a'"),
    ],
)
def test_a_value_that_is_not_exactly_of_its_type_is_refused_and_never_bent(line, type_, message):
    with pytest.raises(DataError) as caught:
        read(f"{line}\n".encode(), pa.schema([("a", type_)]))
    assert message in str(caught.value)
