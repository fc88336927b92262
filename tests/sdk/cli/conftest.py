"""The command line as a user has it: a runner in this process for most tests, a real process where signals or pipes matter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # `systems:Numbers` is named on command lines

from processes import Process  # noqa: E402


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield


@pytest.fixture
def connector() -> Callable[..., Result]:
    """Run a command line; the result has `exit_code`, `stdout` and `stderr`."""
    from connector_sdk.cli import main

    def run(*words: object, **kwargs: Any) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words], **kwargs)

    return run


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    """Start a real process; it is gone when the test ends."""
    started: list[Process] = []

    def start(*words: object, **kwargs: Any) -> Process:
        started.append(Process(*words, **kwargs))
        return started[-1]

    yield start
    for one in started:
        if one.popen.poll() is None:
            one.popen.kill()
            one.popen.communicate()
