"""WAY TABLE: a table's rows as Arrow, as each tool's documentation says to do it, from where the variable BENCH_<WAY> says."""

import json
import os
import resource
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
way, where = sys.argv[1], os.environ[f"BENCH_{sys.argv[1].upper()}"]


def pyodbc_rows(table: str) -> int:
    """Rows, a batch at a time, each column of which becomes an array of its type."""
    import pyarrow as pa
    import pyodbc

    schema = pa.schema(
        [
            ("id", pa.int64()),
            ("sku", pa.string()),
            ("customer", pa.string()),
            ("note", pa.string()),
            ("amount", pa.decimal128(12, 2)),
            ("quantity", pa.int32()),
            ("rank", pa.int16()),
            ("weight", pa.float64()),
            ("share", pa.float64()),
            ("open", pa.bool_()),
            ("day", pa.date32()),
            ("changed", pa.timestamp("us")),
        ]
    )
    connection = pyodbc.connect(where, timeout=30)
    if "sqlite" in where.lower():
        # As its driver hands it over.
        schema = schema.set(4, pa.field("amount", pa.string()))
    else:  # https://github.com/mkleehammer/pyodbc/wiki/Unicode: for PostgreSQL, MySQL and MariaDB
        connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-8")
        connection.setdecoding(pyodbc.SQL_WCHAR, encoding="utf-8")
        connection.setencoding(encoding="utf-8")
        if "postgres" not in where.lower():
            schema = schema.set(9, pa.field("open", pa.int8()))
    cursor = connection.execute(f"SELECT * FROM {table}")
    count = 0
    while rows := cursor.fetchmany(10_000):
        columns = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]
        count += pa.RecordBatch.from_arrays(columns, schema=schema).num_rows
    connection.close()
    return count


def dlt_pyarrow(table: str) -> int:
    """The source alone, without a pipeline behind it."""
    from dlt.sources.sql_database import sql_table

    return sum(part.num_rows for part in sql_table(where, table=table, backend="pyarrow", chunk_size=50_000))


def connectorx(table: str) -> int:
    import connectorx

    whole = connectorx.read_sql(
        where, f"SELECT * FROM {table}", return_type="arrow", partition_on="id", partition_num=2, protocol="binary"
    )
    return whole.num_rows


def adbc(table: str) -> int:
    if where.startswith("postgresql:"):
        from adbc_driver_postgresql import dbapi
    else:
        from adbc_driver_sqlite import dbapi
    with dbapi.connect(where) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


def copy(table: str) -> int:
    """The server's text, nothing made of it: how fast it can be had at all."""
    import psycopg

    with psycopg.connect(where) as connection, connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT") as lines:
        return sum(bytes(block).count(b"\n") for block in lines)


WAYS = {"pyodbc": pyodbc_rows, "dlt": dlt_pyarrow, "connectorx": connectorx, "adbc": adbc, "copy": copy}
work = WAYS[way]
work("warm")
before, begun, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter(), time.process_time()
rows = work(sys.argv[2])
told = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - spent, "rows": rows}
growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps({**told, "growth": growth}))
