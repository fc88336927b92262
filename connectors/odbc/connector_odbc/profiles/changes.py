"""The part of a profile that is about change capture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from connector_odbc.catalogue import Column
from connector_odbc.typed import Typed

__all__ = ["Captured", "Changes", "Hashes", "Triggers"]


@dataclass(frozen=True, kw_only=True)
class Captured:
    """One table for which triggers are written. `table` and `audit` are quoted, behind their schema (`here`, with its dot) where
    there is one; `name` makes the quoted name of an object of a short word. `columns` are (quoted name, column), `keys` and
    `unique` (what other rows must not have) quoted names, `title` is the table's name as text."""

    title: str
    here: str
    table: str
    audit: str
    name: Callable[[str], str]
    columns: tuple[tuple[str, Column], ...]
    keys: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Triggers:
    """Triggers that write every change into an audit table.

    An audit table has the columns ``_connector_seq`` (counts up; never used again), ``_connector_op``, ``_connector_at`` (the
    moment) and ``_connector_note``, and those of its table in types that keep their values as they are. `order` says how changes
    that are committed late are found. `installed` is a query for schema and name of every table that has them, `audits` one for
    those of every audit table. `fires`, where `installed` goes by audit tables, returns a row for a table that has its triggers,
    as far as the login may know; `unfit` returns the reasons why a table's changes would not all be seen. The parameters of both
    are schema and table, once or more. `session` statements precede the installing. `types` are those of the count, the operation
    and the moment; `cannot` says what is not seen.
    """

    order: Literal["snapshot", "gaps", "number"]
    installed: str
    audits: str
    install: Callable[[Captured], list[str]]
    remove: Callable[[Captured], list[str]]
    fires: str | None = None
    unfit: str | None = None
    session: tuple[str, ...] = ()
    types: tuple[str, str, str] = ("bigint", "text", "timestamp with time zone")
    truncates: bool = False
    cannot: str = ""


@dataclass(frozen=True, kw_only=True)
class Hashes:
    """Expressions by which the server tells rows apart. `row` makes that of 32 hexadecimal digits, which are others where one
    of these columns (quoted name, way) is another; `key` that of a whole number from 0, by these columns. `grouped` is the
    query for number, rows and two sums, modulo 2**64 or without, of the halves of `row`, with ``{key}``, ``{row}``,
    ``{source}`` and ``{buckets}``; no line for a number that has no row."""

    row: Callable[[Sequence[tuple[str, Typed]]], str]
    key: Callable[[Sequence[tuple[str, Typed]]], str]
    grouped: str


@dataclass(frozen=True, kw_only=True)
class Changes:
    """`methods` are those the system has, best first: ``log``, ``versions``, ``triggers``. `late` is what keeps incremental reads
    from missing what is committed late: the rows' own transactions (``xmin``), a list of those that are open (``list``), one
    writer at a time (``one``), or only a window of time that is read again (``window``). `hashes`: the server can hash rows."""

    methods: tuple[str, ...] = ()
    triggers: Triggers | None = None
    hashes: Hashes | None = None
    late: Literal["xmin", "list", "one", "window"] = "window"
