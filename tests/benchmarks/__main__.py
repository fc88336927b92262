"""`make bench`: every benchmark against its peers on the same work, in one run, as one table of ratios.

``python -m tests.benchmarks csv --quick`` runs one of them on small files; ``--markdown FILE`` writes the table for the docs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow

from tests.benchmarks.measure import Row

BENCHMARKS = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
HEAD = ("what", "unit", "ours", "peer", "ratio", "target", "")


def main() -> int:
    """Run the benchmarks that are asked for; 1 when one of them could not be run. A missed target is said, and fails nothing."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ours against its peers, in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small files and few rounds: the same story, less surely")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there as well")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")

    rows: list[Row] = []
    failed = []
    for name in asked.names or BENCHMARKS:
        began = time.monotonic()
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        try:
            rows += importlib.import_module(f"tests.benchmarks.bench_{name}").run(asked.quick)
        except Exception:
            failed.append(name)
            traceback.print_exc()
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    print(machine(), end="\n\n")
    print("\n".join(table(rows)))
    missed = sum(verdict(row) == "missed" for row in rows)
    print(f"\n{len(rows)} lines, {missed} missed their target" + (f"; could not be run: {', '.join(failed)}" if failed else ""))
    if asked.markdown:
        asked.markdown.write_text("\n".join([machine(), "", *markdown(rows), ""]), encoding="utf-8")
    return 1 if failed else 0


def machine() -> str:
    """On what this was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"Python {platform.python_version()}, pyarrow {pyarrow.__version__}"
    return f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {cores} cores{load}, {python}"


def cells(row: Row) -> tuple[str, ...]:
    target = "" if row.target is None else f"≥ {row.target:g}"
    return row.name, row.unit, number(row.ours), number(row.peer), f"{row.ratio:.2f}", target, verdict(row)


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(row: Row) -> str:
    if row.target is None:
        return ""
    return "reached" if row.ratio >= row.target else "missed"


def table(rows: Sequence[Row]) -> Iterator[str]:
    lines = [HEAD, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    for line in lines:
        left = [text.ljust(width) for text, width in zip(line[:2], widths[:2], strict=True)]
        right = [text.rjust(width) for text, width in zip(line[2:6], widths[2:6], strict=True)]
        yield "  ".join([*left, *right, line[6]]).rstrip()


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    yield f"| {' | '.join(HEAD)} |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | --- |"
    for row in rows:
        yield f"| {' | '.join(text.replace('|', '/') for text in cells(row))} |"


if __name__ == "__main__":
    sys.exit(main())
