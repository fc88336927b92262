"""OLD NEW INDEX: the changes between two snapshots, Arrow IPC files, one read after the other; only the second is counted."""

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
from connector_sdk.contract import Batch, Split
from connector_sdk.runtime.snapshot_diff import SnapshotDiff
from connector_sdk.schema import Mode, Stream


class File:
    """A keyed stream in a file."""

    path = sys.argv[1]

    def discover(self, only=None):
        with pa.OSFile(self.path) as file, pa.ipc.open_stream(file) as reader:
            return [Stream(name="customers", schema=reader.schema, keys=("id",))]

    def plan(self, streams, mode, where={}):  # noqa: B006 - as the contract has it
        return [Split(id="all", streams=tuple(streams), mode=mode)]

    def read(self, split, state, until=None):
        with pa.OSFile(self.path) as file, pa.ipc.open_stream(file) as reader:
            for number, data in enumerate(reader):
                yield Batch(stream="customers", data=data, state={"batch": number})

    def ack(self, split, state):
        pass


source, state = File(), None
diff = SnapshotDiff(source, Path(sys.argv[3]))
(split,) = diff.plan(list(diff.discover()), Mode.CHANGES)
told = {}
for name, source.path in (("first", sys.argv[1]), ("cpu", sys.argv[2])):
    start = time.process_time()
    changes = 0
    for batch in diff.read(split, state):
        changes += batch.data.num_rows
        state = batch.state
    diff.ack(split, state)
    told |= {name: time.process_time() - start, "changes": changes}
print(json.dumps(told))
