"""The laws of changes, for the methods that read a log: PostgreSQL's, and the history that MariaDB's tables keep."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import pytest
from connector_odbc import OdbcConnector
from connector_odbc.simulator import OdbcSimulator
from connector_sdk.plugins import make
from connector_sdk.testing.laws import check_law

from connectors.odbc.tests.law_places import RUNNING, OnMariaDB, OnPostgreSQL

LAWS = (2, 3, 4, 11, 12)
"""Those that say something about changes."""


class Captured:
    """A simulator whose tables are captured by `method` before anybody reads them."""

    def __init__(self, begin: Any, method: str, seed: int = 0) -> None:
        self._inner: OdbcSimulator = begin(seed)
        self._method = method

    def __enter__(self) -> Self:
        self._inner.__enter__()
        with make(OdbcConnector, dict(self.config)) as connector:
            for stream in connector.discover(self._inner.streams):
                if stream.keys:
                    connector.call("capture.install", {"streams": [stream.name], "method": self._method})  # type: ignore[attr-defined]
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __exit__(self, *raised: Any) -> None:
        self._inner.__exit__(*raised)

    @property
    def config(self) -> dict[str, object]:
        return {**self._inner.config, "changes": self._method}


class ByLog(OnPostgreSQL):
    """The connector where PostgreSQL's log is decoded."""

    simulator = staticmethod(partial(Captured, OnPostgreSQL.simulator, "log"))  # type: ignore[assignment]


class ByVersions(OnMariaDB):
    """The connector where MariaDB keeps the history of the tables."""

    simulator = staticmethod(partial(Captured, OnMariaDB.simulator, "versions"))  # type: ignore[assignment]


def kept(connector: Any, law: int) -> None:
    result = check_law(law, connector)
    assert result.verdict in ("kept", "not offered"), result.detail
    if law in (4, 11, 12):
        assert result.verdict == "kept", result.detail
        assert "not offered" not in result.detail.split(";")[0], result.detail


@pytest.mark.parametrize("law", LAWS)
def test_logical_decoding_keeps(postgresql: Any, law: int) -> None:
    RUNNING["postgresql"] = postgresql
    kept(ByLog, law)


@pytest.mark.parametrize("law", LAWS)
def test_system_versioning_keeps(mariadb: Any, law: int) -> None:
    RUNNING["mariadb"] = mariadb
    kept(ByVersions, law)
