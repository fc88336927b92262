"""What a driver profile is: everything about one database and its driver that is not the same for all, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from connector_odbc.catalogue import Column
from connector_odbc.meanings import Meaning
from connector_odbc.profiles.catalogue_sql import CatalogueSql
from connector_odbc.profiles.changes import Changes
from connector_odbc.profiles.reads import Reads
from connector_odbc.profiles.writes import Writes
from connector_odbc.typed import Typed

__all__ = ["Profile"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One database behind one kind of driver.

    `drivers` are lower-case parts of driver names and of the file names of their libraries, `systems` of what the connection
    calls its DBMS: by these a profile is found before and after connecting. `options` are connection keywords added where the
    user gave none; ``{seconds}`` and ``{milliseconds}`` in them are the wait for a lock. `session` statements run on every
    new connection. `tested` says what it was tested with; None: written from the manual. `errors` says what native error
    numbers, parts of messages (in lower case, with a space) and SQLSTATEs (or their first two signs) mean where the
    standard's own reading is not the right one. `lock_timeout` and `query_timeout` are statements of the session with
    ``{seconds}`` or ``{milliseconds}``. `warm_up` is worth to be asked before a session moves many megabytes
    (:mod:`connector_odbc.kept_memory`). `catalogue` None: the ODBC catalogue functions are asked. `typed` says how a column
    crosses, `declare` how a column of an Arrow type (and a native type it may have come from in this very system) is declared
    in DDL.
    """

    name: str
    title: str
    tested: str | None
    drivers: tuple[str, ...]
    systems: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    session: tuple[str, ...] = ()
    warm_up: str | None = None
    quotes: tuple[str, str] = ('"', '"')
    probe: str = "SELECT 1"
    current_schema: str | None = None
    errors: Mapping[str | int, Meaning] = field(default_factory=dict)
    lock_timeout: tuple[str, ...] = ()
    query_timeout: tuple[str, ...] = ()
    catalogue: CatalogueSql | None = None
    typed: Callable[[Column], Typed]
    declare: Callable[[pa.Field[pa.DataType]], str]
    reads: Reads = field(default_factory=Reads)
    writes: Writes = field(default_factory=Writes)
    changes: Changes = field(default_factory=Changes)

    def quote(self, name: str) -> str:
        """`name` as an identifier, whatever is in it."""
        start, end = self.quotes
        return start + name.replace(end, end + end) + end
