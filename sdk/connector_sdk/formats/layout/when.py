"""What tells the type of a record, and whether the text of one type leaves none for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector_sdk.errors import ConfigError

__all__ = ["When", "check_told_apart"]


@dataclass(frozen=True, kw_only=True)
class When:
    """What tells a record's type: one of the texts `value` stands at `start`, `length` bytes long and padded with blanks.

    Where the texts of two types fit one record, the type that is listed first has it.
    """

    start: int
    length: int
    value: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.start < 1 or self.length < 1:
            raise ConfigError(f"start {self.start} and length {self.length} are no place: both count from 1", code="layout")
        if not self.value or any(len(value) > self.length for value in self.value):
            raise ConfigError(f"when has no value, or one longer than {self.length}", code="layout")

    @property
    def end(self) -> int:
        """Bytes up to the end of what is compared."""
        return self.start - 1 + self.length

    def claims(self, other: When, value: str) -> str | None:
        """The text of this one that is in every record with the text `value` of `other`; None when there is none."""
        if self.start < other.start or self.end > other.end:
            return None
        there = value.ljust(other.length)[self.start - other.start : self.end - other.start + 1]
        return next((mine for mine in self.value if mine.ljust(self.length) == there), None)


def check_told_apart(records: Sequence[tuple[str, When | None]]) -> None:
    """Raises ConfigError when a text of one of `records`, named and in order, tells no record: an earlier type has them all."""
    told = [(name, when) for name, when in records if when is not None]
    for number, (name, when) in enumerate(told):
        for value in when.value:
            for earlier, other in told[:number]:
                mine = other.claims(when, value)
                if mine is None:
                    continue
                same = (other.start, other.length) == (when.start, when.length)
                raise ConfigError(
                    f"no record is a {name!r} by {value!r} at {when.start}: "
                    f"each of them is a {earlier!r} by {mine!r} at {other.start}",
                    hint="give each type a text of its own" if same else f"put {name!r} before {earlier!r}",
                    code="layout",
                )
