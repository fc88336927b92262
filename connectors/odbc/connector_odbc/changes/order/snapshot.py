"""By PostgreSQL's snapshots: what one snapshot shows and an earlier one did not, whenever it was written.

Who changes a row after another transaction did has waited for its commit. So no snapshot shows the later change without the
earlier one, and among those that one shows newly their numbers are in the right order. Long transactions hold nothing up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connector_odbc.changes.order.order import Step
from connector_odbc.database import Connection, Database

__all__ = ["covers", "low", "now", "purge", "steps"]

_TEXT = re.compile(r"\d+:\d+:(\d+(,\d+)*)?")


@dataclass(frozen=True)
class _Snapshot:
    """As pg_snapshot's text: every transaction below `xmin` is over, those from `xmax` on and those `open` are not."""

    text: str
    xmin: int
    xmax: int
    open: frozenset[int]

    @classmethod
    def of(cls, text: str) -> _Snapshot:
        if not _TEXT.fullmatch(text):
            raise ValueError(text)
        xmin, xmax, open_ = text.split(":")
        return cls(text, int(xmin), int(xmax), frozenset(map(int, filter(None, open_.split(",")))))

    def within(self, later: _Snapshot) -> bool:
        """Whether `later` shows all that this one shows."""
        return self.xmax <= later.xmax and all(xid in self.open for xid in later.open if xid < self.xmax)


def low(connection: Connection, audit: str, purged: Any | None) -> Any:
    """The snapshot of now."""
    return {"seen": _current(connection)}


def _current(connection: Connection) -> str:
    return str(connection.execute("SELECT CAST(pg_current_snapshot() AS text)").fetchone()[0])


def now(database: Database, connection: Connection, audit: str, position: Any) -> Any:
    """The snapshot of now; where the reading of one has begun already, that one is read first."""
    return {"seen": _current(connection)}


def steps(position: Any, end: Any) -> Iterator[Step]:
    """The rest of a snapshot whose reading has begun, then what the last shows more; its beginning, if `end` lies within it."""
    seen, upto, at = position["seen"], position.get("upto"), int(position.get("at", -1))
    last, part = (end["seen"], None) if "upto" not in end else (end["upto"], int(end["at"]))
    if upto is not None and (seen, upto) == (end["seen"], end.get("upto")):
        yield _step(seen, upto, at, part)
        return
    if upto is not None:
        yield _step(seen, upto, at, None)
        seen = upto
    if part is not None and seen != end["seen"]:
        yield _step(seen, end["seen"], -1, None)
        seen = end["seen"]
    if seen != last:
        yield _step(seen, last, -1, part)


def _step(seen: str, upto: str, after: int, part: int | None) -> Step:
    old, new = _Snapshot.of(seen), _Snapshot.of(upto)
    shown = "pg_visible_in_snapshot(_connector_xid, '{}'::pg_snapshot)"
    return Step(
        condition=(
            f"_connector_xid >= '{old.xmin}'::xid8 AND _connector_xid < '{new.xmax}'::xid8"
            f" AND NOT {shown.format(old.text)} AND {shown.format(new.text)}"
        ),
        after=after,
        upto=part,
        place=lambda number: {"seen": seen, "upto": upto, "at": number},
    )


def covers(position: Any, purged: Any) -> bool:
    """Of a position within a snapshot, by the one before."""
    return _Snapshot.of(purged["seen"]).within(_Snapshot.of(position["seen"]))


def purge(connection: Connection, audit: str, position: Any) -> None:
    """What the snapshot shows."""
    seen = _Snapshot.of(position["seen"])
    connection.execute(
        f"DELETE FROM {audit} WHERE _connector_seq >= 0 AND _connector_xid < '{seen.xmax}'::xid8"
        f" AND pg_visible_in_snapshot(_connector_xid, '{seen.text}'::pg_snapshot)"
    )
