"""From a description to files: read, pass after pass, write. And what of that is on disk already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector_sdk.errors import ConfigError, LocalResourceError

from connector_codegen.model import GeneratedFile, Interface
from connector_codegen.passes import PASSES
from connector_codegen.problems import Problem, refuse
from connector_codegen.readers import odbc, read
from connector_codegen.writers import Models, write
from connector_codegen.writers.interface import catalogue

__all__ = ["Generated", "Refreshed", "again", "generate", "models_in", "outdated", "publish", "refreshed", "understand"]


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What became of a description: the model, its files, and what was found on the way."""

    interface: Interface
    files: tuple[GeneratedFile, ...]
    problems: tuple[Problem, ...]


def understand(
    source: str,
    reader: str | None = None,
    *,
    schemas: Sequence[str] = (),
    tables: Sequence[str] = (),
    variable: str = "ODBC_PASSWORD",
) -> tuple[Interface, tuple[Problem, ...]]:
    """The model of `source` after all passes. Raises ConfigError naming every error in it.

    Of a live database (``odbc:…``) `schemas` and `tables`, patterns, are looked at; a password that is written out in `source`
    is from then on the environment's `variable`. Raises TransientError when it does not answer.
    """
    problems: list[Problem] = []
    if source.startswith(odbc.PREFIX):
        settings = odbc.settings_of(source.removeprefix(odbc.PREFIX), schemas=tuple(schemas), tables=tuple(tables))
        return _passed(odbc.look(settings, problems, variable), problems)
    if schemas or tables:
        raise ConfigError(f"{source} is no database: it has no schemas and tables to choose from", hint="leave out the option")
    return _passed(read(source, reader, problems), problems)


def again(interface: Interface, where: str) -> tuple[Interface, tuple[Problem, ...]]:
    """The model of the live system that `interface`, found at `where`, was read from, as that is now.

    Raises ConfigError for an interface that comes from no live system, TransientError when it does not answer.
    """
    if not interface.source.settings:
        raise ConfigError(f"{where} was not read from a database: there is nothing to ask again")
    problems: list[Problem] = []
    return _passed(odbc.look(interface.source.settings, problems), problems)


def _passed(interface: Interface, problems: list[Problem]) -> tuple[Interface, tuple[Problem, ...]]:
    refuse(problems)
    for step in PASSES:
        interface = step(interface, problems)
    refuse(problems)
    return interface, tuple(problems)


def generate(source: str, *, reader: str | None = None, models: Models = "msgspec") -> Generated:
    """Everything that is generated from `source`, in memory. Raises ConfigError naming every error in it."""
    interface, problems = understand(source, reader)
    return Generated(interface=interface, files=write(interface, models, problems), problems=problems)


@dataclass(frozen=True)
class Refreshed:
    """A kept catalogue, and what it would be if it were read now."""

    path: Path
    text: str

    def outdated(self) -> list[str]:
        """A line when the two differ, as of :func:`outdated`."""
        return [] if self.path.read_bytes() == self.text.encode() else [f"{self.path}: is no longer what the database has"]

    def write(self) -> None:
        """Put the new one into the place of the old."""
        fresh = self.path.with_name(f".{self.path.name}.new")
        fresh.write_bytes(self.text.encode())
        fresh.replace(self.path)


def refreshed(source: str, reader: str | None = None) -> Refreshed:
    """The catalogue kept at `source`, read from its database once more. Raises as :func:`again` does."""
    problems: list[Problem] = []
    kept = read(source, reader, problems)
    refuse(problems)
    now, _ = again(kept, source)
    return Refreshed(kept.source.paths[0], catalogue(now).text)


def models_in(folder: Path) -> Models:
    """The kind of model classes that was generated into `folder`; msgspec where nothing was."""
    kind: Models = _about(folder).get("models", "msgspec")
    return kind


def outdated(files: Sequence[GeneratedFile], folder: Path) -> list[str]:
    """How `folder` differs from `files`: ``models.py: differs``, ``x.layout.yaml: is missing``, ``…: is no longer generated``."""
    found = []
    for file in files:
        path = folder / file.path
        if not path.is_file():
            found.append(f"{path}: is missing")
        elif path.read_bytes() != file.text.encode():
            found.append(f"{path}: differs")
    return found + [f"{folder / name}: is no longer generated" for name in _left_over(files, folder)]


def publish(files: Sequence[GeneratedFile], folder: Path) -> None:
    """Write `files` into `folder` and remove what an earlier run generated there and this one does not.

    Files that were not generated are never touched. Raises LocalResourceError (code ``exists``) when one of them is in the way.
    """
    own = set(_about(folder).get("files", ()))
    for file in files:
        path = folder / file.path
        if file.path not in own and path.exists() and path.read_bytes() != file.text.encode():
            raise LocalResourceError(
                f"{path} is there already and was not generated",
                hint="give another --out, or move it away",
                code="exists",
            )
    left_over = _left_over(files, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:  # interface.json, which says what is ours, comes last
        fresh = folder / f".{file.path}.new"
        fresh.write_bytes(file.text.encode())
        fresh.replace(folder / file.path)
    for name in left_over:
        (folder / name).unlink(missing_ok=True)


def _left_over(files: Sequence[GeneratedFile], folder: Path) -> list[str]:
    now = {file.path for file in files}
    return [
        name
        for name in _about(folder).get("files", ())
        if name not in now and Path(name).name == name and (folder / name).is_file()
    ]


def _about(folder: Path) -> dict[str, Any]:
    """What the interface.json in `folder` says; nothing when there is none that can be read."""
    try:
        about = json.loads((folder / "interface.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
