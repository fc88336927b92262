"""Any database that has no profile of its own, by what the ODBC standard promises."""

from __future__ import annotations

import pyarrow as pa

from connector_odbc.catalogue import Column
from connector_odbc.profiles.profile import Profile
from connector_odbc.typed import Typed

__all__ = ["PROFILE"]


def _typed(column: Column) -> Typed:
    return Typed(type=pa.string(), select="CAST({column} AS text)")


def _declare(field: pa.Field[pa.DataType]) -> str:
    return "text"


PROFILE = Profile(
    name="generic",
    title="a database",
    tested=None,
    drivers=(),
    systems=(),
    typed=_typed,
    declare=_declare,
)
