"""Every row once, from any state, whatever happens to the files in between."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Sequence

import pytest
from connector_sdk.contract import Batch, Split, State
from connector_sdk.errors import ConfigError, DataError, SchemaDriftError, StateInvalidError
from connector_sdk.rejects import rejects_of
from connector_sdk.schema import Mode, Stream
from connector_sftp import SftpConnector

from connectors.sftp.tests.conftest import LAYOUT, Place

Ids = Callable[[Sequence[Batch]], list[int]]


def stream_of(connector: SftpConnector, name: str = "orders") -> Stream:
    (found,) = connector.discover([name])
    return found


def plan(connector: SftpConnector, mode: Mode = Mode.FULL) -> list[Split]:
    """The splits, as another process would get them."""
    return [Split.from_json(json.loads(json.dumps(s.to_json()))) for s in connector.plan([stream_of(connector)], mode)]


def everything(connector: SftpConnector, mode: Mode = Mode.FULL) -> list[Batch]:
    return [batch for split in plan(connector, mode) for batch in connector.read(split, None)]


def test_a_full_read_is_every_row_once(place: Place, ids: Ids) -> None:
    for number in range(5):
        place.drop(f"orders-{number}.csv", range(number * 100, number * 100 + 100))
    place.write("other.csv", "x\n1\n")
    with place.connector(split_bytes=3000) as connector:
        splits = plan(connector)
        assert len(splits) == 3
        assert ids(everything(connector)) == list(range(500))


def test_thousands_of_small_files_are_a_few_splits(place: Place, ids: Ids) -> None:
    for number in range(1100):
        place.drop(f"orders-{number:05}.csv", [number])
    with place.connector() as connector:
        assert [len(split.spec["files"]) for split in plan(connector)] == [1000, 100]
        assert ids(everything(connector)) == list(range(1100))


def test_a_big_file_is_a_split_of_its_own(local: Place) -> None:
    for name, count in (("a", 10), ("b", 1000), ("c", 10), ("d", 10)):
        local.drop(f"orders-{name}.csv", range(count))
    with local.connector(split_bytes=1000) as connector:
        files = [[file[0] for file in split.spec["files"]] for split in plan(connector)]
        assert files == [["orders-a.csv"], ["orders-b.csv"], ["orders-c.csv", "orders-d.csv"]]


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
def test_from_any_state_until_any_later_one(place: Place, ids: Ids, mode: Mode) -> None:
    for number in range(3):
        place.drop(f"orders-{number}.csv", range(number * 1000, number * 1000 + random.Random(number).randrange(400, 900)))
    with place.connector(block_bytes=1024) as connector:
        for split in plan(connector, mode):
            batches = list(connector.read(split, None))
            states: list[State | None] = [None, *(batch.state for batch in batches)]
            assert len(states) > 10
            for start in range(0, len(states), 2):
                assert ids(list(connector.read(split, states[start]))) == ids(batches[start:])
                for end in range(max(start, 1), len(states), 3):
                    got = list(connector.read(split, states[start], states[end]))
                    assert ids(got) == ids(batches[start:end])
                    assert got[-1].state == states[end]


def test_what_is_new_what_is_replaced_and_what_is_late(place: Place, ids: Ids) -> None:
    place.drop("orders-1.csv", [1, 2], age=500)
    place.drop("orders-2.csv", [3], age=400)
    with place.connector() as connector:
        (split,) = plan(connector, Mode.INCREMENTAL)
        first = list(connector.read(split, None))
        assert ids(first) == [1, 2, 3]
        again = list(connector.read(split, first[-1].state))
        assert (ids(again), again[-1].state) == ([], first[-1].state)
        place.drop("orders-3.csv", [4], age=400)  # the very time of the newest
        place.drop("orders-0.csv", [5], age=90_000)  # late
        place.drop("orders-1.csv", [1, 2, 6], age=300)  # replaced
        second = list(connector.read(split, first[-1].state))
        assert ids(second) == [5, 4, 1, 2, 6]
        assert ids(list(connector.read(split, second[-1].state))) == []


def test_the_ids_of_incremental_splits_do_not_depend_on_files(place: Place, ids: Ids) -> None:
    place.streams = {"orders": {"files": "orders-*.csv", "layout": {**LAYOUT, "keys": []}}}
    with place.connector() as connector:
        before = [split.id for split in plan(connector, Mode.INCREMENTAL)]
        for number in range(20):
            place.drop(f"orders-{number}.csv", [number])
        splits = plan(connector, Mode.INCREMENTAL)
        assert [split.id for split in splits] == before
        lanes = [ids(list(connector.read(split, None))) for split in splits]
        assert sorted(row for lane in lanes for row in lane) == list(range(20))
        assert sum(bool(lane) for lane in lanes) > 1


def test_no_files_is_no_rows_and_a_state(place: Place) -> None:
    with place.connector() as connector:
        assert plan(connector) == []
        (split,) = plan(connector, Mode.INCREMENTAL)
        (batch,) = connector.read(split, None)
        assert batch.data.num_rows == 0
        assert batch.state is not None


@pytest.mark.parametrize("text", ["", "id,text\n", "id,text", "\ufeffid,text\r\n"])
def test_an_empty_file_and_a_header_alone_have_no_rows(place: Place, ids: Ids, text: str) -> None:
    place.write("orders-0.csv", text)
    place.drop("orders-1.csv", [1])
    with place.connector() as connector:
        assert ids(everything(connector)) == [1]
        assert ids(everything(connector, Mode.INCREMENTAL)) == [1]


def test_bad_rows_say_where_they_were(place: Place, ids: Ids) -> None:
    place.drop("orders-0.csv", [1])
    place.write("orders-1.csv", 'id,text\n2,fine\nthree,bad\n4\n5,"a ""fine"" one"\n')
    with place.connector() as connector:
        batches = everything(connector)
        assert ids(batches) == [1, 2, 5]
        found = [reject for batch in batches if batch.rejects is not None for reject in rejects_of(batch.rejects)]
        assert [(r.place, r.line, r.offset, r.raw, r.field, r.code) for r in found] == [
            ("orders-1.csv", 3, 15, b"three,bad", "id", "type"),
            ("orders-1.csv", 4, 25, b"4", None, "ragged"),
        ]


def test_a_reject_that_is_repaired_can_be_replayed(place: Place, ids: Ids) -> None:
    place.write("orders-0.csv", "id,text\n1,a\ntwo,b\n")
    with place.connector() as connector:
        (batch,) = everything(connector)
        assert batch.rejects is not None
    fields = [{**LAYOUT["fields"][0], "type": "string"}, LAYOUT["fields"][1]]
    place.streams = {"orders": {"files": "orders-*.csv", "layout": {"fields": fields}}}
    with place.connector() as connector:
        (replayed,) = connector.replay(stream_of(connector), batch.rejects)
        assert replayed.data.to_pylist() == [{"id": "two", "text": "b"}]
        assert replayed.rejects is None


def test_a_reject_that_was_cut_is_replayed_from_its_file(place: Place) -> None:
    long = "x" * 100_000
    place.write("orders-0.csv", f"id,text\n1,a\n2,{long}\n3,c\n")
    with place.connector(max_record_bytes=50_000) as connector:
        batches = everything(connector)
        (rejects,) = [batch.rejects for batch in batches if batch.rejects is not None]
        assert rejects.column("raw_length").to_pylist() == [100_002]
        (replayed,) = connector.replay(stream_of(connector), rejects)
        assert replayed.data.to_pylist() == [{"id": 2, "text": long}]
        place.write("orders-0.csv", "id,text\n")
        (replayed,) = connector.replay(stream_of(connector), rejects)
        assert replayed.data.num_rows == 0
        assert replayed.rejects is not None
        assert replayed.rejects.num_rows == 1


def test_a_projection_keeps_its_order(place: Place) -> None:
    place.drop("orders-0.csv", [7])
    with place.connector() as connector:
        for names in (["text", "id"], ["text"]):
            (split,) = connector.plan([stream_of(connector).only(names)], Mode.FULL)
            (batch,) = connector.read(split, None)
            assert batch.data.schema.names == names
            assert batch.data.column("text").to_pylist() == ["row 7"]


def test_a_changed_header_is_drift_and_names_the_fields(place: Place) -> None:
    place.write("orders-0.csv", "id,words\n1,a\n")
    with place.connector() as connector, pytest.raises(SchemaDriftError) as caught:
        everything(connector)
    assert caught.value.fields == ("text", "words")


def test_a_plan_of_another_layout_is_drift(local: Place) -> None:
    local.drop("orders-0.csv", [1])
    with local.connector() as connector:
        (split,) = plan(connector)
    fields = [{**LAYOUT["fields"][0], "type": "string"}, LAYOUT["fields"][1]]
    local.streams = {"orders": {"files": "orders-*.csv", "layout": {"fields": fields}}}
    with local.connector() as connector, pytest.raises(SchemaDriftError) as caught:
        list(connector.read(split, None))
    assert caught.value.fields == ("id",)


def test_a_file_replaced_in_the_middle_of_a_full_read_is_not_gone_on_with(place: Place) -> None:
    place.drop("orders-0.csv", range(1000))
    with place.connector(block_bytes=1024) as connector:
        (split,) = plan(connector)
        batches = connector.read(split, None)
        state = next(batches).state
        batches.close()
        place.drop("orders-0.csv", range(2000, 3000), age=0)
        with pytest.raises(StateInvalidError, match=r"orders-0.csv was replaced after [\d,]+ bytes"):
            list(connector.read(split, state))


def test_a_planned_file_that_is_gone_is_said(place: Place) -> None:
    place.drop("orders-0.csv", [1])
    place.drop("orders-1.csv", [2])
    with place.connector() as connector:
        (split,) = plan(connector)
        (place.folder / "orders-1.csv").unlink()
        with pytest.raises(StateInvalidError, match=r"orders-1.csv was there when the read was planned, and is gone"):
            list(connector.read(split, None))


def test_a_file_replaced_in_the_middle_of_an_incremental_read_is_read_anew(place: Place, ids: Ids) -> None:
    place.drop("orders-0.csv", range(1000))
    with place.connector(block_bytes=1024) as connector:
        (split,) = plan(connector, Mode.INCREMENTAL)
        first = next(connector.read(split, None))
        place.drop("orders-0.csv", range(500, 1500), age=0)
        assert ids(list(connector.read(split, first.state))) == list(range(500, 1500))
        (place.folder / "orders-0.csv").unlink()
        with pytest.raises(StateInvalidError, match="is gone after"):
            list(connector.read(split, first.state))


def test_states_between_which_a_file_went_away_say_so(place: Place) -> None:
    place.drop("orders-0.csv", [1])
    place.drop("orders-1.csv", [2])
    with place.connector() as connector:
        (split,) = plan(connector, Mode.INCREMENTAL)
        *_, last = connector.read(split, None)
        (place.folder / "orders-0.csv").unlink()
        with pytest.raises(StateInvalidError, match="1 of the files between the two states"):
            list(connector.read(split, None, last.state))


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
def test_a_state_of_another_connector(local: Place, mode: Mode) -> None:
    local.drop("orders-0.csv", [1])
    with local.connector() as connector:
        (split,) = plan(connector, mode)
        for state in ({"lsn": 5}, {"v": 9}, {"v": 1, "at": "x", "offset": 0}):
            with pytest.raises(StateInvalidError):
                list(connector.read(split, state))


def test_changes_are_not_offered(local: Place) -> None:
    with local.connector() as connector, pytest.raises(ConfigError, match="offers no changes reads"):
        connector.plan([stream_of(connector)], Mode.CHANGES)


def test_a_stream_that_is_not_there_is_left_out(local: Place) -> None:
    with local.connector() as connector:
        assert list(connector.discover(["nothing"])) == []


def packed(ids: Sequence[int]) -> bytes:
    return gzip.compress(b"id,text\n" + b"".join(b"%d,row %d\n" % (i, i) for i in ids))


@pytest.mark.parametrize("compression", ["auto", "gzip"])
def test_gzip_is_read_and_resumed_like_anything_else(place: Place, ids: Ids, compression: str) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT, "compression": compression}}
    place.write("orders-0.csv.gz", packed(range(1000)))
    place.write("orders-1.csv.gz", packed(range(1000, 1500)))
    with place.connector(block_bytes=1024) as connector:
        (split,) = plan(connector)
        batches = list(connector.read(split, None))
        assert ids(batches) == list(range(1500))
        for number in range(0, len(batches), 2):
            assert ids(list(connector.read(split, batches[number].state))) == ids(batches[number + 1 :])
            assert ids(list(connector.read(split, None, batches[number].state))) == ids(batches[: number + 1])


def test_a_gzip_that_is_cut_off_is_said_and_what_came_before_stays(place: Place, ids: Ids) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    noise = b"id,text\n" + b"".join(b"%d,%s\n" % (i, random.Random(i).randbytes(20).hex().encode()) for i in range(5000))
    place.write("orders-0.csv.gz", gzip.compress(noise)[:-2000])
    with place.connector(block_bytes=1024) as connector:
        (split,) = plan(connector)
        got = []
        with pytest.raises(DataError, match=r"orders-0\.csv\.gz") as caught:
            got.extend(connector.read(split, None))
        assert caught.value.exit_code == 4
        assert caught.value.code == "truncated"


def test_a_gzip_bomb_does_not_go_off(place: Place) -> None:
    place.streams = {"orders": {"files": "orders-*", "layout": LAYOUT}}
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b"id,text\n") + b"".join(packer.compress(b"1," + b"x" * 997 + b"\n") for _ in range(200_000))
    place.write("orders-0.csv.gz", bomb + packer.flush())
    with place.connector() as connector, pytest.raises(DataError, match="expands to more than") as caught:
        everything(connector)
    assert (caught.value.code, caught.value.exit_code) == ("bomb", 4)


def test_a_stream_without_a_layout_is_inferred_from_its_first_file(place: Place) -> None:
    place.streams = {"orders": "orders-*.csv*"}
    place.write("orders-0.csv", "")
    place.write("orders-1.csv.gz", gzip.compress("id;betrag;am\n007;1.234,50;31.12.2025\n008;-1,5;01.01.2026\n".encode("utf-16")))
    with place.connector() as connector:
        (stream,) = connector.discover()
        assert next((f.name, str(f.type)) for f in stream.schema) == ("id", "string")
        assert stream.keys == ()
        (batch,) = [b for b in everything(connector) if b.data.num_rows]
        assert [row["id"] for row in batch.data.to_pylist()] == ["007", "008"]
        assert [str(row["betrag"]) for row in batch.data.to_pylist()] == ["1234.50", "-1.50"]


def test_what_an_inferred_layout_takes_without_knowing_is_said(local: Place, caplog: pytest.LogCaptureFixture) -> None:
    local.streams = {"orders": "orders-*.csv"}
    local.write("orders-0.csv", "id,day\n1,1/2/2003\n2,3/4/2003\n")
    with local.connector() as connector:
        list(connector.discover())
        list(connector.discover())
    (told,) = [record.getMessage() for record in caplog.records]
    assert "stream 'orders'" in told and "orders-0.csv" in told and "day: every value could be %d/%m/%Y or %m/%d/%Y" in told


def test_a_saved_plan_keeps_the_layout_it_was_made_with(place: Place) -> None:
    place.streams = {"orders": "orders-*.csv"}
    place.write("orders-1.csv", "id,text\n1,a\n")
    with place.connector() as connector:
        (split,) = plan(connector)
    place.write("orders-0.csv", "id,text\nx,a\n")  # now the first
    with place.connector() as connector:
        (batch,) = connector.read(split, None)
        assert batch.data.to_pylist() == [{"id": 1, "text": "a"}]


def test_without_streams_every_delimited_file_is_one(place: Place) -> None:
    place.streams = {}
    place.write("orders.csv", "id\n1\n")
    place.write("what [now]?.tsv.gz", gzip.compress(b"a\tb\n1\t2\n"))
    place.write("notes.pdf", "x")
    place.write(".hidden.csv", "x\n1\n")
    place.write("deeper/other.csv", "x\n1\n")
    with place.connector() as connector:
        assert [stream.name for stream in connector.discover()] == ["orders", "what [now]?"]
        assert [stream.name for stream in connector.discover(["orders", "absent"])] == ["orders"]
        splits = connector.plan(list(connector.discover()), Mode.FULL)
        assert [batch.data.num_rows for split in splits for batch in connector.read(split, None)] == [1, 1]
