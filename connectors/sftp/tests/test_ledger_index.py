"""File drops read with an index: late, replaced, renamed and doubled files; and what is said when the index is not there."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from connector_sdk.cli import main
from connector_sdk.contract import STATE_LIMIT, Batch, Split, State
from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.folder import Entry, LocalFolder
from connector_sdk.schema import Mode
from connector_sftp import SftpConnector
from connector_sftp.ledger import exact
from connector_sftp.planning import in_lane

from connectors.sftp.tests.conftest import LAYOUT, Place

Ids = Callable[[Sequence[Batch]], list[int]]
UNKEYED = {"orders": {"files": "orders-*.csv", "layout": {**LAYOUT, "keys": []}}}


class Reader:
    """Reads what is new, again and again, as a job does: each time with a new connector, from states that went through JSON."""

    def __init__(self, place: Place, ids: Ids, index: Path, **more: Any) -> None:
        self.place, self.ids, self.more = place, ids, {"index": str(index), **more}
        self.states: dict[str, State] = {}

    def read(self, *, ack: bool = True) -> list[int]:
        found: list[int] = []
        with self.place.connector(**self.more) as connector:
            for split in self.splits(connector):
                batches = list(connector.read(split, self.states.get(split.id)))
                assert batches[-1].state is not None
                self.states[split.id] = json.loads(json.dumps(batches[-1].state))
                found += self.ids(batches)
                if ack:
                    connector.ack(split, self.states[split.id])
        return sorted(found)

    def splits(self, connector: SftpConnector) -> list[Split]:
        return list(connector.plan(list(connector.discover()), Mode.INCREMENTAL))


@pytest.fixture(params=["keyed", "unkeyed"])
def reader(request: pytest.FixtureRequest, place: Place, ids: Ids, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    if request.param == "unkeyed":
        place.streams = dict(UNKEYED)
    return Reader(place, ids, tmp_path_factory.mktemp("index"))


def test_late_replaced_renamed_and_touched_files(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    place = reader.place
    for day in range(5):
        place.drop(f"orders-{day}.csv", range(day * 10, day * 10 + 10), age=1000 - day)
    assert reader.read() == list(range(50))
    assert reader.read() == []
    place.drop("orders-late.csv", [100], age=10**8)
    place.drop("orders-1.csv", [10, 101], age=50)
    place.drop("orders-again.csv", range(20, 30), age=20)  # orders-2 under another name
    place.drop("orders-3.csv", range(30, 40), age=10)  # the same once more
    assert reader.read() == [10, 100, 101]
    assert "'orders-again.csv' is not read again: a file that was read has its content" in caplog.text
    assert "'orders-3.csv' is not read again" in caplog.text
    (place.folder / "orders-4.csv").rename(place.folder / "orders-moved.csv")
    assert reader.read() == []
    place.drop("orders-1.csv", range(10, 20), age=5)  # what it was at first, in place of what came after
    keyed = place.streams["orders"]["layout"]["keys"]
    assert reader.read() == (list(range(10, 20)) if keyed else []), "rows with keys count again; others were there already"


def test_two_new_files_of_one_content_are_one(reader: Reader) -> None:
    for name in "abc":
        reader.place.drop(f"orders-{name}.csv", range(500))
    assert reader.read() == list(range(500))
    reader.place.drop("orders-d.csv", range(500), age=1)
    assert reader.read() == []


def test_duplicates_may_be_read(place: Place, ids: Ids, tmp_path_factory: pytest.TempPathFactory) -> None:
    reader = Reader(place, ids, tmp_path_factory.mktemp("index"), duplicates="read")
    place.drop("orders-a.csv", [1])
    place.drop("orders-b.csv", [1])
    assert reader.read() == [1, 1]
    assert reader.read() == []


def test_copies_are_put_away_like_what_they_are_copies_of(reader: Reader) -> None:
    reader.more["after"] = "delete"
    reader.place.drop("orders-a.csv", [1], age=900)
    reader.place.drop("orders-b.csv", [1], age=800)
    assert reader.read() == [1]
    assert reader.place.names() == []
    reader.place.drop("orders-c.csv", [1], age=700)
    assert reader.read() == []
    assert reader.place.names() == []


def test_a_file_that_was_read_in_two_parts_has_its_fingerprint(place: Place, ids: Ids, tmp_path_factory: Any) -> None:
    reader = Reader(place, ids, tmp_path_factory.mktemp("index"), block_bytes=1024)
    place.drop("orders-a.csv", range(2000))
    with place.connector(**reader.more) as connector:
        (split,) = reader.splits(connector)
        batches = connector.read(split, None)
        first = [next(iter(batches)) for _ in range(3)]
    assert first[-1].state is not None
    reader.states[split.id] = first[-1].state
    assert ids(first) + reader.read() == list(range(2000))
    place.drop("orders-b.csv", range(2000), age=1)
    assert reader.read() == []


def test_a_compressed_copy_is_a_copy_of_the_compressed_file(place: Place, ids: Ids, tmp_path_factory: Any) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    reader = Reader(place, ids, tmp_path_factory.mktemp("index"))
    data = gzip.compress(b"id,text\n" + b"".join(b"%d,row\n" % n for n in range(5000)), mtime=0)
    place.write("orders-a.csv.gz", data)
    assert reader.read() == list(range(5000))
    place.write("orders-b.csv.gz", data, age=10)
    assert reader.read() == []


def test_with_an_index_a_job_goes_on_from_where_it_was_without(place: Place, ids: Ids, tmp_path_factory: Any) -> None:
    reader = Reader(place, ids, tmp_path_factory.mktemp("index"))
    index = reader.more.pop("index")
    place.drop("orders-1.csv", [1])
    assert reader.read() == [1]
    reader.more["index"] = index
    place.drop("orders-0.csv", [2], age=9000)
    assert reader.read() == [2]
    assert reader.read() == []
    del reader.more["index"]
    with pytest.raises(StateInvalidError, match="there is no `index` in the configuration") as caught:
        reader.read()
    assert caught.value.exit_code == 6


def test_lanes_told_by_another_rule_are_not_mixed(local: Place, ids: Ids, tmp_path: Path) -> None:
    local.streams = dict(UNKEYED)
    reader = Reader(local, ids, tmp_path / "index")
    index = reader.more.pop("index")
    for number in range(8):
        local.drop(f"orders-{number}.csv", range(number * 10, number * 11))
    everything = reader.read()
    reader.more["index"] = index
    with pytest.raises(StateInvalidError, match="other settings"):
        reader.read()
    reader.more["duplicates"] = "read"
    local.drop("orders-late.csv", [1000], age=99999)
    assert reader.read() == [1000]
    assert len(everything) == sum(range(8))


# -- many files ----------------------------------------------------------------------------------------------------------------


class Told(LocalFolder):
    """A folder that tells of `count` files, one at a time, but for those that it really has."""

    def __init__(self, root: Path, count: int) -> None:
        super().__init__(root)
        self.count = count

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        real = {entry.name: entry for entry in super().list(below, depth=depth)}
        for number in range(self.count):
            name = f"orders-{number:07}.csv"
            if name not in real:
                yield Entry(name=name, size=number % 977, mtime=float(number))
        yield from real.values()


@pytest.mark.parametrize("keys", [["id"], pytest.param([], marks=pytest.mark.slow)], ids=["keyed", "unkeyed"])
def test_of_fifty_thousand_files_in_a_lane_only_the_new_ones_are_read(tmp_path: Path, ids: Ids, keys: list[str]) -> None:
    folder, count = tmp_path / "folder", 50_000 if keys else 200_000
    folder.mkdir()
    place = Place(folder, {"folder": str(folder), "index": str(tmp_path / "index")})
    place.streams = {"orders": {"files": "orders-*.csv", "layout": {**LAYOUT, "keys": keys}}}
    fake = Told(folder, count)
    with place.connector() as connector:
        opened: Any = connector._opened
        opened.drops.folder = fake
        (stream,) = connector.discover()
        splits = connector.plan([stream], Mode.INCREMENTAL)
        states: dict[str, State] = {}
        for split in splits:  # as if they had been read
            known = exact.ExactLedger(
                None, index=tmp_path / "index", split=split.id, lanes="one" if keys else "size", compares=True
            )
            for entry in in_lane(split, fake.list()):
                known.finish(entry)
            states[split.id] = known.state()
        place.drop("orders-late.csv", [1, 2], age=10**9)
        place.drop("orders-0000007.csv", [3], age=10)
        found: list[int] = []
        for split in splits:
            batches = list(connector.read(split, states[split.id]))
            found += ids(batches)
            assert batches[-1].state is not None
            assert len(json.dumps(batches[-1].state)) <= STATE_LIMIT
            connector.ack(split, batches[-1].state)
            assert ids(list(connector.read(split, batches[-1].state))) == []
        assert sorted(found) == [1, 2, 3]


# -- through the command line --------------------------------------------------------------------------------------------------


def run() -> Any:
    arguments = ["read", "sftp", "-c", "c.json", "-s", "orders", "--mode", "incremental", "--state", "s.json", "-o", "out/"]
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("harm", ["missing", "damaged", "gone", "no index"])
def test_an_index_that_is_not_what_it_was_is_exit_6_and_one_line(
    local: Place, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    work = tmp_path_factory.mktemp("work")
    monkeypatch.chdir(work)
    monkeypatch.setattr(exact, "RECENT", 2)
    config = {"folder": str(local.folder), "settle": 0, "index": "index", "streams": local.streams}
    Path("c.json").write_text(json.dumps(config))
    for number in range(3):
        local.drop(f"orders-{number}.csv", [number], age=1000 - number)
    result = run()
    assert result.exit_code == 0, result.output
    (path,) = Path("index/file-ledgers").rglob("*.files")
    match harm:
        case "missing":
            path.unlink()
        case "damaged":
            path.write_bytes(path.read_bytes()[:-1] + b"x")
        case "gone":
            shutil.rmtree("index")
        case _:
            Path("c.json").write_text(json.dumps({k: v for k, v in config.items() if k != "index"}))
    result = run()
    assert result.exit_code == 6
    said = [line for line in result.stderr.splitlines() if line.startswith("error")]
    assert len(said) == 1, result.stderr
    assert ("there is no `index`" if harm == "no index" else path.name) in said[0]
    assert "Traceback" not in result.output
