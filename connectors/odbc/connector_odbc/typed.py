"""How one column crosses ODBC exactly: what it is in Arrow, how it is selected, fetched and turned back, how it is bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pyarrow as pa

__all__ = ["InLine", "Restore", "Restored", "Storage", "Typed"]

AnyArray: TypeAlias = "pa.Array[Any]"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was fetched, as the field's own type. `refused` is a boolean mask of the values that have no exact place in that type
    (null in `values`), None when there are none; `reason` says why, for the reject, and `raw` is their text where what was
    fetched does not show it by itself."""

    values: AnyArray
    refused: AnyArray | None = None
    reason: str = ""
    raw: AnyArray | None = None


Storage: TypeAlias = Literal["number", "text", "characters", "blob"]
Restore: TypeAlias = Callable[[AnyArray], Restored]


@dataclass(frozen=True, kw_only=True)
class InLine:
    """One column as a field of a row's line of text (:mod:`connector_odbc.packing`).

    `select` is the expression with ``{column}`` for its text; `type` what that is read as, and `restore` turns this into the
    field's type (None: it is). `text`: its length is not known. Of a database whose columns hold anything, `form` is how
    ``printf`` writes the value, `storage` what it has to be (characters: text, where it cannot be a number), and `exact` the
    condition with ``{column}`` under which that shows all of it.
    """

    type: pa.DataType
    select: str = "{column}"
    restore: Restore | None = None
    text: bool = False
    form: str = "%s"
    storage: Storage | None = None
    exact: str | None = None


@dataclass(frozen=True, kw_only=True)
class Typed:
    """The way of one column.

    `type` is the field's Arrow type. `select` is the expression that the driver cannot get wrong, with ``{column}`` for
    the quoted name (a cast to text, a hexadecimal form, or the column itself). `wire` is the Arrow type that is asked of
    the bulk reader for it, and `restore` turns that into `type` exactly (None: it is already). `size` is the most
    characters (text) or bytes (binary) a selected value can have, None where nothing bounds it. `bulk` is False for what
    the bulk reader cannot be trusted with even so: those columns are read as rows. `bind` is the expression with
    ``{value}`` that takes `wire`'s text or value back when it is written. `note` tells the user what of the native type
    this does not keep (it becomes the field's doc and a loss report). `inline` is its form in a line of text, where it has one.
    """

    type: pa.DataType
    select: str = "{column}"
    wire: pa.DataType | None = None
    restore: Restore | None = None
    size: int | None = None
    bulk: bool = True
    bind: str = "{value}"
    note: str | None = None
    inline: InLine | None = None
