"""Which description languages there are, and how a source on the command line becomes the files that one of them reads."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path

from connector_sdk.errors import ConfigError

from connector_codegen.model import Interface
from connector_codegen.problems import Problem
from connector_codegen.readers import delimited, fixed_width, interface, layout

__all__ = ["READERS", "Reader", "read"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One description language. `connector` is the installed connector that its streams run on."""

    name: str
    about: str
    recognises: Callable[[Path], bool]
    read: Callable[[Sequence[Path], list[Problem]], Interface]
    connector: str


READERS: tuple[Reader, ...] = (
    Reader(
        name="layout",
        about="layout.yaml files that were written by `connector generate` or by hand",
        recognises=layout.recognises,
        read=layout.read,
        connector="sftp",
    ),
    Reader(
        name="interface",
        about="an interface.json that was generated",
        recognises=interface.recognises,
        read=interface.read,
        connector="sftp",
    ),
    Reader(
        name="fixed_width",
        about="layout tables of fixed-width files (.csv, .xlsx, .yaml): a row for each field, with name, start and length or end",
        recognises=fixed_width.recognises,
        read=fixed_width.read,
        connector="sftp",
    ),
    Reader(
        name="delimited",
        about="sample files (.csv, .tsv, .txt, also .gz), a Frictionless Table Schema, resource or package, or CSVW metadata",
        recognises=delimited.recognises,
        read=delimited.read,
        connector="sftp",
    ),
)
"""The readers, in the order in which they are asked whether they recognise a file."""


def read(source: str, reader: str | None, problems: list[Problem]) -> Interface:
    """The interface that `source` describes: a file, a folder of files, or a pattern, read by the reader called `reader`.

    Without one, the first that recognises a file reads all it recognises. Raises ConfigError when there is nothing to read;
    what is wrong inside is for `problems`.
    """
    paths = _paths(source)
    for each in READERS:
        if reader is not None and each.name != reader:
            continue
        # A single file with a named reader is taken at the caller's word.
        chosen = paths if reader is not None and len(paths) == 1 else [path for path in paths if each.recognises(path)]
        if chosen:
            problems += [Problem(level="note", where=str(path), what="is left out") for path in paths if path not in chosen]
            interface = each.read(chosen, problems)
            return replace(interface, source=replace(interface.source, files=_digests(chosen), paths=tuple(chosen)))
    known = "; ".join(f"{each.name}: {each.about}" for each in READERS)
    if reader is not None and reader not in [each.name for each in READERS]:
        raise ConfigError(f"there is no reader {reader!r}", hint=f"known are {known}")
    raise ConfigError(
        f"{source} is not recognised by {'any reader' if reader is None else f'the reader {reader!r}'}",
        hint=f"readers are {known}; --reader names one",
    )


def _digests(paths: Sequence[Path]) -> dict[str, str]:
    """SHA-256 by name; with the folders, where two files have one name."""
    names = [path.name for path in paths]
    found = {}
    for path in paths:
        with path.open("rb") as file:
            found[path.name if names.count(path.name) == 1 else path.as_posix()] = file_digest(file, "sha256").hexdigest()
    return found


def _paths(source: str) -> list[Path]:
    path = Path(source)
    try:
        if path.is_dir():
            found = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        elif path.exists():
            found = [path]
        else:
            found = sorted(each for each in map(Path, glob.glob(source)) if each.is_file())  # noqa: PTH207 - as the shell does it
        for each in found:
            each.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}") from None
    if not found:
        what = "has no files" if path.is_dir() else "matches no file" if glob.has_magic(source) else "does not exist"
        raise ConfigError(f"{source} {what}", hint="a file, a folder, or a pattern in quotes was expected")
    return found
