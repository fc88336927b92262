"""Where a simulator has its tables: in a file of SQLite, or wherever somebody says."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from connector_sdk.errors import ConfigError

from connector_odbc import driver_manager
from connector_odbc.simulator_dialect import SQLITE, Dialect

__all__ = ["Place", "SqliteFile"]

_FOLDERS = ("/usr/lib/odbc", *map(str, Path("/usr/lib").glob("*/odbc")), "/usr/lib64", "/usr/local/lib", "/opt/homebrew/lib")


class Place(Protocol):
    """Where a simulator has its tables. `settings` are the connector's, to reach them."""

    dialect: Dialect

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...

    @property
    def settings(self) -> Mapping[str, object]: ...

    def run(self, statements: Sequence[str]) -> None:
        """Run them in one transaction, past the connector."""
        ...

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query returns, past the connector."""
        ...


class SqliteFile:
    """A new SQLite file in a temporary folder. `profile` None: what the connector takes for SQLite."""

    def __init__(self, dialect: Dialect = SQLITE, profile: str | None = None) -> None:
        self.dialect = dialect
        self._profile = profile
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="connector-odbc-"))
        self.run(["PRAGMA user_version = 1"])  # the driver makes no file of its own
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def path(self) -> Path:
        """The file. Raises ConfigError while there is none."""
        if self._folder is None:
            raise ConfigError("the simulator is not running", hint="use it in a with statement")
        return self._folder / "simulated.sqlite"

    @property
    def settings(self) -> Mapping[str, object]:
        more = {} if self._profile is None else {"profile": self._profile}
        return {"driver": _driver(), "database": str(self.path), "schemas": ["main"], **more}

    def run(self, statements: Sequence[str]) -> None:
        with self._connected() as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            yield connection
        finally:
            connection.close()


def _driver() -> str:
    """SQLite's driver: its registered name, or the library where Debian puts it. Raises ConfigError without one."""
    registered = next((name for lower, name in driver_manager.drivers().items() if "sqlite3" in lower), None)
    if registered is not None:
        return registered
    found = sorted(path for folder in _FOLDERS for path in Path(folder).glob("**/libsqlite3odbc.so"))
    if found:
        return str(found[0])
    raise ConfigError("the simulator wants SQLite's ODBC driver", hint="Debian: apt-get install libsqliteodbc", code="driver")
