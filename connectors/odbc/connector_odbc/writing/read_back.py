"""A staged row as Arrow data again, for the reject of one that was refused only when it was to be published."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from connector_sdk.rejects import Reject
from connector_sdk.schema import Stream

from connector_odbc.database import Connection, Database
from connector_odbc.writing.refusals import reject_of
from connector_odbc.writing.staging import ORDINAL, Stage, quoted

__all__ = ["refused_row"]


def refused_row(
    database: Database, connection: Connection, stage: Stage, stream: Stream, ordinal: int, reason: str, code: str = "refused"
) -> Reject:
    """The reject for the staged row `ordinal`. A row that does not come back as it was sent is told as JSON text."""
    quote = database.profile.quote
    ways = [database.profile.typed(column) for column in stage.columns]
    selected = ", ".join(way.select.format(column=quote(c.name)) for way, c in zip(ways, stage.columns, strict=True))
    query = f"SELECT {selected} FROM {quoted(database, stage.table)} WHERE {quote(ORDINAL)} = {ordinal}"
    place = str(stage.target.name)
    values = tuple(connection.execute(query).fetchall()[0])
    try:
        columns = []
        for value, way, field in zip(values, ways, stream.schema, strict=True):
            array: Any = pa.array([bytes(value) if isinstance(value, bytearray) else value], way.wire or way.type)
            restored: Any = array if way.restore is None else way.restore(array).values
            columns.append(restored if restored.type == field.type else restored.cast(field.type))
        nullable = pa.schema([field.with_nullable(True) for field in stream.schema])
        return reject_of(stream.name, place, pa.RecordBatch.from_arrays(columns, schema=nullable), reason, code=code)
    except (pa.ArrowException, TypeError, ValueError):
        names = [column.name for column in stage.columns]
        raw = json.dumps(dict(zip(names, values, strict=True)), default=str, ensure_ascii=False).encode()
        return Reject(stream=stream.name, code=code, reason=reason, raw=raw, place=place)
