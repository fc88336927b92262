"""Writing to SQLite: values bound one by one, the only way its driver keeps doubles; one connection writes at a time."""

from __future__ import annotations

from connector_odbc.profiles.sqlite.declares import declared
from connector_odbc.profiles.writes import Writes
from connector_odbc.writing.encoding import Encoding

__all__ = ["WRITES"]

WRITES = Writes(
    declared=declared,
    way="rows",
    encoding=Encoding(
        boolean=False,
        nan=False,
        lengths=False,
        affinity=True,
        zones=("timestamp with time zone", "timestamptz", "datetimeoffset"),
    ),
    transactional_ddl=True,
    # Columns without a type: what is staged is not converted before it comes to its table.
    stage="CREATE TABLE {stage} ({own_declared}, {columns_bare})",
    own_types={"integer": "INTEGER", "text": "TEXT", "moment": "TEXT"},
    text_type="text",
    update="from",
    same="{a} IS {b}",
    # SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG
    refusals=frozenset({"22", "23", 18, 19, 20}),
    relations=frozenset({"FOREIGN KEY"}),
    taken=frozenset({"UNIQUE constraint"}),
    one_writer=True,
    hidden="SELECT name FROM sqlite_master WHERE type = 'table' AND ? IS NOT NULL AND name LIKE ?",
    lock="",
    stamp="timestamp with time zone",
)
