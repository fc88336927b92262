"""Gives a column its identifier as name where the file's own word is no name at all, and keeps that word as the header's title.

A header cell with a quote, a backslash or a line break cannot be a name in msgspec, and is a nuisance in every table after it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from connector_sdk.formats.layout import Delimited

from connector_codegen.model import Interface, Stream
from connector_codegen.problems import Problem

__all__ = ["title"]

# What msgspec refuses in a name, characters that nobody sees, and blanks at either end.
_UNUSABLE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]|^\s|\s$')


def title(interface: Interface, problems: list[Problem]) -> Interface:
    """`interface` with names that every table can hold; wants identifiers. Without a header to keep the word it is an error."""
    return replace(interface, streams=tuple(_titled(stream, problems) for stream in interface.streams))


def _titled(stream: Stream, problems: list[Problem]) -> Stream:
    unusable = [field.name for field in stream.fields if _UNUSABLE.search(field.name)]
    if not unusable:
        return stream
    if stream.layout is None:
        return _untitled(stream, problems)
    if not isinstance(stream.layout.form, Delimited):
        hint = "give it another name in the description"
        problems += [Problem(level="error", where=stream.name, what=f"{_shown(n)} cannot be a name", hint=hint) for n in unusable]
        return stream
    taken = {field.name for field in stream.fields}
    names: dict[str, str] = {}
    for field in stream.fields:
        name = field.name
        if _UNUSABLE.search(name):
            number, name = 1, field.identifier
            while name in taken:
                number += 1
                name = f"{field.identifier}_{number}"
            taken.add(name)
            problems.append(
                Problem(level="note", where=f"{stream.name}.{name}", what=f"is headed {_shown(field.name)} in the file")
            )
        names[field.name] = name
    keys = tuple(names[key] for key in stream.keys)
    fields = tuple(
        field
        if names[field.name] == field.name
        else replace(field, name=names[field.name], title=field.name if field.title is None else field.title)
        for field in stream.layout.fields
    )
    return replace(
        stream,
        keys=keys,
        fields=tuple(replace(field, name=names[field.name]) for field in stream.fields),
        layout=replace(stream.layout, keys=keys, fields=fields),
    )


def _untitled(stream: Stream, problems: list[Problem]) -> Stream:
    """A system that is asked for a field by its name keeps that name; only generated classes cannot have it."""
    fields = tuple(replace(field, unspeakable=_UNUSABLE.search(field.name) is not None) for field in stream.fields)
    for field in fields:
        if field.unspeakable:
            what = f"is {field.identifier} in its class, which cannot say that name"
            problems.append(Problem(level="note", where=f"{stream.name}.{field.name}", what=what))
    return replace(stream, fields=fields)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
