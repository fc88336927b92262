"""Reads a generated interface.json back into the model, so that an adapter can be compared with a newer description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import layout_from
from connector_sdk.schema import Relation
from connector_sdk.types import from_text

from connector_codegen.model import Enumeration, Field, Interface, Many, Named, Record, Source, Stream, Type
from connector_codegen.problems import Problem

__all__ = ["read", "recognises"]

VERSION = 1


def recognises(path: Path) -> bool:
    """Whether `path` is a JSON file that starts like an interface of ours."""
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as file:
        return file.read(64).replace(b" ", b"").replace(b"\n", b"").startswith(b'{"interface":')


def read(paths: Sequence[Path], problems: list[Problem]) -> Interface:
    """The interface in the one file of `paths`."""
    source = Source(reader="interface")
    if len(paths) != 1:
        problems.append(Problem(level="error", where=str(paths[0].parent), what="one interface.json is read at a time"))
        return Interface(source=source, streams=())
    (path,) = paths
    try:
        return _interface(json.loads(path.read_bytes()), str(path))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problems.append(
            Problem(
                level="error",
                where=str(path),
                what=f"is not an interface of ours: {type(error).__name__} {error}",
                hint="generate it again",
            )
        )
    except ConfigError as error:
        problems.append(Problem(level="error", where=str(path), what=error.message, hint=error.hint))
    return Interface(source=source, streams=())


def _interface(content: Mapping[str, Any], where: str) -> Interface:
    if content["interface"] != VERSION:
        raise ConfigError(f"version {content['interface']}: this release reads version {VERSION}", hint="generate it again")
    return Interface(
        source=_source(content.get("source", {})),
        streams=tuple(_stream(stream, where) for stream in content["streams"]),
        records=tuple(
            Record(**{**record, "fields": tuple(map(_field, record["fields"]))}) for record in content.get("records", ())
        ),
        enumerations=tuple(Enumeration(**{**each, "values": tuple(each["values"])}) for each in content.get("enumerations", ())),
    )


def _source(given: Mapping[str, Any]) -> Source:
    # The tables of a database are what they were when it was read; layouts of files are to be reviewed once more.
    if given.get("reader") == "odbc":
        return Source(reader="odbc", settings=given.get("settings", {}))
    return Source(reader="interface", decided=True)


def _stream(given: Mapping[str, Any], where: str) -> Stream:
    relations = tuple(
        Relation(columns=tuple(r["columns"]), to=r["to"], to_columns=tuple(r["to_columns"])) for r in given.get("relations", ())
    )
    layout = layout_from(given["layout"], f"{where}: {given['name']}") if "layout" in given else None
    known = {
        "keys": tuple(given.get("keys", ())),
        "relations": relations,
        "layout": layout,
        "fields": tuple(map(_field, given["fields"])),
    }
    return Stream(**{**given, **known})


def _field(given: Mapping[str, Any]) -> Field:
    return Field(**{**given, "type": _type(given["type"])})


def _type(given: Any) -> Type:
    if isinstance(given, str):
        return from_text(given)
    return Named(given["named"]) if "named" in given else Many(_type(given["many"]))
