"""Every law, with changes by triggers: on SQLite, where the connector's simulator is."""

from __future__ import annotations

from typing import Self

from connector_odbc import OdbcConnector
from connector_odbc.simulator import OdbcSimulator
from connector_sdk.plugins import make
from connector_sdk.testing.laws import law_tests


class Captured(OdbcSimulator):
    """The simulator, with triggers on its tables that have a key."""

    def __enter__(self) -> Self:
        super().__enter__()
        with make(OdbcConnector, dict(self.config)) as opened:
            for stream in opened.discover():
                if stream.keys:
                    opened.call("capture.install", {"streams": [stream.name], "method": "triggers"})
        return self


class ByTriggers(OdbcConnector):
    """The connector, with that simulator."""

    simulator = Captured  # type: ignore[assignment]


test_triggers_keep = law_tests(ByTriggers, crash_points=6)
