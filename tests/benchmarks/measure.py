"""Timing programs against each other: each in a process of its own, one after the other, round by round, medians at the end."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["PROGRAMS", "Cost", "Row", "cost", "interleaved", "peers", "scratch"]

PROGRAMS = Path(__file__).parent / "programs"
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `ratio` is how many times better ours is than the peer; `target` what it should reach."""

    name: str
    ours: float
    peer: float
    ratio: float
    target: float | None
    unit: str


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a program took: CPU seconds of its work (all its threads), seconds, peak memory in bytes, and what it told."""

    cpu: float
    wall: float
    peak: int
    told: Mapping[str, Any] = field(default_factory=dict)


def cost(command: Sequence[str | Path]) -> Cost:
    """Run a program to its end. Its last line is a JSON object; ``cpu`` in it is the CPU seconds of its work without start-up.

    Raises RuntimeError with what it said when it fails.
    """
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=out, stderr=said, stdin=subprocess.DEVNULL, cwd=_ROOT, env=_environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - begun
        out.seek(0)
        said.seek(0)
        if process.returncode != 0:
            raise RuntimeError(f"{command} ended with {process.returncode}: {said.read().decode(errors='replace')[-2000:]}")
        lines = out.read().decode(errors="replace").strip().splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    return Cost(
        cpu=told.get("cpu", usage.ru_utime + usage.ru_stime), wall=told.get("wall", wall), peak=usage.ru_maxrss * 1024, told=told
    )


def interleaved(programs: Mapping[str, Sequence[str | Path]], rounds: int) -> dict[str, Cost]:
    """The median cost of each program over `rounds` rounds, in each of which every program runs once."""
    found: dict[str, list[Cost]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, command in programs.items():
            found[name].append(cost(command))
    return {
        name: Cost(
            cpu=statistics.median(c.cpu for c in costs),
            wall=statistics.median(c.wall for c in costs),
            peak=int(statistics.median(c.peak for c in costs)),
            told=costs[-1].told,
        )
        for name, costs in found.items()
    }


def _environment() -> dict[str, str]:
    """Modules are compiled once, beside the peers, whatever this process was told about that."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(_ROOT / ".venv-bench" / "compiled")}


@contextmanager
def scratch() -> Iterator[Path]:
    """An empty folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="connector-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def peers(*packages: str) -> Path | None:
    """A Python that has `packages`, in ``.venv-bench``; None, said on stderr, when they cannot be had."""
    python = _ROOT / ".venv-bench" / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True, capture_output=True, timeout=300)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages]
            if (python.parent / "pip").exists()
            else ["uv", "pip", "install", "-q", "--python", str(python), *packages],
            check=True,
            capture_output=True,
            timeout=900,
        )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"left out, because {', '.join(packages)} cannot be installed: {error}", file=sys.stderr)
        return None
    return python
