"""Sets of places in a text, 64 to a word, the first place in the lowest bit.

A megabyte is sixteen thousand words, which numpy goes through in microseconds. The idea is that of G. Langdale and D. Lemire,
"Parsing Gigabytes of JSON per Second" (2019), section 3.1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = [
    "TOP",
    "Finder",
    "Ordered",
    "Places",
    "Positions",
    "after",
    "before",
    "count",
    "head",
    "last",
    "line_end",
    "parity",
    "positions",
]

Places = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]
TOP, ONE = np.uint64(63), np.uint64(1)
_DOUBLING = [np.uint64(shift) for shift in (1, 2, 4, 8, 16, 32)]


class Finder:
    """Finds the places of bytes in one text after another, in memory that is kept: asking for a new megabyte costs more."""

    def __init__(self) -> None:
        self._there = np.empty(0, dtype=np.bool_)

    def where(self, text: bytes, mark: bytes) -> Places:
        """The places of the byte `mark`."""
        words = -(-len(text) // 64)
        if mark not in text:
            return np.zeros(words, dtype=np.uint64)
        there = self._room(words * 64)
        np.equal(np.frombuffer(text, dtype=np.uint8), mark[0], out=there[: len(text)])
        there[len(text) :] = False
        return np.packbits(there, bitorder="little").view("<u8")

    def positions(self, data: npt.NDArray[np.uint8], code: int) -> Positions:
        """The places of the byte `code`, as numbers, in order."""
        found: Positions = np.flatnonzero(np.equal(data, code, out=self._room(len(data))))
        return found

    def _room(self, size: int) -> npt.NDArray[np.bool_]:
        if len(self._there) < size:
            self._there = np.empty(size, dtype=np.bool_)
        return self._there[:size]


def parity(places: Places) -> Places:
    """The places at which the number of `places` so far, this one included, is odd."""
    odd = places.copy()
    moved = np.empty_like(odd)
    for shift in _DOUBLING:
        odd ^= np.left_shift(odd, shift, out=moved)
    carry = np.bitwise_xor.accumulate(odd >> TOP)
    odd[1:] ^= -carry[:-1]
    return odd


def after(places: Places) -> Places:
    """The places that follow one of `places`."""
    moved = places << ONE
    moved[1:] |= places[:-1] >> TOP
    return moved


def before(places: Places) -> Places:
    """The places that one of `places` follows."""
    moved = places >> ONE
    moved[:-1] |= places[1:] << TOP
    return moved


def head(places: Places, stop: int) -> Places:
    """Those of `places` that lie before `stop`."""
    found = places[: -(-stop // 64)]
    if stop % 64:
        found = found.copy()
        found[-1] &= (ONE << np.uint64(stop % 64)) - ONE
    return found


def last(places: Places, stop: int) -> int:
    """The last of `places` before `stop`; -1 when there is none."""
    if stop <= 0:
        return -1
    word = (stop - 1) // 64
    bits = int(places[word]) & ((1 << (stop - 64 * word)) - 1)
    if not bits:
        for first in (max(word - 64, 0), 0):  # it mostly is near
            words = np.flatnonzero(places[first:word])
            if len(words):
                word = first + int(words[-1])
                bits = int(places[word])
                break
    return word * 64 + bits.bit_length() - 1 if bits else -1


def line_end(feeds: Places, returns: Places | None, end: int) -> int:
    """Where the last line ends: by LF, so that a CRLF is not cut in two; without one by CR, unless an LF may follow it."""
    feed = last(feeds, end)
    return (feed if feed >= 0 or returns is None else last(returns, end - 1)) + 1


def count(places: Places, stop: int) -> int:
    """How many of `places` lie before `stop`."""
    return int(np.bitwise_count(head(places, stop)).sum())


def positions(places: Places) -> Positions:
    """The places as numbers, in order."""
    words = np.flatnonzero(places)
    found = np.flatnonzero(np.unpackbits(places[words].view(np.uint8), bitorder="little").view(np.bool_))
    return words[found // 64] * 64 + found % 64


class Ordered:
    """A set of places of which a few are asked for by their rank."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._ranks = np.cumsum(np.bitwise_count(places), dtype=np.int64)

    def __getitem__(self, rank: int) -> int:
        """The place of which `rank` others lie before; IndexError when there are not so many."""
        word = int(np.searchsorted(self._ranks, rank, side="right"))
        bits = int(self._places[word])
        for _ in range(rank - (int(self._ranks[word - 1]) if word else 0)):
            bits &= bits - 1
        return word * 64 + (bits & -bits).bit_length() - 1
