"""The system behind the fake connector: one log of records for all its streams, in memory or in a file that outlives it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from connector_sdk.contract import Checkpoint
from connector_sdk.schema import Stream
from connector_sdk.testing.fake_records import Entry, decode

__all__ = ["Committed", "System", "digest", "system_at"]


class Committed(NamedTuple):
    """What a load has committed: its checkpoint, how many rows came with it, and what a REPLACE has not shown yet."""

    at: Checkpoint
    rows: int
    pending: tuple[Entry, ...] = ()


@dataclass
class System:
    """Streams, their log, and the loads written into it. ``with system.change():`` makes several steps one, and durable."""

    file: Path | None = None
    streams: dict[str, Stream] = field(default_factory=dict)
    log: list[Entry] = field(default_factory=list)
    loads: dict[str, Committed] = field(default_factory=dict)
    password_digest: str | None = None
    staged: dict[bytes, list[Entry]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _seen: tuple[int, int] | None = None

    def snapshot(self) -> System:
        """The system as it stands now; what happens to it later does not show."""
        with self.lock:
            self._refresh()
            return replace(self, streams=dict(self.streams), log=list(self.log), loads=dict(self.loads))

    @contextmanager
    def change(self) -> Iterator[System]:
        """Change the system in one step: all of it is kept or, when the block raises or the process dies, nothing."""
        with self.lock:
            self._refresh()
            before = dict(self.streams), list(self.log), dict(self.loads), self.password_digest
            try:
                yield self
                self._save()
            except BaseException:
                self.streams, self.log, self.loads, self.password_digest = before
                raise

    def allows(self, password: str | None) -> bool:
        """Whether `password` opens the system."""
        return self.password_digest is None or (password is not None and digest(password) == self.password_digest)

    def live(self, stream: str) -> dict[int, Entry]:
        """The rows that `stream` has now: by the position in the log where each was inserted, its latest record."""
        rows: dict[int, Entry] = {}
        places: dict[str, int] = {}
        for position, entry in enumerate(self.log):
            if entry.stream != stream:
                continue
            if entry.op == "t":
                rows.clear()
                places.clear()
            elif entry.op == "d":
                rows.pop(places.pop(entry.key, -1), None)
            elif entry.op == "u" and entry.key and entry.key in places:
                rows[places[entry.key]] = entry
            else:
                rows[position] = entry
                places[entry.key] = position
        return rows

    def table(self, stream: str) -> pa.Table:
        """The rows that `stream` has now and that can be decoded."""
        return pa.Table.from_batches([decode(stream, self.streams[stream].schema, self.live(stream).items()).data])

    def append(self, entries: Iterable[Entry]) -> None:
        """Add to the log. A patch (``p``: an update that knows only some fields) becomes an update of the whole record."""
        known: dict[tuple[str, str], bytes] = {}
        seen: set[str] = set()
        for entry in entries:
            if entry.op == "p":
                if entry.stream not in seen:
                    known.update({(entry.stream, old.key): old.record for old in self.live(entry.stream).values()})
                    seen.add(entry.stream)
                before = msgspec.json.decode(known.get((entry.stream, entry.key), b"{}"))
                entry = entry._replace(op="u", record=msgspec.json.encode(before | msgspec.json.decode(entry.record)))
            self.log.append(entry)
            known[entry.stream, entry.key] = entry.record if entry.op in "cu" else b"{}"

    def _refresh(self) -> None:
        if self.file is None or not self.file.exists():
            return
        status = self.file.stat()
        if (status.st_ino, status.st_mtime_ns) == self._seen:
            return
        value = msgspec.json.decode(self.file.read_bytes())
        self.streams = {stream["name"]: Stream.from_json(stream) for stream in value["streams"]}
        self.log = [msgspec.convert(entry, Entry) for entry in value["log"]]
        self.loads = {
            name: Committed(
                Checkpoint.from_json(at),
                rows,
                tuple(msgspec.convert(entry, Entry) for entry in pending),
            )
            for name, (at, rows, pending) in value["loads"].items()
        }
        self.password_digest = value["password"]
        self._seen = status.st_ino, status.st_mtime_ns

    def _save(self) -> None:
        if self.file is None:
            return
        value = {
            "streams": [stream.to_json() for stream in self.streams.values()],
            "log": self.log,
            "loads": {name: (load.at.to_json(), load.rows, load.pending) for name, load in self.loads.items()},
            "password": self.password_digest,
        }
        temporary = self.file.with_name(f".{self.file.name}.tmp")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(value))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.file)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        status = self.file.stat()
        self._seen = status.st_ino, status.st_mtime_ns


_systems: dict[str, System] = {}
_systems_lock = threading.Lock()


def system_at(place: Path | str) -> System:
    """The one system of this process at `place`: a file (a Path), or a name for one that lives in memory."""
    with _systems_lock:
        return _systems.setdefault(str(place), System(file=place if isinstance(place, Path) else None))


def digest(password: str) -> str:
    """What the system keeps of a password."""
    return hashlib.sha256(password.encode()).hexdigest()
