"""What is still being written is left alone, and so is what is nobody's data."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from connector_sdk.contract import Batch
from connector_sdk.runtime.folder import Entry
from connector_sdk.schema import Mode
from connector_sftp import drops
from connector_sftp.listing import DAY, Settling

from connectors.sftp.tests.conftest import LAYOUT, Place


def planned(place: Place, **more: object) -> list[str]:
    with place.connector(**more) as connector:
        splits = connector.plan(list(connector.discover()), Mode.FULL)
        return [file[0] for split in splits for file in split.spec["files"]]


def test_hidden_unfinished_archived_and_staged_names_are_skipped(place: Place) -> None:
    place.streams = {"orders": {"files": "**/orders-*", "layout": LAYOUT}}
    for name in (
        "orders-1.csv",
        "in/orders-2.csv",
        ".orders-3.csv",
        "in/.hidden/orders-4.csv",
        ".connector/load/orders-5.csv",
        "orders-6.csv.part",
        "orders-7.csv.tmp",
        "orders-8.csv.filepart",
        "archive/orders-9.csv",
    ):
        place.drop(name, [1])
    assert planned(place) == ["in/orders-2.csv", "orders-1.csv"]


def test_a_pattern_may_ask_for_an_ending_of_its_own(place: Place) -> None:
    place.streams = {"orders": {"files": "*.tmp", "layout": LAYOUT}}
    place.drop("a.tmp", [1])
    assert planned(place) == ["a.tmp"]


@pytest.mark.skipif(os.sep == "\\", reason="names of another kind")
def test_a_local_name_that_is_no_plain_name_is_skipped(local: Place) -> None:
    local.drop("orders-good.csv", [1])
    local.drop("orders-\\evil.csv", [1])
    local.drop("orders-\n.csv", [1])
    assert planned(local) == ["orders-good.csv"]


def test_a_marker_says_that_a_file_is_complete(place: Place) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT, "done": ".done"}}
    place.drop("orders-1.csv", [1], age=0)
    place.drop("orders-2.csv", [2], age=0)
    place.write("orders-2.csv.done", "")
    assert planned(place, settle=60) == ["orders-2.csv"]


def test_a_file_that_grows_is_left_for_the_next_run(place: Place, ids: Callable[[Sequence[Batch]], list[int]]) -> None:
    place.drop("orders-1.csv", [1])
    growing = place.drop("orders-2.csv", [2], age=0)
    begun, stop = threading.Event(), threading.Event()

    def grow() -> None:
        while True:
            with growing.open("a") as file:
                file.write("3,more\n")
            begun.set()
            if stop.wait(0.05):
                return

    thread = threading.Thread(target=grow)
    thread.start()
    assert begun.wait(10)
    try:
        with place.connector(settle=0.5) as connector:
            (split,) = connector.plan(list(connector.discover()), Mode.INCREMENTAL)
            first = list(connector.read(split, None))
            assert ids(first) == [1]
    finally:
        stop.set()
        thread.join()
    with place.connector(settle=0.5) as connector:
        assert ids(list(connector.read(split, first[-1].state)))[:2] == [2, 3]


def entry(name: str, age: float, size: int = 1) -> Entry:
    return Entry(name=name, size=size, mtime=time.time() - age)


def test_old_files_are_not_waited_for() -> None:
    def again() -> list[Entry]:
        raise AssertionError

    assert Settling(60, own_clock=True).settled([entry("a", 61)], again)
    assert Settling(60, own_clock=False).settled([entry("a", DAY + 1)], again)
    assert Settling(0, own_clock=False).settled([entry("a", 0)], again)


@pytest.mark.parametrize("age", [1.0, 3600 * 5, -3600 * 5])
def test_on_a_server_whose_clock_is_off_young_files_are_looked_at_twice(age: float) -> None:
    quiet, growing, gone = entry("a", age), entry("b", age), entry("c", age)
    settling = Settling(0.1, own_clock=False)
    started = time.monotonic()
    later = [quiet, Entry(name="b", size=2, mtime=growing.mtime)]
    assert settling.settled([quiet, growing, gone], lambda: later) == [quiet]
    assert time.monotonic() - started >= 0.1


def test_an_earlier_look_counts() -> None:
    settling = Settling(0.2, own_clock=False)
    young = entry("a", 1)
    settling.look([young])
    time.sleep(0.25)  # that this much time has passed is what the test is about
    started = time.monotonic()
    assert settling.settled([young], lambda: [young]) == [young]
    assert time.monotonic() - started < 0.1


def test_only_the_folder_of_the_pattern_is_listed(local: Place, tmp_path: Path) -> None:
    local.streams = {"orders": {"files": "in/orders-*.csv", "layout": LAYOUT}}
    local.drop("in/orders-1.csv", [1])
    closed = tmp_path / "elsewhere"
    closed.mkdir(mode=0)
    (tmp_path / "in" / "deeper").mkdir(mode=0)
    assert planned(local) == ["in/orders-1.csv"]


@pytest.mark.parametrize("empty", [0, 3, 4])
def test_of_many_files_the_first_that_has_rows_shows_the_layout(
    local: Place, monkeypatch: pytest.MonkeyPatch, empty: int
) -> None:
    monkeypatch.setattr(drops, "FIRST", 3)
    local.streams = {"orders": "orders-*.csv"}
    for number in range(6):
        local.write(f"orders-{number}.csv", "" if number < empty else f"id,field_{number}\n1,2\n")
    with local.connector() as connector:
        (stream,) = connector.discover()
        assert stream.schema.names == ["id", f"field_{empty}"]
