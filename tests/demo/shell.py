"""What the demo shows: titles, notes, and commands that run before the eyes of whoever watches."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

__all__ = ["Shell", "note", "paint", "title"]

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, style: str) -> str:
    return f"\033[{style}m{text}\033[0m" if COLOUR else text


def title(text: str) -> None:
    print(f"\n{paint(text, '1;36')}", flush=True)


def note(text: str) -> None:
    print(paint(text, "2"), flush=True)


class Shell:
    """Runs commands in one folder with the demo's own environment, and shows each before it runs."""

    def __init__(self, folder: Path, environment: Path) -> None:
        self.folder = folder
        self.variables = {**os.environ, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(environment)}
        self.variables.pop("PYTHONPATH", None)
        self.commands = 0

    def __call__(self, command: str, *, lines: int | None = None) -> str:
        """Run `command`; show at most `lines` lines of what it prints on stdout. Ends the demo when it fails."""
        print(f"{paint('$', '1;32')} {paint(command, '1')}", flush=True)
        self.commands += 1
        done = subprocess.run(shlex.split(command), cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, text=True)
        shown = done.stdout.splitlines()
        for line in shown[:lines]:
            print(f"  {line}")
        if lines is not None and len(shown) > lines:
            note(f"  … {len(shown) - lines} more lines")
        sys.stdout.flush()
        if done.returncode:
            raise SystemExit(f"the demo stops here: that command left with {done.returncode}")
        return done.stdout
