"""From plain settings, or the YAML text of them, to a layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from connector_sdk import types
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.field import Field
from connector_sdk.formats.layout.fixed_width import Check, FixedWidth, Record
from connector_sdk.formats.layout.forms import FORMS, VERSION
from connector_sdk.formats.layout.given import Given, Lines, names_of
from connector_sdk.formats.layout.layout import Layout
from connector_sdk.formats.layout.place import Place
from connector_sdk.formats.layout.when import When

__all__ = ["from_yaml", "layout_from"]


def from_yaml(text: str, where: str = "layout") -> Layout:
    """The layout in `text`. Raises ConfigError naming `where`, the line and the key."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{where}{line}: {getattr(error, 'problem', None) or 'not YAML'}", code="layout") from None
    lines: dict[tuple[str | int, ...], int] = {}
    settings = _plain(node, (), lines, where)
    if not isinstance(settings, dict):
        raise ConfigError(f"{where}: a layout's keys and values were expected", code="layout")
    return layout_from(settings, where, lines)


def layout_from(settings: Mapping[str, object], where: str = "layout", lines: Lines | None = None) -> Layout:
    """The layout that plain `settings` describe. Raises ConfigError naming `where`, the line where known, and the wrong key."""
    given = Given(settings, where, lines or {})
    version = given.take("layout", int, VERSION)
    if version != VERSION:
        raise given.error(f"layout version {version}: this release reads version {VERSION}", "layout")
    word = given.take("format", str, "delimited")
    form = FORMS.get(word)
    if form is None:
        raise given.error(f"format {word!r} is not one of {', '.join(FORMS)}", "format")
    about = {
        "name": given.take("name", str),
        "encoding": given.take("encoding", str, "utf-8"),
        "keys": given.words("keys"),
        "doc": given.take("doc", str, None),
    }
    _count_header(given)
    dialect = given.known(form)
    placed = form is FixedWidth
    if placed and "records" in given.left:
        dialect["records"] = tuple(_record(each) for each in given.mappings("records", "name and fields"))
        fields: tuple[Field, ...] = ()
    else:
        fields = tuple(_field(each, placed=placed) for each in given.mappings("fields", "at least name and type"))
    given.finish((*about, "layout", "format", "fields", *names_of(form)))
    try:
        return Layout(form=form(**dialect), fields=fields, **about)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint, code="layout") from None


def _count_header(given: Given) -> None:
    """`header` is a number of rows, or true for one and false for none."""
    value = given.left.get("header", 1)
    if isinstance(value, bool):
        given.left["header"] = int(value)
    elif not isinstance(value, int):
        raise given.error(f"header is {value!r}: true, false or a number of rows was expected", "header")


def _record(given: Given) -> Record:
    when = next((_when(each) for each in given.mappings("when", "start, length and value", one=True)), None)
    checks = tuple(given.mappings("checks", "field, and one of counts, sums and hashes"))
    fields = tuple(_field(each, placed=True) for each in given.mappings("fields", "at least name, type, start and length"))
    values = given.known(Record)
    given.finish(names_of(Record))
    return given.made(lambda: Record(when=when, checks=tuple(map(_check, checks)), fields=fields, **values))


def _when(given: Given) -> When:
    start = given.take("start", int)
    values = given.words("value")
    length = _length(given, start) if {"length", "end"} & set(given.left) else max(map(len, values), default=0)
    given.finish((*names_of(When), "end"))
    return given.made(lambda: When(start=start, length=length, value=values))


def _check(given: Given) -> Check:
    values = {"field": given.take("field", str), **given.known(Check)}
    given.finish(names_of(Check))
    return given.made(lambda: Check(**values))


def _field(given: Given, *, placed: bool) -> Field:
    word = given.take("type", str)
    try:
        kind = types.from_text(word)
    except ConfigError as error:
        raise given.error(error.message, "type", hint=error.hint) from None
    values = given.known(Field)
    where: Place | None = None
    if placed:
        start = given.take("start", int)
        length = _length(given, start)
        place = given.known(Place)
        where = given.made(lambda: Place(start=start, length=length, **place))
    names = [name for name in names_of(Field) if name != "place"]
    given.finish((*names, *names_of(Place), "end") if placed else names)
    return given.made(lambda: Field(type=kind, place=where, **values))


def _length(given: Given, start: int) -> int:
    """`length`, or what follows from `end`, the last position; both may be given if they agree."""
    end = given.take("end", int, None)
    if end is None:
        return int(given.take("length", int))
    length = int(given.take("length", int, end - start + 1))
    if length != end - start + 1:
        raise given.error(f"start {start}, length {length} and end {end} do not agree", "end")
    return length


def _plain(node: yaml.Node | None, path: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int], where: str) -> object:
    """A YAML tree as plain values, noting each key's line. ``yes``, ``no``, ``Y``, ``N`` and dates stay the words they are."""
    if node is None:
        return None
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, object] = {}
        for key, value in node.value:
            word = str(key.value)
            if word in found:
                raise ConfigError(f"{where}, line {key.start_mark.line + 1}: the key {word!r} is there twice", code="layout")
            found[word] = _plain(value, (*path, word), lines, where)
            lines[(*path, word)] = key.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value, (*path, index), lines, where) for index, value in enumerate(node.value)]
    text = str(node.value)
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "int" and text.lstrip("-").isdigit() and str(int(text)) == text:
        return int(text)
    return text
