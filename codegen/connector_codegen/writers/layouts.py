"""Writes what a reader decided about flat files as layouts that a person reviews: one YAML file per stream, questions first."""

from __future__ import annotations

from collections.abc import Sequence

from connector_codegen.model import GeneratedFile, Interface, Stream
from connector_codegen.problems import Problem

__all__ = ["descriptions", "layouts"]


def layouts(interface: Interface, problems: Sequence[Problem]) -> list[GeneratedFile]:
    """A layout file for every stream of flat files. None where the source is a layout itself: it stays the only one."""
    if not interface.source.decided:
        return []
    files = ", ".join(_line(f"{name} (sha256 {digest[:12]}…)") for name, digest in interface.source.files.items())
    return [
        GeneratedFile(path=f"{stream.identifier}.layout.yaml", text=_text(stream, files, problems))
        for stream in interface.streams
        if stream.layout is not None
    ]


def descriptions(interface: Interface, problems: Sequence[Problem]) -> list[GeneratedFile]:
    """What a package keeps of its source: the layouts that were decided, or the layout files themselves, comments and all.

    A sample is not among them. It may be large, and may hold real people's data.
    """
    return layouts(interface, problems) or [
        GeneratedFile(path=f"{stream.identifier}.layout.yaml", text=path.read_bytes().decode())
        for stream, path in zip(interface.streams, interface.source.paths, strict=True)
    ]


def _text(stream: Stream, files: str, problems: Sequence[Problem]) -> str:
    assert stream.layout is not None
    head = [f"How the files of {_line(stream.name)} are written, as decided from {files}."]
    head.append("Review it: `evidence` says why. It is a source itself: connector generate FILE --out DIR.")
    head += [
        f"QUESTION {_line(str(problem))}"
        for problem in problems
        if problem.level == "question" and (problem.where == stream.name or problem.where.startswith(f"{stream.name}."))
    ]
    return "".join(f"# {line}\n" for line in head) + stream.layout.to_yaml()


def _line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
