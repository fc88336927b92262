"""What stops a snapshot that cannot be right: keys that identify nothing, and a change too large to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector_sdk.errors import DataError

__all__ = ["Brake", "KeyProblems"]

EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Brake:
    """Lets pass what deletes and changes at most the share `max_change` of the rows that were there; None lets all pass."""

    max_change: float | None

    def check(self, stream: str, *, before: int, updated: int, deleted: int) -> None:
        """Raises DataError (code ``max_change``) with the figures."""
        if self.max_change is None or not before or updated + deleted <= self.max_change * before:
            return
        raise DataError(
            f"stream {stream!r}: this snapshot would delete {deleted:,} and change {updated:,} of {before:,} rows, "
            f"{(updated + deleted) / before:.1%}; max_change allows {self.max_change * 100:.4g}%; "
            "nothing was taken over",
            hint="was it cut short? deliver it again; when it is right, run once more with --confirm",
            code="max_change",
            stream=stream,
        )


@dataclass
class KeyProblems:
    """Rows whose key is null or that of another row: counted, with the first few keys."""

    stream: str
    keys: Sequence[str]
    nulls: int = 0
    duplicates: int = 0
    null_examples: list[str] = field(default_factory=list)
    duplicate_examples: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raises DataError (code ``null_key`` or ``duplicate_key``) when there are any."""
        if self.nulls:
            raise DataError(
                f"stream {self.stream!r}: {self.nulls:,} row{'s have' if self.nulls > 1 else ' has'} no value in the key "
                f"({'; '.join(self.null_examples)}); nothing was taken over",
                hint="a row without a key cannot be followed: mend the source, or choose another key",
                code="null_key",
                stream=self.stream,
            )
        if self.duplicates:
            raise DataError(
                f"stream {self.stream!r}: {self.duplicates:,} row{'s have' if self.duplicates > 1 else ' has'} the key of "
                f"another row ({'; '.join(self.duplicate_examples)}); nothing was taken over",
                hint="is one delivery there twice, or is the key not unique? choose a key that is",
                code="duplicate_key",
                stream=self.stream,
            )
