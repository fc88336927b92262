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
_QUOTED = frozenset({"text", "interval"})


def element(kind: str, values: AnyArray) -> str:
    """The server's type for values of a kind of :class:`connector_odbc.writing.encoding.Encoded`."""
    if kind == "float":
        return "float4" if values.type == pa.float32() else "float8"
    return _ELEMENTS.get(kind, "text")


def array_literal(values: Any, element: str) -> str:
    """``{1,NULL,3}``, ``{"a","say \\"b\\""}``."""
    if element in _QUOTED:
        return _quoted(values)
    if element == "bool":
        text = _compute.if_else(values, "t", "f")
    elif element == "bytea":
        text = pa.array([None if data is None else '"\\\\x' + data.hex() + '"' for data in values.to_pylist()], pa.string())
    else:
        text = values.cast(pa.string())
    return "{" + _joined(_compute.fill_null(text, "NULL"), ",") + "}"


def _quoted(text: Any) -> str:
    """In quotes, whatever they are."""
    if not text.null_count and len(text):
        whole = _joined(text, '","')
        if "\\" not in whole and whole.count('"') == 2 * (len(text) - 1):
            return '{"' + whole + '"}'
    text = _compute.replace_substring(_compute.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    return "{" + _joined(_compute.fill_null(_compute.binary_join_element_wise('"', text, '"', ""), "NULL"), ",") + "}"


def _joined(text: Any, between: str) -> str:
    whole: Any = pa.ListArray.from_arrays(pa.array([0, len(text)], pa.int32()), text)
    joined: str = _compute.binary_join(whole, between)[0].as_py()
    return joined
