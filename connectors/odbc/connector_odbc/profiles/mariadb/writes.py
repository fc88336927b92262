"""Writing to MariaDB: arrays bound by arrow-odbc; what has to wait is staged in tables without a log, whose loss is noticed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector_odbc.catalogue import Column
from connector_odbc.profiles.mariadb.declares import declared
from connector_odbc.profiles.writes import Writes
from connector_odbc.typed import AnyArray
from connector_odbc.writing.encoding import Encoding

__all__ = ["WRITES"]

_compute: Any = pc
_LABEL = re.compile(r"'((?:[^'\\]|''|\\.)*)'")
_ESCAPE = re.compile(r"''|\\.", re.DOTALL)
_ESCAPED = {"''": "'", "\\0": "\0", "\\n": "\n", "\\r": "\r"}
_ROOM = {"tinytext": 2**8 - 1, "text": 2**16 - 1, "mediumtext": 2**24 - 1}


def _changed(values: AnyArray, column: Column) -> Iterator[tuple[Any, str]]:
    """What the server takes for something else: a label by its number or in other letters, a year of two digits, a number that
    it rounds, spaces that it cuts."""
    kind, t = column.kind.lower(), pa.types
    if kind in ("enum", "set") and t.is_string(values.type):
        labels = _labels(column.native)
        known = [text is None or _known(text, labels, several=kind == "set") for text in values.to_pylist()]
        yield _compute.invert(pa.array(known, pa.bool_())), f"none of {column.native}"
    if kind == "year" and t.is_integer(values.type):
        yield (
            _compute.and_(_compute.greater(values, 0), _compute.less(values, 100)),
            "a year of two digits, to which a century would be added",
        )
    if kind in _ROOM and t.is_string(values.type):
        long = _compute.greater(_compute.binary_length(values), _ROOM[kind])
        yield _compute.and_(long, _compute.ends_with(values, " ")), f"longer than {_ROOM[kind]} bytes"
    if t.is_floating(values.type) and column.scale is not None:
        exact = [_exact(text, column.scale) for text in values.cast(pa.string()).to_pylist()]
        yield _compute.invert(pa.array(exact, pa.bool_())), f"more than {column.scale} digits after the point"


def _labels(native: str) -> frozenset[str]:
    """Those of ``enum('red','green')``."""
    return frozenset(_ESCAPE.sub(lambda found: _ESCAPED.get(found[0], found[0][1:]), label) for label in _LABEL.findall(native))


def _known(text: str, labels: frozenset[str], *, several: bool) -> bool:
    return text == "" or labels.issuperset(text.split(",")) if several else text in labels


def _exact(text: str | None, scale: int) -> bool:
    exponent = None if text is None else Decimal(text).normalize().as_tuple().exponent
    return not isinstance(exponent, int) or -exponent <= scale


WRITES = Writes(
    declared=declared,
    way="bulk",
    encoding=Encoding(boolean=False, nan=False, infinite=False, zones=(), bits=True, changed=_changed),
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
