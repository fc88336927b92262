"""Every law, on PostgreSQL, MariaDB and SQLite; and for another database's types in a simulator's file."""

from __future__ import annotations

from connector_odbc import OdbcConnector
from connector_sdk.testing.laws import law_tests

test_sqlite_keeps = law_tests(OdbcConnector, crash_points=8)
