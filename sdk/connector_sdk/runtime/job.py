"""One run, as it is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector_sdk.config import Limits
from connector_sdk.contract import Sink, Source, State
from connector_sdk.runtime.retry import Retry
from connector_sdk.runtime.state_store import StateStore
from connector_sdk.runtime.stop import Stop
from connector_sdk.runtime.telemetry import Listener
from connector_sdk.schema import Mode, Stream, Where, WriteMode

__all__ = ["Job", "Result"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run: what to read from where, and how it is written. `source` and `sink` are entered already.

    `streams` are as discovered; `columns` and `where` reduce them, by stream name. `limit` ends the run after that many rows and
    saves no state. A piece, the unit of staging and checkpointing, ends at the first state after `piece_rows` rows, `piece_bytes`
    bytes in memory or `piece_seconds` seconds.
    """

    source: Source
    sink: Sink
    streams: tuple[Stream, ...]
    mode: Mode
    write: WriteMode
    store: StateStore
    where: Mapping[str, Where] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    max_rejects: int | None = 0
    rejects: Path | None = None
    limit: int | None = None
    piece_rows: int = 1_000_000
    piece_bytes: int = 64 << 20
    piece_seconds: float = 60.0
    retry: Retry = field(default_factory=Retry)
    listener: Listener | None = None
    stop: Stop | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a run did. `states` is where each split stands; `bytes` are of Arrow data in memory."""

    rows: int
    bytes: int
    rejects: int
    checkpoint: int
    states: Mapping[str, State]
    seconds: float
    reject_file: Path | None = None
    altered: tuple[str, ...] = ()
