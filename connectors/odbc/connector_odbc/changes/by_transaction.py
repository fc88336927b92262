"""Incremental reads of PostgreSQL by the transaction that wrote each row: exact, however the cursor column is filled.

What is read up to is the oldest transaction that is still open (`pg_snapshot_xmin`): all before it are over, and all that they
have committed can be seen. What later ones have committed already is left to the next read.
"""

from __future__ import annotations

from typing import Any

from connector_sdk.errors import StateInvalidError

from connector_odbc.database import Connection
from connector_odbc.selecting import Query

__all__ = ["condition", "upto"]

_CIRCLE = 1 << 32
"""The number that a row has of its transaction begins anew after so many."""

_MEANWHILE = 1 << 20
"""More transactions than begin between the plan of a read and its end."""


def upto(connection: Connection, known: str | None) -> str:
    """The oldest open transaction. Raises StateInvalidError when `known` is of another server's count."""
    asked = "SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text)"
    found = str(connection.execute(asked).fetchone()[0])
    if known is not None and int(known) > int(found):
        raise StateInvalidError("the state is of another server, or of one that was restored", hint="reset the state")
    return found


def condition(after: str | None, end: str) -> Query:
    """The rows that a transaction from `after` on and before `end` has written as they are."""
    behind = "((CAST(CAST(xmin AS text) AS bigint) - {} + 4294967296) % 4294967296)"
    if after is None:
        return Query(f"{behind.format(int(end) % _CIRCLE)} >= {_MEANWHILE}")
    width: Any = min(int(end) - int(after), _CIRCLE)
    return Query(f"{behind.format(int(after) % _CIRCLE)} < {width}")
