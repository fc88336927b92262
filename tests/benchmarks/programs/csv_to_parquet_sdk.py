"""FOLDER SMALL LAYOUT OUT: a folder's CSV files to one Parquet file through the engine, as `connector read sftp -o OUT` does."""

import json
import sys
import time

import connector_sdk
from connector_sdk.runtime.engine import Job, run
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.runtime.targets import open_target
from connector_sdk.schema import Mode


def work(folder: str, out: str) -> int:
    streams = {"orders": {"files": "orders*.csv", "layout": sys.argv[3]}}
    with connector_sdk.open("sftp", folder=folder, settle=0, streams=streams) as session, open_target(out) as target:
        job = Job(
            source=session.source(),
            sink=target,
            streams=tuple(session.discover()),
            mode=Mode.FULL,
            write=target.mode,
            store=MemoryStore("sftp"),
            piece_bytes=target.piece_bytes,
        )
        return run(job).rows


work(sys.argv[2], f"{sys.argv[4]}-{time.time_ns()}.parquet")
start = time.process_time()
rows = work(sys.argv[1], f"{sys.argv[4]}-{time.time_ns()}.parquet")
print(json.dumps({"cpu": time.process_time() - start, "rows": rows}))
