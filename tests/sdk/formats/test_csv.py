"""CSV files: ordinary tools read them, and with the schema nothing is lost."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from connector_sdk.errors import DataError, SchemaDriftError
from connector_sdk.formats import FORMATS, Kept
from connector_sdk.formats.csv import BLOCK_BYTES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sdk.formats.tables import batches, survives, written

CSV = FORMATS["csv"]
ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(batches())
def test_whatever_arrow_holds_survives_or_the_loss_is_declared(data):
    survives(CSV, data)


@ANY
@given(batches(changes=True))
def test_change_batches_survive(data):
    survives(CSV, data)


def one(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def read(content: bytes, schema: pa.Schema | None = None) -> pa.Table:
    return pa.Table.from_batches(CSV.read(io.BytesIO(content), schema))


def test_a_file_looks_like_this():
    moment = datetime(2024, 2, 29, 12, 30, 15, 120000)
    batch = one(
        name=pa.array(['say "hi"', "", None]),
        price=pa.array([Decimal("12.30"), Decimal("-0.05"), None], pa.decimal128(9, 2)),
        tiny=pa.array([Decimal("0.00000001"), Decimal(0), Decimal(1)], pa.decimal128(20, 8)),
        day=pa.array([date(2024, 2, 29), None, None]),
        at=pa.array([moment, None, None]),
        instant=pa.array([moment.replace(tzinfo=UTC), None, None], pa.timestamp("ms", "Europe/Berlin")),
        t=pa.array([time(1, 2, 3), None, None], pa.time32("s")),
        ok=pa.array([True, False, None]),
        scan=pa.array([b"\x00\xff", b"", None]),
        tags=pa.array([["a", None], [], None]),
    )
    assert written(CSV, [batch]).decode() == (
        '"name","price","tiny","day","at","instant","t","ok","scan","tags"\n'
        '"say ""hi""",12.30,"0.00000001",2024-02-29,2024-02-29 12:30:15.120000,2024-02-29 12:30:15.120Z,01:02:03,true,'
        '"AP8=","[""a"",null]"\n'
        '"",-0.05,"0.00000000",,,,,false,"","[]"\n'
        ',,"1.00000000",,,,,,,\n'
    )


def test_without_a_schema_nothing_is_guessed():
    table = read(b'code,amount,note\n"007",1.50,\n"",,""\n')
    assert table.schema == pa.schema([("code", pa.string()), ("amount", pa.string()), ("note", pa.string())])
    assert table.to_pydict() == {"code": ["007", ""], "amount": ["1.50", None], "note": [None, ""]}


@ANY
@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=5))
def test_python_reads_the_same_text(rows):
    rows = [(left.replace("\x00", ""), right.replace("\x00", "")) for left, right in rows]
    batch = pa.RecordBatch.from_arrays(
        [pa.array([r[0] for r in rows], pa.string()), pa.array([r[1] for r in rows], pa.string())], ["a", "b"]
    )
    text = written(CSV, [batch]).decode()
    assert [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:] == rows


def test_duckdb_reads_the_same_values(tmp_path):
    batch = one(
        id=pa.array([1, 2, None]), name=pa.array(["a,b", "", 'x"\ny']), price=pa.array([Decimal("1.50"), None, Decimal("-2.25")])
    )
    path = tmp_path / "x.csv"
    path.write_bytes(written(CSV, [batch]))
    found = duckdb.sql(f"select id, name, price::decimal(3,2) as price from read_csv('{path}', allow_quoted_nulls=false)")
    assert found.fetchall() == [tuple(row.values()) for row in batch.to_pylist()]


def test_columns_may_come_in_another_order():
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    assert read(b'b,a\n"x",1\n', schema).to_pydict() == {"a": [1], "b": ["x"]}


@pytest.mark.parametrize(
    ("header", "fields", "message"),
    [
        ("a,c", ("b", "c"), "lacks 'b'; has the unknown 'c'"),
        ("a", ("b",), "lacks 'b'"),
        ("a,b,a", ("a",), "repeats 'a'"),
    ],
)
def test_another_header_is_drift_that_names_the_fields(header, fields, message):
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    with pytest.raises(SchemaDriftError, match=message) as caught:
        read(header.encode() + b"\n", schema)
    assert caught.value.fields == fields


def test_a_byte_order_mark_is_no_part_of_the_header():
    assert read(b"\xef\xbb\xbfid\r\n1\r\n").to_pydict() == {"id": ["1"]}


def test_a_null_in_the_only_column_is_an_empty_line():
    batch = one(a=pa.array([1, None, 3]))
    content = written(CSV, [batch])
    assert content == b'"a"\n1\n\n3\n'
    assert read(content, batch.schema).to_pydict() == {"a": [1, None, 3]}


@pytest.mark.parametrize("size", [BLOCK_BYTES - 3, BLOCK_BYTES, 3 * BLOCK_BYTES])
def test_a_value_may_be_larger_than_a_block(size):
    batch = one(a=pa.array([1, 2, 3]), text=pa.array(["before", 'line\n"quoted",\n' * (size // 15), "behind"]))
    assert read(written(CSV, [batch]), batch.schema).to_pydict() == batch.to_pydict()


def test_what_reads_as_a_number_in_quotes_is_text_where_text_is_expected():
    batch = one(code=pa.array(["007", "1e5", "NaN", "null", "true", ""]))
    assert read(written(CSV, [batch]), batch.schema).to_pydict() == batch.to_pydict()


def test_years_that_iso_8601_has_no_four_digits_for_are_refused_by_field():
    batch = pa.RecordBatch.from_arrays([pa.array([2_932_897], pa.int32()).view(pa.date32())], ["born"])
    assert [(loss.field, loss.kept) for loss in CSV.losses(batch.schema)][1:] == [("born", Kept.REFUSED)]
    with pytest.raises(DataError, match="'born': a date outside the years 1 to 9999"):
        written(CSV, [batch])
