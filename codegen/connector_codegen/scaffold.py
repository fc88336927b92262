"""Makes a connector package out of the template: the only user of cookiecutter. Nothing that exists is ever written over."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata, resources
from pathlib import Path

from connector_sdk.errors import ConfigError, LocalResourceError

from connector_codegen.model import GeneratedFile, Interface, Stream
from connector_codegen.writers import Models
from connector_codegen.writers.python_code import literal

__all__ = ["project_name", "scaffold"]

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_TAKEN = ("sdk", "codegen", "templates", "sftp", "odbc")


def project_name(name: str) -> str:
    """The distribution's name for a connector called `name`. Raises ConfigError when that cannot name a package."""
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise ConfigError(f"{name!r} cannot name a connector", hint="small letters, digits and hyphens, as in my-crm")
    if name in _TAKEN:
        raise ConfigError(f"connector-{name} is a package that exists already", hint="take another name")
    return f"connector-{name.replace('_', '-')}"


def scaffold(
    name: str,
    out: Path,
    interface: Interface,
    *,
    models: Models,
    source: Iterable[GeneratedFile],
    generate: Callable[[Path], Sequence[GeneratedFile]],
) -> Path:
    """Make the package of the connector `name` in the folder `out` and return its own folder.

    `source` is what goes under ``source/``; `generate` makes the files of ``generated/`` from that folder, so that the two agree.
    Raises LocalResourceError (code ``exists``) when the package's folder is there; a failure leaves nothing behind.
    """
    from cookiecutter.generate import generate_files

    project = project_name(name)
    target = out / project
    if target.exists() or target.is_symlink():
        raise _in_the_way(target)
    package = project.replace("-", "_")
    context = {
        "name": project.removeprefix("connector-"),
        "project": project,
        "package": package,
        "class_name": "".join(map(str.capitalize, project.split("-")[1:])),
        "models": models,
        "requires": _requires(),
        "streams": [
            {
                "name": "".join(letter for letter in stream.name if letter.isprintable() and letter not in "`|"),
                "literal": literal(stream.name),
                "identifier": stream.identifier,
                "class_name": stream.class_name,
                "keys": len(stream.keys),
            }
            for stream in interface.streams
        ],
        "files": [
            {"literal": literal(name), "pattern": literal(_pattern(name, ending, interface.streams))}
            for name, ending in {stream.described_as: stream.ending for stream in interface.streams}.items()
        ],
    }
    out.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(prefix=f".{project}-", dir=out))
    try:
        kind = "database" if interface.source.reader == "odbc" else "connector"
        with resources.as_file(resources.files("connector_templates") / kind) as template:
            made = Path(
                generate_files(repo_dir=template, context={"cookiecutter": context}, output_dir=stage, accept_hooks=False)
            )
        _write(made / package / "source", source)
        _write(made / package / "generated", generate(made / package / "source"))
        try:
            made.rename(target)
        except OSError:
            raise _in_the_way(target) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return target


def _pattern(name: str, ending: str, streams: Sequence[Stream]) -> str:
    """Files called by `name`, and whatever follows; nothing follows where that would be the name of others."""
    pattern = re.sub(r"[^\w .,;=+@#%&()~-]", "?", name)
    alone = any(other.described_as != name and other.described_as.startswith(name) for other in streams)
    return f"{pattern}{'' if alone else '*'}{ending}"


def _write(folder: Path, files: Iterable[GeneratedFile]) -> None:
    folder.mkdir()
    for file in files:
        (folder / file.path).write_bytes(file.text.encode())


def _in_the_way(target: Path) -> LocalResourceError:
    return LocalResourceError(
        f"{target} is there already, and is not written over",
        hint="name another --out, or change its source/ and use `connector generate`",
        code="exists",
    )


def _requires() -> str:
    major, minor, *_ = metadata.version("connector-sdk").split(".")
    return f">={major}.{minor},<{major}.{int(minor) + 1}"
