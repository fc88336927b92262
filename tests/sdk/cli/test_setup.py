"""`connector list` shows what is installed, and what is installed but broken; guests may add commands of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a package on the path, with its entry points, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def put(distribution: str, code: str, **points: str) -> None:
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        about = site / f"{module}-1.2.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        lines = [f"[connector_sdk.{group}]\n{point}\n" for group, point in points.items()]
        (about / "entry_points.txt").write_text("".join(lines))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return put


def test_an_installed_connector_is_listed_with_what_it_can(connector: Run, install: Callable[..., None]) -> None:
    install("connector-counting", "from systems import Numbers", connectors="counting = connector_counting:Numbers")
    entries = {entry["name"]: entry for entry in json.loads(connector("list", "--json").stdout)}
    assert entries["counting"]["package"] == "connector-counting"
    assert entries["counting"]["version"] == "1.2"
    assert entries["counting"]["can"] == ["read"]
    assert entries["counting"]["about"] == "Counts to the configured number."
    assert "sftp" in entries
    assert connector("check", "counting").exit_code == 0


def test_a_broken_connector_is_a_finding(connector: Run, install: Callable[..., None]) -> None:
    install("connector-broken", "import nothing_of_that_name", connectors="broken = connector_broken:Broken")
    result = connector("list")
    assert result.exit_code == 0
    assert "does not load: ModuleNotFoundError: No module named 'nothing_of_that_name'" in result.stdout
    used = connector("check", "broken")
    assert used.exit_code == 2
    assert len(used.stderr.splitlines()) == 1
    assert "'broken' of connector-broken 1.2 does not load" in used.stderr


def test_two_connectors_of_one_name_are_a_problem_of_both(connector: Run, install: Callable[..., None]) -> None:
    install("connector-one", "from systems import Numbers", connectors="same = connector_one:Numbers")
    install("connector-two", "from systems import Numbers", connectors="same = connector_two:Numbers")
    assert connector("list").stdout.count("2 installed packages declare this name") == 2
    assert "connector-one, connector-two" in connector("check", "same").stderr


def test_a_guest_adds_a_command_and_a_broken_guest_breaks_nothing(connector: Run, install: Callable[..., None]) -> None:
    code = "import click\n@click.command()\ndef greet():\n    'Say hello.'\n    click.echo('hello')\ncommands = [greet]\n"
    install("connector-greeting", code, commands="greeting = connector_greeting:commands")
    install("connector-broken", "import nothing_of_that_name", commands="broken = connector_broken:commands")
    assert "greet       Say hello." in connector("--help").stdout
    assert connector("greet").stdout == "hello\n"
    assert connector("list").exit_code == 0
    unknown = connector("gret")
    assert "did you mean 'greet'?" in unknown.stderr
    assert "the commands of 'broken' do not load" in unknown.stderr


def test_a_connector_in_the_current_folder_is_found(connector: Run) -> None:
    Path("lying_about.py").write_text("from systems import Numbers\n")
    assert connector("check", "lying_about:Numbers").exit_code == 0
