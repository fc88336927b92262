"""What a table's rows come to, bucket by bucket: asked of the server, and made of rows that were read with their hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from connector_sdk.errors import InternalError

from connector_odbc.catalogue import Column
from connector_odbc.database import Connection
from connector_odbc.profiles.changes import Hashes
from connector_odbc.selecting import Query
from connector_odbc.typed import InLine, Typed
from connector_odbc.way import Way

__all__ = ["UNKNOWN", "Hashed", "Sums", "number_for"]

Sums = npt.NDArray[np.uint64]
"""By bucket: how many rows, and the sums of the halves of their hashes. Sums, for hashes that are equal would take each other out
of a XOR; modulo 2**64."""

ROWS = 1_000
"""Rows in a bucket, about."""
FEWEST, MOST = 1 << 10, 1 << 16
"""Buckets. There are some for a table that is small, or empty, when it is read first: their number never changes."""
UNKNOWN = np.iinfo(np.uint64).max
"""Rows of a bucket that is to be read again, whatever is in it."""


def number_for(rows: int) -> int:
    """How many buckets a table of so many rows gets: a power of two."""
    count = FEWEST
    while count < MOST and count * ROWS < rows:
        count *= 2
    return count


@dataclass(frozen=True)
class Hashed:
    """A table whose rows lie in `count` buckets, by their keys. `way` reads them with two more fields: `bucket` and `hash`."""

    way: Way
    bucket: str
    hash: str
    count: int
    grouped: str

    @classmethod
    def of(cls, way: Way, hashes: Hashes | None, count: int) -> Hashed:
        """Raises InternalError where the server hashes nothing."""
        if hashes is None:
            raise InternalError(f"{way.table.name}: the server does not hash rows")
        schema = way.stream.schema
        bucket, hashed = _free("_bucket", schema), _free("_hash", schema)
        columns = [(way.places[column.name], typed) for column, typed in way.columns]
        keys = [columns[schema.get_field_index(name)] for name in way.stream.keys]
        key, row = hashes.key(keys), hashes.row(columns)
        number = Typed(type=pa.int64(), wire=pa.int64(), inline=InLine(type=pa.int64()))
        digits = Typed(type=pa.string(), wire=pa.string(), size=32, inline=InLine(type=pa.string(), text=True))
        wider = schema.append(pa.field(bucket, pa.int64(), nullable=False)).append(pa.field(hashed, pa.string(), nullable=False))
        return cls(
            way=replace(
                way,
                stream=replace(way.stream, schema=wider),
                columns=(
                    *way.columns,
                    (Column(name=bucket, native="bigint", kind="bigint", nullable=False), number),
                    (Column(name=hashed, native="text", kind="text", nullable=False), digits),
                ),
                places={**way.places, bucket: f"({key} % {count})", hashed: row},
            ),
            bucket=bucket,
            hash=hashed,
            count=count,
            grouped=hashes.grouped.format(key=key, row=row, source=way.source, buckets=count),
        )

    def asked(self, connection: Connection) -> Sums:
        """What the rows that are there now come to."""
        found = np.zeros((self.count, 3), np.uint64)
        for bucket, *words in connection.execute(self.grouped).fetchall():
            found[int(bucket)] = [int(word) % (1 << 64) for word in words]
        return found

    def of_rows(self, data: pa.RecordBatch) -> Sums:
        """What these rows, read by `way`, come to."""
        found = np.zeros((self.count, 3), np.uint64)
        buckets: Any = data.column(self.bucket).to_numpy()
        digits: list[Any] = data.column(self.hash).to_pylist()
        halves = np.frombuffer(bytes.fromhex("".join(digits)), ">u8").astype(np.uint64).reshape(-1, 2)
        np.add.at(found[:, 0], buckets, np.uint64(1))
        np.add.at(found[:, 1], buckets, halves[:, 0])
        np.add.at(found[:, 2], buckets, halves[:, 1])
        return found

    def within(self, buckets: Iterable[int]) -> Query:
        """The condition that a row lies in one of `buckets`."""
        return Query(f"{self.way.places[self.bucket]} IN ({', '.join(map(str, buckets))})")


def _free(name: str, schema: pa.Schema) -> str:
    names: Sequence[str] = schema.names
    while name in names:
        name += "_"
    return name
