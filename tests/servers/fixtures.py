"""pytest's view of the database servers: one of each kind per run (or per xdist worker), started when first asked for.

| fixture | lasts | what it is |
|---|---|---|
| `postgresql`, `mariadb` | the session | the server |
| `postgresql_database`, `mariadb_database`, `sqlite_database` | a test | a fresh database |
| `database` | a test | the three of them, one after the other |

A worker's own server costs half a second, and spares the workers each other's restarts.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.database import Database
from tests.servers.mariadb import MariaDB
from tests.servers.odbc_drivers import driver
from tests.servers.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server. A test may restart it; it finds it running."""
    with PostgreSQL() as running:
        yield running


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server. A test may restart it; it finds it running."""
    with MariaDB() as running:
        yield running


@pytest.fixture
def postgresql_database(postgresql: PostgreSQL) -> Iterator[Database]:
    """A fresh database on PostgreSQL."""
    with postgresql.database() as fresh:
        yield fresh


@pytest.fixture
def mariadb_database(mariadb: MariaDB) -> Iterator[Database]:
    """A fresh database on MariaDB."""
    with mariadb.database() as fresh:
        yield fresh


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Database:
    """A fresh SQLite file, reached through its ODBC driver."""
    path = tmp_path / "database.sqlite"
    return Database(kind="sqlite", name=str(path), parts={"DRIVER": driver("sqlite"), "DATABASE": path})


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def database(request: pytest.FixtureRequest) -> Database:
    """A fresh database of each kind."""
    fresh: Database = request.getfixturevalue(f"{request.param}_database")
    return fresh
