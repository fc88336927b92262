"""How PostgreSQL hashes rows: md5 of a row's own text, in which null is nothing and what could be mistaken is quoted."""

from __future__ import annotations

from collections.abc import Sequence

from connector_odbc.profiles.changes import Hashes
from connector_odbc.typed import Typed

__all__ = ["HASHES"]


def _row(columns: Sequence[tuple[str, Typed]]) -> str:
    return f"md5(CAST(ROW({', '.join(place for place, _ in columns)}) AS text))"


def _key(columns: Sequence[tuple[str, Typed]]) -> str:
    return f"CAST(CAST('x' || substr({_row(columns)}, 1, 7) AS bit(28)) AS integer)"


def _half(start: int) -> str:
    return f"CAST(sum(CAST(CAST('x' || substr(h, {start}, 16) AS bit(64)) AS bigint)) AS varchar(48))"


HASHES = Hashes(
    row=_row,
    key=_key,
    # OFFSET 0: each row is hashed once, and not once for each half.
    grouped=(
        f"SELECT b, count(*), {_half(1)}, {_half(17)} FROM "
        "(SELECT {key} % {buckets} AS b, {row} AS h FROM {source} OFFSET 0) AS hashed GROUP BY b"
    ),
)
