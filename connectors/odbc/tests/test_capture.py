"""``connector capture`` over ODBC, and changes by comparison where nothing is installed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from connector_sdk.cli import main
from connector_sdk.runtime.session import Session
from connector_sdk.schema import Mode

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.fidelity_cases import CASES
from connectors.odbc.tests.test_fidelity import prepare, same
from connectors.odbc.tests.workload import Replica


@pytest.fixture
def config(system: System, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(dict(system.settings)))
    system.run("CREATE TABLE orders (id integer NOT NULL PRIMARY KEY, name varchar(20))", "INSERT INTO orders VALUES (1, 'one')")
    yield path


def _run(*words: object) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_capture_is_shown_installed_explained_and_removed(system: System, config: Path, tmp_path: Path) -> None:
    at = ("odbc", "-c", config, "-s", "orders")
    shown = _run("capture", "install", *at, "--method", "triggers", "--dry-run")
    assert "CREATE TRIGGER" in shown
    assert json.loads(_run("capture", "status", *at))[0]["method"] is None
    assert _run("capture", "install", *at, "--method", "triggers").count("CREATE TRIGGER") == shown.count("CREATE TRIGGER")
    (told,) = json.loads(_run("capture", "status", *at))
    assert told["method"] == "triggers" and told["waiting"] == 0 and "triggers" in told["about"]
    assert '"method": "triggers"' in _run("plan", *at, "--mode", "changes")
    assert "DROP TRIGGER" in _run("capture", "remove", *at)
    assert json.loads(_run("capture", "status", *at))[0]["method"] is None


def test_each_stream_that_is_named_is_captured_and_let_go(system: System, config: Path) -> None:
    system.run("CREATE TABLE items (id integer NOT NULL PRIMARY KEY)", "CREATE TABLE other (id integer NOT NULL PRIMARY KEY)")
    at, how = ("odbc", "-c", config), ("-s", "orders", "-s", "items", "--method", "triggers")

    def captured() -> list[str]:
        return [told["stream"] for told in json.loads(_run("capture", "status", *at)) if told["method"] == "triggers"]

    _run("capture", "install", *at, *how)
    assert captured() == ["items", "orders"]
    assert [told["stream"] for told in json.loads(_run("capture", "status", *at, *how[:4]))] == ["items", "orders"]
    _run("capture", "remove", *at, *how)
    assert captured() == []


def test_a_name_that_is_no_table_is_told_and_nothing_is_installed(system: System, config: Path) -> None:
    system.run("CREATE VIEW seen AS SELECT id FROM orders")
    at = ("odbc", "-c", config)
    for name, said in (("absent", "has no stream 'absent'"), ("seen", "'seen' is a view")):
        words = ["capture", "install", *map(str, at), "-s", "orders", "-s", name, "--method", "triggers"]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 2 and said in result.output
    assert json.loads(_run("capture", "status", *at, "-s", "orders"))[0]["method"] is None


def test_changes_are_told_by_comparison_where_nothing_is_installed(system: System, tmp_path: Path) -> None:
    """Of every type that can be read: twice the same is no change, and every row that was touched is one."""
    cases = [case for case in CASES[system.kind] if not case.apart and case.raw is None]
    prepare(system, [("nasty", cases)])
    replica = Replica(("id",))
    with Session(system.connector(index=str(tmp_path / "index"), max_change=None)) as session:
        assert Mode.CHANGES in session.stream("nasty").reads
        reading = session.changes("nasty")
        for batch in reading.batches():
            replica.apply(batch)
        assert sorted(row["id"] for row in replica.rows.values()) == list(range(len(cases)))
        again = session.changes("nasty", state=reading.state)
        assert sum(batch.num_rows for batch in again.batches()) == 0
        system.run("DELETE FROM nasty WHERE id = 3", "UPDATE nasty SET id = 1003 WHERE id = 4")
        third = session.changes("nasty", state=again.state)
        found = [(row["_op"], row["id"]) for batch in third.batches() for row in batch.to_pylist()]
        assert sorted(found) == [("c", 1003), ("d", 3), ("d", 4)]
    for number, case in enumerate(cases):
        assert same(replica.rows[(number,)][case.name], case.value), case.name
