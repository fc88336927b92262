"""Oracle Database through Oracle's own driver (Instant Client). Written from the manuals.

An empty text is NULL there, and is read as null.
"""

from __future__ import annotations

from connector_odbc.profiles.oracle.catalogue import CATALOGUE
from connector_odbc.profiles.oracle.errors import ERRORS
from connector_odbc.profiles.oracle.types import typed
from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.reads import Reads
from connector_odbc.profiles.standard_types import declare

__all__ = ["PROFILE"]

PROFILE = Profile(
    name="oracle",
    title="Oracle",
    tested=None,
    drivers=("sqora", "oracle"),
    systems=("oracle",),
    # LOB: large values at all; QTO: timeouts of statements.
    options={"LOB": "T", "QTO": "T"},
    session=("ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,'", "ALTER SESSION SET TIME_ZONE = '+00:00'"),
    probe="SELECT 1 FROM DUAL",
    current_schema="SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL",
    errors=ERRORS,
    lock_timeout=("ALTER SESSION SET DDL_LOCK_TIMEOUT = {seconds}",),
    catalogue=CATALOGUE,
    typed=typed,
    declare=declare,
    reads=Reads(limit="SELECT * FROM ({query}) WHERE ROWNUM <= {rows}", byte_length="LENGTHB({expression})"),
)
