"""What every format promises, whatever it is."""

from __future__ import annotations

import gc
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import PurePath

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError, DataError, InternalError, LocalResourceError
from connector_sdk.formats import FORMATS, Kept, Loss, format_of
from connector_sdk.schema import describe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sdk.formats.tables import Plain, batches, survives, written

ORDERS = pa.schema(
    [
        describe("id", pa.int64(), nullable=False, native="NUMBER(18)", doc="what identifies it", origin="orders.sql:3"),
        describe("customer", pa.string(), doc="name 😀"),
        describe("total", pa.decimal128(12, 2), native="NUMBER(12,2)"),
        describe("placed", pa.timestamp("us", "Europe/Berlin")),
        describe("day", pa.date32()),
        describe("scan", pa.binary()),
    ],
    {"connector.origin": "orders.sql"},
)


def orders(count: int) -> pa.RecordBatch:
    rows = [
        {
            "id": number,
            "customer": None if number % 7 == 0 else "" if number % 5 == 0 else f'Kunde, "{number}"\nÄ\x00😀',
            "total": Decimal(number).scaleb(-2),
            "placed": datetime(2024, 1, 1, 12, number % 60, tzinfo=UTC),
            "day": date(2024, 2, 29),
            "scan": bytes([number % 256, 0, 255]),
        }
        for number in range(count)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=ORDERS)


every_format = pytest.mark.parametrize("name", sorted(FORMATS))


def test_formats_are_found_by_name_and_by_ending():
    assert list(FORMATS) == ["parquet", "avro", "csv", "jsonl", "arrow"]
    for name, format_ in FORMATS.items():
        assert (format_.name, format_.suffix) == (name, f".{name}")
        assert format_of(f"folder.d/runways{format_.suffix.upper()}") is format_
        assert format_of(PurePath(f"runways{format_.suffix}")) is format_


@pytest.mark.parametrize("path", ["runways.xlsx", "runways", "avro", "folder.csv/", ""])
def test_an_unknown_ending_is_told_the_known_ones(path):
    if path == "folder.csv/":
        assert format_of(path).name == "csv"
        return
    with pytest.raises(ConfigError, match=r"\.parquet, \.avro, \.csv, \.jsonl, \.arrow"):
        format_of(path)


@every_format
def test_ordinary_rows_survive_in_every_format(name):
    survives(FORMATS[name], [orders(300), orders(0), orders(5)])


@pytest.mark.parametrize("name", ["parquet", "avro", "arrow"])
def test_a_format_with_a_schema_of_its_own_loses_nothing_ordinary(name):
    assert FORMATS[name].losses(ORDERS) == []
    back = list(FORMATS[name].read(io.BytesIO(written(FORMATS[name], [orders(10)])), None))
    assert back[0].schema.equals(ORDERS, check_metadata=True)


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_text_format_says_that_it_needs_the_schema(name):
    assert [loss for loss in FORMATS[name].losses(ORDERS) if loss.kept is not Kept.REFUSED] == [
        Loss("*", "types, nullability and metadata: name the schema when reading", Kept.BY_SCHEMA)
    ]


@every_format
def test_a_file_without_rows_still_tells_its_schema(name):
    for batches_ in ([orders(0)], [orders(0), orders(0)]):
        (only,) = FORMATS[name].read(io.BytesIO(written(FORMATS[name], batches_)), ORDERS)
        assert (only.num_rows, only.schema.equals(ORDERS, check_metadata=True)) == (0, True)


@every_format
def test_a_file_to_which_nothing_was_written_is_one_without_rows(name):
    out = Plain()
    FORMATS[name].writer(out, ORDERS).close()
    assert sum(b.num_rows for b in FORMATS[name].read(io.BytesIO(out.content.getvalue()), ORDERS)) == 0


@every_format
def test_a_writer_that_is_dropped_writes_nothing_more(name):
    out = Plain()
    writer = FORMATS[name].writer(out, ORDERS)
    writer.write(orders(10))
    so_far = out.content.getvalue()
    del writer
    gc.collect()
    assert out.content.getvalue() == so_far


@every_format
def test_closing_twice_is_closing_once(name):
    out = Plain()
    writer = FORMATS[name].writer(out, ORDERS)
    writer.write(orders(10))
    writer.close()
    once = out.content.getvalue()
    writer.close()
    assert out.content.getvalue() == once


@every_format
@pytest.mark.parametrize("room", [0, 100, 3000])
def test_a_full_disk_is_told_as_it_is(name, room):
    class Full(Plain):
        def write(self, data: bytes, /) -> int:
            if self.content.tell() + len(data) > room:
                raise LocalResourceError("disk full")
            return super().write(data)

    out = Full()
    with pytest.raises(LocalResourceError, match="disk full"):
        writer = FORMATS[name].writer(out, ORDERS)
        writer.write(orders(300))
        writer.close()


@every_format
def test_a_null_where_none_may_be_is_refused_by_name(name):
    writer = FORMATS[name].writer(Plain(), ORDERS)
    rows = orders(3).to_pylist()
    loose = pa.schema([field.with_nullable(True) for field in ORDERS])
    bad = pa.RecordBatch.from_pylist([*rows, {**rows[0], "id": None}], schema=loose)
    with pytest.raises((DataError, InternalError)):
        writer.write(bad)
    with pytest.raises(DataError, match="'id' must not be null"):
        writer.write(pa.RecordBatch.from_arrays(bad.columns, schema=ORDERS))


@every_format
def test_a_batch_of_another_schema_is_a_defect(name):
    writer = FORMATS[name].writer(Plain(), ORDERS)
    with pytest.raises(InternalError, match="came to a file of"):
        writer.write(orders(3).select(["id"]))


@every_format
@pytest.mark.parametrize("damage", ["garbage", "empty", "cut"])
def test_a_damaged_file_is_one_clear_error(name, damage):
    whole = written(FORMATS[name], [orders(300)])
    content = {"garbage": b"\x01\xff{nonsense,\n\xc3\x28" * 40, "empty": b"", "cut": whole[: len(whole) * 2 // 3]}[damage]
    if name == "jsonl" and damage == "empty":  # no lines are no rows
        assert [b.num_rows for b in FORMATS[name].read(io.BytesIO(content), ORDERS)] == [0]
        return
    with pytest.raises((DataError, ConfigError)) as caught:
        list(FORMATS[name].read(io.BytesIO(content), ORDERS))
    assert "\n" not in str(caught.value)


@every_format
def test_large_files_are_read_in_small_batches(name):
    batches = [orders(20_000) for _ in range(5)]
    back = list(FORMATS[name].read(io.BytesIO(written(FORMATS[name], batches)), ORDERS))
    assert sum(b.num_rows for b in back) == 100_000
    assert max(b.num_rows for b in back) <= 65_536


@every_format
def test_a_refused_type_is_told_before_anything_is_written(name):
    odd = pa.schema([pa.field("plain", pa.int8()), pa.field("odd", pa.run_end_encoded(pa.int32(), pa.string()))])
    out = Plain()
    if name == "arrow":
        FORMATS[name].writer(out, odd).close()
        return
    with pytest.raises(ConfigError, match=r"cannot hold odd: .*choose another format") as caught:
        FORMATS[name].writer(out, odd)
    assert caught.value.exit_code == 2
    assert out.content.getvalue() == b""


def test_only_lines_can_be_joined_end_to_end():
    assert {name for name, format_ in FORMATS.items() if format_.appendable} == {"jsonl"}
    twice = written(FORMATS["jsonl"], [orders(3)]) * 2
    assert sum(b.num_rows for b in FORMATS["jsonl"].read(io.BytesIO(twice), ORDERS)) == 6


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches(), st.sampled_from(sorted(FORMATS)), st.sampled_from(sorted(FORMATS)))
def test_what_one_format_gave_the_next_one_takes(data, one, other):
    try:
        content = written(FORMATS[one], data)
    except (ConfigError, DataError):
        return  # refused: the format's own test says whether rightly
    survives(FORMATS[other], list(FORMATS[one].read(io.BytesIO(content), data[0].schema)))
