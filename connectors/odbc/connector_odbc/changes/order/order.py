"""What an order of reading is: positions, and the steps from one to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from connector_odbc.database import Connection, Database

__all__ = ["Order", "Step"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """Rows of an audit table that are read in the order of their number: those that `condition` keeps, behind the number `after`
    and not behind `upto`. `place` gives the position when all up to a number have been read."""

    condition: str
    after: int | None
    upto: int | None
    place: Callable[[int], Any]


class Order(Protocol):
    """A position is JSON. Of two changes to one row, the later one never comes first, neither by position nor within a step."""

    def low(self, connection: Connection, audit: str, purged: Any | None) -> Any:
        """A position that every change lies behind that is committed from now on."""
        ...

    def now(self, database: Database, connection: Connection, audit: str, position: Any) -> Any:
        """The position behind everything that is committed now."""
        ...

    def steps(self, position: Any, end: Any) -> Iterator[Step]:
        """From `position` to `end`, a later one."""
        ...

    def covers(self, position: Any, purged: Any) -> bool:
        """Whether all that lies before `purged` lies before `position`, too."""
        ...

    def purge(self, connection: Connection, audit: str, position: Any) -> None:
        """Delete what lies before `position`."""
        ...
