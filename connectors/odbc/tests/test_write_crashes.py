"""Killed at any moment and started again, no row is lost and none is there twice: law 6, between real databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from connector_sdk.runtime.session import Session
from connector_sdk.testing.comparison import difference
from connector_sdk.testing.crash import POINTS, CrashJob, Side
from connector_sdk.testing.crash_runs import Worker
from connector_sdk.testing.fake_simulator import ORDERS, FakeSimulator
from connector_sdk.testing.fake_system import system_at

from connectors.odbc.tests.conftest import System

ODBC = "connector_odbc:OdbcConnector"
ROWS = 120


def orders() -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(ROWS), pa.int64()),
            "name": pa.array([f"Bestellung {n} é🚚" if n % 7 else None for n in range(ROWS)], pa.string()),
            "price": pa.array([Decimal(n) / 100 for n in range(ROWS)], pa.decimal128(12, 2)),
            "at": pa.array([datetime(2024, 1, 1, 0, 0, 0, n) for n in range(ROWS)], pa.timestamp("us")),
        }
    )


def read(system: System, schema: pa.Schema) -> pa.Table:
    """The orders that are there, as rows of `schema`."""
    with Session(system.connector(), "there") as session:
        found = session.read("orders").table().select(schema.names)
    columns = [column.cast(field.type) for column, field in zip(found.columns, schema, strict=True)]
    return pa.table(columns, names=schema.names)


def kills(job: CrashJob, worker: Worker, again: Callable[[int], CrashJob], check: Callable[[CrashJob], None], seed: int) -> None:
    """Run to the end once, then with a kill at points drawn from all that such a run passes, and check after each restart."""
    for number in (0, 1):  # the second time, nothing is the first of its kind any more
        job = again(number) if number else job
        ended = worker.run(job)
        assert ended.error is None
        check(job)
    points = [crash for crash in ended.crashes if crash.what in POINTS]
    draw = random.Random(seed)
    chosen = [points[0], points[-1], *draw.sample(points, min(10, len(points)))]
    struck = 0
    for number, crash in enumerate(chosen, start=2):
        job = again(number)
        first = worker.run(job, crash)
        assert first.error is None, crash
        struck += first.killed
        if first.killed:
            restarted = worker.run(job)
            assert restarted.error is None, crash
        check(job)
    assert struck >= len(chosen) - 2


@pytest.mark.parametrize(("source", "target"), [("postgresql", "mariadb"), ("mariadb", "sqlite"), ("sqlite", "postgresql")])
def test_append_survives_kills(source: str, target: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    here: System = request.getfixturevalue(f"{source}_system")
    there: System = request.getfixturevalue(f"{target}_system")
    wanted = orders()
    with Session(here.connector(), "here") as session:
        session.write("orders", wanted, keys=["id"])

    def job(number: int) -> CrashJob:
        return CrashJob(
            source=Side(connector=ODBC, config={**here.settings, "batch_rows": 10, "split_rows": 60}),
            sink=Side(connector=ODBC, config=dict(there.settings)),
            streams=("orders",),
            mode="full",
            write="append",
            state=str(tmp_path / f"state-{number}.json"),
            report="",
            piece_rows=20,
            sessions=1 + number % 2,
        )

    def again(number: int) -> CrashJob:
        there.run("DELETE FROM orders")
        return job(number)

    def check(_: CrashJob) -> None:
        assert difference(wanted, read(there, wanted.schema)) is None

    with Worker() as worker:
        kills(job(0), worker, again, check, seed=6)


def test_changes_are_applied_once_whatever_dies(system: System, tmp_path: Path) -> None:
    with FakeSimulator(7, streams=(ORDERS,)) as kit, Worker() as worker:
        place = Path(str(kit.config["file"]))
        job = CrashJob(
            source=Side(connector="connector_sdk.testing.fakes:FakeConnector", config=dict(kit.config)),
            sink=Side(connector=ODBC, config=dict(system.settings)),
            streams=("orders",),
            mode="changes",
            write="apply",
            state=str(tmp_path / "state.json"),
            report="",
            piece_rows=5,
        )

        def again(number: int) -> CrashJob:
            kit.change(number)
            return job

        def check(_: CrashJob) -> None:
            wanted = system_at(place).snapshot().table("orders")
            assert difference(wanted, read(system, wanted.schema)) is None

        kills(job, worker, again, check, seed=11)
