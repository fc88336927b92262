"""The rows that are written through ODBC, as an Arrow table: what tests/benchmarks/odbc_tables.py fills its tables with."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
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


def rows(count: int) -> pa.Table:
    numbers = range(1, count + 1)
    columns = [
        list(numbers),
        [f"K{n:08}" for n in numbers],
        [f"Customer {n * 7919 % 50000} Müller & Sons" for n in numbers],
        [None if n % 10 == 0 else f"some words about number {n}, and more" for n in numbers],
        [Decimal(n * 104729 % 100000000).scaleb(-2) for n in numbers],
        [n % 1000 for n in numbers],
        [n % 30000 for n in numbers],
        [None if n % 20 == 0 else n / 7 for n in numbers],
        [n * 31 % 9973 / 9973 for n in numbers],
        [n % 3 == 0 for n in numbers],
        [date(2000, 1, 1) + timedelta(days=n % 9000) for n in numbers],
        [datetime(2020, 1, 1) + timedelta(microseconds=n * 61000013) for n in numbers],
    ]
    return pa.table([pa.array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)
