"""Streams from metadata for tabular data on the web (CSVW), which lies beside the file as `orders.csv-metadata.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from connector_sdk.formats.delimited.values import check_notation
from connector_sdk.formats.delimited_inference import from_csvw
from connector_sdk.runtime.folder import safe_name

from connector_codegen.model import Stream, stream_from
from connector_codegen.problems import Problem

__all__ = ["is_csvw", "named_in", "streams_in"]

_CONTEXT = "http://www.w3.org/ns/csvw"

Load = Callable[[Path], Mapping[str, Any]]


def is_csvw(content: Mapping[str, Any]) -> bool:
    """Whether a JSON object is CSVW metadata: it says so, or has a table with a schema of columns."""
    context = content.get("@context")
    said = [context, *context] if isinstance(context, list) else [context]
    if _CONTEXT in [part for part in said if isinstance(part, str)]:
        return True
    tables = content.get("tables", [content])
    return isinstance(tables, list) and any(isinstance(table, Mapping) and "tableSchema" in table for table in tables)


def named_in(content: Mapping[str, Any]) -> Iterator[str]:
    """The names of the files that the metadata describes or takes parts from."""
    tables = content.get("tables", [content])
    for about in (content, *(tables if isinstance(tables, list) else ())):
        if isinstance(about, Mapping):
            yield from (about[key] for key in ("url", "tableSchema", "dialect") if isinstance(about.get(key), str))


def streams_in(
    path: Path, content: Mapping[str, Any], load: Load, ending: Callable[[str], str], problems: list[Problem]
) -> list[Stream]:
    """A stream for each table. `load` reads the JSON of a schema or dialect that lies beside `path`.

    What a layout cannot say is among `problems`. Raises ConfigError for metadata that cannot be used, DataError when it names a
    file outside its own folder.
    """
    streams = []
    for table in from_csvw(_whole(path, content, load), str(path)):
        for field in table.layout.fields:
            check_notation(field)
        for finding in table.findings:
            where = table.layout.name + ("" if finding.field is None else f".{finding.field}")
            problems.append(Problem(level=finding.level, where=where, what=finding.message))
        stream = stream_from(table.layout, path.name, (ending(table.url) if table.url else "") or ".csv")
        streams.append(replace(stream, relations=table.relations))
    return streams


def _whole(path: Path, content: Mapping[str, Any], load: Load) -> dict[str, Any]:
    """The metadata with the schemas and dialects that it only names."""
    whole = dict(content)
    for key in ("tableSchema", "dialect"):
        if isinstance(whole.get(key), str):
            name = whole[key]
            whole[key] = {"@id": name, **load(path.parent / safe_name(name))}
    if isinstance(whole.get("tables"), list):
        whole["tables"] = [_whole(path, table, load) if isinstance(table, Mapping) else table for table in whole["tables"]]
    return whole
