"""The reference pages that are written from the code at each build: commands, connectors, types, laws, exit codes, changes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pyarrow as pa
from connector_odbc.profiles import PROFILES
from connector_sdk import cli, errors, plugins, types
from connector_sdk.cli.settings import as_markdown, settings_of
from connector_sdk.config import config_model
from connector_sdk.formats import FORMATS
from connector_sdk.formats.format import Kept, Loss
from connector_sdk.testing.laws import LAWS
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}


def write_pages(app: Sphinx) -> None:
    """Write every page below reference/generated; a page whose text has not changed keeps its time."""
    docs = Path(app.srcdir)
    folder = docs / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, Callable[[], str]] = {
        "cli.md": command_page,
        "connectors.md": connector_page,
        "profiles.md": profile_page,
        "types.md": type_page,
        "laws.md": law_page,
        "exit-codes.md": exit_code_page,
        "changes.md": lambda: change_page(docs / "changes"),
    }
    for name, page in pages.items():
        path, text = folder / name, page().rstrip() + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# -- commands ---------------------------------------------------------------------------------------------------------------


def commands(
    command: click.Command, path: str, parent: click.Context | None = None
) -> Iterator[tuple[click.Context, click.Command]]:
    """Every command below `command`, itself first, with the context that knows its full name."""
    context = click.Context(command, info_name=path, parent=parent)
    yield context, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from commands(child, name, context)


def command_page() -> str:
    lines = [
        "# The command line",
        "",
        "`connector --help` lists the commands; `connector COMMAND --help` shows one. Every command takes",
    ]
    lines += ["`--log text|json|none` and `--debug`. Exit codes: {doc}`exit-codes`.", ""]
    for context, command in commands(cli.main, "connector"):
        depth = context.command_path.count(" ")
        if not depth:
            continue
        lines += [f"{'#' * min(4, depth + 1)} {context.command_path}", "", *prose(command.help or ""), ""]
        lines += ["```text", " ".join([context.command_path, *command.collect_usage_pieces(context)]), "```", ""]
        options = [record for p in command.get_params(context) if (record := p.get_help_record(context)) is not None]
        options = [(name, text) for name, text in options if text and not EVERYWHERE.search(name)]
        if options:
            lines += [
                "| option | what it does |",
                "| --- | --- |",
                *(f"| {code(name)} | {cell(text)} |" for name, text in options),
                "",
            ]
        example = re.search(r"Example:\n(.*)", command.epilog or "", re.DOTALL)
        if example:
            lines += ["```console", *(f"$ {line.strip()}" for line in example[1].splitlines() if line.strip()), "```", ""]
    return "\n".join(lines)


EVERYWHERE = re.compile(r"--(help|log|debug)\b")


def prose(text: str) -> Iterator[str]:
    """Help text or a docstring as markdown; a block that is indented, or that begins with ``\\b``, stays as it is."""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        body = block.removeprefix("\b").strip("\n")
        if block.startswith(("\b", "  ")):
            yield from ["```text", *inspect.cleandoc(body).splitlines(), "```", ""]
        elif body.strip():
            yield from [cell(body.removesuffix("::") + (":" if body.endswith("::") else "")), ""]


def cell(text: str) -> str:
    """Words in reST on one line, as markdown: roles and double backticks become code, what would be markup is escaped."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split()))
    parts = re.split(r"(`+[^`]+`+)", text)
    return "".join(
        f"`{part.strip('`')}`".replace("|", "\\|") if part.startswith("`") else re.sub(r"([|<*\[\]])", r"\\\1", part)
        for part in parts
    )


def code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


# -- connectors -------------------------------------------------------------------------------------------------------------

SHIPPED = ("odbc", "sftp")


def connector_page() -> str:
    lines = ["# Connectors", "", "The connectors that come with the SDK, and every key of their configuration.", ""]
    for name in SHIPPED:
        connector = plugins.find(name)
        lines += [f"## {name}", "", *prose(inspect.getdoc(connector) or ""), ""]
        lines += [as_markdown(settings_of(config_model(connector))).replace("<name>", "NAME"), ""]
    return "\n".join(lines)


def profile_page() -> str:
    lines = ["# Database profiles", "", "What `connector-odbc` knows of a database and its driver, found by the driver's name or"]
    lines += [
        "library and checked against what the server calls itself. A profile that was not tested here is written from the manual."
    ]
    lines += ["How to add one: {doc}`../../how-to/add-a-driver-profile`.", ""]
    lines += [
        "| profile | database | tested with | known by driver | options it adds | catalogue |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for profile in PROFILES.values():
        drivers = ", ".join(map(code, profile.drivers)) or "any other"
        options = "; ".join(code(f"{name}={value}") for name, value in profile.options.items()) or "none"
        catalogue = "its own queries" if profile.catalogue else "functions of ODBC"
        cells = [code(profile.name), profile.title, profile.tested or "not tested", drivers, options, catalogue]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


# -- types, laws, exit codes, changes ----------------------------------------------------------------------------------------


EXAMPLES = """bool int8 int64 uint64 float64 decimal(12,2) decimal256(50,3) string binary binary(16) date time[us] timestamp[ms]
timestamp[us] timestamp[us,UTC] timestamp[ns] timestamp[us,Europe/Paris] duration[us] uuid list<int64>
struct<id:int64,name:string> map<string,decimal(9,2)> dictionary<string,int32> null"""


def type_page() -> str:
    lines = ["# Types", "", types.markdown(), "", "## What each file format keeps", ""]
    lines += [
        "✓: the file alone says everything. *schema*: nothing is lost to a reader who has the schema. A value that is refused"
    ]
    lines += ["ends the run with nothing published; what is lost is said before a row moves (`connector plan -o`, `read`).", ""]
    lines += [f"| type | {' | '.join(FORMATS)} |", f"| --- |{' --- |' * len(FORMATS)}"]
    for text in EXAMPLES.split():
        found = types.from_text(text)
        schema = pa.schema([pa.field("field", found)])
        cells = [losses(list(format_.losses(schema))) for format_ in FORMATS.values()]
        lines.append(f"| {code(types.to_text(found))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def losses(lost: list[Loss]) -> str:
    by_schema = ["*schema*"] if any(loss.kept is Kept.BY_SCHEMA for loss in lost) else []
    refused = [f"refuses {cell(loss.what)}" for loss in lost if loss.kept is Kept.REFUSED]
    gone = [f"loses {cell(loss.what)}" for loss in lost if loss.kept is Kept.NOT]
    return "; ".join([*by_schema, *refused, *gone]) or "✓"


def law_page() -> str:
    lines = ["# The laws", "", "What `connector test` checks of every connector, and why: {doc}`../../explanation/laws`.", ""]
    lines += [f"{law.number}. {law.title}." for law in LAWS]
    return "\n".join(lines)


def exit_code_page() -> str:
    lines = ["# Exit codes", "", "| exit | error | what it means |", "| --- | --- | --- |", "| 0 | | Done. |"]
    kinds = [kind for name in errors.__all__ if inspect.isclass(kind := getattr(errors, name))]
    for kind in sorted(kinds, key=lambda kind: (kind is errors.Stopped, kind.exit_code)):
        if kind is not errors.ConnectorError:
            number = "130, 143" if kind is errors.Stopped else kind.exit_code
            lines.append(f"| {number} | `{kind.__name__}` | {cell((inspect.getdoc(kind) or '').partition(chr(10))[0])} |")
    return "\n".join(lines)


def change_page(folder: Path) -> str:
    lines = ["# Changes", "", "## 0.1, not yet released", ""]
    for path in sorted(folder.glob("+*.md")):
        lines += [f"- {' '.join(path.read_text(encoding='utf-8').split()).removeprefix('- ')}"]
    return "\n".join(lines)
