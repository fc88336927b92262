"""By number, with the gaps in the count awaited: for a database that tells its open transactions, but not which row is of which.

A transaction that is still open has taken numbers below those that are there already. Those that are missing are kept in the
position as gaps, with the transactions that were open then: one of those may yet fill them. When all of these are over, what is
missing still was rolled back. Who changes a row after another transaction did has waited for its commit, so that among the rows
of one snapshot numbers are in the right order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connector_odbc.changes import open_transactions
from connector_odbc.changes.order.order import Step
from connector_odbc.database import Connection, Database

__all__ = ["covers", "low", "now", "purge", "steps"]

logger = logging.getLogger(__name__)

MOST_GAPS = 1_000
"""In a position; no further is read before some of them are closed."""

AT_ONCE = 1_000
"""Rows locked or deleted by one statement."""

Range = tuple[int, int]
Gaps = list[tuple[list[int], list[Range]]]
"""Ranges of numbers, both ends within, by the transactions that may yet fill them."""


def low(connection: Connection, audit: str, purged: Any | None) -> Any:
    """Where the table begins: what is in it already is told again, since it may have gaps."""
    return purged or {"high": 0, "open": []}


def _gaps(position: Any) -> Gaps:
    return [([int(o) for o in owners], [(int(a), int(b)) for a, b in ranges]) for owners, ranges in position["open"]]


def _position(high: int, gaps: Gaps) -> Any:
    return {"high": high, "open": [[owners, [list(range_) for range_ in ranges]] for owners, ranges in gaps if ranges]}


def now(database: Database, connection: Connection, audit: str, position: Any) -> Any:
    """The last number that is there, and the gaps below it."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    high = int(position["high"])
    (found,) = connection.execute(f"SELECT max(_connector_seq) FROM {audit}").fetchone()
    connection.commit()
    top = max(high, int(found or 0))
    writing = open_transactions.writing(database)  # whoever took a number below `top` and is not over is among them
    gaps = _gaps(position)
    over = [not set(owners) & writing for owners, _ in gaps]
    filled = [range_ for (_, ranges), is_over in zip(gaps, over, strict=True) if is_over for range_ in ranges]
    if filled:
        _await(connection, audit, filled)
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    left: Gaps = []
    for (owners, ranges), is_over in zip(gaps, over, strict=True):
        if not is_over:
            left.append((owners, [missing for range_ in ranges for missing in _missing(connection, audit, *range_)]))
    new = _missing(connection, audit, high + 1, top) if top > high else []
    connection.commit()
    room = MOST_GAPS - sum(len(ranges) for _, ranges in left)
    if len(new) > room:
        logger.warning("%s has more than %d gaps that open transactions may fill: no further is read for now", audit, MOST_GAPS)
        top = new[max(0, room)][0] - 1
        new = new[: max(0, room)]
    return _position(top, [*left, (sorted(writing), new)])


def _await(connection: Connection, audit: str, ranges: Iterable[Range]) -> None:
    """Wait for those that are just now committing what lies in `ranges`, and for nobody else.

    To lock a range, or a list of numbers in a table so small that it is scanned, would wait for other rows, too, whoever
    may hold those.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
    asked = f"SELECT _connector_seq FROM {audit} WHERE {_any(ranges)}"
    for numbers in _numbers(connection, asked):
        connection.execute(f"SELECT count(*) FROM {_looked_up(audit, numbers)} LOCK IN SHARE MODE").fetchall()
    connection.commit()


def _looked_up(audit: str, numbers: Iterable[int]) -> str:
    """The rows `a` of `audit` that have these numbers, found one by one, and no other is touched."""
    values = ", ".join(f"({number})" for number in numbers)
    wanted = f"(WITH w (number) AS (VALUES {values}) SELECT number FROM w) AS wanted"
    return f"{wanted} STRAIGHT_JOIN {audit} AS a FORCE INDEX (PRIMARY) ON a._connector_seq = wanted.number"


def _numbers(connection: Connection, asked: str) -> Iterator[list[int]]:
    """What `asked` finds, some at a time."""
    found = [int(number) for (number,) in connection.execute(asked).fetchall()]
    for start in range(0, len(found), AT_ONCE):
        yield found[start : start + AT_ONCE]


def _missing(connection: Connection, audit: str, first: int, last: int) -> list[Range]:
    """The ranges of numbers from `first` to `last` that are not there."""
    found = connection.execute(
        "SELECT was, seq FROM (SELECT _connector_seq AS seq, LAG(_connector_seq) OVER (ORDER BY _connector_seq) AS was"
        f" FROM {audit} WHERE _connector_seq BETWEEN {first} AND {last}) AS s WHERE was IS NULL OR seq - was > 1 ORDER BY seq"
    ).fetchall()
    (end,) = connection.execute(
        f"SELECT max(_connector_seq) FROM {audit} WHERE _connector_seq BETWEEN {first} AND {last}"
    ).fetchone()
    ranges = [(first if was is None else int(was) + 1, int(seq) - 1) for was, seq in found]
    ranges.append((first if end is None else int(end) + 1, last))
    return [(a, b) for a, b in ranges if a <= b]


def steps(position: Any, end: Any) -> Iterator[Step]:
    """One: what is missing in `position` and not in `end`."""
    before, after = _gaps(position), _gaps(end)
    high, top = int(position["high"]), int(end["high"])
    start = [range_ for _, ranges in before for range_ in ranges]
    left = [range_ for _, ranges in after for range_ in ranges]
    first = min([high + 1, *(a for a, _ in start)])
    condition = _any([*start, (high + 1, top)] if top > high else start)
    if left:
        condition = f"({condition}) AND NOT ({_any(left)})"

    def place(number: int) -> Any:
        gaps = [(owners, _cut(ranges, 0, number)) for owners, ranges in after]
        gaps += [(owners, _cut(ranges, number + 1, high)) for owners, ranges in before]
        return _position(max(high, number), gaps)

    if start or top > high:
        yield Step(condition=condition, after=first - 1, upto=top, place=place)


def _any(ranges: Iterable[Range]) -> str:
    return " OR ".join(f"_connector_seq BETWEEN {first} AND {last}" for first, last in ranges)


def _cut(ranges: Sequence[Range], first: int, last: int) -> list[Range]:
    return [(max(a, first), min(b, last)) for a, b in ranges if max(a, first) <= min(b, last)]


def covers(position: Any, purged: Any) -> bool:
    """What was open there may be open here."""
    top = int(purged["high"])
    kept = [range_ for _, ranges in _gaps(purged) for range_ in ranges]
    missing = _cut([range_ for _, ranges in _gaps(position) for range_ in ranges], 0, top)
    return top <= int(position["high"]) and all(any(c <= a and b <= d for c, d in kept) for a, b in missing)


def purge(connection: Connection, audit: str, position: Any) -> None:
    """By number: a range would wait for the rows that others are about to commit."""
    left = [range_ for _, ranges in _gaps(position) for range_ in ranges]
    kept = f" AND NOT ({_any(left)})" if left else ""
    asked = f"SELECT _connector_seq FROM {audit} WHERE _connector_seq BETWEEN 0 AND {int(position['high'])}{kept}"
    for numbers in _numbers(connection, asked):
        connection.execute(f"DELETE a FROM {_looked_up(audit, numbers)}")
