"""Writes what a reader decided about flat files as layouts that a person reviews: one YAML file per stream, questions first."""

from __future__ import annotations

from collections.abc import Sequence

from connector_codegen.model import GeneratedFile, Interface, Source, Stream
from connector_codegen.problems import Problem

__all__ = ["descriptions", "layouts"]


def layouts(interface: Interface, problems: Sequence[Problem]) -> list[GeneratedFile]:
    """A layout file for every stream of flat files. None where the source is a layout itself: it stays the only one."""
    if not interface.source.decided:
        return []
    return [
        GeneratedFile(path=f"{stream.identifier}.layout.yaml", text=_text(stream, interface.source, problems))
        for stream in interface.streams
        if stream.layout is not None
    ]


def descriptions(interface: Interface, problems: Sequence[Problem]) -> list[GeneratedFile]:
    """What a package keeps of its source: the layouts that were decided, or the layout files themselves, comments and all.

    A sample is not among them. It may be large, and may hold real people's data.
    """
    paths = interface.source.paths
    names = [path.name for path in paths]
    return layouts(interface, problems) or [
        GeneratedFile(path=path.name if names.count(path.name) == 1 else f"{number}-{path.name}", text=path.read_bytes().decode())
        for number, path in enumerate(paths, 1)
    ]


def _text(stream: Stream, source: Source, problems: Sequence[Problem]) -> str:
    assert stream.layout is not None
    digest = source.files.get(stream.origin or "", "")
    head = [_line(f"How the files of {stream.name} are written, decided from {stream.origin}. Correct it: `evidence` says why.")]
    head += [f"SHA-256 of that file: {digest}"] if digest else []
    head += [
        f"QUESTION {_line(str(problem))}"
        for problem in problems
        if problem.level == "question" and (problem.where == stream.name or problem.where.startswith(f"{stream.name}."))
    ]
    return "".join(f"# {line}\n" for line in head) + stream.layout.to_yaml()


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
