"""Reading a piece of a table without holding up its writers while the reader does something else."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from connector_odbc.decoding import Decoded
from connector_odbc.fetching import Fetch

__all__ = ["batches"]


def batches(fetch: Fetch, after: Sequence[str] | None) -> Generator[Decoded, None, None]:
    """The rows of `fetch`; where a read keeps others from writing, each batch by a read of its own."""
    if not fetch.database.profile.writes.one_writer or not fetch.way.order:
        yield from fetch.batches(after)
        return
    fetch = replace(fetch, ahead=False)
    while True:
        found: Any = fetch.batches(after)
        with closing(found):
            one = next(found, None)
        if one is None:
            return
        if one.at is None:  # a key that is not what its column is declared as: that has its own error
            yield from fetch.batches(after)
            return
        yield one
        after = one.at
