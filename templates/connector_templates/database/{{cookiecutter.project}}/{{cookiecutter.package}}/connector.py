"""The connector itself: what generated/ knows about the tables, on the machinery of connector-odbc."""

from __future__ import annotations

from typing import Any

import connector_sdk
from connector_odbc import OdbcConfig, OdbcConnector

from {{ cookiecutter.package }}.generated.streams import STREAMS
from {{ cookiecutter.package }}.generated.tables import Tables


class {{ cookiecutter.class_name }}Connector(OdbcConnector):
    """The database of {{ cookiecutter.name }}, through its ODBC driver."""

    simulator = "{{ cookiecutter.package }}.simulator:{{ cookiecutter.class_name }}Simulator"

    def __init__(self, config: OdbcConfig) -> None:
        super().__init__(config, streams=STREAMS)


def connect(**settings: Any) -> Tables:
    """The tables, typed, with settings as in a configuration: ``with connect(dsn="…") as tables``."""
    return Tables(connector_sdk.open({{ cookiecutter.class_name }}Connector, **settings))
