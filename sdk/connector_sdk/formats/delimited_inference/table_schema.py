"""Frictionless Table Schemas as layouts (specs.frictionlessdata.io: table-schema, csv-dialect, data-resource, v1 and v2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import FALSE, TRUE, Delimited, Field, Layout

__all__ = ["from_table_schema"]

_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "datetime": pa.timestamp("us"),
    "year": pa.int64(),
    # Without a declared scale nothing may be rounded: nine places and 29 digits before them, and a reject beyond.
    "number": pa.decimal128(38, 9),
}


def from_table_schema(resource: Mapping[str, Any], where: str = "table schema") -> Layout:
    """The layout of a resource with its ``schema`` inside, or of a bare schema. Types without a place here become text.

    Raises ConfigError naming `where` and the field.
    """
    schema = resource.get("schema", resource)
    if not isinstance(schema, Mapping) or not isinstance(schema.get("fields"), Sequence) or not schema["fields"]:
        raise ConfigError(f"{where}: there is no list of fields", hint="a Table Schema has {'fields': [{'name': …}, …]}")
    dialect = resource.get("dialect") or {}
    missing = schema.get("missingValues", [""])
    required = {str(key) for key in _words(schema.get("primaryKey", ()))}
    return Layout(
        name=str(resource.get("name") or "table"),
        encoding=str(resource.get("encoding") or "utf-8"),
        form=_form(dialect, where),
        fields=tuple(_field(field, missing, required, f"{where}, field {n}") for n, field in enumerate(schema["fields"], 1)),
        keys=tuple(_words(schema.get("primaryKey", ()))),
        doc=_doc(resource),
    )


def _form(dialect: Mapping[str, Any], where: str) -> Delimited:
    if not isinstance(dialect, Mapping):
        raise ConfigError(f"{where}: the dialect is no object")
    header = dialect.get("header", True)
    quote = dialect.get("quoteChar", '"')
    return Delimited(
        delimiter=str(dialect.get("delimiter", ",")),
        quote=None if quote is None else str(quote),
        escape=None if dialect.get("escapeChar") is None else str(dialect["escapeChar"]),
        header=bool(header),
    )


def _field(field: object, missing: object, keys: set[str], where: str) -> Field:
    if not isinstance(field, Mapping) or not field.get("name"):
        raise ConfigError(f"{where}: a field needs a name")
    word = str(field.get("type", "string"))
    kind = _TYPES.get(word, pa.string())
    constraints = field.get("constraints") or {}
    own = field.get("missingValues", missing)
    null = tuple(w for w in _words(own) if w != "")
    name = str(field["name"])
    return Field(
        name=name,
        type=kind,
        nullable=not constraints.get("required", False) and name not in keys,
        format=_format(field, word),
        decimal=str(field.get("decimalChar", ".")) if word == "number" else ".",
        group=str(field["groupChar"]) if field.get("groupChar") and word in ("number", "integer") else None,
        null=null,
        true=tuple(_words(field.get("trueValues", TRUE))) if word == "boolean" else TRUE,
        false=tuple(_words(field.get("falseValues", FALSE))) if word == "boolean" else FALSE,
        doc=_doc(field),
        evidence=None if word in _TYPES else f"declared as {word}, kept as text",
    )


def _format(field: Mapping[str, Any], word: str) -> tuple[str, ...]:
    pattern = field.get("format", "default")
    if word not in ("date", "time", "datetime") or pattern in ("default", "any", None):
        return ()
    return (str(pattern),)


def _doc(about: Mapping[str, Any]) -> str | None:
    text = " — ".join(str(about[key]) for key in ("title", "description") if about.get(key))
    return text or None


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence):
        return []
    return [str(word.get("value", "")) if isinstance(word, Mapping) else str(word) for word in value]
