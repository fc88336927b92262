"""Incremental reads of PostgreSQL by the transaction that wrote each row: exact, however the cursor column is filled.

What is read up to is the oldest transaction that is still open (`pg_snapshot_xmin`): all before it are over, and all that they
have committed can be seen. What later ones have committed already is left to the next read.
"""

from __future__ import annotations

import logging
from typing import Any

from connector_sdk.errors import StateInvalidError

from connector_odbc.database import Connection
from connector_odbc.selecting import Query

__all__ = ["condition", "upto"]

logger = logging.getLogger(__name__)

OPEN_FOR = 60
"""Seconds after which an open transaction is told: most are over in a moment."""

_CIRCLE = 1 << 32
"""The number that a row has of its transaction begins anew after so many."""

_MEANWHILE = 1 << 20
"""More transactions than begin between the plan of a read and its end."""


def upto(connection: Connection, known: str | None, *, stream: str) -> str:
    """The oldest open transaction, or the next one; one that stays open is told in the log.

    Raises StateInvalidError when `known` is of another server's count.
    """
    xmin, xmax = (f"CAST(pg_snapshot_{end}(s) AS text)" for end in ("xmin", "xmax"))
    found, following = connection.execute(f"SELECT {xmin}, {xmax} FROM (SELECT pg_current_snapshot() AS s) AS now").fetchone()
    if known is not None and int(known) > int(found):
        raise StateInvalidError("the state is of another server, or of one that was restored", hint="reset the state")
    if found != following:
        whose, seconds = _owner(connection, found)
        if known == found if seconds is None else seconds >= OPEN_FOR:
            logger.warning("%s: rows written since are held back until %s", stream, whose)
    return str(found)


def _owner(connection: Connection, transaction: str) -> tuple[str, int | None]:
    """Whose an open transaction is, for people, and for how many seconds it is open; None where the login may not see that."""
    asked = (
        "SELECT 'of connection ' || pid, CAST(date_trunc('second', xact_start) AS text), "
        "CAST(extract(epoch FROM clock_timestamp() - xact_start) AS integer) FROM pg_stat_activity "
        "WHERE backend_xid = xid(CAST(? AS xid8)) UNION ALL "
        "SELECT 'prepared as ' || quote_literal(gid), CAST(date_trunc('second', prepared) AS text), "
        "CAST(extract(epoch FROM clock_timestamp() - prepared) AS integer) FROM pg_prepared_xacts "
        "WHERE transaction = xid(CAST(? AS xid8))"
    )
    row = connection.execute(asked, transaction, transaction).fetchone()
    if row is None:  # it has just ended
        return f"transaction {transaction} that is open on the server ends", None
    whose, since, seconds = row
    if since is None:  # of another login, which only pg_read_all_stats shows
        return f"transaction {transaction} that is open on the server ends, {whose}", None
    return f"transaction {transaction} that is open on the server since {since} ends, {whose}", int(seconds)


def condition(after: str | None, end: str) -> Query:
    """The rows that a transaction from `after` on and before `end` has written as they are."""
    behind = "((CAST(CAST(xmin AS text) AS bigint) - {} + 4294967296) % 4294967296)"
    if after is None:
        return Query(f"{behind.format(int(end) % _CIRCLE)} >= {_MEANWHILE}")
    width: Any = min(int(end) - int(after), _CIRCLE)
    return Query(f"{behind.format(int(after) % _CIRCLE)} < {width}")
