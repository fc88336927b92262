"""Files appear whole, under their names, once: whatever step the process dies at."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pyarrow as pa
import pytest
from connector_sdk.contract import Batch, Checkpoint, Load
from connector_sdk.errors import LocalResourceError, StateInvalidError
from connector_sdk.runtime.file_sink import STAGING, FileSink, Target
from connector_sdk.runtime.folder import LocalFolder
from connector_sdk.schema import Stream, WriteMode

STREAM = Stream(name="s", schema=pa.schema([("n", pa.int64())]))


class Lines:
    def __init__(self, file):
        self.file = file

    def write(self, batch):
        self.file.write("".join(f"{n}\n" for n in batch.column("n").to_pylist()).encode())

    def close(self):
        self.file.write(b"end\n")


def target(part: str):
    return lambda stream: Target(
        stream=stream.name,
        part=part,
        open=Lines,
        replaces=lambda name: fnmatch.fnmatch(name, part.replace("{part}", "*")),
    )


def rows(*numbers: int) -> list[Batch]:
    return [Batch(stream="s", data=pa.RecordBatch.from_pydict({"n": list(numbers)}, STREAM.schema), state={})]


class Died(BaseException):
    pass


class MortalFolder(LocalFolder):
    """A local folder whose process dies before its n-th change."""

    left = 10**9

    def _step(self):
        self.left -= 1
        if self.left < 0:
            raise Died

    def open_write(self, name):
        self._step()
        return super().open_write(name)

    def rename(self, old, new, *, replace=True):
        self._step()
        super().rename(old, new, replace=replace)

    def remove(self, name):
        self._step()
        super().remove(name)

    def sync(self, below=""):
        self._step()
        super().sync(below)


def visible(folder: Path) -> list[int]:
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and STAGING not in path.parts:
            *lines, last = path.read_text().splitlines()
            assert last == "end", f"{path} is not whole"
            found += map(int, lines)
    return sorted(found)


PIECES = [(1, 2), (3,), (4, 5, 6)]


def load_all(folder: LocalFolder, part: str, mode: WriteMode) -> None:
    """What the engine does: start from the sink's checkpoint, write a piece, commit it, and in the end commit `done`."""
    load = Load(id="0123456789abcdef", streams=(STREAM,), mode=mode)
    with FileSink(folder, target(part)) as sink:
        at = sink.resume(load)
        if at is not None and at.done:
            return
        begin = at.states["s"]["piece"] if at else 0
        number = at.id if at else 0
        for n in range(begin, len(PIECES)):
            receipt = sink.write(load, f"piece{n}", rows(*PIECES[n]))
            number += 1
            sink.commit(load, [receipt], Checkpoint(id=number, states={"s": {"piece": n + 1}}))
        sink.commit(load, [], Checkpoint(id=number + 1, states={"s": {"piece": len(PIECES)}}, done=True))


@pytest.mark.parametrize(("part", "mode"), [("s-{part}.txt", "append"), ("in/s-{part}.txt", "replace"), ("s.txt", "replace")])
def test_killed_at_every_step_nothing_is_lost_and_nothing_twice(tmp_path, part, mode):
    for step in range(1000):
        root = tmp_path / str(step)
        root.mkdir()
        if mode == "replace":  # what was there before stays until the new is whole
            (root / "in").mkdir()
            (root / part.replace("{part}", "old")).write_text("99\nend\n")
        folder = MortalFolder(root)
        folder.left = step
        try:
            load_all(folder, part, WriteMode(mode))
        except Died:
            before = visible(root)
            if mode == "append":
                assert len(before) == len(set(before))
            else:
                assert 99 in before or before == [1, 2, 3, 4, 5, 6]
            load_all(LocalFolder(root), part, WriteMode(mode))
            assert visible(root) == [1, 2, 3, 4, 5, 6]
            staged = [p.name for p in (root / STAGING).rglob("*") if p.is_file()]
            assert staged == ["checkpoint.json"]
        else:
            assert visible(root) == [1, 2, 3, 4, 5, 6]
            assert step > 5
            return
    raise AssertionError("never came to the end")


def test_a_repeated_commit_publishes_nothing_new(tmp_path):
    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.APPEND)
    sink = FileSink(LocalFolder(tmp_path), target("s-{part}.txt"))
    assert sink.resume(load) is None
    receipt = sink.write(load, "p", rows(1, 2))
    first = sink.commit(load, [receipt], Checkpoint(id=1))
    assert sink.commit(load, [receipt], Checkpoint(id=1)) == first
    assert visible(tmp_path) == [1, 2]


def test_one_file_is_never_written_over(tmp_path):
    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.REPLACE)
    (tmp_path / "s.txt").write_text("mine\nend\n")
    sink = FileSink(LocalFolder(tmp_path), target("s.txt"), overwrite=False)
    with pytest.raises(LocalResourceError, match="is there already") as caught:
        sink.resume(load)
    assert caught.value.exit_code == 8
    assert (tmp_path / "s.txt").read_text() == "mine\nend\n"


def test_a_file_that_came_into_the_way_meanwhile_is_not_written_over_either(tmp_path):
    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.REPLACE)
    sink = FileSink(LocalFolder(tmp_path), target("s.txt"), overwrite=False, keep=False)
    with pytest.raises(LocalResourceError), sink:
        sink.resume(load)
        receipt = sink.write(load, "p", rows(1))
        (tmp_path / "s.txt").write_text("mine\n")
        sink.commit(load, [receipt], Checkpoint(id=1, done=True))
    assert (tmp_path / "s.txt").read_text() == "mine\n"
    assert [p.name for p in tmp_path.iterdir()] == ["s.txt"]


def test_a_load_that_ends_with_its_process_leaves_only_its_files(tmp_path):
    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.REPLACE)
    with FileSink(LocalFolder(tmp_path), target("s.txt"), keep=False) as sink:
        sink.resume(load)
        sink.commit(load, [sink.write(load, "p", rows(1))], Checkpoint(id=1))
        sink.commit(load, [], Checkpoint(id=2, done=True))
    assert [p.name for p in tmp_path.iterdir()] == ["s.txt"]


def test_replace_takes_away_only_the_streams_own_files(tmp_path):
    (tmp_path / "s-old.txt").write_text("9\nend\n")
    (tmp_path / "notes.md").write_text("keep me")
    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.REPLACE)
    sink = FileSink(LocalFolder(tmp_path), target("s-{part}.txt"))
    sink.resume(load)
    sink.commit(load, [sink.write(load, "p", rows(1))], Checkpoint(id=1))
    assert (tmp_path / "s-old.txt").exists()
    sink.commit(load, [], Checkpoint(id=2, done=True))
    assert sorted(p.name for p in tmp_path.glob("*.*") if p.is_file()) == ["notes.md", "s-llllllll-000002-0.txt"]


def test_a_damaged_manifest_is_not_guessed_at(tmp_path):
    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.APPEND)
    (tmp_path / STAGING / load.id).mkdir(parents=True)
    (tmp_path / STAGING / load.id / "checkpoint.json").write_text('{"manifest": 1, "lo')
    with pytest.raises(StateInvalidError, match=r"checkpoint\.json is damaged"):
        FileSink(LocalFolder(tmp_path), target("s-{part}.txt")).resume(load)


def test_a_piece_that_fails_half_way_leaves_no_staging(tmp_path):
    def broken():
        yield from rows(1)
        raise RuntimeError("cut")

    load = Load(id="l" * 16, streams=(STREAM,), mode=WriteMode.APPEND)
    sink = FileSink(LocalFolder(tmp_path), target("s-{part}.txt"))
    sink.resume(load)
    with pytest.raises(RuntimeError):
        sink.write(load, "p", broken())
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
