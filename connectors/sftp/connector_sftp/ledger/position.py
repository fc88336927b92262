"""A file that is read in part, and the order in which files are read."""

from __future__ import annotations

from dataclasses import dataclass

from connector_sdk.errors import StateInvalidError
from connector_sdk.runtime.folder import Entry

__all__ = ["Position", "age", "gone", "part_first", "unreadable"]


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


def age(entry: Entry) -> tuple[float, str]:
    """By what new files are ordered: oldest first, those of one moment by their names."""
    return entry.mtime, entry.name


def part_first(entries: list[Entry], part: Position | None) -> list[Entry]:
    """`entries` by age, and the one that is read in part before all others."""
    entries.sort(key=age)
    return entries if part is None else sorted(entries, key=lambda entry: not part.is_of(entry))


def unreadable(split: str) -> StateInvalidError:
    """The error for a state that none of our ledgers wrote."""
    return StateInvalidError(
        f"the state of {split!r} is not one of this connector",
        hint="`connector state reset FILE` reads everything again",
        split=split,
    )


def gone(count: int, split: str) -> StateInvalidError:
    """The error for files that lie between two states and cannot be read again."""
    return StateInvalidError(
        f"{count} of the files between the two states of {split!r} are gone or replaced", code="gone", split=split
    )
