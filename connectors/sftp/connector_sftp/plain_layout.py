"""Files of any one layout, delimited or fixed width, made and read the plain way: what the simulator writes, and how it knows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import pyarrow as pa
from connector_sdk.formats.layout import FixedWidth, Layout

from connector_sftp import plain_files, plain_fixed_width

__all__ = ["PlainLayout", "Row"]

Row: TypeAlias = tuple[str, dict[str, Any]]
"""A row with the name of its stream: files may hold several types."""


class PlainLayout:
    """The files of `layout`; `streams` has the layout of each stream that is in them, by its name."""

    def __init__(self, name: str, layout: Layout) -> None:
        self.layout = layout
        single = bool(layout.fields)
        found = [layout] if single else replace(layout, name=name).streams
        self.streams = {name if single else stream.name: stream for stream in found}
        self._fixed = isinstance(layout.form, FixedWidth)

    def sample(self, stream: str, number: int, rng: random.Random) -> dict[str, Any]:
        """A plausible row that such a file can hold; its keys follow from `number`."""
        made = plain_fixed_width.sample if self._fixed else plain_files.sample
        return made(self.streams[stream], number, rng)

    def samples(self, numbers: range, rng: random.Random) -> list[Row]:
        """Rows of one stream after the other."""
        names = list(self.streams)
        turns = [(names[number % len(names)], number) for number in numbers]
        return [(stream, self.sample(stream, number, rng)) for stream, number in turns]

    def next_day(self, rows: Sequence[Row], fresh: range, rng: random.Random) -> list[Row]:
        """What the next whole drop holds: some rows are new, some have other values, some are gone, all have moved.

        The last of `fresh` is the new key of an old row; the others are the numbers of new rows.
        """
        kept = list(rows)
        for _ in range(rng.randrange(1, 4)):
            if len(kept) > 2:
                del kept[rng.randrange(len(kept))]
        for at in rng.sample(range(len(kept)), min(4, len(kept))):
            stream, row = kept[at]
            keys = self.streams[stream].keys
            kept[at] = stream, {**self.sample(stream, fresh[-1], rng), **{key: row[key] for key in keys}}
        if kept and fresh:
            at = rng.randrange(len(kept))
            stream, row = kept[at]
            another = self.sample(stream, fresh[-1], rng)
            kept[at] = stream, {**row, **{key: another[key] for key in self.streams[stream].keys}}
        kept += self.samples(fresh[:-1], rng)
        turn = rng.randrange(len(kept))
        return kept[turn:] + kept[:turn]

    def record(self, stream: str, row: Mapping[str, Any], **instead: str) -> bytes:
        """One row as it stands in a file; `instead` has the text of values that are none."""
        layout = self.streams[stream]
        if self._fixed:
            return plain_fixed_width.record(layout, row, **instead)
        return plain_files.record(layout, row, **instead).encode(layout.encoding)

    def records(self, rows: Sequence[Row]) -> list[bytes]:
        """Each of `rows` as it stands in a file."""
        return [self.record(stream, row) for stream, row in rows]

    def write(self, records: Sequence[bytes]) -> bytes:
        """A whole file."""
        if self._fixed:
            return plain_fixed_width.write(self.layout, records)
        return plain_files.write(self.layout, [record.decode(self.layout.encoding) for record in records])

    def read(self, content: bytes) -> list[Row]:
        """The rows of a file that can be understood."""
        return list(self._read(content))

    def _read(self, content: bytes) -> Iterator[Row]:
        if self._fixed:
            streams = {layout.fixed_width.record: stream for stream, layout in self.streams.items()}
            yield from ((streams[record], row) for record, row in plain_fixed_width.read(self.layout, content))
            return
        (stream,) = self.streams
        yield from ((stream, row) for row in plain_files.read(self.layout, content))

    def spoilt(self, stream: str, row: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """A record with a value that is none or, where every value is text, one too many or one too few; and as a reject has it.

        Raises NotImplementedError when such a file cannot show one bad record.
        """
        layout = self.streams[stream]
        end = "\n".encode(layout.encoding)
        records = layout.fixed_width.records if self._fixed else ()
        totals = {name for record in records for check in record.checks for _, name in check.totals}
        typed = [
            field.name
            for field in layout.fields
            if not _is_text(field.type) and not pa.types.is_binary(field.type) and field.name not in {*layout.keys, *totals}
        ]
        if typed:
            bad = self.record(stream, row, **{typed[-1]: "no such value"})
        elif totals:
            raise NotImplementedError("where a record that is wrong leaves the totals open, the whole file is refused")
        elif self._fixed and layout.fixed_width.framing == "lines":
            bad = plain_fixed_width.cut_off(layout, self.record(stream, row))
        elif self._fixed:
            raise NotImplementedError("what is not right among texts without line ends cannot be told")
        else:
            more = f"{layout.delimited.delimiter}one too many".encode(layout.encoding)
            bad = self.record(stream, row).removesuffix(end) + more + end
        return bad, plain_fixed_width.raw(layout, bad) if self._fixed else bad.removesuffix(end)

    def altered(self, stream: str, content: bytes) -> bytes:
        """A file whose last field has another name in the header or, where fields have only places, is gone.

        Raises NotImplementedError when such a file does not show it.
        """
        layout = self.streams[stream]
        rows = [row for own, row in self.read(content) if own == stream]
        if self._fixed:
            if layout.fixed_width.records or layout.fixed_width.framing != "lines":
                raise NotImplementedError("records of several types, or without line ends, do not show what they have lost")
            return b"".join(plain_fixed_width.cut_off(layout, self.record(stream, row)) for row in rows)
        if not layout.delimited.header:
            raise NotImplementedError("files without a header do not name their fields")
        *others, last = layout.fields
        renamed = replace(layout, fields=(*others, replace(last, name="renamed", title=None)), keys=())
        return plain_files.write(renamed, [self.record(stream, row).decode(layout.encoding) for row in rows])

    def last(self, stream: str) -> str:
        """The field that :meth:`altered` is about."""
        layout = self.streams[stream]
        fields = (
            sorted(layout.fields, key=lambda field: field.place.start if field.place else 0) if self._fixed else layout.fields
        )
        return fields[-1].name


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)
