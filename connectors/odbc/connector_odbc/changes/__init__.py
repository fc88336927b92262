"""Change capture: the methods there are, and which of them tells the changes of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary

from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, StateInvalidError
from connector_sdk.schema import Stream, Where

from connector_odbc import catalogue_reading
from connector_odbc.catalogue import Table, TableName
from connector_odbc.changes import bucket_hashes, logical_decoding, system_versioning, triggers
from connector_odbc.changes.method import Method
from connector_odbc.database import Database

__all__ = ["METHODS", "ack", "before_told", "changes_offered", "forget", "method_of", "plan", "read"]

METHODS: Mapping[str, Method] = {
    "log": logical_decoding,
    "versions": system_versioning,
    "triggers": triggers,
    "snapshot": bucket_hashes,
}
"""By the name that `changes` of the configuration knows each by."""

_BEFORE: Mapping[str, Callable[[Database], frozenset[TableName]]] = {"log": logical_decoding.before_told}
"""Of the methods that can tell it: the tables of which they tell what rows were."""

_found: WeakKeyDictionary[Database, dict[str, frozenset[TableName]]] = WeakKeyDictionary()
"""What is installed, asked once for each opened database."""


def changes_offered(database: Database, table: Table) -> bool:
    """Whether a method that sees deletes is installed for `table`."""
    return method_of(database, table) is not None


def method_of(database: Database, table: Table) -> str | None:
    """The method that tells the changes of `table`: the configured one, or the best of the system's, where it is installed."""
    asked = database.config.changes
    if asked == "snapshot":  # nothing is installed for it
        return asked if bucket_hashes.captures(database, table) else None
    offered = [name for name in database.profile.changes.methods if name in METHODS and asked in ("auto", name)]
    if table.view or not offered:
        return None
    known = _found.setdefault(database, {})
    for name in offered:
        if name not in known:
            known[name] = METHODS[name].installed(database)
        if table.name in known[name]:
            return name
    return None


def before_told(database: Database, table: Table) -> bool:
    """Whether changes of `table` come with the row as it was."""
    name = method_of(database, table)
    if name is None or name not in _BEFORE:
        return False
    known = _found.setdefault(database, {})
    if f"{name} before" not in known:
        known[f"{name} before"] = _BEFORE[name](database)
    return table.name in known[f"{name} before"]


def forget(database: Database) -> None:
    """Ask again what is installed."""
    _found.pop(database, None)


def plan(database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
    """The splits of a CHANGES read, each by the method of its streams. Raises ConfigError for a stream that has none."""
    tables = catalogue_reading.tables(database, [stream.name for stream in streams])
    by_method: dict[str, list[Stream]] = {}
    for stream in streams:
        name = method_of(database, tables[stream.name]) if stream.name in tables else None
        if name is None:
            raise ConfigError(
                f"no method captures the changes of {stream.name!r}",
                hint="install one: connector capture install; or set `index` to compare full reads",
                stream=stream.name,
            )
        by_method.setdefault(name, []).append(stream)
    return [split for name, group in by_method.items() for split in METHODS[name].plan(database, group, where)]


def read(database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
    """The changes of a CHANGES split. Raises StateInvalidError for a plan that is not ours."""
    return _method(split).read(database, split, state, until)


def ack(database: Database, split: Split, state: State) -> None:
    """Everything up to `state` is held durably."""
    _method(split).ack(database, split, state)


def _method(split: Split) -> Method:
    name = split.spec.get("method") if isinstance(split.spec, Mapping) else None
    if not isinstance(name, str) or name not in METHODS:
        raise StateInvalidError(f"the plan of {split.id!r} is not one of this connector", hint="plan again", split=split.id)
    return METHODS[name]
