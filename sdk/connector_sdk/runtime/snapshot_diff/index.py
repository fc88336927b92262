"""The rows of the generation before, found by key hash: what a new snapshot is held against."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector_sdk.runtime.index_files import mapped
from connector_sdk.runtime.snapshot_diff.blocks import Blocks, words_of
from connector_sdk.runtime.snapshot_diff.history import Generation, History
from connector_sdk.runtime.snapshot_diff.row_hash import Hashes

__all__ = ["CHANGED", "GONE", "KEPT", "REPLACED", "Index", "Match"]

GONE, KEPT, CHANGED, REPLACED = range(4)
"""What is known of a row of the generation before: not met yet; met as it was; met with other values; met as it was, and stored
anew with more of its fields."""

RESIDENT = 64 << 20  # bytes of mapped files that may be in memory at a time


class Match(NamedTuple):
    """Of m ordered keys: where each lies in the index, whether it is there at all, and whether its row is as it was."""

    at: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]
    same: npt.NDArray[np.bool_]


class Index:
    """``with Index(history, generation) as index``. None: before the first generation, an index of nothing.

    Raises StateInvalidError when a file is missing or damaged.
    """

    def __init__(self, history: History, generation: Generation | None) -> None:
        self.generation = generation
        self._maps: list[mmap.mmap] = []
        self._blocks: Blocks | None = None
        if generation is None:
            self.high, self.entries = words_of(None), words_of(None, 3)
        else:
            parts = generation.parts
            told = [parts[name] for name in ("lookup", "hashes")]
            maps = [mapped(history.folder / part.name, part.size, part.crc) for part in told]
            self._maps = [content for content in maps if content is not None]
            self.high, self.entries = words_of(maps[0]), words_of(maps[1], 3)
            self._blocks = Blocks(history.folder / parts["rows"].name, parts["rows"].blocks)
        self.marks = np.full(len(self.high), GONE, np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.high, self.entries = words_of(None), words_of(None, 3)
        if self._blocks is not None:
            self._blocks.close()
        for content in self._maps:
            with suppress(BufferError):  # an array still looks at it: it goes with that array
                content.close()

    @property
    def rows(self) -> int:
        return len(self.high)

    @property
    def before(self) -> bool:
        """Whether whole rows are kept, and not their keys alone."""
        return self.generation is not None and self.generation.before

    def data(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """What is kept of the rows from `start` up to `stop`."""
        assert self._blocks is not None
        return self._blocks.between(start, stop)

    def find(self, hashes: Hashes) -> Match:
        """Where the keys of `hashes`, in their order, are; the index is not empty."""
        # So many steps that each looks at a part of the files that may stay in memory.
        steps = 1 + sum(map(len, self._maps)) // RESIDENT
        found: list[Match] = []
        for rows in np.array_split(np.arange(len(hashes.key_high)), steps):
            if len(rows):
                found.append(self._find(Hashes(*(words[rows[0] : rows[-1] + 1] for words in hashes))))
            self.release()
        return Match(*map(np.concatenate, zip(*found, strict=True))) if len(found) > 1 else found[0]

    def _find(self, hashes: Hashes) -> Match:
        last = self.rows - 1
        start = int(np.searchsorted(self.high, hashes.key_high[0]))
        stop = int(np.searchsorted(self.high, hashes.key_high[-1], side="right"))
        at = np.searchsorted(self.high[start:stop], hashes.key_high) + start
        np.minimum(at, last, out=at)
        entries = self.entries.take(at, axis=0)
        near = self.high.take(at) == hashes.key_high
        known = near & (entries[:, 2] == hashes.key_low)
        # Two keys may agree in their first 64 bits: then the right one is further on.
        lost = np.flatnonzero(near & ~known)
        while len(lost):
            at[lost] += 1
            lost = lost[at[lost] <= last]
            lost = lost[self.high[at[lost]] == hashes.key_high[lost]]
            entries[lost] = self.entries[at[lost]]
            hit = entries[lost, 2] == hashes.key_low[lost]
            known[lost[hit]] = True
            lost = lost[~hit]
        same = known & (entries[:, 0] == hashes.row_high) & (entries[:, 1] == hashes.row_low)
        return Match(at, known, same)

    def release(self) -> None:
        """Let the pages of large files go: they come back from the system's cache when they are looked at again."""
        for content in self._maps:
            if len(content) > RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
                content.madvise(mmap.MADV_DONTNEED)
