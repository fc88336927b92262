"""What Oracle's error numbers (ORA-nnnnn) mean: Oracle Database Error Messages."""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.errors import ConfigError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS"]

_EXPIRED = Meaning(kind=ConfigError, hint="the password has expired, or the account is locked: ask the database's administrator")

ERRORS: Mapping[str | int, Meaning] = {
    **dict.fromkeys((1005, 1017), meanings.LOGIN),
    **dict.fromkeys((28000, 28001, 28002), _EXPIRED),
    **dict.fromkeys((12154, 12505, 12514), meanings.DATABASE),
    **dict.fromkeys((1033, 1034, 1089, 1090, 12170, 12535, 12541, 12543, 12545), meanings.UNREACHABLE),
    **dict.fromkeys((28, 1012, 1092, 3113, 3114, 3135, 12537, 12547, 12571), meanings.LOST),
    **dict.fromkeys((1031, 1045, 1950), meanings.DENIED),
    **dict.fromkeys((1456, 16000), meanings.READ_ONLY),
    **dict.fromkeys((54, 4021, 30006), meanings.LOCKED),
    **dict.fromkeys((60, 8177), meanings.DEADLOCK),
    1013: meanings.TOO_LONG,
    **dict.fromkeys(
        (18, 20, 257, 1536, 1555, 1628, 1652, 1653, 1654, 1688, 1691, 4030, 4031, 12516, 12518, 12519, 12520), meanings.EXHAUSTED
    ),
    **dict.fromkeys((904, 942, 4063, 8103), meanings.GONE),
    **dict.fromkeys((1, 1400, 1407, 1438, 1476, 1722, 1830, 1839, 1841, 1843, 1861, 2290, 2291, 2292, 12899), meanings.REFUSED),
}
