"""Death at every step of a night, loss of power included, and files that were damaged since: nothing wrong is ever told."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from connector_sdk.errors import LocalResourceError, StateInvalidError
from connector_sdk.runtime.folder import local_error
from connector_sdk.testing.comparison import Replica

from .drops import SCHEMA, Drops, Follower
from .scripted import Died

GOODS = {n: (f"n{n}", n) for n in range(12)}


class Machine:
    """This machine, which goes dark at its `last`-th step that changes files: what was not synced by then is lost.

    A file that was not synced is empty, and a rename whose folder was not synced has not happened. Afterwards nothing works.
    """

    def __init__(self, monkeypatch, last: int | None = None) -> None:
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
        if self.left is not None and self.steps >= self.left:
            if self.steps == self.left:
                for old, new in reversed(self.renamed):
                    os.rename(new, old)
                    self.unsynced = {old if name == new else name for name in self.unsynced}
                for name in self.unsynced:
                    if os.path.exists(name):
                        os.truncate(name, 0)
            raise Died(str(self.steps))

    def stepping(self, name, real):
        def work(path, *args, **more):
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

    def sync(self, handle):
        self.step()
        self.fsync(handle)
        name = os.readlink(f"/proc/self/fd/{handle}")
        self.unsynced.discard(name)
        if os.path.isdir(name):
            self.renamed = [(old, new) for old, new in self.renamed if os.path.dirname(new) != name]


def nights(follower: Follower, taken: list) -> None:
    """Three nights, as a job has them: a state is kept before it is acknowledged. `taken` outlives the process."""
    for night in range(3):
        follower.source.rows = evolved(night)
        for batch in follower.diff.read(follower.split, taken[-1][0] if taken else None):
            replica = Replica(SCHEMA, ("id",))
            replica._rows = dict(taken[-1][1]) if taken else {}
            replica.apply([batch.data])
            taken.append((batch.state, replica._rows))
        follower.diff.ack(follower.split, taken[-1][0])


def evolved(night: int) -> dict:
    rows = dict(GOODS)
    for key in range(night):
        del rows[key]
        rows[5 + key] = ("changed", night)
        rows[100 + night] = ("new", None)
    return rows


def finish(index: Path, taken: list, before: bool) -> None:
    """Go on after the death, as the next process would."""
    goods = Drops(evolved(2))
    follower = Follower(goods, index, before=before)
    state, rows = taken[-1] if taken else (None, {})
    follower.replica._rows = dict(rows)
    follower.state = state
    for _ in range(2):
        follower.follow()
        assert follower.held == goods.rows
        follower.ack()
    assert not [path for path in index.rglob("*") if path.name.startswith(".new")]
    names = sorted(path.suffix for path in index.rglob("*") if path.is_file() and path.name != "lock")
    if state is not None:  # else there is a second history beside the one that was given up
        assert names == [".acks", ".hashes", ".json", ".lookup", ".rows"]


@pytest.mark.parametrize("before", [False, True])
def test_death_at_any_step_loses_nothing_and_tells_nothing_twice(tmp_path, monkeypatch, before):
    with monkeypatch.context() as patch:
        machine = Machine(patch)
        nights(Follower(Drops(), tmp_path / "whole", before=before), [])
        steps = machine.steps
    assert steps > 60
    for last in range(1, steps + 1):
        index, taken = tmp_path / f"at {last}", []
        follower = Follower(Drops(), index, before=before)
        with monkeypatch.context() as patch:
            Machine(patch, last)
            with pytest.raises(Died):
                nights(follower, taken)
        finish(index, taken, before)
        shutil.rmtree(index)


@pytest.mark.parametrize("before", [False, True])
def test_every_state_of_a_night_that_died_gives_the_same_changes(tmp_path, monkeypatch, before):
    """Nothing is acknowledged here: each state that was ever emitted leads to what is there now."""
    with monkeypatch.context() as patch:
        machine = Machine(patch)
        Follower(Drops(GOODS), tmp_path / "whole", before=before).follow()
        steps = machine.steps
    for last in range(1, steps + 1):
        goods = Drops(GOODS)
        follower = Follower(goods, tmp_path / f"at {last}", before=before)
        follower.follow()
        seen = list(follower.seen)
        goods.rows = evolved(2)
        with monkeypatch.context() as patch:
            Machine(patch, last)
            with suppress(Died):
                for batch in follower.diff.read(follower.split, follower.state):
                    seen.append(batch)  # noqa: PERF402 - what came before the death counts
        for place, batch in enumerate(seen):
            again = Follower(goods, follower.diff.index, before=before)
            again.replica.apply(b.data for b in seen[: place + 1])
            again.state = batch.state
            again.follow()
            assert again.held == goods.rows


def test_a_full_disk_is_told_and_leaves_everything_as_it_was(tmp_path, monkeypatch):
    goods = Drops(GOODS)
    follower = Follower(goods, tmp_path)
    follower.follow()
    goods.rows[0] = ("changed", 0)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(LocalResourceError, match="No space left"):
            follower.follow()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert [row["id"] for row in follower.follow()] == [0]
    assert isinstance(local_error(OSError(28, "x"), "p"), LocalResourceError)


# -- files that are not what they were -------------------------------------------------------------------------------------


def files_of(index: Path) -> list[Path]:
    return sorted(path for path in index.rglob("*") if path.is_file() and path.name != "lock")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [Path.unlink, cut, flip], ids=["missing", "cut", "flipped"])
def test_a_file_that_a_state_needs_is_named_when_it_is_missing_or_damaged(tmp_path, harm):
    goods = Drops(GOODS)
    follower = Follower(goods, tmp_path / "index")
    follower.follow()
    start = follower.state
    follower.ack()
    goods.rows = evolved(2)
    follower.follow()
    goods.rows = evolved(1)
    checked = 0
    for path in files_of(tmp_path / "index"):
        if not path.stat().st_size or path.suffix == ".acks":
            continue
        copy = tmp_path / "copy"
        shutil.copytree(tmp_path / "index", copy)
        harm(copy / path.relative_to(tmp_path / "index"))
        other = Follower(goods, copy)
        old_index = path.name.startswith("00000001") and path.suffix in (".lookup", ".hashes", ".rows")
        never_told = path.name == "00000002.json" and harm is Path.unlink  # no state names it: it is as if it had not been
        if not old_index and not never_told:
            with pytest.raises(StateInvalidError, match=path.name) as caught:
                other.read(start)
            assert caught.value.code in ("index_missing", "index_damaged")
            assert caught.value.exit_code == 6
            checked += 1
        else:
            other.read(start)
        shutil.rmtree(copy)
    assert checked >= 6


def test_an_index_that_is_gone_is_an_invalid_state_and_not_a_new_start(tmp_path):
    follower = Follower(Drops(GOODS), tmp_path / "index")
    follower.follow()
    shutil.rmtree(tmp_path / "index")
    with pytest.raises(StateInvalidError, match=r"00000001\.json is missing"):
        follower.follow()


def test_an_index_of_another_time_is_not_taken_for_the_right_one(tmp_path):
    goods = Drops(GOODS)
    follower = Follower(goods, tmp_path / "index")
    follower.follow()
    shutil.copytree(tmp_path / "index", tmp_path / "backup")
    goods.rows = evolved(1)
    follower.follow()
    shutil.rmtree(tmp_path / "index")
    shutil.copytree(tmp_path / "backup", tmp_path / "index")
    restored = Follower(goods, tmp_path / "index")
    restored.state = follower.seen[1].state
    goods.rows = evolved(2)
    restored.follow()  # another generation 2
    with pytest.raises(StateInvalidError, match="is not the generation that the state names"):
        follower.follow()
