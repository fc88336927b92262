"""`make demo`: files on an SFTP server become a typed connector, then Parquet and Avro, then only what is new."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.servers.sshd import Server, server

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".demo"
DATA = Path(__file__).with_name("data")
HELD_BACK = 1_000  # rows of the corpus that arrive with the second delivery

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, style: str) -> str:
    return f"\033[{style}m{text}\033[0m" if COLOUR else text


def title(text: str) -> None:
    print(f"\n{paint(text, '1;36')}", flush=True)


def note(text: str) -> None:
    print(paint(text, "2"), flush=True)


class Shell:
    """Runs commands in one folder with the demo's own environment, and shows each before it runs."""

    def __init__(self, folder: Path, environment: Path) -> None:
        self.folder = folder
        self.variables = {**os.environ, "PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(environment)}
        self.variables.pop("PYTHONPATH", None)
        self.commands = 0

    def __call__(self, command: str, *, lines: int | None = None) -> str:
        """Run `command`; show at most `lines` lines of what it prints on stdout. Ends the demo when it fails."""
        print(f"{paint('$', '1;32')} {paint(command, '1')}", flush=True)
        self.commands += 1
        done = subprocess.run(shlex.split(command), cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, text=True)
        shown = done.stdout.splitlines()
        for line in shown[:lines]:
            print(f"  {line}")
        if lines is not None and len(shown) > lines:
            note(f"  … {len(shown) - lines} more lines")
        sys.stdout.flush()
        if done.returncode:
            raise SystemExit(f"the demo stops here: that command left with {done.returncode}")
        return done.stdout


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
        packages = ["-e", f"{ROOT}[codegen]", "-e", str(ROOT / "connectors" / "sftp"), "polars"]
        subprocess.run([*uv, "pip", "install", "--python", python, *packages], check=True, cwd=ROOT)
        stamp.write_text(digest)
    subprocess.run([*uv, "pip", "uninstall", "--python", python, "connector-airports"], check=True, stderr=subprocess.DEVNULL)
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


def summary(running: Server, work: Path, seconds: float) -> None:
    import pyarrow.parquet as pq

    counts = {name: pq.read_metadata(work / name).num_rows for name in ("day1.parquet", "day2.parquet")}
    fields = len(pq.read_schema(work / "day1.parquet"))
    kind = "a real sshd" if running.kind == "sshd" else "paramiko's embedded SFTP server"
    title("What you saw")
    print(f"  {kind} on loopback, and a connector that nobody wrote by hand: {fields} typed fields")
    print(f"  day 1: {counts['day1.parquet']:>7,} rows into Parquet and Avro")
    print(f"  day 2: {counts['day2.parquet']:>7,} rows, only those of the new file")
    print(f"  in {seconds:.0f} s; everything lies in {work.relative_to(ROOT)}/ and the server is stopped")
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
    with server(served) as running:
        show(running, work, Shell(work, venv))
    summary(running, work, time.monotonic() - started)


if __name__ == "__main__":
    main()
