"""Nightly whole drops copied as changes, on the command line: three nights, one of them cut short, and `--confirm`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result
from connector_sdk.cli import main
from connector_sdk.testing.fake_simulator import FakeSimulator

FAKE = "connector_sdk.testing.fakes:FakeConnector"
COPY = f"copy sftp -c shop.yaml -s people --to-config there.json --mode changes --write apply --state people.state --to {FAKE}"


def run(line: str) -> Result:
    return CliRunner().invoke(main, line.split())


def night(name: str, rows: dict[int, str]) -> None:
    Path("in", f"people-{name}.csv").write_text("id,name\n" + "".join(f"{key},{value}\n" for key, value in rows.items()))


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    people = {"files": "people-*.csv", "takes": "latest", "keys": ["id"]}
    Path("shop.yaml").write_text(yaml.safe_dump({"folder": "in", "settle": 0, "index": "index", "streams": {"people": people}}))


FIRST = {number: f"P{number}" for number in range(1, 21)}
SECOND = {**{key: name for key, name in FIRST.items() if key != 7}, 3: "Ada", 21: "Grace"}


def test_a_replica_follows_three_nights_and_refuses_one_that_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeSimulator(streams=()) as target:
        Path("there.json").write_text(json.dumps(dict(target.config)))

        def replica() -> dict[int, str]:
            return {row["id"]: row["name"] for row in target.rows("people").to_pylist()}

        night("20260101", FIRST)
        first = run(COPY)
        assert first.exit_code == 0, first.output
        assert replica() == FIRST
        night("20260102", SECOND)
        assert run(COPY).exit_code == 0
        assert replica() == SECOND
        night("20251231", {1: "an old one that comes late"})
        assert run(COPY).exit_code == 0
        assert replica() == SECOND

        night("20260103", {1: "P1", 2: "P2"})
        refused = run(COPY)
        assert refused.exit_code == 4
        assert "would delete 18 and change 0 of 20 rows" in refused.stderr and "--confirm" in refused.stderr
        assert replica() == SECOND
        assert run(f"{COPY} --confirm").exit_code == 0
        assert replica() == {1: "P1", 2: "P2"}
        night("20260104", {1: "P1", 2: "P2", 3: "P3"})
        assert run(COPY).exit_code == 0
        assert replica() == {1: "P1", 2: "P2", 3: "P3"}


def changes(folder: str) -> list[dict[str, Any]]:
    files = sorted(Path(folder).rglob("*.parquet"))
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return [{key: row[key] for key in ("_op", "id", "name")} for row in rows]


def test_each_night_s_changes_in_a_folder() -> None:
    read = "read sftp -c shop.yaml -s people --mode changes --state people.state --format parquet -o"
    night("20260101", FIRST)
    assert run(f"{read} first/").exit_code == 0
    assert {row["_op"] for row in changes("first")} == {"r"}
    night("20260102", SECOND)
    assert run(f"{read} second/").exit_code == 0
    assert changes("second") == [
        {"_op": "d", "id": 7, "name": None},
        {"_op": "u", "id": 3, "name": "Ada"},
        {"_op": "c", "id": 21, "name": "Grace"},
    ]
    for file in Path("in").iterdir():
        file.unlink()
    missing = run(f"{read} third/")
    assert missing.exit_code != 0
    assert not changes("third")
