"""Parquet files: whatever Arrow holds survives, and other readers see types they know."""

from __future__ import annotations

import io
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.formats import FORMATS, Kept
from connector_sdk.formats.parquet import GROUP_ROWS
from hypothesis import HealthCheck, given, settings

from tests.sdk.formats.tables import batches, survives, written

PARQUET = FORMATS["parquet"]
ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(batches())
def test_whatever_arrow_holds_survives_or_the_loss_is_declared(data):
    survives(PARQUET, data)


@ANY
@given(batches(changes=True))
def test_change_batches_survive(data):
    survives(PARQUET, data)


def one(**columns: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


def test_small_batches_become_one_row_group():
    content = written(PARQUET, [one(a=pa.array([number])) for number in range(500)])
    assert pq.ParquetFile(io.BytesIO(content)).metadata.num_row_groups == 1


def test_a_large_stream_becomes_several():
    batch = one(a=pa.array(range(GROUP_ROWS // 2)))
    metadata = pq.ParquetFile(io.BytesIO(written(PARQUET, [batch] * 3))).metadata
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [GROUP_ROWS, GROUP_ROWS // 2]


def test_other_readers_see_types_they_know():
    batch = one(
        instant=pa.array([5], pa.timestamp("s", "Europe/Berlin")),
        wait=pa.array([pa.MonthDayNano([1, 2, 3])]),
        hundreds=pa.array([Decimal(1200)], pa.decimal128(5, 0)).cast(pa.decimal128(5, -2)),
        state=pa.array([1, 2, 1][:1], pa.int64()).dictionary_encode(),
    )
    table = pl.read_parquet(io.BytesIO(written(PARQUET, [batch])))
    assert table.to_dicts() == [
        {
            "instant": datetime(1970, 1, 1, 1, 0, 5, tzinfo=ZoneInfo("Europe/Berlin")),
            "wait": {"months": 1, "days": 2, "nanoseconds": 3},
            "hundreds": Decimal(1200),
            "state": 1,
        }
    ]


def test_a_file_of_somebody_else_is_read_by_its_own_schema():
    out = io.BytesIO()
    pl.DataFrame({"a": [1, None], "when": [datetime(2024, 1, 1), None]}).write_parquet(out)
    (batch,) = PARQUET.read(io.BytesIO(out.getvalue()), None)
    assert batch.to_pylist() == [{"a": 1, "when": datetime(2024, 1, 1)}, {"a": None, "when": None}]


def test_a_pipe_is_refused():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ConfigError, match="pipe"):
        list(PARQUET.read(Pipe(b"PAR1"), None))


def test_seconds_that_milliseconds_cannot_reach_are_refused_by_field():
    batch = one(far=pa.array([1 << 62], pa.timestamp("s")))
    assert [(loss.field, loss.kept) for loss in PARQUET.losses(batch.schema)] == [("far", Kept.REFUSED)]
    with pytest.raises(DataError, match="field 'far'"):
        written(PARQUET, [batch])
