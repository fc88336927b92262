"""Every law, on PostgreSQL, MariaDB and SQLite."""

from __future__ import annotations

from typing import Any

import pytest
from connector_odbc import OdbcConnector
from connector_sdk.testing.laws import law_tests

from connectors.odbc.tests.law_places import RUNNING, OnMariaDB, OnPostgreSQL


@pytest.fixture
def on_postgresql(postgresql: Any) -> None:
    RUNNING["postgresql"] = postgresql


@pytest.fixture
def on_mariadb(mariadb: Any) -> None:
    RUNNING["mariadb"] = mariadb


test_sqlite_keeps = law_tests(OdbcConnector, crash_points=10)
test_postgresql_keeps = pytest.mark.usefixtures("on_postgresql")(law_tests(OnPostgreSQL, crash_points=4))
test_mariadb_keeps = pytest.mark.usefixtures("on_mariadb")(law_tests(OnMariaDB, crash_points=4))
