"""Rejects tried again: rows that were to be written come back with the fields they had, and no more than the stream's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.formats import FORMATS
from connector_sdk.rejects import Reject
from connector_sdk.runtime.reject_file import RejectFile
from connector_sdk.runtime.replay import ReplaySource
from connector_sdk.schema import Mode, Stream, describe

SCHEMA = pa.schema(
    [
        describe("id", pa.int64(), nullable=False, default="identity"),
        describe("name", pa.string()),
        describe("made", pa.int64(), nullable=False, default="7"),
    ]
)


class Counted:
    """A table whose keys are counted by its system."""

    def discover(self, only: Any = None) -> list[Stream]:
        return [Stream(name="t", schema=SCHEMA, keys=("id",), reads=frozenset({Mode.FULL}))]


def arrow(**row: object) -> bytes:
    out: Any = pa.BufferOutputStream()
    table = pa.Table.from_pylist([row])
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue().to_pybytes()


def reject(raw: bytes, form: str) -> Reject:
    return Reject(stream="t", code="refused", reason="not now", raw=raw, raw_form=form)


ROWS = {"csv": b"name\na\n", "jsonl": b'{"name":"a"}', "arrow": arrow(name="a")}


@pytest.mark.parametrize("form", ROWS)
def test_what_the_system_fills_in_is_left_out_where_no_row_had_it(tmp_path: Path, form: str) -> None:
    RejectFile(tmp_path / "bad", "c", "load").append([reject(ROWS[form], form), reject(b"{}broken", "jsonl")], 1)
    source = ReplaySource(Counted(), tmp_path / "bad")  # type: ignore[arg-type]
    (stream,) = source.discover()
    assert stream.schema.names == ["name"]
    (split,) = source.plan([stream], Mode.FULL)
    rows = [row for batch in source.read(split, None) for row in batch.data.to_pylist()]
    assert rows == [{"name": "a"}]
    assert {name for name in FORMATS if FORMATS[name].sift is not None} == {"csv", "jsonl"}


def test_what_one_of_the_rows_had_stays(tmp_path: Path) -> None:
    given = [reject(ROWS["csv"], "csv"), reject(b'{"id":3,"name":"b"}', "jsonl")]
    RejectFile(tmp_path / "bad", "c", "load").append(given, 1)
    source = ReplaySource(Counted(), tmp_path / "bad")  # type: ignore[arg-type]
    (stream,) = source.discover()
    assert stream.schema.names == ["id", "name"]
    (split,) = source.plan([stream], Mode.FULL)
    batches = list(source.read(split, None))
    assert [row for batch in batches for row in batch.data.to_pylist()] == [{"id": 3, "name": "b"}]
    assert sum(batch.rejects.num_rows for batch in batches if batch.rejects is not None) == 1
