"""IBM Db2 through its CLI driver (clidriver), and Db2 for i through IBM i Access. Written from the manuals.

Their catalogues are not the same (SYSCAT, QSYS2), so the functions of ODBC are asked.
"""

from __future__ import annotations

from connector_odbc.profiles.db2.errors import ERRORS
from connector_odbc.profiles.db2.types import typed
from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.reads import Reads
from connector_odbc.profiles.standard_types import declare

__all__ = ["PROFILE"]

PROFILE = Profile(
    name="db2",
    title="Db2",
    tested=None,
    drivers=("db2", "clidriver", "cwbodbc", "iseries access", "ibm i access"),
    systems=("db2", "as/400", "as400"),
    # clidriver: PATCH2=15 writes decimals with a point. IBM i Access: NAM=0 is SQL naming, TRANSLATE=0 leaves CCSID 65535,
    # which is bytes, as it is, UNICODESQL=1 sends statements in Unicode. Either driver ignores what is the other's.
    options={"PATCH2": "15", "NAM": "0", "TRANSLATE": "0", "UNICODESQL": "1"},
    probe="SELECT 1 FROM SYSIBM.SYSDUMMY1",
    current_schema="SELECT CURRENT SCHEMA FROM SYSIBM.SYSDUMMY1",
    errors=ERRORS,
    typed=typed,
    declare=declare,
    reads=Reads(limit="{query} FETCH FIRST {rows} ROWS ONLY", byte_length="OCTET_LENGTH({expression})"),
)
