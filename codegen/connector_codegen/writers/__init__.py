"""What is written of an interface: every generated file, in one list."""

from __future__ import annotations

from collections.abc import Sequence

from connector_codegen.model import GeneratedFile, Interface
from connector_codegen.problems import Problem
from connector_codegen.writers.interface import interface_json
from connector_codegen.writers.layouts import layouts
from connector_codegen.writers.models import KINDS, Models, models
from connector_codegen.writers.streams import streams
from connector_codegen.writers.tables import tables

__all__ = ["KINDS", "Models", "write"]

_PACKAGE = '"""What `connector generate` made of the description: models (typed rows) and streams (how they are read)."""\n'


def write(interface: Interface, kind: Models, problems: Sequence[Problem]) -> tuple[GeneratedFile, ...]:
    """All files of `interface` with model classes of `kind`: the same input gives the same bytes."""
    files = [
        GeneratedFile(path="__init__.py", text=_PACKAGE),
        *models(interface, kind),
        *(tables if interface.source.reader == "odbc" else streams)(interface),
        *layouts(interface, problems),
    ]
    return *files, *interface_json(interface, kind, [file.path for file in files])
