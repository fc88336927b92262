"""Writes interface.json: the model itself, with the digest of what it was made from, so that two of them can be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connector_sdk.formats.layout.writing import settings_of
from connector_sdk.types import to_text

from connector_codegen.model import Enumeration, Field, GeneratedFile, Interface, Many, Named, Record, Source, Stream, Type

__all__ = ["CATALOGUE", "FILE", "VERSION", "catalogue", "interface_json"]

FILE = "interface.json"
CATALOGUE = "catalogue.json"
VERSION = 1


def interface_json(interface: Interface, models: str, files: Sequence[str]) -> list[GeneratedFile]:
    """interface.json. `models` is the kind of classes beside it, `files` the names of everything that was generated with it."""
    content = {
        "interface": VERSION,
        "models": models,
        "files": sorted([*files, FILE]),
        "source": _source(interface.source),
        "streams": [_stream(stream) for stream in interface.streams],
        "records": [_record(record) for record in interface.records],
        "enumerations": [_enumeration(each) for each in interface.enumerations],
    }
    text = json.dumps({key: value for key, value in content.items() if value or key == "streams"}, indent=1, ensure_ascii=False)
    return [GeneratedFile(path=FILE, text=text + "\n")]


def catalogue(interface: Interface) -> GeneratedFile:
    """What was seen of a database, in its own words and without ours: the description that a package is generated from."""
    streams = [replace(each, fields=_bare(each), identifier="", class_name="") for each in interface.streams]
    source = {"reader": interface.source.reader, "settings": dict(interface.source.settings)}
    content = {"interface": VERSION, "source": source, "streams": [_stream(stream) for stream in streams]}
    return GeneratedFile(path=CATALOGUE, text=json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _bare(stream: Stream) -> tuple[Field, ...]:
    return tuple(replace(field, identifier="") for field in stream.fields)


def _source(source: Source) -> dict[str, Any]:
    settings = {"settings": dict(source.settings)} if source.settings else {}
    return {"reader": source.reader, "files": dict(sorted(source.files.items())), **settings}


def _stream(stream: Stream) -> dict[str, Any]:
    return _without_nothing(
        name=stream.name,
        identifier=stream.identifier or None,
        class_name=stream.class_name or None,
        namespace=stream.namespace,
        doc=stream.doc,
        origin=stream.origin,
        keys=list(stream.keys),
        relations=[{"columns": r.columns, "to": r.to, "to_columns": r.to_columns} for r in stream.relations],
        fields=[_field(field) for field in stream.fields],
        layout=None if stream.layout is None else settings_of(stream.layout, evidence=False),
    )


def _record(record: Record) -> dict[str, Any]:
    return _without_nothing(
        name=record.name,
        class_name=record.class_name,
        doc=record.doc,
        origin=record.origin,
        fields=[_field(field) for field in record.fields],
    )


def _enumeration(each: Enumeration) -> dict[str, Any]:
    return _without_nothing(
        name=each.name, class_name=each.class_name, doc=each.doc, origin=each.origin, values=list(each.values)
    )


def _field(field: Field) -> dict[str, Any]:
    return _without_nothing(
        name=field.name,
        identifier=field.identifier or None,
        type=_type(field.type),
        nullable=field.nullable,
        required=field.required,
        default=field.default,
        doc=field.doc,
        native=field.native,
        origin=field.origin,
    )


def _type(kind: Type) -> object:
    if isinstance(kind, Named):
        return {"named": kind.name}
    if isinstance(kind, Many):
        return {"many": _type(kind.of)}
    return to_text(kind)


def _without_nothing(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, [], ())}
