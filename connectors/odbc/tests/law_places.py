"""Simulators on real servers: the connector's own tables on PostgreSQL and on MariaDB, written and read past the connector."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from connector_odbc import OdbcConnector
from connector_odbc.profiles import mariadb, postgresql
from connector_odbc.simulator import STREAMS, OdbcSimulator
from connector_odbc.simulator_dialect import Dialect
from connector_sdk.schema import describe

from tests.servers.database import Database

__all__ = ["MARIADB", "NATIVE", "POSTGRESQL", "RUNNING", "OnMariaDB", "OnPostgreSQL", "ServerPlace"]

RUNNING: dict[str, Any] = {}
"""The servers of this test run, by kind: a fixture says which."""

POSTGRESQL = Dialect(
    profile=postgresql.PROFILE,
    text="convert_from(decode('{hex}', 'hex'), 'UTF8')",
    binary="decode('{hex}', 'hex')",
    true="true",
    false="false",
    shown_text="encode(convert_to({column}, 'UTF8'), 'hex')",
    shown_binary="encode({column}, 'hex')",
    other="CAST({column} AS text)",
)
MARIADB = Dialect(
    profile=mariadb.PROFILE,
    text="CONVERT(UNHEX('{hex}') USING utf8mb4)",
    binary="UNHEX('{hex}')",
    true="1",
    false="0",
    shown_text="HEX(CONVERT({column} USING utf8mb4))",
    shown_binary="HEX({column})",
    other="CAST({column} AS CHAR)",
    shown_truth="CAST({column} AS UNSIGNED)",
)
# What each field is called by its own system, and what is said about it there.
NATIVE: Mapping[str, Mapping[pa.DataType, tuple[str, str | None]]] = {
    "postgresql": {
        pa.int64(): ("bigint", None),
        pa.string(): ("text", None),
        pa.bool_(): ("boolean", None),
        pa.decimal128(12, 2): ("numeric(12,2)", None),
        pa.float64(): ("double precision", None),
        pa.binary(): ("bytea", None),
        pa.date32(): ("date", "infinity, and years before 1 or after 9999, are rejects"),
        pa.timestamp("us"): ("timestamp(6) without time zone", "infinity, and years before 1 or after 9999, are rejects"),
    },
    "mariadb": {
        pa.int64(): ("bigint(20)", None),
        pa.string(): ("longtext", None),
        pa.bool_(): ("bit(1)", None),
        pa.decimal128(12, 2): ("decimal(12,2)", None),
        pa.float64(): ("double", None),
        pa.binary(): ("longblob", None),
        pa.date32(): ("date", "zero dates and dates of no month or day are rejects"),
        pa.timestamp("us"): ("datetime(6)", "zero dates and dates of no month or day are rejects"),
    },
}


class ServerPlace:
    """A fresh database on a running server."""

    def __init__(self, kind: str, dialect: Dialect) -> None:
        self.kind = kind
        self.dialect = dialect
        self._stack = ExitStack()
        self._database: Database | None = None
        self._variable = f"{kind.upper()}_LAW_CONNECTION"

    def __enter__(self) -> Self:
        self._database = self._stack.enter_context(RUNNING[self.kind].database())
        os.environ[self._variable] = self._database.connection_string()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self._stack.close()

    @property
    def settings(self) -> Mapping[str, object]:
        return {"connection": f"env:{self._variable}"}

    def run(self, statements: Sequence[str]) -> None:
        connection = self.connected()
        try:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.connected()
        try:
            return [tuple(row) for row in connection.execute(sql).fetchall()]
        finally:
            connection.close()

    def connected(self) -> Any:
        """A connection past the connector, in no transaction yet."""
        assert self._database is not None
        return self._database.connect(autocommit=False)


def _simulator(kind: str, dialect: Dialect) -> Any:
    streams = {
        name: replace(stream, schema=pa.schema([_said(field, kind) for field in stream.schema]), relations=())
        for name, stream in STREAMS.items()
    }

    def begin(seed: int = 0) -> OdbcSimulator:
        simulator = OdbcSimulator(seed, streams, ServerPlace(kind, dialect))
        simulator.sample = None  # the kit's own rows are more awkward
        return simulator

    return begin


def _said(field: pa.Field[pa.DataType], kind: str) -> pa.Field[pa.DataType]:
    native, doc = NATIVE[kind][field.type]
    return describe(field.name, field.type, nullable=field.nullable, native=native, doc=doc)


class OnPostgreSQL(OdbcConnector):
    """The connector, with its simulator on PostgreSQL."""

    simulator = staticmethod(_simulator("postgresql", POSTGRESQL))  # type: ignore[assignment]


class OnMariaDB(OdbcConnector):
    """The connector, with its simulator on MariaDB."""

    simulator = staticmethod(_simulator("mariadb", MARIADB))  # type: ignore[assignment]
