"""Getting in, and every way of not getting in: one clear line, the right class, what to do about it, and never the password."""

from __future__ import annotations

from connectors.odbc.tests.conftest import System


def test_the_database_answers(system: System) -> None:
    with system.connector() as connector:
        connector.check()
