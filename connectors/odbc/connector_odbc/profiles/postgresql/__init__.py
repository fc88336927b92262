"""PostgreSQL through psqlodbc."""

from __future__ import annotations

import pyarrow as pa

from connector_odbc.catalogue import Column
from connector_odbc.profiles.postgresql.catalogue import CATALOGUE
from connector_odbc.profiles.profile import Profile
from connector_odbc.typed import Typed

__all__ = ["PROFILE"]


def _typed(column: Column) -> Typed:
    return Typed(type=pa.string(), select="CAST({column} AS text)")


def _declare(field: pa.Field[pa.DataType]) -> str:
    return "text"


PROFILE = Profile(
    name="postgresql",
    title="PostgreSQL",
    tested="PostgreSQL 15 with psqlodbc 13.02",
    drivers=("psqlodbc", "postgres"),
    systems=("postgresql",),
    options={"UseDeclareFetch": "1", "Fetch": "10000", "Protocol": "7.4-1"},
    current_schema="SELECT current_schema()",
    catalogue=CATALOGUE,
    typed=_typed,
    declare=_declare,
)
