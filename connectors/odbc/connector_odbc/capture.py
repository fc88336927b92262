"""``connector capture``: what captures changes in the database is shown, installed and removed; nothing else ever does that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from connector_sdk.contract import Operation
from connector_sdk.errors import ConfigError

from connector_odbc import catalogue_reading, changes
from connector_odbc.catalogue import Table
from connector_odbc.changes import triggers
from connector_odbc.changes.audit import called
from connector_odbc.database import Database
from connector_odbc.writing.targets import Targets

__all__ = ["OPERATIONS", "call"]

_STREAMS: pa.Field[Any] = pa.field("streams", pa.list_(pa.string()))  # all of them, if left out
_WHICH = pa.schema([_STREAMS])
_HOW = pa.schema([_STREAMS, pa.field("method", pa.string()), pa.field("dry_run", pa.bool_())])

OPERATIONS = (
    Operation(
        name="capture.status",
        input=_WHICH,
        doc="by which method the changes of each stream are told, and what it holds back",
        changes_system=False,
    ),
    Operation(
        name="capture.install",
        input=_HOW,
        doc="make the database keep the changes of the streams; dry_run: only show how",
    ),
    Operation(
        name="capture.remove",
        input=_HOW,
        doc="take away what was installed; dry_run: only show how",
    ),
)


def call(database: Database, name: str, arguments: Mapping[str, object]) -> object:
    """Status as a list of objects; of the others the statements, as text. Raises ConfigError, TransientError."""
    streams = arguments.get("streams")
    named = [str(stream) for stream in streams] if isinstance(streams, list) else None
    tables = _tables(database, named, away=name == "capture.remove")
    if name == "capture.status":
        changes.forget(database)
        return _status(database, tables)
    dry_run = arguments.get("dry_run") is True
    asked = arguments.get("method")
    if name == "capture.install":
        statements = _install(database, tables, asked, dry_run=dry_run)
    elif name == "capture.remove":
        statements = _remove(database, tables, asked, dry_run=dry_run)
    else:
        raise ConfigError(f"there is no operation {name!r}", hint=f"there are {', '.join(o.name for o in OPERATIONS)}")
    changes.forget(database)
    return "\n".join(f"{statement};" for statement in statements)


def _tables(database: Database, streams: Sequence[str] | None, *, away: bool) -> dict[str, Table]:
    """Those named, else all; `away`: also one that is not there, of which a capture is left.

    Raises ConfigError for a name that is none of them, before anything is done to the others.
    """
    found = catalogue_reading.tables(database, streams)
    for stream in streams or ():
        if stream not in found:
            name = Targets(database).named(stream)
            if not (away and triggers.left(database, [name])):
                raise ConfigError(f"{database.place} has no stream {stream!r}", stream=stream)
            found[stream] = Table(name=name, columns=())
        if found[stream].view:
            raise ConfigError(f"{stream!r} is a view: capture the changes of its tables", stream=stream)
    return {name: table for name, table in found.items() if not table.view}


def _offered(database: Database, asked: object) -> list[str]:
    """The methods that are meant, best first. Raises ConfigError for one that the system does not have."""
    config = database.config.changes
    wanted = str(asked) if asked is not None else None if config in ("auto", "snapshot", "none") else config
    offered = [name for name in database.profile.changes.methods if name in changes.METHODS]
    if wanted is not None and wanted not in offered:
        raise ConfigError(
            f"{database.profile.title} has no method {wanted!r} to capture changes",
            hint=f"it has {', '.join(offered) or 'none'}",
        )
    return offered if wanted is None else [wanted]


def _install(database: Database, tables: Mapping[str, Table], asked: object, *, dry_run: bool) -> list[str]:
    offered = _offered(database, asked)
    if not offered:
        raise ConfigError(
            f"no method captures changes in {database.profile.title}", hint="set `index`: full reads are then compared"
        )
    return changes.METHODS[offered[0]].install(database, tables, dry_run=dry_run)


def _remove(database: Database, tables: Mapping[str, Table], asked: object, *, dry_run: bool) -> list[str]:
    statements: list[str] = []
    for name in _offered(database, asked):
        installed = changes.METHODS[name].installed(database)
        if name == "triggers":
            installed |= triggers.left(database, [table.name for table in tables.values()])
        mine = {stream: table for stream, table in tables.items() if table.name in installed}
        if mine:
            statements += changes.METHODS[name].remove(database, mine, dry_run=dry_run)
    return statements


def _status(database: Database, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
    by_method: dict[str, dict[str, Table]] = {}
    found: list[dict[str, Any]] = []
    left = triggers.left(database, [table.name for table in tables.values()])
    for stream, table in tables.items():
        method = changes.method_of(database, table)
        if table.name in left and method in (None, "triggers"):
            audit = called(database.profile, table.name).audit
            problem = f"{audit} is left of an earlier table of this name: {triggers.AGAIN}"
            found.append({"stream": stream, "method": None, "problem": problem})
        elif method is None:
            found.append({"stream": stream, "method": None})
        else:
            by_method.setdefault(method, {})[stream] = table
    for method, mine in by_method.items():
        about = changes.METHODS[method].ABOUT
        found += [{"method": method, **told, "about": about} for told in changes.METHODS[method].status(database, mine)]
    return sorted(found, key=lambda told: str(told["stream"]))
