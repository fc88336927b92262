"""What the error numbers of MariaDB, MySQL and their client library mean, where the SQLSTATE is HY000 or says too little.

Numbers: MariaDB Knowledge Base, "MariaDB Error Code Reference"; from 2000 on those of the client library.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.errors import ConfigError, DataError, TransientError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS"]

_HOST = Meaning(kind=ConfigError, hint="the server does not admit this host: see the accounts of the user (user@host)")
_BOUND = Meaning(kind=ConfigError, hint="a foreign key needs both its columns to have one type: widen both by hand, without it")
_AGAIN = Meaning(kind=TransientError)

ERRORS: Mapping[str | int, Meaning] = {
    **dict.fromkeys((1045, 1251, 1275, 1524, 1698, 1862, 2049, 2059), meanings.LOGIN),
    **dict.fromkeys((1129, 1130), _HOST),
    1049: meanings.DATABASE,
    **dict.fromkeys((2001, 2002, 2003, 2005), meanings.UNREACHABLE),
    **dict.fromkeys((1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055), meanings.LOST),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), meanings.DENIED),
    **dict.fromkeys((1290, 1792, 1836, 1874), meanings.READ_ONLY),
    **dict.fromkeys((1099, 1205, 1223), meanings.LOCKED),
    **dict.fromkeys((1020, 1213, 1614), meanings.DEADLOCK),
    **dict.fromkeys((1317, 1969, 3024), meanings.TOO_LONG),
    **dict.fromkeys((1021, 1037, 1038, 1040, 1041, 1114, 1203, 1206, 1226), meanings.EXHAUSTED),
    "errno: 28": meanings.EXHAUSTED,
    **dict.fromkeys((1051, 1054, 1109, 1146, 1356, 1412), meanings.GONE),
    **dict.fromkeys((1832, 1833), _BOUND),
    1615: _AGAIN,
    1153: Meaning(kind=DataError, hint="a value is longer than the server's max_allowed_packet"),
    **dict.fromkeys((1062, 1169, 1216, 1217, 1364, 1366, 1451, 1452, 1526, 4025), meanings.REFUSED),
}
