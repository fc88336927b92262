"""``connector copy``: streams of one connector into another."""

from __future__ import annotations

from pathlib import Path

import click

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import session, split_columns
from connector_sdk.cli.options import WRITE_MODES, example
from connector_sdk.cli.progress import watching
from connector_sdk.cli.run import allowed, reject_path, tell_rejects
from connector_sdk.cli.signals import stopping
from connector_sdk.runtime import session as sessions
from connector_sdk.runtime.where import parse_where

__all__ = ["copy"]


@click.command(
    epilog=example(
        "connector copy sftp -c here.yaml --to sftp --to-config there.yaml",
        "connector copy crm -c crm.yaml --to odbc --to-config dwh.yaml --mode changes --write apply --state crm.state",
    )
)
@click.argument("source", shell_complete=options.complete_name)
@options.config
@click.option(
    "--to", "sink", required=True, metavar="SINK", shell_complete=options.complete_name, help="The connector written to."
)
@click.option("--to-config", type=options.PATH, metavar="FILE", help="Its configuration.")
@click.option("-s", "--stream", "streams", multiple=True, metavar="STREAM", help="A stream; repeatable. None: all.")
@options.mode
@click.option(
    "--write", type=click.Choice(WRITE_MODES), default="append", show_default=True, help="What is done to what is there."
)
@click.option("--dry-run", is_flag=True, help="Show what would be made or altered in the sink, and stop.")
@options.state
@options.columns
@options.where
@options.reject_file
@options.max_rejects
@options.confirm
@click.pass_obj
def copy(
    voice: Voice,
    source: str,
    config: Path | None,
    sink: str,
    to_config: Path | None,
    streams: tuple[str, ...],
    mode: str,
    write: str,
    dry_run: bool,
    state: Path | None,
    columns: str | None,
    where: str | None,
    rejects: Path | None,
    max_rejects: int,
    confirm: bool,
) -> None:
    """Streams of one connector into another: one engine, one sequence of checkpoints, exactly once where the sink can.

    Without --state the sink's own checkpoint says where to go on; a finished copy then starts anew.
    """
    predicate = parse_where(where) if where else ()
    chosen_columns = split_columns(columns)
    with session(source, config, voice, confirm=confirm) as here, session(sink, to_config, voice) as there:
        names = list(streams)
        if not names and (predicate or chosen_columns):
            names = [stream.name for stream in here.discover() if mode in stream.reads]
        with stopping(voice) as stop, watching(voice, stop) as listener:
            result = sessions.copy(
                here,
                there,
                streams=names or None,
                mode=mode,
                write=write,
                state=state,
                where=dict.fromkeys(names, predicate) if predicate else None,
                columns=dict.fromkeys(names, chosen_columns) if chosen_columns else None,
                max_rejects=allowed(max_rejects),
                rejects=reject_path(rejects, f"{source}-to-{sink}".replace(":", "."), state),
                dry_run=dry_run,
                listener=listener,
                stop=stop,
            )
        if dry_run:
            click.echo("\n".join(result.altered) if result.altered else f"{sink}: nothing to alter")
            return
        tell_rejects(result, voice)
