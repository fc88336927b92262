"""The exact ledger: every file that was ever read, in the index; the state names its files and holds the last few itself.

What comes on top is gathered in the state until there are 512, and then written with the files before it that are not larger: a
million files are at most a dozen files of the index, and a run that reads ten new ones writes none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from connector_sdk.contract import State
from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.folder import Entry

from connector_sftp.fingerprint import Content, Fingerprint
from connector_sftp.ledger.in_state import InStateLedger
from connector_sftp.ledger.position import Position, age, gone, part_first, unreadable
from connector_sftp.ledger.segments import WORDS, Row, Segment, Shelf, Told, Words, merged

__all__ = ["VERSION", "ExactLedger"]

logger = logging.getLogger(__name__)

VERSION = 2
RECENT = 512
"""Files that are remembered in the state itself: 64 bytes each, as base64, are two thirds of what a state may be."""
HELD = 100_000
"""New files that are held in memory at a time; the folder is listed again for what is left."""
CHUNK = 16_384
"""Listed files that are looked up together."""
_ROW = struct.Struct("<8Q")

T = TypeVar("T")


class ExactLedger:
    """The files that one split has read. Starts empty, from a state of its own, or from one of a ledger in the state.

    `lanes` says by what files are told to their lane: "one", "name" or "size". Raises StateInvalidError when `state` is of
    something else; so does whatever looks into the index when a file that the state names is missing or damaged.
    """

    def __init__(self, state: State | None, *, index: Path, split: str, lanes: str, compares: bool) -> None:
        self.position: Position | None = None
        self.compares = compares
        self.more = False
        self._split = split
        self._lanes = lanes
        self._history = secrets.token_hex(8)
        self._seq = 1
        self._count = 0
        self._earlier: InStateLedger | None = None  # until the first listing tells what it means
        self._recent = bytearray()
        self._by_name: dict[tuple[int, int], Row] = {}
        self._by_head: dict[int, list[Row]] = {}
        told: list[Told] = []
        if state is not None and state.get("v") != VERSION:
            self._earlier = InStateLedger(state, split=split)
            self.position = self._earlier.position
            self._require(lanes in ("one", "name"))
        elif state is not None:
            try:
                told = self._load(state)
            except (KeyError, ValueError, TypeError, struct.error, binascii.Error):
                raise unreadable(split) from None
            self._require(state["lanes"] == lanes)
        self._told = told
        self._shelf = Shelf(index, split, self._history)
        self._opened: list[Segment] | None = None

    def _load(self, state: Any) -> list[Told]:
        self._history = str(state["history"])
        if not re.fullmatch("[0-9a-f]{16}", self._history):
            raise ValueError
        self._seq, self._count = int(state["seq"]), int(state["count"])
        for words in _ROW.iter_unpack(base64.b64decode(state["recent"], validate=True)):
            self._add(Row(*words))
        if state.get("at") is not None:
            self.position = Position(**state["at"])
        told = [Told(int(seq), str(digest), int(rows), int(crc)) for seq, digest, rows, crc in state["index"]]
        if not all(re.fullmatch("[0-9a-f]{32}", one.digest) for one in told):
            raise ValueError
        return told

    def _require(self, same: bool) -> None:
        if not same:
            raise StateInvalidError(
                f"the state of {self._split!r} was made with other settings: files were told to lanes by another rule",
                hint="set `index` and `duplicates` as they were (a state made without `index` goes on with duplicates: read), "
                "or reset the state and read everything again",
                code="lanes",
                split=self._split,
            )

    def __len__(self) -> int:
        return self._count

    def new(self, listed: Iterable[Entry]) -> list[Entry]:
        """See :class:`Ledger`. At most :data:`HELD` files, the oldest; :attr:`more` says that there are others."""
        self.more = False
        part = self.position
        found: list[Entry] = []
        for chunk in _chunks(listed, CHUNK):
            fresh = [entry for entry, known in zip(chunk, self._knows(chunk), strict=True) if not known]
            if self._earlier is not None:
                for entry in fresh:
                    if self._earlier.knows(entry):
                        self.finish(entry)
                fresh = [entry for entry in fresh if not self._earlier.knows(entry)]
                self.position = part
            found += fresh
            if len(found) >= 2 * HELD:
                found.sort(key=age)
                del found[HELD:]
                self.more = True
        self._earlier = None
        if len(found) > HELD:
            found.sort(key=age)
            del found[HELD:]
            self.more = True
        return part_first(found, part)

    def known(self, listed: Iterable[Entry]) -> Iterator[Entry]:
        """See :class:`Ledger`."""
        for chunk in _chunks(listed, CHUNK):
            for entry, known in zip(chunk, self._knows(chunk), strict=True):
                if known or (self._earlier is not None and self._earlier.has_read(entry)):
                    yield entry

    def between(self, later: State, listed: Iterable[Entry]) -> list[Entry]:
        """See :class:`Ledger`. In the order in which they were read; without copies, which were not."""
        other = ExactLedger(
            later, index=self._shelf.folder.parents[2], split=self._split, lanes=self._lanes, compares=self.compares
        )
        rows = other._rows(beside=self)
        mine = self._rows(beside=other)
        rows = rows[:, ~np.isin(_identities(rows), _identities(mine))]
        wanted = {(int(r[0]), int(r[1]), int(r[2]), int(r[3])): int(r[7]) for r in rows.T}
        part, in_part = other.position, []
        found: list[tuple[int, Entry]] = []
        for entry in listed:
            place = wanted.pop((*_name(entry.name), entry.size, _bits(entry.mtime)), None)
            if place is not None and not place & 1:
                found.append((place, entry))
            if part is not None and part.is_of(entry):
                in_part.append(entry)
        missing = sum(1 for place in wanted.values() if not place & 1) + (part is not None and not in_part)
        if missing:
            raise gone(missing, self._split)
        return [entry for _, entry in sorted(found, key=lambda pair: pair[0])] + in_part

    def is_copy(self, entry: Entry, content: Content) -> bool:
        """See :class:`Ledger`.

        Rows with keys are the last that was said of them, so there a name that is known is compared with what was last read under
        it. A new name, and one of rows that are only ever added to others, is compared with everything.
        """
        latest = self._latest_row(entry.name) if self._lanes == "one" else None
        if latest is None:
            head = content.head()
            near = list(self._by_head.get(head, ()))
            for segment in self._segments:
                near += segment.with_head(head)
        else:
            near = [latest] if latest.size == entry.size and latest.head and latest.head == content.head() else []
        near = [row for row in near if row.size == entry.size]
        found = content.fingerprint() if near else None
        return found is not None and any((row.content_high, row.content_low) == (found.high, found.low) for row in near)

    def finish(self, entry: Entry, content: Content | None = None, *, copy: bool = False) -> None:
        """See :class:`Ledger`. May write a file of the index, before any state names it."""
        told = None if content is None else content.fingerprint()
        found = told or Fingerprint(0, 0, 0)
        row = Row(*_name(entry.name), entry.size, _bits(entry.mtime), found.head, found.high, found.low, 2 * self._count + copy)
        self._count += 1
        self._add(row)
        self.position = None
        if len(self._recent) >= RECENT * _ROW.size:
            self._flush()

    def state(self) -> State:
        """See :class:`Ledger`."""
        found: dict[str, Any] = {
            "v": VERSION,
            "history": self._history,
            "lanes": self._lanes,
            "seq": self._seq,
            "count": self._count,
            "index": [[told.seq, told.digest, told.rows, told.crc] for told in self._told],
            "recent": base64.b64encode(self._recent).decode(),
        }
        if self.position is not None:
            found["at"] = dict(vars(self.position))
        return found

    def forget(self) -> None:
        """See :class:`Ledger`."""
        self._shelf.forget(self._told, self._seq)

    @property
    def _segments(self) -> list[Segment]:
        """The files of the index, newest last; opened, and so looked through for damage, once they are needed."""
        if self._opened is None:
            self._opened = [self._shelf.open(one) for one in self._told]
        return self._opened

    def _add(self, row: Row) -> None:
        self._recent += _ROW.pack(*row)
        self._by_name[row.name_high, row.name_low] = row
        if row.head:
            self._by_head.setdefault(row.head, []).append(row)

    def _flush(self) -> None:
        parts: list[Words] = [np.frombuffer(bytes(self._recent), "<u8").reshape(-1, WORDS).T]
        rows, kept = parts[0].shape[1], list(self._segments)
        while kept and kept[-1].rows <= rows:
            last = kept.pop()
            parts.insert(0, last.columns)
            rows += last.rows
        self._opened = [*kept, self._shelf.write(self._seq, merged(parts))]
        self._told = [segment.told for segment in self._opened]
        self._seq += 1
        self._recent.clear()
        self._by_name.clear()
        self._by_head.clear()

    def _latest_row(self, name: str) -> Row | None:
        high, low = _name(name)
        if (high, low) in self._by_name:
            return self._by_name[high, low]
        for segment in reversed(self._segments):
            (at,) = segment.latest(np.array([high], np.uint64), np.array([low], np.uint64))
            if at >= 0:
                return Row(*map(int, segment.columns[:, at]))
        return None

    def _knows(self, entries: Sequence[Entry]) -> npt.NDArray[np.bool_]:
        """Which of `entries` are the files that were last read under their names."""
        names = b"".join(_name_bytes(entry.name) for entry in entries)
        words: Words = np.frombuffer(names, "<u8").reshape(-1, 2)
        sizes: Words = np.fromiter((entry.size for entry in entries), np.uint64, len(entries))
        times = np.fromiter((entry.mtime for entry in entries), np.float64, len(entries)).view(np.uint64)
        known = np.zeros(len(entries), np.bool_)
        left = np.argsort(words[:, 0])
        if self._by_name:
            here = np.zeros(len(entries), np.bool_)
            for place, (high, low) in enumerate(zip(*words.T.tolist(), strict=True)):
                row = self._by_name.get((high, low))
                if row is not None:
                    here[place] = True
                    known[place] = row.size == sizes[place] and row.time == times[place]
            left = left[~here[left]]
        for segment in reversed(self._segments):
            at = segment.latest(words[left, 0], words[left, 1])
            there = at >= 0
            hit, at = left[there], at[there]
            known[hit] = (segment.columns[2][at] == sizes[hit]) & (segment.columns[3][at] == times[hit])
            left = left[~there]
            segment.release()
        return known

    def _rows(self, *, beside: ExactLedger) -> Words:
        """All rows but those of files that `beside` has too."""
        theirs = {segment.told for segment in beside._segments}
        recent: Words = np.frombuffer(bytes(self._recent), "<u8").reshape(-1, WORDS).T
        return np.concatenate([*(s.columns for s in self._segments if s.told not in theirs), recent], axis=1)


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    coming = iter(items)
    while chunk := list(islice(coming, size)):
        yield chunk


def _name_bytes(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _name(name: str) -> tuple[int, int]:
    high, low = struct.unpack("<2Q", _name_bytes(name))
    return high, low


def _bits(time: float) -> int:
    (found,) = struct.unpack("<Q", struct.pack("<d", time))
    return int(found)


def _identities(rows: Words) -> npt.NDArray[np.void]:
    """Name, size and time of each row, as one value."""
    return np.ascontiguousarray(rows[:4].T).view(np.dtype((np.void, 32))).reshape(-1)
