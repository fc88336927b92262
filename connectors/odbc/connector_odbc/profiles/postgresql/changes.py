"""What PostgreSQL's log tells of a value: the text of its type's output function, as what FULL reads give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.profiles.changes import Changes
from connector_odbc.profiles.postgresql.hashes import HASHES
from connector_odbc.profiles.postgresql.triggers import TRIGGERS
from connector_odbc.profiles.postgresql.types import typed
from connector_odbc.typed import AnyArray, Restore, Restored

__all__ = ["CHANGES", "SESSION", "logged"]

pc: Any = pyarrow.compute

CHANGES = Changes(methods=("log", "triggers"), triggers=TRIGGERS, hashes=HASHES, late="xmin")

SESSION = ("SET LOCAL lc_monetary = 'C'",)
"""What the output functions depend on, beside what every session of this profile has."""


def logged(column: Column) -> Restore:
    """From text as the log has it (with the settings of `SESSION`) to the type of `column`'s field."""
    kind = column.kind.lower()
    found = _RESTORES.get(kind)
    if found is not None:
        return found
    way = typed(column)
    if pa.types.is_string(way.type):
        return _as_it_is
    return _cut(way.restore) if kind == "timestamp with time zone" else way.restore or _as_it_is


def _as_it_is(fetched: AnyArray) -> Restored:
    return Restored(values=fetched)


def _first(change: Callable[[Any], Any], restore: Restore | None) -> Restore:
    """`restore` behind a change of the text."""

    def both(fetched: AnyArray) -> Restored:
        changed = cast("AnyArray", change(fetched))
        return Restored(values=changed) if restore is None else restore(changed)

    return both


def _cut(restore: Restore | None) -> Restore:
    """Moments in UTC without ``+00``, which is where FULL reads have none."""
    return _first(lambda text: pc.replace_substring(text, "+00", ""), restore)


def _with_mask(fetched: Any) -> Any:
    """A cast of inet to text always shows its mask, the output function only one that is not that of a single host."""
    bare = pc.invert(pc.match_substring(fetched, "/"))
    mask = pc.if_else(pc.match_substring(fetched, ":"), "/128", "/32")
    return pc.if_else(bare, pc.binary_join_element_wise(fetched, mask, ""), fetched)


_MONEY = pa.decimal128(21, 2)

_RESTORES: Mapping[str, Restore] = {
    "smallint": restoring.parsed(pa.int16(), "it is no smallint"),
    "integer": restoring.parsed(pa.int32(), "it is no integer"),
    "bigint": restoring.parsed(pa.int64(), "it is no bigint"),
    "oid": restoring.parsed(pa.uint32(), "it is no oid"),
    "real": restoring.parsed(pa.float32(), "it is no real"),
    "double precision": restoring.parsed(pa.float64(), "it is no double precision"),
    "boolean": _first(lambda text: pc.equal(text, "t"), None),
    "money": _first(lambda text: pc.replace_substring_regex(text, r"[$,]", ""), restoring.decimals(_MONEY)),
    "bytea": _first(lambda text: pc.utf8_slice_codeunits(text, 2, 2**31 - 1), restoring.hexadecimal),
    "inet": _first(_with_mask, None),
}
