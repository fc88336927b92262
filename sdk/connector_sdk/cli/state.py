"""``connector state``: look at the position a state file keeps, put another in its place, or forget it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from connector_sdk.cli import options
from connector_sdk.cli.options import PATH, example
from connector_sdk.cli.tables import show_table
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.state_store import FileStore, read_saved, reset_state, set_state

__all__ = ["state"]


@click.group(epilog=example("connector state show runways.state", "connector state reset runways.state"))
def state() -> None:
    """Show, set or reset the position that a state file keeps."""


@state.command(epilog=example("connector state show runways.state", "connector state show runways.state --json"))
@click.argument("file", type=PATH)
@options.as_json
def show(file: Path, as_json: bool) -> None:
    """Whose state it is, and where each split stands."""
    saved = read_saved(file)
    if as_json:
        about = {
            "connector": saved.connector,
            "load": saved.load,
            "mode": saved.mode,
            "checkpoint": saved.checkpoint,
            "done": saved.done,
            "states": saved.states,
            "planned": [split.id for split in saved.splits],
        }
        click.echo(json.dumps(about, indent=2, ensure_ascii=False, default=dict))
        return
    progress = "finished" if saved.done else "interrupted: the next run goes on"
    click.echo(f"{saved.connector}, {saved.mode or 'not read yet'}, checkpoint {saved.checkpoint}, {progress}")
    planned = [split.id for split in saved.splits if split.id not in saved.states]
    rows = [(split, json.dumps(value, ensure_ascii=False, default=dict)) for split, value in saved.states.items()]
    if rows or planned:
        show_table(("SPLIT", "STATE"), [*rows, *((split, "(not begun)") for split in planned)])


@state.command("set", epilog=example('connector state set runways.state local \'{"v": 1, "after": "2024-05-01"}\''))
@click.argument("file", type=PATH)
@click.argument("split")
@click.argument("value", metavar="JSON|@FILE")
@click.option("--connector", metavar="NAME", help="Whose state it will be, where there is no file yet.")
def set_command(file: Path, split: str, value: str, connector: str | None) -> None:
    """Put a position in place of the one a split has. The next run reads from there."""
    with _held(file, connector):
        set_state(file, split, _json(value), connector)
    click.echo(f"{file}: {split} set")


@state.command(epilog=example("connector state reset runways.state", "connector state reset runways.state --split local"))
@click.argument("file", type=PATH)
@click.option("--split", metavar="ID", help="Only this split.")
def reset(file: Path, split: str | None) -> None:
    """Forget the position, or that of one split: the next run reads from the start."""
    with _held(file):
        reset_state(file, split)
    click.echo(f"{file}: reset")


def _held(file: Path, connector: str | None = None) -> FileStore:
    """The file's lock: a position is not changed under a run."""
    if not file.exists() and connector is None:
        raise ConfigError(f"there is no state file {file}")
    return FileStore(file, connector or "")


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise ConfigError(f"{text[1:]}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"the state is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ConfigError("a state is a JSON object", hint="""as '{"v": 1, …}'""")
    return value
