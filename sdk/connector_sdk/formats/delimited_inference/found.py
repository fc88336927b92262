"""What a person should look at, or may like to know, of decisions about a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Level"]

Level: TypeAlias = Literal["question", "note"]


@dataclass(frozen=True)
class Finding:
    """What a person should look at (``question``) or may like to know (``note``); `field` None: it is about the file."""

    level: Level
    field: str | None
    message: str
