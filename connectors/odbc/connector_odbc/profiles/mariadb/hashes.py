"""How MariaDB hashes rows: MD5 of the quoted forms that reads select, with a long text or binary value as its own MD5."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from connector_odbc.profiles.changes import Hashes
from connector_odbc.typed import Typed

__all__ = ["HASHES"]


def _value(place: str, typed: Typed) -> str:
    """Bytes of which none are the beginning of another value's: quoted, NULL without quotes."""
    shown = f"CAST({typed.select.format(column=place)} AS BINARY)"
    kind = typed.wire or typed.type
    if typed.size is None and (pa.types.is_string(kind) or pa.types.is_binary(kind)):
        # What is longer than max_allowed_packet altogether would be NULL.
        return f"IFNULL(MD5({shown}), 'N')"
    return f"QUOTE({shown})"


def _text(columns: Sequence[tuple[str, Typed]]) -> str:
    return f"CONCAT({', '.join(_value(place, typed) for place, typed in columns)})"


def _row(columns: Sequence[tuple[str, Typed]]) -> str:
    return f"MD5({_text(columns)})"


def _key(columns: Sequence[tuple[str, Typed]]) -> str:
    return f"CAST(CRC32({_text(columns)}) AS SIGNED)"


def _half(start: int) -> str:
    return f"CAST(SUM(CAST(CONV(SUBSTR(h, {start}, 16), 16, 10) AS UNSIGNED)) AS CHAR(48))"


HASHES = Hashes(
    row=_row,
    key=_key,
    # The LIMIT keeps each row from being hashed once for each half.
    grouped=(
        f"SELECT b, COUNT(*), {_half(1)}, {_half(17)} FROM "
        "(SELECT {key} % {buckets} AS b, {row} AS h FROM {source} LIMIT 18446744073709551615) AS hashed GROUP BY b"
    ),
)
