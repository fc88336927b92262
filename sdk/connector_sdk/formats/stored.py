"""Where a format lacks a type: the schema it stores instead, and the one that comes back.

The file's metadata says what the fields were: key ``connector.schema``, an Arrow schema message in base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, cast

import pyarrow as pa

from connector_sdk.errors import DataError
from connector_sdk.formats.reshape import map_leaves

__all__ = ["KEY", "decode_schema", "deep", "encode_schema", "original", "stored"]

KEY = "connector.schema"


def encode_schema(schema: pa.Schema) -> str:
    """The schema, metadata included, as text."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def decode_schema(text: str | bytes) -> pa.Schema:
    """The schema that `encode_schema` wrote. Raises DataError when it is none."""
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text, validate=True)))
    except (ValueError, OSError) as error:
        raise DataError(f"the file's {KEY} is damaged: {error}", code="format") from None


def stored(schema: pa.Schema, leaf: Callable[[pa.DataType], pa.DataType]) -> pa.Schema:
    """`schema` in the types that `leaf` turns its types into, and a note of what they were; itself if there is no difference."""
    fields = [field.with_type(leaf(field.type)) for field in schema]
    if [field.type for field in fields] == schema.types:
        return schema
    return pa.schema(fields, cast(Any, {**(schema.metadata or {}), KEY.encode(): encode_schema(schema).encode()}))


def original(metadata: Mapping[bytes, bytes] | None, otherwise: pa.Schema) -> pa.Schema:
    """The schema of which a file's metadata has the note, else `otherwise`."""
    note = (metadata or {}).get(KEY.encode())
    return otherwise if note is None else decode_schema(note)


def deep(leaf: Callable[[pa.DataType], pa.DataType]) -> Callable[[pa.DataType], pa.DataType]:
    """`leaf`, applied within nested types too; those that have nothing to change stay as they are."""

    def change(type_: pa.DataType) -> pa.DataType:
        plain = map_leaves(type_, lambda inner: inner)
        changed = map_leaves(type_, leaf)
        return type_ if changed == plain else changed

    return change
