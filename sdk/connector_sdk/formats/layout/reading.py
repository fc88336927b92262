"""From plain settings, or the YAML text of them, to a layout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from connector_sdk import types
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.field import Field
from connector_sdk.formats.layout.forms import FORMS, VERSION
from connector_sdk.formats.layout.given import Given, Lines, names_of
from connector_sdk.formats.layout.layout import Layout

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
    rows = given.take("fields", list)
    about = {
        "name": given.take("name", str),
        "encoding": given.take("encoding", str, "utf-8"),
        "keys": given.words("keys"),
        "doc": given.take("doc", str, None),
    }
    dialect = given.known(form)
    given.finish((*about, "layout", "format", "fields", *names_of(form)))
    found = tuple(_field(row, where, lines or {}, index) for index, row in enumerate(rows))
    try:
        return Layout(form=form(**dialect), fields=found, **about)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint, code="layout") from None


def _field(row: object, where: str, lines: Lines, index: int) -> Field:
    path = ("fields", index)
    if not isinstance(row, Mapping):
        raise Given({}, where, lines, path).error("a field is keys and values: at least name and type")
    given = Given(row, where, lines, path)
    word = given.take("type", str)
    try:
        kind = types.from_text(word)
    except ConfigError as error:
        raise given.error(error.message, "type", hint=error.hint) from None
    values = given.known(Field)
    given.finish(names_of(Field))
    try:
        return Field(type=kind, **values)
    except ConfigError as error:
        raise given.error(error.message, hint=error.hint) from None


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
