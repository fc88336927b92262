"""The connector itself: which part does what when the engine asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from connector_sdk.errors import InternalError
from connector_sdk.schema import Stream

from connector_odbc import discovery
from connector_odbc.config import OdbcConfig
from connector_odbc.database import Database

__all__ = ["OdbcConnector"]


class OdbcConnector:
    """The tables and views of a database behind an ODBC driver."""

    def __init__(self, config: OdbcConfig) -> None:
        self.config = config
        self._database: Database | None = None

    def __getstate__(self) -> dict[str, object]:
        if self._database is not None:
            raise InternalError("an opened connector does not travel to another process")
        return self.__dict__

    def __enter__(self) -> Self:
        self._database = Database(self.config)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def check(self) -> None:
        """The database can be logged in to, and answers. Raises ConfigError or TransientError."""
        with self._here.lend() as connection:
            connection.execute(self._here.profile.probe)

    def discover(self, only: Sequence[str] | None = None) -> Iterable[Stream]:
        """Every table and view that the configuration means; those in `only`. Raises ConfigError or TransientError."""
        return discovery.discover(self._here, only)

    @property
    def _here(self) -> Database:
        if self._database is None:
            raise InternalError("the connector is not open: use it in a with statement")
        return self._database
