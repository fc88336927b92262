"""Any database with an ODBC driver as typed streams."""

from __future__ import annotations

from connector_odbc.config import OdbcConfig, TableConfig
from connector_odbc.connector import OdbcConnector

__all__ = ["OdbcConfig", "OdbcConnector", "TableConfig"]
