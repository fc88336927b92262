"""The part of a profile that is about reading."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reads"]


@dataclass(frozen=True, kw_only=True)
class Reads:
    """`limit` is how a query is cut, with ``{query}`` and ``{rows}``. `streams` says whether the driver hands rows over as they
    come; one that holds the whole result in memory is read page by page along the key."""

    limit: str = "{query} LIMIT {rows}"
    streams: bool = False
