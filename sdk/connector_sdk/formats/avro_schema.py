"""Avro schemas from Arrow's and back (Apache Avro 1.12 specification, "Schema Declaration" and "Logical Types").

A type that Avro lacks is stored as the nearest one that holds every value: ``uint64`` as ``decimal(20,0)``, a duration as a
``long`` of its unit, an interval as a record. Names that are no Avro names (``[A-Za-z_][A-Za-z0-9_]*``) are mangled, and the
property ``connector.name`` keeps the original.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connector_sdk.errors import DataError
from connector_sdk.formats.reshape import INTERVAL, is_list, map_leaves, wider_decimal
from connector_sdk.schema import doc_of
from connector_sdk.types import to_avro

__all__ = ["NAME", "arrow_schema", "avro_schema", "stored_type"]

NAME = "connector.name"

_STORED: dict[pa.DataType, pa.DataType] = {
    pa.int8(): pa.int32(),
    pa.int16(): pa.int32(),
    pa.uint8(): pa.int32(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
    pa.binary(0): pa.binary(),
    pa.date64(): pa.date32(),
    pa.time32("s"): pa.time32("ms"),
    pa.time64("ns"): pa.int64(),
    pa.month_day_nano_interval(): INTERVAL,
}

_STAMPS: dict[Any, str] = {"ms": "millis", "us": "micros", "ns": "nanos"}


def stored_type(type_: pa.DataType) -> pa.DataType:
    """The type with an exact Avro counterpart that holds every value of `type_`."""
    return map_leaves(type_, _leaf)


def _leaf(type_: pa.DataType) -> pa.DataType:
    kind: Any = type_
    if type_ == pa.uuid():
        return type_
    if isinstance(type_, pa.BaseExtensionType):
        return stored_type(type_.storage_type)
    if pa.types.is_dictionary(type_):
        return stored_type(kind.value_type)
    if pa.types.is_decimal(type_):
        return wider_decimal(type_) or type_
    if pa.types.is_duration(type_):
        return pa.int64()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("ms" if kind.unit == "s" else kind.unit, "UTC" if kind.tz else None)
    if pa.types.is_map(type_) and kind.key_type != pa.string():
        key: pa.Field[Any] = pa.field("key", kind.key_type, nullable=False)
        return pa.list_(pa.field("item", pa.struct([key, kind.item_field.with_name("value")]), nullable=False))
    return _STORED.get(type_, type_)


def avro_schema(schema: pa.Schema) -> dict[str, Any]:
    """The record schema of a file of stored types. Field ``i`` of each record is field ``i`` of the Arrow schema or struct."""
    return _Names().record("row", list(schema))


@dataclass
class _Names:
    """Names of records and fixed types, unique in a file."""

    taken: set[str] = field(default_factory=set)

    def record(self, path: str, fields: list[pa.Field[Any]]) -> dict[str, Any]:
        name = unique(path, self.taken)
        used: set[str] = set()
        members = []
        for member in fields:
            legal = unique(member.name, used)
            type_ = self.type(f"{name}_{legal}", member.type)
            entry: dict[str, Any] = {"name": legal, "type": type_}
            if member.nullable and type_ != "null":
                entry |= {"type": ["null", type_], "default": None}
            if legal != member.name:
                entry[NAME] = member.name
            if doc_of(member) is not None:
                entry["doc"] = doc_of(member)
            members.append(entry)
        return {"type": "record", "name": name, "fields": members}

    def type(self, path: str, type_: pa.DataType) -> Any:
        kind: Any = type_
        if type_ == pa.uuid():
            return {"type": "fixed", "name": unique(path, self.taken), "size": 16, "logicalType": "uuid"}
        if pa.types.is_fixed_size_binary(type_):
            return {"type": "fixed", "name": unique(path, self.taken), "size": kind.byte_width}
        if pa.types.is_map(type_):
            return {"type": "map", "values": self.member(f"{path}_value", kind.item_field)}
        if is_list(type_):
            return {"type": "array", "items": self.member(f"{path}_item", kind.value_field)}
        return self.record(path, list(kind)) if pa.types.is_struct(type_) else to_avro(type_)

    def member(self, path: str, member: pa.Field[Any]) -> Any:
        type_ = self.type(path, member.type)
        return ["null", type_] if member.nullable and type_ != "null" else type_


def unique(name: str, taken: set[str]) -> str:
    """`name` as an Avro name that is not in `taken`, and is from now on."""
    legal = re.sub(r"[^A-Za-z0-9_]", "_", name, flags=re.ASCII)
    if not legal or legal[0].isdigit():
        legal = f"_{legal}"
    choice, count = legal, 1
    while choice in taken:
        count += 1
        choice = f"{legal}_{count}"
    taken.add(choice)
    return choice


def arrow_schema(avro: Any) -> pa.Schema:
    """The Arrow schema of a file that somebody else wrote. Raises DataError for what Arrow has no exact type for.

    Enums are strings; a union other than of null and one type, and a type that contains itself, are refused.
    """
    if not isinstance(avro, Mapping) or avro.get("type") != "record":
        raise DataError("the Avro file does not hold records", hint="its schema must be a record", code="format")
    types: Any = _arrow_type(avro, {}, "")
    return pa.schema(list(types))


_PRIMITIVE: dict[str, pa.DataType] = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
}
_LOGICAL: dict[tuple[Any, Any], pa.DataType] = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    **{("long", f"timestamp-{word}"): pa.timestamp(unit, "UTC") for unit, word in _STAMPS.items()},
    **{("long", f"local-timestamp-{word}"): pa.timestamp(unit) for unit, word in _STAMPS.items()},
}


def _arrow_type(avro: Any, names: dict[str, pa.DataType | None], path: str) -> pa.DataType:
    if isinstance(avro, str):
        found = _PRIMITIVE.get(avro, names.get(avro))
        if found is None:
            raise DataError(f"the Avro field {path!r} has the type {avro}, which contains itself or is unknown", code="format")
        return found
    if isinstance(avro, list):
        raise DataError(f"the Avro field {path!r} may be any of {len(avro)} types, one is expected", code="format")
    kind = avro["type"]
    if kind in ("record", "error"):
        return _record(avro, names, path)
    if kind == "array":
        return pa.list_(_arrow_field("item", avro["items"], names, f"{path}[]"))
    if kind == "map":
        make: Any = pa.map_
        of_strings: pa.DataType = make(pa.string(), _arrow_field("value", avro["values"], names, f"{path}{{}}"))
        return of_strings
    type_: pa.DataType = _leaf_type(avro, kind, names, path)
    if "name" in avro:
        names[_full_name(avro)] = names[avro["name"]] = type_
    return type_


def _leaf_type(avro: Mapping[str, Any], kind: Any, names: dict[str, pa.DataType | None], path: str) -> pa.DataType:
    logical = avro.get("logicalType")
    if logical == "decimal" and kind in ("bytes", "fixed") and 0 < avro["precision"] <= 76:
        size, scale = avro["precision"], avro.get("scale", 0)
        return pa.decimal128(size, scale) if size <= 38 else pa.decimal256(size, scale)
    if logical == "uuid" and kind == "fixed":
        return pa.uuid()
    if kind == "fixed":
        return pa.binary(int(avro["size"]))
    if kind == "enum":
        return pa.string()
    type_ = _LOGICAL.get((kind, logical))
    return _arrow_type(kind, names, path) if type_ is None else type_


def _record(avro: Mapping[str, Any], names: dict[str, pa.DataType | None], path: str) -> pa.DataType:
    names[_full_name(avro)] = names[avro["name"]] = None
    fields = [
        _arrow_field(member.get(NAME, member["name"]), member["type"], names, f"{path}.{member['name']}".lstrip("."))
        for member in avro["fields"]
    ]
    made: Any = pa.struct
    type_: pa.DataType = made(fields)
    names[_full_name(avro)] = names[avro["name"]] = type_
    return type_


def _full_name(avro: Mapping[str, Any]) -> str:
    return f"{avro['namespace']}.{avro['name']}" if avro.get("namespace") else str(avro["name"])


def _arrow_field(name: str, avro: Any, names: dict[str, pa.DataType | None], path: str) -> pa.Field[Any]:
    nullable = avro == "null"
    if isinstance(avro, list) and "null" in avro and len(avro) == 2:
        nullable, avro = True, avro[1] if avro[0] == "null" else avro[0]
    return pa.field(name, _arrow_type(avro, names, path), nullable=nullable)
