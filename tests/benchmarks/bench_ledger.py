"""What is new among many files: a second run over unchanged ones against the bare listing, and a million in how much memory."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from tests.benchmarks.measure import PROGRAMS, Cost, Row, cost, scratch

LIMIT = 3.0  # seconds that a second run may take beyond the listing
MEMORY = 100e6  # bytes that a listing may hold, however long it is


def run(quick: bool) -> list[Row]:
    """The table's lines. `quick` has ten thousand files in place of a hundred thousand, and tells of a tenth of a million."""
    with scratch() as folder:
        return [
            *_unchanged(folder, 10_000 if quick else 100_000, 2 if quick else 5),
            *_many(folder, 100_000 if quick else 1_000_000),
        ]


def _unchanged(folder: Path, count: int, rounds: int) -> list[Row]:
    files, index = folder / "files", folder / "index"
    files.mkdir()
    for number in range(count):
        (files / f"orders-{number:07}.csv").write_text(f"id,text\n{number},row\n")
    first = _step("read", files, index, count)
    assert first.told["found"] == count
    extra, listing = [], []
    for _ in range(rounds):
        listing.append(_step("list", files, index, count))
        extra.append(_step("read", files, index, count).wall - listing[-1].wall)
        assert listing[-1].told["found"] == count
    beyond, bare = statistics.median(extra), statistics.median(one.wall for one in listing)
    what = f"File ledger, a second run over {count:,} unchanged files"
    return [
        Row(
            name=f"{what}, beyond the listing (peer: the limit)",
            ours=beyond,
            peer=LIMIT,
            ratio=LIMIT / beyond,
            target=1.0,
            unit="seconds",
        ),
        Row(
            name=f"{what}, with it (peer: the bare listing)",
            ours=beyond + bare,
            peer=bare,
            ratio=bare / (beyond + bare),
            target=None,
            unit="seconds",
        ),
    ]


def _many(folder: Path, count: int) -> list[Row]:
    index = folder / "told"
    assert _step("make-told", folder, index, count).told["found"] == count
    known = _step("look-told", folder, index, count)
    fresh = _step("look-told", folder, folder / "nothing", count)
    assert known.told["found"] == 0
    assert fresh.told["found"] == min(count, 100_000)
    return [
        Row(
            name=f"File ledger, {count:,} listed files, {which}: memory held (peer: the limit)",
            ours=found.told["grown"] / 1e6,
            peer=MEMORY / 1e6,
            ratio=MEMORY / max(1, found.told["grown"]),
            target=1.0,
            unit="MB",
        )
        for which, found in (("all known", known), ("all new", fresh))
    ]


def _step(step: str, files: Path, index: Path, count: int) -> Cost:
    return cost([sys.executable, PROGRAMS / "ledger_sdk.py", step, files, index, str(count)])
