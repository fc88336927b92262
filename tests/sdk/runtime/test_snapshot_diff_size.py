"""Memory is bounded whatever the size: a million rows are followed in a process that is watched."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np, pyarrow as pa
from connector_sdk.contract import Batch, Split
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.schema import Mode, Stream

ROWS, SIZE = 1_000_000, 50_000
STREAM = Stream(name="t", schema=pa.schema([("id", pa.string()), ("n", pa.int64()), ("text", pa.string())]), keys=("id",))


class Source:
    night = 0
    def plan(self, streams, mode, where={}):
        return [Split(id="all", streams=tuple(streams), mode=mode)]
    def discover(self, only=None):
        return [STREAM]
    def read(self, split, state, until=None):
        for start in range(0, ROWS, SIZE):
            n = np.arange(start, start + SIZE)
            hundredth = n % 100 == 7
            key = np.where(hundredth & (n % 300 == 7), n + self.night * ROWS, n)
            ids = pa.array(key).cast(pa.string())
            text = pa.array(np.where(hundredth, n + self.night, n)).cast(pa.string())
            text = pa.compute.binary_join_element_wise(text, text, text, "-")
            data = pa.RecordBatch.from_arrays([ids, pa.array(n), text], schema=STREAM.schema)
            yield Batch(stream="t", data=data, state={"row": start + SIZE})
    def ack(self, split, state):
        pass


def peak():
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(told["VmHWM"].split()[0]) // 1024

source, state, told = Source(), None, []
diff = SnapshotDiff(source, Path(sys.argv[1]), before=sys.argv[2] == "before")
(split,) = diff.plan([STREAM], Mode.CHANGES)
for source.night in range(3):
    ops = {}
    for batch in diff.read(split, state):
        for op in pa.compute.value_counts(batch.data.column("_op")).to_pylist():
            ops[op["values"]] = ops.get(op["values"], 0) + op["counts"]
        state = batch.state
    diff.ack(split, state)
    told.append(ops)
print(json.dumps([peak(), told]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize(("before", "megabytes"), [("", 400), ("before", 450)])
def test_a_million_rows_need_no_more_memory_than_a_few(tmp_path, before, megabytes):
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path), before], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak, nights = json.loads(done.stdout)
    assert nights == [{"r": 1_000_000}, *[{"d": 3_334, "c": 3_334, "u": 6_666}] * 2]
    assert peak < megabytes
