"""What SQLite's result codes mean: sqliteodbc has one SQLSTATE for all of them.

Codes: https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.errors import ConfigError, DataError, TransientError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS"]

ERRORS: Mapping[str | int, Meaning] = {
    3: meanings.DENIED,
    **dict.fromkeys((5, 6), meanings.LOCKED),
    7: meanings.EXHAUSTED,
    8: meanings.READ_ONLY,
    9: meanings.TOO_LONG,
    **dict.fromkeys((10, 13), Meaning(kind=TransientError, hint="the disk of the database is full or fails")),
    11: Meaning(kind=DataError, hint="the file is damaged: `PRAGMA integrity_check` tells where"),
    14: Meaning(kind=ConfigError, hint="`database` is the file's path; its folder has to be there, and open to this user"),
    17: Meaning(kind=TransientError),
    **dict.fromkeys((18, 19, 20), meanings.REFUSED),
    23: meanings.DENIED,
    26: Meaning(kind=ConfigError, hint="`database` is the path of another kind of file, or of an encrypted one"),
    "no such table": meanings.GONE,
    "no such column": meanings.GONE,
    "no such view": meanings.GONE,
    "has no column": meanings.GONE,
    "integer overflow": meanings.REFUSED,
    "malformed json": meanings.REFUSED,
    "too big": meanings.REFUSED,
    "HY000": meanings.UNSUPPORTED,
}
