"""CSV: to Arrow against Arrow's own reader, to Parquet against dlt and Singer, and how much memory 2 GB take."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from connector_sdk.formats.layout import Field, Layout

from tests.benchmarks.measure import PROGRAMS, Cost, Row, cost, interleaved, peers, scratch

LAYOUT = Layout(
    name="orders",
    fields=tuple(
        Field(name=name, type=kind)
        for name, kind in {
            "id": pa.int64(),
            "customer": pa.string(),
            "amount": pa.decimal128(12, 2),
            "quantity": pa.int64(),
            "day": pa.date32(),
            "at": pa.timestamp("us"),
            "paid": pa.bool_(),
            "country": pa.string(),
            "note": pa.string(),
            "weight": pa.float64(),
            "latitude": pa.float64(),
            "reference": pa.string(),
        }.items()
    ),
)
BAD_EVERY = 10_000
PAGE = 100_000
"""Rows that differ; a larger file repeats them."""


def run(quick: bool) -> list[Row]:
    """The table's lines. `quick` takes small files, one or two rounds, and tells the same story less surely."""
    size = (40 if quick else 400) << 20
    rows = []
    with scratch() as folder:
        layout = folder / "layout.yaml"
        layout.write_text(LAYOUT.to_yaml())
        for name, lines, target in (("CSV to Arrow", False, 0.8), ("CSV to Arrow, quoted newlines", True, 0.75)):
            good = write(folder / "good.csv", size, lines=lines, bad=False)
            bad = write(folder / "bad.csv", size, lines=lines, bad=True)
            found = interleaved(
                {
                    "ours": [sys.executable, PROGRAMS / "csv_to_arrow_sdk.py", bad, layout],
                    "peer": [sys.executable, PROGRAMS / "csv_to_arrow_pyarrow.py", good, layout],
                },
                2 if quick else 9,
            )
            ours = found["ours"].told
            assert ours["rejects"] == found["peer"].told["rows"] - ours["rows"] > 0, found
            rows.append(
                _speed(f"{name}, 0.01 % bad rows, against pyarrow.csv.open_csv", found["ours"], found["peer"], good, target)
            )
            good.unlink()
            bad.unlink()
        rows += _pipelines(folder, layout, quick)
        rows.append(_memory(folder, layout, (200 if quick else 2048) << 20))
    return rows


def _speed(name: str, ours: Cost, peer: Cost, file: Path, target: float | None) -> Row:
    megabytes = file.stat().st_size / 1e6
    return Row(
        name=name,
        ours=megabytes / ours.cpu,
        peer=megabytes / peer.cpu,
        ratio=peer.cpu / ours.cpu,
        target=target,
        unit="MB per CPU second",
    )


def _pipelines(folder: Path, layout: Path, quick: bool) -> list[Row]:
    """The same file to Parquet, as each tool's documentation says to do it; the Singer tap only has to emit its messages."""
    drop, small = folder / "drop", folder / "small"
    drop.mkdir()
    small.mkdir()
    file = write(drop / "orders.csv", (20 if quick else 60) << 20, lines=False, bad=False)
    with file.open("rb") as whole, (small / "orders.csv").open("wb") as start:
        start.writelines(whole.readlines(10_000))
    rows = []
    ours = [sys.executable, PROGRAMS / "csv_to_parquet_sdk.py", drop, small, layout, folder / "ours"]
    for name, packages, program, target in (
        ("dlt filesystem, read_csv", ("dlt[filesystem,parquet]", "pandas"), ("csv_to_parquet_dlt.py", "read_csv"), 5.0),
        (
            "dlt filesystem, read_csv_duckdb",
            ("dlt[filesystem,parquet]", "duckdb<2"),
            ("csv_to_parquet_dlt.py", "read_csv_duckdb"),
            5.0,
        ),
        (
            "the same with use_pyarrow",
            ("dlt[filesystem,parquet]", "duckdb<2"),
            ("csv_to_parquet_dlt.py", "read_csv_duckdb, use_pyarrow"),
            None,
        ),
        ("a Meltano SDK tap", ("singer-sdk",), ("csv_tap_singer.py", ""), 5.0),
    ):
        python = peers(*packages)
        if python is None:
            continue
        theirs = [python, PROGRAMS / program[0], drop, small, folder / "peer", program[1]]
        found = interleaved({"ours": ours, "peer": theirs}, 1 if quick else 3)
        assert found["ours"].told["rows"] == found["peer"].told["rows"], found
        rows.append(_speed(f"CSV to Parquet, against {name}", found["ours"], found["peer"], file, target))
    return rows


def _memory(folder: Path, layout: Path, size: int) -> Row:
    file = write(folder / "large.csv", size, lines=True, bad=True)
    taken = cost([sys.executable, PROGRAMS / "csv_to_arrow_sdk.py", file, layout]).peak / 1e6
    file.unlink()
    return Row(
        name=f"Peak memory while {size / (1 << 30):.1f} GB become Arrow (peer: the limit)",
        ours=taken,
        peer=300.0,
        ratio=300 / taken,
        target=1.0,
        unit="MB",
    )


def write(path: Path, size: int, *, lines: bool, bad: bool) -> Path:
    """A file of about `size` bytes; `lines`: a third of the notes have a quoted line end; `bad`: one row in ten thousand is."""
    page = "".join(_rows(lines, bad)).encode()
    with path.open("wb") as file:
        file.write((",".join(LAYOUT.names) + "\n").encode())
        for _ in range(max(size // len(page), 1)):
            file.write(page)
    return path


def _rows(lines: bool, bad: bool) -> Iterator[str]:
    dice = random.Random(1)
    for number in range(PAGE):
        note = f"some words about number {number}, and more"
        if lines and number % 3 == 0:
            note = f'first line of {number}\nand ""the"" second'
        day, at = (f"{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}" for _ in range(2))
        row = (
            f'{number},"{dice.randrange(5000)} Müller ""& Sons"", Ltd",{dice.randrange(10**7) / 100:.2f},{dice.randrange(1000)},'
            f"2020-{day},2021-{at} {dice.randrange(24):02}:{dice.randrange(60):02}:07,{dice.choice(('true', 'false'))},"
            f'{dice.choice(("AT", "DE", "CH"))},"{note}",{dice.random()!r},{dice.uniform(-90, 90)!r},K{number:08}'
        )
        if bad and number % BAD_EVERY == BAD_EVERY // 2:
            kind = number // BAD_EVERY % 3
            row = row.replace(",2020-", ",spring-", 1) if kind == 0 else row + ",extra" if kind == 1 else "x" + row
        yield row + "\n"
