"""Kills real processes: runs crash jobs in forks of one prepared worker, from within or by strace at a chosen system call."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from connector_sdk.errors import InternalError
from connector_sdk.testing.crash import MOMENT, POINTS, CrashJob

__all__ = ["Crash", "Ended", "Worker"]

CALLS: Mapping[str, str] = {
    "write": "?write,?pwrite64,?writev,?pwritev,?ftruncate,?copy_file_range,?sendfile",
    "sync": "?fsync,?fdatasync,?sync_file_range,?syncfs",
    "name": "?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat,?mkdir,?mkdirat",
    "send": "?sendto,?sendmsg",
}
"""Families of system calls by what they do; ``?``: not every machine has each of them."""

_FAMILY = {call.lstrip("?"): family for family, calls in CALLS.items() for call in calls.split(",")}


@dataclass(frozen=True, kw_only=True)
class Crash:
    """Where a process is killed: at the `number`-th passing of a point, on entering a system call of a family, or after `number`
    milliseconds (MOMENT).

    `who` is ``inside`` for points and moments; for system calls ``main`` or ``threads``, since strace counts by thread.
    """

    what: str
    number: int
    who: str = "inside"

    def __str__(self) -> str:
        if self.what == MOMENT:
            return f"after {self.number} ms"
        if self.who == "inside":
            return f"{self.what} {self.number}"
        return f"{self.what} call {self.number} of {'the main thread' if self.who == 'main' else 'a thread'}"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run ended: killed, or with an error, or well; and how often it passed each point, or made each call."""

    killed: bool
    error: str | None = None
    rows: int = 0
    crashes: tuple[Crash, ...] = field(default_factory=tuple)


class Worker:
    """``with Worker() as worker:`` a process that imports everything once and forks a run for each job."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="connector-crash-")
        self._process: subprocess.Popen[str] | None = None
        self._strace = shutil.which("strace")
        self.no_trace = None if self._strace else "there is no strace here"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "connector_sdk.testing.crash", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        process = self._process
        if process is not None:
            assert process.stdin is not None and process.stdout is not None
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        self._folder.cleanup()

    def run(self, job: CrashJob, crash: Crash | None = None) -> Ended:
        """Run `job`, killed at `crash` if it gets there."""
        if crash is None:
            return self._run(job, None)
        if crash.who == "inside":
            return self._run(replace(job, kill=(crash.what, crash.number)), None)
        how = ["-e", f"trace={CALLS[crash.what]}", "-e", f"inject={CALLS[crash.what]}:signal=SIGKILL:when={crash.number}"]
        return self._run(job, [*(["-f"] if crash.who == "threads" else []), *how, "-o", "/dev/null"])

    def record(self, job: CrashJob) -> Ended:
        """Run `job` under strace to its end; the result has every system call at which it could be killed.

        Sets `no_trace` to the reason when strace cannot be used here.
        """
        if self.no_trace:
            return self._run(job, None)
        log = Path(self._folder.name) / "strace.log"
        log.write_text("")
        ended = self._run(job, ["-f", "-e", f"trace={','.join(CALLS.values())}", "-o", str(log)])
        lines = re.findall(r"^(\d+) +(\w+)\(", log.read_text(errors="replace"), re.MULTILINE)
        if not lines:
            self.no_trace = "strace may not trace here"
            return ended
        counts: Counter[tuple[str, str]] = Counter((thread, _FAMILY[call]) for thread, call in lines if call in _FAMILY)
        main = str(self._last)
        most: dict[tuple[str, str], int] = {}
        for (thread, family), count in counts.items():
            who = "main" if thread == main else "threads"
            most[family, who] = max(count, most.get((family, who), 0))
        crashes = [Crash(what=f, number=n, who=who) for (f, who), count in sorted(most.items()) for n in range(1, count + 1)]
        return replace(ended, crashes=tuple(crashes))

    def _run(self, job: CrashJob, strace: list[str] | None) -> Ended:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        report = Path(self._folder.name) / "report.json"
        report.unlink(missing_ok=True)
        # The environment as it is now: simulators put their secrets there, and those never go to a file.
        here = replace(job, report=str(report), traced=strace is not None, path=tuple(sys.path), environment=dict(os.environ))
        process.stdin.write(f"{here.to_json()}\n")
        process.stdin.flush()
        self._last = self._answer(process)
        tracer = None
        if strace is not None:
            assert self._strace is not None
            tracer = subprocess.Popen(
                [self._strace, "-q", "-p", str(self._last), *strace], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        status = self._answer(process)
        if tracer is not None:
            tracer.wait(30)
        if status == -9:
            return Ended(killed=True)
        if not report.exists():
            return Ended(killed=False, error=f"it ended with status {status}")
        told = json.loads(report.read_text(encoding="utf-8"))
        points = tuple(Crash(what=point, number=n) for point in POINTS for n in range(1, told["counts"][point] + 1))
        return Ended(killed=False, error=told["error"], rows=told["rows"], crashes=points)

    def _answer(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise InternalError(f"the crash worker ended with status {process.wait()}")
        return int(line)
