"""Records that could not be used: what is kept of each, and how many a run may have."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector_sdk.errors import DataError

__all__ = ["RAW_LIMIT", "REJECT_SCHEMA", "Budget", "Reject", "reject_batch", "rejects_of"]

RAW_LIMIT = 64 * 1024
"""Bytes of a record that a reject keeps; of a longer one the length and the digest say what is missing."""

_FIELDS: tuple[pa.Field[Any], ...] = (
    pa.field("stream", pa.string(), nullable=False),
    pa.field("code", pa.string(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("field", pa.string()),
    pa.field("place", pa.string()),
    pa.field("offset", pa.int64()),
    pa.field("line", pa.int64()),
    pa.field("raw", pa.binary()),
    pa.field("raw_form", pa.string(), nullable=False),
    pa.field("raw_length", pa.int64(), nullable=False),
    pa.field("raw_sha256", pa.string(), nullable=False),
)
REJECT_SCHEMA = pa.schema(_FIELDS)
"""The columns of `Batch.rejects`. `raw_form` is ``bytes`` (the record as the source had it), ``arrow`` (an Arrow IPC stream
of one row that a sink refused), or ``csv`` or ``jsonl`` (a record of a file to be written; CSV with its header in front)."""


@dataclass(frozen=True, kw_only=True)
class Reject:
    """One record that could not be used.

    `code` is one word for programs: ``ragged``, ``type``, ``encoding``, ``quote``, ``too_long``, ``required``, ``json``,
    ``refused``, ``conflict``. `place` is a file or table, `offset` counts bytes from its start (of the uncompressed content),
    `line` counts from 1. `raw` is the record's own bytes; `raw_length` and `raw_sha256` describe the whole record when `raw` is
    cut, or has the header of a CSV file in front.
    """

    stream: str
    code: str
    reason: str
    raw: bytes
    field: str | None = None
    place: str | None = None
    offset: int | None = None
    line: int | None = None
    raw_form: str = "bytes"
    raw_length: int | None = None
    raw_sha256: str | None = None


def reject_batch(rejects: Iterable[Reject]) -> pa.RecordBatch:
    """`rejects` as a batch of `REJECT_SCHEMA`, each with the first 64 KB of its raw bytes, their length and SHA-256."""
    found = list(rejects)
    columns: list[list[object]] = [
        [r.stream for r in found],
        [r.code for r in found],
        [r.reason for r in found],
        [r.field for r in found],
        [r.place for r in found],
        [r.offset for r in found],
        [r.line for r in found],
        [bytes(r.raw[:RAW_LIMIT]) for r in found],
        [r.raw_form for r in found],
        [len(r.raw) if r.raw_length is None else r.raw_length for r in found],
        [hashlib.sha256(r.raw).hexdigest() if r.raw_sha256 is None else r.raw_sha256 for r in found],
    ]
    # By column: a row at a time took five times as long, which was felt with one bad record in ten thousand.
    arrays = [pa.array(values, field.type) for values, field in zip(columns, REJECT_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=REJECT_SCHEMA)


def rejects_of(batch: pa.RecordBatch) -> list[Reject]:
    """The rejects in a batch that :func:`reject_batch` made."""
    return [Reject(**row) for row in batch.to_pylist()]


class Budget:
    """How many rejects one load may have; shared by its threads. ``None`` is unlimited, 0 (the default) allows none."""

    def __init__(self, limit: int | None = 0, spent: int = 0) -> None:
        self.limit = limit
        self.spent = spent
        self._lock = threading.Lock()

    def spend(self, count: int, example: Reject | None = None) -> None:
        """Count `count` more. Raises DataError, naming `example`, when that is more than the budget."""
        with self._lock:
            self.spent += count
            over = self.limit is not None and self.spent > self.limit
        if over:
            raise DataError(
                f"{self.spent} rejected record{'s' if self.spent != 1 else ''}, {self.limit} allowed{_tell(example)}",
                hint=f"max_rejects={self.spent} would allow as many",
                code="rejects",
                stream=None if example is None else example.stream,
            )

    def left(self) -> int | None:
        """How many more there may be; None: any number."""
        with self._lock:
            return None if self.limit is None else max(0, self.limit - self.spent)

    def give_back(self, count: int) -> None:
        """Forget `count` of them: the piece they came from will be read again."""
        with self._lock:
            self.spent -= count


def _tell(reject: Reject | None) -> str:
    if reject is None:
        return ""
    parts = [reject.place or reject.stream]
    if reject.line is not None:
        parts.append(f"line {reject.line}")
    elif reject.offset is not None:
        parts.append(f"byte {reject.offset}")
    if reject.field:
        parts.append(f"field {reject.field}")
    return f"; the last: {', '.join(parts)}: {reject.reason}"
