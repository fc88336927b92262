"""Keyed drops that are each the whole stream: the latest by name is read, its keys may be given in the configuration."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from connector_sdk.errors import ConfigError, TransientError
from connector_sdk.runtime.folder import Entry, LocalFolder
from connector_sdk.schema import Mode, Stream
from connector_sftp import drops
from connector_sftp.latest import last_of, latest, superseded
from connector_sftp.planning import planned_files

from connectors.sftp.tests.conftest import LAYOUT, Place

LATEST = {"orders": {"files": "orders-*.csv", "layout": LAYOUT, "takes": "latest"}}


def entry(name: str, mtime: float = 0.0) -> Entry:
    return Entry(name=name, size=1, mtime=mtime)


def ids_of(place: Place, **more: Any) -> list[int]:
    with place.connector(**more) as connector:
        streams = list(connector.discover())
        splits = connector.plan(streams, Mode.FULL)
        return [i for s in splits for batch in connector.read(s, None) for i in batch.data.column("id").to_pylist()]


def test_the_latest_is_the_last_by_name_and_numbers_are_numbers() -> None:
    names = ["2026-9.csv", "2026-10.csv", "2025-12.csv"]
    assert latest([entry(name) for name in names], "orders", "there").name == "2026-10.csv"
    left = superseded([entry(name) for name in names], entry("2026-9.csv"))
    assert [each.name for each in left] == ["2025-12.csv"]


@pytest.mark.parametrize("layout", [LAYOUT, None], ids=["declared", "inferred"])
def test_a_newer_one_that_sorts_before_is_told_once(local: Place, layout: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Although the layout may come from the latest drop, too, and a plan is made for each stream and each try."""
    local.streams = {"orders": {"files": "orders-*.csv", "takes": "latest", "layout": layout}}
    local.drop("orders-2.csv", [2], age=2000)
    local.drop("orders-1.csv", [1])
    told = "orders-2.csv is read, the last by name, though orders-1.csv is newer"
    with local.connector() as connector:
        for _ in range(2):
            streams = list(connector.discover())
            assert [planned_files(split)[0].name for split in connector.plan(streams, Mode.FULL)] == ["orders-2.csv"]
    assert caplog.text.count(told) == 1


def test_the_last_of_many_are_found_one_at_a_time() -> None:
    names = [f"d-{number}.csv" for number in range(50)]
    random.Random(1).shuffle(names)
    old = entry("d-3.csv", 9.0)
    found = last_of((old if name == old.name else entry(name) for name in names), 5)
    assert [each.name for each in found] == [*(f"d-{number}.csv" for number in range(49, 44, -1)), "d-3.csv"]
    assert last_of([entry("d-1.csv")], 5) == [entry("d-1.csv")]


class Growing(LocalFolder):
    """The files from ``orders-3.csv`` on are larger whenever they are looked at."""

    looks = 0

    def list(self, below: str = "", *, depth: int | None = None) -> Iterator[Entry]:
        self.looks += 1
        for found in super().list(below, depth=depth):
            yield replace(found, size=found.size + self.looks) if found.name >= "orders-3.csv" else found


def test_where_the_last_are_still_being_written_an_earlier_one_counts(local: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drops, "LAST", 3)
    local.streams = dict(LATEST)
    local.drop("orders-0.csv", [0], age=1)  # has settled, and is not the last that has
    for number in range(1, 6):
        local.drop(f"orders-{number}.csv", [number], age=-1000 if number >= 3 else 1000)
    with local.connector(settle=0.05) as connector:
        connector._here.drops.folder = Growing(local.folder)
        (stream,) = connector.discover()
        (split,) = connector.plan([stream], Mode.FULL)
        assert [each.name for each in planned_files(split)] == ["orders-2.csv"]


def test_a_full_read_is_the_latest_drop(place: Place) -> None:
    place.streams = dict(LATEST)
    place.drop("orders-20260101.csv", [1, 2, 3])
    place.drop("orders-20260102.csv", [2, 3, 4], age=2000)  # older by its time, later by name
    assert ids_of(place) == [2, 3, 4]
    with place.connector() as connector:
        (stream,) = connector.discover()
        assert stream.reads == {Mode.FULL} and not stream.writes and not stream.repeats
        with pytest.raises(ConfigError, match="offers no incremental reads"):
            connector.plan([stream], Mode.INCREMENTAL)


def test_no_drop_is_not_an_empty_one(place: Place) -> None:
    place.streams = dict(LATEST)
    with pytest.raises(TransientError, match="there is no drop of stream 'orders'") as caught:
        ids_of(place)
    assert caught.value.code == "no_drop"
    place.drop("orders-20260101.csv", [])
    assert ids_of(place) == []


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_the_drop_that_was_read_stays_until_a_later_one_is(place: Place, after: str) -> None:
    """Or an old one that comes late would be the latest."""
    place.streams = dict(LATEST)
    for day in (1, 2):
        place.drop(f"orders-{day}.csv", [day])
    with place.connector(after=after) as connector:
        (stream,) = connector.discover()

        def read_and_ack() -> list[int]:
            (split,) = connector.plan([stream], Mode.FULL)
            batches = list(connector.read(split, None))
            assert batches[-1].state is not None
            connector.ack(split, batches[-1].state)
            return [i for batch in batches for i in batch.data.column("id").to_pylist()]

        kept = [] if after == "delete" else ["archive/orders-1.csv"]
        assert read_and_ack() == [2]
        assert place.names() == [*kept, "orders-2.csv"]
        place.drop("orders-0.csv", [0])
        assert read_and_ack() == [2]
        assert place.names() == [*(["archive/orders-0.csv"] if kept else []), *kept, "orders-2.csv"]
        place.drop("orders-10.csv", [10])
        assert read_and_ack() == [10]
        assert "orders-2.csv" not in place.names()


def keys_of(place: Place, **stream: Any) -> Stream:
    place.streams = {"orders": {"files": "orders-*.csv", **stream}}
    with place.connector() as connector:
        (found,) = connector.discover()
    return found


def test_keys_are_given_in_the_configuration(local: Place) -> None:
    local.drop("orders-1.csv", [1, 2])
    assert keys_of(local, layout=LAYOUT, keys=["text"]).keys == ("text",)
    assert keys_of(local, layout={"fields": LAYOUT["fields"]}, keys=["id", "text"]).keys == ("id", "text")
    assert keys_of(local, keys=["id"]).keys == ("id",)  # of an inferred layout
    fixed = {"format": "fixed_width", "fields": [{"name": "a", "length": 2, "start": 1, "type": "string"}]}
    assert keys_of(local, layout=fixed, keys=["a"]).keys == ("a",)
    trailer = {
        "name": "end",
        "role": "trailer",
        "when": {"start": 1, "value": "T"},
        "fields": [{**fixed["fields"][0], "name": "t"}],
    }
    records = {"format": "fixed_width", "records": [{"name": "row", "fields": fixed["fields"]}, trailer]}
    assert keys_of(local, layout=records, keys=["a"]).keys == ("a",)


@pytest.mark.parametrize("layout", [LAYOUT, None], ids=["declared", "inferred"])
def test_a_key_that_is_no_field_is_named(local: Place, layout: Any) -> None:
    local.drop("orders-1.csv", [1, 2])
    with pytest.raises(ConfigError, match=r"streams\.orders\.keys: the layout has no field 'nr', 'day'") as caught:
        keys_of(local, layout=layout, keys=["nr", "id", "day"])
    assert "id, text" in str(caught.value)


def test_keys_of_several_types_of_rows_are_theirs(local: Place) -> None:
    field = {"name": "a", "length": 2, "start": 1, "type": "string"}
    records = [{"name": name, "when": {"start": 1, "value": name}, "fields": [field]} for name in "XY"]
    with pytest.raises(ConfigError, match="2 types of rows"):
        keys_of(local, layout={"format": "fixed_width", "records": records}, keys=["a"])
    with pytest.raises(ConfigError, match="named twice"):
        keys_of(local, layout=LAYOUT, keys=["id", "id"])
