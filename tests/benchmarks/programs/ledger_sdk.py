"""What it costs to find out what is new: ``ledger_sdk.py STEP FOLDER INDEX COUNT``, a step in a process of its own.

``list`` and ``read``: a folder of files is listed, or read from the state that the last ``read`` left. For a folder that only
tells of COUNT files, ``make-told`` writes down that all have been read, and ``look-told`` asks which are new.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from connector_sdk.runtime.folder import Entry, LocalFolder
from connector_sdk.schema import Mode
from connector_sftp import SftpConnector
from connector_sftp.config import SftpConfig
from connector_sftp.ledger import ExactLedger

LAYOUT = {"fields": [{"name": "id", "type": "int64"}, {"name": "text", "type": "string"}], "keys": ["id"]}
step, folder, index, count = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
saved = index / "state.json"


def told() -> Iterator[Entry]:
    for number in range(count):
        yield Entry(name=f"orders-{number:07}.csv", size=1000 + number % 977, mtime=1.7e9 + number)


def ledger() -> ExactLedger:
    state = json.loads(saved.read_text()) if saved.exists() else None
    return ExactLedger(state, index=index, split="orders", lanes="one", compares=True)


def save(state: object) -> None:
    index.mkdir(parents=True, exist_ok=True)
    saved.write_text(json.dumps(state))


def read() -> int:
    config = SftpConfig.model_validate(
        {"folder": str(folder), "settle": 0, "index": index, "streams": {"orders": {"files": "orders-*.csv", "layout": LAYOUT}}}
    )
    rows = 0
    with SftpConnector(config) as connector:
        (split,) = connector.plan(list(connector.discover()), Mode.INCREMENTAL)
        state = json.loads(saved.read_text()) if saved.exists() else None
        for batch in connector.read(split, state):
            rows += batch.data.num_rows
            state = batch.state
        assert state is not None
        save(state)
        connector.ack(split, state)
    return rows


def make() -> int:
    known = ledger()
    for number, entry in enumerate(told()):
        known.finish(entry)
        if number % 100_000 == 0:
            known.forget()
    known.forget()
    save(known.state())
    return count


before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begun, cpu = time.perf_counter(), time.process_time()
match step:
    case "list":
        found = sum(1 for _ in LocalFolder(folder).list(depth=1))
    case "read":
        found = read()
    case "make-told":
        found = make()
    case _:
        found = len(ledger().new(told()))
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps({"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu, "found": found, "grown": grown}))
