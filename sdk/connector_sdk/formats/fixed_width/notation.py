"""How one field's values are written, with everything filled in that its type leaves open, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector_sdk import types
from connector_sdk.errors import ConfigError
from connector_sdk.formats.fixed_width.code_page import CodePage, code_page
from connector_sdk.formats.layout import Field, Place
from connector_sdk.formats.moments import check_pattern, tokens

__all__ = ["DIRECTIVES", "Notation", "check_notation", "notation"]

DIRECTIVES = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2}
"""The digits of each part of a date or time, when leading zeros are written; ``%f`` has what is left."""


@dataclass(frozen=True, kw_only=True)
class Notation:
    """A field and its place with what follows from its type.

    `kind` is how the codec goes about it: ``text``, ``whole`` and ``scaled`` (digits only), ``spelled`` (with a decimal mark),
    ``float``, ``moment``, ``bool`` or ``raw``. `pad` fills up the place, and the value stands `right` or left in it. `nulls`
    are the bytes of a whole place that mean null; the first is written.
    """

    field: Field
    place: Place
    page: CodePage
    kind: str
    pad: str
    right: bool
    nulls: tuple[bytes, ...]

    def placed(self, text: str) -> bytes:
        """`text` as it stands in the place. Raises ValueError when it does not fit, or not into the encoding."""
        data, length = self.page.encode(text), self.place.length
        if len(data) > length or (len(data) < length and not self.pad):
            raise ValueError(f"{text!r} does not have {length} bytes")
        fill = self.page.encode(self.pad or " ")
        return data.rjust(length, fill) if self.right else data.ljust(length, fill)


def check_notation(field: Field, encoding: str) -> None:
    """Raises ConfigError when values of the field cannot be written as its place and type say."""
    notation(field, code_page(encoding))


def notation(field: Field, page: CodePage) -> Notation:
    """The notation of `field`. Raises ConfigError when its type, format, scale or words do not fit its place."""
    place = field.place
    if place is None:
        raise _wrong(field, "it has no start and length")
    for given, said in (("zone", field.zone), ("marks", field.marks), ("negative", field.negative != "leading")):
        if said:
            raise _wrong(
                field,
                f"{given} is for delimited text",
                "say `sign` for where a number's sign stands" if given == "negative" else None,
            )
    kind = _kind(field, place)
    number = kind in ("whole", "scaled", "spelled", "float")
    pad = "0" if kind in ("whole", "scaled", "spelled") else "" if kind == "raw" else " "
    pad = pad if place.pad is None else place.pad
    right = number if place.justify is None else place.justify == "right"
    for word in (*field.null, *((field.true[0], field.false[0]) if kind == "bool" else ())):
        _check_word(field, page, word)
    if place.value is not None:
        _check_word(field, page, place.value)
    return Notation(
        field=field, place=place, page=page, kind=kind, pad=pad, right=right, nulls=_nulls(field, place, page, kind, pad, right)
    )


def _nulls(field: Field, place: Place, page: CodePage, kind: str, pad: str, right: bool) -> tuple[bytes, ...]:
    if kind == "text" and not field.nullable:
        return ()  # blanks are a text too: the empty one
    fill = {"spaces": page.encode(" "), "zeros": page.encode("0"), "low-values": b"\x00", "high-values": b"\xff"}
    default = () if kind == "raw" else ("spaces", "low-values")
    found = [fill[word] * place.length for word in (default if place.blank is None else place.blank)]
    for word in field.null:
        data = page.encode(word)
        blank, filler = fill["spaces"], page.encode(pad or " ")
        forms = (data.rjust(place.length, blank), data.ljust(place.length, blank))
        padded = data.rjust(place.length, filler) if right else data.ljust(place.length, filler)
        found += (*(forms if right else forms[::-1]), padded)
    return tuple(dict.fromkeys(found))


def _kind(field: Field, place: Place) -> str:
    kind: Any = field.type
    t = pa.types
    what = f"a {types.to_text(kind)}"
    decimal = t.is_decimal128(kind) or t.is_decimal256(kind)
    if place.scale is not None and not decimal:
        raise _wrong(field, f"{what} has no scale", f"decimal({place.length},{place.scale})")
    if field.format and not t.is_temporal(kind):
        raise _wrong(field, f"{what} has no format {', '.join(field.format)}", "formats are for dates and times")
    if t.is_string(kind) or t.is_large_string(kind):
        return "text"
    if t.is_boolean(kind):
        return "bool"
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        if t.is_fixed_size_binary(kind) and kind.byte_width != place.length:
            raise _wrong(field, f"{what} does not have the {place.length} bytes of its place")
        return "raw"
    if t.is_float32(kind) or t.is_float64(kind):
        return "float"
    if t.is_date(kind) or t.is_time(kind) or t.is_timestamp(kind):
        _check_formats(field, place, what)
        return "moment"
    digits = place.length - (place.sign in ("leading", "trailing"))
    if place.pad not in (None, "0", " "):
        raise _wrong(field, f"a number is not padded with {place.pad!r}", "with 0 or a blank")
    if place.sign == "leading overpunch" and place.pad == " " and place.justify != "left":
        raise _wrong(field, "a sign over the first digit goes with zeros before the others", "pad: 0, or justify: left")
    if not (decimal or t.is_integer(kind)):
        raise _wrong(field, f"{what} has no notation in fixed width")
    if not 1 <= digits <= 76:
        raise _wrong(field, f"{digits} digits are not 1 to 76")
    if t.is_integer(kind):
        return "whole"
    if kind.scale < (place.scale or 0):
        raise _wrong(field, f"{what} cannot keep {place.scale} decimal places", f"decimal({digits},{place.scale})")
    if place.scale is not None or not kind.scale:
        return "scaled"
    if place.sign not in ("free", "none"):
        raise _wrong(field, f"the sign {place.sign!r} goes with a point that is not written", "give it a scale")
    return "spelled"


def _check_formats(field: Field, place: Place, what: str) -> None:
    if not field.format:
        raise _wrong(field, f"{what} needs a format", "as %Y%m%d, %d.%m.%y, %Y%j")
    for pattern in field.format:
        check_pattern(pattern, field.type)
        if sum(DIRECTIVES.get(token, 1) if directive else 1 for directive, token in tokens(pattern)) > place.length:
            raise _wrong(field, f"the format {pattern} does not fit into {place.length} bytes")


def _check_word(field: Field, page: CodePage, word: str) -> None:
    assert field.place is not None
    try:
        if len(page.encode(word)) <= field.place.length:
            return
    except UnicodeEncodeError:
        pass
    raise _wrong(field, f"{word!r} does not fit into {field.place.length} bytes of {page.encoding}")


def _wrong(field: Field, what: str, hint: str | None = None) -> ConfigError:
    return ConfigError(f"field {field.name!r}: {what}", hint=hint, code="layout")
