"""What a run tells while it works: small frozen events, for whoever listens (the terminal, a log, a host)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

from connector_sdk.errors import redact
from connector_sdk.schema import JSON

__all__ = [
    "AckFailed",
    "BatchRead",
    "Committed",
    "Event",
    "Listener",
    "Paused",
    "Retrying",
    "RunFinished",
    "RunStarted",
    "SplitFinished",
    "SplitStarted",
    "to_json",
]


@dataclass(frozen=True, kw_only=True)
class Event:
    """The root of all events. `at` is in seconds since 1970 (UTC)."""

    at: float = field(default_factory=time.time)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The plan stands. `expected` estimates the rows, where the source can; `resumed` is the checkpoint gone on from."""

    load: str
    streams: tuple[str, ...]
    mode: str
    write: str
    splits: int
    expected: int | None = None
    resumed: int | None = None


@dataclass(frozen=True, kw_only=True)
class SplitStarted(Event):
    """A split is being read."""

    split: str
    streams: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BatchRead(Event):
    """A batch came in: rows after filtering, bytes in memory, records rejected."""

    split: str
    stream: str
    rows: int
    bytes: int
    rejects: int


@dataclass(frozen=True, kw_only=True)
class Retrying(Event):
    """A try failed with `reason`; the next, number `attempt`, follows in `wait` seconds."""

    split: str
    attempt: int
    wait: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Paused(Event):
    """The run waits `wait` seconds because the limits say so."""

    wait: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Committed(Event):
    """Checkpoint `checkpoint` is durable in the sink; `rows` came with it."""

    checkpoint: int
    rows: int
    splits: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AckFailed(Event):
    """The source could not be told; the next ack covers it."""

    split: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SplitFinished(Event):
    """A split is read to its end for this run."""

    split: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """The run is done and committed."""

    rows: int
    bytes: int
    rejects: int
    seconds: float
    checkpoint: int


Listener: TypeAlias = Callable[[Event], None]
"""Called from the threads of a run, one at a time; must be quick and not raise."""


def to_json(event: Event) -> dict[str, JSON]:
    """An event as a JSON object with its name under ``event``, secrets masked."""
    values = {key: redact(value) if isinstance(value, str) else value for key, value in asdict(event).items()}
    return {"event": type(event).__name__, **values}
