"""What a description leaves unclear or gets wrong: values that readers and passes gather, and commands print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from connector_sdk.errors import ConfigError

__all__ = ["Level", "Problem", "refuse"]

Level: TypeAlias = Literal["error", "question", "note"]
"""``error``: nothing can be made of it. ``question``: a person should look at what was decided. ``note``: good to know."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One finding. `where` is a file, ``file:line`` or a field; `hint` says what to do about it."""

    level: Level
    where: str
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}"
        return text if self.hint is None else f"{text} ({self.hint})"


def refuse(problems: Iterable[Problem]) -> None:
    """Raise ConfigError that names every error among `problems`; do nothing when there is none."""
    errors = [str(problem) for problem in problems if problem.level == "error"]
    if errors:
        raise ConfigError("; ".join(errors), code="description")
