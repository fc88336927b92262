"""A real ``connector`` process, for tests of signals, pipes, terminals and full disks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
# As in a shell's foreground: a process of a background job ignores SIGINT, and so do its children.
MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from connector_sdk.cli import main; main()"


class Process:
    """A real ``connector`` process. `prefix` is a command that runs it."""

    def __init__(self, *words: object, prefix: Sequence[str] = (), **kwargs: Any) -> None:
        environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONUNBUFFERED": "1", **kwargs.pop("env", {})}
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        self.popen = subprocess.Popen(
            [*prefix, sys.executable, "-c", MAIN, *map(str, words)],
            text=True,
            env=environment,
            **kwargs,
        )

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """(exit code, stdout, stderr)"""
        out, err = self.popen.communicate(timeout=timeout)
        return self.popen.returncode, out, err
