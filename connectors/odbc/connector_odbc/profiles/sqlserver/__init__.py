"""Microsoft SQL Server through FreeTDS or Microsoft's own driver. Written from the manuals."""

from __future__ import annotations

from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.reads import Reads
from connector_odbc.profiles.sqlserver.catalogue import CATALOGUE
from connector_odbc.profiles.sqlserver.declares import declare, declared
from connector_odbc.profiles.sqlserver.errors import ERRORS
from connector_odbc.profiles.sqlserver.types import typed
from connector_odbc.profiles.writes import Writes

__all__ = ["PROFILE"]

PROFILE = Profile(
    name="sqlserver",
    title="SQL Server",
    tested=None,
    drivers=("tdsodbc", "freetds", "msodbcsql", "sql server"),
    systems=("microsoft sql server",),
    # FreeTDS speaks an old protocol unless told otherwise; 7.4 has date, time and datetime2. Microsoft's driver ignores both.
    options={"TDS_Version": "7.4", "ClientCharset": "UTF-8"},
    session=("SET TEXTSIZE 2147483647", "SET ANSI_NULLS ON", "SET QUOTED_IDENTIFIER ON", "SET DATEFORMAT ymd"),
    quotes=("[", "]"),
    current_schema="SELECT SCHEMA_NAME()",
    errors=ERRORS,
    lock_timeout=("SET LOCK_TIMEOUT {milliseconds}",),
    catalogue=CATALOGUE,
    typed=typed,
    declare=declare,
    # A query that is cut has an order already.
    reads=Reads(limit="{query} OFFSET 0 ROWS FETCH NEXT {rows} ROWS ONLY", byte_length="DATALENGTH({expression})"),
    writes=Writes(declared=declared, transactional_ddl=True, text_type="nvarchar(max)", stamp="datetime2(6)", lock=""),
)
