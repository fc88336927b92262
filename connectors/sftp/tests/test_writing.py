"""What is written appears whole, under its own name, in the stream's layout, or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from connector_sdk.contract import Batch, Checkpoint, Load, Receipt
from connector_sdk.errors import ConfigError, SchemaDriftError
from connector_sdk.formats.compression import decompressed
from connector_sdk.schema import Mode, Stream, WriteMode
from connector_sftp import SftpConnector

from connectors.sftp.tests.conftest import LAYOUT, Place

SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("text", pa.string())])
ORDERS = Stream(name="orders", schema=SCHEMA, keys=("id",))


def rows(ids: Iterable[int], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"id": i, "text": f"row {i}"} for i in ids], schema=schema)


def load(
    connector: SftpConnector, data: Iterable[pa.RecordBatch], mode: WriteMode, stream: Stream = ORDERS, name: str = "load"
) -> None:
    """One whole load, a piece and a checkpoint per batch."""
    whole = Load(id=name, streams=(stream,), mode=mode)
    connector.alter(stream, next(iter(connector.discover([stream.name])), None), dry_run=False)
    last = connector.resume(whole)
    start = 0 if last is None else last.id
    number = start
    for number, batch in enumerate(data, start + 1):
        receipt = connector.write(whole, f"piece-{number}", [Batch(stream=stream.name, data=batch)])
        connector.commit(whole, [receipt], Checkpoint(id=number, states={"s": {"n": number}}))
    connector.commit(whole, [], Checkpoint(id=number + 1, states={"s": {"n": number}}, done=True))


def read(place: Place, **more: object) -> list[dict[str, object]]:
    with place.connector(**more) as connector:
        (stream,) = connector.discover(["orders"])
        splits = connector.plan([stream], Mode.FULL)
        return [row for split in splits for batch in connector.read(split, None) for row in batch.data.to_pylist()]


def test_append_adds_parts(place: Place) -> None:
    place.drop("orders-old.csv", [0])
    with place.connector() as connector:
        load(connector, [rows([1, 2]), rows([3])], WriteMode.APPEND)
        load(connector, [rows([4])], WriteMode.APPEND, name="another")
    assert sorted(row["id"] for row in read(place)) == [0, 1, 2, 3, 4]
    assert len([name for name in place.names() if not name.startswith(".")]) == 4


def test_replace_shows_all_or_nothing(place: Place) -> None:
    place.drop("orders-old.csv", [0])
    place.drop("other.csv", [9])
    whole = Load(id="load", streams=(ORDERS,), mode=WriteMode.REPLACE)
    with place.connector() as connector:
        connector.resume(whole)
        for number in (1, 2):
            receipt = connector.write(whole, f"p{number}", [Batch(stream="orders", data=rows([number]))])
            connector.commit(whole, [receipt], Checkpoint(id=number))
            assert [row["id"] for row in read(place)] == [0]
        connector.commit(whole, [], Checkpoint(id=3, done=True))
    assert [row["id"] for row in read(place)] == [1, 2]
    assert "other.csv" in place.names()


def test_a_commit_that_is_repeated_by_another_process_changes_nothing(place: Place) -> None:
    whole = Load(id="load", streams=(ORDERS,), mode=WriteMode.APPEND)
    with place.connector() as connector:
        connector.resume(whole)
        receipt = connector.write(whole, "p", [Batch(stream="orders", data=rows([1]))])
        connector.commit(whole, [receipt], Checkpoint(id=1, done=True))
    with place.connector() as connector:
        assert connector.resume(whole) == Checkpoint(id=1, done=True)
        again: Receipt = connector.commit(whole, [receipt], Checkpoint(id=1, done=True))
        assert again.rows == 1
    assert [row["id"] for row in read(place)] == [1]


def test_a_plain_name_is_one_file_that_is_only_replaced(place: Place) -> None:
    place.streams = {"orders": {"files": "out/orders.csv", "layout": LAYOUT}}
    with place.connector() as connector:
        (stream,) = connector.discover()
        assert stream.writes == {WriteMode.REPLACE}
        load(connector, [rows([1]), rows([2])], WriteMode.REPLACE)
    assert (place.folder / "out" / "orders.csv").read_text().splitlines()[0] == "id,text"
    assert [row["id"] for row in read(place)] == [1, 2]


@pytest.mark.parametrize("ending", ["gz", "bz2", "zst", "xz"])
def test_a_compressed_pattern_is_written_compressed_and_the_same_twice(place: Place, ending: str) -> None:
    place.streams = {"orders": {"files": f"orders-*.csv.{ending}", "layout": LAYOUT}}
    contents = set()
    for _ in range(2):
        with place.connector() as connector:
            load(connector, [rows(range(1000))], WriteMode.REPLACE)
        (path,) = place.folder.glob("orders-*.csv.*")
        contents.add(path.read_bytes())
        unpacked = decompressed(io.BytesIO(path.read_bytes()).read, place=path.name)
        assert unpacked(1 << 16).startswith(b"id,text\n0,row 0\n")
        assert len(read(place)) == 1000
        path.unlink()
        for name in place.names():
            (place.folder / name).unlink()
    assert len(contents) == 1
    assert read(place) == []


@pytest.mark.parametrize("files", ["orders-*.zip", "orders-*.tar.gz", "orders-*.tgz", "orders-*.csv.pgp", "orders-*.csv.gz.gpg"])
def test_archives_and_encrypted_files_are_not_written(local: Place, files: str) -> None:
    local.streams = {"orders": {"files": files, "layout": LAYOUT}}
    with local.connector() as connector:
        assert [stream.writes for stream in connector.discover()] == [frozenset()]


def test_the_streams_own_layout_is_kept(place: Place) -> None:
    fields = [
        {"name": "id", "title": "Nr.", "type": "int64"},
        {"name": "amount", "type": "decimal(10,2)", "decimal": ",", "group": "."},
        {"name": "day", "type": "date", "format": ["%d.%m.%Y"]},
        {"name": "open", "type": "bool", "true": ["ja"], "false": ["nein"]},
    ]
    place.streams = {"orders": {"files": "orders-*.csv", "layout": {"encoding": "cp1252", "delimiter": ";", "fields": fields}}}
    with place.connector() as connector:
        (stream,) = connector.discover()
        values = [
            {"id": 1, "amount": Decimal("-1234.50"), "day": date(2026, 2, 1), "open": True},
            dict.fromkeys(stream.schema.names),
        ]
        load(connector, [pa.RecordBatch.from_pylist(values, schema=stream.schema)], WriteMode.APPEND, stream)
    (path,) = place.folder.glob("orders-*.csv")
    assert path.read_bytes().decode("cp1252").splitlines()[0] == "Nr.;amount;day;open"
    assert "01.02.2026;ja" in path.read_bytes().decode("cp1252")
    assert read(place) == values


def test_a_stream_that_nobody_configured_gets_a_name_of_its_own(place: Place) -> None:
    place.streams = {}
    with place.connector() as connector:
        load(connector, [rows([1])], WriteMode.APPEND)
    place.streams = {"orders": "orders-*.csv"}
    assert read(place) == [{"id": 1, "text": "row 1"}]


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        (pa.schema([("id", pa.int64())]), ("text",)),
        (pa.schema([("id", pa.int64()), ("text", pa.string()), ("more", pa.string())]), ("more",)),
        (pa.schema([("id", pa.float64()), ("text", pa.string())]), ("id",)),
        (pa.schema([("id", pa.uint64()), ("text", pa.string())]), ("id",)),
    ],
)
def test_other_fields_than_the_files_have_are_drift(local: Place, schema: pa.Schema, fields: tuple[str, ...]) -> None:
    with local.connector() as connector:
        (have,) = connector.discover()
        with pytest.raises(SchemaDriftError) as caught:
            connector.alter(Stream(name="orders", schema=schema), have, dry_run=True)
    assert caught.value.fields == fields


def test_narrower_types_and_another_order_are_no_drift(place: Place) -> None:
    schema = pa.schema([("text", pa.string()), ("id", pa.int16())])
    with place.connector() as connector:
        load(connector, [rows([1], schema)], WriteMode.APPEND, Stream(name="orders", schema=schema))
    assert read(place) == [{"id": 1, "text": "row 1"}]


def test_what_altering_means_is_said(local: Place) -> None:
    local.streams = {}
    with local.connector() as connector:
        assert connector.alter(ORDERS, None, dry_run=True) == ["write orders-<part>.csv with a header of 2 fields"]
    assert local.names() == []


@pytest.mark.parametrize("name", ["a/b", "../x", "", ".hidden", "a*b"])
def test_a_stream_name_that_is_no_file_name(local: Place, name: str) -> None:
    local.streams = {}
    with local.connector() as connector, pytest.raises(ConfigError, match="cannot be part of a file name"):
        connector.alter(Stream(name=name, schema=SCHEMA), None, dry_run=True)


def test_written_parts_are_not_new_drops_while_they_are_staged(place: Place) -> None:
    whole = Load(id="load", streams=(ORDERS,), mode=WriteMode.APPEND)
    with place.connector() as connector:
        connector.resume(whole)
        connector.write(whole, "p", [Batch(stream="orders", data=rows([1]))])
    place.streams = {"orders": {"files": "**/*", "layout": LAYOUT}}
    assert read(place) == []
