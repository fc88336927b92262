"""What a run shows while it works, on stderr: a live display on a terminal, a line now and then elsewhere, or JSON lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from connector_sdk.cli.messages import Voice, one_line
from connector_sdk.cli.signals import STOPPING
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.telemetry import (
    AckFailed,
    BatchRead,
    Committed,
    Event,
    Listener,
    Paused,
    Retrying,
    RunFinished,
    RunStarted,
    SplitFinished,
    SplitStarted,
    to_json,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["INTERVAL", "Tally", "size", "watching"]

INTERVAL = 10.0
"""Seconds between two lines where there is no terminal."""


def size(count: float) -> str:
    """Bytes for people: ``12.3 MB``, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


@dataclass
class Tally:
    """What the events of a run add up to."""

    began: float = field(default_factory=time.monotonic)
    streams: tuple[str, ...] = ()
    mode: str = ""
    splits: int = 0
    finished: int = 0
    running: set[str] = field(default_factory=set)
    expected: int | None = None
    rows: int = 0
    bytes: int = 0
    rejects: int = 0
    checkpoint: int = 0
    trouble: str = ""

    def add(self, event: Event) -> None:
        """Count one event."""
        match event:
            case RunStarted():
                self.streams, self.mode, self.splits = event.streams, event.mode, event.splits
                self.expected, self.checkpoint = event.expected, event.resumed or 0
            case SplitStarted():
                self.running.add(event.split)
            case BatchRead():
                self.rows += event.rows
                self.bytes += event.bytes
                self.rejects += event.rejects
                self.trouble = ""
            case Committed():
                self.checkpoint = event.checkpoint
            case SplitFinished():
                self.finished += 1
                self.running.discard(event.split)
            case Retrying():
                self.trouble = f"try {event.attempt} in {event.wait:.1f} s: {event.reason}"
            case Paused():
                self.trouble = f"waiting {event.wait:.1f} s: {event.reason}"
            case AckFailed():
                self.trouble = f"the source could not be told yet: {event.reason}"

    def line(self) -> str:
        """The sum in one line."""
        seconds = max(time.monotonic() - self.began, 0.001)
        of = f" of about {self.expected:,}" if self.expected else ""
        parts = [f"{self.rows:,} rows{of}", size(self.bytes), f"{self.rows / seconds:,.0f} rows/s"]
        if self.splits > 1:
            parts.append(f"{self.finished} of {self.splits} splits")
        if self.rejects:
            parts.append(f"{self.rejects:,} rejects")
        if self.checkpoint:
            parts.append(f"checkpoint {self.checkpoint}")
        return ", ".join(parts)


def opening_line(event: RunStarted) -> str:
    """What a run is about to do."""
    names = ", ".join(event.streams[:5]) + (f" and {len(event.streams) - 5} more" if len(event.streams) > 5 else "")
    resumed = "" if event.resumed is None else f", going on from checkpoint {event.resumed}"
    return f"{names}: {event.mode}, {event.splits} split{'' if event.splits == 1 else 's'}{resumed}"


def closing_line(event: RunFinished) -> str:
    """What a run did."""
    rate = event.rows / max(event.seconds, 0.001)
    return (
        f"done: {event.rows:,} rows, {size(event.bytes)} in {event.seconds:.1f} s ({rate:,.0f} rows/s), "
        f"{event.rejects:,} rejects, checkpoint {event.checkpoint}"
    )


@contextmanager
def watching(voice: Voice, stop: Stop, *, drawn: bool = True) -> Iterator[Listener]:
    """A listener for :func:`connector_sdk.runtime.engine.run` that shows the run as the user asked.

    Not `drawn`, it keeps to lines on a terminal too: rows that scroll past and a picture that stays do not go together.
    """
    if voice.log == "json":
        yield _json_line
    elif voice.log == "none":
        yield _nothing
    elif drawn and sys.stderr.isatty():
        with _live(stop) as listener:
            yield listener
    else:
        yield _Lines()


def _json_line(event: Event) -> None:
    click.echo(json.dumps(to_json(event), ensure_ascii=False), err=True)


def _nothing(event: Event) -> None:
    """``--log none``"""


class _Lines:
    """A line at the start, every `INTERVAL` seconds, for trouble, and at the end."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.shown = time.monotonic()

    def __call__(self, event: Event) -> None:
        self.tally.add(event)
        now = time.monotonic()
        match event:
            case RunStarted():
                text = opening_line(event)
            case RunFinished():
                text = closing_line(event)
            case Retrying() | AckFailed():
                text = self.tally.trouble
            case _ if now - self.shown >= INTERVAL:
                text = self.tally.line()
            case _:
                return
        self.shown = now
        click.echo(one_line(text), err=True)


@contextmanager
def _live(stop: Stop) -> Iterator[Listener]:
    """A few lines that are redrawn; they vanish at the end and leave the closing line."""
    from rich.console import Console
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    tally = Tally()
    spinner = Spinner("dots")
    last: list[str] = []

    class Picture:
        def __rich__(self) -> RenderableType:
            grid = Table.grid(padding=(0, 1))
            about = ", ".join(tally.streams[:3]) + (" …" if len(tally.streams) > 3 else "") or "planning"
            grid.add_row(spinner, Text(one_line(about), style="bold"), Text(one_line(tally.line())))
            trouble = STOPPING if stop.requested else tally.trouble
            below: Any = Text(one_line(trouble), style="yellow")
            if not trouble and tally.expected:
                below = ProgressBar(total=max(tally.expected, tally.rows), completed=tally.rows, width=40)
            elif not trouble and tally.splits > 1:
                below = ProgressBar(total=tally.splits, completed=tally.finished, width=40)
            grid.add_row("", "", below)
            return grid

    def listen(event: Event) -> None:
        tally.add(event)
        if isinstance(event, RunFinished):
            last.append(closing_line(event))

    with Live(Picture(), console=Console(stderr=True), transient=True, refresh_per_second=8, redirect_stdout=False):
        yield listen
    for line in last:
        click.echo(line, err=True)
