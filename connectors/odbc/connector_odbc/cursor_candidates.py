"""Which columns could be a stream's cursor: told to the user, never chosen for them.

A cursor that does not grow with every change loses rows without a word, and no catalogue says how a column is filled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connector_odbc.catalogue import Column, Table

__all__ = ["Candidate", "candidates"]

_CHANGED = re.compile(
    r"(?i)^(?:last_?)?(?:updated?|modif(?:ied|y|ication)|changed?|touched|edited)(?:_?(?:at|on|ts|time|timestamp|date|datetime|utc))?$"
    r"|^(?:date|time|timestamp|ts)_?(?:updated?|modified|changed)$|^last_?(?:update|change|edit|modification)$|^row_?(?:version|start)$"
)
_TIMES = ("timestamp", "datetime")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """`updates`: it seems to grow with updates, too, not only with inserts; `indexed`: the server finds its end fast."""

    column: str
    updates: bool
    indexed: bool


def candidates(table: Table) -> tuple[Candidate, ...]:
    """The columns of `table` that look like a cursor, best first: times of the last change, then keys that the server counts."""
    first = {index.columns[0] for index in table.indexes}
    found = [
        Candidate(column=column.name, updates=updates, indexed=column.name in first or table.primary[:1] == (column.name,))
        for column in table.columns
        if (updates := _changed(column)) or (column.identity and table.primary == (column.name,))
    ]
    return tuple(sorted(found, key=lambda candidate: (not candidate.updates, not candidate.indexed)))


def _changed(column: Column) -> bool:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column.name)
    return column.kind.startswith(_TIMES) and _CHANGED.match(name) is not None
