"""Another database's tables in SQLite: a simulator declares each column with the very Arrow type that the other database has.

SQLite takes any words for a type. Those of this profile are ``plain`` where SQLite has such values itself, ``blob`` for what is
kept as it comes (bytes; decimals and times as text, whole) and ``text``, and behind it the type as
:func:`connector_sdk.types.to_text` writes it. A key called text is gone on from by comparing texts, so only text is: a moment has
several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.types import from_text, to_text

from connector_odbc import restoring
from connector_odbc.catalogue import Column
from connector_odbc.declaring import Declared
from connector_odbc.profiles import sqlite
from connector_odbc.profiles.sqlite import types
from connector_odbc.typed import Typed

__all__ = ["PROFILE"]

_WORDS = ("text ", "blob ", "plain ")
# What SQLite's own profile knows to read, by a word that means it there.
_READ_AS: Mapping[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.string(): "text",
    pa.binary(): "blob",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.timestamp("us", "UTC"): "timestamp with time zone",
    pa.time64("us"): "time",
}


def _typed(column: Column) -> Typed:
    word = next((word for word in _WORDS if column.native.startswith(word)), None)
    if word is None:
        return types.typed(column)
    try:
        kind = from_text(column.native.removeprefix(word))
    except ConfigError:
        return types.typed(column)
    if pa.types.is_decimal(kind):
        plain = Column(name=column.name, native="decimal text", kind="decimal text", precision=kind.precision, scale=kind.scale)
        return types.typed(plain)
    known = _READ_AS.get(kind)
    if known is not None:
        return types.typed(Column(name=column.name, native=known, kind=known))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        wider = "bigint" if pa.types.is_integer(kind) else "double"
        wide = types.typed(Column(name=column.name, native=wider, kind=wider))
        return replace(wide, type=kind, restore=restoring.parsed(kind, f"it is no {to_text(kind)}"))
    return types.typed(column)


def _declare(field: pa.Field[pa.DataType]) -> str:
    kinds, kind = pa.types, field.type
    if kinds.is_boolean(kind) or kinds.is_integer(kind) or kinds.is_floating(kind):
        word = "plain "
    else:
        word = "blob " if kinds.is_binary(kind) or kinds.is_decimal(kind) or kinds.is_temporal(kind) else "text "
    quoted = (word + to_text(kind)).replace('"', '""')
    return f'"{quoted}"'


PROFILE = replace(
    sqlite.PROFILE,
    name="simulated",
    title="a simulator in SQLite",
    drivers=(),
    typed=_typed,
    declare=_declare,
    writes=replace(
        sqlite.PROFILE.writes,
        declared=lambda field, **_: Declared(_declare(field)),
        encoding=replace(sqlite.PROFILE.writes.encoding, zones=("blob timestamp[us, utc]",)),
    ),
)
