"""Writing to PostgreSQL: columns as array literals that the server expands; what has to wait is staged in unlogged tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector_odbc.catalogue import Column
from connector_odbc.declared_type import parse
from connector_odbc.profiles.postgresql.declares import declared
from connector_odbc.profiles.postgresql.errors import RAISED
from connector_odbc.profiles.writes import Writes
from connector_odbc.typed import AnyArray
from connector_odbc.writing.encoding import Encoding

__all__ = ["WRITES"]

_compute: Any = pc


def _changed(values: AnyArray, column: Column) -> Iterator[tuple[Any, str]]:
    """Texts of which the server would keep the beginning, or a rounded number; those too long for their column it refuses."""
    if not pa.types.is_string(values.type):
        return
    kind, bytes_ = column.kind.lower(), {'"char"': 1, "name": 63}
    if kind in bytes_:
        yield _compute.greater(_compute.binary_length(values), bytes_[kind]), f"longer than {bytes_[kind]} bytes"
    digits = _digits(column)
    if digits is not None:
        finer = rf"\.\d{{{digits}}}\d*[1-9]" + ("|[eE]-" if kind == "numeric[]" else "")
        yield _compute.match_substring_regex(values, finer), f"more than {digits} digits after the point"


def _digits(column: Column) -> int | None:
    """How many digits after a point are kept of a text; None where it is all of them, or where it is asked of values."""
    kind = column.kind.lower()
    if kind in ("interval", "time with time zone"):
        return column.precision
    if not kind.endswith("[]"):
        return None
    declared = parse(column.native)
    if kind == "numeric[]":
        return declared.scale
    return (6 if declared.precision is None else declared.precision) if kind.startswith(("time", "interval")) else None


WRITES = Writes(
    declared=declared,
    way="arrays",
    encoding=Encoding(nul=False, interval=True, changed=_changed),
    transactional_ddl=True,
    stage="CREATE UNLOGGED TABLE {stage} AS SELECT {own}, {columns} FROM {target} WITH NO DATA",
    own_types={"integer": "bigint", "text": "text", "moment": "timestamp(6) with time zone"},
    text_type="text",
    # A GENERATED ALWAYS identity takes the rows' own values: they have been given elsewhere.
    insert="INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE",
    update="from",
    same="{a} IS NOT DISTINCT FROM {b}",
    # 54000: a row too large for an index; what a trigger raises.
    refusals=frozenset({"22", "23", "44", "54000", "violates row-level security policy", *RAISED}),
    relations=frozenset({"23503"}),
    # Otherwise the driver takes the whole transaction back at the first error, and its savepoints are gone.
    options={"Protocol": "7.4-0", "UseDeclareFetch": "0"},
    # A commit has to see the checkpoint as it is then, whatever the server's default is.
    session=("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",),
    identifier=63,
    hidden="SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = ? AND tablename LIKE ?",
    widen="ALTER COLUMN {column} TYPE {type}",
    stamp="timestamp(6) with time zone",
)
