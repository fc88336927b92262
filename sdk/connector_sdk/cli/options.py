"""The options that several commands share, said once: the same words mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

__all__ = [
    "FORMAT_NAMES",
    "MODES",
    "PATH",
    "WRITE_MODES",
    "as_json",
    "columns",
    "complete_name",
    "config",
    "confirm",
    "example",
    "max_rejects",
    "mode",
    "name",
    "output",
    "output_format",
    "pick_streams",
    "reject_file",
    "state",
    "stream",
    "streams",
    "where",
]

Command = TypeVar("Command", bound=Callable[..., Any])

# Words of connector_sdk.schema and connector_sdk.formats, repeated so that help and completion import neither (a test compares).
MODES = ("full", "incremental", "changes")
WRITE_MODES = ("append", "replace", "upsert", "apply", "history")
FORMAT_NAMES = ("parquet", "avro", "csv", "jsonl", "arrow")

PATH = click.Path(path_type=Path)


def example(*lines: str) -> str:
    """The end of a command's help: how it is used, line by line."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def complete_name(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    points = metadata.entry_points(group="connector_sdk.connectors")
    return [CompletionItem(point.name) for point in points if point.name.startswith(incomplete)]


def name(command: Command) -> Command:
    """NAME: an installed connector, or ``module:Class``."""
    return click.argument("name", shell_complete=complete_name)(command)


def config(command: Command) -> Command:
    """``-c FILE``"""
    return click.option(
        "-c", "--config", type=PATH, metavar="FILE", help="Configuration: YAML, TOML or JSON (`connector init NAME`)."
    )(command)


def pick_streams(command: Command) -> Command:
    """``-s STREAM`` several times, or ``--all``"""
    command = click.option("--all", "everything", is_flag=True, help="Every stream that can be read so.")(command)
    return streams(command)


def streams(command: Command) -> Command:
    """``-s STREAM`` several times"""
    return click.option("-s", "--stream", "streams", multiple=True, metavar="STREAM", help="A stream; repeatable.")(command)


def stream(command: Command) -> Command:
    """``-s STREAM`` once"""
    return click.option("-s", "--stream", required=True, metavar="STREAM", help="The stream.")(command)


def mode(command: Command) -> Command:
    """``--mode full|incremental|changes``"""
    return click.option(
        "--mode",
        type=click.Choice(MODES),
        default="full",
        show_default=True,
        help="Everything; what is new since the state; every change since the state, deletes included.",
    )(command)


def where(command: Command) -> Command:
    """``--where SQL``"""
    return click.option(
        "--where", metavar="SQL", help="Which rows: comparisons joined with AND and OR, as \"qty >= 5 AND day = '2024-05-01'\"."
    )(command)


def columns(command: Command) -> Command:
    """``--columns a,b``"""
    return click.option("--columns", metavar="A,B", help="Only these fields, in this order.")(command)


def state(command: Command) -> Command:
    """``--state FILE``"""
    return click.option(
        "--state", type=PATH, metavar="FILE", help="Where the position is kept: made when missing, gone on from when there."
    )(command)


def output(command: Command) -> Command:
    """``-o FILE|DIR/|-``"""
    return click.option(
        "-o",
        "--output",
        metavar="FILE|DIR/|-",
        help="A new file (.parquet .avro .csv .jsonl .arrow), a folder of parts, or - for stdout.",
    )(command)


def output_format(command: Command) -> Command:
    """``--format F``"""
    return click.option("--format", "format_name", type=click.Choice(FORMAT_NAMES), help="Format of a folder or of stdout.")(
        command
    )


def reject_file(command: Command) -> Command:
    """``--rejects FILE``, written"""
    return click.option(
        "--rejects",
        type=PATH,
        metavar="FILE",
        help="Where records go that could not be used, with their raw bytes; beside the state or output if left out.",
    )(command)


def max_rejects(command: Command) -> Command:
    """``--max-rejects N``"""
    return click.option(
        "--max-rejects",
        type=click.IntRange(min=-1),
        default=0,
        show_default=True,
        metavar="N",
        help="How many rejects are allowed; -1 for any number. More: nothing is published, exit 4.",
    )(command)


def confirm(command: Command) -> Command:
    """``--confirm``"""
    return click.option(
        "--confirm", is_flag=True, help="Take over changes found by comparison even if they are more than max_change allows."
    )(command)


def as_json(command: Command) -> Command:
    """``--json``"""
    return click.option("--json", "as_json", is_flag=True, help="JSON on stdout, for programs.")(command)
