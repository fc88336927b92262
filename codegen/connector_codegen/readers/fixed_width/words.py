"""What people write in the cells of a layout table, as the SDK says it: types, pictures, date masks, signs, padding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.types import from_text

from connector_codegen.readers.fixed_width.pictures import Picture, picture_in

__all__ = ["Kind", "check_length", "fill_of", "kind_of", "pattern_of", "sign_of"]

_TEXTS = {
    "",
    "c",
    "ch",
    "x",
    "a",
    "an",
    "ax",
    "char",
    "character",
    "alpha",
    "alphanumeric",
    "alphanum",
    "text",
    "string",
    "varchar",
}
_NUMBERS = {
    "n",
    "9",
    "num",
    "numeric",
    "number",
    "int",
    "integer",
    "zoned",
    "unsigned",
    "signed",
    "s",
    "z",
    "ns",
    "bigint",
    "long",
}
_DECIMALS = {"d", "dec", "decimal", "money", "amount", "currency", "packed decimal"}
_DATES, _TIMES, _MOMENTS = {"date", "dt", "datum"}, {"time", "tm"}, {"timestamp", "datetime", "ts"}
_BOOLEANS = {"bool", "boolean", "flag", "indicator", "logical", "yes/no", "y/n"}
_BINARIES = {"raw", "bytes", "binary", "hex"}
_REALS = {"float", "double", "real"}
_ELSEWHERE = re.compile(r"\b(comp|comp-[1-5]|packed|packed-decimal|binary integer)\b", re.IGNORECASE)
_SIZED = re.compile(r"([a-z /]+?)\s*\(\s*(\d+)\s*(?:[,.]\s*(\d+)\s*)?\)", re.IGNORECASE)

_OWN = ("leading", "trailing")
"""Signs that are a character of their own."""
_CORRECT = "correct the one that is wrong"

_PATTERNS = {8: "%Y%m%d", 10: "%Y-%m-%d", 14: "%Y%m%d%H%M%S", 19: "%Y-%m-%d %H:%M:%S", 26: "%Y-%m-%d %H:%M:%S.%f"}
_CLOCKS = {4: "%H%M", 5: "%H:%M", 6: "%H%M%S", 8: "%H:%M:%S"}
_MASK = re.compile(r"YYYY|CCYY|JJJJ|YY|JJ(?!J)|DDD|JJJ|MON|MMM|MM|MI|NN|DD|TT|HH24|HH|SS|F{1,9}\d?|S{3,9}", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """A field's type, how many of its digits are behind a point that is not written, its sign if the type says one, its point."""

    type: Any
    scale: int | None = None
    sign: str | None = None
    decimal: str = "."


def kind_of(word: str, length: int, decimals: int | None, *, sign: str | None = None, picture: Picture | None = None) -> Kind:
    """The type that `word`, which may itself be a picture, means for a field of `length` bytes. `sign` is what was said of it.

    Raises ConfigError when it means nothing, or when the word, the picture, the decimals and the length do not go together.
    """
    said = " ".join(word.lower().split())
    if _ELSEWHERE.search(said):
        raise ConfigError(f"{word!r} is not written in characters", hint="the copybook describes it better than a table")
    vague = said in _TEXTS or said in _NUMBERS or said in _DECIMALS
    shown = picture_in(word) if picture is None and not vague else picture
    if shown is not None:
        own = check_length(shown, length, sign)
        if vague or picture is None:
            return _pictured(shown, said, decimals, own)
    room = length - (sign in _OWN)
    if said in _TEXTS and not decimals:
        return Kind(pa.string())
    if vague:
        return _number(room, decimals or 0)
    for words, kind in (
        (_DATES, pa.date32()),
        (_TIMES, pa.time32("s")),
        (_MOMENTS, pa.timestamp("us")),
        (_BOOLEANS, pa.bool_()),
        (_BINARIES, pa.binary()),
        (_REALS, pa.float64()),
    ):
        if said in words:
            return Kind(kind)
    sized = _SIZED.fullmatch(said)
    if sized is not None and sized[1] in (_NUMBERS | _DECIMALS | _TEXTS) - {"decimal"}:
        return _of_size(word, sized, length, decimals)
    found: Any = from_text(word)
    return Kind(found, decimals if pa.types.is_decimal(found) else None)


def check_length(shown: Picture, length: int, sign: str | None = None) -> bool:
    """Whether the sign is a character beside those of the picture. Raises ConfigError when they are not `length` together."""
    beside = sign in _OWN or (length == shown.characters + 1 and (bool(shown.signed) if sign is None else sign == "free"))
    own = shown.digits > 0 and shown.signed is not None and beside
    if length != shown.characters + own:
        more = ", with one for the sign" if own else ""
        count = shown.characters + own
        raise ConfigError(
            f"the picture {shown.text} is {count} character{'s' if count > 1 else ''}{more}, and the length is {length}",
            hint=_CORRECT,
        )
    return own


def _number(digits: int, decimals: int) -> Kind:
    if decimals:
        return Kind(_decimal(max(digits, decimals), decimals), decimals)
    return Kind(pa.int64()) if digits <= 18 else Kind(_decimal(digits, 0))


def _decimal(precision: int, scale: int) -> Any:
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(min(precision, 76), scale)


def _of_size(word: str, sized: re.Match[str], length: int, decimals: int | None) -> Kind:
    """A type with its size in parentheses: ``CHAR(20)``, ``NUM(9,2)``."""
    size, scale = int(sized[2]), int(sized[3] or 0)
    if size > length:
        raise ConfigError(f"{word} does not fit into a length of {length}", hint=_CORRECT)
    if sized[1] in _TEXTS:
        return Kind(pa.string())
    if scale and decimals is not None and decimals != scale:
        raise ConfigError(f"{word} has {scale} decimal places, and the column for them says {decimals}", hint=_CORRECT)
    return _number(size, scale or decimals or 0)


def _pictured(shown: Picture, said: str, decimals: int | None, own: bool) -> Kind:
    """What a picture means where the type, `said`, says no more than text or number."""
    if not shown.digits:
        if said in _NUMBERS or said in _DECIMALS:
            raise ConfigError(f"the type is {said!r}, and the picture {shown.text} is text", hint=_CORRECT)
        return Kind(pa.string())
    if said and said in _TEXTS:
        return Kind(pa.string())
    if (shown.decimals or shown.point) and decimals is not None and decimals != shown.decimals:
        raise ConfigError(
            f"the picture {shown.text} has {shown.decimals} decimal places, and the column for them says {decimals}",
            hint=_CORRECT,
        )
    if shown.point is not None:
        return Kind(_decimal(shown.digits, shown.decimals), decimal=shown.point)
    found = _number(shown.digits, shown.decimals or decimals or 0)
    if shown.signed is None:
        return found
    return Kind(found.type, found.scale, "none" if not shown.signed else "trailing" if own else "overpunch")


def pattern_of(mask: str, kind: Any, length: int) -> str | None:
    """A date mask (``YYYYMMDD``, ``DD.MM.YY``, ``CCYYDDD``) as a strptime pattern; without one, what is usual at that length."""
    if "%" in mask:
        return mask
    if not mask:
        return (_CLOCKS if pa.types.is_time(kind) else _PATTERNS).get(length)
    hours = False

    def directive(found: re.Match[str]) -> str:
        nonlocal hours
        word = found[0].upper()
        if word in ("YYYY", "CCYY", "JJJJ"):
            return "%Y"
        if word in ("YY", "JJ"):
            return "%y"
        if word in ("DDD", "JJJ"):
            return "%j"
        if word in ("MON", "MMM"):
            return "%b"
        if word in ("DD", "TT"):
            return "%d"
        if word in ("HH", "HH24"):
            hours = True
            return "%H"
        if word in ("MI", "NN"):
            return "%M"
        if word == "MM":
            return "%M" if hours else "%m"
        return "%S" if word == "SS" else "%f"

    found = _MASK.sub(directive, mask.replace("T", "\0") if re.search(r"(?<!T)T(?!T)", mask) else mask).replace("\0", "T")
    return None if "%" not in found or re.search(r"(?<!%)[A-Za-z]", found.replace("T", "")) else found


def sign_of(word: str) -> str | None:
    """A word for how a number says its sign, as `Place.sign` does; None when it means nothing."""
    said = " ".join(re.sub(r"[^a-z+/-]+", " ", word.lower()).split())
    at = "leading " if "leading" in said or "left" in said else ""
    if any(each in said for each in ("over", "punch", "zone", "embedded")):
        return f"{at}overpunch"
    if at or said in ("l", "front"):
        return "leading"
    if "trailing" in said or said in ("t", "right", "back"):
        return "trailing"
    if said in ("none", "unsigned", "n", "no", "false", "without"):
        return "none"
    return "free" if said in ("", "free", "y", "yes", "true", "signed", "s", "+/-", "-", "+", "minus", "optional") else None


def fill_of(word: str) -> tuple[str | None, str | None]:
    """(pad, justify) of a cell like ``zero``, ``left zeros``, ``blank``, ``*``: filled at the left, a value stands right."""
    said = word.lower()
    pad = "0" if "zero" in said or "0" in said else " " if re.search(r"space|blank", said) else word if len(word) == 1 else None
    justify = "right" if re.search(r"\bleft\b|\blead", said) else "left" if re.search(r"\bright\b|\btrail", said) else None
    return pad, justify
