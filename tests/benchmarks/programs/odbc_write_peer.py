"""WAY TABLE ROWS: rows written as each tool's documentation says to do it, to where the variable BENCH_<WAY> says.

The rows are Python's own, or text, before the clock starts.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from odbc_rows import rows

way, table, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
where = os.environ[f"BENCH_{way.upper()}"]


def executemany() -> Callable[[], None]:
    """Moments are bound as ISO text, since MariaDB's driver drops the fraction of a bound datetime; fast_executemany is off,
    as it loses microseconds on PostgreSQL and fails on MariaDB.
    """
    import pyodbc

    connection = pyodbc.connect(where, timeout=30)
    connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-8")
    connection.setdecoding(pyodbc.SQL_WCHAR, encoding="utf-8")
    connection.setencoding(encoding="utf-8")
    values = [
        (*row[:11], row[11].isoformat(sep=" ", timespec="microseconds"))
        for batch in rows(count).to_batches(10_000)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]

    def write() -> None:
        cursor = connection.cursor()
        for at in range(0, len(values), 10_000):
            cursor.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * 12)})", values[at : at + 10_000])
        connection.commit()

    return write


def _text() -> str:
    """Rows as both servers' bulk loaders take them: separated by tabs."""
    columns = [
        ["\\N" if v is None else str(int(v)) if isinstance(v, bool) else str(v) for v in c.to_pylist()]
        for c in rows(count).columns
    ]
    return "".join("\t".join(row) + "\n" for row in zip(*columns, strict=True))


def copy() -> Callable[[], None]:
    """PostgreSQL's own bulk loader."""
    import psycopg

    connection = psycopg.connect(where)
    text = _text().encode()

    def write() -> None:
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as lines:
            lines.write(text)
        connection.commit()

    return write


def load_data() -> Callable[[], None]:
    """MariaDB's own bulk loader."""
    import tempfile

    import pymysql

    parts = urlsplit(where)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:],
        local_infile=True,
    )
    file = tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8")  # noqa: SIM115, it lives as long as the program
    file.write(_text())
    file.flush()

    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE {table} CHARACTER SET utf8mb4")
        connection.commit()
        file.close()

    return write


write = {"pyodbc": executemany, "copy": copy, "load_data": load_data}[way]()
begun, spent = time.perf_counter(), time.process_time()
write()
print(json.dumps({"wall": time.perf_counter() - begun, "cpu": time.process_time() - spent, "rows": count}))
