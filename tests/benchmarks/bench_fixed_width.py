"""Fixed width to Arrow against pandas.read_fwf and polars with string slicing, over the same file of typical records."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pyarrow as pa
from connector_sdk.formats.layout import Field, FixedWidth, Layout, Place

from tests.benchmarks.measure import PROGRAMS, Row, interleaved, scratch


def _layout() -> Layout:
    """20 fields in 250 bytes: names and addresses, account numbers, amounts with overpunched signs, dates."""
    fields: list[Field] = []
    start = 1

    def add(name: str, kind: pa.DataType, length: int, formats: tuple[str, ...] = (), **place: object) -> None:
        nonlocal start
        at = Place(start=start, length=length, **place)  # type: ignore[arg-type]
        fields.append(Field(name=name, type=kind, format=formats, place=at))
        start += length

    add("account", pa.int64(), 11)
    add("branch", pa.int64(), 4)
    for name, length in (("first", 20), ("last", 25), ("street", 30), ("city", 25), ("zip", 10), ("country", 3), ("phone", 15)):
        add(name, pa.string(), length)
    for name in ("balance", "limit", "credit", "debit"):
        add(name, pa.decimal128(12, 2), 12, scale=2, sign="overpunch")
    add("opened", pa.date32(), 8, ("%Y%m%d",))
    add("changed", pa.date32(), 8, ("%Y%m%d",))
    add("score", pa.int32(), 3)
    add("status", pa.string(), 1)
    add("group", pa.string(), 10)
    add("points", pa.int64(), 9, pad=" ")
    add("note", pa.string(), 20)
    return Layout(name="accounts", encoding="ascii", form=FixedWidth(length=start - 1), fields=tuple(fields))


LAYOUT = _layout()
PAGE = 20_000
"""Records that differ; a larger file repeats them."""


def run(quick: bool) -> list[Row]:
    """The table's lines. `quick` takes a small file and fewer rounds."""
    with scratch() as folder:
        layout = folder / "layout.yaml"
        layout.write_text(LAYOUT.to_yaml())
        large, small = (
            write(folder / "large.txt", (20 if quick else 200) << 20),
            write(folder / "small.txt", (10 if quick else 40) << 20),
        )
        program = PROGRAMS / "fixed_width_to_arrow.py"
        rounds = 2 if quick else 7

        def against(peer: str, file: Path) -> tuple[float, float, float]:
            commands = {who: [sys.executable, program, file, layout, who] for who in ("sdk", peer)}
            found = interleaved(commands, rounds)
            assert found["sdk"].told["rows"] == found[peer].told["rows"], found
            megabytes = file.stat().st_size / 1e6
            return megabytes / found["sdk"].cpu, megabytes / found[peer].cpu, found[peer].cpu / found["sdk"].cpu

        rows = []
        for peer, file, target, name in (
            ("pandas", small, 10.0, "pandas.read_fwf"),
            ("polars", large, 1.0, "polars, sliced and cast"),
            ("polars-text", large, 1.0, "polars, sliced into text only"),
        ):
            ours, theirs, ratio = against(peer, file)
            told = f"Fixed width to Arrow, against {name}"
            rows.append(Row(name=told, ours=ours, peer=theirs, ratio=ratio, target=target, unit="MB per CPU second"))
        return rows


def write(path: Path, size: int) -> Path:
    """A file of about `size` bytes."""
    dice = random.Random(1)
    page = "".join(_record(dice) + "\n" for _ in range(PAGE)).encode("ascii")
    with path.open("wb") as file:
        for _ in range(max(size // len(page), 1)):
            file.write(page)
    return path


def _record(dice: random.Random) -> str:
    parts = []
    for field in LAYOUT.fields:
        assert field.place is not None
        length = field.place.length
        if pa.types.is_string(field.type):
            parts.append("".join(dice.choices("abcdefghij ", k=dice.randrange(1, length + 1))).strip().ljust(length))
        elif pa.types.is_date(field.type):
            parts.append(f"20{dice.randrange(100):02}{dice.randrange(1, 13):02}{dice.randrange(1, 29):02}")
        elif field.place.sign == "overpunch":
            parts.append(f"{dice.randrange(10 ** (length - 1)):0{length - 1}}" + dice.choice("{ABCDEFGHI}JKLMNOPQR"))
        else:
            number = str(dice.randrange(10**length // 10))
            parts.append(number.rjust(length) if field.place.pad == " " else number.zfill(length))
    return "".join(parts)
