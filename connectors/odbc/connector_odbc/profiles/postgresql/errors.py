"""What PostgreSQL's errors mean. A failed login has no SQLSTATE in psqlodbc: libpq tells it in words.

SQLSTATEs: PostgreSQL's manual, appendix A.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.errors import ConfigError, DataError, TransientError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS"]

ERRORS: Mapping[str | int, Meaning] = {
    "authentication failed": meanings.LOGIN,
    "no password supplied": meanings.LOGIN,
    "fatal: role": meanings.LOGIN,
    "fatal: database": meanings.DATABASE,
    "fatal: permission denied for database": meanings.DENIED,
    "no pg_hba.conf entry": Meaning(
        kind=ConfigError, hint="pg_hba.conf of the server does not admit this user from this host, or not without SSL"
    ),
    "too many clients": meanings.EXHAUSTED,
    "remaining connection slots": meanings.EXHAUSTED,
    "cached plan must not change": meanings.GONE,
    "25P02": Meaning(kind=TransientError, hint="an earlier statement of the transaction failed"),
    "42P01": meanings.GONE,
    "42703": meanings.GONE,
    "55000": meanings.UNSUPPORTED,
    "55P02": meanings.UNSUPPORTED,
    "57014": meanings.TOO_LONG,
    "57P03": meanings.UNREACHABLE,
    "57P05": meanings.LOST,
    "XX": Meaning(kind=TransientError, hint="a defect on the server's side: see its log"),
    "XX001": Meaning(kind=DataError, hint="the server says that its data are damaged: see its log"),
    "XX002": Meaning(kind=DataError, hint="the server says that an index is damaged: REINDEX it"),
}
