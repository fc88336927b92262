"""What Db2's SQLCODEs mean (the message reference, SQLnnnnN), where the SQLSTATE says too little."""

from __future__ import annotations

from collections.abc import Mapping

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS"]

ERRORS: Mapping[str | int, Meaning] = {
    **dict.fromkeys((-1403, -30082), meanings.LOGIN),
    **dict.fromkeys((-1013, -30061), meanings.DATABASE),
    **dict.fromkeys((-30081, -1032, -1336), meanings.UNREACHABLE),
    **dict.fromkeys((-1224, -1229, -30108, -900), meanings.LOST),
    **dict.fromkeys((-551, -552, -1092), meanings.DENIED),
    -817: meanings.READ_ONLY,
    -913: meanings.LOCKED,
    -911: meanings.DEADLOCK,
    -952: meanings.TOO_LONG,
    **dict.fromkeys((-289, -930, -954, -955, -964, -968, -1040, -1226), meanings.EXHAUSTED),
    **dict.fromkeys((-204, -205, -206), meanings.GONE),
    "42703": meanings.GONE,
    "42704": meanings.GONE,
    "57011": meanings.EXHAUSTED,
    "57014": meanings.TOO_LONG,
    "57033": meanings.LOCKED,
}
