"""Copies between folders survive SIGKILL wherever it strikes. That connector-sftp keeps the laws is in its own tests."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from connector_sdk.formats.layout import layout_from
from connector_sdk.testing.comparison import difference
from connector_sdk.testing.crash import CrashJob, Side
from connector_sdk.testing.crash_runs import Worker
from connector_sdk.testing.in_memory import in_memory
from connector_sdk.testing.laws.crashing import survive
from connector_sftp import plain_files
from connector_sftp import simulator as sftp
from connector_sftp.simulator import SftpSimulator

LAYOUTS = {name: sftp.LAYOUTS[name] for name in ("orders", "readings")}
SFTP = "connector_sftp:SftpConnector"


@dataclass
class Copy:
    """All streams of one folder into another, which has a file of old rows in it; a folder and a state of its own each round."""

    source: SftpSimulator
    write: str
    folder: Path

    def __post_init__(self):
        self.name = f"copy, {self.write}"
        self.expected = {name: self.source.rows(name) for name in LAYOUTS}
        with SftpSimulator(seed=99) as other:
            self.old = {name: next(other.folder.glob(f"{name}*.csv")).read_bytes() for name in LAYOUTS}

    def prepare(self, number):
        self.target = self.folder / f"target-{number}"
        self.target.mkdir()
        for name, content in self.old.items():
            header = content[: content.index(b"\n") + 1]
            (self.target / f"{name}-old.csv").write_bytes(header if self.write == "append" else content)
        return CrashJob(
            source=Side(connector=SFTP, config={**self.source.config, "block_bytes": 16384}),
            sink=Side(connector=SFTP, config=self.config()),
            streams=tuple(LAYOUTS),
            mode="full",
            write=self.write,
            state=str(self.folder / f"state-{number}.json"),
            report="",
            piece_rows=300,
        )

    def config(self):
        return {
            "folder": str(self.target),
            "streams": {n: {"files": f"{n}-*.csv", "layout": dict(v)} for n, v in LAYOUTS.items()},
        }

    def compare(self):
        for name, value in LAYOUTS.items():
            layout = layout_from(value)
            rows = [row for file in self.target.glob(f"{name}-*.csv") for row in plain_files.read(layout, file.read_bytes())]
            problem = difference(self.expected[name], pa.Table.from_pylist(rows, schema=layout.schema))
            if problem:
                return f"stream {name!r}: {problem}"
        left = [str(file.relative_to(self.target)) for file in self.target.rglob("*.part")]
        return f"left behind: {', '.join(left)}" if left else None


@pytest.mark.slow
@pytest.mark.parametrize("write", ["append", "replace"])
def test_a_copy_between_folders_survives_sigkill_at_every_point(write):
    with in_memory(), tempfile.TemporaryDirectory() as folder, SftpSimulator() as source, Worker() as worker:
        told = survive(Copy(source, write, Path(folder)), worker, most=10_000)
    assert "killed at every one of" in told
    print(told)
