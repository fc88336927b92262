"""A cut connection costs nothing but time: reading goes on at the byte after the last state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from connector_sdk.contract import Batch, State
from connector_sdk.errors import TransientError
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.schema import Mode, WriteMode
from connector_sdk.testing.fault_proxy import FaultProxy, Faults
from connector_sdk.testing.laws.subject import kit_target

from connectors.sftp.tests.conftest import Place
from tests.servers.sshd import Server, cut_sessions


def port_of(place: Place) -> int:
    return int(str(place.settings["port"]))


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.INCREMENTAL])
def test_reading_goes_on_in_the_middle_of_a_file(remote: Place, ids: Callable[[Sequence[Batch]], list[int]], mode: Mode) -> None:
    remote.drop("orders-0.csv", range(400_000))
    remote.drop("orders-1.csv", range(400_000, 400_100))
    with FaultProxy("127.0.0.1", port_of(remote), Faults(cut_after=1_234_567, connections=4)) as between:
        with remote.connector(port=between.port, block_bytes=256 << 10) as connector:
            (split,) = connector.plan(list(connector.discover()), mode)
            got: list[Batch] = []
            state: State | None = None
            failures = 0
            while True:
                try:
                    for batch in connector.read(split, state):
                        got.append(batch)
                        state = batch.state
                    break
                except TransientError as error:
                    failures += 1
                    assert "cut" in str(error)
        assert failures == 4
    assert ids(got) == list(range(400_100))


def test_a_copy_through_cuts_loses_and_doubles_nothing(remote: Place) -> None:
    for number in range(6):
        remote.drop(f"orders-{number}.csv", range(number * 10_000, number * 10_000 + 10_000))
    with (
        FaultProxy("127.0.0.1", port_of(remote), Faults(cut_after=150_000, connections=6)) as between,
        kit_target() as (truth, sink),
        remote.connector(port=between.port, split_bytes=200_000, block_bytes=16 << 10) as source,
    ):
        run(
            Job(
                source=source,
                sink=sink,
                streams=tuple(source.discover()),
                mode=Mode.FULL,
                write=WriteMode.APPEND,
                store=MemoryStore("test"),
                piece_rows=4_000,
                retry=Retry(attempts=20, first=0.01, longest=0.05),
            )
        )
        rows = truth.rows("orders")

    assert sorted(rows.column("id").to_pylist()) == list(range(60_000))
    assert between.accepted > 6


@pytest.mark.parametrize("faults", [Faults(blackhole_after=1_000_000), Faults(truncate_after=1_000_000)])
def test_a_server_that_falls_silent_is_given_up_after_the_timeout(remote: Place, faults: Faults) -> None:
    remote.drop("orders-0.csv", range(300_000))
    with (
        FaultProxy("127.0.0.1", port_of(remote), faults) as between,
        remote.connector(port=between.port, timeout=0.7) as connector,
    ):
        (split,) = connector.plan(list(connector.discover()), Mode.FULL)
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"no answer for 0\.7 s|was cut"):
            list(connector.read(split, None))
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("after", [0, 10, 500, 1500, 2000, 2200, 2500, 3000])
def test_silence_at_any_moment_of_getting_in_is_given_up(remote: Place, after: int) -> None:
    with (
        FaultProxy("127.0.0.1", port_of(remote), Faults(blackhole_after=after)) as between,
        remote.connector(port=between.port, timeout=0.5) as connector,
    ):
        started = time.monotonic()
        with pytest.raises(TransientError):
            connector.check()
        assert time.monotonic() - started < 5


def test_killed_sessions_are_replaced(real_server: Server, remote: Place, ids: Callable[[Sequence[Batch]], list[int]]) -> None:
    remote.drop("orders-0.csv", [1])
    with remote.connector() as connector:
        connector.check()
        assert cut_sessions(real_server) > 0
        time.sleep(0.3)  # the resets are on their way; nothing here says when they have come
        (split,) = connector.plan(list(connector.discover()), Mode.FULL)
        assert ids(list(connector.read(split, None))) == [1]


def test_a_write_that_is_cut_is_transient(remote: Place) -> None:
    faults = Faults(cut_after=200_000, direction="upload", connections=1)
    with FaultProxy("127.0.0.1", port_of(remote), faults) as between, remote.connector(port=between.port, timeout=5) as connector:
        folder = connector._here.drops.folder
        with pytest.raises(TransientError):
            file = folder.open_write("part")
            file.write(b"x" * 3_000_000)
            file.sync()
        file.close()
        again = folder.open_write("part")
        again.write(b"y" * 3_000_000)
        again.close()
    assert (remote.folder / "part").read_bytes() == b"y" * 3_000_000


def test_batches_are_as_declared_after_a_cut(remote: Place) -> None:
    remote.drop("orders-0.csv", range(1000))
    with remote.connector(block_bytes=1024) as connector:
        (stream,) = connector.discover()
        (split,) = connector.plan([stream], Mode.FULL)
        for batch in connector.read(split, None):
            assert batch.data.schema.equals(stream.schema, check_metadata=True)
            assert isinstance(batch.data, pa.RecordBatch)
