"""Settings that somebody wrote, taken key by key: what is missing, wrong or unknown is told with its file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias, TypeVar

from connector_sdk.errors import ConfigError

__all__ = ["Given", "Lines", "names_of"]

Lines: TypeAlias = Mapping[tuple[str | int, ...], int]
"""The line of each key, by the path to it."""

Made = TypeVar("Made")


class Given:
    """The keys of one mapping, taken one by one; what is left at the end is unknown."""

    def __init__(self, settings: Mapping[Any, object], where: str, lines: Lines, path: tuple[str | int, ...] = ()) -> None:
        # YAML readers turn the bare keys `true` and `false` into booleans.
        self.left = {str(key).lower() if isinstance(key, bool) else str(key): value for key, value in settings.items()}
        self.where, self.lines, self.path = where, lines, path

    def error(self, message: str, *key: str, hint: str | None = None) -> ConfigError:
        line = self.lines.get((*self.path, *key), self.lines.get(self.path))
        place = self.where if line is None else f"{self.where}, line {line}"
        steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path).removeprefix(".")
        inside = "" if line is not None or not self.path else f"{steps}: "
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
            written = str(field.type)  # as it is written: "tuple[str, ...]", "int | None"
            if field.name not in self.left or not written.startswith(_PLAIN):
                continue
            default = (None,) if "None" in written else ()
            if written.startswith("tuple"):
                found[field.name] = self.words(field.name)
            else:
                found[field.name] = self.take(field.name, {"str": str, "int": int, "bool": bool}[written.split()[0]], *default)
        return found

    def mappings(self, key: str, what: str, *, one: bool = False) -> Iterator[Given]:
        """The mappings in the list `key` (or the only one, with `one`), each with its own place; none when it is not given."""
        if key not in self.left and key != "fields":
            return
        value = self.take(key, dict) if one else self.take(key, list)
        for index, each in enumerate([value] if one else value):
            path = (*self.path, key) if one else (*self.path, key, index)
            if not isinstance(each, Mapping):
                raise Given({}, self.where, self.lines, path).error(f"keys and values were expected: {what}")
            yield Given(each, self.where, self.lines, path)

    def made(self, make: Callable[[], Made]) -> Made:
        """What `make` returns; a ConfigError of it is told with the place of this mapping."""
        try:
            return make()
        except ConfigError as error:
            raise self.error(error.message, hint=error.hint) from None

    def finish(self, known: Sequence[str]) -> None:
        for key in self.left:
            raise self.error(f"unknown key {key!r}", key, hint=f"known: {', '.join(sorted(known))}")


_WORDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "keys and values"}
_PLAIN = ("str", "int", "bool", "tuple[str")


def names_of(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
