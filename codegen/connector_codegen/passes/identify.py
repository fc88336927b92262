"""Gives everything a Python identifier: snake_case for streams and fields, CapWords for classes. They may still collide."""

from __future__ import annotations

import keyword
import unicodedata
from dataclasses import replace

from connector_codegen.model import Interface
from connector_codegen.problems import Problem

__all__ = ["class_name", "identifier", "identify"]

LONGEST = 60
"""Characters of an identifier: a header cell may be kilobytes long."""

# A field of this name would hide what the generated classes need themselves, or what pydantic's models define.
_TAKEN = {"bool", "bytes", "dict", "field", "float", "int", "list", "str"} | {
    *("construct", "copy", "from_orm", "json", "parse_file", "parse_obj", "parse_raw", "schema", "schema_json"),
    *("update_forward_refs", "validate"),
}
# Names that the generated modules import.
_TAKEN_CLASSES = {
    *("Annotated", "Any", "BaseModel", "ConfigDict", "Decimal", "Enum", "Field", "Final", "IntEnum", "Literal", "Meta"),
    *("RootModel", "StrEnum", "Struct", "UnsetType"),
}


def identify(interface: Interface, _problems: list[Problem]) -> Interface:
    """`interface` with an identifier for every stream, field, record and enumeration."""
    return replace(
        interface,
        streams=tuple(
            replace(
                stream,
                identifier=identifier(stream.name, "stream"),
                class_name=class_name(stream.name),
                fields=tuple(replace(field, identifier=identifier(field.name)) for field in stream.fields),
            )
            for stream in interface.streams
        ),
        records=tuple(
            replace(
                record,
                class_name=class_name(record.name),
                fields=tuple(replace(field, identifier=identifier(field.name)) for field in record.fields),
            )
            for record in interface.records
        ),
        enumerations=tuple(replace(each, class_name=class_name(each.name)) for each in interface.enumerations),
    )


def identifier(name: str, kind: str = "field") -> str:
    """`name` in snake_case, such that it is an identifier, no keyword and nothing that generated classes need.

    `kind` is the word that goes before a leading digit.
    """
    text = "_".join(_words(name))[:LONGEST].strip("_") or "unnamed"
    if not text.isidentifier():
        text = f"{kind}_{text}"
    return text + "_" if keyword.iskeyword(text) or text in _TAKEN or text.startswith("model_") else text


def class_name(name: str) -> str:
    """`name` in CapWords, such that it is an identifier and nothing that the generated modules import: ``AirportFrequencies``."""
    text = "".join(word[:1].upper() + word[1:] for word in identifier(name, "stream").split("_"))
    return text + "Row" if keyword.iskeyword(text) or text in _TAKEN_CLASSES else text


def _words(name: str) -> list[str]:
    text = unicodedata.normalize("NFKC", name)
    spaced = []
    for before, here, after in zip(" " + text, text, text[1:] + " ", strict=False):
        starts = here.isupper() and (before.islower() or before.isdecimal() or (before.isupper() and after.islower()))
        spaced.append(" " + here if starts else here)
    letters = []
    for letter in unicodedata.normalize("NFKC", "".join(spaced).lower()):
        if letter.isalnum() and f"a{letter}".isidentifier():
            letters.append(letter)
        elif not unicodedata.category(letter).startswith("M"):  # an accent that stands alone leaves no gap
            letters.append(" ")
    return "".join(letters).split()
