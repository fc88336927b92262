"""SQLite through sqliteodbc."""

from __future__ import annotations

import pyarrow as pa

from connector_odbc.catalogue import Column
from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.sqlite.catalogue import CATALOGUE
from connector_odbc.typed import Typed

__all__ = ["PROFILE"]


def _typed(column: Column) -> Typed:
    return Typed(type=pa.string(), select="CAST({column} AS text)")


def _declare(field: pa.Field[pa.DataType]) -> str:
    return "text"


PROFILE = Profile(
    name="sqlite",
    title="SQLite",
    tested="SQLite 3.40 with sqliteodbc 0.9998",
    drivers=("sqlite",),
    systems=("sqlite",),
    options={"StepAPI": "1"},
    current_schema="SELECT 'main'",
    catalogue=CATALOGUE,
    typed=_typed,
    declare=_declare,
)
