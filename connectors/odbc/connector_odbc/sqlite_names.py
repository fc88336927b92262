"""Tables of other databases that an SQLite file cannot have: to it names that differ only in case are one name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from connector_sdk.schema import Stream

__all__ = ["nameless", "without"]


def nameless(streams: Mapping[str, Stream]) -> dict[str, str]:
    """Why a file that has the other ones of `streams` cannot have these. Of tables with one name the first is kept."""
    why: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in sorted(streams):
        columns: dict[str, str] = {}
        twins = [(columns[folded(c)], c) for c in streams[name].schema.names if columns.setdefault(folded(c), c) != c]
        if folded(name).startswith("sqlite_"):
            why[name] = "SQLite keeps names that begin with sqlite_ to itself"
        elif twins:
            why[name] = f"to SQLite its columns {twins[0][0]!r} and {twins[0][1]!r} have one name"
        elif taken.setdefault(folded(name), name) != name:
            why[name] = f"to SQLite it has the name of {taken[folded(name)]!r}"
    return why


def without(streams: Mapping[str, Stream], left_out: Collection[str]) -> dict[str, Stream]:
    """The others, which refer to none of them."""
    return {
        name: replace(stream, relations=tuple(relation for relation in stream.relations if relation.to not in left_out))
        for name, stream in streams.items()
        if name not in left_out
    }


def folded(name: str) -> str:
    """As SQLite compares names: of ASCII letters alone it knows the small ones."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)
