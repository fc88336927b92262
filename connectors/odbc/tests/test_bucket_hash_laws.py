"""The laws of changes, for comparison by the hashes of the server."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from typing import Any, Self

import pytest
from connector_odbc.simulator import OdbcSimulator

from connectors.odbc.tests.law_places import RUNNING, OnMariaDB, OnPostgreSQL
from connectors.odbc.tests.test_capture_laws import LAWS, kept


class Hashing:
    """A simulator whose tables are compared by hashes, with an index of their own."""

    def __init__(self, begin: Any, seed: int = 0) -> None:
        self._inner: OdbcSimulator = begin(seed)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._index = self._stack.enter_context(tempfile.TemporaryDirectory())
        self._stack.enter_context(self._inner)
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def config(self) -> dict[str, object]:
        return {**self._inner.config, "changes": "snapshot", "index": self._index, "max_change": None}


class OnPostgreSQLByHashes(OnPostgreSQL):
    """The connector where PostgreSQL hashes."""

    simulator = staticmethod(partial(Hashing, OnPostgreSQL.simulator))  # type: ignore[assignment]


class OnMariaDBByHashes(OnMariaDB):
    """The connector where MariaDB hashes."""

    simulator = staticmethod(partial(Hashing, OnMariaDB.simulator))  # type: ignore[assignment]


@pytest.mark.parametrize("law", LAWS)
def test_hashes_of_postgresql_keep(postgresql: Any, law: int) -> None:
    RUNNING["postgresql"] = postgresql
    kept(OnPostgreSQLByHashes, law)


@pytest.mark.parametrize("law", LAWS)
def test_hashes_of_mariadb_keep(mariadb: Any, law: int) -> None:
    RUNNING["mariadb"] = mariadb
    kept(OnMariaDBByHashes, law)
