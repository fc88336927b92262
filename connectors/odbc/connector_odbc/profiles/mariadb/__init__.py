"""MariaDB and MySQL through MariaDB Connector/ODBC."""

from __future__ import annotations

from connector_odbc.profiles.changes import Changes
from connector_odbc.profiles.mariadb.catalogue import CATALOGUE
from connector_odbc.profiles.mariadb.declares import declare
from connector_odbc.profiles.mariadb.errors import ERRORS
from connector_odbc.profiles.mariadb.hashes import HASHES
from connector_odbc.profiles.mariadb.reads import READS
from connector_odbc.profiles.mariadb.triggers import TRIGGERS
from connector_odbc.profiles.mariadb.types import SESSION, typed
from connector_odbc.profiles.mariadb.writes import WRITES
from connector_odbc.profiles.profile import Profile

__all__ = ["PROFILE"]


PROFILE = Profile(
    name="mariadb",
    title="MariaDB",
    tested="MariaDB 10.11 with Connector/ODBC 3.1.15",
    drivers=("maodbc", "mariadb", "mysql"),
    systems=("mariadb", "mysql"),
    quotes=("`", "`"),
    current_schema="SELECT DATABASE()",
    session=SESSION,
    errors=ERRORS,
    lock_timeout=("SET SESSION innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}",),
    query_timeout=("SET SESSION max_statement_time = {seconds}",),
    catalogue=CATALOGUE,
    typed=typed,
    declare=declare,
    writes=WRITES,
    reads=READS,
    changes=Changes(methods=("versions", "triggers"), triggers=TRIGGERS, hashes=HASHES, late="list"),
)
