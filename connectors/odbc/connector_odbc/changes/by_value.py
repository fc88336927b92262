"""Incremental reads by the value of the cursor column: up to one that nobody can write any more, or with a window read again.

A value is held to grow: who writes later writes no lower one. What is committed late was written earlier, by a transaction that
is open while later values are there to be seen. So the highest value is taken for an end only when every transaction that was
open at its sight is over; until then, an earlier one that meets this.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from connector_sdk.errors import ConfigError

from connector_odbc.catalogue import Column
from connector_odbc.changes import open_transactions
from connector_odbc.database import Connection, Database
from connector_odbc.selecting import Query

__all__ = ["bind", "condition", "earlier", "highest", "upto"]

logger = logging.getLogger(__name__)

CANDIDATES = 16
"""Ends that wait for their transactions."""

Candidates = Sequence[tuple[str, Sequence[str]]]


def bind(database: Database, column: Column) -> str:
    """The expression with ``?`` that takes the text of a value back. Raises ConfigError for a column that is no cursor."""
    if database.profile.name == "sqlite" and not any(part in column.kind for part in ("real", "floa", "doub")):
        return "?"
    found = database.profile.reads.key(column)
    if found is None:
        raise ConfigError(f"{column.name} cannot be a cursor: values of {column.native} are not compared exactly")
    return found


def upto(
    database: Database,
    connection: Connection,
    source: str,
    place: str,
    column: Column,
    after: str | None,
    known: Candidates,
    *,
    stream: str,
) -> tuple[str | None, Candidates]:
    """The value to read up to, and the candidates for later ends; `after` where there is no better one.

    Rows of `stream` that are there and left to a later read are told in the log.
    """
    end = highest(database, connection, source, place)
    if database.profile.changes.late != "list" or end is None or end == after:
        if end is not None and end != after and database.profile.changes.late != "window":
            time.sleep(_tick(column))
        return after if end is None else end, ()
    time.sleep(_tick(column))  # whoever writes the same value from now on has begun
    open_ = open_transactions.changing(database)
    over = [value for value, owners in known if not open_.intersection(owners)]
    if not open_:
        return end, ()
    left = [(value, owners) for value, owners in known if open_.intersection(owners)]
    logger.warning("%s: rows are held back until %s", stream, open_transactions.told(open_))
    return (over[-1] if over else after), (*left[-CANDIDATES + 1 :], (end, sorted(open_)))


def highest(database: Database, connection: Connection, source: str, place: str) -> str | None:
    """The highest value of the cursor, as text."""
    text = "CHAR" if database.profile.name == "mariadb" else "varchar(64)" if database.profile.name != "sqlite" else "TEXT"
    row = connection.execute(f"SELECT CAST(max({place}) AS {text}) FROM {source}").fetchone()
    connection.rollback()
    return None if row[0] is None else str(row[0])


def _tick(column: Column) -> float:
    """For how long a clock gives the same value."""
    if not column.kind.startswith(("timestamp", "datetime")):
        return 0.0
    return float(10.0 ** -(column.precision if column.precision is not None else 0))


def condition(place: str, bound: str, after: str | None, end: str | None) -> Query:
    """The rows with a value behind `after` and not behind `end`; at first those without one, too."""
    if end is None:
        return Query(f"{place} IS NULL" if after is None else "1 = 0")
    if after is None:
        return Query(f"({place} <= {bound} OR {place} IS NULL)", (end,))
    return Query(f"{place} > {bound} AND {place} <= {bound}", (after, end))


def earlier(text: str, by: float) -> str:
    """The value `by` seconds, or by so much, before. Raises ConfigError for a text that is neither moment nor number."""
    if by == 0:
        return text
    try:
        return f"{Decimal(text) - (int(by) if by == int(by) else Decimal(str(by))):f}"
    except InvalidOperation:
        pass
    try:
        moment: Any = datetime.fromisoformat(text) if len(text) > 10 else date.fromisoformat(text)
        return str(moment - timedelta(seconds=by) if isinstance(moment, datetime) else moment - timedelta(days=-(-by // 86400)))
    except (ValueError, OverflowError):
        raise ConfigError(f"an overlap of {by:g} before the cursor's value {text!r} cannot be told") from None
