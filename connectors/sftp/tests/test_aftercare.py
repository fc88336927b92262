"""What is read and committed is put away; what is not, or is not what was read, stays."""

from __future__ import annotations

from contextlib import suppress

import pytest
from connector_sdk.contract import Split, State
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.folder import LocalFolder
from connector_sdk.schema import Mode
from connector_sftp import SftpConnector

from connectors.sftp.tests.conftest import LAYOUT, Place


def read(connector: SftpConnector, mode: Mode, batches: int | None = None) -> tuple[Split, State]:
    """The one split, and the state after so many batches of it."""
    (split,) = connector.plan(list(connector.discover()), mode)
    found = list(connector.read(split, None))
    state = found[-1 if batches is None else batches - 1].state
    assert state is not None
    return split, state


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("after", ["leave", "archive", "delete"])
def test_what_is_committed_is_put_away_once(place: Place, mode: Mode, after: str) -> None:
    place.drop("orders-1.csv", [1])
    place.drop("orders-2.csv", [2])
    with place.connector(after=after) as connector:
        split, state = read(connector, mode)
        expected = {
            "leave": ["orders-1.csv", "orders-2.csv"],
            "archive": ["archive/orders-1.csv", "archive/orders-2.csv"],
            "delete": [],
        }[after]
        connector.ack(split, state)
        assert place.names() == expected
        connector.ack(split, state)
    with place.connector(after=after) as connector:
        connector.ack(split, state)
        assert place.names() == expected


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("after", ["archive", "delete"])
def test_only_files_read_to_their_end_are_put_away(place: Place, mode: Mode, after: str) -> None:
    place.drop("orders-1.csv", [1], age=900)
    place.drop("orders-2.csv", range(2, 2000), age=800)
    with place.connector(after=after, block_bytes=1024) as connector:
        split, state = read(connector, mode, batches=3)
        connector.ack(split, state)
        assert "orders-1.csv" not in place.names()
        assert "orders-2.csv" in place.names()
        connector.ack(split, state)
        assert "orders-2.csv" in place.names()


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("after", ["archive", "delete"])
def test_a_file_that_was_replaced_since_stays(place: Place, mode: Mode, after: str) -> None:
    place.drop("orders-1.csv", [1])
    with place.connector(after=after) as connector:
        split, state = read(connector, mode)
        place.drop("orders-1.csv", [2], age=10)
        connector.ack(split, state)
        assert place.names() == ["orders-1.csv"]


def test_the_archive_keeps_every_file_of_a_name(place: Place) -> None:
    with place.connector(after="archive", archive="done/here") as connector:
        for day in range(3):
            place.drop("orders-1.csv", [day], age=1000 - day)
            connector.ack(*read(connector, Mode.INCREMENTAL))
    kept = place.names()
    assert len(kept) == 3
    assert kept[0].startswith("done/here/orders-1")
    assert {(place.folder / name).read_text() for name in kept} == {f"id,text\n{n},row {n}\n" for n in range(3)}


def test_the_marker_goes_with_its_file(place: Place) -> None:
    place.streams = {"orders": {"files": "orders-*.csv", "layout": LAYOUT, "done": ".done"}}
    place.drop("orders-1.csv", [1])
    place.write("orders-1.csv.done", "")
    with place.connector(after="delete") as connector:
        connector.ack(*read(connector, Mode.FULL))
    assert place.names() == []


MARKED = {"orders": {"files": "orders-*.csv", "layout": LAYOUT, "done": ".done"}}


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("after", ["archive", "delete"])
def test_the_marker_of_a_delivery_that_replaced_what_was_read_stays(place: Place, mode: Mode, after: str) -> None:
    place.streams = dict(MARKED)
    for name, text in (("orders-1.csv", "id,text\n1,a\n"), ("orders-1.csv.done", "")):
        place.write(name, text)
    with place.connector(after=after) as connector:
        split, state = read(connector, mode)
        place.drop("orders-1.csv", [2, 3], age=10)
        connector.ack(split, state)
        assert place.names() == ["orders-1.csv", "orders-1.csv.done"]


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_a_deletion_that_was_cut_leaves_the_marker_of_a_later_delivery(local: Place, after: str) -> None:
    local.streams = dict(MARKED)
    path = local.drop("orders-1.csv", [1])
    local.write("orders-1.csv.done", "")
    with local.connector(after=after) as connector:
        split, state = read(connector, Mode.INCREMENTAL)
        path.rename(path.with_name(".orders-1.csv.read"))
        local.drop("orders-1.csv", [2, 3], age=10)
        connector.ack(split, state)
        assert {"orders-1.csv", "orders-1.csv.done"} <= set(local.names())


class StoppedError(Exception):
    """Where a test ends the work, as a kill would."""


class Ending(LocalFolder):
    """A folder in which only the first `steps` things can be done."""

    steps = 0

    def rename(self, old: str, new: str, *, replace: bool = True) -> None:
        self._step()
        super().rename(old, new, replace=replace)

    def remove(self, name: str) -> None:
        self._step()
        super().remove(name)

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise StoppedError


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("after", ["archive", "delete"])
@pytest.mark.parametrize("steps", range(6))
def test_wherever_putting_away_ends_no_marker_outlives_its_file(local: Place, mode: Mode, after: str, steps: int) -> None:
    """It would say of the next file of that name that it is complete."""
    local.streams = dict(MARKED)
    for number in (1, 2):
        local.drop(f"orders-{number}.csv", [number])
        local.write(f"orders-{number}.csv.done", "")
    with local.connector(after=after) as connector:
        split, state = read(connector, mode)
        ending = Ending(local.folder)
        ending.steps = steps
        connector._here.drops.folder = ending
        with suppress(StoppedError):
            connector.ack(split, state)
        left = local.names()
        assert all(name.removesuffix(".done") in left for name in left if name.endswith(".done"))
    with local.connector(after=after) as connector:
        connector.ack(split, state)
    assert local.names() == {"archive": ["archive/orders-1.csv", "archive/orders-2.csv"], "delete": []}[after]


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
def test_a_deletion_that_was_cut_is_finished(place: Place, mode: Mode) -> None:
    path = place.drop("orders-1.csv", [1])
    with place.connector(after="delete") as connector:
        split, state = read(connector, mode)
        path.rename(path.with_name(".orders-1.csv.read"))
        connector.ack(split, state)
    assert place.names() == []


def test_put_away_files_are_not_new_again(place: Place) -> None:
    place.drop("orders-1.csv", [1])
    with place.connector(after="archive") as connector:
        split, state = read(connector, Mode.INCREMENTAL)
        connector.ack(split, state)
        (batch,) = connector.read(split, state)
        assert batch.data.num_rows == 0


FIELD = {"name": "id", "start": 2, "length": 3, "type": "int64", "nullable": False}
RECORDS = {
    "format": "fixed_width",
    "records": [
        {"name": "head", "when": {"start": 1, "value": "H"}, "keys": ["id"], "fields": [FIELD]},
        {"name": "line", "when": {"start": 1, "value": "L"}, "keys": ["id"], "fields": [FIELD]},
    ],
}


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("after", ["archive", "delete"])
def test_a_file_that_another_stream_has_too_is_not_put_away_for_both(local: Place, mode: Mode, after: str) -> None:
    local.streams = {"orders": {"files": "orders-*.csv", "layout": LAYOUT}, "all": {"files": "*.csv", "layout": LAYOUT}}
    local.drop("orders-1.csv", [1])
    with local.connector(after=after) as connector:
        (stream,) = connector.discover(["orders"])
        (split,) = connector.plan([stream], mode)
        *_, last = connector.read(split, None)
        with pytest.raises(ConfigError, match=r"orders-1\.csv .* 'orders' .* stream 'all'") as caught:
            connector.ack(split, last.state or {})
        assert caught.value.code == "shared"
    assert local.names() == ["orders-1.csv"]


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
def test_a_file_of_which_one_type_of_records_was_read_is_not_put_away(local: Place, mode: Mode) -> None:
    local.streams = {"orders": {"files": "orders-*.txt", "layout": RECORDS}}
    local.write("orders-1.txt", "H001\nL002\n")
    with local.connector(after="delete") as connector:
        streams = list(connector.discover())
        (split,) = connector.plan(streams[1:], mode)
        *_, last = connector.read(split, None)
        with pytest.raises(ConfigError, match=r"orders-1\.txt .* stream 'orders\.head'"):
            connector.ack(split, last.state or {})
        assert local.names() == ["orders-1.txt"]
        (split,) = connector.plan(streams, mode)
        *_, last = connector.read(split, None)
        connector.ack(split, last.state or {})
    assert local.names() == []
