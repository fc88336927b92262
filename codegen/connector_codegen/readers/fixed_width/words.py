"""What people write in the cells of a layout table, as the SDK says it: types, pictures, date masks, signs, padding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.types import from_text

__all__ = ["Kind", "fill_of", "kind_of", "pattern_of", "sign_of"]

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
_PICTURE = re.compile(r"(?:pic(?:ture)?\s*(?:is\s*)?)?(s?)((?:[x9a](?:\(\d+\))?)+)(?:v((?:9(?:\(\d+\))?)*))?", re.IGNORECASE)
_SIZED = re.compile(r"([a-z /]+?)\s*\(\s*(\d+)\s*(?:[,.]\s*(\d+)\s*)?\)", re.IGNORECASE)

_PATTERNS = {8: "%Y%m%d", 10: "%Y-%m-%d", 14: "%Y%m%d%H%M%S", 19: "%Y-%m-%d %H:%M:%S", 26: "%Y-%m-%d %H:%M:%S.%f"}
_CLOCKS = {4: "%H%M", 5: "%H:%M", 6: "%H%M%S", 8: "%H:%M:%S"}
_MASK = re.compile(r"YYYY|CCYY|JJJJ|YY|JJ(?!J)|DDD|JJJ|MON|MMM|MM|MI|NN|DD|TT|HH24|HH|SS|F{1,9}\d?|S{3,9}", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """A field's type, how many of its digits are behind a point that is not written, and its sign if the type says one."""

    type: Any
    scale: int | None = None
    sign: str | None = None


def kind_of(word: str, length: int, decimals: int | None) -> Kind:
    """The type that `word` means for a field of `length` bytes. Raises ConfigError when it means nothing."""
    said = " ".join(word.lower().split())
    if _ELSEWHERE.search(said):
        raise ConfigError(f"{word!r} is not written in characters", hint="the copybook describes it better than a table")
    if said in _TEXTS and not decimals:
        return Kind(pa.string())
    if said in _NUMBERS or said in _DECIMALS or (said in _TEXTS and decimals):
        return _number(length, decimals or 0)
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
    picture = _PICTURE.fullmatch(said.replace(" ", ""))
    if picture is not None:
        return _pictured(picture, length)
    if sized is not None and sized[1] in _NUMBERS | _DECIMALS and sized[1] != "decimal":
        return _number(int(sized[2]), int(sized[3] or decimals or 0))
    if sized is not None and sized[1] in _TEXTS:
        return Kind(pa.string())
    found: Any = from_text(word)
    return Kind(found, decimals if pa.types.is_decimal(found) else None)


def _number(digits: int, decimals: int) -> Kind:
    if decimals:
        return Kind(_decimal(max(digits, decimals), decimals), decimals)
    return Kind(pa.int64()) if digits <= 18 else Kind(_decimal(digits, 0))


def _decimal(precision: int, scale: int) -> Any:
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(min(precision, 76), scale)


def _pictured(picture: re.Match[str], length: int) -> Kind:
    """A COBOL picture of characters: ``X(10)``, ``9(4)``, ``S9(7)V99``."""
    signed, before, after = picture[1], picture[2], picture[3]
    if set(re.sub(r"\(\d+\)", "", before).lower()) - {"9"}:
        return Kind(pa.string())
    digits, decimals = _count(before) + _count(after or ""), _count(after or "")
    kind = _number(digits, decimals)
    sign = "none" if not signed else "overpunch" if length == digits else "trailing"
    return Kind(kind.type, kind.scale, sign)


def _count(picture: str) -> int:
    return sum(int(each[1] or 1) for each in re.finditer(r".(?:\((\d+)\))?", picture))


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
    return None if re.search(r"(?<!%)[A-Za-z]", found.replace("T", "")) else found


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
