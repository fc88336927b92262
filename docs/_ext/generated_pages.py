"""The reference pages that are written from the code at each build: commands, connectors, types, laws, exit codes, changes."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from connector_sdk import cli, errors, plugins
from connector_sdk.config import config_model
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
        "`connector --help` lists these; `connector COMMAND --help` shows each with an example.",
        "",
    ]
    for context, command in commands(cli.main, "connector"):
        depth = context.command_path.count(" ")
        lines += [f"{'#' * min(4, depth + 2)} {context.command_path}", ""]
        lines += ["```text", " ".join(context.command_path.split() + command.collect_usage_pieces(context)), "```", ""]
        lines += [*prose(command.help or command.short_help or ""), ""]
        options = [record for p in command.get_params(context) if (record := p.get_help_record(context)) is not None]
        if depth:
            options = [record for record in options if not record[0].startswith(("--help", "--log", "--debug"))]
        if options:
            lines += ["| option | what it does |", "| --- | --- |"]
            lines += [f"| {code(option)} | {cell(text)} |" for option, text in options]
            lines.append("")
        lines += [*prose(command.epilog or ""), ""]
    return "\n".join(lines)


def prose(text: str) -> Iterator[str]:
    """Click help text as markdown: paragraphs, and what follows a ``\\b`` (or is indented) verbatim."""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        verbatim = block.startswith("\b") or all(line.startswith(("  ", "\t")) for line in block.splitlines() if line)
        if not block.strip():
            continue
        body = inspect.cleandoc(block.removeprefix("\b").strip("\n")) if verbatim else " ".join(block.split())
        yield from (["```text", *body.splitlines(), "```", ""] if verbatim else [markdown(body), ""])


def markdown(text: str) -> str:
    return (
        re.sub(r"``(.+?)``", r"`\1`", text).replace("<", "\\<").replace("|", "\\|")
        if "`" not in text
        else re.sub(r"``(.+?)``", r"`\1`", text)
    )


def cell(text: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split())).replace("|", "\\|").replace("<", "\\<")


def code(text: str) -> str:
    return f"`{text.replace('|', '¦')}`"


# -- connectors -------------------------------------------------------------------------------------------------------------


def connector_page() -> str:
    lines = ["# Connectors", "", "The connectors that come with the SDK, and every key of their configuration.", ""]
    for plugin in plugins.installed():
        if plugin.distribution != f"connector-{plugin.name}" or plugin.connector is None or plugin.name not in SHIPPED:
            continue
        lines += [f"## {plugin.name}", "", *prose(inspect.getdoc(plugin.connector) or ""), ""]
        lines += model_tables(config_model(plugin.connector).model_json_schema())
    return "\n".join(lines)


SHIPPED = ("sftp",)


def model_tables(schema: dict[str, Any]) -> list[str]:
    """One table of keys per object in a JSON schema, the whole first."""
    lines = [*key_table(schema), ""]
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            lines += [f"### {name}", "", *prose(part.get("description", "")), *key_table(part), ""]
    return lines


def key_table(part: dict[str, Any]) -> list[str]:
    lines = ["| key | type | default | what it is |", "| --- | --- | --- | --- |"]
    needed = set(part.get("required", ()))
    for key, about in part.get("properties", {}).items():
        default = "needed" if key in needed else code(repr_yaml(about.get("default")))
        lines.append(f"| `{key}` | {cell(kind(about))} | {default} | {cell(about.get('description', ''))} |")
    return lines


def repr_yaml(value: Any) -> str:
    return {None: "–", True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)


def kind(about: dict[str, Any]) -> str:
    if "$ref" in about:
        return str(about["$ref"]).rsplit("/", 1)[-1]
    if "enum" in about:
        return ", ".join(map(str, about["enum"]))
    if "const" in about:
        return str(about["const"])
    for union in ("anyOf", "oneOf"):
        if union in about:
            return " or ".join(dict.fromkeys(kind(one) for one in about[union] if one.get("type") != "null"))
    if "allOf" in about:
        return kind(about["allOf"][0])
    if about.get("format") == "password":
        return "secret"
    if about.get("type") == "array":
        return f"list of {kind(about.get('items', {}))}"
    if about.get("type") == "object":
        inner = about.get("additionalProperties")
        return f"mapping to {kind(inner)}" if isinstance(inner, dict) else "mapping"
    return {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false"}.get(
        str(about.get("type")), "any"
    )


# -- types, laws, exit codes, changes ----------------------------------------------------------------------------------------


def type_page() -> str:
    types = importlib.import_module("connector_sdk.types")
    return "# Types\n\n" + types.markdown()


def law_page() -> str:
    laws = importlib.import_module("connector_sdk.testing.laws")
    return "# The laws\n\n" + laws.markdown()


def exit_code_page() -> str:
    lines = ["# Exit codes", "", "| exit | error | what to do |", "| --- | --- | --- |", "| 0 | | done |"]
    kinds = [getattr(errors, name) for name in errors.__all__ if inspect.isclass(getattr(errors, name))]
    rows = sorted(
        {
            (kind.exit_code, kind.__name__, (inspect.getdoc(kind) or "").splitlines()[0])
            for kind in kinds
            if kind is not errors.ConnectorError
        }
    )
    for number, name, text in rows:
        lines.append(f"| {'130, 143' if name == 'Stopped' else number} | `{name}` | {cell(text)} |")
    return "\n".join(lines)


def change_page(folder: Path) -> str:
    lines = ["# Changes", "", "## 0.1, not yet released", ""]
    for path in sorted(folder.glob("+*.md")):
        lines += [f"- {' '.join(path.read_text(encoding='utf-8').split()).removeprefix('- ')}"]
    return "\n".join(lines)
