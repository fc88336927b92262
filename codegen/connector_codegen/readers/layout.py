"""Reads our own layout files (`*.layout.yaml`, `layout.yaml`): reviewed decisions about flat files, one stream each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited.values import check_notation
from connector_sdk.formats.layout import Delimited, Layout

from connector_codegen.model import Interface, Source, Stream, stream_from
from connector_codegen.problems import Problem

__all__ = ["read", "recognises"]


def recognises(path: Path) -> bool:
    """Whether `path` is called like a YAML file and has a layout's first key."""
    if path.suffix.lower() not in (".yaml", ".yml"):
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return any(line.startswith("layout:") for line in file)


def read(paths: Sequence[Path], problems: list[Problem]) -> Interface:
    """The streams of the layouts in `paths`. What is wrong in one of them is an error among `problems`."""
    streams: list[Stream] = []
    for path in paths:
        try:
            layout = Layout.from_yaml(path.read_bytes().decode(), str(path))
            streams += [stream_from(each, origin=path.name) for each in layout.streams]
            for field in layout.fields if isinstance(layout.form, Delimited) else ():
                check_notation(field)
        except UnicodeDecodeError as error:
            problems.append(Problem(level="error", where=str(path), what=f"is not UTF-8: {error.reason} at byte {error.start}"))
        except ConfigError as error:
            problems.append(Problem(level="error", where=str(path), what=error.message, hint=error.hint))
    return Interface(source=Source(reader="layout"), streams=tuple(streams))
