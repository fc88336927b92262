"""MariaDB's transactions in the order of their commits: what a reader has seen of them for sure, and what may still come."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Self

from connector_sdk.errors import StateInvalidError

from connector_odbc.changes.open_transactions import writing
from connector_odbc.database import Connection, Database

__all__ = ["Seen", "Transaction", "between", "now", "unregistered"]

PAGE = 1_000
"""Transactions that are looked at together."""

_YEAR_ZERO = 62167219200  # TO_SECONDS('1970-01-01')
_MOMENT = f"(TO_SECONDS(commit_timestamp) - {_YEAR_ZERO}) * 1000000 + MICROSECOND(commit_timestamp)"
_COLUMNS = f"CAST(transaction_id AS CHAR(20)), CAST(commit_id AS CHAR(20)), {_MOMENT}"


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """`commit` counts up with the commits; `moment` is in microseconds since 1970, None where nobody knows."""

    id: int
    commit: int
    moment: int | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All transactions with a commit number up to `upto`, but for those with an id in `pending`, which were not visible yet.
    Ids and commit numbers are counted together; so of transactions that have no commit number, all with an id up to `upto`.

    The number is given before a commit becomes visible: what is greater than all that is visible may still come, and so may
    a smaller one, but only of a transaction that is active now.
    """

    upto: int
    pending: frozenset[int] = frozenset()

    @classmethod
    def of(cls, position: Any) -> Self:
        """From JSON. Raises StateInvalidError."""
        try:
            return cls(upto=int(position["upto"]), pending=frozenset(map(int, position["pending"])))
        except (KeyError, TypeError, ValueError):
            raise StateInvalidError(
                "the state has no position among the transactions", hint="reset the state: all is read again"
            ) from None

    def to_json(self) -> dict[str, Any]:
        """For :meth:`of`."""
        return {"upto": self.upto, "pending": sorted(self.pending)}


def now(database: Database, ids: str) -> Seen:
    """What a reader that starts after this call can have seen for sure. Raises ConfigError where the login may not know.

    `ids` is SQL for the highest id of a transaction that the history shows.
    """
    with database.lend() as connection:
        row = connection.execute(
            "SELECT CAST(GREATEST((SELECT COALESCE(max(commit_id), 0) FROM mysql.transaction_registry), "
            f"COALESCE(({ids}), 0)) AS CHAR(20))"
        ).fetchone()
    upto = int(row[0] or 0)
    active = writing(database)
    with database.lend() as connection:
        visible = {one.id for one in _chosen(connection, f"transaction_id IN ({_listed(active)})")}
    return Seen(upto=upto, pending=frozenset(id_ for id_ in active - visible if id_ < upto))


def between(connection: Connection, start: Seen, end: Seen) -> Iterator[list[Transaction]]:
    """What `end` has seen and `start` has not, in the order of the commits, in lists of not too many."""
    late = start.pending - end.pending
    if late:
        yield _chosen(connection, f"transaction_id IN ({_listed(late)}) AND commit_id <= {min(start.upto, end.upto)}")
    upto = start.upto
    while upto < end.upto:
        rows = _chosen(connection, f"commit_id > {upto} AND commit_id <= {end.upto}", f"LIMIT {PAGE}")
        if not rows:
            return
        upto = rows[-1].commit
        yield [one for one in rows if one.id not in end.pending]


def unregistered(place: str, start: Seen, end: Seen) -> str:
    """SQL: whether the id `place` is one of a transaction that `end` has seen and `start` has not, and that has no commit number.

    The server forgets to register a transaction of which one statement failed or was rolled back to a savepoint, and the rest
    committed.
    """
    late = start.pending - end.pending
    return (
        f"({place} > {start.upto} AND {place} <= {end.upto} OR {place} IN ({_listed(late)})) "
        f"AND {place} NOT IN ({_listed(end.pending)}) "
        f"AND NOT EXISTS (SELECT 1 FROM mysql.transaction_registry AS r WHERE r.transaction_id = {place})"
    )


def _chosen(connection: Connection, condition: str, limit: str = "") -> list[Transaction]:
    query = f"SELECT {_COLUMNS} FROM mysql.transaction_registry WHERE {condition} ORDER BY commit_id {limit}"
    return [
        Transaction(id=int(id_), commit=int(commit), moment=int(moment))
        for id_, commit, moment in connection.execute(query).fetchall()
    ]


def _listed(ids: Collection[int]) -> str:
    return ", ".join(map(str, sorted(ids))) or "0"
