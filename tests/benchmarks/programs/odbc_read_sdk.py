"""SETTINGS TABLE THREADS: a table's rows as Arrow batches with connector-odbc, its splits in THREADS threads."""

import json
import resource
import sys
import threading
import time

from connector_odbc import OdbcConnector
from connector_sdk.plugins import make
from connector_sdk.schema import Mode

settings, table, threads = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def work(table: str) -> int:
    counts: list[int] = []
    with make(OdbcConnector, settings) as connector:
        splits = list(connector.plan(list(connector.discover([table])), Mode.FULL))

        def read() -> None:
            while True:
                try:
                    split = splits.pop(0)
                except IndexError:
                    return
                counts.append(sum(batch.data.num_rows for batch in connector.read(split, None)))

        workers = [threading.Thread(target=read) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return sum(counts)


work("warm")
before, begun, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), time.process_time()
rows = work(table)
told = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - spent, "rows": rows}
growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps({**told, "growth": growth}))
