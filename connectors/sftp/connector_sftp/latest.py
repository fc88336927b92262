"""Which file of a stream counts when each of them is the whole of it: the last by name, with numbers taken as numbers.

By name and not by time: an old delivery that is sent again, or a folder that is copied, gets a new time and keeps its name. The
names have to say the order, then: year before month before day, or a running number.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence

from connector_sdk.errors import TransientError
from connector_sdk.runtime.folder import Entry

__all__ = ["last_of", "latest", "newer_than", "superseded"]


def latest(entries: Sequence[Entry], stream: str, place: str) -> Entry:
    """The last of `entries`; `place` is their folder.

    Raises TransientError (code ``no_drop``) when there is none: no delivery is not an empty one.
    """
    if not entries:
        raise TransientError(
            f"there is no drop of stream {stream!r} in {place}",
            hint="one that is still being written, or waits for its marker, does not count yet",
            code="no_drop",
            stream=stream,
        )
    return max(entries, key=_order)


def newer_than(last: Entry, entries: Sequence[Entry]) -> Entry | None:
    """The one of `entries` that is newer by its time than the last by name, if any: do the names say the order at all?"""
    newest = max(entries, key=lambda entry: entry.mtime)
    return newest if newest.mtime > last.mtime else None


def last_of(entries: Iterable[Entry], most: int) -> list[Entry]:
    """The `most` of `entries` that come last, and the newest by its time; whatever there are, no more are held."""
    newest: list[Entry] = []

    def watched() -> Iterator[Entry]:
        for entry in entries:
            if not newest or entry.mtime > newest[0].mtime:
                newest[:] = [entry]
            yield entry

    found = heapq.nlargest(most, watched(), key=_order)
    return found + [entry for entry in newest if entry not in found]


def superseded(entries: Sequence[Entry], by: Entry) -> list[Entry]:
    """Those of `entries` that lie before `by`: what has been read, and what came late and will not be."""
    return [entry for entry in entries if _order(entry) < _order(by)]


def _order(entry: Entry) -> tuple[list[str | int], str]:
    # Texts and numbers alternate, so that a number is only ever compared with a number.
    parts = re.split(r"([0-9]+)", entry.name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], entry.name
