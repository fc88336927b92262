"""Calls the class of a table's rows by one of them: the rows of ``order_lines`` are ``OrderLine``.

English by rule and a few exceptions; a word that is not certain to be a plural stays, and so does one whose singular is the
class of another table.
"""

from __future__ import annotations

import re
from dataclasses import replace

from connector_codegen.model import Interface
from connector_codegen.problems import Problem

__all__ = ["one_of", "singular"]

_ITSELF = frozenset({"news", "series", "species", "lens", "chaos", "canvas", "atlas", "sales", "details", "gps", "sms", "https"})
_IRREGULAR = {
    "people": "person",
    "children": "child",
    "men": "man",
    "women": "woman",
    "indices": "index",
    "analyses": "analysis",
    "movies": "movie",
    "cookies": "cookie",
    "ties": "tie",
    "pies": "pie",
    "caches": "cache",
    "aliases": "alias",
    "gases": "gas",
    "lenses": "lens",
    "biases": "bias",
    "shoes": "shoe",
    "quizzes": "quiz",
    "leaves": "leaf",
    "shelves": "shelf",
    "halves": "half",
    "viruses": "virus",
    "buses": "bus",
    "bonuses": "bonus",
    "statuses": "status",
    "campuses": "campus",
    "canvases": "canvas",
    "atlases": "atlas",
    "vertices": "vertex",
    "matrices": "matrix",
}
_RULES = (
    (re.compile(r"(?<=[^aeiou])ies$"), "y"),
    (re.compile(r"(?<=ss|sh|ch)es$"), ""),
    (re.compile(r"(?<=x)es$"), ""),
    (re.compile(r"(?<=[^aeiou]o)es$"), ""),
    (re.compile(r"(?<=[^siu])s$"), ""),
)


def singular(interface: Interface, _problems: list[Problem]) -> Interface:
    """`interface` with the classes of a database's tables in the singular; wants identifiers."""
    if interface.source.reader != "odbc":
        return interface
    taken = [each.class_name for each in (*interface.rows, *interface.enumerations)]
    wanted = [_class(stream.class_name) for stream in interface.streams]
    streams = [
        stream if name in taken or wanted.count(name) > 1 else replace(stream, class_name=name)
        for stream, name in zip(interface.streams, wanted, strict=True)
    ]
    return replace(interface, streams=tuple(streams))


def _class(name: str) -> str:
    words = re.findall(r"[A-Z][^A-Z]*|^[^A-Z]+", name)
    if not words:
        return name
    last = one_of(words[-1].lower())
    return name[: len(name) - len(words[-1])] + last[:1].upper() + last[1:]


def one_of(word: str) -> str:
    """The singular of a lower-case word; the word itself where that is not certain."""
    if word in _ITSELF or len(word) < 4:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for rule, end in _RULES:
        if rule.search(word):
            return rule.sub(end, word)
    return word
