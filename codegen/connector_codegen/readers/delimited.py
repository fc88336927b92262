"""Reads delimited text: sample files, over every row of them, or a Frictionless Table Schema, resource or package."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector_sdk.errors import ConfigError, ConnectorError
from connector_sdk.runtime.folder import safe_name

from connector_codegen.model import Interface, Source, Stream, stream_from
from connector_codegen.problems import Problem

__all__ = ["read", "recognises"]

_SUFFIXES = (".csv", ".tsv", ".tab", ".psv", ".txt")
_PARTS = re.compile(
    r"(?P<name>.+?)(?:[-_. ]?(?:19|20)\d\d([-_.]?)\d\d\2\d\d(?:[-_T.]?\d{2}[-_.:]?\d{2}(?:[-_.:]?\d{2})?)?)?"
    rf"(?P<ending>(?:{'|'.join(map(re.escape, _SUFFIXES))})(?:\.gz)?)",
    re.IGNORECASE,
)
_LARGEST = 64 << 20
"""Bytes of a JSON descriptor."""


def recognises(path: Path) -> bool:
    """Whether `path` is called like delimited text, plain or gzip, or is JSON with Frictionless fields or resources."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".json"):
        try:
            return any(True for _ in _resources(path))
        except (OSError, ConnectorError):
            return False
    return name.endswith(_SUFFIXES)


def read(paths: Sequence[Path], problems: list[Problem]) -> Interface:
    """A stream for each sample, and for each resource of a descriptor. What cannot be read is an error among `problems`."""
    streams: list[Stream] = []
    for path in paths:
        try:
            streams += _described(path) if path.suffix.lower() == ".json" else [_sampled(path, problems)]
        except ConnectorError as error:
            problems.append(Problem(level="error", where=str(path), what=error.message, hint=error.hint))
    return Interface(source=Source(reader="delimited", decided=True), streams=tuple(streams))


def _sampled(path: Path, problems: list[Problem]) -> Stream:
    from connector_sdk.formats.delimited_inference import infer

    name, ending = _parted(path.name)
    inference = infer(path, name=name)
    for finding in inference.findings:
        where = inference.layout.name + ("" if finding.field is None else f".{finding.field}")
        problems.append(Problem(level=finding.level, where=where, what=finding.message))
    return stream_from(inference.layout, origin=path.name, ending=ending)


def _parted(name: str) -> tuple[str, str]:
    """A file's name as the stream's name and the ending; the date of one delivery belongs to neither."""
    found = _PARTS.fullmatch(name)
    return (found["name"], found["ending"]) if found else (name, "")


def _described(path: Path) -> list[Stream]:
    from connector_sdk.formats.delimited_inference import from_table_schema

    return [stream_from(from_table_schema(resource, str(path)), origin=path.name) for resource in _resources(path)]


def _resources(path: Path) -> Iterator[Mapping[str, Any]]:
    """The resources in a Frictionless descriptor, each with a name and its schema inside; a bare schema is one of them.

    Raises ConfigError when the file holds none, DataError when it names a schema outside its own folder.
    """
    content = _json(path)
    if isinstance(content.get("fields"), list):
        content = {"name": path.name.removesuffix(".json").removesuffix(".schema"), "schema": content}
    for resource in content.get("resources", [content]):
        schema = resource.get("schema") if isinstance(resource, Mapping) else None
        if isinstance(schema, str):
            schema = _json(path.parent / safe_name(schema))
        if not isinstance(schema, Mapping):
            raise ConfigError(f"{path} is no Table Schema, and no resource or package with one")
        yield {"name": path.stem, **resource, "schema": schema}


def _json(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"{path} is larger than {_LARGEST:,} bytes")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path} holds no JSON object")
    return content
