"""Death at every step that changes a file of the index, loss of power included: whatever was saved is gone on from exactly."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from connector_sdk.contract import State
from connector_sdk.errors import LocalResourceError
from connector_sdk.runtime.folder import Entry
from connector_sftp.ledger import ExactLedger, exact

NIGHTS = [[Entry(name=f"{night}-{n}", size=n, mtime=float(night)) for n in range(9)] for night in range(3)]


class Died(BaseException):
    """The machine went dark."""


class Machine:
    """This machine, which goes dark at its `last`-th step that changes files: what was not synced by then is lost.

    A file that was not synced is empty, and a rename whose folder was not synced has not happened. Afterwards nothing works.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, last: int | None = None) -> None:
        self.left = last
        self.steps = 0
        self.unsynced: set[str] = set()
        self.renamed: list[tuple[str, str]] = []
        for name in ("open", "rename", "unlink", "mkdir"):
            monkeypatch.setattr(Path, name, self.stepping(name, getattr(Path, name)))
        self.fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.sync)

    def step(self) -> None:
        self.steps += 1
        if self.left is None or self.steps < self.left:
            return
        if self.steps == self.left:
            for old, new in reversed(self.renamed):
                os.rename(new, old)
                self.unsynced = {old if name == new else name for name in self.unsynced}
            for name in self.unsynced:
                if os.path.exists(name):
                    os.truncate(name, 0)
        raise Died(str(self.steps))

    def stepping(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def work(path: Path, *args: Any, **more: Any) -> Any:
            if name == "open" and args[:1] == ("wb",):
                self.step()
                self.unsynced.add(str(path))
            elif name in ("rename", "unlink", "mkdir"):
                self.step()
            result = real(path, *args, **more)
            if name == "rename":
                self.renamed.append((str(path), str(args[0])))
                if str(path) in self.unsynced:
                    self.unsynced.add(str(args[0]))
            return result

        return work

    def sync(self, handle: int) -> None:
        self.step()
        self.fsync(handle)
        name = os.readlink(f"/proc/self/fd/{handle}")
        self.unsynced.discard(name)
        if os.path.isdir(name):
            self.renamed = [(old, new) for old, new in self.renamed if os.path.dirname(new) != name]


def ledger(index: Path, state: State | None) -> ExactLedger:
    return ExactLedger(state, index=index, split="s", lanes="one", compares=False)


def nights(index: Path, saved: list[tuple[State | None, int]]) -> None:
    """As a job goes: the state after each file may be saved, and some are acknowledged. `saved` outlives the process."""
    read = saved[-1][1]
    for night in range(read // 9, 3):
        known = ledger(index, saved[-1][0])
        listed = [entry for files in NIGHTS[: night + 1] for entry in files]
        for entry in known.new(listed):
            known.finish(entry)
            read += 1
            saved.append((json.loads(json.dumps(known.state())), read))
            if read % 4 == 0:
                ledger(index, saved[-1][0]).forget()
        ledger(index, saved[-1][0]).forget()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="which folder is synced is asked of /proc")
def test_death_at_any_step_loses_no_file_and_reads_none_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "RECENT", 2)
    everything = [entry for files in NIGHTS for entry in files]
    with monkeypatch.context() as patch:
        machine = Machine(patch)
        nights(tmp_path / "whole", [(None, 0)])
        steps = machine.steps
    assert steps > 60
    for last in range(1, steps + 1):
        index, saved = tmp_path / f"at {last}", [(None, 0)]
        with monkeypatch.context() as patch:
            Machine(patch, last)
            with pytest.raises(Died):
                nights(index, saved)
        state, read = saved[-1]
        known = ledger(index, state)
        assert set(known.known(everything)) == set(everything[:read]), f"died at step {last}"
        assert known.new(everything) == everything[read:]
        known.forget()
        nights(index, saved)
        known = ledger(index, saved[-1][0])
        assert known.new(everything) == []
        left = {path.name for path in index.rglob("*") if path.is_file() and path.parent.name == known.state()["history"]}
        assert left == {f"{seq:08d}-{digest}.files" for seq, digest, _, _ in known.state()["index"]}
        shutil.rmtree(index)


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "RECENT", 2)
    known = ledger(tmp_path, None)
    known.finish(NIGHTS[0][0])
    before = known.state()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LocalResourceError, match="No space left"):
            known.finish(NIGHTS[0][1])
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    known = ledger(tmp_path, before)
    known.finish(NIGHTS[0][1])
    assert known.new(NIGHTS[0]) == NIGHTS[0][2:]
