"""Writing to PostgreSQL: columns as array literals that the server expands; what has to wait is staged in unlogged tables."""

from __future__ import annotations

from connector_odbc.profiles.postgresql.declares import declared
from connector_odbc.profiles.postgresql.errors import RAISED
from connector_odbc.profiles.writes import Writes
from connector_odbc.writing.encoding import Encoding

__all__ = ["WRITES"]

WRITES = Writes(
    declared=declared,
    way="arrays",
    encoding=Encoding(nul=False, interval=True),
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
