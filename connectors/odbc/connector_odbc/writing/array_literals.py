"""Columns as PostgreSQL array literals (manual, 8.15.6): one text for thousands of values, made without a loop over them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector_odbc.typed import AnyArray

__all__ = ["array_literal", "element"]

_compute: Any = pc
_ELEMENTS = {
    "integer": "int8",
    "decimal": "numeric",
    "boolean": "bool",
    "binary": "bytea",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "timestamp with time zone": "timestamptz",
    "interval": "interval",
}
_BARE = frozenset({"int8", "numeric", "bool", "float4", "float8"})
_SPECIAL = '["\\\\]'


def element(kind: str, values: AnyArray) -> str:
    """The server's type for values of a kind of :class:`connector_odbc.writing.encoding.Encoded`."""
    if kind == "float":
        return "float4" if values.type == pa.float32() else "float8"
    return _ELEMENTS.get(kind, "text")


def array_literal(values: Any, element: str) -> str:
    """``{1,NULL,3}``, ``{"a","say \\"b\\""}``."""
    if element == "bool":
        text = _compute.if_else(values, "t", "f")
    elif element == "bytea":
        text = pa.array([None if data is None else '"\\\\x' + data.hex() + '"' for data in values.to_pylist()], pa.string())
    elif element in _BARE:
        text = values.cast(pa.string())
    else:
        text = values
        if element == "text" and _compute.any(_compute.match_substring_regex(text, _SPECIAL), min_count=0).as_py():
            text = _compute.replace_substring(_compute.replace_substring(text, "\\", "\\\\"), '"', '\\"')
        text = _compute.binary_join_element_wise('"', text, '"', "")
    text = _compute.fill_null(text, "NULL")
    whole: Any = pa.ListArray.from_arrays(pa.array([0, len(text)], pa.int32()), text)
    joined: str = _compute.binary_join(whole, ",")[0].as_py()
    return "{" + joined + "}"
