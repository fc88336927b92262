"""Reads delimited text: sample files, over every row of them, or what describes them: Frictionless descriptors, CSVW metadata."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector_sdk.errors import ConfigError, ConnectorError
from connector_sdk.formats.delimited.values import check_notation
from connector_sdk.formats.delimited_inference import from_table_schema, infer
from connector_sdk.runtime.folder import safe_name

from connector_codegen.model import Interface, Source, Stream, stream_from
from connector_codegen.problems import Problem
from connector_codegen.readers.csvw import is_csvw, named_in, streams_in

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
    """Whether `path` is called like delimited text, plain or gzip, or is JSON of Frictionless or CSVW."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".json"):
        try:
            return is_csvw(_json(path)) or any(True for _ in _resources(path))
        except (OSError, ConnectorError):
            return False
    return name.endswith(_SUFFIXES)


def read(paths: Sequence[Path], problems: list[Problem]) -> Interface:
    """A stream for each sample, and for each resource of a descriptor. What cannot be read is an error among `problems`."""
    streams: list[Stream] = []
    described = {path for path in paths if path.suffix.lower() == ".json"}
    # What a descriptor points to is part of it, and not another description.
    parts = {path.parent / name for path in described for name in _references(path)}
    for path in _largest([path for path in paths if path not in parts], described, problems):
        try:
            streams += _described(path, problems) if path in described else [_sampled(path, problems)]
        except ConnectorError as error:
            problems.append(Problem(level="error", where=str(path), what=error.message, hint=error.hint))
    return Interface(source=Source(reader="delimited", decided=True), streams=tuple(streams))


def _largest(paths: Sequence[Path], described: set[Path], problems: list[Problem]) -> list[Path]:
    """`paths` without those that are smaller samples of a stream of which there is a larger one."""
    chosen: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.stat().st_size, reverse=True):
        name = path.name if path in described else _parted(path.name)[0]
        if name in chosen:
            what = f"is another file of {name}, which was decided from the largest, {chosen[name].name}"
            problems.append(Problem(level="note", where=path.name, what=what, hint="`connector diff` compares the two"))
        chosen.setdefault(name, path)
    return [path for path in paths if path in chosen.values()]


def _sampled(path: Path, problems: list[Problem]) -> Stream:
    name, ending = _parted(path.name)
    inference = infer(path, name=name, place="it")
    found = inference.layout
    about = f"{inference.rows:,} records of {len(found.fields)} field{'' if len(found.fields) == 1 else 's'}"
    problems.append(
        Problem(level="note", where=name, what=f"{about}; encoding {found.encoding}, delimiter {found.delimited.delimiter!r}")
    )
    for finding in inference.findings:
        where = name + ("" if finding.field is None else f".{finding.field}")
        problems.append(Problem(level=finding.level, where=where, what=finding.message))
    return stream_from(found, origin=path.name, ending=ending)


def _parted(name: str) -> tuple[str, str]:
    """A file's name as the stream's name and the ending; the date of one delivery belongs to neither."""
    found = _PARTS.fullmatch(name)
    return (found["name"], found["ending"]) if found else (name, "")


def _described(path: Path, problems: list[Problem]) -> list[Stream]:
    content = _json(path)
    if is_csvw(content):
        return streams_in(path, content, _json, lambda url: _parted(url)[1], problems)
    streams = []
    for resource in _resources(path):
        layout = from_table_schema(resource, str(path))
        for field in layout.fields:
            check_notation(field)
        data = resource.get("path")
        streams.append(stream_from(layout, path.name, _parted(data)[1] or ".csv" if isinstance(data, str) else ".csv"))
    return streams


def _references(path: Path) -> Iterator[str]:
    """The names in a descriptor: of its data, and of schemas that lie beside it."""
    try:
        content = _json(path)
    except ConfigError:
        return
    if is_csvw(content):
        yield from named_in(content)
        return
    for resource in content.get("resources", [content]):
        for named in (resource.get("path"), resource.get("schema")) if isinstance(resource, Mapping) else ():
            yield from [named] if isinstance(named, str) else [each for each in named or () if isinstance(each, str)]


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
