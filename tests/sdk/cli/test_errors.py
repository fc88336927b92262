"""Whatever is wrong: one clear line, the right exit code, no traceback unless asked for, and never a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

PASSWORD = "hunter2-and-some-more"


def the_line(result: Result, exit_code: int) -> str:
    """The one line on stderr of a command that failed as it should."""
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.stderr
    line, *more = result.stderr.splitlines()
    assert more == []
    return line


def test_an_unknown_command_is_answered_with_the_one_that_was_meant(connector: Run) -> None:
    assert the_line(connector("raed"), 2) == "error: there is no command 'raed'; did you mean 'read'? — see connector --help"


def test_an_unknown_option_names_the_command_s_help(connector: Run) -> None:
    line = the_line(connector("check", "--nonsense"), 2)
    assert "--nonsense" in line
    assert "see connector check --help" in line


def test_an_unknown_connector_says_what_is_installed(connector: Run) -> None:
    line = the_line(connector("check", "sfpt"), 2)
    assert "there is no connector 'sfpt'" in line
    assert "installed: " in line


def test_a_module_that_is_not_there(connector: Run) -> None:
    assert "no_such_module" in the_line(connector("check", "no_such_module:Thing"), 2)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.yaml", "count: 3\ncuont: 4\n", "unknown key 'cuont'"),
        ("c.yaml", "count: many\n", "c.yaml: count: "),
        ("c.yaml", "count: [1\n", "c.yaml, line 2"),
        ("c.yaml", "- 1\n", "a list, keys and values were expected"),
        ("c.toml", "count = \n", "c.toml: "),
        ("c.json", "{", "c.json: "),
        ("c.ini", "", "use .yaml, .toml or .json"),
    ],
)
def test_a_bad_configuration_names_its_file_and_key(connector: Run, name: str, text: str, said: str) -> None:
    Path(name).write_text(text)
    line = the_line(connector("check", "systems:Numbers", "-c", name), 2)
    assert said in line
    assert name in line


def test_a_missing_configuration_file(connector: Run) -> None:
    assert "there is no file nowhere.yaml" in the_line(connector("check", "systems:Numbers", "-c", "nowhere.yaml"), 2)


def test_every_missing_key_is_named_at_once(connector: Run) -> None:
    line = the_line(connector("check", "systems:Guarded"), 2)
    assert "'host'" in line
    assert "'password'" in line


def guarded(host: str, password: str = "env:GUARDED_PASSWORD") -> Path:
    path = Path("guarded.yaml")
    path.write_text(f"host: {host}\npassword: {password}\n")
    return path


def test_a_missing_secret_says_which_and_how_to_set_it(connector: Run) -> None:
    line = the_line(connector("check", "systems:Guarded", "-c", guarded("x"), env={"GUARDED_PASSWORD": None}), 2)
    assert line == "error: the secret env:GUARDED_PASSWORD is not set — export GUARDED_PASSWORD=…"


@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["plain", "debug"])
@pytest.mark.parametrize("log", ["text", "json", "none"])
@pytest.mark.parametrize("host", ["log", "thread", "refuse", "crash"])
def test_a_secret_is_never_seen(connector: Run, host: str, log: str, debug: list[str]) -> None:
    result = connector("check", "systems:Guarded", "-c", guarded(host), "--log", log, *debug, env={"GUARDED_PASSWORD": PASSWORD})
    assert PASSWORD not in result.output
    assert result.exit_code == {"log": 0, "thread": 0, "refuse": 2, "crash": 1}[host]
    if not debug:
        assert "Traceback" not in result.output


def test_a_literal_secret_is_warned_of_once_and_never_echoed(connector: Run) -> None:
    result = connector("check", "systems:Guarded", "-c", guarded("refuse", PASSWORD))
    warning, error = result.stderr.splitlines()
    assert warning.startswith("warning: guarded.yaml: a secret is written in the configuration itself")
    assert error == "error: the system refuses the password •••"
    assert PASSWORD not in result.output


def test_a_defect_is_one_line_and_debug_shows_the_traceback(connector: Run) -> None:
    words = ("check", "systems:Guarded", "-c", guarded("crash"))
    line = the_line(connector(*words, env={"GUARDED_PASSWORD": PASSWORD}), 1)
    assert line.startswith("error: internal: RuntimeError: cannot log in with •••")
    assert "--debug" in line
    shown = connector(*words, "--debug", env={"GUARDED_PASSWORD": PASSWORD})
    assert shown.exit_code == 1
    assert "Traceback" in shown.stderr
    assert connector("--debug", *words, env={"GUARDED_PASSWORD": PASSWORD}).stderr == shown.stderr


def test_a_system_that_is_down_is_exit_3(connector: Run) -> None:
    assert the_line(connector("check", "systems:Down"), 3) == "error: the system at 192.0.2.1 does not answer — is it up?"


def test_with_log_json_the_error_is_json_too(connector: Run) -> None:
    told = json.loads(the_line(connector("check", "systems:Down", "--log", "json"), 3))
    assert told["event"] == "Failed"
    assert told["exit"] == 3
    assert "does not answer" in told["message"]


def test_what_a_system_says_cannot_move_the_cursor(connector: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import systems
    from connector_sdk.errors import ConfigError

    def refuse(_self: object) -> None:
        raise ConfigError("banner: \x1b[2J\x07 welcome")

    monkeypatch.setattr(systems.Numbers, "check", refuse)
    assert the_line(connector("check", "systems:Numbers"), 2) == "error: banner: \\x1b[2J\\x07 welcome"


def test_a_missing_extra_says_what_to_install(connector: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("connector_codegen")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("jinja2", "cookiecutter", "datamodel_code_generator"):
        monkeypatch.setitem(sys.modules, name, None)
        for inner in [inner for inner in sys.modules if inner.startswith(name + ".")]:
            monkeypatch.setitem(sys.modules, inner, None)
    Path("sample.csv").write_text("a,b\n1,2\n")
    line = the_line(connector("new", "airports", "--from", "sample.csv"), 2)
    assert 'pip install "connector-sdk[codegen]"' in line


def test_logging_is_as_it_was_after_a_command(connector: Run) -> None:
    before = (list(logging.getLogger().handlers), logging.getLogger().level)
    connector("check", "systems:Numbers")
    assert (list(logging.getLogger().handlers), logging.getLogger().level) == before
