"""Words that stand for something else: for null, and for true and false in the languages that files come in."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "MANY_WORDS",
    "NULL_WORDS",
    "SPREADSHEET_ERRORS",
    "SURELY_NULL",
    "lone_boolean",
    "may_be_codes",
    "pair_of",
    "possible_pairs",
]

SURELY_NULL = ("NULL", "(null)", "<null>", "[null]", "\\N", "#N/A", "#NV", "#N/D", "#NULL!")
"""They mean null even among words; the others may be words there (NA is Namibia)."""

SPREADSHEET_ERRORS = ("#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#WERT!", "#BEZUG!")
"""What a cell shows that could not be computed."""

NULL_WORDS = frozenset(
    (
        *SURELY_NULL, "null", "Null", "N/A", "n/a", "n.a.", "N.A.", "n/v", "NA", "na", "None", "none", "NONE", "nil", "NaN",
        "nan",
        "-", "--", "---", "–", "—", "?", ".", "*", "k.A.", "k. A.", "n.v.", "s/d", "нет данных", "unknown", "Unknown", "(blank)",
        "0000-00-00", "0000-00-00 00:00:00", "00.00.0000", "00/00/0000", *SPREADSHEET_ERRORS,
    )
)  # fmt: skip

_PAIRS = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("j", "n"), ("wahr", "falsch"),
    ("oui", "non"), ("o", "n"), ("vrai", "faux"), ("si", "no"), ("sí", "no"), ("sì", "no"), ("s", "n"), ("sim", "não"),
    ("sim", "nao"), ("verdadero", "falso"), ("verdadeiro", "falso"), ("vero", "falso"), ("waar", "onwaar"), ("ja", "nee"),
    ("ja", "nej"), ("sann", "usann"), ("tak", "nie"), ("prawda", "fałsz"), ("ano", "ne"), ("igen", "nem"), ("da", "nu"),
    ("да", "нет"), ("д", "н"), ("истина", "ложь"), ("так", "ні"), ("evet", "hayır"), ("是", "否"), ("はい", "いいえ"),
    ("active", "inactive"), ("enabled", "disabled"),
)  # fmt: skip

_CODES = {("si", "no"), ("s", "n"), ("o", "n"), ("da", "nu")}
"""Slovenia and Norway, south and north, Danish: no boolean, unless the field's name says that it is one."""

MANY_WORDS = 8
"""More spellings of true, false and null than any file has."""


def pair_of(words: Iterable[str]) -> tuple[str, str] | None:
    """The pair (true, false), in lower case, of which both are among `words`, and nothing else is."""
    lower = {word.lower() for word in words}
    return next((pair for pair in _PAIRS if lower == set(pair)), None)


def may_be_codes(words: Iterable[str]) -> bool:
    """Whether `words`, which are a pair or one half of it, as well are codes of countries, languages or directions."""
    lower = {word.lower() for word in words}
    return pair_of(lower) in _CODES or (len(lower) == 1 and all(len(word) < 3 for word in lower))


def possible_pairs(words: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs among which `words` could still be."""
    lower = {word.lower() for word in words}
    return [pair for pair in _PAIRS if lower <= set(pair)]


def lone_boolean(words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The pairs of which `words` are one half."""
    lower = {word.lower() for word in words}
    return tuple(pair for pair in _PAIRS if len(lower) == 1 and lower <= set(pair))
