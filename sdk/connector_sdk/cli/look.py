"""``connector check`` and ``connector discover``: whether a system can be reached, and what there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import choose, session
from connector_sdk.cli.options import example
from connector_sdk.cli.tables import show_table
from connector_sdk.schema import Mode, Stream, WriteMode, doc_of, native_of, origin_of
from connector_sdk.types import to_text

__all__ = ["check", "describe", "discover"]


@click.command(epilog=example("connector check sftp -c sftp.yaml"))
@options.name
@options.config
@click.pass_obj
def check(voice: Voice, name: str, config: Path | None) -> None:
    """Whether a configuration works: reach the system, log in, touch what will be used. Changes nothing there."""
    with session(name, config, voice) as opened:
        opened.check()
    click.echo(f"{name}: all is well")


@click.command(epilog=example("connector discover sftp -c sftp.yaml", "connector discover sftp -c sftp.yaml -s runways --json"))
@options.name
@options.config
@options.streams
@options.as_json
@click.pass_obj
def discover(voice: Voice, name: str, config: Path | None, streams: tuple[str, ...], as_json: bool) -> None:
    """Which streams there are, with their fields, keys and abilities."""
    with session(name, config, voice) as opened:
        found = choose(opened, streams) if streams else tuple(opened.discover())
    if as_json:
        click.echo(json.dumps([describe(stream) for stream in found], indent=2, ensure_ascii=False))
        return
    for stream in found:
        _show_stream(stream)
    if not found:
        voice.note(f"{name} has no stream")


def describe(stream: Stream) -> dict[str, Any]:
    """A stream as JSON for programs: types as text, abilities as words."""
    return {
        "name": stream.name,
        "namespace": stream.namespace,
        "doc": stream.doc,
        "rows": stream.rows,
        "keys": list(stream.keys),
        "cursor": stream.cursor,
        "reads": sorted(stream.reads),
        "writes": sorted(stream.writes),
        "repeats": sorted(stream.repeats),
        "relations": [{"columns": list(r.columns), "to": r.to, "to_columns": list(r.to_columns)} for r in stream.relations],
        "fields": [
            {
                "name": field.name,
                "type": to_text(field.type),
                "nullable": field.nullable,
                "native": native_of(field),
                "doc": doc_of(field),
                "origin": origin_of(field),
            }
            for field in stream.schema
        ],
    }


def _show_stream(stream: Stream) -> None:
    abilities = [f"reads {_words(stream.reads)}"]
    if stream.writes:
        abilities.append(f"writes {_words(stream.writes)}")
    if stream.repeats:
        abilities.append(f"at least once in {_words(stream.repeats)}")
    if stream.cursor:
        abilities.append(f"cursor {stream.cursor}")
    if stream.rows is not None:
        abilities.append(f"about {stream.rows:,} rows")
    show_table(
        ("FIELD", "TYPE", "KEY", "NULL", "NATIVE", "ABOUT"),
        [
            (
                field.name,
                to_text(field.type),
                "key" if field.name in stream.keys else "",
                "null" if field.nullable else "",
                native_of(field),
                doc_of(field),
            )
            for field in stream.schema
        ],
        title=f"{stream.name}: {'; '.join(abilities)}" + (f"; {stream.doc}" if stream.doc else ""),
    )
    click.echo()


def _words(modes: frozenset[Mode] | frozenset[WriteMode] | frozenset[Mode | WriteMode]) -> str:
    return ", ".join(sorted(modes)) or "nothing"
