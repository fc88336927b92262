"""The kunden connector."""

from connector_kunden.connector import KundenConnector

__all__ = ["KundenConnector"]
