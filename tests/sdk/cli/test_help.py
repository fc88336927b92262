"""Every command explains itself, and nothing heavy is imported to do so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from connector_sdk.cli import main, options
from connector_sdk.cli.commands import COMMANDS

HEAVY = ("pyarrow", "pydantic", "sqlglot", "paramiko", "numpy", "yaml", "rich", "connector_codegen")


def every_command(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group, info_name="connector")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_help_has_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0, result.output
    _, _, examples = result.output.partition("Example")
    assert f"connector {' '.join(path)}" in examples


def test_the_issue_s_names_are_all_there() -> None:
    start, look, move = "list spec init completion new generate diff", "check discover plan inspect", "read write copy replay"
    assert list(COMMANDS) == f"{start} {look} {move} state call capture test simulate".split()


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_start_up_is_light(arguments: list[str]) -> None:
    code = f"""
import sys
from connector_sdk.cli import main
try:
    main({arguments!r})
except SystemExit as end:
    assert not end.code
print("HEAVY", [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "HEAVY []\n"
    assert done.stdout


def test_words_repeated_for_a_light_start_are_the_words_of_the_sdk() -> None:
    from connector_sdk.formats import FORMATS
    from connector_sdk.schema import Mode, WriteMode

    assert tuple(Mode) == options.MODES
    assert tuple(WriteMode) == options.WRITE_MODES
    assert set(options.FORMAT_NAMES) == set(FORMATS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_CONNECTOR_COMPLETE" in result.stdout


def test_names_of_connectors_are_completed() -> None:
    environment = {"_CONNECTOR_COMPLETE": "bash_complete", "COMP_WORDS": "connector check sf", "COMP_CWORD": "2"}
    result = CliRunner().invoke(main, [], env=environment)
    assert "plain,sftp" in result.stdout
