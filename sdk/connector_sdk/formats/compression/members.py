"""The files inside an archive: what one is, and which names and kinds of members are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from connector_sdk.errors import DataError
from connector_sdk.formats.compression.limits import Limits

__all__ = ["Member", "Members", "Read", "member_name", "refused_member"]

Read: TypeAlias = Callable[[int], bytes]
"""Up to so many bytes, at least one; ``b""`` at the end."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A regular file in an archive: `size` bytes, after `base` bytes of the members before it.

    ``open(offset)`` is its content from byte `offset` on. In a tar it is good until the next member is asked for, once. What it
    returns raises DataError: ``truncated``, ``damaged`` (a wrong check sum is told at the end), ``encrypted``, ``bomb``.
    """

    name: str
    base: int
    size: int
    open: Callable[[int], Read]


def member_name(raw: str, place: str) -> str:
    """The name of a member as a plain relative one: a leading ``./`` is dropped, and ``\\`` is ``/``.

    Raises DataError (code ``unsafe_name``) for one that is absolute, leads upwards, or has a drive or control characters: nothing
    is written under it, yet an archive with such a name was not made to be read.
    """
    name = raw.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    parts = name.rstrip("/").split("/")
    bad = any(part in ("", ".", "..") for part in parts) or re.match(r"[A-Za-z]:", name)
    if bad or any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise DataError(
            f"{place} has a member called {raw!r}, which is no plain relative name: nothing of it is read from there on",
            hint="ask who sends it; a member's name may not lead out of the archive",
            code="unsafe_name",
        )
    return name


def refused_member(what: str, name: str, place: str) -> DataError:
    """The error for a member that is no regular file."""
    return DataError(f"{place}: its member {name!r} is {what}, not a file", hint="pack plain files", code="unsafe_member")


class Members:
    """The members of an archive that have been met: each name once, and not too many."""

    def __init__(self, place: str, limits: Limits) -> None:
        self._place = place
        self._limit = limits.members
        self._names: set[str] = set()

    def meet(self, name: str) -> None:
        """Raises DataError for the second member of a name, and for one too many."""
        if name in self._names:
            raise DataError(
                f"{self._place} has two members called {name!r}", hint="which of them counts is not clear", code="archive"
            )
        self._names.add(name)
        self.count(len(self._names))

    def count(self, members: int) -> None:
        """Raises DataError when `members` are too many."""
        if members > self._limit:
            raise DataError(
                f"{self._place} has more than {self._limit:,} members", hint="a real archive? Then raise max_members", code="bomb"
            )
