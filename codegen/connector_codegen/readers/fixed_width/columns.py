"""The columns of a layout table: what they may be called, and whether a row of titles is the head of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from connector_codegen.readers.fixed_width.pictures import PICTURED, picture_in

__all__ = ["COLUMNS", "RANGE", "describes", "meanings"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "field", "fieldname", "column", "columnname", "item", "element", "dataelement", "feld", "feldname"),
    "start": ("start", "from", "begin", "pos", "position", "positions", "startpos", "startposition", "startcolumn", "von", "ab"),
    "offset": ("offset", "displacement"),
    "end": ("end", "to", "endpos", "endposition", "endcolumn", "stop", "thru", "through", "bis"),
    "length": ("length", "len", "size", "width", "bytes", "fieldlength", "laenge", "länge"),
    "type": ("type", "datatype", "fieldtype", "kind", "datentyp", "typ"),
    "picture": ("picture", "pic"),
    "format": ("format", "mask", "pattern", "dateformat"),
    "padding": ("padding", "pad", "fill", "fillchar", "padchar"),
    "justify": ("justify", "justification", "justified", "align", "alignment"),
    "sign": ("sign", "signed", "vorzeichen"),
    "decimals": (
        "decimals",
        "implieddecimals",
        "decimalplaces",
        "decimal",
        "dec",
        "scale",
        "impliedscale",
        "dezimal",
        "nachkommastellen",
    ),
    "null": ("null", "nullvalue", "nulls"),
    "required": ("required", "mandatory", "notnull"),
    "key": ("key", "primarykey", "pk"),
    "record": ("record", "recordtype", "rectype", "segment", "satzart"),
    "role": ("role", "recordrole"),
    "value": ("value", "constant", "discriminator", "fixedvalue"),
    "check": ("check", "total", "control", "controltotal"),
    "doc": ("doc", "description", "comment", "comments", "remark", "remarks", "notes", "meaning", "bemerkung", "beschreibung"),
}
"""The columns that are understood, and what they may be called; case, blanks and punctuation do not count."""

RANGE = re.compile(r"\s*(\d+)\s*(?:-|–|to|\.\.|:)\s*(\d+)\s*")
"""The first and the last position of a field in one cell."""

_MEANING = {word: column for column, words in COLUMNS.items() for word in words}
_PLACES = ("name", "start", "offset", "end", "length")


def meanings(titles: Sequence[str]) -> list[str]:
    """What each of `titles` means; nothing for one that is not understood, or that means what one before it does."""
    found: list[str] = []
    for title in titles:
        meaning = _MEANING.get(re.sub(r"[\W_]+", "", title).lower(), "")
        # Of two columns for a field's place neither is to be chosen: whoever asks sees that it is there twice.
        found.append(meaning if meaning in _PLACES or meaning not in found else "")
    return found


def describes(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bool:
    """Whether `columns`, by what they mean, say of each field what it is called and where it is; `rows` are some below them.

    Without a column for the length, ranges of positions or COBOL pictures in their cells say it.
    """
    found = set(columns) - {""}
    if "name" not in found or any(count > 1 for column, count in Counter(columns).items() if column):
        return False
    if {"length", "start"} <= found or {"start", "end"} <= found or {"offset", "length"} <= found:
        return True
    if "length" in found:
        return bool(found & {"type", "picture", "format", "decimals", "record"})
    starts = [row["start"] for row in rows if row.get("start")]
    if any(map(RANGE.fullmatch, starts)):
        return all(RANGE.fullmatch(start) or start.strip().isdecimal() for start in starts)
    pictures = [row[column] for row in rows for column in PICTURED if row.get(column)]
    return any("(" in text for text in pictures) and all(picture_in(text) is not None for text in pictures)
