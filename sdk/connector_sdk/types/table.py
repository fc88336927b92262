"""The one table of types: how each system around us names what Arrow calls by its own name.

A cell is empty where the system has no such type, or none that is certain. `SOURCES` says where the columns come from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.types.text import to_text

__all__ = ["TABLE", "Row", "markdown", "table", "to_avro", "to_json_schema"]

Json = Mapping[str, object]


@dataclass(frozen=True)
class Row:
    """One type, or an example of it where the type takes parameters."""

    arrow: pa.DataType
    json: Json
    avro: str | Json
    xsd: str = ""
    sql: str = ""
    odbc: str = ""
    cobol: str = ""


def _text(format_: str, **more: object) -> Json:
    return {"type": "string", "format": format_, **more}


def _integer(least: int, most: int) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def _logical(type_: str, logical: str, **more: object) -> Json:
    return {"type": type_, "logicalType": logical, **more}


_BASE64 = _text("byte", contentEncoding="base64")
_DATETIME, _TIME = _text("date-time"), _text("time")
_MICROS = _logical("long", "timestamp-micros")
_MILLIS_OF_DAY, _MICROS_OF_DAY = _logical("int", "time-millis"), _logical("long", "time-micros")
_STRING_OR_NULL = {"type": ["string", "null"]}
_ID_OR_NULL = {"type": ["integer", "null"], "format": "int64"}

# fmt: off
TABLE: tuple[Row, ...] = (
    Row(pa.null(), {"type": "null"}, "null"),
    Row(pa.bool_(), {"type": "boolean"}, "boolean", "boolean", "BOOLEAN", "SQL_BIT"),
    Row(pa.int8(), _integer(-128, 127), "int", "byte", "", "SQL_TINYINT"),
    Row(pa.int16(), _integer(-32768, 32767), "int", "short", "SMALLINT", "SQL_SMALLINT", "S9(1) to S9(4) BINARY"),
    Row(pa.int32(), {"type": "integer", "format": "int32"}, "int", "int", "INTEGER", "SQL_INTEGER", "S9(5) to S9(9) BINARY"),
    Row(pa.int64(), {"type": "integer", "format": "int64"}, "long", "long", "BIGINT", "SQL_BIGINT", "S9(10) to S9(18) BINARY"),
    Row(pa.uint8(), _integer(0, 255), "int", "unsignedByte", "", "SQL_TINYINT, unsigned"),
    Row(pa.uint16(), _integer(0, 65535), "int", "unsignedShort", "", "SQL_SMALLINT, unsigned", "9(1) to 9(4) BINARY"),
    Row(pa.uint32(), _integer(0, 4294967295), "long", "unsignedInt", "", "SQL_INTEGER, unsigned", "9(5) to 9(9) BINARY"),
    Row(pa.uint64(), {"type": "integer", "minimum": 0}, _logical("bytes", "decimal", precision=20, scale=0),
        "unsignedLong", "", "SQL_BIGINT, unsigned", "9(10) to 9(18) BINARY"),
    Row(pa.float16(), {"type": "number"}, "float"),
    Row(pa.float32(), {"type": "number", "format": "float"}, "float", "float", "REAL", "SQL_REAL", "COMP-1"),
    Row(pa.float64(), {"type": "number", "format": "double"}, "double", "double", "DOUBLE PRECISION", "SQL_DOUBLE", "COMP-2"),
    Row(pa.decimal128(12, 2), _text("decimal", **{"x-precision": 12, "x-scale": 2}),
        _logical("bytes", "decimal", precision=12, scale=2), "decimal, totalDigits 12, fractionDigits 2",
        "NUMERIC(12,2), DECIMAL(12,2)", "SQL_NUMERIC, SQL_DECIMAL", "S9(10)V9(2) DISPLAY or PACKED-DECIMAL"),
    Row(pa.string(), {"type": "string"}, "string", "string", "CHARACTER VARYING(n)", "SQL_VARCHAR, SQL_WVARCHAR", "X(n)"),
    Row(pa.binary(), _BASE64, "bytes", "base64Binary, hexBinary", "BINARY VARYING(n)", "SQL_VARBINARY"),
    Row(pa.binary(16), _BASE64, {"type": "fixed", "size": 16}, "base64Binary, hexBinary; length 16", "BINARY(16)", "SQL_BINARY"),
    Row(pa.date32(), _text("date"), _logical("int", "date"), "date, no time zone", "DATE", "SQL_TYPE_DATE"),
    Row(pa.time32("s"), _TIME, _MILLIS_OF_DAY, "time, no time zone", "TIME(0)", "SQL_TYPE_TIME"),
    Row(pa.time32("ms"), _TIME, _MILLIS_OF_DAY, "time, no time zone", "TIME(3)"),
    Row(pa.time64("us"), _TIME, _MICROS_OF_DAY, "time, no time zone", "TIME(6)"),
    Row(pa.time64("ns"), _TIME, "long", "time, no time zone", "TIME(9)"),
    Row(pa.timestamp("us"), _DATETIME, _logical("long", "local-timestamp-micros"),
        "dateTime, no time zone", "TIMESTAMP(6)", "SQL_TYPE_TIMESTAMP"),
    Row(pa.timestamp("us", "UTC"), _DATETIME, _MICROS, "dateTimeStamp", "TIMESTAMP(6) WITH TIME ZONE"),
    Row(pa.duration("us"), _text("duration"), "long",
        "dayTimeDuration", "INTERVAL DAY TO SECOND(6)", "SQL_INTERVAL_DAY_TO_SECOND"),
    Row(pa.month_day_nano_interval(), {"type": "object"}, {"type": "record", "fields": ["months", "days", "nanoseconds"]}),
    Row(pa.uuid(), _text("uuid"), {"type": "fixed", "size": 16, "logicalType": "uuid"}, "", "", "SQL_GUID"),
    Row(pa.list_(pa.string()), {"type": "array", "items": _STRING_OR_NULL}, {"type": "array", "items": ["null", "string"]},
        "an element of maxOccurs over 1", "ARRAY", "", "OCCURS"),
    Row(pa.struct([("id", pa.int64())]), {"type": "object", "properties": {"id": _ID_OR_NULL}, "required": ["id"]},
        {"type": "record", "fields": [{"name": "id", "type": ["null", "long"]}]}, "a complexType", "ROW", "", "a group item"),
    Row(pa.map_(pa.string(), pa.string()), {"type": "object", "additionalProperties": _STRING_OR_NULL},
        {"type": "map", "values": ["null", "string"]}),
)
# fmt: on

_BY_TYPE = {row.arrow: row for row in TABLE}
_AVRO_UNITS = {"s": "millis", "ms": "millis", "us": "micros", "ns": "nanos"}
_TEXTS = (pa.string(), pa.large_string(), pa.string_view())
_BINARIES = (pa.binary(), pa.large_binary(), pa.binary_view())


def to_json_schema(type_: pa.DataType) -> dict[str, Any]:
    """The JSON Schema of one value, as JSON lines write it: ``{"type": "integer", "format": "int32"}``.

    Nulls are the field's affair and not in it, but for those within lists, structs and maps. A time or timestamp without a zone
    has the format of one with, since ``format`` is an annotation and there is none for it.
    """
    t = pa.types
    kind: Any = type_
    if isinstance(type_, pa.BaseExtensionType) and type_ != pa.uuid():
        return to_json_schema(type_.storage_type)
    if t.is_dictionary(type_):
        return to_json_schema(kind.value_type)
    if t.is_decimal(type_):
        return {"type": "string", "format": "decimal", "x-precision": kind.precision, "x-scale": kind.scale}
    if t.is_struct(type_):
        properties = {field.name: _nullable(field) for field in kind}
        return {"type": "object", "properties": properties, "required": list(properties)}
    if t.is_map(type_) and kind.key_type in _TEXTS:
        return {"type": "object", "additionalProperties": _nullable(kind.item_field)}
    if t.is_map(type_):
        entry = {"key": to_json_schema(kind.key_type), "value": _nullable(kind.item_field)}
        return {"type": "array", "items": {"type": "object", "properties": entry, "required": list(entry)}}
    if hasattr(kind, "value_field"):
        return {"type": "array", "items": _nullable(kind.value_field)}
    row = _BY_TYPE.get(_usual(type_))
    if row is None:
        raise ConfigError(f"the Arrow type {type_} has no JSON Schema", code="type")
    return dict(row.json)


def _usual(type_: pa.DataType) -> pa.DataType:
    """The type of the table that is written like `type_`."""
    t = pa.types
    if type_ in _TEXTS:
        return pa.string()
    if type_ in _BINARIES or t.is_fixed_size_binary(type_):
        return pa.binary()
    if t.is_date(type_):
        return pa.date32()
    if t.is_timestamp(type_):
        return pa.timestamp("us")
    return pa.duration("us") if t.is_duration(type_) else type_


def _nullable(field: pa.Field[Any]) -> dict[str, Any]:
    schema = to_json_schema(field.type)
    if not field.nullable or schema["type"] == "null":
        return schema
    return {**schema, "type": [schema["type"], "null"]}


def to_avro(type_: pa.DataType) -> Any:
    """The Avro schema of a type that Avro has and that needs no name: no list, struct, map, or binary of fixed width.

    Raises ConfigError for the others, and for decimals whose scale is not between 0 and their precision.
    """
    kind: Any = type_
    if pa.types.is_decimal(type_) and 0 <= kind.scale <= kind.precision:
        return _logical("bytes", "decimal", precision=kind.precision, scale=kind.scale)
    if pa.types.is_timestamp(type_):
        return _logical("long", f"{'local-' if kind.tz is None else ''}timestamp-{_AVRO_UNITS[kind.unit]}")
    row = _BY_TYPE.get(_usual(type_)) if not pa.types.is_fixed_size_binary(type_) else None
    if row is None or pa.types.is_nested(type_) or type_ in (pa.uuid(), pa.month_day_nano_interval()):
        raise ConfigError(f"the Arrow type {type_} is no single Avro type", code="type")
    return row.avro


COLUMNS = ("Type", "Arrow", "JSON Schema", "Avro", "XSD", "SQL", "ODBC", "COBOL")
SOURCES = {
    "JSON Schema": "2020-12, Validation, 6.1 (type), 7.3 (format) and 8.3 (contentEncoding); the formats int32, int64, "
    "float, double, decimal and byte of the OpenAPI format registry; x-precision and x-scale are ours",
    "Avro": "Apache Avro 1.12, Primitive Types, Complex Types and Logical Types; what is a plain long is counted in its unit",
    "XSD": "W3C XML Schema Definition Language 1.1, Part 2, 3.3 (primitive) and 3.4 (other built-in datatypes)",
    "SQL": "ISO/IEC 9075-2, 6.1 <data type>",
    "ODBC": "Microsoft ODBC Programmer's Reference, Appendix D, SQL Data Types",
    "COBOL": "IBM Enterprise COBOL for z/OS, Language Reference, USAGE clause, with TRUNC(STD)",
}


def table() -> list[tuple[str, ...]]:
    """The table as text, one tuple per type with the cells of `COLUMNS`."""
    cells = ((_cell(row.json), _cell(row.avro), row.xsd, row.sql, row.odbc, row.cobol) for row in TABLE)
    return [(to_text(row.arrow), str(row.arrow), *rest) for row, rest in zip(TABLE, cells, strict=True)]


def _cell(value: str | Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def markdown() -> str:
    """The table for the documentation, and where its columns come from."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"| {' | '.join('---' for _ in COLUMNS)} |"]
    lines += [f"| {' | '.join(f'`{cell}`' if cell else '' for cell in row)} |" for row in table()]
    return "\n".join([*lines, "", *(f"- {column}: {source}" for column, source in SOURCES.items())])
