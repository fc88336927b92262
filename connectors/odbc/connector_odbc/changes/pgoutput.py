"""PostgreSQL's pgoutput, the binary protocol of logical replication: one message of protocol version 1 to one value.

The formats are those of the manual, chapter "Logical Replication Message Formats".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from struct import Struct, error
from typing import TypeAlias

from connector_sdk.errors import InternalError

__all__ = [
    "UNCHANGED",
    "Begin",
    "Change",
    "Commit",
    "Message",
    "Relation",
    "RelationColumn",
    "Truncate",
    "Unchanged",
    "Values",
    "message",
]


class Unchanged(Enum):
    """A value kept apart from its row (TOAST) that an update left as it was, and that is not in the log."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED

Values: TypeAlias = "list[bytes | Unchanged | None]"
"""A row, in the order of the relation's columns: text of the types' output functions, in UTF-8."""


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction whose commit record starts at `position`; `moment` is when it was, in microseconds since 2000."""

    position: int
    moment: int
    transaction: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The end of the transaction; `end` is the first position behind its commit record."""

    position: int
    end: int
    moment: int


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """`identity`: part of the replica identity. `type` and `modifier` are atttypid and atttypmod."""

    name: str
    type: int
    modifier: int
    identity: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as it was when what follows was written. `identity` is pg_class.relreplident."""

    id: int
    schema: str
    name: str
    identity: str
    columns: tuple[RelationColumn, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """`op` is ``c``, ``u`` or ``d``. `old` has the identity alone, others null, unless it is `whole`; None where no part of the
    identity changed."""

    relation: int
    op: str
    new: Values | None
    old: Values | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Truncate:
    relations: tuple[int, ...]


Message: TypeAlias = "Begin | Commit | Relation | Change | Truncate"

_BEGIN = Struct(">qqI")
_COMMIT = Struct(">Bqqq")
_COLUMN = Struct(">Ii")
_LONG = Struct(">I")
_SHORT = Struct(">H")
_HEAD = Struct(">IB")

_NULL, _TEXT, _SAME = b"ntu"
_OLD, _KEY, _NEW = b"OKN"
_IGNORED = frozenset(b"YOM")  # types, which the catalogue tells better; origins; messages of applications


def message(data: bytes) -> Message | None:
    """One message; None for one that says nothing about rows. Raises InternalError for what is none of protocol version 1."""
    try:
        return _message(data)
    except (error, IndexError, ValueError) as problem:
        raise InternalError(f"a message of pgoutput that cannot be read ({problem}): {data[:40].hex()}…") from None


def _message(data: bytes) -> Message | None:
    kind = data[0:1]
    if kind == b"I":
        relation, _ = _HEAD.unpack_from(data, 1)
        return Change(relation, "c", _tuple(data, 6)[0])
    if kind == b"U":
        relation, part = _HEAD.unpack_from(data, 1)
        if part == _NEW:
            return Change(relation, "u", _tuple(data, 6)[0])
        old, at = _tuple(data, 6)
        if data[at] != _NEW:
            raise ValueError("no new row")
        return Change(relation, "u", _tuple(data, at + 1)[0], old, part == _OLD)
    if kind == b"D":
        relation, part = _HEAD.unpack_from(data, 1)
        return Change(relation, "d", None, _tuple(data, 6)[0], part == _OLD)
    if kind == b"B":
        return Begin(*_BEGIN.unpack_from(data, 1))
    if kind == b"C":
        _, position, end, moment = _COMMIT.unpack_from(data, 1)
        return Commit(position, end, moment)
    if kind == b"R":
        return _relation(data)
    if kind == b"T":
        count, _ = _HEAD.unpack_from(data, 1)
        return Truncate(tuple(_LONG.unpack_from(data, 6 + 4 * number)[0] for number in range(count)))
    if kind and kind[0] in _IGNORED:
        return None
    raise ValueError("of an unknown kind")


def _tuple(data: bytes, at: int) -> tuple[Values, int]:
    """The row that starts at `at`, and where it ends."""
    (count,) = _SHORT.unpack_from(data, at)
    at += 2
    values: Values = []
    add = values.append
    for _ in range(count):
        kind = data[at]
        if kind == _TEXT:
            start = at + 5
            at = start + int.from_bytes(data[at + 1 : start], "big")
            if at > len(data):
                raise ValueError("a value is cut")
            add(data[start:at])
        elif kind == _NULL:
            add(None)
            at += 1
        elif kind == _SAME:
            add(UNCHANGED)
            at += 1
        else:
            raise ValueError("a value of an unknown kind")
    return values, at


def _relation(data: bytes) -> Relation:
    (number,) = _LONG.unpack_from(data, 1)
    schema, at = _string(data, 5)
    name, at = _string(data, at)
    identity = chr(data[at])
    (count,) = _SHORT.unpack_from(data, at + 1)
    at += 3
    columns = []
    for _ in range(count):
        flags = data[at]
        column, at = _string(data, at + 1)
        type_, modifier = _COLUMN.unpack_from(data, at)
        at += _COLUMN.size
        columns.append(RelationColumn(column, type_, modifier, bool(flags & 1)))
    return Relation(number, schema or "pg_catalog", name, identity, tuple(columns))


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode(), end + 1
