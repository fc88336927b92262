"""How much a packed file may become before it is taken for a bomb."""

from __future__ import annotations

from dataclasses import dataclass

from connector_sdk.errors import DataError

__all__ = ["LIMITS", "Expansion", "Limits"]

GRACE = 64 << 20
"""Bytes that a file may become whatever its size: a small file of one repeated line is no bomb."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`largest`: bytes that a file may become. `ratio`: bytes that one may become, on the average. `members`: of one archive.

    Deflate's own limit is a ratio of 1032; text compresses by 3 to 30.
    """

    largest: int = 1 << 40
    ratio: float = 200.0
    members: int = 10_000


LIMITS = Limits()


class Expansion:
    """What went into the unpacking of one file, and what came out of it."""

    def __init__(self, place: str, limits: Limits) -> None:
        self._place = place
        self._limits = limits
        self.taken = self.given = 0

    def took(self, size: int) -> None:
        """`size` packed bytes were read."""
        self.taken += size

    def gave(self, size: int) -> None:
        """`size` bytes came out of them. Raises DataError (code ``bomb``) when it is more than a real file's would be."""
        self.given += size
        if self.given > self._limits.largest or (self.given > GRACE and self.given > self._limits.ratio * self.taken):
            raise DataError(
                f"{self._place} expands to more than {self.given:,} bytes from {self.taken:,}: it was not read further",
                hint="a real file? Then raise max_expansion and max_expanded_bytes, or decompress it beside, and read that",
                code="bomb",
            )
