"""Where a value lies in a record of fixed length, and how it is written there: what fixed width adds to a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector_sdk.errors import ConfigError

__all__ = ["FILLINGS", "SIGNS", "Place"]

SIGNS = ("free", "none", "leading", "trailing", "overpunch", "leading overpunch")
"""How a number says its sign. ``free``: a minus or plus before the first digit, if any. ``none``: digits only. ``leading`` and
``trailing``: a character of its own, at that end. ``overpunch``: the last (or, ``leading``, the first) digit carries it, where
``{ABCDEFGHI`` and ``}JKLMNOPQR`` are the digits 0 to 9 with a plus and a minus; in EBCDIC the byte's zone says it, C or D."""

FILLINGS: Mapping[str, str] = {"spaces": " ", "zeros": "0", "low-values": "\x00", "high-values": "\xff"}
"""What a field may be filled with to say that it has no value. The last two are bytes, whatever the encoding."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The bytes of one value: `length` of them from `start` on, which counts from 1.

    `scale` says how many of the digits lie behind a decimal point that is not written; without it the point is, as the field's
    decimal mark. `sign` is one of `SIGNS`; with `plus` off, a positive value is written without a sign: a blank of its own, or
    a plain digit. `pad` fills up to `length` (none for text: it always has all of its length) and `justify` is the side at which
    the value stands. `blank` are the fillings (`FILLINGS`) that mean null, of which the first is written; it goes before the
    field's words for null. `value` is what header and trailer records have there when they are written.

    Left out, `pad`, `justify` and `blank` follow from the type: text stands left and is padded with blanks, numbers right and
    padded with zeros; spaces and low-values mean null, save in binary, where every byte counts.
    """

    start: int
    length: int
    scale: int | None = None
    sign: str = "free"
    plus: bool = True
    pad: str | None = None
    justify: str | None = None
    blank: tuple[str, ...] | None = None
    value: str | None = None

    def __post_init__(self) -> None:
        for wrong, what in (
            (self.start < 1, f"start is {self.start}: positions count from 1"),
            (self.length < 1, f"length is {self.length}: at least 1 byte was expected"),
            (self.scale is not None and not 0 <= self.scale <= 76, f"scale is {self.scale}: 0 to 76 digits were expected"),
            (self.sign not in SIGNS, f"sign is {self.sign!r}, not one of {', '.join(SIGNS)}"),
            (self.pad is not None and (len(self.pad) > 1 or not self.pad.isascii()), f"pad is {self.pad!r}: one ASCII character"),
            (self.justify not in (None, "left", "right"), f"justify is {self.justify!r}, not left or right"),
        ):
            if wrong:
                raise ConfigError(what, code="layout")
        for word in self.blank or ():
            if word not in FILLINGS:
                raise ConfigError(f"blank is {word!r}, not one of {', '.join(FILLINGS)}", code="layout")

    @property
    def offset(self) -> int:
        """Bytes before the value."""
        return self.start - 1

    @property
    def end(self) -> int:
        """Bytes up to the value's end, which is also its last position counted from 1."""
        return self.start - 1 + self.length
