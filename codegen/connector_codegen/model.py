"""The one intermediate model: what a description says, whatever language it was written in.

Readers make an :class:`Interface`, passes turn one into another, writers turn it into files. `name` is always the system's own
word, `identifier` and `class_name` are what generated code calls it: empty until the naming passes have run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
from connector_sdk.formats.layout import Layout
from connector_sdk.schema import JSON, Relation

__all__ = [
    "Enumeration",
    "Field",
    "GeneratedFile",
    "Interface",
    "Many",
    "Named",
    "Record",
    "Source",
    "Stream",
    "Type",
    "stream_from",
]


@dataclass(frozen=True)
class Named:
    """The type that is the record or enumeration called `name`; records may hold themselves."""

    name: str


@dataclass(frozen=True)
class Many:
    """A list of `of`."""

    of: Type


Type: TypeAlias = "pa.DataType | Named | Many"
"""Of a single value: its Arrow type."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One value of a row or record. `nullable`: it may be there and null; not `required`: it may be absent altogether.

    `default`: what the system itself fills in where a row that is written lacks the field, in its own words.

    `unspeakable`: the system's word can stand in no class; generated classes know the identifier alone.
    """

    name: str
    type: Type
    nullable: bool = True
    required: bool = True
    default: str | None = None
    identifier: str = ""
    doc: str | None = None
    native: str | None = None
    origin: str | None = None
    unspeakable: bool = False

    @property
    def word(self) -> str:
        """What a generated class says the field is called outside."""
        return self.identifier if self.unspeakable else self.name


@dataclass(frozen=True, kw_only=True)
class Record:
    """A named type with fields, used by streams and by other records."""

    name: str
    fields: tuple[Field, ...]
    class_name: str = ""
    doc: str | None = None
    origin: str | None = None


@dataclass(frozen=True, kw_only=True)
class Enumeration:
    """A named type: one of `values`."""

    name: str
    values: tuple[str, ...]
    class_name: str = ""
    doc: str | None = None
    origin: str | None = None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What can be read or written as rows.

    `layout` says how a flat file holds them, and has fields of the same names; `ending` is that of the files' names. A table of
    a database has no layout; `namespace` is its schema.
    """

    name: str
    fields: tuple[Field, ...]
    keys: tuple[str, ...] = ()
    relations: tuple[Relation, ...] = ()
    identifier: str = ""
    class_name: str = ""
    layout: Layout | None = None
    ending: str = ".csv"
    namespace: str | None = None
    doc: str | None = None
    origin: str | None = None

    @property
    def described_as(self) -> str:
        """The name of the layout: the stream's own, or that of the file whose records are several streams."""
        whole = None if self.layout is None else self.layout.whole
        return self.name if whole is None or len(whole.streams) == 1 else whole.name


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an interface comes from: the reader, each file's name with the SHA-256 of its bytes in hex, and where they were.

    `decided` means that the reader had to decide what a person should review: layouts are then written out. `settings` are those
    of the connector that a live system was reached with, its secrets as references.
    """

    reader: str
    files: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    decided: bool = False
    settings: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Interface:
    """Everything a system offers, as one description tells it."""

    source: Source
    streams: tuple[Stream, ...]
    records: tuple[Record, ...] = ()
    enumerations: tuple[Enumeration, ...] = ()

    @property
    def rows(self) -> tuple[Stream | Record, ...]:
        """Everything that has fields."""
        return (*self.streams, *self.records)


@dataclass(frozen=True, kw_only=True)
class GeneratedFile:
    """A file that a writer made: its path below the output folder, and its text."""

    path: str
    text: str


def stream_from(layout: Layout, origin: str | None = None, ending: str = ".csv") -> Stream:
    """The stream of the files that `layout` describes."""
    return Stream(
        name=layout.name,
        fields=tuple(Field(name=field.name, type=field.type, nullable=field.nullable, doc=field.doc) for field in layout.fields),
        keys=layout.keys,
        layout=layout,
        ending=ending,
        doc=layout.about,
        origin=origin,
    )
