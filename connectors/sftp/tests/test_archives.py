"""Members of archives are files like any other: every row once, from any state, however the archive is made."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import random
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence

import pytest
from connector_sdk.contract import Batch, State
from connector_sdk.errors import ConfigError, DataError
from connector_sdk.rejects import reject_batch, rejects_of
from connector_sdk.schema import Mode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sftp.tests.conftest import LAYOUT, Place
from connectors.sftp.tests.test_reading import everything, plan, stream_of

Ids = Callable[[Sequence[Batch]], list[int]]
Pack = Callable[[Mapping[str, bytes]], bytes]


def rows(ids: Sequence[int]) -> bytes:
    return b"id,text\n" + b"".join(b"%d,row %d\n" % (i, i) for i in ids)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


ARCHIVES: dict[str, Pack] = {
    "zip": zipped,
    "tar": tarred,
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.zst": lambda files: zstd(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
}
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "zst": zstd, "xz": lzma.compress}


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
@pytest.mark.parametrize("kind", ARCHIVES)
def test_from_any_state_until_any_later_one(place: Place, ids: Ids, kind: str, mode: Mode) -> None:
    place.streams = {"orders": {"files": "drop-*", "layout": LAYOUT, "members": "orders*.csv"}}
    place.write(
        f"drop-0.{kind}",
        ARCHIVES[kind](
            {
                "orders-a.csv": rows(range(300)),
                "readme.txt": b"not data " * 400,
                "in/orders-b.csv": rows([]),
                "orders-c.csv": rows(range(300, 301)),
                "empty/orders-d.csv": b"",
                "orders-e.csv": rows(range(301, 700)),
            }
        ),
    )
    place.write(f"drop-1.{kind}", ARCHIVES[kind]({"orders.csv": rows(range(700, 710))}))
    with place.connector(block_bytes=1024) as connector:
        (split,) = plan(connector, mode)
        batches = list(connector.read(split, None))
        assert ids(batches) == list(range(710))
        states: list[State | None] = [None, *(batch.state for batch in batches)]
        assert len(states) > 10
        chosen = random.Random(kind).sample(range(len(states)), 5)
        for start in chosen:
            assert ids(list(connector.read(split, states[start]))) == ids(batches[start:])
            for end in (end for end in chosen if end > start):
                got = list(connector.read(split, states[start], states[end]))
                assert ids(got) == ids(batches[start:end])
                assert got[-1].state == states[end]


@pytest.mark.parametrize("kind", COMPRESSED)
def test_compressed_files_are_read_and_resumed_like_plain_ones(place: Place, ids: Ids, kind: str) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    place.write(f"orders-0.csv.{kind}", COMPRESSED[kind](rows(range(500))))
    with place.connector(block_bytes=1024) as connector:
        (split,) = plan(connector)
        batches = list(connector.read(split, None))
        assert ids(batches) == list(range(500))
        for number in (0, len(batches) // 2):
            assert ids(list(connector.read(split, batches[number].state))) == ids(batches[number + 1 :])


@given(cuts=st.lists(st.integers(0, 60), max_size=5), kind=st.sampled_from(sorted(ARCHIVES)), block=st.integers(16, 400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_rows_are_cut_into_members_they_read_back(local: Place, ids: Ids, cuts: list[int], kind: str, block: int) -> None:
    edges = [0, *sorted(cuts), 60]
    members = {f"{n:02}.csv": rows(range(start, end)) for n, (start, end) in enumerate(itertools.pairwise(edges))}
    local.streams = {"orders": {"files": "drop.*", "layout": LAYOUT}}
    for old in local.folder.iterdir():
        old.unlink()
    local.write(f"drop.{kind}", ARCHIVES[kind](members))
    with local.connector(block_bytes=block) as connector:
        (split,) = plan(connector)
        batches = list(connector.read(split, None))
        assert ids(batches) == list(range(60))
        for number in range(0, len(batches), 3):
            assert ids(list(connector.read(split, batches[number].state))) == ids(batches[number + 1 :])


def test_a_reject_says_which_member_and_is_replayed_from_it(place: Place) -> None:
    place.streams = {"orders": {"files": "drop.*", "layout": LAYOUT}}
    long = b"x" * 90_000
    place.write("drop.zip", zipped({"a.csv": rows(range(9)), "in/b!c.csv": b"id,text\n10,fine\n11," + long + b"\nten,bad\n"}))
    with place.connector(max_record_bytes=40_000) as connector:
        found = [reject for batch in everything(connector) if batch.rejects is not None for reject in rejects_of(batch.rejects)]
        assert [(r.place, r.line, r.offset) for r in found] == [
            ("drop.zip!in/b!c.csv", 3, 16),
            ("drop.zip!in/b!c.csv", 4, 90_020),
        ]
    with place.connector() as connector:
        (replayed,) = connector.replay(stream_of(connector), reject_batch(found[:1]))
        assert replayed.data.to_pylist() == [{"id": 11, "text": long.decode()}]


def test_one_archive_may_hold_several_streams(place: Place, ids: Ids) -> None:
    shared = {"files": "drop-*.zip", "layout": LAYOUT}
    place.streams = {"orders": {**shared, "members": "orders*.csv"}, "customers": {**shared, "members": "in/**/c*.csv"}}
    place.write("drop-1.zip", zipped({"orders.csv": rows([1, 2]), "in/customers.csv": rows([3]), "customers.csv": rows([4])}))
    with place.connector() as connector:
        splits = connector.plan(list(connector.discover()), Mode.FULL)
        assert {split.streams[0].name: ids(list(connector.read(split, None))) for split in splits} == {
            "orders": [1, 2],
            "customers": [3],
        }
    with pytest.raises(ConfigError, match="two streams have the same files"):
        place.connector(after="delete")


@pytest.mark.parametrize(
    ("members", "expected"), [("*.csv", [1]), (None, [1]), ("**/*.csv", [1]), ("._*.csv", [2]), ("__MACOSX/*.csv", [3])]
)
def test_hidden_members_count_only_where_the_pattern_names_them(
    local: Place, ids: Ids, members: str | None, expected: list[int]
) -> None:
    local.streams = {"orders": {"files": "drop.zip", "layout": LAYOUT, **({} if members is None else {"members": members})}}
    local.write("drop.zip", zipped({"a.csv": rows([1]), "in/._a.csv": rows([2]), "__MACOSX/b.csv": rows([3])}))
    with local.connector() as connector:
        assert ids(everything(connector)) == expected


def test_a_layout_is_inferred_from_the_first_member_with_something_in_it(place: Place) -> None:
    place.streams = {"orders": {"files": "drop-*.tar.gz"}}
    place.write("drop-0.tar.gz", gzip.compress(tarred({"a.csv": b""})))
    place.write("drop-1.tar.gz", gzip.compress(tarred({".hidden": b"x", "b.csv": "id;betrag\n1;2,50\n".encode("utf-16")})))
    with place.connector() as connector:
        (batch,) = [batch for batch in everything(connector) if batch.data.num_rows]
        assert [str(row["betrag"]) for row in batch.data.to_pylist()] == ["2.50"]


BAD: dict[str, tuple[str, bytes, str, str]] = {
    "zip slip": ("d.zip", zipped({"../../etc/cron.d/x.csv": rows([1])}), "unsafe_name", "no plain relative name"),
    "absolute": ("d.tar", tarred({"/etc/x.csv": rows([1])}), "unsafe_name", "no plain relative name"),
    "nested zip": ("d.zip", zipped({"inner.zip": zipped({"a.csv": rows([1])})}), "nested", "packings within packings"),
    "nested in tar": ("d.tar", tarred({"a.csv.gz": gzip.compress(rows([1]))}), "nested", "packings within packings"),
    "twice packed": ("d.csv.gz", gzip.compress(gzip.compress(rows([1]))), "nested", "packings within packings"),
    "plain called gz": ("d.csv.gz", rows([1]), "not_compressed", "is called gzip, and is none"),
    "plain called zip": ("d.zip", rows([1]), "not_compressed", "is called zip, and is none"),
    "truncated": ("d.zip", zipped({"a.csv": rows(range(99))})[:-30], "truncated", "truncated or damaged"),
    "truncated tar": ("d.tgz", gzip.compress(tarred({"a.csv": rows(range(99))}))[:-9], "truncated", "truncated"),
    "damaged": ("d.zip", zipped({"a.csv": rows([1])}, 0).replace(b"row 1", b"row 2"), "damaged", "d.zip!a.csv is damaged"),
    "too many": ("d.zip", zipped({f"{n}.csv": rows([n]) for n in range(60)}), "bomb", "more than 50 members"),
    "no member": ("d.zip", zipped({"orders.txt": b"x"}), "no_member", "no member that matches"),
    "pgp without key": ("d.csv.pgp", b"-----BEGIN PGP MESSAGE-----\n\nabc\n", "pgp_key", "there is no private key"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_safe_not_whole_or_not_what_it_says_is_one_clear_line(place: Place, case: str) -> None:
    name, content, code, message = BAD[case]
    place.streams = {"orders": {"files": "d.*", "layout": LAYOUT, **({"members": "*.csv"} if case == "no member" else {})}}
    place.write(name, content)
    with place.connector(max_members=50) as connector, pytest.raises(DataError if code != "pgp_key" else ConfigError) as caught:
        everything(connector)
    assert caught.value.code == code
    assert name in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.exit_code == (2 if code == "pgp_key" else 4)


def test_a_member_that_is_damaged_ends_the_read_before_its_last_checkpoint(local: Place, ids: Ids) -> None:
    whole = bytearray(zipped({"a.csv": rows(range(5)), "b.csv": b"id,text\n" + random.Random(1).randbytes(9000).hex().encode()}))
    whole[5000] ^= 1
    local.streams = {"orders": {"files": "d.zip", "layout": LAYOUT}}
    local.write("d.zip", bytes(whole))
    got: list[Batch] = []
    with local.connector(block_bytes=1024) as connector, pytest.raises(DataError, match=r"d\.zip!b\.csv is damaged"):
        got.extend(connector.read(plan(connector)[0], None))
    assert ids(got) in ([], list(range(5)))


def test_an_archive_of_a_thousand_members_is_read_with_few_openings(remote: Place, ids: Ids) -> None:
    remote.streams = {"orders": {"files": "d.zip", "layout": LAYOUT}}
    remote.write("d.zip", zipped({f"{n:04}.csv": rows([n]) for n in range(1000)}) + b"")
    with remote.connector() as connector:
        opened = 0
        original = connector._here.drops.folder.open_read

        def counted(name: str, offset: int = 0) -> object:
            nonlocal opened
            opened += 1
            return original(name, offset)

        connector._here.drops.folder.open_read = counted
        assert ids(everything(connector)) == list(range(1000))
    assert opened < 10
