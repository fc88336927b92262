"""What a way of capturing changes is: a module of this package with these functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from connector_sdk.contract import Batch, Split, State
from connector_sdk.schema import Stream, Where

from connector_odbc.catalogue import Table, TableName
from connector_odbc.database import Database

__all__ = ["Method"]


class Method(Protocol):
    """One way of capturing changes. Every function may raise ConfigError and TransientError.

    `ABOUT` is a sentence for the user: what it sees, and what it does not.
    """

    ABOUT: str

    def installed(self, database: Database) -> frozenset[TableName]:
        """The tables whose changes it has been told to capture, by one query."""
        ...

    def plan(self, database: Database, streams: Sequence[Stream], where: Mapping[str, Where]) -> list[Split]:
        """Splits with ``{"method": …}`` in their spec; what of `where` is left to the engine stands in `Split.left`."""
        ...

    def read(self, database: Database, split: Split, state: State | None, until: State | None) -> Iterator[Batch]:
        """The changes after `state`, as the contract has it. Raises StateInvalidError, SchemaDriftError."""
        ...

    def ack(self, database: Database, split: Split, state: State) -> None:
        """Let go of what is kept for states before `state`."""
        ...

    def install(self, database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
        """The statements that make it capture the changes of `tables`, by stream name; carried out unless `dry_run`.

        Those that are captured already are left as they are. Raises ConfigError for a table that it cannot capture.
        """
        ...

    def remove(self, database: Database, tables: Mapping[str, Table], *, dry_run: bool) -> list[str]:
        """The statements that take it away from `tables` without a trace; carried out unless `dry_run`."""
        ...

    def status(self, database: Database, tables: Mapping[str, Table]) -> list[dict[str, Any]]:
        """For each of `tables` that is captured: ``stream``, and what the method knows of how far it is behind."""
        ...
