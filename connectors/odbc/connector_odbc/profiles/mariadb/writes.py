"""Writing to MariaDB: arrays bound by arrow-odbc; what has to wait is staged in tables without a log, whose loss is noticed."""

from __future__ import annotations

from connector_odbc.profiles.mariadb.declares import declared
from connector_odbc.profiles.writes import Writes
from connector_odbc.writing.encoding import Encoding

__all__ = ["WRITES"]

WRITES = Writes(
    declared=declared,
    way="bulk",
    encoding=Encoding(boolean=False, nan=False, infinite=False, zones=(), bits=True),
    # From an outer join, so that every column takes nulls and keeps its character set and collation.
    stage="CREATE TABLE {stage} ENGINE=Aria TRANSACTIONAL=0 CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
    "AS SELECT {own}, {columns} FROM (SELECT 1 AS one) AS nothing LEFT JOIN {target} ON FALSE LIMIT 0",
    own_types={"integer": "SIGNED", "text": "CHAR(4000)", "moment": "DATETIME(6)"},
    text_type="longtext",
    update="join",
    same="{a} <=> {b}",
    # By the column's own collation, since only that has the index; and by bytes, since 'a' is not 'A'.
    equal_text="({a} = {b} AND BINARY {a} = BINARY {b})",
    refusals=frozenset(
        {
            "22",
            "23",
            "44",
            "45",
            1048,
            1062,
            1118,
            1264,
            1265,
            1292,
            1364,
            1366,
            1406,
            1411,
            1451,
            1452,
            1526,
            1644,
            4025,
            3819,
            1690,
        }
    ),
    relations=frozenset({1452, 1451}),
    taken=frozenset({1062}),
    session=(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ),
    identifier=64,
    widen="MODIFY COLUMN {column} {type}{null}",
    narrow=True,
    stamp="datetime(6)",
    now="CURRENT_TIMESTAMP(6)",
    no_transactions="SELECT t.ENGINE FROM information_schema.TABLES t "
    "LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE "
    "WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? AND t.TABLE_TYPE <> 'VIEW' AND COALESCE(e.TRANSACTIONS, 'NO') <> 'YES'",
    table_options=" ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
)
