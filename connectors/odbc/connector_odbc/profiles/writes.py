"""The part of a profile that is about writing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from connector_odbc.declaring import Declared, standard
from connector_odbc.writing.encoding import Encoding

__all__ = ["Writes"]


@dataclass(frozen=True, kw_only=True)
class Writes:
    """How rows are written.

    ``declared(field, key=…, keys=…)`` is the type of an Arrow field's column; the fields `keys` share an index's room.
    `way` says how rows are inserted: ``arrays`` as array literals that the server expands, ``bulk`` by arrow-odbc, ``rows`` bound
    one by one. `stage` makes a staging table called ``{stage}`` for ``{target}``: ``{own}`` and ``{columns}`` are the columns of
    ours and of the target as expressions, ``{own_declared}`` and ``{columns_declared}`` with their types, ``{columns_bare}``
    without. `own_types` are the types of ours, `text_type` one for any text. `insert` begins an INSERT into ``{table}``.
    `update` is ``from`` (``UPDATE t SET … FROM s``), ``join`` (``UPDATE t JOIN s ON … SET …``) or ``subquery``. `same` compares
    ``{a}`` and ``{b}``, nulls too; `equal_text` compares keys that are text, letter by letter. `refusals` are SQLSTATEs, classes
    of them, native numbers and parts of messages that speak of one row, `relations` those that may go away when other rows are
    there, `taken` those of a value that another row has. `options` and `session` are for connections that write. `identifier` is
    the most bytes a name has. `one_writer`: only one connection may write at a time. `hidden` finds tables by schema and pattern.
    `lock` ends a SELECT whose row nobody else may change. `widen`
    alters ``{column}`` to ``{type}``; None: that cannot be done. `stamp` and `now` are the type and the default of a moment with
    microseconds. `table_options` end a CREATE TABLE. `narrow`: text is bound and fetched as UTF-8, since the driver garbles long
    texts in UTF-16. `no_transactions` tells, by schema and name, the engine of a table that has none, and no row of others.
    """

    declared: Callable[..., Declared] = standard
    way: Literal["arrays", "bulk", "rows"] = "rows"
    encoding: Encoding = field(default_factory=lambda: Encoding(boolean=False))
    transactional_ddl: bool = False
    stage: str = "CREATE TABLE {stage} ({own_declared}, {columns_declared})"
    own_types: Mapping[str, str] = field(
        default_factory=lambda: {"integer": "bigint", "text": "varchar(4000)", "moment": "timestamp"}
    )
    text_type: str = "text"
    insert: str = "INSERT INTO {table} ({columns})"
    update: Literal["from", "join", "subquery"] = "subquery"
    same: str = "({a} = {b} OR ({a} IS NULL AND {b} IS NULL))"
    equal_text: str = "{a} = {b}"
    refusals: frozenset[str | int] = frozenset({"22", "23", "44"})
    relations: frozenset[str | int] = frozenset({"23503"})
    taken: frozenset[str | int] = frozenset({"23505"})
    options: Mapping[str, str] = field(default_factory=dict)
    session: tuple[str, ...] = ()
    identifier: int | None = None
    one_writer: bool = False
    hidden: str = "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE ?"
    lock: str = " FOR UPDATE"
    widen: str | None = None
    stamp: str = "timestamp"
    now: str = "CURRENT_TIMESTAMP"
    narrow: bool = False
    table_options: str = ""
    no_transactions: str | None = None
