"""The description of a flat file: how it is written and what its fields are, as one reviewable YAML text.

Every flat format reads and writes by a :class:`Layout`; its `form` says which one. Codegen writes layouts, connectors load them,
and a person can correct one by hand: an unknown key or type is a ConfigError with file and line.
"""

from __future__ import annotations

import codecs
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeAlias

import pyarrow as pa
import yaml

from connector_sdk import types
from connector_sdk.errors import ConfigError
from connector_sdk.schema import describe

__all__ = ["FALSE", "TRUE", "Delimited", "Field", "Layout", "layout_from"]

VERSION = 1
TRUE = ("true", "True", "TRUE", "1")
FALSE = ("false", "False", "FALSE", "0")
_STATEFUL = ("iso2022", "utf_7", "hz", "punycode", "idna", "raw_unicode", "unicode_escape")

Lines: TypeAlias = Mapping[tuple[str | int, ...], int]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One column: what it is, and how its values are written.

    `format` holds strptime patterns of dates and times, tried in order; ``()`` is ISO 8601. For binary it is ``("base64",)``
    (the default) or ``("hex",)``. `decimal` and `group` are the decimal and thousands marks of numbers. `null` are words that
    mean null; an unquoted empty value always does. The first of `true` and `false` is the word that is written. `title` is the
    header's word for the field where that is not `name`; `evidence` says why the field was decided to be what it is.
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    title: str | None = None
    format: tuple[str, ...] = ()
    decimal: str = "."
    group: str | None = None
    null: tuple[str, ...] = ()
    true: tuple[str, ...] = TRUE
    false: tuple[str, ...] = FALSE
    doc: str | None = None
    evidence: str | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("a field has no name", code="layout")
        if len(self.decimal) != 1 or self.decimal == self.group:
            raise ConfigError(
                f"field {self.name!r}: the decimal mark {self.decimal!r} is not one character other than the thousands mark",
                code="layout",
            )
        if self.group == "" or not self.true or not self.false or set(self.true) & set(self.false):
            raise ConfigError(
                f"field {self.name!r}: the thousands mark is empty, or the words for true and false are none or the same",
                code="layout",
            )


@dataclass(frozen=True, kw_only=True)
class Delimited:
    """A form: records are lines, values lie between delimiters, a quoted value may hold delimiters and line ends.

    A quote within quotes is doubled, or follows `escape`. `skip` lines come before the header. Line ends are LF, CRLF or CR.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    header: bool = True
    skip: int = 0

    def __post_init__(self) -> None:
        marks = [mark for mark in (self.delimiter, self.quote, self.escape) if mark is not None]
        for mark in marks:
            if len(mark) != 1 or not mark.isascii() or mark in "\r\n":
                raise ConfigError(f"{mark!r} cannot separate or quote values: one ASCII character is needed", code="layout")
        if len(set(marks)) != len(marks):
            raise ConfigError(f"delimiter, quote and escape are not all different: {' '.join(marks)}", code="layout")
        if self.skip < 0:
            raise ConfigError(f"skip is {self.skip}: a number of lines was expected", code="layout")


Form: TypeAlias = Delimited

FORMS: Mapping[str, type[Form]] = {"delimited": Delimited}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A flat file: its name, its encoding (a Python codec), its form, its fields in order, and the keys that identify a row."""

    name: str
    encoding: str = "utf-8"
    form: Form = Delimited()
    fields: tuple[Field, ...]
    keys: tuple[str, ...] = ()
    doc: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoding", _encoding(self.encoding))
        if not self.fields:
            raise ConfigError(f"layout {self.name!r} has no fields", code="layout")
        counts = Counter(self.names)
        twice = sorted(name for name, count in counts.items() if count > 1)
        if twice:
            raise ConfigError(f"layout {self.name!r} has two fields called {', '.join(map(repr, twice))}", code="layout")
        for key in self.keys:
            if key not in self.names:
                raise ConfigError(f"layout {self.name!r}: the key {key!r} is not one of its fields", code="layout")

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, in order."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of what is read; field metadata carries docs and how dates and the like are written."""
        return pa.schema(
            [
                describe(f.name, f.type, nullable=f.nullable, doc=f.doc, native=f.format[0] if f.format else None)
                for f in self.fields
            ]
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of everything that decides what is read; evidence and docs do not count."""
        meaning = _settings(self, evidence=False)
        text = yaml.safe_dump(meaning, allow_unicode=True, sort_keys=True, default_flow_style=True, width=1 << 20)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_yaml(self) -> str:
        """The layout as a text that :meth:`from_yaml` reads back, the same for equal layouts."""
        dumper: Any = _Dumper
        return yaml.dump(_settings(self, evidence=True), Dumper=dumper, allow_unicode=True, sort_keys=False, width=120)

    @classmethod
    def from_yaml(cls, text: str, where: str = "layout") -> Layout:
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
    given = _Given(settings, where, lines or {})
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
    given.finish((*about, "layout", "format", "fields", *_names(form)))
    found = tuple(_field(row, where, lines or {}, index) for index, row in enumerate(rows))
    try:
        return Layout(form=form(**dialect), fields=found, **about)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint, code="layout") from None


def _field(row: object, where: str, lines: Lines, index: int) -> Field:
    path = ("fields", index)
    if not isinstance(row, Mapping):
        raise _Given({}, where, lines, path).error("a field is keys and values: at least name and type")
    given = _Given(row, where, lines, path)
    word = given.take("type", str)
    try:
        kind = types.from_text(word)
    except ConfigError as error:
        raise given.error(error.message, "type", hint=error.hint) from None
    values = given.known(Field)
    given.finish(_names(Field))
    try:
        return Field(type=kind, **values)
    except ConfigError as error:
        raise given.error(error.message, hint=error.hint) from None


class _Given:
    """The keys of one mapping, taken one by one; what is left at the end is unknown."""

    def __init__(self, settings: Mapping[Any, object], where: str, lines: Lines, path: tuple[str | int, ...] = ()) -> None:
        # YAML readers turn the bare keys `true` and `false` into booleans.
        self.left = {str(key).lower() if isinstance(key, bool) else str(key): value for key, value in settings.items()}
        self.where, self.lines, self.path = where, lines, path

    def error(self, message: str, *key: str, hint: str | None = None) -> ConfigError:
        line = self.lines.get((*self.path, *key), self.lines.get(self.path))
        place = self.where if line is None else f"{self.where}, line {line}"
        inside = "" if line is not None or not self.path else f"fields[{self.path[-1]}]: "
        return ConfigError(f"{place}: {inside}{message}", hint=hint, code="layout")

    def take(self, key: str, kind: type[Any], *default: object) -> Any:
        if key not in self.left:
            if not default:
                raise self.error(f"the key {key!r} is missing")
            return default[0]
        value = self.left.pop(key)
        if value is None and default and default[0] is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(f"{key} is {value!r}: {_WORDS[kind]} was expected", key)
        return value

    def words(self, key: str) -> tuple[str, ...]:
        value = self.left.pop(key, ())
        found = [value] if isinstance(value, str | int) else value
        if not isinstance(found, Sequence) or any(isinstance(v, bool) or not isinstance(v, str | int) for v in found):
            raise self.error(f"{key} is {value!r}: a list of words was expected", key, hint="put quotes around each word")
        return tuple(map(str, found))

    def known(self, kind: type[Any]) -> dict[str, Any]:
        """The constructor arguments of the dataclass `kind` that are given, checked by the type of their default."""
        found: dict[str, Any] = {}
        for field in fields(kind):
            if field.name not in self.left or field.name == "type":
                continue
            if isinstance(field.default, tuple):
                found[field.name] = self.words(field.name)
            elif field.default is None or "None" in str(field.type):
                found[field.name] = self.take(field.name, str, None)
            else:
                found[field.name] = self.take(field.name, type(field.default) if field.name != "name" else str)
        return found

    def finish(self, known: Sequence[str]) -> None:
        for key in self.left:
            raise self.error(f"unknown key {key!r}", key, hint=f"known: {', '.join(sorted(known))}")


_WORDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list"}


def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _encoding(name: str) -> str:
    """The codec's own name. Raises ConfigError for one that does not exist or whose bytes cannot be cut at a line end."""
    try:
        codec = codecs.lookup(name)
        "".encode(name)
    except LookupError:
        raise ConfigError(
            f"there is no encoding {name!r}", hint="as utf-8, cp1252, iso8859-1, utf-16-le", code="layout"
        ) from None
    if codec.name == "utf-8-sig":
        return "utf-8"
    if codec.name in ("utf-16", "utf-32"):
        raise ConfigError(
            f"encoding {name!r} leaves the byte order open", hint=f"say {codec.name}-le or {codec.name}-be", code="layout"
        )
    if codec.name.replace("-", "_").startswith(_STATEFUL):
        raise ConfigError(f"encoding {name!r} has shift states: a file cannot be resumed inside it", code="layout")
    return codec.name


def _settings(layout: Layout, *, evidence: bool) -> dict[str, object]:
    """The layout as plain values; what has its default is left out, save the dialect, which a reviewer wants to see."""
    form = next(word for word, kind in FORMS.items() if isinstance(layout.form, kind))
    found: dict[str, object] = {"layout": VERSION, "name": layout.name, "format": form, "encoding": layout.encoding}
    if layout.doc is not None and evidence:
        found["doc"] = layout.doc
    for field in fields(layout.form):
        found[field.name] = getattr(layout.form, field.name)
    if layout.keys:
        found["keys"] = list(layout.keys)
    found["fields"] = [_field_settings(field, evidence=evidence) for field in layout.fields]
    return found


def _field_settings(field: Field, *, evidence: bool) -> dict[str, object]:
    found: dict[str, object] = {"name": field.name, "type": types.to_text(field.type)}
    for known in fields(Field):
        value = getattr(field, known.name)
        if known.name in found or value == known.default or (known.name in ("evidence", "doc") and not evidence):
            continue
        found[known.name] = list(value) if isinstance(value, tuple) else value
    return found


class _Dumper(yaml.SafeDumper):
    """Lists of words stay on their line; lists of fields do not."""

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        words = all(isinstance(item, str) for item in sequence)
        return super().represent_sequence(tag, sequence, flow_style=words or flow_style)

    def ignore_aliases(self, _data: object) -> bool:
        return True


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
