"""What the laws lean on: exact records, sample rows, comparisons, replicas, and processes that really die."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from connector_sdk import changes, plugins
from connector_sdk.contract import Sink, Source
from connector_sdk.schema import Mode, Stream, WriteMode
from connector_sdk.testing import samples
from connector_sdk.testing.comparison import Replica, difference
from connector_sdk.testing.crash import POINTS, CrashJob, Side
from connector_sdk.testing.crash_runs import Crash, Worker
from connector_sdk.testing.fake_records import Entry, decode, encode
from connector_sdk.testing.fake_simulator import ORDERS, FakeSimulator
from connector_sdk.testing.fake_system import System, system_at
from connector_sdk.testing.fakes import FakeConnector
from connector_sdk.testing.laws import check_law
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.servers.installed import missing

TYPES = st.sampled_from(
    [
        pa.bool_(),
        pa.int8(),
        pa.int64(),
        pa.uint64(),
        pa.float32(),
        pa.float64(),
        pa.string(),
        pa.large_string(),
        pa.binary(),
        pa.binary(4),
        pa.date32(),
        pa.time64("us"),
        pa.timestamp("s"),
        pa.timestamp("us", tz="UTC"),
        pa.decimal128(38, 0),
        pa.decimal128(12, 2),
        pa.decimal256(60, 10),
        pa.list_(pa.decimal128(5, 2)),
        pa.struct([("a", pa.int32()), ("b c", pa.date32())]),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(TYPES, min_size=1, max_size=8), st.integers(0, 1000))
def test_sample_rows_go_through_records_exactly(types, seed):
    schema = pa.schema([pa.field(f"field {i} é", type_) for i, type_ in enumerate(types)])
    stream = Stream(name="any", schema=schema)
    table = pa.Table.from_pylist([samples.row(stream, number, seed) for number in range(5)], schema=schema)
    entries = enumerate(Entry("any", "c", "", record) for record in encode(table))
    decoded = decode("any", schema, entries)
    assert decoded.rejects is None
    assert pa.Table.from_batches([decoded.data]).equals(table)


def test_sample_rows_have_unique_keys_and_are_the_same_for_the_same_seed():
    rows = [samples.row(ORDERS, number, 1) for number in range(100)]
    assert len({row["id"] for row in rows}) == 100
    assert rows == [samples.row(ORDERS, number, 1) for number in range(100)]
    assert rows != [samples.row(ORDERS, number, 2) for number in range(100)]


def test_the_fake_connector_is_a_source_and_a_sink():
    fake = plugins.make(FakeConnector, {"name": "protocols"})
    assert isinstance(fake, Source)
    assert isinstance(fake, Sink)


def test_a_change_of_a_system_is_all_or_nothing(tmp_path):
    system = System(file=tmp_path / "system.json", streams={"orders": ORDERS})
    with system.change():
        system.log.append(Entry("orders", "c", "[1]", b'{"id":1}'))
    with pytest.raises(ZeroDivisionError), system.change():
        system.log.append(Entry("orders", "c", "[2]", b'{"id":2}'))
        raise ZeroDivisionError
    assert [entry.key for entry in system.snapshot().log] == ["[1]"]
    assert System(file=system.file).snapshot().log == system.log


def test_an_update_that_knows_some_fields_leaves_the_others():
    system = System(streams={"orders": ORDERS})
    system.append([Entry("orders", "c", "[1]", b'{"id":1,"customer":"Ada","open":true}')])
    system.append([Entry("orders", "p", "[1]", b'{"id":1,"open":false}')])
    (row,) = system.table("orders").to_pylist()
    assert (row["customer"], row["open"]) == ("Ada", False)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([1, 2, 2], None),
        ([1, 2], "1 of 3 rows are missing"),
        ([1, 2, 2, 2], "1 rows are there too often"),
        ([1, 2, 2, 3], "1 rows should not be there"),
    ],
)
def test_a_difference_is_told_by_its_kind(found, problem):
    expected = pa.table({"n": [2, 1, 2]})
    told = difference(expected, pa.table({"n": found}))
    assert told == problem or problem in told


def test_rows_may_repeat_where_that_is_declared_but_none_may_be_strange():
    expected = pa.table({"n": [1, 2]})
    assert difference(expected, pa.table({"n": [1, 2, 2, 2]}), repeats=True) is None
    assert "missing" in difference(expected, pa.table({"n": [1, 1]}), repeats=True)
    assert "should not be there" in difference(expected, pa.table({"n": [1, 2, 3]}), repeats=True)


def test_a_replica_does_what_change_batches_say():
    schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
    rows = pa.RecordBatch.from_pylist(
        [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 1, "name": None}, {"id": 2, "name": None}], schema=schema
    )
    replica = Replica(schema, ["id"])
    replica.apply([changes.build(rows, ["r", "c", "u", "d"], known=[None, None, [0], [0]])])
    assert replica.table().to_pylist() == [{"id": 1, "name": "a"}]  # the update did not know the name
    replica.apply([changes.build(rows.slice(0, 1), "t", known=[[]])])
    assert replica.table().num_rows == 0


@pytest.fixture
def job(tmp_path):
    """All orders of a fake system into another."""
    with FakeSimulator() as source:
        yield CrashJob(
            source=Side(connector="connector_sdk.testing.fakes:FakeConnector", config=source.config),
            sink=Side(connector="connector_sdk.testing.fakes:FakeConnector", config={"file": str(tmp_path / "target.json")}),
            streams=("orders",),
            mode=str(Mode.FULL),
            write=str(WriteMode.APPEND),
            state=str(tmp_path / "state.json"),
            report=str(tmp_path / "report.json"),
        )


def test_a_job_survives_its_way_through_json(job):
    assert CrashJob.from_json(job.to_json()) == job


def test_one_job_runs_from_the_command_line(job, tmp_path):
    (tmp_path / "job.json").write_text(job.to_json())
    subprocess.run([sys.executable, "-m", "connector_sdk.testing.crash", tmp_path / "job.json"], check=True, timeout=60)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["error"], report["rows"]) == (None, 40)
    assert system_at(tmp_path / "target.json").snapshot().table("orders").num_rows == 40


def test_every_kind_of_point_kills_a_real_process(job, tmp_path):
    with Worker() as worker:
        for point in POINTS:
            for file in (tmp_path / "state.json", tmp_path / "target.json"):
                file.unlink(missing_ok=True)
            assert worker.run(job, Crash(what=point, number=2)).killed, point
        assert not worker.run(job, Crash(what="commit", number=1000)).killed


def test_strace_finds_and_strikes_system_calls(job, tmp_path):
    with Worker() as worker:
        if worker.no_trace:
            missing("strace", "strace")
        worker.run(job)
        ended = worker.record(job)
        if worker.no_trace:
            pytest.skip(worker.no_trace)  # it is here, and this machine or container lets nobody trace
        calls = [crash for crash in ended.crashes if crash.who != "inside"]
        assert {crash.what for crash in calls} >= {"write", "sync", "name"}
        renames = [crash for crash in calls if crash.what == "name" and crash.who == "threads"]
        assert worker.run(job, renames[0]).killed


def test_a_job_that_fails_says_why(job):
    with Worker() as worker:
        ended = worker.run(CrashJob(**{**vars(job), "mode": "changes", "write": "replace", "streams": ("orders",)}))
        again = worker.run(CrashJob(**{**vars(job), "mode": "incremental"}))
    assert ended.error is None
    assert not again.killed
    assert again.error.startswith("ConfigError: the state is of changes reads")


def test_without_strace_the_certificate_says_so(monkeypatch):
    path = [folder for folder in os.environ["PATH"].split(os.pathsep) if not os.path.exists(os.path.join(folder, "strace"))]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    result = check_law(6, FakeConnector, crash_points=2)
    assert result.verdict == "kept"
    assert "no system calls, since there is no strace here" in result.detail


def test_a_cursor_value_that_was_passed_comes_again():
    with FakeSimulator() as simulator:
        before = simulator.rows("orders")
        simulator.change(1)
        known = set(before.column("id").to_pylist())
        fresh = [row for row in simulator.rows("orders").to_pylist() if row["id"] not in known]
    assert any(row["changed"] <= datetime(2001, 1, 1, 0, 0, 39, tzinfo=UTC) for row in fresh)
