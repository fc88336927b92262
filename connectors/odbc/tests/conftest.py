"""The databases the tests run against: PostgreSQL, MariaDB and SQLite, each fresh, with a connector's settings for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from connector_odbc import OdbcConnector, fetching
from connector_sdk.plugins import make

from tests.servers.database import Database

KINDS = ("postgresql", "mariadb", "sqlite")


@dataclass(frozen=True, kw_only=True)
class System:
    """A fresh database and the settings with which the connector reaches it; the password is a reference.

    `server` can be restarted (None for SQLite): ``system.server.restart(hard=True)``.
    """

    database: Database = field(repr=False)
    settings: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """postgresql, mariadb or sqlite."""
        return self.database.kind

    @property
    def server(self) -> Any:
        return self.database.server

    @property
    def schema(self) -> str:
        """The schema that the login's tables are in."""
        return {"postgresql": "public", "sqlite": "main"}.get(self.kind, self.database.name)

    def connector(self, **more: object) -> OdbcConnector:
        """A connector, not yet opened; `more` settings count before these, and None takes one away."""
        settings = {key: value for key, value in {**self.settings, **more}.items() if value is not None}
        made = make(OdbcConnector, settings)
        assert isinstance(made, OdbcConnector)
        return made

    def run(self, *statements: str) -> None:
        """Run statements, each by itself and committed, past the connector."""
        self.database.run(*statements)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query returns, past the connector."""
        connection = self.database.connect()
        try:
            return [tuple(row) for row in connection.execute(query).fetchall()]
        finally:
            connection.close()

    def quote(self, name: str) -> str:
        """`name` as an identifier."""
        mark = "`" if self.kind == "mariadb" else '"'
        return mark + name.replace(mark, mark * 2) + mark


def reached(database: Database, monkeypatch: pytest.MonkeyPatch) -> System:
    """`database` with settings for the connector."""
    parts = dict(database.parts)
    settings: dict[str, Any] = {"driver": parts.pop("DRIVER"), "database": str(parts.pop("DATABASE"))}
    password = parts.pop("PWD", None)
    if password is not None:
        name = f"{database.kind.upper()}_TEST_PASSWORD"
        monkeypatch.setenv(name, str(password))
        settings["password"] = f"env:{name}"
    for keyword, setting in (("SERVER", "server"), ("PORT", "port"), ("UID", "user")):
        if keyword in parts:
            settings[setting] = parts.pop(keyword)
    return System(database=database, settings={**settings, "options": {key: str(value) for key, value in parts.items()}})


@pytest.fixture
def postgresql_system(postgresql_database: Database, monkeypatch: pytest.MonkeyPatch) -> System:
    return reached(postgresql_database, monkeypatch)


@pytest.fixture
def mariadb_system(mariadb_database: Database, monkeypatch: pytest.MonkeyPatch) -> System:
    return reached(mariadb_database, monkeypatch)


@pytest.fixture
def sqlite_system(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> System:
    return reached(sqlite_database, monkeypatch)


@pytest.fixture(params=KINDS)
def system(request: pytest.FixtureRequest) -> System:
    """A fresh database of each kind."""
    fresh: System = request.getfixturevalue(f"{request.param}_system")
    return fresh


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows are read in bulk, too, so that a table of some hundred is many batches."""
    monkeypatch.setattr(fetching, "FEWEST_ROWS", 1)
