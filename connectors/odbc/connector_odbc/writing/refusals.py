"""Rows that the target did not take, as rejects: the database's own message, and the row as Arrow data that can be replayed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from connector_sdk.rejects import Reject

__all__ = ["reject_of"]


def reject_of(
    stream: str, place: str, row: pa.RecordBatch, reason: str, *, code: str = "refused", field: str | None = None
) -> Reject:
    """The reject for one refused row, a batch of one."""
    out: Any = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, row.schema) as writer:
        writer.write_batch(row)
    raw: bytes = out.getvalue().to_pybytes()
    return Reject(stream=stream, code=code, reason=reason, raw=raw, field=field, place=place, raw_form="arrow")
