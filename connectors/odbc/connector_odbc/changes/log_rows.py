"""Changes of one stream as the log tells them, value by value in text, gathered and turned into change batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute
from connector_sdk import changes
from connector_sdk.rejects import RAW_LIMIT, Reject, reject_batch
from connector_sdk.schema import Stream

from connector_odbc.changes.pgoutput import UNCHANGED, Unchanged
from connector_odbc.typed import Restore, Restored

__all__ = ["LogRows", "Row"]

pc: Any = pyarrow.compute

Row = Sequence[bytes | Unchanged | None]
"""Values in the order of the stream's fields."""


class LogRows:
    """What is gathered of one stream. `restores` has a way back from text for each field, `table` is for messages."""

    def __init__(self, stream: Stream, restores: Sequence[Restore], table: str, longest: int) -> None:
        self.stream = stream
        self.before = changes.change_schema(stream.schema).get_field_index(changes.BEFORE) >= 0
        self.size = 0
        self._restores = restores
        self._table = table
        self._longest = longest
        self._keys = [stream.schema.get_field_index(key) for key in stream.keys]
        self._clear()

    def __len__(self) -> int:
        return len(self._ops)

    def _clear(self) -> None:
        self._ops: list[str] = []
        self._pos: list[bytes] = []
        self._ts: list[int] = []
        self._known: list[list[int] | None] = []
        self._rows: list[Row] = []
        self._before: list[Row | None] = []
        self.size = 0

    def add(self, op: str, row: Row | None, pos: bytes, moment: int, before: Row | None = None) -> None:
        """One change; no row: of a truncation. `moment` is in microseconds since 1970. Of a delete only the keys are
        taken: no other value can make it a reject."""
        known: list[int] | None
        if row is None:
            row, known = [None] * len(self._restores), []
        elif op == "d":
            row = [value if position in self._keys else None for position, value in enumerate(row)]
            known = self._keys
        elif UNCHANGED in row:
            known = [position for position, value in enumerate(row) if value is not UNCHANGED]
        else:
            known = None
        self._ops.append(op)
        self._pos.append(pos)
        self._ts.append(moment)
        self._known.append(known)
        self._rows.append(row)
        self._before.append(before if self.before else None)
        self.size += sum(len(value) for value in row if isinstance(value, bytes))

    def take(self) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
        """What has been gathered, as a change batch, and as rejects the changes with a value of no exact place in its field."""
        rows, refused = self._batch(self._rows)
        was: Any = None
        if self.before:
            images, _ = self._batch([row or [None] * len(self._restores) for row in self._before])
            fields = [field.with_nullable(True) for field in self.stream.schema]
            mask = pa.array([row is None for row in self._before], pa.bool_())
            was = pa.StructArray.from_arrays(images.columns, fields=fields, mask=mask)
        data = changes.build(rows, self._ops, pos=self._pos, ts=self._ts, known=self._known, before=was)
        rejects = None
        if refused:
            rejects = reject_batch([self._reject(row, *found) for row, found in sorted(refused.items())])
            data = data.filter(pa.array([row not in refused for row in range(len(self))], pa.bool_()))
        self._clear()
        return data, rejects

    def _batch(self, rows: Sequence[Row]) -> tuple[pa.RecordBatch, dict[int, tuple[int, str, bytes]]]:
        """The rows, and of each that is refused: by which field, why, and the value."""
        refused: dict[int, tuple[int, str, bytes]] = {}
        columns: list[Any] = []
        for number, (field, restore) in enumerate(zip(self.stream.schema, self._restores, strict=True)):
            values = [row[number] for row in rows]
            plain = [value if isinstance(value, bytes) else None for value in values]
            for row, value in enumerate(plain):
                if value is not None and len(value) > self._longest and _length(field, value) > self._longest:
                    refused.setdefault(row, (number, "too_long", value))
                    plain[row] = None
            found = restored(restore, plain)
            if found.refused is not None:
                for place in pc.indices_nonzero(found.refused).to_pylist():
                    refused.setdefault(place, (number, found.reason, plain[place] or b""))
            columns.append(found.values)
        schema = pa.schema([field.with_nullable(True) for field in self.stream.schema]).with_metadata(self.stream.schema.metadata)
        return pa.RecordBatch.from_arrays(columns, schema=schema), refused

    def _reject(self, row: int, number: int, reason: str, value: bytes) -> Reject:
        field, long = self.stream.schema.field(number), reason == "too_long"
        shown = value[:60].decode(errors="replace")
        place = ", ".join(
            f"{self.stream.schema.names[key]}={(self._rows[row][key] or b'').decode(errors='replace')!r}"  # type: ignore[union-attr]
            for key in self._keys
            if isinstance(self._rows[row][key], bytes)
        )
        return Reject(
            stream=self.stream.name,
            code="too_long" if long else "type",
            reason=f"longer than max_value_bytes allows: {_length(field, value):,} bytes" if long else f"{reason}: {shown!r}",
            raw=value[:RAW_LIMIT],
            raw_length=len(value),
            field=field.name,
            place=f"{self._table} {place}".strip(),
        )


def restored(restore: Restore, values: Sequence[bytes | None]) -> Restored:
    """Texts in UTF-8 as the field's own type."""
    texts: Any = pa.array(values, pa.binary()).cast(pa.string())
    return restore(texts)


def _length(field: Any, value: bytes) -> int:
    return (len(value) - 2) // 2 if pa.types.is_binary(field.type) else len(value)
