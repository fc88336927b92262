"""The table of contents of the command line: every command's name and one line, so that ``--help`` imports none of them."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import click

from connector_sdk.cli import logs
from connector_sdk.cli.messages import Voice
from connector_sdk.errors import ConfigError

__all__ = ["COMMANDS", "GROUP", "Commands", "Entry"]

GROUP = "connector_sdk.commands"
"""Entry-point group by which an installed package adds commands: a sequence of click commands."""

CODEGEN = "codegen"


@dataclass(frozen=True)
class Entry:
    """Where a command is: ``module:attribute`` here, or the name of an entry point of `GROUP`; and its line in the help."""

    section: str
    where: str
    line: str


COMMANDS = {
    "list": Entry("Start", "setup_commands:list_command", "Which connectors are installed."),
    "spec": Entry("Start", "setup_commands:spec", "What a connector's configuration can hold."),
    "init": Entry("Start", "setup_commands:init", "A commented configuration to fill in."),
    "completion": Entry("Start", "setup_commands:completion", "Completion for bash, zsh or fish."),
    "new": Entry("Generate", CODEGEN, "A connector package from the description a system already has."),
    "generate": Entry("Generate", CODEGEN, "The generated part of a package, again or for a check."),
    "diff": Entry("Generate", CODEGEN, "What changed between two descriptions, field by field."),
    "check": Entry("Look", "look:check", "Whether a configuration works."),
    "discover": Entry("Look", "look:discover", "Which streams there are, with fields, keys and abilities."),
    "plan": Entry("Look", "plan:plan", "How a read would go, before a row moves."),
    "inspect": Entry("Look", "inspect:inspect", "One record of a file: each field with its bytes and its value."),
    "read": Entry("Move", "read:read", "Streams into files, or to stdout."),
    "write": Entry("Move", "write:write", "Files into a stream."),
    "copy": Entry("Move", "copy:copy", "Streams of one connector into another, exactly once where the sink can."),
    "replay": Entry("Move", "replay:replay", "Rejected records, tried again."),
    "state": Entry("Operate", "state:state", "Show, set or reset a saved position."),
    "call": Entry("Operate", "operate:call", "Run one of a system's operations."),
    "capture": Entry("Operate", "operate:capture", "Change capture in the source: status, install, remove."),
    "test": Entry("Prove", "prove:test", "Which laws a connector keeps: its certificate."),
    "simulate": Entry("Prove", "prove:simulate", "A stand-in for a connector's system, on this machine."),
}


def shared_options() -> list[click.Parameter]:
    """Options that every command takes, and the root too."""

    def remember(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is not None and value is not False:
            setattr(context.ensure_object(Voice), str(parameter.name), value)
        return value

    return [
        click.Option(
            ["--log"],
            type=click.Choice(["text", "json", "none"]),
            expose_value=False,
            is_eager=True,
            callback=remember,
            help="What goes to stderr: progress as text, one JSON line per event, or errors only.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=remember,
            help="Show tracebacks and what libraries log.",
        ),
    ]


def _with_shared_options(command: click.Command) -> click.Command:
    if not any(parameter.name == "debug" for parameter in command.params):
        command.params.extend(shared_options())
    for child in getattr(command, "commands", {}).values():
        _with_shared_options(child)
    return command


class Commands(click.Group):
    """The root command. A subcommand is imported when it is used, and whatever ends it becomes a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *_guests()[0]]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            command = _guests()[0].get(cmd_name)
        elif ":" in entry.where:
            module, _, attribute = entry.where.partition(":")
            command = getattr(importlib.import_module(f"connector_sdk.cli.{module}"), attribute)
        else:
            command = _of_extra(entry.where, cmd_name)
        return None if command is None else _with_shared_options(command)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            commands, problems = _guests()
            near = difflib.get_close_matches(args[0], [*COMMANDS, *commands], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise click.UsageError("; ".join([f"there is no command {args[0]!r}{hint}", *problems]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        guests, _ = _guests()
        width = max(map(len, [*COMMANDS, *guests]))
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            with formatter.section(section):
                lines = [(name.ljust(width), e.line) for name, e in COMMANDS.items() if e.section == section]
                formatter.write_dl(lines)
        if guests:
            with formatter.section("Installed"):
                formatter.write_dl([(name.ljust(width), c.get_short_help_str(90)) for name, c in guests.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line. Exits with the code of what happened (see :mod:`connector_sdk.errors`)."""
        voice = Voice()
        with logs.heard(voice):
            try:
                code = super().main(
                    args,
                    prog_name or "connector",
                    complete_var,
                    standalone_mode=False,
                    windows_expand_args=windows_expand_args,
                    obj=voice,
                    **extra,
                )
                code = code if isinstance(code, int) else 0
            except Exception as error:
                code = _help_or(error, voice)
        if not standalone_mode:
            return code
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of our output has seen enough (`| head`): leave as quietly as `cat` does. What is still in the
            # buffer must not raise again when Python closes stdout.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(128 + 13)
        return result


def _help_or(error: Exception, voice: Voice) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # click >= 8.2; older ones print the help themselves
        click.echo(str(error), err=True)
        return 2
    return voice.fail(error)


def _of_extra(point: str, name: str) -> click.Command:
    commands = _load(point)
    if name not in commands:
        raise ConfigError(f"the installed commands of {point!r} do not have {name!r}")
    return commands[name]


def _load(point: str) -> dict[str, click.Command]:
    points = metadata.entry_points(group=GROUP, name=point)
    if not points:
        raise ConfigError("this command is not installed", hint=f'pip install "connector-sdk[{point}]"')
    commands: dict[str, click.Command] = {}
    for found in points:
        commands.update({str(command.name): command for command in found.load()})
    return commands


def _guests() -> tuple[dict[str, click.Command], list[str]]:
    """Commands that other installed packages add, and which packages failed to: a broken one must not break the others."""
    commands: dict[str, click.Command] = {}
    problems = []
    for point in sorted({p.name for p in metadata.entry_points(group=GROUP)} - {CODEGEN}):
        try:
            commands.update(_load(point))
        except Exception as error:  # a guest may raise anything at import
            problems.append(f"the commands of {point!r} do not load: {type(error).__name__}: {error}")
    return {name: command for name, command in commands.items() if name not in COMMANDS}, problems
