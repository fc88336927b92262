"""Rows that want values of one another, each of which only one row may have: none has one for a moment, then each its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from connector_odbc import driver_manager
from connector_odbc.profiles.writes import Writes
from connector_odbc.writing.bisection import Refused, is_of_a_row
from connector_odbc.writing.savepoint import savepoint

__all__ = ["exchanged"]

ROUNDS = 5
"""Rows that are in the way of nobody here are left out of the next round; who waits for them is left out of the one behind it."""


def exchanged(
    connection: Any, writes: Writes, waiting: Sequence[Refused], vacate: Callable[[int], str], carry_out: Callable[[int], None]
) -> list[Refused]:
    """Carry out together what was refused row by row; what still is comes back. Raises the driver's errors that are of no row.

    ``vacate(ordinal)`` takes the values away from the row that a staged one changes; ``carry_out(ordinal)`` changes it.
    """
    some = list(waiting)
    for _ in range(ROUNDS):
        if len(some) < 2:
            break
        refused = _refused(connection, writes, some, vacate, carry_out)
        if not refused:
            return [found for found in waiting if found not in some]
        some = [found for found in some if found not in refused]
    return list(waiting)


def _refused(
    connection: Any, writes: Writes, some: Sequence[Refused], vacate: Callable[[int], str], carry_out: Callable[[int], None]
) -> list[Refused]:
    """Those that are refused; none of `some` is carried out then."""
    refused: list[Refused] = []
    try:
        with savepoint(connection, writes, "connector_exchange"):
            for found in some:
                connection.execute(vacate(found.ordinal))
            for found in some:
                try:
                    carry_out(found.ordinal)
                except driver_manager.pyodbc().Error as error:
                    if not is_of_a_row(error, writes):
                        raise
                    refused.append(found)
            if refused:
                raise refused[0].error
    except driver_manager.pyodbc().Error as error:
        if not is_of_a_row(error, writes):
            raise
        return refused or list(some)  # nothing may be without a value, not even for a moment
    return refused
