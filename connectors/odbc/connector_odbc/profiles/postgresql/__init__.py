"""PostgreSQL through psqlodbc."""

from __future__ import annotations

from connector_odbc.profiles.postgresql.catalogue import CATALOGUE
from connector_odbc.profiles.postgresql.changes import CHANGES
from connector_odbc.profiles.postgresql.declares import declare
from connector_odbc.profiles.postgresql.errors import ERRORS
from connector_odbc.profiles.postgresql.reads import READS
from connector_odbc.profiles.postgresql.types import SESSION, typed
from connector_odbc.profiles.postgresql.writes import WRITES
from connector_odbc.profiles.profile import Profile

__all__ = ["PROFILE"]


PROFILE = Profile(
    name="postgresql",
    title="PostgreSQL",
    tested="PostgreSQL 15 with psqlodbc 13.02",
    drivers=("psqlodbc", "postgres"),
    systems=("postgresql",),
    options={
        "UseDeclareFetch": "1",
        "Fetch": "10000",
        "Protocol": "7.4-1",  # no savepoints of its own, under which no snapshot can be exported
        "BoolsAsChar": "0",
        "ByteaAsLongVarBinary": "1",
        "TextAsLongVarchar": "1",
        "UnknownsAsLongVarchar": "1",
        "MaxLongVarcharSize": "1073741823",  # what it says a text can have: readers bring their own limit
    },
    current_schema="SELECT current_schema()",
    session=SESSION,
    # 12 MiB, for the four copies of a page that lie side by side. It takes 11 ms and saves 50 in half a million rows.
    warm_up="SELECT octet_length(repeat(repeat(' ', 1024), 12288))",
    errors=ERRORS,
    lock_timeout=("SET lock_timeout = {milliseconds}",),
    query_timeout=("SET statement_timeout = {milliseconds}",),
    catalogue=CATALOGUE,
    typed=typed,
    declare=declare,
    writes=WRITES,
    reads=READS,
    changes=CHANGES,
)
