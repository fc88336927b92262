"""A type as it is declared in SQL, taken apart: ``NUMERIC(12, 2)`` is a numeric of precision 12 and scale 2."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["DeclaredType", "parse"]

_PARAMETERS = re.compile(r"\(([^()]*)\)")
_NUMBERS = frozenset({"decimal", "dec", "numeric", "number", "decfloat", "float"})
_INTEGERS = re.compile(r"\b(?:tinyint|smallint|mediumint|int|integer|bigint|year)\b")
_TIMES = re.compile(r"\b(?:time|timestamp|datetime|datetime2|datetimeoffset|timetz|timestamptz|interval)\b")


@dataclass(frozen=True, kw_only=True)
class DeclaredType:
    """`kind` is the name in lower case, without parameters; the others as in :class:`connector_odbc.catalogue.Column`."""

    kind: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None


def parse(native: str) -> DeclaredType:
    """`native` taken apart. What is no number in its parentheses (``max``, the labels of an enum) is passed over."""
    kind = " ".join(_PARAMETERS.sub(" ", native).lower().split())
    given = _PARAMETERS.findall(native)
    # Of INTERVAL DAY(2) TO SECOND(6) the last is the seconds' fraction.
    numbers = [
        int(found[0]) if (found := re.match(r"\s*(-?\d+)", part)) else None for part in (given[-1] if given else "").split(",")
    ]
    first = numbers[0]
    if first is None or _INTEGERS.search(kind):
        return DeclaredType(kind=kind)
    if kind.split(" ")[0] in _NUMBERS:
        scale = numbers[1] if len(numbers) > 1 else 0
        return DeclaredType(kind=kind, precision=first, scale=None if kind.startswith(("float", "decfloat")) else scale)
    if _TIMES.search(kind):
        return DeclaredType(kind=kind, precision=first)
    return DeclaredType(kind=kind, length=first)
