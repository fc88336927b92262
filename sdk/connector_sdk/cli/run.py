"""Carrying out a job as a command: with its state file held, its progress shown, and signals that stop it at a checkpoint."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from connector_sdk.cli.messages import Voice
from connector_sdk.cli.progress import watching
from connector_sdk.cli.signals import stopping
from connector_sdk.errors import DataError
from connector_sdk.formats.format import EVERY_FIELD, Kept
from connector_sdk.runtime.engine import Job, Result, run
from connector_sdk.runtime.state_store import FileStore, MemoryStore, StateStore
from connector_sdk.runtime.targets import OutputTarget, StreamOutput
from connector_sdk.schema import Stream

__all__ = ["allowed", "carry_out", "reject_path", "store_of", "tell_losses", "tell_rejects"]

LOSSES_SHOWN = 10


def store_of(state: Path | None, name: str, stack: ExitStack) -> StateStore:
    """The state file, held as long as `stack` lasts, or a state that nobody keeps."""
    return MemoryStore(name) if state is None else stack.enter_context(FileStore(state, name))


def carry_out(job: Job, voice: Voice) -> Result:
    """Run `job` with its progress on stderr. SIGINT and SIGTERM raise Stopped at the next checkpoint."""
    drawn = not (isinstance(job.sink, StreamOutput) and sys.stdout.isatty())
    with stopping(voice) as stop, watching(voice, stop, drawn=drawn) as listener:
        try:
            result = run(replace(job, stop=stop, listener=listener))
        except DataError as error:
            if error.code == "rejects":
                kept = f"look at {job.rejects}" if job.rejects is not None else "--rejects FILE keeps them"
                error.hint = f"{kept}; --max-rejects N allows N of them"
            raise
    tell_rejects(result, voice)
    return result


def tell_rejects(result: Result, voice: Voice) -> None:
    """Say where the records are that could not be used."""
    one = result.rejects == 1
    if result.reject_file is not None:
        what = "1 rejected record is" if one else f"{result.rejects:,} rejected records are"
        voice.note(f"{what} in {result.reject_file}; connector replay tries {'it' if one else 'them'} again")
    elif result.rejects:
        what = "1 rejected record was" if one else f"{result.rejects:,} rejected records were"
        voice.warn(f"{what} not kept; --rejects FILE keeps {'it' if one else 'them'}")


def reject_path(given: Path | None, output: str | None, state: Path | None) -> Path | None:
    """Where rejects go: where ``--rejects`` says, else beside the state or the output. To stdout alone: nowhere."""
    if given is not None:
        return given
    beside = str(state) if state is not None else output if output not in (None, "-") else None
    return None if beside is None else Path(beside.rstrip("/") + ".rejects.jsonl")


def allowed(max_rejects: int) -> int | None:
    """``--max-rejects`` as the engine has it: None is any number."""
    return None if max_rejects < 0 else max_rejects


def tell_losses(target: OutputTarget, streams: tuple[Stream, ...], voice: Voice) -> None:
    """Say, before a row moves, what the target's format will not keep."""
    for stream in streams:
        lost = [loss for loss in target.losses(stream) if loss.kept is Kept.NOT]
        for loss in lost[:LOSSES_SHOWN]:
            field = "" if loss.field == EVERY_FIELD else f"{loss.field}: "
            voice.note(f"{stream.name}: {target.format.name} does not keep everything: {field}{loss.what}")
        if len(lost) > LOSSES_SHOWN:
            voice.note(f"{stream.name}: and {len(lost) - LOSSES_SHOWN} more; connector plan -o {target.format.name} shows them")
