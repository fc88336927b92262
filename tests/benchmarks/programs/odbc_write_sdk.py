"""SETTINGS TABLE ROWS: append rows to a table with connector-odbc."""

import json
import resource
import sys
import time

from connector_odbc import OdbcConnector
from connector_sdk.plugins import make
from connector_sdk.runtime.session import Session
from odbc_rows import rows

settings, table, count = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
warm, all_rows = rows(10), rows(count)

with Session(make(OdbcConnector, settings), "warm") as session:
    session.write(f"{table}_warm", warm)
before, begun, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), time.process_time()
with Session(make(OdbcConnector, settings), "sink") as session:
    session.write(table, all_rows)
told = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - spent, "rows": count}
growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps({**told, "growth": growth}))
