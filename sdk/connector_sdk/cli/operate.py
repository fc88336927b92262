"""``connector call`` and ``connector capture``: what a system does that is not a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import did_you_mean, session
from connector_sdk.cli.options import example
from connector_sdk.cli.tables import show_table
from connector_sdk.contract import Caller, Operation
from connector_sdk.errors import ConfigError
from connector_sdk.types import to_text

__all__ = ["call", "capture"]


@click.command(
    epilog=example(
        "connector call crm -c crm.yaml",
        "connector call crm -c crm.yaml GetCustomer id=42",
        "connector call crm -c crm.yaml Search @arguments.json",
    )
)
@options.name
@options.config
@click.argument("operation", required=False)
@click.argument("arguments", nargs=-1, metavar="[KEY=VALUE | @FILE.json]...")
@click.pass_obj
def call(voice: Voice, name: str, config: Path | None, operation: str | None, arguments: tuple[str, ...]) -> None:
    """Run one of a system's operations and print its result as JSON. Without OPERATION, list them.

    A value is read as the operation's input says; JSON where that is a list or a structure. Never tried twice.
    """
    with session(name, config, voice) as opened:
        system = opened.caller()
        if operation is None:
            list_operations(system)
        else:
            show_result(run(system, operation, arguments))


@click.group(epilog=example("connector capture status crm -c crm.yaml", "connector capture install crm -c crm.yaml -s customers"))
def capture() -> None:
    """Change capture in the source (triggers, slots, logs): see it, install it, remove it."""


def _capture(verb: str, about: str) -> click.Command:
    @click.command(verb, help=about, epilog=example(f"connector capture {verb} crm -c crm.yaml -s customers -s orders"))
    @options.name
    @options.config
    @options.streams
    @click.pass_obj
    def command(
        voice: Voice, name: str, config: Path | None, streams: tuple[str, ...], method: str | None = None, dry_run: bool = False
    ) -> None:
        asked: Mapping[str, object] = {"streams": list(dict.fromkeys(streams)), "method": method, "dry_run": dry_run}
        given = {key: value for key, value in asked.items() if value}
        with session(name, config, voice) as opened:
            system = opened.opened()
            known = {operation.name: operation for operation in system.operations()} if isinstance(system, Caller) else {}
            operation = known.get(f"capture.{verb}")
            if operation is None or not isinstance(system, Caller):
                raise ConfigError(f"capture {verb} is not offered by the connector {name}", code="not_offered")
            for key in given:
                if key not in operation.input.names:
                    option = {"streams": "--stream"}.get(key, f"--{key.replace('_', '-')}")
                    raise ConfigError(f"capture {verb} of the connector {name} has no {option}", code="not_offered")
            told = system.call(operation.name, given)
        if told == "":
            voice.note("there is nothing to do")
        else:
            show_result(told)

    if verb != "status":
        command = click.option("--dry-run", is_flag=True, help="Only show what would be done in the source.")(command)
        command = click.option("--method", metavar="METHOD", help="By this method, where the system has several.")(command)
    return command


for _verb, _about in (
    ("status", "What is installed, for which streams, and how far it is behind."),
    ("install", "Install what CHANGES reads need. Says what it did."),
    ("remove", "Remove what was installed."),
):
    capture.add_command(_capture(_verb, _about))


def list_operations(system: Caller) -> None:
    """Print a table of the operations of `system`."""
    rows = [
        (o.name, ", ".join(f"{f.name}: {to_text(f.type)}" for f in o.input), "yes" if o.changes_system else "no", o.doc or "")
        for o in system.operations()
    ]
    show_table(("OPERATION", "ARGUMENTS", "CHANGES THE SYSTEM", "ABOUT"), rows)


def run(system: Caller, name: str, words: tuple[str, ...]) -> object:
    """Call the operation `name` with arguments as on a command line. Raises ConfigError before anything is called."""
    operations = {operation.name: operation for operation in system.operations()}
    if name not in operations:
        raise ConfigError(f"there is no operation {name!r}", hint=did_you_mean(name, operations))
    return system.call(name, arguments_from(operations[name], words))


def arguments_from(operation: Operation, words: tuple[str, ...]) -> Mapping[str, object]:
    """Typed arguments from ``key=value`` and ``@file.json``. Raises ConfigError that names the key."""
    found: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if word.startswith("@"):
            found |= _file(Path(word[1:]))
        elif not equals:
            raise ConfigError(f"{word!r} is not key=value")
        else:
            found[key] = value
    for key in found:
        if key not in operation.input.names:
            raise ConfigError(f"{operation.name} takes no {key!r}", hint=did_you_mean(key, operation.input.names))
    missing = [f.name for f in operation.input if not f.nullable and f.name not in found]
    if missing:
        raise ConfigError(f"{operation.name} needs {', '.join(missing)}", hint="write them as key=value")
    return {key: _typed(operation, key, value) for key, value in found.items()}


def _file(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: a JSON object of arguments was expected")
    return value


def _typed(operation: Operation, key: str, value: object) -> object:
    kind = operation.input.field(key).type
    try:
        if isinstance(value, str) and pa.types.is_nested(kind):
            return json.loads(value, parse_float=Decimal)
        if isinstance(value, str) and not pa.types.is_string(kind):
            return pa.scalar(value).cast(kind).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        raise ConfigError(f"{operation.name}: {key}={value!r} is not {to_text(kind)}") from None
    return value


def show_result(value: object) -> None:
    """Print what an operation returned: text as it is, anything else as JSON."""
    if value is not None:
        click.echo(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=_plain_value))


def _plain_value(value: Any) -> Any:
    match value:
        case Decimal() | timedelta():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case pa.RecordBatch() | pa.Table():
            return value.to_pylist()
    return str(value)
