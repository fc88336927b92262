"""What a stream is: its Arrow schema, its keys, and the declaration of what can be done with it."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import pyarrow as pa

from connector_sdk.errors import ConfigError

__all__ = [
    "JSON",
    "Compare",
    "Mode",
    "Relation",
    "Scalar",
    "Stream",
    "Where",
    "WriteMode",
    "default_of",
    "describe",
    "doc_of",
    "has_default",
    "native_of",
    "origin_of",
    "with_default",
]

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Scalar: TypeAlias = "bool | int | float | str | bytes | Decimal | date | datetime | time | None"

Compare: TypeAlias = tuple[str, str, "Scalar"]
"""(column, operator, value); operators are ``= != < <= > >=``, ``is null`` and ``is not null`` (value None)."""

Where: TypeAlias = tuple[tuple[Compare, ...], ...]
"""An OR of ANDs. ``()`` keeps every row."""


class Mode(StrEnum):
    """How a stream is read."""

    FULL = "full"
    """Everything that is there now."""
    INCREMENTAL = "incremental"
    """What is new or changed since a state. Deletes are not seen."""
    CHANGES = "changes"
    """Every change since a state, deletes included, as change batches (:mod:`connector_sdk.changes`)."""


class WriteMode(StrEnum):
    """What a write does to what is already there."""

    APPEND = "append"
    """Rows are added."""
    REPLACE = "replace"
    """The rows become the whole content, all at once when the load is done."""
    UPSERT = "upsert"
    """Rows with a known key are updated, the others are inserted."""
    APPLY = "apply"
    """Change operations are carried out in order, deletes included."""
    HISTORY = "history"
    """Every version of a row is kept, with ``valid_from`` and ``valid_to`` (a type 2 slowly changing dimension)."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """A foreign key: `columns` here refer to `to_columns` of the stream `to`."""

    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What discovery returns: one table, file pattern, entity set; and the declaration of what it can do.

    `name` is unique within a connector; `namespace` only describes. `keys` are the columns that identify a row, `cursor` the
    one that orders it in time. `repeats` names the modes that are at-least-once: the laws read it. `rows` is an estimate.
    """

    name: str
    schema: pa.Schema
    keys: tuple[str, ...] = ()
    cursor: str | None = None
    reads: frozenset[Mode] = frozenset({Mode.FULL})
    writes: frozenset[WriteMode] = frozenset()
    repeats: frozenset[Mode | WriteMode] = frozenset()
    relations: tuple[Relation, ...] = ()
    namespace: str | None = None
    doc: str | None = None
    rows: int | None = None

    def __post_init__(self) -> None:
        names = self.schema.names
        if len(set(names)) != len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ConfigError(f"stream {self.name!r} has two fields called {', '.join(map(repr, twice))}", stream=self.name)
        for what, columns in (("key", self.keys), ("cursor", (self.cursor,) if self.cursor else ())):
            for column in columns:
                if column not in names:
                    raise ConfigError(f"{what} {column!r} is not a field of stream {self.name!r}", stream=self.name)

    def only(self, columns: Sequence[str]) -> Stream:
        """This stream reduced to `columns`, in that order: a projection. Keys and cursor that are left out are dropped.

        Raises ConfigError for a column the stream does not have.
        """
        for column in columns:
            if column not in self.schema.names:
                near = difflib.get_close_matches(column, self.schema.names, 1)
                raise ConfigError(
                    f"stream {self.name!r} has no field {column!r}",
                    hint=f"did you mean {near[0]}?" if near else f"it has {', '.join(self.schema.names[:20])}",
                    stream=self.name,
                )
        schema = pa.schema([self.schema.field(column) for column in columns]).with_metadata(self.schema.metadata)
        keys = self.keys if set(self.keys) <= set(columns) else ()
        return replace(self, schema=schema, keys=keys, cursor=self.cursor if self.cursor in columns else None)

    def to_json(self) -> dict[str, JSON]:
        """A JSON object that :meth:`from_json` turns back into an equal stream; the schema travels as Arrow IPC."""
        return {
            "name": self.name,
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "keys": list(self.keys),
            "cursor": self.cursor,
            "reads": sorted(self.reads),
            "writes": sorted(self.writes),
            "repeats": sorted(self.repeats),
            "relations": [{"columns": list(r.columns), "to": r.to, "to_columns": list(r.to_columns)} for r in self.relations],
            "namespace": self.namespace,
            "doc": self.doc,
            "rows": self.rows,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> Stream:
        """The stream that :meth:`to_json` wrote."""
        data: dict[str, object] = dict(value)
        writes = {str(mode) for mode in WriteMode}
        return cls(
            name=str(data["name"]),
            schema=pa.ipc.read_schema(pa.py_buffer(base64.b64decode(str(data["schema"])))),
            keys=tuple(map(str, _sequence(data["keys"]))),
            cursor=None if data["cursor"] is None else str(data["cursor"]),
            reads=frozenset(Mode(str(m)) for m in _sequence(data["reads"])),
            writes=frozenset(WriteMode(str(m)) for m in _sequence(data["writes"])),
            repeats=frozenset(WriteMode(m) if m in writes else Mode(str(m)) for m in _sequence(data["repeats"])),
            relations=tuple(
                Relation(columns=tuple(r["columns"]), to=r["to"], to_columns=tuple(r["to_columns"]))  # type: ignore[index]
                for r in _sequence(data["relations"])
            ),
            namespace=None if data["namespace"] is None else str(data["namespace"]),
            doc=None if data["doc"] is None else str(data["doc"]),
            rows=None if data["rows"] is None else int(str(data["rows"])),
        )


def _sequence(value: object) -> list[object]:
    assert isinstance(value, list | tuple)
    return list(value)


# Field metadata: what travels with a field through every format that can carry it.
NATIVE = b"connector.native"
DOC = b"connector.doc"
ORIGIN = b"connector.origin"
DEFAULT = b"connector.default"


def describe(
    name: str,
    type: pa.DataType,  # noqa: A002 - the field's own word
    *,
    nullable: bool = True,
    native: str | None = None,
    doc: str | None = None,
    origin: str | None = None,
    default: str | None = None,
) -> pa.Field[pa.DataType]:
    """An Arrow field that carries the type's name in its own system, its description, and where it was declared.

    `native` is e.g. ``NUMBER(10,2)`` or ``PIC S9(7)V99 COMP-3``; `origin` is ``file:line``; `default` is what the system itself
    fills in where a row that is written does not have the field, in its own words.
    """
    said = ((NATIVE, native), (DOC, doc), (ORIGIN, origin), (DEFAULT, default))
    metadata = {key: value.encode() for key, value in said if value is not None}
    return pa.field(name, type, nullable=nullable, metadata=metadata or None)


def _metadata(field: pa.Field[pa.DataType], key: bytes) -> str | None:
    value = (field.metadata or {}).get(key)
    return None if value is None else value.decode()


def native_of(field: pa.Field[pa.DataType]) -> str | None:
    """The type's name in the system it comes from, if known."""
    return _metadata(field, NATIVE)


def doc_of(field: pa.Field[pa.DataType]) -> str | None:
    """What the field means, in the words of its source, if known."""
    return _metadata(field, DOC)


def origin_of(field: pa.Field[pa.DataType]) -> str | None:
    """Where the field was declared, as ``file:line``, if known."""
    return _metadata(field, ORIGIN)


def default_of(field: pa.Field[pa.DataType]) -> str | None:
    """What the system fills in where a row is written without the field, in its own words; None where it has nothing."""
    return _metadata(field, DEFAULT)


def with_default(field: pa.Field[pa.DataType], default: str | None) -> pa.Field[pa.DataType]:
    """`field` with another word for what its system fills in."""
    kept: dict[bytes | str, bytes | str] = {key: value for key, value in (field.metadata or {}).items() if key != DEFAULT}
    return field.with_metadata(kept if default is None else {**kept, DEFAULT: default.encode()})


def has_default(field: pa.Field[pa.DataType]) -> bool:
    """Whether a row may be written without the field although it is not nullable: its system fills it in."""
    return default_of(field) is not None
