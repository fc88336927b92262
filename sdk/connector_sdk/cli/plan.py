"""``connector plan``: how a read would go, before a row moves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import choose, session, split_columns
from connector_sdk.cli.options import example
from connector_sdk.cli.tables import show_table
from connector_sdk.contract import Split
from connector_sdk.formats import FORMATS, Format, Loss, format_of
from connector_sdk.formats.format import EVERY_FIELD
from connector_sdk.runtime.reader import Reader, request
from connector_sdk.runtime.where import parse_where
from connector_sdk.schema import JSON, Mode, Stream, Where

__all__ = ["plan"]

SPEC_WIDTH = 80


@click.command(
    epilog=example(
        "connector plan sftp -c sftp.yaml -s runways",
        """connector plan sftp -c sftp.yaml -s runways --mode incremental --where "length_ft > 3000" -o runways.avro""",
    )
)
@options.name
@options.config
@options.pick_streams
@options.mode
@options.where
@options.columns
@click.option("-o", "--output", metavar="TARGET", help="Say what this target cannot keep: a file, or a format's name.")
@options.as_json
@click.pass_obj
def plan(
    voice: Voice,
    name: str,
    config: Path | None,
    streams: tuple[str, ...],
    everything: bool,
    mode: str,
    where: str | None,
    columns: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """How a read would go: its splits, what the source filters, how changes are captured, what the target cannot keep."""
    target = None if output is None else _format(output)
    predicate = parse_where(where) if where else ()
    chosen_columns = split_columns(columns)
    with session(name, config, voice) as opened:
        chosen = choose(opened, streams, everything, Mode(mode))
        asked = request(
            chosen,
            Mode(mode),
            {s.name: predicate for s in chosen} if predicate else {},
            {s.name: chosen_columns for s in chosen} if chosen_columns else {},
        )
        splits = Reader(opened.source(), asked).plan()
    losses = {} if target is None else {s.name: target.losses(s.schema) for s in asked.streams}
    if as_json:
        report = {
            "mode": mode,
            "splits": [
                {
                    "id": split.id,
                    "streams": [s.name for s in split.streams],
                    "spec": split.spec,
                    "engine_filters": {stream: where_text(left) for stream, left in split.left.items() if left},
                }
                for split in splits
            ],
            "changes": {s.name: capture_of(s) for s in chosen},
            "losses": {
                stream: [{"field": loss.field, "what": loss.what, "kept": str(loss.kept)} for loss in found]
                for stream, found in losses.items()
            },
        }
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    _show_splits(splits, mode)
    for stream in chosen:
        click.echo(f"{stream.name}: {pushdown_of(stream.name, asked.where.get(stream.name, ()), splits)}")
        click.echo(f"{stream.name}: {capture_of(stream)}")
    if target is not None:
        _show_losses(target, losses)


def _format(target: str) -> Format:
    return FORMATS[target] if target in FORMATS else format_of(target)


def _show_splits(splits: Sequence[Split], mode: str) -> None:
    count = f"{len(splits)} split{'' if len(splits) == 1 else 's'}, {mode}"
    rows = [(s.id, ", ".join(t.name for t in s.streams), _short(s.spec)) for s in splits[:50]]
    show_table(("SPLIT", "STREAMS", "READS"), rows, title=count)
    if len(splits) > len(rows):
        click.echo(f"… and {len(splits) - len(rows)} more")
    click.echo()


def _short(spec: JSON) -> str:
    """What a split reads, as its connector says it: enough to recognise it; --json has all of it."""
    text = json.dumps(spec, ensure_ascii=False, default=dict)
    return text if len(text) <= SPEC_WIDTH else f"{text[: SPEC_WIDTH - 1]}…"


def pushdown_of(stream: str, where: Where, splits: Sequence[Split]) -> str:
    """Who evaluates the predicate: the source, the engine, or both."""
    if not where:
        return "no predicate: every row is read"
    mine = [split for split in splits if any(s.name == stream for s in split.streams)]
    left = {where_text(split.left[stream]) for split in mine if split.left.get(stream)}
    if not left:
        return f"the source filters {where_text(where)}"
    if left == {where_text(where)}:
        return f"the engine filters {where_text(where)}; the source sends every row"
    return f"the source filters part of {where_text(where)}; the engine filters {' / '.join(sorted(left))}"


def capture_of(stream: Stream) -> str:
    """How changes of a stream reach a reader."""
    if Mode.CHANGES in stream.reads:
        how = "changes are captured, deletes included (--mode changes)"
    elif Mode.INCREMENTAL in stream.reads:
        by = f" by {stream.cursor}" if stream.cursor else ""
        how = f"what is new is read{by} (--mode incremental); deletes are not seen"
    else:
        how = "changes are not captured: every run reads everything"
    repeated = [mode for mode in stream.repeats if mode in stream.reads]
    return how + (f"; at least once in {', '.join(sorted(repeated))}" if repeated else "")


def where_text(where: Where) -> str:
    """A predicate as SQL text."""
    groups = [" AND ".join(_compare_text(*compare) for compare in group) for group in where]
    return groups[0] if len(groups) == 1 else " OR ".join(f"({group})" for group in groups)


def _compare_text(column: str, op: str, value: object) -> str:
    if value is None:
        return f"{column} {op}"
    return f"{column} {op} " + (
        str(value) if isinstance(value, int | float) or type(value).__name__ == "Decimal" else f"'{value}'"
    )


def _show_losses(target: Format, losses: Mapping[str, Sequence[Loss]]) -> None:
    for stream, found in losses.items():
        if not found:
            click.echo(f"{stream}: {target.name} keeps everything")
        for loss in found:
            field = "" if loss.field == EVERY_FIELD else f"{loss.field}: "
            click.echo(f"{stream}: {target.name}: {field}{loss.what} ({loss.kept})")
