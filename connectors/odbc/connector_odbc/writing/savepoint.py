"""All of what is done in a transaction's next step, or none of it, and what came before stays either way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connector_sdk.errors import DataError

from connector_odbc import driver_manager
from connector_odbc.failures import server_message
from connector_odbc.profiles.writes import Writes
from connector_odbc.writing.bisection import is_of_a_row

__all__ = ["savepoint"]


@contextmanager
def savepoint(connection: Any, writes: Writes, name: str = "connector_rows") -> Iterator[None]:
    """Take back what the block did when the driver raises in it; its error passes.

    One within another has another name, for MariaDB forgets the first. Raises DataError where a row cost the whole transaction:
    others would then be tried without those before.
    """
    error = driver_manager.pyodbc().Error
    connection.execute(f"SAVEPOINT {name}")
    try:
        yield
    except error as failed:
        try:
            connection.execute(f"ROLLBACK TO SAVEPOINT {name}")
            # It is still there, and the next would lie within it: PostgreSQL has no room for thousands of them.
            connection.execute(f"RELEASE SAVEPOINT {name}")
        except error:
            if is_of_a_row(failed, writes):
                raise DataError(
                    f"the whole transaction was taken back for one row: {server_message(failed)}",
                    hint="a trigger, ON CONFLICT ROLLBACK or an option of the driver does that: without it the others are taken",
                ) from None
        raise
    connection.execute(f"RELEASE SAVEPOINT {name}")
