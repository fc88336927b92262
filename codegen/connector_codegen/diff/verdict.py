"""The three verdicts on a difference, from harmless to worst."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

__all__ = ["Change", "Difference", "Verdict", "worst"]


class Verdict(StrEnum):
    """What a difference means for what was made for the old interface."""

    COMPATIBLE = "compatible"
    """Every value of the old has its place in the new, and code, tables and files made for the old go on working."""
    BREAKING = "breaking"
    """No value is lost, but something made for the old fails: another kind of value, nulls where none were."""
    LOSING = "data-losing"
    """A value of the old has no place in the new, or would be read as another value."""


Change: TypeAlias = tuple[Verdict, str]
"""A verdict, and what changed."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One change of a stream (or of a named type), or of one field in it."""

    stream: str
    field: str | None
    verdict: Verdict
    what: str


def worst(verdicts: list[Verdict]) -> Verdict:
    """The worst of `verdicts`; compatible when there are none."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.COMPATIBLE)
