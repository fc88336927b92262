"""Rows that a database refuses, found by halving: the others are taken, and each of them comes with the database's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector_odbc.failures import native_number, server_message, sql_state
from connector_odbc.profiles.writes import Writes

__all__ = ["Refused", "halved", "is_of_a_row", "is_of_relations", "is_taken"]


@dataclass(frozen=True)
class Refused:
    """The row at `ordinal` was refused; `error` is what the database said."""

    ordinal: int
    error: BaseException

    @property
    def reason(self) -> str:
        """In the database's own words."""
        return server_message(self.error)


def is_of_a_row(error: BaseException, writes: Writes) -> bool:
    """Whether `error` speaks of a row, so that others may be taken; else it is of the whole attempt."""
    return sql_state(error)[:2] in writes.refusals or _says(error, writes.refusals)


def is_of_relations(error: BaseException, writes: Writes) -> bool:
    """Whether `error` may go away when other rows are there: a foreign key."""
    return _says(error, writes.relations)


def is_taken(error: BaseException, writes: Writes) -> bool:
    """Whether `error` speaks of a value that may be in one row only, and is in another."""
    return _says(error, writes.taken)


def _says(error: BaseException, signs: frozenset[str | int]) -> bool:
    state, number = sql_state(error), native_number(error)
    return bool(signs & {state, number} - {None}) or any(
        isinstance(word, str) and len(word) > 5 and word in str(error) for word in signs
    )


def halved(
    attempt: Callable[[int, int], None],
    first: int,
    last: int,
    writes: Writes,
    refused: Callable[[Refused], None],
) -> None:
    """``attempt(first, last)``, and where a row makes it fail, both halves, down to that row, which goes to `refused`.

    `attempt` leaves nothing behind when it raises. An error that is not of a row passes.
    """
    try:
        attempt(first, last)
    except BaseException as error:
        if not is_of_a_row(error, writes):
            raise
        if first == last:
            refused(Refused(first, error))
            return
        middle = (first + last) // 2
        halved(attempt, first, middle, writes, refused)
        halved(attempt, middle + 1, last, writes, refused)
