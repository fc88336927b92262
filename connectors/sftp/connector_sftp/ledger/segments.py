"""Files of the index that hold which files were read: eight words for each, in columns, by the hash of its name.

A folder ``INDEX/file-ledgers/<split>/<history>/`` belongs to one state and those that follow from it. Its files are called
``<sequence>-<digest>.files``: 64 bytes that say what this is, then the columns, each of one little-endian 64-bit word per row.
Rows are ordered by the first word, and among equal ones by the last. A state names the files it needs; a file never changes.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from connector_sdk.runtime.folder import local_error
from connector_sdk.runtime.index_files import HIDDEN, NewFile, damaged, folder_name, make_folder, mapped, remove, sync

__all__ = ["WORDS", "Row", "Segment", "Shelf", "Words", "merged"]

Words = npt.NDArray[np.uint64]

HEAD = b"connector-sftp: files that were read, 1\n".ljust(64, b" ")
WORDS = 8
RESIDENT = 16 << 20
"""Bytes of one mapped file that may stay in memory."""
_NAME = re.compile(rf"(?:{re.escape(HIDDEN)})?(\d{{8,}})-[0-9a-f]{{32}}(?:\.files)?")


class Row(NamedTuple):
    """A file that was read: the hash of its name, size, time (the bits of a float64), fingerprint (0: not known), and its place.

    `place` counts the files in the order they were read, doubled, and is odd for a copy: a file that was known by its content.
    """

    name_high: int
    name_low: int
    size: int
    time: int
    head: int
    content_high: int
    content_low: int
    place: int


@dataclass(frozen=True)
class Told:
    """A segment as a state names it."""

    seq: int
    digest: str
    rows: int
    crc: int


class Segment:
    """One file of rows, mapped. `columns` has the shape (8, rows)."""

    def __init__(self, told: Told, content: mmap.mmap) -> None:
        self.told = told
        self._content = content
        self.columns: Words = np.frombuffer(content, "<u8", offset=len(HEAD)).reshape(WORDS, -1)
        self._heads: tuple[Words, npt.NDArray[np.intp]] | None = None

    @property
    def rows(self) -> int:
        return self.told.rows

    def latest(self, high: Words, low: Words) -> npt.NDArray[np.int64]:
        """Where the last row of each name is, -1 where there is none. `high` is in order."""
        names, rest = self.columns[0], self.columns[1]
        at = np.searchsorted(names, high, side="right").astype(np.int64) - 1
        near = (at >= 0) & (names[at] == high)
        found = near & (rest[at] == low)
        # Two names may agree in their first 64 bits: then the right one is further in front.
        lost = np.flatnonzero(near & ~found)
        while len(lost):
            at[lost] -= 1
            lost = lost[(at[lost] >= 0)]
            lost = lost[names[at[lost]] == high[lost]]
            hit = rest[at[lost]] == low[lost]
            found[lost[hit]] = True
            lost = lost[~hit]
        at[~found] = -1
        return at

    def with_head(self, head: int) -> list[Row]:
        """The rows with this first part of a fingerprint."""
        if self._heads is None:
            order = np.argsort(self.columns[Row._fields.index("head")])
            self._heads = self.columns[Row._fields.index("head")][order], order
        heads, order = self._heads
        start = int(np.searchsorted(heads, np.uint64(head)))
        stop = int(np.searchsorted(heads, np.uint64(head), side="right"))
        return [Row(*map(int, self.columns[:, at])) for at in order[start:stop]]

    def release(self) -> None:
        """Let the pages of a large file go: they come back from the system's cache when they are looked at again."""
        if len(self._content) > RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self._content.madvise(mmap.MADV_DONTNEED)


def merged(parts: Sequence[Words]) -> Words:
    """The rows of `parts`, each (8, rows), older ones first, as a segment has them."""
    rows = np.concatenate(parts, axis=1)
    order = np.argsort(rows[0], kind="stable")
    for column in rows:
        column[:] = column[order]
    return rows


class Shelf:
    """The folder of one ledger."""

    def __init__(self, index: Path, split: str, history: str) -> None:
        self.folder = index.expanduser() / "file-ledgers" / folder_name(split) / history

    def path(self, told: Told) -> Path:
        return self.folder / f"{told.seq:08d}-{told.digest}.files"

    def open(self, told: Told) -> Segment:
        """Raises StateInvalidError when the file is missing or damaged."""
        path = self.path(told)
        content = mapped(path, len(HEAD) + 8 * WORDS * told.rows, told.crc)
        if content is None or content[: len(HEAD)] != HEAD:
            raise damaged(path, "it is not a file of this ledger")
        return Segment(told, content)

    def write(self, seq: int, rows: Words) -> Segment:
        """A new file of `rows`, as :func:`merged` returns them. Raises LocalResourceError when the disk is full."""
        data = np.ascontiguousarray(rows, "<u8").data
        digest = hashlib.blake2b(HEAD, digest_size=16)
        digest.update(data)
        path = self.folder / f"{HIDDEN}{seq:08d}-{secrets.token_hex(16)}"
        try:
            make_folder(self.folder)
            file = NewFile(path)
            try:
                file.write(HEAD)
                file.write(data)
                file.finish()
            except BaseException:
                file.close()
                remove(path)
                raise
            told = Told(seq, digest.hexdigest(), rows.shape[1], file.crc)
            path.rename(self.path(told))
            sync(self.folder)
        except OSError as error:
            raise local_error(error, path) from None
        return self.open(told)

    def forget(self, needed: Iterable[Told], upto: int) -> None:
        """Remove every file before the sequence `upto` that is not `needed`, also what a run that died left unfinished."""
        kept = {self.path(told).name for told in needed}
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return
        except OSError as error:
            raise local_error(error, self.folder) from None
        for name in sorted(names):
            match = _NAME.fullmatch(name)
            if match is not None and int(match[1]) < upto and name not in kept:
                remove(self.folder / name)
