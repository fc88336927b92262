"""The command line as a user has it: a runner in this process for most tests, a real process where signals or pipes matter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # `systems:Numbers` is named on command lines


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


class Process:
    """A real ``connector`` process."""

    def __init__(self, *words: object, **kwargs: Any) -> None:
        environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONUNBUFFERED": "1", **kwargs.pop("env", {})}
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        self.popen = subprocess.Popen(
            [sys.executable, "-c", "from connector_sdk.cli import main; main()", *map(str, words)],
            text=True,
            env=environment,
            **kwargs,
        )

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """(exit code, stdout, stderr)"""
        out, err = self.popen.communicate(timeout=timeout)
        return self.popen.returncode, out, err


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
