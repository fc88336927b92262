"""Captured tables that are dropped, and perhaps made again: what is left of their capture is found, told and taken away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from connector_sdk.cli import main
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.session import Session

from connectors.odbc.tests.conftest import System
from connectors.odbc.tests.test_triggers import _objects

MADE = "CREATE TABLE t (id integer NOT NULL PRIMARY KEY, name varchar(20))"


@pytest.fixture
def config(system: System, tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump({**system.settings, "changes": "triggers"}))
    return path


def capture(config: Path, verb: str, *more: str) -> Result:
    return CliRunner().invoke(main, ["capture", verb, "odbc", "-c", str(config), "-s", "t", *more])


def ours(system: System) -> list[str]:
    return [name for (name,) in _objects(system) if name.startswith("_connector")]


def test_a_table_that_was_made_again_is_captured_again_when_what_was_left_is_removed(system: System, config: Path) -> None:
    system.run(MADE)
    assert capture(config, "install").exit_code == 0
    system.run("DROP TABLE t", MADE)
    refused = capture(config, "install")
    assert refused.exit_code == 2
    assert "_connector_changes_t" in refused.stderr and "connector capture remove" in refused.stderr
    removed = capture(config, "remove")
    assert removed.exit_code == 0 and "DROP TABLE" in removed.stdout
    assert ours(system) == []
    installed = capture(config, "install")
    assert installed.exit_code == 0 and "CREATE TRIGGER" in installed.stdout
    with Session(system.connector(changes="triggers")) as session:
        first = session.changes("t")
        assert first.table().num_rows == 0
        system.run("INSERT INTO t VALUES (1, 'one')")
        assert session.changes("t", state=first.state).table().column("_op").to_pylist() == ["c"]


def test_what_is_left_is_removed_while_the_table_is_away(system: System, config: Path) -> None:
    system.run(MADE)
    assert capture(config, "install").exit_code == 0
    system.run("DROP TABLE t")
    shown = capture(config, "remove", "--dry-run")
    assert shown.exit_code == 0 and "DROP TABLE" in shown.stdout
    assert ours(system) != []
    assert capture(config, "remove").stdout == shown.stdout
    assert ours(system) == []
    again = capture(config, "remove")
    assert again.exit_code == 2 and "has no stream 't'" in again.stderr


def test_a_table_that_was_made_again_without_a_key_is_let_go_as_well(system: System, config: Path) -> None:
    system.run(MADE)
    assert capture(config, "install").exit_code == 0
    system.run("DROP TABLE t", "CREATE TABLE t (name varchar(20))")
    assert capture(config, "remove").exit_code == 0
    assert ours(system) == []


def test_status_tells_what_is_left(system: System, config: Path) -> None:
    system.run(MADE)
    assert capture(config, "install").exit_code == 0
    system.run("DROP TABLE t", MADE)
    (told,) = json.loads(capture(config, "status").stdout)
    assert told["method"] is None
    assert "_connector_changes_t" in told["problem"] and "connector capture remove" in told["problem"]


def test_removing_what_is_not_there_says_so(system: System, config: Path) -> None:
    system.run(MADE)
    nothing = capture(config, "remove")
    assert nothing.exit_code == 0
    assert (nothing.stdout, nothing.stderr) == ("", "note: there is nothing to do\n")


def test_reads_on_mariadb_say_that_the_triggers_went_with_the_table(mariadb_system: System) -> None:
    system = mariadb_system
    system.run(MADE)
    with Session(system.connector(changes="triggers")) as session:
        session.call("capture.install", streams=["t"], method="triggers")
        first = session.changes("t")
        first.table()
        system.run("DROP TABLE t", MADE, "INSERT INTO t VALUES (1, 'one')")
        for state in (first.state, {}):
            with pytest.raises(ConfigError, match="has been made anew, and has no triggers"):
                session.changes("t", state=state).table()


def test_a_login_that_may_not_see_triggers_reads_what_they_tell(mariadb_system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system = mariadb_system
    system.run(MADE, "CREATE TABLE other (id integer)")
    with system.connector() as opened:
        opened.call("capture.install", {"streams": ["t"], "method": "triggers"})
    monkeypatch.setenv("READER_PASSWORD", "x")
    user, schema = f"r{system.schema}"[:20], system.quote(system.schema)
    system.run(
        f"CREATE USER {user}@'%' IDENTIFIED BY 'x'",
        f"GRANT SELECT ON {schema}.* TO {user}@'%'",
        f"GRANT TRIGGER ON {schema}.other TO {user}@'%'",
        f"GRANT PROCESS ON *.* TO {user}@'%'",
    )
    with Session(system.connector(changes="triggers", user=user, password="env:READER_PASSWORD")) as session:
        first = session.changes("t")
        first.table()
        system.run("INSERT INTO t VALUES (1, 'one')")
        assert session.changes("t", state=first.state).table().column("_op").to_pylist() == ["c"]
        (told,) = session.call("capture.status", streams=["t"])  # type: ignore[misc]
        assert told["method"] == "triggers"
