"""COBOL pictures and masks of numbers: how many characters they are, and how many of those are digits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PICTURED", "Picture", "picture_in", "picture_of"]

PICTURED = ("picture", "type", "format")
"""The columns in which people write pictures."""

_COBOL = re.compile(r"(?:pic(?:ture)?(?:is)?)?(s?)((?:[x9a](?:\(\d+\))?)+)(?:v((?:9(?:\(\d+\))?)*))?", re.IGNORECASE)
_MASK = re.compile(r"([+-]?)((?:[9z0#](?:\(\d+\))?)+)(?:([.,])((?:[90#](?:\(\d+\))?)+))?", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """`characters` in all; `digits` is 0 for text, `decimals` of them are a fraction, behind `point` if one is written.

    `signed`: ``S``, which may be one character more; None, of a mask: it does not say.
    """

    text: str
    characters: int
    digits: int = 0
    decimals: int = 0
    signed: bool | None = None
    point: str | None = None

    @property
    def is_bare(self) -> bool:
        """Whether it is a lone ``X`` or ``9``, which people write for a type as well."""
        return len(self.text.strip()) == 1


def picture_in(text: str) -> Picture | None:
    """``X(10)``, ``PIC S9(7)V99``, ``9999.99``, ``-##0,00``; None for anything else, as for ``9,999``, which may be both."""
    plain = text.replace(" ", "")
    found = _COBOL.fullmatch(plain)
    if found is not None:
        whole, fraction = _count(found[2]), _count(found[3] or "")
        if set(re.sub(r"\(\d+\)", "", found[2])) - {"9"}:
            return None if found[1] or found[3] is not None else Picture(text, whole)
        return Picture(text, whole + fraction, whole + fraction, fraction, signed=bool(found[1]))
    found = _MASK.fullmatch(plain)
    if found is None:
        return None
    whole, fraction = _count(found[2]), _count(found[4] or "")
    if found[3] == "," and fraction == 3:
        return None
    characters = len(found[1]) + whole + len(found[3] or "") + fraction
    return Picture(text, characters, whole + fraction, fraction, point=found[3])


def picture_of(cells: Mapping[str, str]) -> Picture | None:
    """The picture in the cells of a row, wherever it stands."""
    return next((found for column in PICTURED if (found := picture_in(cells.get(column, "")))), None)


def _count(symbols: str) -> int:
    return sum(int(each[1] or 1) for each in re.finditer(r".(?:\((\d+)\))?", symbols))
