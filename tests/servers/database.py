"""One database of a server, as the fixtures of :mod:`tests.servers.fixtures` hand it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.odbc_drivers import connection_string

if TYPE_CHECKING:
    import pyodbc


@dataclass(frozen=True, kw_only=True)
class Database:
    """`kind` is postgresql, mariadb or sqlite; `parts` are those of its connection string, with the password."""

    kind: str
    name: str
    parts: Mapping[str, object] = field(repr=False)
    server: Any = None

    def connection_string(self, **more: object) -> str:
        """What ODBC needs to reach it, with more parts or other ones: ``connection_string(UID="reader", PWD="…")``."""
        return connection_string({**self.parts, **more})

    def connect(self, *, autocommit: bool = True, **more: object) -> pyodbc.Connection:
        """A connection of pyodbc's, made within ten seconds or not at all."""
        import pyodbc

        return pyodbc.connect(self.connection_string(**more), autocommit=autocommit, timeout=10)

    def run(self, *statements: str) -> None:
        """Run statements, each by itself and committed, over a connection of its own."""
        connection = self.connect()
        try:
            for statement in statements:
                connection.execute(statement)
        finally:
            connection.close()
