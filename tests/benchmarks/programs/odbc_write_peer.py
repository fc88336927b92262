"""TABLE ROWS: pyodbc's executemany to where the variable BENCH_PYODBC says.

Moments are bound as ISO text, since MariaDB's driver drops the fraction of a bound datetime; fast_executemany is off, as it
loses microseconds on PostgreSQL and fails on MariaDB. The rows are Python's own before the clock starts.
"""

import json
import os
import sys
import time

import pyodbc
from odbc_rows import rows

table, count = sys.argv[1], int(sys.argv[2])
connection = pyodbc.connect(os.environ["BENCH_PYODBC"], timeout=30)
connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-8")
connection.setdecoding(pyodbc.SQL_WCHAR, encoding="utf-8")
connection.setencoding(encoding="utf-8")
values = [
    (*row[:11], row[11].isoformat(sep=" ", timespec="microseconds"))
    for batch in rows(count).to_batches(10_000)
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
]
begun, spent = time.perf_counter(), time.process_time()
cursor = connection.cursor()
for at in range(0, len(values), 10_000):
    cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * 12)})", values[at : at + 10_000])
connection.commit()
print(json.dumps({"wall": time.perf_counter() - begun, "cpu": time.process_time() - spent, "rows": len(values)}))
