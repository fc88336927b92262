"""From one row of a table to a field at its place: what its cells say together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Field, Place

from connector_codegen.problems import Problem
from connector_codegen.readers.fixed_width.findings import Asking, Wrong
from connector_codegen.readers.fixed_width.pictures import Picture, picture_in, picture_of
from connector_codegen.readers.fixed_width.spans import Span, number_in
from connector_codegen.readers.fixed_width.tables import Row
from connector_codegen.readers.fixed_width.words import Kind, check_length, fill_of, kind_of, pattern_of, sign_of

__all__ = ["NO", "YES", "Placed", "placed"]

YES = ("y", "yes", "x", "true", "1", "m", "mandatory", "required", "j", "ja", "pk", "k")
NO = ("n", "no", "false", "0", "nein")
"""Words that say yes and no, in lower case."""

_FILLER = re.compile(r"filler\d*|fill|unused|reserved|blank|spare|leer|frei", re.IGNORECASE)


@dataclass(frozen=True)
class Placed:
    """A row that has found its place: a field, or (None) bytes that mean nothing."""

    row: Row
    start: int
    length: int
    field: Field | None

    @property
    def end(self) -> int:
        return self.start + self.length - 1


def placed(span: Span, layout: str, problems: list[Problem]) -> Placed:
    """The field of a row of `layout`."""
    row, start, length = span.row, span.start, span.length
    name = row["name"]
    if not name or _FILLER.fullmatch(name):
        _check_filler(row, length)
        return Placed(row, start, length, None)
    if re.search(r'["\\\x00-\x1f\x7f]', name):
        raise Wrong(f"{name!r} cannot be the name of a field", "letters, digits, blanks and _ - . can")
    asking = Asking(f"{layout}.{name}", row.where.rpartition(":")[2], problems)
    kind, mask = _kind(row, length, asking)
    place, more = _notation(row, mask, length, kind.type, asking)
    if pa.types.is_integer(kind.type) or pa.types.is_decimal(kind.type):
        place |= {"sign": kind.sign or "free"} | ({"scale": kind.scale} if kind.scale is not None else {})
        more |= {"decimal": kind.decimal} if kind.decimal != "." else {}
    try:
        made = Place(start=start, length=length, **place)
        key = row["key"].lower() in YES
        field = Field(
            name=name,
            type=kind.type,
            nullable=not (key or row["required"].lower() in YES),
            null=tuple(row["null"].split()) if row["null"] else (),
            doc=row["doc"] or None,
            evidence=row.where.rpartition("/")[2],
            place=made,
            **more,
        )
    except ConfigError as error:
        raise Wrong(error.message, error.hint) from None
    return Placed(row, start, length, field)


def _check_filler(row: Row, length: int) -> None:
    picture = picture_of(row.cells)
    if picture is None or picture.is_bare:
        return
    try:
        check_length(picture, length)
    except ConfigError as error:
        raise Wrong(f"{row['name'] or 'a row'}: {error.message}", error.hint) from None


def _kind(row: Row, length: int, asking: Asking) -> tuple[Kind, str]:
    """The type of a field of `length` bytes with the sign that its row says, and its format where that is no picture."""
    name, decimals = row["name"], number_in(row, "decimals")
    said = sign_of(row["sign"]) if row["sign"] else None
    if said is None and row["sign"]:
        raise Wrong(f"{name}: the sign {row['sign']!r} is not understood", "leading, trailing, overpunch, free or none")
    word, picture, mask = _drawn(row)
    try:
        kind = kind_of(word, length, decimals, sign=said, picture=picture)
    except ConfigError as error:
        raise Wrong(f"{name}: {error.message}", error.hint) from None
    if re.search(r"\(\d+ *[,.] *[1-9]", word) and decimals is None and pa.types.is_decimal(kind.type):
        how = "is not written" if kind.scale is not None else "is written"
        asking.told(f"its decimal point {how}", "decimal places in a column of their own are implied ones")
    if row["picture"] and picture_in(row["picture"]) is None and word != row["picture"]:
        asking.asked(f"its picture {row['picture']!r} says nothing to this reader")
    if kind.sign == "trailing" and said in (None, "free"):
        asking.told("its sign is the last character", "leading or trailing in a column Sign")
    # That there is a sign, and no word of where, is what an S in a picture says better.
    sign = kind.sign if said is None or (said == "free" and kind.sign in ("overpunch", "trailing")) else said
    return replace(kind, sign=sign), mask


def _drawn(row: Row) -> tuple[str, Picture | None, str]:
    """The word for the type, the picture, and the format where that is none. A lone X or 9 is a word: it says no length."""
    word, mask, drawn = row["type"], row["format"], None
    for column in ("picture", "format"):
        found = picture_in(row[column])
        if found is None:
            continue
        mask = "" if column == "format" else mask
        if found.is_bare:
            word = word or row[column]
        elif drawn is None:
            drawn = found
        elif drawn.characters != found.characters:
            raise Wrong(f"{row['name']}: its picture {drawn.text} and its format {found.text} are not of one length")
    return word or ("" if drawn is not None else row["picture"]), drawn, mask


def _notation(row: Row, mask: str, length: int, kind: Any, asking: Asking) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the cells padding, justify and format (`mask`) say, as arguments of a place and of a field."""
    place: dict[str, Any] = {}
    more: dict[str, Any] = {}
    pad, side = fill_of(row["padding"]) if row["padding"] else (None, None)
    if row["padding"] and pad is None and side is None:
        raise Wrong(f"{row['name']}: the padding {row['padding']!r} is not understood", "zero, blank, left zero or one character")
    said = row["justify"].lower()
    side = "left" if said.startswith("l") else "right" if said.startswith("r") else side
    numeric = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    if pad is not None and pad != ("0" if numeric and not pa.types.is_floating(kind) else " "):
        place["pad"] = pad
    if side is not None and side != ("right" if numeric else "left"):
        place["justify"] = side
    if pa.types.is_temporal(kind):
        pattern = pattern_of(mask, kind, length)
        if pattern is None:
            raise Wrong(f"{row['name']}: how is the {kind} written in {length} bytes?", "a format like YYYYMMDD or %d.%m.%Y")
        if not mask:
            asking.told(f"it is written as {pattern}")
        more["format"] = (pattern,)
    elif pa.types.is_boolean(kind):
        words = [word for word in re.split(r"[\s,/|;]+", mask or ("Y/N" if length == 1 else "")) if word]
        if len(words) != 2:
            raise Wrong(f"{row['name']}: which words say true and false?", "a format like Y/N")
        if not mask:
            asking.told("it is written as Y or N")
        more |= {"true": (words[0],), "false": (words[1],)}
    elif mask:
        asking.asked(f"its format {mask!r} says nothing to this reader", "dates, times and flags have formats, numbers pictures")
    return place, more
