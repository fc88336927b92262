"""Settings that somebody wrote, taken key by key: what is missing, wrong or unknown is told with its file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

from connector_sdk.errors import ConfigError

__all__ = ["Given", "Lines", "names_of"]

Lines: TypeAlias = Mapping[tuple[str | int, ...], int]
"""The line of each key, by the path to it."""


class Given:
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


def names_of(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
