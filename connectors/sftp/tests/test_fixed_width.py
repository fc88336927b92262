"""Fixed-width streams keep every law, from files of one type of records, of several, with headers and trailers, in EBCDIC too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import connector_sdk
import pyarrow as pa
import pytest
import yaml
from connector_sdk.errors import DataError, SchemaDriftError
from connector_sdk.formats.layout import Layout
from connector_sdk.testing.laws import law_tests
from connector_sftp import SftpConfig, SftpConnector
from connector_sftp.simulator import SftpSimulator

ACCOUNTS = Layout.from_yaml("""\
layout: 1
name: accounts
format: fixed_width
encoding: cp1252
length: 80
keys: [number]
fields:
- {name: number, start: 1, length: 9, type: int64, nullable: false, sign: none}
- {name: owner, start: 10, length: 20, type: string}
- {name: balance, start: 30, length: 12, type: "decimal(12,2)", scale: 2, sign: overpunch}
- {name: opened, start: 42, length: 8, type: date, format: "%Y%m%d", blank: [zeros]}
- {name: closed, start: 50, length: 1, type: bool, true: Y, false: N}
- {name: rate, start: 51, length: 8, type: "decimal(7,4)", pad: " ", decimal: ","}
- {name: points, start: 59, length: 6, type: int32, pad: " "}
- {name: seen, start: 65, length: 14, type: "timestamp[s]", format: "%Y%m%d%H%M%S"}
""")
NIGHTLY = Layout.from_yaml("""\
layout: 1
name: nightly
format: fixed_width
encoding: cp037
framing: none
length: 40
records:
- name: head
  role: header
  when: {start: 1, value: H}
  fields:
  - {name: day, start: 2, length: 8, type: date, format: "%Y%m%d"}
- name: order
  when: {start: 1, value: O}
  keys: [id]
  fields:
  - {name: id, start: 2, length: 9, type: int64, nullable: false}
  - {name: total, start: 11, length: 12, type: "decimal(12,2)", scale: 2, sign: overpunch}
  - {name: placed, start: 23, length: 8, type: date, format: "%Y%m%d"}
- name: line
  when: {start: 1, value: L}
  keys: [id]
  fields:
  - {name: id, start: 2, length: 9, type: int64, nullable: false}
  - {name: article, start: 11, length: 20, type: string}
  - {name: pieces, start: 31, length: 5, type: int32, sign: leading}
- name: tail
  role: trailer
  when: {start: 1, value: T}
  checks:
  - {field: records, counts: [order, line]}
  - {field: total, sums: [order.total]}
  - {field: hash, hashes: [order.id, line.id]}
  fields:
  - {name: records, start: 2, length: 9, type: int64}
  - {name: total, start: 11, length: 14, type: "decimal(14,2)", scale: 2, sign: overpunch}
  - {name: hash, start: 25, length: 5, type: int64}
""")
LAYOUTS = {"accounts": ACCOUNTS, "nightly": NIGHTLY}


class Simulator(SftpSimulator):
    """Drops of both."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed, layouts=LAYOUTS)


class Connector(SftpConnector):
    """The connector as a generated package binds it."""

    simulator = Simulator

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config, layouts=LAYOUTS)


test_fixed_width_keeps = law_tests(Connector, crash_points=4)


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    """A folder with one nightly file that is right."""
    with Simulator() as system:
        source = next(path for path in sorted(system.folder.iterdir()) if path.name.startswith("nightly"))
        (tmp_path / "nightly-1.dat").write_bytes(source.read_bytes())
    return tmp_path


def read(folder: Path, stream: str = "nightly.order", layout: Layout = NIGHTLY, **more: Any) -> pa.Table:
    settings: Mapping[str, Any] = {"files": "nightly-*.dat", "layout": _plain(layout)}
    with connector_sdk.open("sftp", folder=str(folder), settle=0, streams={"nightly": settings}, **more) as session:
        return whole(session.read(stream))


def whole(reading: connector_sdk.Reading) -> pa.Table:
    return pa.Table.from_batches(list(reading.batches()), reading.schema)


def _plain(layout: Layout) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(layout.to_yaml())
    return found


def spoilt(folder: Path, number: int, start: int, text: str) -> None:
    """Another text in one record of the file; a negative number counts from its end."""
    path = folder / "nightly-1.dat"
    content = bytearray(path.read_bytes())
    at = number * 40 % len(content) + start - 1
    content[at : at + len(text)] = text.encode("cp037")
    path.write_bytes(content)


def test_the_records_of_a_file_are_streams_in_one_split(drop: Path) -> None:
    with connector_sdk.open(
        "sftp", folder=str(drop), settle=0, streams={"nightly": {"files": "*.dat", "layout": _plain(NIGHTLY)}}
    ) as s:
        assert {stream.name for stream in s.discover()} == {"nightly.order", "nightly.line"}
    assert read(drop).num_rows == read(drop, "nightly.line").num_rows == 75


@pytest.mark.parametrize(
    ("number", "start", "text", "told"),
    [
        (-1, 2, "000000151", "tail.records is 151, but there are 150 records order and line"),
        (-1, 11, "00000000000001", "but the sum of order.total is"),
        (-1, 25, "00001", "but the sum of order.id and line.id is"),
        (-1, 2, "00000000x", "the tail record cannot be read: records"),
        (-1, 1, "O00000000000000000000000       ", "it has no tail record"),
        (0, 1, "O00000000000000000000000       ", "it does not begin with its head record"),
        (7, 1, "T", "there are records after the tail record"),
        (5, 11, "?", "tail.total cannot be checked: 1 of the values it adds up cannot be read"),
    ],
)
def test_a_trailer_that_lies_stops_its_file(drop: Path, number: int, start: int, text: str, told: str) -> None:
    spoilt(drop, number, start, text)
    for stream in ("nightly.order", "nightly.line"):
        with pytest.raises(DataError) as caught:
            _read_any(drop, stream)
        assert told in caught.value.message
        assert caught.value.exit_code == 4
        assert "nightly-1.dat" in caught.value.message


def test_a_sum_that_cannot_be_checked_says_which_record_is_in_its_way(drop: Path) -> None:
    spoilt(drop, 5, 11, "?")
    with pytest.raises(DataError) as caught:
        _read_any(drop, "nightly.order")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("the first: byte 200, field total: ") and "is no decimal" in caught.value.hint


def _read_any(folder: Path, stream: str) -> None:
    settings = {"files": "nightly-*.dat", "layout": _plain(NIGHTLY)}
    with connector_sdk.open("sftp", folder=str(folder), settle=0, block_bytes=256, streams={"nightly": settings}) as session:
        for _ in session.read(stream, max_rejects=None).batches():
            pass


def test_nothing_of_a_file_with_a_wrong_trailer_is_published(drop: Path, tmp_path: Path) -> None:
    good = (drop / "nightly-1.dat").read_bytes()
    spoilt(drop, -1, 2, "000000151")
    (drop / "nightly-0.dat").write_bytes(good)
    target = tmp_path / "target"
    target.mkdir()
    source = {"folder": str(drop), "settle": 0, "block_bytes": 256, "split_bytes": 1}
    streams = {"nightly": {"files": "nightly-*.dat", "layout": _plain(NIGHTLY)}}
    with (
        connector_sdk.open("sftp", **source, streams=streams) as here,
        connector_sdk.open("sftp", folder=str(target)) as there,
        pytest.raises(DataError, match="but there are 150 records"),
    ):
        connector_sdk.copy(here, there)
    published = [path for path in target.glob("*.csv") if path.name.startswith("nightly.order")]
    rows = sum(len(path.read_text().splitlines()) - 1 for path in published)
    assert rows in (0, 75)


def test_files_are_written_with_header_and_trailer(drop: Path, tmp_path: Path) -> None:
    before = read(drop)
    out = tmp_path / "out"
    out.mkdir()
    streams = {"nightly": {"files": "nightly-*.dat", "layout": _plain(NIGHTLY)}}
    with connector_sdk.open("sftp", folder=str(out), settle=0, streams=streams) as session:
        session.write("nightly.order", before)
    (made,) = out.glob("nightly-*-order.dat")
    content = made.read_bytes().decode("cp037")
    assert (content[0], content[-40], len(content)) == ("H", "T", 40 * 77)
    assert read(out).equals(before)


def test_the_wrong_code_page_is_drift_and_not_a_thousand_rejects(drop: Path) -> None:
    with pytest.raises(SchemaDriftError, match="its bytes are EBCDIC, and layout 'nightly' says cp1252"):
        read(drop, layout=replace(NIGHTLY, encoding="cp1252"))


def test_a_file_shorter_than_a_record_is_one_reject(tmp_path: Path) -> None:
    (tmp_path / "accounts-1.dat").write_bytes(b"000000001Ada")
    settings = {"files": "accounts-*.dat", "layout": _plain(ACCOUNTS)}
    with (
        connector_sdk.open("sftp", folder=str(tmp_path), settle=0, streams={"accounts": settings}) as session,
        pytest.raises(DataError, match="the record has 12 bytes, 80 were expected"),
    ):
        whole(session.read("accounts"))
