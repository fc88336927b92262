"""`connector test` prints a certificate and fails when a law is broken; `connector simulate` is a system to try."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result
from processes import Process

Run = Callable[..., Result]

FAKE = "connector_sdk.testing.fakes:FakeConnector"


@pytest.fixture(autouse=True)
def few() -> None:
    Path("few.json").write_text('{"count": 20}')


def test_a_certificate_has_every_law(connector: Run) -> None:
    result = connector("test", "systems:Numbers", "-c", "few.json")
    assert result.exit_code == 0, result.output
    laws = [line.split()[:2] for line in result.stdout.splitlines() if line[:2].strip().isdigit()]
    assert [int(number) for number, _ in laws] == list(range(1, 13))
    assert {verdict for _, verdict in laws} == {"kept", "not"}
    assert result.stdout.splitlines()[-1].startswith("systems:Numbers")


def test_a_broken_law_is_exit_7_and_named(connector: Run) -> None:
    result = connector("test", "systems:Doubling", "-c", "few.json")
    assert result.exit_code == 7
    assert result.stderr.startswith("error: systems:Doubling breaks law")
    assert len(result.stderr.splitlines()) == 1
    told = connector("test", "systems:Doubling", "-c", "few.json", "--json")
    assert told.exit_code == 7
    certificate = json.loads(told.stdout)
    assert not certificate["kept"]
    assert certificate["results"][0]["verdict"] == "broken"


def test_without_a_simulator_or_a_configuration_there_is_nothing_to_test(connector: Run) -> None:
    assert connector("test", "systems:Numbers").exit_code == 2
    assert connector("simulate", "systems:Numbers").exit_code == 2


def test_a_simulator_serves_until_it_is_stopped(process: Callable[..., Process], connector: Run) -> None:
    running = process("simulate", FAKE)
    out, err = running.popen.stdout, running.popen.stderr
    assert out is not None
    assert err is not None
    assert err.readline().startswith("file: ")
    export = err.readline()
    assert export.startswith("export CONNECTOR_FAKE_")
    variable, _, value = export.removeprefix("export ").strip().partition("=")
    assert "Ctrl-C ends it" in err.readline()
    settings = yaml.safe_load(out.readline() + out.readline())
    Path("fake.json").write_text(json.dumps(settings))
    result = connector("read", FAKE, "-c", "fake.json", "-s", "orders", "-o", "orders.parquet", env={variable: value})
    assert result.exit_code == 0, result.output
    running.popen.send_signal(signal.SIGINT)
    assert running.end()[0] == 0
    assert not Path(settings["file"]).exists()


def test_a_simulator_s_data_change_day_by_day(process: Callable[..., Process]) -> None:
    running = process("simulate", FAKE, "--days", "2", "--every", "0.1")
    out, err = running.popen.stdout, running.popen.stderr
    assert out is not None
    assert err is not None
    told = [err.readline() for _ in range(5)]
    assert [line.strip() for line in told[3:]] == ["note: day 1 of 2", "note: day 2 of 2"]
    file = yaml.safe_load(out.readline() + out.readline())["file"]
    assert b'"d"' in Path(file).read_bytes()  # something was deleted
    running.popen.send_signal(signal.SIGINT)
    assert running.end()[0] == 0


def test_a_simulator_that_does_not_listen_refuses_a_port(connector: Run) -> None:
    result = connector("simulate", "systems:Quiet", "--port", "2222")
    assert result.exit_code == 2
    assert "does not listen on a port" in result.stderr
