"""Values over several lines that look like records: a quote that was not meant to open has swallowed them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute

from connector_sdk.formats.delimited_inference.likeness import looks_like_data

__all__ = ["swallowed"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does


def swallowed(records: pa.RecordBatch, delimiter: str) -> Iterator[str]:
    """The values among `records`, all of them text, whose lines have the delimiters that records have."""
    width = records.num_columns
    for place, column in enumerate(records.columns):
        several = column.filter(pc.fill_null(pc.match_substring(column, "\n"), False)) if width > 1 else ()
        for value in several:
            text = str(value.as_py())
            first, *others = text.splitlines()
            counts = [first.count(delimiter) + place, *(line.count(delimiter) for line in others[:-1])]
            ends = [line.split(delimiter)[0] for line in others]
            # Sentences have commas, too: where there are few of them, lines begin with a number as records do.
            if (
                others
                and all(count == width - 1 for count in counts)
                and others[-1].count(delimiter) == place
                and (width > 3 or all(map(looks_like_data, ends)))
            ):
                yield text
