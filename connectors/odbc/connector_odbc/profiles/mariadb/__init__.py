"""MariaDB and MySQL through MariaDB Connector/ODBC."""

from __future__ import annotations

import pyarrow as pa

from connector_odbc.catalogue import Column
from connector_odbc.profiles.mariadb.catalogue import CATALOGUE
from connector_odbc.profiles.profile import Profile
from connector_odbc.typed import Typed

__all__ = ["PROFILE"]


def _typed(column: Column) -> Typed:
    return Typed(type=pa.string(), select="CAST({column} AS char)")


def _declare(field: pa.Field[pa.DataType]) -> str:
    return "text"


PROFILE = Profile(
    name="mariadb",
    title="MariaDB",
    tested="MariaDB 10.11 with Connector/ODBC 3.1.15",
    drivers=("maodbc", "mariadb", "mysql"),
    systems=("mariadb", "mysql"),
    quotes=("`", "`"),
    current_schema="SELECT DATABASE()",
    catalogue=CATALOGUE,
    typed=_typed,
    declare=_declare,
)
