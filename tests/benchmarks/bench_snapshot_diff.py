"""Changes found by comparing full reads: how many rows a second, in how much memory, and against a join that holds both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.benchmarks.measure import PROGRAMS, Row, interleaved, scratch

PAGE = 65_536
CHANGES = 10  # in a thousand rows: 8 have another value, 1 is gone, 1 is new
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("city", pa.string()),
        ("email", pa.string()),
        ("amount", pa.decimal128(12, 2)),
        ("quantity", pa.int32()),
        ("weight", pa.float64()),
        ("changed", pa.timestamp("us", "UTC")),
        ("open", pa.bool_()),
        ("day", pa.date32()),
    ]
)


def run(quick: bool) -> list[Row]:
    """The table's lines. `quick` compares a million rows once instead of ten million three times."""
    rows = 1_000_000 if quick else 10_000_000
    with scratch() as folder:
        old, new = (write(folder / f"{night}.arrow", rows, night) for night in range(2))
        found = interleaved(
            {
                name: [sys.executable, PROGRAMS / f"snapshot_diff_{name}.py", old, new, folder / "index"]
                for name in ("sdk", "duckdb")
            },
            1 if quick else 3,
        )
    ours, peer = found["sdk"], found["duckdb"]
    assert ours.told["changes"] == peer.told["changes"] == rows * CHANGES // 1000, found
    what = f"Changes of {rows / 1e6:.0f} M rows of {len(SCHEMA)} fields, 1 % changed"
    speed = rows / ours.cpu
    return [
        Row(
            name=f"{what} (peer: what is asked for)",
            ours=speed,
            peer=500_000,
            ratio=speed / 500_000,
            target=1.0,
            unit="rows per CPU second",
        ),
        Row(
            name=f"{what}, peak memory (peer: the limit)",
            ours=ours.peak / 1e6,
            peer=500,
            ratio=500e6 / ours.peak,
            target=1.0,
            unit="MB",
        ),
        Row(
            name=f"{what}, against a full outer join in DuckDB that has both snapshots at hand",
            ours=speed,
            peer=rows / peer.cpu,
            ratio=peer.cpu / ours.cpu,
            target=None,
            unit="rows per CPU second",
        ),
        Row(
            name=f"{what}, peak memory against that join",
            ours=ours.peak / 1e6,
            peer=peer.peak / 1e6,
            ratio=peer.peak / ours.peak,
            target=None,
            unit="MB",
        ),
    ]


def write(path: Path, rows: int, night: int) -> Path:
    """A snapshot as an Arrow IPC stream."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, SCHEMA) as writer:
        for batch in _pages(rows, night):
            writer.write_batch(batch)
    return path


def _pages(rows: int, night: int) -> Iterator[pa.RecordBatch]:
    dice = np.random.default_rng(1)
    numbers = np.arange(PAGE)
    cents = pa.array(dice.integers(0, 10**9, PAGE)).cast(pa.decimal128(38, 0))
    columns = [
        pa.array([f"Customer {n} of {n % 97}" for n in numbers]),
        pa.array([f"city {n % 1000}" for n in numbers]),
        pa.array([f"user{n}@example.com" for n in numbers]),
        pa.Array.from_buffers(pa.decimal128(12, 2), PAGE, cents.buffers()),
        pa.array(dice.integers(0, 100, PAGE).astype(np.int32)),
        pa.array(dice.random(PAGE)),
        pa.array(dice.integers(0, 10**15, PAGE)).cast(pa.timestamp("us", "UTC")),
        pa.array(dice.random(PAGE) > 0.5),
        pa.array(dice.integers(0, 20_000, PAGE).astype(np.int32)).cast(pa.date32()),
    ]
    for start in range(0, rows, PAGE):
        count = min(PAGE, rows - start)
        ids = np.arange(start, start + count)
        page = [column.slice(0, count) for column in columns]
        if night:
            chance = ids * 7_919 % 1_000
            ids = np.where(chance == 8, ids + rows, ids)
            page[4] = pa.array(np.where(chance < 8, 1_000, page[4].to_numpy()).astype(np.int32))
        yield pa.RecordBatch.from_arrays([pa.array(ids), *page], schema=SCHEMA)
