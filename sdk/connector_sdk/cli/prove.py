"""``connector test`` and ``connector simulate``: the laws a connector keeps, and a stand-in for its system."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice, one_line, plain
from connector_sdk.cli.opening import find
from connector_sdk.cli.options import example
from connector_sdk.cli.signals import stopping
from connector_sdk.config import read_settings
from connector_sdk.errors import ConfigError, LawBrokenError
from connector_sdk.testing.simulation import simulator_of

if TYPE_CHECKING:
    from connector_sdk.testing.laws import Result

__all__ = ["simulate", "test"]

COLOURS = {"kept": "green", "not offered": "yellow", "broken": "red"}


@click.command(epilog=example("connector test sftp", "connector test sftp -c sftp.yaml --json > certificate.json"))
@options.name
@options.config
@options.as_json
def test(name: str, config: Path | None, as_json: bool) -> None:
    """Which laws a connector keeps: its certificate.

    Without -c every law runs against the connector's simulator. With -c those that only read run against the live system.
    Exit 7 when a law is broken.
    """
    from connector_sdk.testing.laws import certify

    certificate = certify(find(name), None if config is None else read_settings(config), None if as_json else _tell)
    if as_json:
        click.echo(json.dumps(certificate.to_json(), indent=2, ensure_ascii=False))
    else:
        counts = ", ".join(f"{certificate.count(verdict)} {verdict}" for verdict in COLOURS)
        click.echo(f"{name} {certificate.version}: {counts}")
    broken = [result for result in certificate.results if result.verdict == "broken"]
    if broken:
        numbers = ", ".join(str(result.law) for result in broken)
        raise LawBrokenError(f"{name} breaks law{'s' if len(broken) > 1 else ''} {numbers}: {broken[0].detail}")


def _tell(result: Result) -> None:
    """A law's verdict, as soon as it is known: law 6 takes its time."""
    verdict = click.style(f"{result.verdict:<11}", fg=COLOURS[result.verdict])
    click.echo(f"{result.law:>2}  {verdict}  {result.seconds:6.1f} s  {one_line(result.title)}")
    if result.detail:
        click.echo(f"{'':>25}{one_line(result.detail)}")


@click.command(
    epilog=example(
        "connector simulate sftp",
        "connector simulate sftp --port 2222 > sftp.yaml",
        "connector simulate sftp --days 5 --every 60",
    )
)
@options.name
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="Where it listens, if it listens. Default: any free port."
)
@click.option("--days", type=click.IntRange(0), metavar="N", default=0, help="How often its data change. Default: never.")
@click.option(
    "--every", type=click.FloatRange(0), metavar="SECONDS", default=0.0, help="Time between two of the days. Default: none."
)
@click.pass_obj
def simulate(voice: Voice, name: str, port: int | None, days: int, every: float) -> None:
    """A stand-in for a connector's system, with plausible data, on this machine, until Ctrl-C.

    Prints the configuration with which the connector reaches it. With --days its data evolve: rows come, change, go, come late.
    """
    kind = simulator_of(find(name))
    if kind is None:
        raise ConfigError(f"the connector {name} has no simulator", hint='it names one as simulator = "package.module:Class"')
    if port is not None and not hasattr(kind, "serve"):
        raise ConfigError(f"the simulator of {name} does not listen on a port", hint="leave out --port")
    with stopping(voice, answer=None) as stop, kind(seed=0) as simulator:
        if hasattr(kind, "serve"):
            click.echo(plain(simulator.serve(port)), err=True)
        for variable in _variables(simulator.config):
            # Made up for this simulator and of use nowhere else: another shell needs it to get in.
            click.echo(f"export {variable}={shlex.quote(os.environ.get(variable, ''))}", err=True)
        click.echo(yaml.safe_dump(dict(simulator.config), sort_keys=False, allow_unicode=True), nl=False)
        voice.note(f"the simulator of {name} is up; streams: {', '.join(simulator.streams)}; Ctrl-C ends it")
        day, due = 0, time.monotonic()
        while not stop.requested:
            if day < days and time.monotonic() >= due:
                day, due = day + 1, time.monotonic() + every
                simulator.change(day)
                voice.note(f"day {day} of {days}")
            elif day == days or every:
                time.sleep(0.2)


def _variables(settings: object) -> list[str]:
    """The environment variables that secrets in `settings` refer to."""
    if isinstance(settings, Mapping):
        return [name for value in settings.values() for name in _variables(value)]
    if isinstance(settings, list | tuple):
        return [name for value in settings for name in _variables(value)]
    return [settings.removeprefix("env:")] if isinstance(settings, str) and settings.startswith("env:") else []
