"""All of what is done in a transaction's next step, or none of it, and what came before stays either way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connector_odbc import driver_manager
from connector_odbc.profiles.writes import Writes
from connector_odbc.writing.bisection import is_of_a_row

__all__ = ["savepoint"]


@contextmanager
def savepoint(connection: Any, writes: Writes, name: str = "connector_rows") -> Iterator[None]:
    """Take back what the block did when the driver raises in it; its error passes.

    One within another has another name, for MariaDB forgets the first. Where the whole transaction is gone, no error that passes
    speaks of a row: others would then be tried without those before.
    """
    error = driver_manager.pyodbc().Error
    connection.execute(f"SAVEPOINT {name}")
    try:
        yield
    except error as failed:
        try:
            connection.execute(f"ROLLBACK TO SAVEPOINT {name}")
        except error:
            if is_of_a_row(failed, writes):
                raise
        raise
    connection.execute(f"RELEASE SAVEPOINT {name}")
