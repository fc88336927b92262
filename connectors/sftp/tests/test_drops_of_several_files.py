"""Files that belong together are read together: once a marker or a manifest says that all are there, and right."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence

import pytest
from connector_sdk.contract import Batch
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.schema import Mode
from connector_sftp.manifest import Named, read_manifest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sftp.tests.conftest import LAYOUT, Place
from connectors.sftp.tests.test_reading import everything, plan

Ids = Callable[[Sequence[Batch]], list[int]]


def sha256(place: Place, *names: str) -> str:
    return "".join(f"{hashlib.sha256((place.folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


@pytest.fixture
def manifested(place: Place) -> Place:
    place.streams = {"orders": {"files": "orders-*.csv", "layout": LAYOUT, "manifest": "*.manifest"}}
    return place


@pytest.mark.parametrize("done", ["*.done", "READY_*", "go.*.ok"])
def test_a_marker_of_a_group_releases_its_files_and_no_other(place: Place, ids: Ids, done: str) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT, "done": done}}
    for name, number in (
        ("orders-1.csv", 1),
        ("orders-1-a.csv", 2),
        ("orders-1_b.csv", 3),
        ("orders-10.csv", 4),
        ("orders-2.csv", 5),
    ):
        place.drop(name, [number])
    with place.connector() as connector:
        assert plan(connector) == []
        place.write(done.replace("*", "orders-1"), "")
        assert sorted(ids(everything(connector))) == [1, 2, 3]
        place.write(done.replace("*", "orders-2"), "")
        assert sorted(ids(everything(connector, Mode.INCREMENTAL))) == [1, 2, 3, 5]


def test_a_marker_of_a_group_goes_when_the_last_of_its_files_has_gone(place: Place, ids: Ids) -> None:
    place.streams = {"orders": {"files": "orders-*.csv", "layout": LAYOUT, "done": "*.done"}}
    place.drop("orders-1-a.csv", [1])
    place.write("orders-1-b.txt", "somebody else's")
    place.write("orders-1.done", "")
    with place.connector(after="delete") as connector:
        for left in (["orders-1-b.txt", "orders-1.done"], []):
            (split,) = plan(connector, Mode.INCREMENTAL)
            batches = list(connector.read(split, None))
            connector.ack(split, batches[-1].state or {})
            assert place.names() == left
            for name in left:
                if name.endswith("txt"):
                    (place.folder / name).unlink()
                    place.drop("orders-1-c.csv", [2])


@pytest.mark.parametrize("done", ["*", "**.done", "a/*.done", ""])
def test_a_marker_that_means_nothing(local: Place, done: str) -> None:
    local.streams = {"orders": {"files": "orders-*", "done": done}}
    with pytest.raises(ConfigError, match="streams.orders.done"):
        local.connector()


def test_a_drop_counts_once_all_that_its_manifest_names_is_there(
    manifested: Place, ids: Ids, caplog: pytest.LogCaptureFixture
) -> None:
    place = manifested
    place.drop("orders-1.csv", [1])
    place.drop("orders-2.csv", [2])
    place.write("customers-1.csv", "x")
    place.drop("orders-9.csv", [9])
    with place.connector() as connector:
        assert plan(connector) == []
        place.write("one.manifest", "# the first\norders-1.csv\n\norders-2.csv\ncustomers-1.csv\norders-3.csv\n")
        with caplog.at_level(logging.WARNING):
            assert plan(connector) == []
        assert "the drop of one.manifest waits for 1 of its files, as orders-3.csv" in caplog.text
        place.drop("orders-3.csv", [3])
        assert ids(everything(connector)) == [1, 2, 3]
        assert sorted(ids(everything(connector, Mode.INCREMENTAL))) == [1, 2, 3]


def test_sizes_and_digests_are_held_to(manifested: Place, ids: Ids) -> None:
    place = manifested
    for number in (1, 2):
        place.drop(f"orders-{number}.csv", range(number * 100, number * 100 + 60_000 * (number - 1) + 1))
    good = sha256(place, "orders-1.csv", "orders-2.csv")
    size = (place.folder / "orders-1.csv").stat().st_size
    place.write("one.manifest", good)
    with place.connector() as connector:
        assert len(ids(everything(connector))) == 60_002
    for bad, what in (
        (good.replace(good[0], "e" if good[0] == "f" else "f", 1), "orders-1.csv has another sha256"),
        (
            f"{size + 1}\torders-1.csv\norders-2.csv\n",
            f"orders-1.csv has {size} bytes, and {size + 1} in the manifest one.manifest",
        ),
        ("d41d8cd98f00b204e9800998ecf8427e *orders-2.csv\n", "orders-2.csv has another md5"),
    ):
        place.write("one.manifest", bad)
        for mode in (Mode.FULL, Mode.INCREMENTAL):
            with place.connector() as connector, pytest.raises(DataError) as caught:
                everything(connector, mode)
            assert what in str(caught.value)
            assert (caught.value.code, caught.value.exit_code) == ("manifest", 4)


def test_what_is_left_of_a_drop_is_read_even_when_the_first_of_it_has_been_put_away(manifested: Place, ids: Ids) -> None:
    place = manifested
    place.streams = {"orders": {"files": "orders-*.csv", "layout": {**LAYOUT, "keys": []}, "manifest": "*.manifest"}}
    names = [f"orders-{number}.csv" for number in range(12)]
    for number, name in enumerate(names):
        place.drop(name, [number])
    place.write("one.manifest", sha256(place, *names))
    got: list[int] = []
    with place.connector(after="delete") as connector:  # four lanes: each puts away what is its own
        for split in plan(connector, Mode.INCREMENTAL):
            batches = list(connector.read(split, None))
            got += ids(batches)
            connector.ack(split, batches[-1].state or {})
    assert sorted(got) == list(range(12))
    assert place.names() == []


def test_a_file_that_came_again_is_of_the_later_drop(manifested: Place, ids: Ids) -> None:
    place = manifested
    place.drop("orders-1.csv", [1])
    place.write("day1.manifest", sha256(place, "orders-1.csv"), age=500)
    place.drop("orders-1.csv", [1, 2], age=400)
    place.drop("in/orders-2.csv", [3])
    place.streams = {"orders": {"files": "**/orders-*.csv", "layout": LAYOUT, "manifest": "*.manifest"}}
    place.write("day2.manifest", sha256(place, "orders-1.csv", "in/orders-2.csv"), age=300)
    with place.connector() as connector:
        assert sorted(ids(everything(connector))) == [1, 2, 3]


def test_archiving_takes_the_manifest_along(manifested: Place) -> None:
    place = manifested
    place.drop("orders-1.csv", [1])
    place.write("one.manifest", sha256(place, "orders-1.csv"))
    with place.connector(after="archive") as connector:
        (split,) = plan(connector)
        *_, last = connector.read(split, None)
        connector.ack(split, last.state or {})
        connector.ack(split, last.state or {})
    assert place.names() == ["archive/one.manifest", "archive/orders-1.csv"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"", "names no file"),
        (b"../orders-1.csv\n", "line 1: '../orders-1.csv' is no plain relative name"),
        (b"a.csv\n/etc/passwd\n", "line 2: '/etc/passwd' is no plain relative name"),
        (b"a.csv\na.csv\n", "line 2: 'a.csv' is named twice"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_a_manifest_that_is_none(local: Place, text: bytes, what: str) -> None:
    local.streams = {"orders": {"files": "orders-*.csv", "layout": LAYOUT, "manifest": "*.manifest"}}
    local.write("one.manifest", text)
    with local.connector() as connector, pytest.raises(DataError) as caught:
        plan(connector)
    assert what in str(caught.value)


HEX = st.sampled_from([32, 40, 64, 128]).flatmap(lambda n: st.text("0123456789abcdef", min_size=n, max_size=n))


@given(
    rows=st.lists(
        st.tuples(st.text("abcö .-_12", min_size=1, max_size=20), HEX | st.none(), st.integers(0, 1 << 40) | st.none()),
        unique_by=lambda row: row[0].strip(),
    )
)
def test_manifests_say_what_was_written(rows: list[tuple[str, str | None, int | None]]) -> None:
    rows = [(f"f{name.strip()}g", digest, size) for name, digest, size in rows]
    lines = ["\t".join(str(each) for each in (digest, size, name) if each is not None) for name, digest, size in rows]
    algorithms = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
    wanted = [
        Named(name=f"in/{name}", size=size, digest=digest, algorithm=None if digest is None else algorithms[len(digest)])
        for name, digest, size in rows
    ]
    if wanted:
        assert read_manifest("in/one.manifest", "\n".join(lines).encode()) == wanted


def test_every_way_to_write_a_line() -> None:
    digest = "a" * 64
    lines = f"a b.csv\n{digest}  b.csv\n{digest} *c.csv\nSHA256 (d e.csv) = {digest.upper()}\n12  f.csv\n2026 g.csv\n./h.csv\n"
    found = read_manifest("m", lines.encode())
    assert [each.name for each in found] == ["a b.csv", "b.csv", "c.csv", "d e.csv", "f.csv", "2026 g.csv", "h.csv"]
    assert [each.digest for each in found] == [None, digest, digest, digest, None, None, None]
    assert [each.size for each in found] == [None, None, None, None, 12, None, None]


def test_done_and_manifest_are_one_or_the_other(local: Place) -> None:
    local.streams = {"orders": {"files": "*", "done": ".done", "manifest": "*.m"}}
    with pytest.raises(ConfigError, match="give one"):
        local.connector()
