"""`call` gives typed arguments, `capture` what a connector offers, `state` looks and changes under the lock."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from connector_sdk.runtime.state_store import FileStore, Saved, read_saved

Run = Callable[..., Result]


def test_call_gives_arguments_their_types_and_prints_json(connector: Run) -> None:
    result = connector("call", "systems:Calling", "Halve", "amount=21.00", 'tags=["a", "b"]')
    assert json.loads(result.stdout) == {"half": "10.50", "tags": ["a", "b"]}


def test_call_takes_arguments_from_a_file(connector: Run) -> None:
    Path("a.json").write_text('{"amount": 0.1}')
    assert json.loads(connector("call", "systems:Calling", "Halve", "@a.json").stdout)["half"] == "0.05"


def test_call_without_an_operation_lists_them(connector: Run) -> None:
    assert "Halve" in connector("call", "systems:Calling").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Havle", "amount=1"), "there is no operation 'Havle' — did you mean Halve?"),
        (("Halve", "amonut=1"), "Halve takes no 'amonut' — did you mean amount?"),
        (("Halve",), "Halve needs amount"),
        (("Halve", "amount=much"), "Halve: amount='much' is not decimal(12,2)"),
        (("Halve", "amount"), "'amount' is not key=value"),
        (("Halve", "@nowhere.json"), "nowhere.json: "),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_called(connector: Run, words: tuple[str, ...], said: str) -> None:
    result = connector("call", "systems:Calling", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_capture_is_offered_or_not(connector: Run) -> None:
    assert json.loads(connector("capture", "status", "systems:Calling").stdout) == [{"stream": "all", "installed": True}]
    for words in (("capture", "install", "systems:Calling"), ("capture", "status", "systems:Numbers")):
        result = connector(*words)
        assert result.exit_code == 2
        assert "not offered" in result.stderr


def test_capture_is_of_every_stream_that_is_named(connector: Run) -> None:
    shown = json.loads(connector("capture", "status", "systems:Calling", "-s", "orders", "-s", "lines", "-s", "orders").stdout)
    assert [told["stream"] for told in shown] == ["orders", "lines"]


@pytest.fixture
def state_file() -> Path:
    path = Path("s.state")
    with FileStore(path, "sftp") as store:
        store.save(Saved(connector="sftp", mode="incremental", checkpoint=3, states={"a": {"v": 1, "at": 5}, "b": {"v": 1}}))
    return path


def test_state_is_shown_set_and_reset(connector: Run, state_file: Path) -> None:
    assert '"at": 5' in connector("state", "show", state_file).stdout
    assert json.loads(connector("state", "show", state_file, "--json").stdout)["states"]["a"] == {"v": 1, "at": 5}
    assert connector("state", "set", state_file, "a", '{"v": 1, "at": 9}').exit_code == 0
    assert read_saved(state_file).states["a"] == {"v": 1, "at": 9}
    assert connector("state", "reset", state_file, "--split", "a").exit_code == 0
    assert list(read_saved(state_file).states) == ["b"]
    assert connector("state", "reset", state_file).exit_code == 0
    assert read_saved(state_file).states == {}


def test_state_is_not_changed_under_a_run(connector: Run, state_file: Path) -> None:
    with FileStore(state_file, "sftp"):
        result = connector("state", "reset", state_file)
    assert result.exit_code == 8
    assert "in use by another run" in result.stderr
    assert read_saved(state_file).states


@pytest.mark.parametrize("damage", ["", "{", '{"format": "x"}', "\0\0\0"])
def test_a_damaged_state_file_is_exit_6_and_stays_as_it_is(connector: Run, state_file: Path, damage: str) -> None:
    state_file.write_text(damage)
    for words in (("show",), ("reset",)):
        result = connector("state", *words, state_file)
        assert result.exit_code == 6, result.output
        assert str(state_file) in result.stderr
    assert state_file.read_text() == damage


def test_wrong_states_are_told(connector: Run, state_file: Path) -> None:
    assert connector("state", "show", "none.state").exit_code == 2
    assert connector("state", "set", state_file, "a", "[1]").exit_code == 2
    assert connector("state", "set", state_file, "a", "{").exit_code == 2
    assert connector("state", "reset", "none.state").exit_code == 2
    assert not Path("none.state.lock").exists()


def test_a_lock_file_left_behind_holds_nobody_up(connector: Run, state_file: Path) -> None:
    with Path("s.state.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert connector("state", "reset", state_file).exit_code == 0
