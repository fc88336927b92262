"""One field of a flat file: what it is, and how its values are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.place import Place

__all__ = ["FALSE", "NEGATIVES", "TRUE", "Field", "check_names"]

TRUE = ("true", "True", "TRUE", "1")
FALSE = ("false", "False", "FALSE", "0")
NEGATIVES = ("leading", "trailing", "parentheses")
"""How a negative number is written: ``-1.23``, ``1.23-`` or ``(1.23)``. The first is understood with each of them."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column: what it is, and how its values are written.

    `format` holds strptime patterns of dates and times, tried in order; ``()`` is ISO 8601. For binary it is ``("base64",)``
    (the default) or ``("hex",)``. `zone` (``Europe/Berlin``) is where the clock hangs that timestamps without an offset are
    taken from: the type is then one of UTC. A time that clock skipped is no value; of one it showed twice, the earlier counts.

    `decimal` and `group` are the decimal and thousands marks of numbers. `marks` are texts that may stand at a number's ends
    and say nothing of its value (``12.5 %`` is 12.5, ``EUR 7`` is 7); they are not written. `negative` is one of `NEGATIVES`.

    `null` are words that mean null; an unquoted empty value always does. The first of `true` and `false` is the word that is
    written. `title` is the header's word for the field where that is not `name`; `place` is where its value lies in a record of
    fixed length; `evidence` says why the field was decided to be what it is.
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    title: str | None = None
    format: tuple[str, ...] = ()
    zone: str | None = None
    decimal: str = "."
    group: str | None = None
    marks: tuple[str, ...] = ()
    negative: str = "leading"
    null: tuple[str, ...] = ()
    true: tuple[str, ...] = TRUE
    false: tuple[str, ...] = FALSE
    place: Place | None = None
    doc: str | None = None
    evidence: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("a field has no name", code="layout")
        if self.zone is not None:
            _check_zone(self.name, self.zone, self.type)
        if self.negative not in NEGATIVES:
            raise ConfigError(
                f"field {self.name!r}: negative is {self.negative!r}, not one of {', '.join(NEGATIVES)}", code="layout"
            )
        for mark in self.marks:
            if not mark or mark != mark.strip() or set(mark) & set("+-.,()0123456789"):
                raise ConfigError(
                    f"field {self.name!r}: {mark!r} cannot be told from the number it stands at",
                    hint="as %, €, EUR",
                    code="layout",
                )
        if len(self.decimal) != 1 or self.decimal == self.group:
            raise ConfigError(
                f"field {self.name!r}: the decimal mark {self.decimal!r} is not one character other than the thousands mark",
                code="layout",
            )
        if self.group == "" or not self.true or not self.false or set(self.true) & set(self.false):
            raise ConfigError(
                f"field {self.name!r}: the thousands mark is empty, or the words for true and false are none or the same",
                code="layout",
            )


def _check_zone(name: str, zone: str, kind: pa.DataType) -> None:
    if not pa.types.is_timestamp(kind) or kind.tz != "UTC":
        raise ConfigError(
            f"field {name!r} has the zone {zone!r} and the type {kind}",
            hint="a time of a zone becomes an instant: the type is timestamp[us, UTC]",
            code="layout",
        )
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ConfigError(
            f"field {name!r}: there is no time zone {zone!r}", hint="as Europe/Berlin or America/New_York", code="layout"
        ) from None


def check_names(what: str, fields: Sequence[Field], keys: Sequence[str]) -> None:
    """Raises ConfigError, which begins with `what`, for no fields at all, two of one name, and a key that is none of them."""
    if not fields:
        raise ConfigError(f"{what} has no fields", code="layout")
    counts = Counter(field.name for field in fields)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise ConfigError(f"{what} has two fields called {', '.join(map(repr, twice))}", code="layout")
    for key in keys:
        if key not in counts:
            raise ConfigError(f"{what}: the key {key!r} is not one of its fields", code="layout")
