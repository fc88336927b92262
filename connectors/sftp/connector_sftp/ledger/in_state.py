"""The ledger that fits a state: exact for 7,500 files.

A file is its name, size and time. Of each one that is read the ledger keeps a digest of these, so that new, replaced and late
files are told from known ones whatever their dates; 7,500 digests fit. Beyond that the oldest known files, in the order of (time,
name), are kept only as a floor: a file that turns up late *and* lies below the floor is taken for known. Files that are gone give
up their place first. With an `index`, :mod:`connector_sftp.ledger.exact` takes its place.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connector_sdk.contract import State
from connector_sdk.runtime.folder import Entry

from connector_sftp.fingerprint import Content
from connector_sftp.ledger.position import Position, age, gone, part_first, unreadable

__all__ = ["CAPACITY", "InStateLedger"]

logger = logging.getLogger(__name__)

VERSION = 1
WIDTH = 6
CAPACITY = 7_500
"""Digests that fit a state: 6 bytes each, as base64, are 60,000 of the 65,536 characters."""


def _digest(entry: Entry) -> bytes:
    text = f"{entry.size}:{entry.mtime!r}:{entry.name}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).digest()[:WIDTH]


class InStateLedger:
    """The files that have been read. Starts empty, or from a state."""

    compares = more = False

    def __init__(self, state: State | None = None, *, split: str = "") -> None:
        """Raises StateInvalidError when `state` is not what :meth:`state` makes."""
        self._split = split
        self._listed: Sequence[Entry] = ()
        self._told = False
        self._known: dict[bytes, None] = {}  # in the order they were read
        self.floor: tuple[float, str] | None = None
        self.position: Position | None = None
        if state is not None:
            try:
                self._load(state)
            except (KeyError, ValueError, TypeError, binascii.Error):
                raise unreadable(split) from None

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
        return self.has_read(entry) or (self.floor is not None and age(entry) <= self.floor)

    def new(self, listed: Iterable[Entry]) -> list[Entry]:
        """See :class:`Ledger`."""
        self._listed = list(listed)
        self._tell()
        return part_first([entry for entry in self._listed if not self.knows(entry)], self.position)

    def known(self, listed: Iterable[Entry]) -> Iterator[Entry]:
        """See :class:`Ledger`: without those below the floor."""
        return (entry for entry in listed if self.has_read(entry))

    def between(self, later: State, listed: Iterable[Entry]) -> list[Entry]:
        """See :class:`Ledger`."""
        other = InStateLedger(later, split=self._split)
        self._listed = list(listed)
        part = other.position
        in_part = [entry for entry in self._listed if part is not None and part.is_of(entry)]
        missing = self._missing(other, self._listed) + (part is not None and not in_part)
        if missing:
            raise gone(missing, self._split)
        return sorted((e for e in self._listed if not self.knows(e) and other.knows(e)), key=age) + in_part

    def is_copy(self, entry: Entry, content: Content) -> bool:
        """See :class:`Ledger`: of contents it knows nothing."""
        return False

    def finish(self, entry: Entry, content: Content | None = None, *, copy: bool = False) -> None:
        """See :class:`Ledger`."""
        self._known[_digest(entry)] = None
        self.position = None
        if len(self._known) > CAPACITY:
            self._make_room()

    def _make_room(self) -> None:
        listed = self._listed
        here = sorted((entry for entry in listed if self.has_read(entry)), key=age)
        unread = min((age(entry) for entry in listed if not self.knows(entry)), default=None)
        # A tenth at once, or every further file would sort the folder again; never beyond a file that is still to be read.
        cut = max(0, len(here) - CAPACITY * 9 // 10) if len(here) > CAPACITY else 0
        while cut and unread is not None and age(here[cut - 1]) >= unread:
            cut -= 1
        if cut:
            self.floor = max(age(here[cut - 1]), self.floor or (0.0, ""))
            self._tell()
        self._known = dict.fromkeys(map(_digest, here[cut:]))

    def _missing(self, later: InStateLedger, listed: Iterable[Entry]) -> int:
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

    def forget(self) -> None:
        """See :class:`Ledger`: there is nothing to remove."""

    def _tell(self) -> None:
        """Say, once, that not every file is known by itself any more."""
        if not self._told and self.floor is not None:
            self._told = True
            logger.warning(
                "%s: there are more than %s files, which is what a state remembers one by one: one that comes late and is older "
                "than those is taken for read. With `index` (a folder) in the configuration every one is known",
                self._split,
                f"{CAPACITY:,}",
            )
