"""``connector read``: streams into files, into a folder of parts, or to stdout."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import click

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import choose, session, split_columns
from connector_sdk.cli.options import example
from connector_sdk.cli.run import allowed, carry_out, reject_path, store_of, tell_losses
from connector_sdk.cli.tables import show_table
from connector_sdk.runtime.engine import Job
from connector_sdk.runtime.reader import request
from connector_sdk.runtime.session import Session
from connector_sdk.runtime.targets import open_target
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import Mode, Stream, Where

__all__ = ["read"]

PREVIEW_ROWS = 20
PREVIEW_FIELDS = 12


@click.command(
    epilog=example(
        "connector read sftp -c sftp.yaml -s runways",
        "connector read sftp -c sftp.yaml -s runways -o runways.parquet",
        "connector read sftp -c sftp.yaml --all --mode incremental --state sftp.state -o landing/ --format avro",
        """connector read sftp -c sftp.yaml -s runways --columns id,length_ft --where "length_ft > 3000" -o - | head""",
    )
)
@options.name
@options.config
@options.pick_streams
@options.mode
@options.state
@options.columns
@options.where
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only so many rows; saves no state.")
@options.output
@options.output_format
@options.reject_file
@options.max_rejects
@options.confirm
@click.pass_obj
def read(
    voice: Voice,
    name: str,
    config: Path | None,
    streams: tuple[str, ...],
    everything: bool,
    mode: str,
    state: Path | None,
    columns: str | None,
    where: str | None,
    limit: int | None,
    output: str | None,
    format_name: str | None,
    rejects: Path | None,
    max_rejects: int,
    confirm: bool,
) -> None:
    """Streams into files, or to stdout.

    Without -o, rows go to stdout: the first ones as a table on a terminal, all of them as JSON lines into a pipe. A file that
    is there is never written over. A folder gets parts, each whole when it appears, renamed into place before the state is saved.
    """
    predicate = parse_where(where) if where else ()
    chosen_columns = split_columns(columns)
    preview = output is None and format_name is None and state is None and rejects is None and sys.stdout.isatty()
    with ExitStack() as stack:
        opened = session(name, config, voice, confirm=confirm)
        store = store_of(state, name, stack)
        target = (
            None if preview else stack.enter_context(open_target(output or "-", format=format_name, resumable=state is not None))
        )
        stack.enter_context(opened)
        chosen = choose(opened, streams, everything, Mode(mode))
        wheres = {stream.name: predicate for stream in chosen} if predicate else {}
        if target is None:
            for stream in chosen:
                _preview(opened, stream, Mode(mode), wheres, chosen_columns, limit or PREVIEW_ROWS, allowed(max_rejects))
            return
        by_stream = {stream.name: chosen_columns for stream in chosen} if chosen_columns else {}
        tell_losses(target, request(chosen, Mode(mode), wheres, by_stream).streams, voice)
        job = Job(
            source=opened.source(),
            sink=target,
            streams=chosen,
            mode=Mode(mode),
            write=target.mode,
            store=store,
            where=wheres,
            columns=by_stream,
            limits=opened.limits,
            max_rejects=allowed(max_rejects),
            rejects=reject_path(rejects, output, state),
            limit=limit,
            piece_bytes=target.piece_bytes,
        )
        carry_out(job, voice)


def _preview(
    opened: Session,
    stream: Stream,
    mode: Mode,
    where: dict[str, Where],
    columns: tuple[str, ...],
    count: int,
    max_rejects: int | None,
) -> None:
    """The first rows as a table: what someone at a terminal wants to see."""
    reading = opened.read(stream.name, mode=mode, where=where.get(stream.name), columns=columns or None, max_rejects=max_rejects)
    rows = list(islice(reading.rows(), count + 1))
    names = reading.schema.names
    shown = names[:PREVIEW_FIELDS]
    more = [f"{len(names) - len(shown)} more fields"] if len(names) > len(shown) else []
    if len(rows) > count:
        more.append("more rows")
    show_table(shown, [[row[name] for name in shown] for row in rows[:count]], title=stream.name)
    if more:
        click.echo(f"… {' and '.join(more)}: -o FILE keeps everything, -o - prints it", err=True)
