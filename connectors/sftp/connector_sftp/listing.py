"""Which files of a stream are there and complete: what is hidden, temporary or still being written is left alone."""

from __future__ import annotations

import hashlib
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from connector_sdk.errors import DataError
from connector_sdk.runtime.folder import Entry, Folder, safe_name

from connector_sftp.patterns import Pattern

__all__ = ["Identity", "Settling", "candidates", "identity"]

Identity: TypeAlias = tuple[str, int, float]
"""Name, size and time: a file with another of these is another file."""

UNFINISHED = (".part", ".tmp", ".temp", ".filepart", ".partial")
"""Endings that programs give to files they are still writing."""
DAY = 86_400.0


def identity(entry: Entry) -> Identity:
    """What tells `entry` from any other file, and from a later one of its name."""
    return entry.name, entry.size, entry.mtime


def candidates(folder: Folder, pattern: Pattern, *, done: str | None, archive: str) -> Iterator[Entry]:
    """The files that `pattern` means, as they are listed: in no order, one at a time.

    Left out are hidden names and folders, endings of unfinished files (unless the pattern asks for that ending), the archive
    folder, and names that are no plain relative names. With `done`, only files whose marker (NAME + `done`) is there; the folder
    is listed for markers first, so that no file is looked at before its marker.
    """
    asked = tuple(ending for ending in UNFINISHED if not pattern.text.endswith(ending))
    markers = None if done is None else _Markers(folder, pattern, done)
    for entry in folder.list(pattern.below, depth=pattern.depth):
        if not pattern.matches(entry.name) or entry.name.endswith(asked) or not _plain(entry.name):
            continue
        own = entry.name[len(pattern.below) :]
        if own.startswith(".") or "/." in own or entry.name.startswith(f"{archive}/"):
            continue
        if markers is None or markers.tell(entry.name):
            yield entry


class _Markers:
    """The files that have a marker, as hashes of their names: eight bytes each."""

    def __init__(self, folder: Folder, pattern: Pattern, done: str) -> None:
        self._done = done
        found = array("Q")
        for entry in folder.list(pattern.below, depth=pattern.depth):
            if entry.name.endswith(done):
                found.append(_hash(entry.name.removesuffix(done)))
        self._found = np.sort(np.frombuffer(found, np.uint64)) if found else np.empty(0, np.uint64)

    def tell(self, name: str) -> bool:
        """Whether the file `name` is no marker itself, and has one."""
        if name.endswith(self._done):
            return False
        wanted = np.uint64(_hash(name))
        at = int(np.searchsorted(self._found, wanted))
        return at < len(self._found) and bool(self._found[at] == wanted)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little")


def _plain(name: str) -> bool:
    try:
        return safe_name(name) == name
    except DataError:
        return False


class Settling:
    """Knows which files have stopped changing: those whose size and time were the same `seconds` ago.

    On this machine the clock that stamps files is ours, and a file older than `seconds` has settled. A server's clock may be
    hours off: there, files whose time is less than a day from ours are looked at twice. Whatever was seen by an earlier look
    (a discovery, the run before) counts as the first.
    """

    def __init__(self, seconds: float, *, own_clock: bool) -> None:
        self._seconds = seconds
        self._own_clock = own_clock
        self._first: dict[Identity, float] = {}
        self._lock = threading.Lock()

    def look(self, entries: Iterable[Entry]) -> None:
        """Remember that the young ones of `entries` have been seen now."""
        now = time.monotonic()
        seen = {identity(entry) for entry in self._young(entries)}
        with self._lock:
            self._first = {known: at for known, at in self._first.items() if now - at < DAY}
            for one in seen:
                self._first.setdefault(one, now)

    def settled(self, entries: Sequence[Entry], again: Callable[[], Iterable[Entry]]) -> list[Entry]:
        """Those of `entries` that have settled, in their order. Waits for the young ones, and then calls `again` to see them."""
        if self._seconds <= 0:
            return list(entries)
        self.look(entries)
        young = {identity(entry) for entry in self._young(entries)}
        if not young:
            return list(entries)
        with self._lock:
            seen = max(self._first.get(one, 0.0) for one in young)
        wait = seen + self._seconds - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        now = {identity(entry) for entry in again()} & young
        return [entry for entry in entries if identity(entry) not in young or identity(entry) in now]

    def _young(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        limit = time.time() - (self._seconds if self._own_clock else DAY)
        return (entry for entry in entries if entry.mtime > limit)
