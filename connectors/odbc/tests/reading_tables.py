"""Tables to be read, with keys of many kinds, and what a read of them returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
from connector_odbc import OdbcConnector
from connector_sdk.contract import Split
from connector_sdk.schema import Stream

from connectors.odbc.tests.conftest import System

__all__ = ["KEYS", "MOMENTS", "TEXTS", "discovered", "rows_of", "run", "some_table", "table", "tuples"]

TEXTS = ("", "a", "A", "b", "B", "ä", "z", "Z", "aa", "a ", "😀", "\uffff", "é", "10", "9", "ab", "a-b", "_", "~", "ß")


def run(system: System, *statements: str) -> None:
    """By its own library where it is SQLite, for sqliteodbc does not understand all texts in statements."""
    if system.kind != "sqlite":
        return system.run(*statements)
    with closing(sqlite3.connect(system.database.name)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return None


def table(system: System, name: str, columns: str, rows: Sequence[str]) -> None:
    run(system, f"CREATE TABLE {name} ({columns})")
    for at in range(0, len(rows), 500):
        run(system, f"INSERT INTO {name} VALUES {', '.join(rows[at : at + 500])}")


def discovered(connector: OdbcConnector, name: str) -> Stream:
    [stream] = connector.discover([name])
    return stream


def rows_of(connector: OdbcConnector, split: Split, state: Any = None, until: Any = None) -> list[tuple[Any, ...]]:
    return [row for batch in connector.read(split, state, until) for row in tuples(batch.data)]


def tuples(data: pa.RecordBatch) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in data.to_pylist()]


KEYS: dict[str, tuple[str, Any]] = {
    "integer": ("k bigint NOT NULL PRIMARY KEY, v integer", lambda n: f"({n * 7 - 400}, {n})"),
    "text": ("k varchar(40) NOT NULL PRIMARY KEY, v integer", lambda n: f"('{TEXTS[n % 17]}{n:x}', {n})"),
    "composite": (
        "k varchar(10) NOT NULL, m integer NOT NULL, v integer, PRIMARY KEY (k, m)",
        lambda n: f"('{'xyz'[n % 3]}', {n // 3}, {n})",
    ),
    "number_first": (
        "k integer NOT NULL, m varchar(10) NOT NULL, v integer, PRIMARY KEY (k, m)",
        lambda n: f"({n // 9}, '{TEXTS[n % 9]}{n % 9}', {n})",
    ),
    "unique_with_nulls": ("k integer UNIQUE, v integer", lambda n: f"({'NULL' if n % 3 else n}, {n})"),
    "nothing": ("k integer, v varchar(10)", lambda n: f"({n % 10}, '{n % 3}')"),
}
MOMENTS = {
    "date": ("k date NOT NULL PRIMARY KEY, v integer", lambda n: f"('{date.fromordinal(738000 + n * 3)}', {n})"),
    "moment": (
        "k timestamp(6) NOT NULL PRIMARY KEY, v integer",
        lambda n: f"('{datetime.fromtimestamp(1.7e9 + n * 1.000001, UTC).replace(tzinfo=None)}', {n})",
    ),
    "decimal": ("k numeric(20,5) NOT NULL PRIMARY KEY, v integer", lambda n: f"({n * 11}.12345, {n})"),
}


def some_table(system: System, key: str, count: int = 400) -> None:
    columns, row = {**KEYS, **MOMENTS}[key]
    if system.kind == "mariadb":
        columns = columns.replace("timestamp(6)", "datetime(6)")
    table(system, "t", columns, [row(n) for n in range(count)])
    if system.kind == "postgresql":
        system.run("ANALYZE t")
