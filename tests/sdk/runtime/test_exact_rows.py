"""Rows that do not fit a stream's types are rejects, one each with its reason and itself; all others are cast exactly."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.errors import SchemaDriftError
from connector_sdk.rejects import rejects_of
from connector_sdk.runtime.exact_rows import AT_ONCE, fit, roomy
from connector_sdk.runtime.table_source import TableSource
from connector_sdk.schema import Mode, Stream, WriteMode
from hypothesis import given
from hypothesis import strategies as st

SMALL = pa.schema([pa.field("n", pa.int16(), nullable=False), pa.field("t", pa.string())])


def row_of(raw: bytes) -> dict[str, Any]:
    with pa.ipc.open_stream(raw) as rows:
        (row,) = rows.read_all().to_pylist()
    return dict(row)


def test_a_row_that_does_not_fit_is_one_reject_with_its_reason_and_itself():
    rows = pa.RecordBatch.from_pydict({"n": pa.array([1, 40_000, None, 4], pa.int64()), "t": ["a", "b", "c", None]})
    good, rejects = fit("s", rows, SMALL, before=100)
    assert good.schema == SMALL
    assert good.to_pylist() == [{"n": 1, "t": "a"}, {"n": 4, "t": None}]
    wide, null = rejects_of(rejects)
    assert (wide.code, wide.field, wide.raw_form, row_of(wide.raw)) == ("type", "n", "arrow", {"n": 40_000, "t": "b"})
    assert wide.reason.startswith("row 102: it cannot become int16 exactly: ")
    assert (null.code, null.field, row_of(null.raw)) == ("required", "n", {"n": None, "t": "c"})
    assert null.reason == "row 103: it is null, and may not be"


def test_rows_that_fit_come_without_rejects():
    rows = pa.RecordBatch.from_pydict({"n": [1, 2], "t": ["a", "b"]}, schema=SMALL)
    assert fit("s", rows, SMALL) == (rows, None)


@given(values=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_every_row_is_there_once_as_itself_or_as_a_reject(values: list[int | None]):
    rows = pa.RecordBatch.from_pydict({"n": pa.array(values, pa.int64()), "t": pa.nulls(len(values), pa.string())})
    good, rejects = fit("s", rows, SMALL)
    found = [] if rejects is None else [row_of(reject.raw)["n"] for reject in rejects_of(rejects)]
    fits = [value is not None and -(2**15) <= value < 2**15 for value in values]
    assert good.column("n").to_pylist() == [value for value, fine in zip(values, fits, strict=True) if fine]
    assert found == [value for value, fine in zip(values, fits, strict=True) if not fine]


def test_types_that_no_row_can_be_cast_to_are_no_matter_of_rows():
    rows = pa.RecordBatch.from_pydict({"n": [[1]], "t": ["a"]})
    with pytest.raises(SchemaDriftError, match="'n' is list<.*>, and cannot become int16"):
        fit("s", rows, SMALL)


@pytest.mark.parametrize(
    ("have", "want", "fits", "does_not"),
    [
        (pa.float64(), pa.decimal128(5, 2), 1.24, 1.239),
        (pa.float64(), pa.float32(), 1.5, 0.1),
        (pa.float64(), pa.float32(), -1.5, 1e300),
        (pa.decimal128(20, 19), pa.float64(), decimal.Decimal("0.5"), decimal.Decimal("0.1234567890123456789")),
        (pa.timestamp("us"), pa.date32(), dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, 1)),
        (pa.int64(), pa.bool_(), 1, 5),
        (pa.float64(), pa.bool_(), 0.0, 1.5),
    ],
)
def test_a_value_that_arrow_would_change_without_a_word_is_a_reject(have: Any, want: Any, fits: Any, does_not: Any):
    rows = pa.RecordBatch.from_pydict({"x": pa.array([fits, does_not, None], have)})
    good, rejects = fit("s", rows, pa.schema([pa.field("x", want)]))
    assert good.column("x").cast(have).to_pylist() == [fits, None]
    (reject,) = rejects_of(rejects)
    assert f"it cannot become {want} exactly: {does_not} would be " in reject.reason


def test_a_number_that_is_none_stays_one():
    rows = pa.RecordBatch.from_pydict({"x": pa.array([float("nan"), float("inf"), None], pa.float64())})
    assert str(fit("s", rows, pa.schema([pa.field("x", pa.float32())]))[0].column("x").to_pylist()) == "[nan, inf, None]"


@pytest.mark.parametrize("have", [pa.duration("ms"), pa.timestamp("us")], ids=str)
def test_what_would_lose_its_unit_or_its_day_cannot_be_cast_at_all(have: pa.DataType):
    want = pa.string() if pa.types.is_duration(have) else pa.time64("us")
    rows = pa.RecordBatch.from_pydict({"x": pa.array([1600], pa.int64()).cast(have)})
    with pytest.raises(SchemaDriftError, match="and cannot become"):
        fit("s", rows, pa.schema([pa.field("x", want)]))


def test_a_reader_leaves_what_does_not_fit_to_the_fitting():
    narrow = pa.schema(
        [
            pa.field("n", pa.uint8(), nullable=False, metadata={"k": "v"}),
            pa.field("d", pa.decimal128(4, 1)),
            pa.field("t", pa.string(), nullable=False),
        ]
    )
    wide = roomy(narrow)
    assert [(field.type, field.nullable) for field in wide] == [
        (pa.int64(), True),
        (pa.decimal128(38, 1), True),
        (pa.string(), True),
    ]
    assert wide.field("n").metadata == {b"k": b"v"}
    rows = pa.RecordBatch.from_pydict(
        {"n": [7, 300], "d": [decimal.Decimal("1.5"), decimal.Decimal("12345.5")], "t": ["a", "b"]}, wide
    )
    assert fit("s", rows, narrow)[0].num_rows == 1


def test_rows_that_do_not_fit_are_told_some_at_a_time_so_that_a_limit_ends_the_load_soon():
    rows = pa.table({"id": range(5 * AT_ONCE), "n": pa.array([40_000] * (5 * AT_ONCE))})
    like = Stream(name="t", schema=pa.schema([("id", pa.int64()), ("n", pa.int16())]), writes=frozenset({WriteMode.APPEND}))
    with TableSource("t", rows, like=like) as source:
        [split] = source.plan(list(source.discover()), Mode.FULL)
        batches = source.read(split, None)
        first = next(batches)
        assert first.rejects is not None and first.rejects.num_rows == AT_ONCE
        batches.close()
        found = [first, *source.read(split, first.state)]
    rejects = pa.Table.from_batches([batch.rejects for batch in found if batch.rejects is not None])
    assert [text.split(":")[0] for text in rejects.column("reason").to_pylist()] == [f"row {n + 1}" for n in range(5 * AT_ONCE)]


def test_good_rows_of_a_large_batch_come_as_one():
    rows = pa.table({"id": range(3 * AT_ONCE)})
    like = Stream(name="t", schema=pa.schema([("id", pa.int32())]), writes=frozenset({WriteMode.APPEND}))
    with TableSource("t", rows, like=like) as source:
        [split] = source.plan(list(source.discover()), Mode.FULL)
        assert [batch.data.num_rows for batch in source.read(split, None)] == [3 * AT_ONCE]


def test_a_table_of_rows_may_have_columns_that_are_called_as_those_of_changes():
    rows = pa.table({"id": [1, 2], "_op": [None, "c"]}, schema=pa.schema([("id", pa.int64()), ("_op", pa.string())]))
    like = Stream(name="t", schema=rows.schema, keys=("id",))
    with TableSource("t", rows, like=like) as source:
        (stream,) = source.discover()
        assert stream.schema.names == ["id", "_op"]
        (split,) = source.plan([stream], Mode.FULL)
        (batch,) = source.read(split, None)
        assert batch.rejects is None
        assert batch.data.to_pylist() == rows.to_pylist()
