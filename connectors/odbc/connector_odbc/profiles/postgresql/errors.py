"""What PostgreSQL's errors mean. A failed login has no SQLSTATE in psqlodbc: libpq tells it in words.

SQLSTATEs: PostgreSQL's manual, appendix A.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase, digits

from connector_sdk.errors import ConfigError, DataError, TransientError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS", "RAISED"]

# The standard leaves 45 and the classes from 5 to 9 and from I to Z to whoever raises them; the server has some of these.
_CLASSES = {first + second for first in "56789" + ascii_uppercase[8:] for second in digits + ascii_uppercase}
RAISED = frozenset(_CLASSES - {"53", "54", "55", "57", "58", "72", "IM", "S1", "XX"} | {"45"})
"""Classes of SQLSTATEs that functions and triggers raise; P0 is what PL/pgSQL raises without one of its own."""

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
    **dict.fromkeys(RAISED, meanings.REFUSED),
    "XX": Meaning(kind=TransientError, hint="a defect on the server's side: see its log"),
    "XX001": Meaning(kind=DataError, hint="the server says that its data are damaged: see its log"),
    "XX002": Meaning(kind=DataError, hint="the server says that an index is damaged: REINDEX it"),
}
