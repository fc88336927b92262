"""Writes what a reader decided about flat files as layouts that a person reviews: one YAML file per stream, questions first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connector_codegen.model import GeneratedFile, Interface, Source, Stream
from connector_codegen.problems import Problem
from connector_codegen.writers.interface import catalogue

__all__ = ["descriptions", "layouts"]


def layouts(interface: Interface, problems: Sequence[Problem]) -> list[GeneratedFile]:
    """A layout file for every stream of flat files. None where the source is a layout itself: it stays the only one."""
    if not interface.source.decided:
        return []
    files: dict[str, GeneratedFile] = {}
    for stream in interface.streams:
        if stream.layout is not None:
            whole = stream.layout.whole
            name = stream.identifier if len(whole.streams) == 1 else re.sub(r"\W+", "_", whole.name)
            files.setdefault(
                whole.name, GeneratedFile(path=f"{name}.layout.yaml", text=_text(stream, interface.source, problems))
            )
    return list(files.values())


def descriptions(interface: Interface, problems: Sequence[Problem]) -> list[GeneratedFile]:
    """What a package keeps of its source: the layouts that were decided, or the layout files themselves, comments and all.

    A sample is not among them. It may be large, and may hold real people's data. Of a database it is the catalogue as it was.
    """
    if interface.source.reader == "odbc":
        return [catalogue(interface)]
    paths = interface.source.paths
    names = [path.name for path in paths]
    return layouts(interface, problems) or [
        GeneratedFile(path=path.name if names.count(path.name) == 1 else f"{number}-{path.name}", text=path.read_bytes().decode())
        for number, path in enumerate(paths, 1)
    ]


def _text(stream: Stream, source: Source, problems: Sequence[Problem]) -> str:
    assert stream.layout is not None
    digest = source.files.get(stream.origin or "", "")
    whole = stream.layout.whole
    head = [_line(f"How the files of {whole.name} are written, decided from {stream.origin}. Correct it: `evidence` says why.")]
    head += [f"SHA-256 of that file: {digest}"] if digest else []
    head += [
        f"QUESTION {_line(str(problem))}"
        for problem in problems
        if problem.level == "question" and (problem.where == whole.name or problem.where.startswith(f"{whole.name}."))
    ]
    return "".join(f"# {line}\n" for line in head) + whole.to_yaml()


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
