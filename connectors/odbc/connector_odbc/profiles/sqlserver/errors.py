"""What SQL Server's error numbers mean ("Database Engine events and errors" of its documentation), and FreeTDS's own."""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.errors import TransientError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["ERRORS"]

ERRORS: Mapping[str | int, Meaning] = {
    **dict.fromkeys((18452, 18456, 18470, 18486, 18487, 18488, 20002, 20014), meanings.LOGIN),
    **dict.fromkeys((911, 4060, 4064), meanings.DATABASE),
    **dict.fromkeys((229, 230, 262, 297, 300, 916, 15247), meanings.DENIED),
    **dict.fromkeys((978, 3906, 3908), meanings.READ_ONLY),
    1222: meanings.LOCKED,
    **dict.fromkeys((1205, 3960), meanings.DEADLOCK),
    **dict.fromkeys((233, 6002, 6005, 10053, 10054, 20003, 20047), meanings.LOST),
    **dict.fromkeys((53, 17142, 20009, 20012, 20013), meanings.UNREACHABLE),
    **dict.fromkeys((701, 802, 1101, 1105, 3257, 9002, 10928, 10929, 17300, 17809), meanings.EXHAUSTED),
    **dict.fromkeys((207, 208, 3701, 4413, 4902), meanings.GONE),
    **dict.fromkeys((220, 232, 241, 242, 245, 248, 515, 547, 2601, 2627, 2628, 8114, 8115, 8134, 8152), meanings.REFUSED),
    **dict.fromkeys((40197, 40501, 40613, 49918, 49919, 49920), Meaning(kind=TransientError)),
}
