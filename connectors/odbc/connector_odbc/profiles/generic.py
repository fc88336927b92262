"""Any database that has no profile of its own, by what the ODBC standard promises."""

from __future__ import annotations

from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.standard_types import declare, typed

__all__ = ["PROFILE"]

PROFILE = Profile(
    name="generic",
    title="a database",
    tested=None,
    drivers=(),
    systems=(),
    typed=typed,
    declare=declare,
)
