"""SQLite through sqliteodbc."""

from __future__ import annotations

from connector_odbc.profiles.changes import Changes
from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.sqlite.catalogue import CATALOGUE
from connector_odbc.profiles.sqlite.declares import declare
from connector_odbc.profiles.sqlite.errors import ERRORS
from connector_odbc.profiles.sqlite.reads import READS
from connector_odbc.profiles.sqlite.triggers import TRIGGERS
from connector_odbc.profiles.sqlite.types import typed
from connector_odbc.profiles.sqlite.writes import WRITES

__all__ = ["PROFILE"]


PROFILE = Profile(
    name="sqlite",
    title="SQLite",
    tested="SQLite 3.40 with sqliteodbc 0.9998",
    drivers=("sqlite",),
    systems=("sqlite",),
    options={"StepAPI": "1", "Timeout": "{milliseconds}"},
    current_schema="SELECT 'main'",
    errors=ERRORS,
    catalogue=CATALOGUE,
    typed=typed,
    declare=declare,
    writes=WRITES,
    reads=READS,
    changes=Changes(methods=("triggers",), triggers=TRIGGERS, late="one"),
)
