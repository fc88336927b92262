"""The part of a profile that is about reading."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connector_odbc.catalogue import Column
from connector_odbc.typed import InLine

__all__ = ["LEFT_OUT", "MISSING", "SEPARATOR", "Physical", "Reads"]

SEPARATOR = "\x1f"
"""Between the fields of a row that crosses as one line."""

MISSING = "\x02"
"""What a null is in such a line, where the control tells it from a text that is the same."""

LEFT_OUT = "\x02"
"""The line of a row that is too long for its page."""


@dataclass(frozen=True, kw_only=True)
class Physical:
    """Where the rows of a table lie, as something to read it by in pieces when it has no key.

    `names` are what that place may be called; the first that is no column's name is taken. `select` shows it as text and
    `bind` takes that text back. `bounds` is a query with one parameter, the quoted name of the table, for the last place as
    a whole number; no row: this table has no such place. `cut` is how a whole number is a place, with ``{number}``.
    `session` statements precede the reading. `ordered`: the rows come in the order of their places unasked.
    """

    names: tuple[str, ...]
    select: str
    bind: str
    bounds: str
    cut: str = "{number}"
    session: tuple[str, ...] = ()
    ordered: bool = False


@dataclass(frozen=True, kw_only=True)
class Reads:
    """How this database is read.

    `limit` is how a query is cut, with ``{query}`` and ``{rows}``. `streams` says whether the driver hands rows over as they
    come; one that holds the whole result in memory is read page by page along the key. `cuts_silently`: in a batch of
    several rows it does not tell that a value had no room. `most_room`: bytes of a text that it has room for in such a batch,
    however much it is given. `row_values`: ``(a, b) > (?, ?)`` is understood, and fast. `key` gives the expression with one ``?``
    that takes a value of a column back from its canonical text, to compare it in the column's own order, or None for a column
    that rows cannot be paged by; with `raw_keys` it takes the fetched text of a value that is refused (``infinity``), too.
    `compare` gives the condition with ``{column}``, ``{op}`` and ``?`` (more than once if need be) that answers as the engine
    would, or None. `byte_length` measures an ``{expression}``. `as_rows` is how a text ``{expression}`` is asked for where rows
    are read one by one; where `encoded`, its UTF-8 comes then; `as_it_is`: as the driver has it, who makes something else of what
    is no text. `begin` opens the reading transaction; `snapshot` is a query that exports the one it runs in, and `adopt` the
    statements that another session takes it over with, in ``{snapshot}``. `files` tells, of a schema and a table's name, what the
    rows lie in: a snapshot no longer shows them when that is not what it was.

    `line` gives the expression for a whole row as one line of text (:mod:`connector_odbc.packing`), of its fields, their quoted
    names, and whether they can be null, and of what stands for a null. With `control` there is a field before them: how many
    bytes the texts have. `page` strings the lines of a ``{query}`` together, behind their count, in their order, with LEFT_OUT
    for those of more than ``{longest}`` bytes; `page_as_row`: the driver has no room for that in a batch.
    """

    limit: str = "{query} LIMIT {rows}"
    streams: bool = False
    cuts_silently: bool = False
    most_room: int = 1 << 31
    row_values: bool = False
    key: Callable[[Column], str | None] = lambda _column: None
    raw_keys: bool = False
    compare: Callable[[Column, str], str | None] = lambda _column, _op: None
    byte_length: str = "octet_length({expression})"
    as_rows: str = "{expression}"
    encoded: bool = False
    as_it_is: bool = False
    begin: tuple[str, ...] = ()
    snapshot: str | None = None
    adopt: tuple[str, ...] = ()
    files: str | None = None
    physical: Physical | None = None
    line: Callable[[Sequence[tuple[InLine, str, bool]], str], str] | None = None
    control: bool = False
    page: str = ""
    page_as_row: bool = False
