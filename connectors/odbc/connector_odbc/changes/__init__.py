"""Change capture: which tables' changes can be read, deletes included, by a method that is installed."""

from __future__ import annotations

from connector_odbc.catalogue import Table
from connector_odbc.database import Database

__all__ = ["changes_offered"]


def changes_offered(database: Database, table: Table) -> bool:
    """Whether a method that sees deletes is installed for `table`."""
    return False
