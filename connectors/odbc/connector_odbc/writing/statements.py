"""The statements that carry staged rows into their table: insert, update by key, delete by key, for each dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector_odbc.catalogue import Column
from connector_odbc.database import Database
from connector_odbc.writing.staging import KNOWN, OP, ORDINAL, Stage, quoted

__all__ = ["Statements"]

_TEXTS = ("char", "text", "enum", "set", "clob", "json")


@dataclass(frozen=True)
class Statements:
    """For one staging table. `first` and `last` bound the ordinals of the staged rows that take part."""

    database: Database
    stage: Stage
    keys: tuple[str, ...]

    @property
    def target(self) -> str:
        """The target's name for SQL."""
        return quoted(self.database, self.stage.target.name)

    @property
    def source(self) -> str:
        """The staging table's name for SQL."""
        return quoted(self.database, self.stage.table)

    def count(self) -> str:
        """How many rows are staged."""
        return f"SELECT COUNT(*) FROM {self.source}"

    def append(self, first: int, last: int) -> str:
        """Every row is inserted."""
        rows = f"SELECT {self._columns(self.stage.columns)} FROM {self.source} s WHERE {self._between(first, last)}"
        return f"{self._insert(self.stage.columns)} {rows}{self._order}"

    def delete_all(self) -> str:
        """Nothing is left of the target."""
        return f"DELETE FROM {self.target}"

    def operations(self, ops: str, knowns: Sequence[str], first: int, last: int) -> Iterator[str]:
        """The operations of one chunk (:mod:`connector_odbc.writing.netting`): deletes, then updates, then inserts."""
        rows = self._between(first, last)
        if "d" in ops or "x" in ops:
            yield self._delete(f"s.{self._own(OP)} IN ('d', 'x') AND {rows}")
        groups: list[tuple[str, tuple[Column, ...]]] = []
        if "u" in ops or "x" in ops:
            groups.append((f"s.{self._own(KNOWN)} IS NULL", self.stage.columns))
        for known in knowns:
            positions = {int(position) for position in known.split(",")}
            some = tuple(column for at, column in enumerate(self.stage.columns) if at in positions)
            groups.append((f"s.{self._own(KNOWN)} = '{known}'", some))
        for condition, columns in groups:
            values = {column.name: f"s.{self._q(column.name)}" for column in columns if column.name not in self.keys}
            if values and ("u" in ops or "p" in ops):
                yield self._update(values, f"s.{self._own(OP)} IN ('u', 'p') AND {condition} AND {rows}")
            yield (
                f"{self._insert(columns)} SELECT {self._columns(columns)} FROM {self.source} s "
                f"WHERE s.{self._own(OP)} <> 'd' AND {condition} AND {rows} "
                f"AND NOT EXISTS (SELECT 1 FROM {self.target} t WHERE {self.match('t', 's')}){self._order}"
            )

    def vacate(self, columns: Sequence[str], ordinal: int) -> str:
        """The row that a staged one will change has nothing in `columns` any more."""
        return self._update(dict.fromkeys(columns, "NULL"), self._between(ordinal, ordinal))

    def later(self, ordinal: int) -> str:
        """Whether another change of the same row is staged behind it."""
        o = self._own(ORDINAL)
        same = f"{self.match('l', 's')} AND l.{o} > s.{o}"
        return f"SELECT COUNT(*) FROM {self.source} s JOIN {self.source} l ON {same} WHERE s.{o} = {ordinal}"

    def match(self, one: str, other: str) -> str:
        """That two rows have one key. Keys are not null."""
        return " AND ".join(self._equal(f"{one}.{self._q(key)}", f"{other}.{self._q(key)}", key) for key in self.keys)

    def same(self, one: str, other: str) -> str:
        """That two values are the same, nulls too."""
        return self.database.profile.writes.same.format(a=one, b=other)

    def _equal(self, one: str, other: str, key: str) -> str:
        kind = self.stage.target.column(key).kind.lower()
        text = any(word in kind for word in _TEXTS)
        return (self.database.profile.writes.equal_text if text else "{a} = {b}").format(a=one, b=other)

    def _delete(self, condition: str) -> str:
        match self.database.profile.writes.update:
            case "join":
                return f"DELETE t FROM {self.target} t JOIN {self.source} s ON {self.match('t', 's')} WHERE {condition}"
            case "from" if self.database.profile.writes.way == "arrays":
                return f"DELETE FROM {self.target} AS t USING {self.source} AS s WHERE {self.match('t', 's')} AND {condition}"
            case "from":
                keys = ", ".join(map(self._q, self.keys))
                return f"DELETE FROM {self.target} WHERE ({keys}) IN (SELECT {keys} FROM {self.source} s WHERE {condition})"
            case _:
                exists = f"SELECT 1 FROM {self.source} s WHERE {self.match(self.target, 's')} AND {condition}"
                return f"DELETE FROM {self.target} WHERE EXISTS ({exists})"

    def _update(self, values: Mapping[str, str], condition: str) -> str:
        pairs = [(self._q(name), value) for name, value in values.items()]
        match self.database.profile.writes.update:
            case "join":
                sets = ", ".join(f"t.{name} = {value}" for name, value in pairs)
                return f"UPDATE {self.target} t JOIN {self.source} s ON {self.match('t', 's')} SET {sets} WHERE {condition}"
            case "from":
                sets = ", ".join(f"{name} = {value}" for name, value in pairs)
                return (
                    f"UPDATE {self.target} AS t SET {sets} FROM {self.source} AS s WHERE {self.match('t', 's')} AND {condition}"
                )
            case _:
                where = f"FROM {self.source} s WHERE {self.match(self.target, 's')} AND {condition}"
                sets = ", ".join(f"{name} = (SELECT {value} {where})" for name, value in pairs)
                return f"UPDATE {self.target} SET {sets} WHERE EXISTS (SELECT 1 {where})"

    def _insert(self, columns: Sequence[Column]) -> str:
        names = ", ".join(self._q(column.name) for column in columns)
        return self.database.profile.writes.insert.format(table=self.target, columns=names)

    def _columns(self, columns: Sequence[Column]) -> str:
        return ", ".join(f"s.{self._q(column.name)}" for column in columns)

    def _between(self, first: int, last: int) -> str:
        return f"s.{self._own(ORDINAL)} BETWEEN {first} AND {last}"

    @property
    def _order(self) -> str:
        return f" ORDER BY s.{self._own(ORDINAL)}"

    def _own(self, name: str) -> str:
        return self._q(name)

    def _q(self, name: str) -> str:
        return self.database.profile.quote(name)
