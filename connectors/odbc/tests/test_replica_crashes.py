"""Law 6 for replicas: the changes of one real database, captured as they happen, applied to another, whatever dies meanwhile."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from connector_sdk.testing.crash import MOMENT, CrashJob, Side
from connector_sdk.testing.crash_runs import Crash, Worker

from connectors.odbc.tests import workload
from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.workload import TABLE, Writers

ODBC = "connector_odbc:OdbcConnector"
PAIRS = [("postgresql", "log", "mariadb"), ("mariadb", "versions", "sqlite"), ("sqlite", "triggers", "postgresql")]
AT_CALLS, AT_MOMENTS = 3, 3
"""How many rounds die at a system call (of files, or to a server), and at any moment; one more at each kind of point."""


def rows_of(system: System) -> dict[object, dict[str, object]]:
    """The rows by key; a moment is one wherever it is kept with its zone or without."""
    with system.connector() as connector:
        found = workload.rows_of(connector)
    for row in found.values():
        row["at"] = None if row["at"] is None else row["at"].replace(tzinfo=None)
    return found


def busy(system: System, seed: int) -> Writers:
    """Writers who have committed a little already, and go on."""
    writers = Writers(system, count=2, slow=0.0, truncates=system.kind == "postgresql", seed=seed)
    writers.__enter__()
    end = time.monotonic() + 20
    while writers.commits < 6:
        assert time.monotonic() < end, writers.failures[-3:]
        threading.Event().wait(0.005)
    return writers


@pytest.mark.parametrize(("source", "method", "target"), PAIRS)
def test_a_replica_survives_kills(source: str, method: str, target: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    here: System = request.getfixturevalue(f"{source}_system")
    there: System = request.getfixturevalue(f"{target}_system")
    workload.create(here)
    with here.connector() as connector:
        connector.call("capture.install", {"streams": [TABLE], "method": method})
    draw = random.Random(f"{source} to {target}")
    job = CrashJob(
        source=Side(connector=ODBC, config={**here.settings, "changes": method, "batch_rows": 10}),
        sink=Side(connector=ODBC, config=dict(there.settings)),
        streams=(TABLE,),
        mode="changes",
        write="apply",
        state=str(tmp_path / "state.json"),
        report="",
        piece_rows=15,
    )

    def follow(number: int, crash: Crash) -> bool:
        """One round: killed while others write, and started again, dead a second time or not, until all is there."""
        writers = busy(here, number)
        with writers:
            killed = worker.run(job, crash)
        assert killed.error is None, (crash, killed.error)
        if number % 4 == 3:
            worker.run(job, Crash(what="committed", number=1))
        ended = worker.run(job)
        assert ended.error is None, (crash, ended.error)
        assert rows_of(there) == rows_of(here), crash
        return killed.killed

    with Worker() as worker:
        # Killed in its first run: while rows are handed over to the log.
        struck = follow(1, Crash(what="committed", number=2)) + follow(2, Crash(what="save", number=3))
        busy(here, 3).stop()
        began = time.monotonic()
        whole = worker.run(job)
        lasted = time.monotonic() - began
        busy(here, 4).stop()
        recorded = worker.record(job)
        assert (whole.error, recorded.error) == (None, None)
        at = [draw.choice([c for c in whole.crashes if c.what == what]) for what in sorted({c.what for c in whole.crashes})]
        calls = [crash for crash in recorded.crashes if crash.who != "inside"]  # none where nothing may trace
        at += draw.sample(calls, min(AT_CALLS, len(calls)))
        at += [Crash(what=MOMENT, number=draw.randrange(10, int(lasted * 1000))) for _ in range(AT_MOMENTS)]
        draw.shuffle(at)
        for number, crash in enumerate(at, start=5):
            struck += follow(number, crash)
    assert struck >= len(at) - 3  # a run that found less to do was over before
