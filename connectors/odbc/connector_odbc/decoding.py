"""From what was fetched to the stream's own batch: values restored, rows with one that has no exact place turned into rejects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute
from connector_sdk.rejects import RAW_LIMIT, Reject, reject_batch

from connector_odbc.key_text import key_text
from connector_odbc.typed import AnyArray, Restored, Typed
from connector_odbc.way import Way

__all__ = ["Decoded", "Decoder"]

pc: Any = pyarrow.compute


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """`at` is the last row's place in the order, as canonical texts; None where it has none."""

    data: pa.RecordBatch
    rejects: pa.RecordBatch | None
    at: tuple[str, ...] | None


class Decoder:
    """Decodes batches whose columns are those of :func:`connector_odbc.selecting.projection`, in that order."""

    def __init__(self, way: Way, typed: Sequence[Typed] | None = None) -> None:
        """`typed` counts before the way of the columns that `way` has."""
        self._way = way
        names = way.stream.schema.names
        extra = [part for part in way.order if part.name not in names]
        own = tuple(typed for _, typed in way.columns) + tuple(part.typed for part in extra)
        self.typed: tuple[Typed, ...] = own if typed is None else tuple(typed)
        """The way of each column that is fetched."""
        self.schema = pa.schema([(f"c{number}", typed.wire or typed.type) for number, typed in enumerate(self.typed)])
        """What is fetched."""
        fetched = [*names, *(part.name for part in extra)]
        self._order = [fetched.index(part.name) for part in way.order]

    def decode(self, fetched: pa.RecordBatch, lengths: Sequence[AnyArray | None] = ()) -> Decoded:
        """`lengths` has, by column, the bytes of values that were too long to be fetched, null for the others."""
        restored = [_restored(typed, values) for typed, values in zip(self.typed, fetched.columns, strict=True)]
        for number, length in enumerate(lengths):
            if length is not None and length.null_count < len(length):
                restored[number] = _too_long(restored[number], length)
        at = self._at(fetched, restored)
        schema = self._way.stream.schema
        restored[: len(schema)] = [_filled(part, field) for part, field in zip(restored, schema, strict=False)]
        data = pa.RecordBatch.from_arrays([part.values for part in restored[: len(schema)]], schema=schema)
        masks: list[Any] = [part.refused for part in restored[: len(schema)] if part.refused is not None]
        if not masks:
            return Decoded(data=data, rejects=None, at=at)
        refused: Any = masks[0]
        for mask in masks[1:]:
            refused = pc.or_(refused, mask)
        rejects = reject_batch([self._reject(fetched, restored, row.as_py()) for row in pc.indices_nonzero(refused)])
        return Decoded(data=data.filter(pc.invert(refused)), rejects=rejects, at=at)

    @property
    def keys(self) -> list[str]:
        """The columns of `schema` that say where a row lies in the order."""
        return [f"c{number}" for number in self._order]

    def place(self, fetched: pa.RecordBatch) -> tuple[str, ...] | None:
        """Of the last row, from its :attr:`keys` alone."""
        typed = [self.typed[number] for number in self._order]
        return self._place([(column, _restored(how, column)) for how, column in zip(typed, fetched.columns, strict=True)])

    def _at(self, fetched: pa.RecordBatch, restored: list[Restored]) -> tuple[str, ...] | None:
        """Of a row that is refused, too: reading goes on behind it."""
        return self._place([(fetched.column(number), restored[number]) for number in self._order])

    def _place(self, keys: Sequence[tuple[AnyArray, Restored]]) -> tuple[str, ...] | None:
        texts: list[str] = []
        for part, (fetched, restored) in zip(self._way.order, keys, strict=True):
            if not len(fetched):
                return None
            value = restored.values[-1].as_py()
            text = key_text(fetched[-1].as_py() if value is None and part.raw else value)
            if text is None:
                return None
            texts.append(text)
        return tuple(texts) or None

    def _reject(self, fetched: pa.RecordBatch, restored: list[Restored], row: int) -> Reject:
        names = self._way.stream.schema.names
        fields = restored[: len(names)]  # a key that is no field may be refused as well
        found = [n for n, part in enumerate(fields) if part.refused is not None and part.refused[row].as_py()]
        first = found[0]
        part = restored[first]
        raw = _raw(fetched.column(first)[row].as_py() if part.raw is None else part.raw[row].as_py())
        others = f"; so are {', '.join(names[n] for n in found[1:])}" if found[1:] else ""
        keys = zip(self._way.order, self._order, strict=True)
        key = ", ".join(f"{part.name}={_shown(restored[n].values[row].as_py())}" for part, n in keys)
        native = self._way.columns[first][0].native
        length = None
        if part.reason.startswith("longer"):
            length, raw = int(raw), b""
        return Reject(
            stream=self._way.stream.name,
            code="too_long" if length is not None else "type",
            reason=f"{native} {part.reason}: {_shown(raw)}{others}"
            if length is None
            else f"{part.reason}: {length:,} bytes{others}",
            raw=raw,
            raw_length=length,
            raw_sha256="" if length is not None else None,
            field=names[first],
            place=f"{self._way.table.name} {key}".strip(),
        )


def _restored(typed: Typed, values: Any) -> Restored:
    return Restored(values=values) if typed.restore is None else typed.restore(values)


def _filled(found: Restored, field: pa.Field[pa.DataType]) -> Restored:
    """Not every NOT NULL holds: a foreign table's is a promise, and an heir may do without its parent's."""
    if field.nullable or not found.values.null_count:
        return found
    reason = found.reason or "is declared NOT NULL, and null"
    return Restored(values=found.values, refused=found.values.is_null(), reason=reason, raw=found.raw)


def _too_long(found: Restored, length: Any) -> Restored:
    refused = length.is_valid()
    if found.refused is not None:
        refused = pc.or_(refused, found.refused)
    return Restored(
        values=found.values,
        refused=refused,
        reason="longer than max_value_bytes allows",
        raw=length.cast(pa.string()),
    )


def _raw(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value[:RAW_LIMIT]
    return b"" if value is None else str(value).encode().removeprefix(b"!")


def _shown(value: Any) -> str:
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
