"""`make demo`: files on an SFTP server and a database become typed connectors; then only what is new, and every change."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.demo.database import show as show_database
from tests.demo.shell import Shell, note, title
from tests.servers.sshd import Server, server

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".demo"
DATA = Path(__file__).with_name("data")
HELD_BACK = 1_000  # rows of the corpus that arrive with the second delivery


def environment() -> Path:
    """A virtual environment of the demo's own, as a user's would be; made once, renewed when the packages change."""
    place = PLACE / "venv"
    sources = [ROOT / "pyproject.toml", *sorted(ROOT.glob("connectors/*/pyproject.toml"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + str(ROOT).encode()).hexdigest()
    stamp = place / ".set-up"
    uv = [str(Path(sys.executable).with_name("uv")), "-q"]
    python = str(place / "bin" / "python")
    if not stamp.exists() or stamp.read_text() != digest:
        note("set-up: a virtual environment of the demo's own (once)")
        subprocess.run([*uv, "venv", "--clear", "--seed", "--python", sys.executable, str(place)], check=True)
        packages = [
            "-e",
            f"{ROOT}[codegen]",
            "-e",
            str(ROOT / "connectors" / "sftp"),
            "-e",
            str(ROOT / "connectors" / "odbc"),
            "polars",
        ]
        subprocess.run([*uv, "pip", "install", "--python", python, *packages], check=True, cwd=ROOT)
        stamp.write_text(digest)
    subprocess.run(
        [*uv, "pip", "uninstall", "--python", python, "connector-airports", "connector-shop"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return place


def deliveries() -> tuple[bytes, bytes, str]:
    """Two files of runways, as a system would deliver them on two days, and where they come from."""
    corpus = os.environ.get("CONNECTOR_CORPUS") or str(ROOT.parent / "shared" / "corpus")
    real = Path(corpus) / "ourairports" / "runways.csv"
    if not real.is_file():
        return (DATA / "runways.csv").read_bytes(), (DATA / "runways-delivery.csv").read_bytes(), "files that come with the demo"
    lines = real.read_bytes().splitlines(keepends=True)
    cut = len(lines) - HELD_BACK
    assert sum(line.count(b'"') for line in lines[:cut]) % 2 == 0, "the cut lies within a quoted value"
    return b"".join(lines[:cut]), lines[0] + b"".join(lines[cut:]), "the real runways.csv of ourairports.com"


def configuration(running: Server) -> str:
    lines = [f"{key}: {value}" for key, value in running.settings.items()]
    return "\n".join(lines) + "\n"


def show(running: Server, work: Path, shell: Shell) -> None:
    first, second, origin = deliveries()
    (running.folder / "runways-2024-05-01.csv").write_bytes(first)
    (work / "runways.csv").write_bytes(first)
    (work / "airports.yaml").write_text(configuration(running))
    if running.kind == "sshd":
        note(f"A real sshd listens on 127.0.0.1:{running.port}; on it lies {origin}.")
    else:
        note(f"No sshd here: paramiko's embedded SFTP server listens on 127.0.0.1:{running.port}; on it lies {origin}.")

    title("1  From a sample file to a package")
    shell("connector new airports --from runways.csv")
    shell("cat connector-airports/connector_airports/source/runways.layout.yaml", lines=22)
    shell("pip install --quiet ./connector-airports")

    title("2  What it is")
    shell("connector list")
    shell("cat airports.yaml")
    shell("connector check airports -c airports.yaml")
    shell("connector discover airports -c airports.yaml", lines=24)

    title("3  Read it: Parquet and Avro, typed")
    read = "connector read airports -c airports.yaml -s runways --mode incremental"
    shell(f"{read} --state runways.state -o day1.parquet")
    shell("connector read airports -c airports.yaml -s runways -o runways.avro")

    title("4  The next day a file is delivered; only what is new is read")
    delivered = running.folder / "runways-2024-05-02.csv"
    delivered.write_bytes(second)
    note(f"  (now on the server as well: {delivered.name}, {second.count(bytes([10])) - 1:,} rows)")
    shell(f"{read} --state runways.state -o day2.parquet")
    shell("connector state show runways.state", lines=12)

    title("5  In Python")
    (work / "look.py").write_text(LOOK)
    shell("cat look.py")
    shell("python look.py")


LOOK = """\
import connector_sdk, polars, pyarrow.parquet, yaml

for name in "day1.parquet", "day2.parquet":
    print(f"{name}: {pyarrow.parquet.read_metadata(name).num_rows:,} rows")

with connector_sdk.open("airports", **yaml.safe_load(open("airports.yaml"))) as airports:
    with polars.Config(tbl_cols=6, tbl_hide_dataframe_shape=True):
        print(polars.DataFrame(airports.read("runways")).tail(5))
"""


def summary(running: Server, work: Path, copied: int, seconds: float) -> None:
    import pyarrow.parquet as pq

    counts = {name: pq.read_metadata(work / name).num_rows for name in ("day1.parquet", "day2.parquet")}
    fields = len(pq.read_schema(work / "day1.parquet"))
    kind = "a real sshd" if running.kind == "sshd" else "paramiko's embedded SFTP server"
    title("What you saw")
    print(f"  {kind} on loopback, and a connector that nobody wrote by hand: {fields} typed fields")
    print(f"  day 1: {counts['day1.parquet']:>7,} rows into Parquet and Avro")
    print(f"  day 2: {counts['day2.parquet']:>7,} rows, only those of the new file")
    if copied:
        print(f"  a real PostgreSQL: a package from its catalogue, and a copy whose {copied} customers follow every change")
    print(f"  in {seconds:.0f} s; everything lies in {work.relative_to(ROOT)}/ and the servers are stopped")
    print("  next:  docs/tutorials/first-connector.md does this with your own file")


def main() -> None:
    for ended in (signal.SIGTERM, signal.SIGHUP):  # leave by the front door, so that the server is stopped
        signal.signal(ended, lambda number, _: sys.exit(128 + number))
    PLACE.mkdir(exist_ok=True)
    venv = environment()
    started = time.monotonic()
    work, served = PLACE / "work", PLACE / "server"
    for folder in (work, served):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    shell = Shell(work, venv)
    with server(served) as running:
        show(running, work, shell)
    copied = show_database(work, shell)
    summary(running, work, copied, time.monotonic() - started)


if __name__ == "__main__":
    main()
