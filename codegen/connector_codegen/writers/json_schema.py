"""Writes an interface as one JSON Schema (2020-12): our own names, nothing remote. Model classes are made from it."""

from __future__ import annotations

from typing import Any

from connector_sdk.types import to_json_schema

from connector_codegen.model import Field, Interface, Many, Named, Record, Stream, Type

__all__ = ["json_schema", "one_line"]


def json_schema(interface: Interface) -> dict[str, object]:
    """One definition for each stream, record and enumeration, under its class name; properties have the names on the wire.

    Descriptions of fields are left to models.py. A type that has no class of its own in Python stays open (``{}``).
    """
    names = {record.name: record.class_name for record in interface.records}
    names |= {enumeration.name: enumeration.class_name for enumeration in interface.enumerations}
    definitions: dict[str, object] = {}
    for each in interface.rows:
        definitions[each.class_name] = _object(each, names)
    for enumeration in interface.enumerations:
        definitions[enumeration.class_name] = _described({"type": "string", "enum": list(enumeration.values)}, enumeration.doc)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}


def _object(record: Stream | Record, names: dict[str, str]) -> dict[str, object]:
    return _described(
        {
            "type": "object",
            "properties": {field.word: _property(field, names) for field in record.fields},
            "required": [field.word for field in record.fields if field.required],
        },
        record.doc,
    )


def _property(field: Field, names: dict[str, str]) -> dict[str, object]:
    found = _schema(field.type, names)
    if field.nullable and found:
        found = {**found, "type": [found["type"], "null"]} if "type" in found else {"anyOf": [found, {"type": "null"}]}
    return found


def _schema(kind: Type, names: dict[str, str]) -> dict[str, Any]:
    if isinstance(kind, Named):
        return {"$ref": f"#/$defs/{names[kind.name]}"}
    if isinstance(kind, Many):
        return {"type": "array", "items": _schema(kind.of, names)}
    found = to_json_schema(kind)
    if found["type"] in ("array", "null", "object"):
        return {}
    # The emitter makes bytes of this format alone.
    return {"type": "string", "format": "binary"} if "contentEncoding" in found else found


def _described(schema: dict[str, object], doc: str | None) -> dict[str, object]:
    text = one_line(doc)
    return {**schema, "description": text} if text else schema


def one_line(doc: str | None) -> str:
    """A description as one line without double quotes: it becomes a docstring, and stays as a formatter leaves it."""
    text = "".join(letter if letter.isprintable() else " " for letter in doc or "")
    return " ".join(text.replace('"', "'").split())
