"""By number alone: for a database with one writer at a time, where numbers are in the order of the commits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector_odbc.changes.order.order import Step
from connector_odbc.database import Connection, Database

__all__ = ["covers", "low", "now", "purge", "steps"]


def low(connection: Connection, audit: str, purged: Any | None) -> Any:
    """The highest number."""
    return max(_highest(connection, audit), int(purged or 0))


def now(database: Database, connection: Connection, audit: str, position: Any) -> Any:
    """The highest number."""
    return max(_highest(connection, audit), int(position))


def _highest(connection: Connection, audit: str) -> int:
    # As text: the driver wraps what has more than 32 bits.
    (found,) = connection.execute(f"SELECT CAST(max(_connector_seq) AS TEXT) FROM {audit}").fetchone()
    return max(0, int(found or 0))


def steps(position: Any, end: Any) -> Iterator[Step]:
    """One."""
    yield Step(condition="_connector_op <> 'o'", after=int(position), upto=int(end), place=lambda number: number)


def covers(position: Any, purged: Any) -> bool:
    """By number."""
    return int(position) >= int(purged)


def purge(connection: Connection, audit: str, position: Any) -> None:
    """Everything up to the number."""
    connection.execute(f"DELETE FROM {audit} WHERE _connector_seq BETWEEN 0 AND {int(position)}")
