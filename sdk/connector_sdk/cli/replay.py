"""``connector replay``: rejected records, tried again with what is configured now."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from connector_sdk.cli import options
from connector_sdk.cli.messages import Voice
from connector_sdk.cli.opening import did_you_mean, session
from connector_sdk.cli.options import PATH, example
from connector_sdk.cli.run import carry_out, tell_losses
from connector_sdk.errors import ConfigError
from connector_sdk.runtime.engine import Job
from connector_sdk.runtime.replay import ReplaySource
from connector_sdk.runtime.state_store import MemoryStore
from connector_sdk.runtime.targets import open_target
from connector_sdk.schema import Mode

__all__ = ["replay"]


@click.command(
    epilog=example(
        "connector replay sftp -c sftp.yaml --rejects bad.jsonl -o mended.parquet",
        "connector replay sftp -c sftp.yaml --rejects bad.jsonl -s runways -o mended/ --still-bad still.jsonl",
    )
)
@options.name
@options.config
@click.option("--rejects", type=PATH, required=True, metavar="FILE", help="The reject file of an earlier run.")
@click.option("-s", "--stream", "streams", multiple=True, metavar="STREAM", help="Only this stream; repeatable.")
@options.output
@options.output_format
@click.option("--still-bad", type=PATH, metavar="FILE", help="Where records go that are still bad; without it one ends the run.")
@click.pass_obj
def replay(
    voice: Voice,
    name: str,
    config: Path | None,
    rejects: Path,
    streams: tuple[str, ...],
    output: str | None,
    format_name: str | None,
    still_bad: Path | None,
) -> None:
    """Rejected records, tried again: after the layout was mended, or the type widened. The reject file stays as it is."""
    if still_bad is not None and still_bad.resolve() == rejects.resolve():
        raise ConfigError("--still-bad is the file that is read", hint="name another one")
    with ExitStack() as stack:
        opened = session(name, config, voice)
        target = stack.enter_context(open_target(output or "-", format=format_name))
        source = stack.enter_context(ReplaySource(stack.enter_context(opened).opened(), rejects))
        if source.given_up:
            voice.note(f"{source.given_up:,} records are of a run that was given up: its next try reads them from the source")
        for wanted in streams:
            if wanted not in source.counts:
                raise ConfigError(f"{rejects} has no record of stream {wanted!r}", hint=did_you_mean(wanted, source.counts))
        chosen = tuple(source.discover(list(streams) or None))
        gone = [stream for stream in streams or source.counts if stream not in {s.name for s in chosen}]
        if gone:
            raise ConfigError(f"{name} has no stream {gone[0]!r} any more", hint=f"the records stay in {rejects}")
        if not chosen:
            voice.note(f"{rejects} has no record to try again")
            return
        tell_losses(target, chosen, voice)
        job = Job(
            source=source,
            sink=target,
            streams=chosen,
            mode=Mode.FULL,
            write=target.mode,
            store=MemoryStore(name),
            limits=opened.limits,
            max_rejects=0 if still_bad is None else None,
            rejects=still_bad,
            piece_bytes=target.piece_bytes,
        )
        carry_out(job, voice)
