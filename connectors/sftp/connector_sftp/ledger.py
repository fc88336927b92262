"""What an INCREMENTAL read remembers of the files it has read, small enough to be a state.

A file is its name, size and time. Of each one that is read the ledger keeps a digest of these, so that new, replaced and late
files are told from known ones whatever their dates; 7,500 digests fit. Beyond that the oldest known files, in the order of (time,
name), are kept only as a floor: a file that turns up late *and* lies below the floor is taken for known. Files that are gone give
up their place first. An exact ledger of any size, in `config.index`, will replace this module.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connector_sdk.contract import State
from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.folder import Entry

__all__ = ["Ledger", "Position"]

VERSION = 1
WIDTH = 6
CAPACITY = 7_500
"""Digests that fit a state: 6 bytes each, as base64, are 60,000 of the 65,536 characters."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """A file that is read in part: `offset` bytes of its uncompressed content; `line` is the next one's number, if known."""

    name: str
    size: int
    mtime: float
    offset: int
    line: int | None = None

    def is_of(self, entry: Entry) -> bool:
        """Whether `entry` is that file, unchanged."""
        return (self.name, self.size, self.mtime) == (entry.name, entry.size, entry.mtime)


def _digest(entry: Entry) -> bytes:
    text = f"{entry.size}:{entry.mtime!r}:{entry.name}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).digest()[:WIDTH]


def _order(entry: Entry) -> tuple[float, str]:
    return entry.mtime, entry.name


class Ledger:
    """The files that have been read. Starts empty, or from a state."""

    def __init__(self, state: State | None = None, *, split: str = "") -> None:
        """Raises StateInvalidError when `state` is not what :meth:`state` makes."""
        self._known: dict[bytes, None] = {}  # in the order they were read
        self.floor: tuple[float, str] | None = None
        self.position: Position | None = None
        if state is not None:
            try:
                self._load(state)
            except (KeyError, ValueError, TypeError, binascii.Error):
                raise StateInvalidError(
                    f"the state of {split!r} is not one of this connector",
                    hint="`connector state reset FILE` reads everything again",
                    split=split,
                ) from None

    def _load(self, state: Any) -> None:
        if state["v"] != VERSION:
            raise ValueError
        packed = base64.b64decode(state["files"], validate=True)
        if len(packed) % WIDTH:
            raise ValueError
        self._known = dict.fromkeys(packed[at : at + WIDTH] for at in range(0, len(packed), WIDTH))
        if state.get("floor") is not None:
            mtime, name = state["floor"]
            self.floor = float(mtime), str(name)
        if state.get("at") is not None:
            self.position = Position(**state["at"])

    def __len__(self) -> int:
        return len(self._known)

    def has_read(self, entry: Entry) -> bool:
        """Whether `entry` itself was read: it is remembered one by one."""
        return _digest(entry) in self._known

    def knows(self, entry: Entry) -> bool:
        """Whether `entry` was read, or lies below the floor."""
        return self.has_read(entry) or (self.floor is not None and _order(entry) <= self.floor)

    def new(self, entries: Iterable[Entry]) -> list[Entry]:
        """What of `entries` is to be read, oldest first; the one that is read in part before all others."""
        found = sorted((entry for entry in entries if not self.knows(entry)), key=_order)
        part = self.position
        return found if part is None else sorted(found, key=lambda entry: not part.is_of(entry))

    def finish(self, entry: Entry, listed: Iterable[Entry]) -> None:
        """`entry` is read to its end. `listed` is what the folder holds, to make room by when there is none left."""
        self._known[_digest(entry)] = None
        self.position = None
        if len(self._known) > CAPACITY:
            self._make_room(listed)

    def _make_room(self, listed: Iterable[Entry]) -> None:
        listed = list(listed)
        here = sorted((entry for entry in listed if self.has_read(entry)), key=_order)
        unread = min((_order(entry) for entry in listed if not self.knows(entry)), default=None)
        # A tenth at once, or every further file would sort the folder again; never beyond a file that is still to be read.
        cut = max(0, len(here) - CAPACITY * 9 // 10) if len(here) > CAPACITY else 0
        while cut and unread is not None and _order(here[cut - 1]) >= unread:
            cut -= 1
        if cut:
            self.floor = max(_order(here[cut - 1]), self.floor or (0.0, ""))
        self._known = dict.fromkeys(map(_digest, here[cut:]))

    def missing(self, later: Ledger, listed: Iterable[Entry]) -> int:
        """How many files that `later` has read, and this has not, are no longer there to be read again."""
        here = set(map(_digest, listed))
        return sum(1 for digest in later._known if digest not in self._known and digest not in here)

    def state(self) -> State:
        """The ledger as a state."""
        found: dict[str, Any] = {"v": VERSION, "files": base64.b64encode(b"".join(self._known)).decode()}
        if self.floor is not None:
            found["floor"] = list(self.floor)
        if self.position is not None:
            found["at"] = dict(vars(self.position))
        return found
