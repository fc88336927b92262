"""Arrow to the bytes of a delimited file, such that reading them with the same layout gives the same values back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import DataError
from connector_sdk.formats.delimited.text import encoded_bom, is_ebcdic
from connector_sdk.formats.delimited.values import check_notation, is_text, render
from connector_sdk.formats.layout import Field, Layout

__all__ = ["Encoder"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_EMPTY = pa.scalar("", pa.large_string())
_SLICE = 64 << 10
"""Rows that are made text at once."""


class Output(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes, /) -> Any:
        """Take all of `data`."""
        ...


class Encoder:
    """Writes batches of a layout's fields as delimited text; lines end with LF.

    With `header`, the byte order mark of UTF-16 and the header come first (if the layout has one); leave it out to go on with a
    file. Lines to skip and those after the last record are empty; of several header rows, one has the names. Raises DataError
    (code ``unwritable``) naming the field when a value cannot be written such that it would be read again as the same: nothing
    of that batch is written then.
    """

    def __init__(self, layout: Layout, out: Output, *, header: bool = True) -> None:
        for field in layout.fields:
            check_notation(field)
        self._layout, self._out = layout, out
        self._start = header

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows of `batch`, whose columns are found by name."""
        lacking = [name for name in self._layout.names if name not in batch.schema.names]
        if lacking:
            raise DataError(
                f"layout {self._layout.name!r} has the fields {', '.join(map(repr, lacking))}, the rows to write do not",
                code="unwritable",
            )
        parts = [self._lines(batch.slice(start, _SLICE)) for start in range(0, batch.num_rows, _SLICE)]
        self._begin()
        for part in parts:
            self._out.write(part)

    def close(self) -> None:
        """Finish the text: an empty one gets its header, and all get their footer. Does not close what it was written to."""
        self._begin()
        if self._layout.delimited.footer:
            self._out.write(("\n" * self._layout.delimited.footer).encode(self._layout.encoding))

    def _begin(self) -> None:
        if not self._start:
            return
        self._start = False
        layout = self._layout
        head = encoded_bom(layout.encoding)
        if layout.delimited.skip:
            head += ("\n" * layout.delimited.skip).encode(layout.encoding)
        if layout.delimited.header:
            head += self._header().encode(layout.encoding)
        if head:
            self._out.write(head)

    def _header(self) -> str:
        """The rows of names. An empty cell of an upper row repeats the one to its left, and so all are empty save in the last."""
        form, fields = self._layout.delimited, self._layout.fields
        title = Field(name="header", type=pa.string())
        words = [
            self._quoted(
                title, pa.array([field.name if field.title is None else field.title], pa.large_string()), first=not number
            )
            for number, field in enumerate(fields)
        ]
        names = form.delimiter.join(word[0].as_py() for word in words) + "\n"
        if len(fields) == 1:
            return names + "\n" * (form.header - 1)  # an empty line before it would not count
        return (form.delimiter * (len(fields) - 1) + "\n") * (form.header - 1) + names

    def _lines(self, batch: pa.RecordBatch) -> bytes:
        columns = []
        for number, field in enumerate(self._layout.fields):
            values = batch.column(field.name)
            if not values.type.equals(field.type):
                values = values.cast(field.type)
            if not field.nullable and values.null_count:
                raise DataError(f"field {field.name!r} requires a value, and a row to write has none", code="unwritable")
            columns.append(pc.fill_null(self._quoted(field, render(field, values), first=not number), ""))
        delimiter = pa.scalar(self._layout.delimited.delimiter, pa.large_string())
        lines = pc.binary_join_element_wise(*columns, delimiter) if len(columns) > 1 else columns[0]
        ended = pc.binary_join_element_wise(lines, _EMPTY, pa.scalar("\n", pa.large_string()))
        size = pc.sum(pc.binary_length(ended)).as_py()
        data: bytes = ended.buffers()[2].slice(0, size).to_pybytes()
        if self._layout.encoding == "utf-8":
            return data
        if is_ebcdic(self._layout.encoding) and b"\xc2\x85" in data:
            raise DataError(
                "text has the line end NEL (U+0085), which is read as LF in EBCDIC", hint="write LF instead", code="unwritable"
            )
        try:
            return data.decode().encode(self._layout.encoding)
        except UnicodeEncodeError as error:
            raise DataError(
                f"{error.object[error.start]!r} is not in {self._layout.encoding}, the encoding of layout {self._layout.name!r}",
                hint="utf-8 has every character",
                code="unwritable",
            ) from None

    def _quoted(self, field: Field, text: Any, *, first: bool) -> Any:
        """Values that hold a mark, are empty text, or look like a word for null or (`first`) a comment, quoted or escaped."""
        form = self._layout.delimited
        marks = [form.delimiter[0], "\n", "\r", "\ufeff", *(mark for mark in (form.quote, form.escape) if mark)]
        marked = pc.match_substring_regex(text, "[" + "".join(f"\\x{{{ord(mark):x}}}" for mark in marks) + "]")
        doubtful = pc.equal(text, "")
        if field.null and is_text(field.type):
            doubtful = pc.or_(doubtful, pc.is_in(text, pa.array(field.null, pa.large_string())))
        comment = pc.starts_with(text, form.comment) if first and form.comment is not None else None
        if form.quote is None:
            return self._escaped(field, text, marks, doubtful, marked, comment)
        chosen = pc.or_(marked, doubtful)
        chosen = chosen if comment is None else pc.or_(chosen, comment)
        if not pc.any(chosen).as_py():
            return text
        inner = text if form.escape is None else pc.replace_substring(text, form.escape, form.escape * 2)
        inner = pc.replace_substring(inner, form.quote, form.quote * 2)
        quote = pa.scalar(form.quote, pa.large_string())
        return pc.if_else(chosen, pc.binary_join_element_wise(quote, inner, quote, _EMPTY), text)

    def _escaped(self, field: Field, text: Any, marks: Sequence[str], doubtful: Any, marked: Any, comment: Any) -> Any:
        """Values where there are no quotes."""
        form = self._layout.delimited
        if pc.any(doubtful).as_py():
            raise DataError(
                f"field {field.name!r} has text that would be read as null, and the layout has no quotes", code="unwritable"
            )
        if comment is not None and pc.any(comment).as_py():
            if form.escape is None:
                raise DataError(
                    f"field {field.name!r} has text that would be read as a comment, and the layout has no quotes",
                    code="unwritable",
                )
        elif not pc.any(marked).as_py():
            return text
        if form.escape is None:
            if len(form.delimiter) > 1:  # the first half of a delimiter is one only when the rest follows
                whole = pc.binary_join_element_wise(text, pa.scalar(form.delimiter, pa.large_string()), _EMPTY)
                early = pc.not_equal(pc.find_substring(whole, form.delimiter), pc.binary_length(text))
                marked = pc.or_(early, pc.match_substring_regex(text, "[\r\n\ufeff]"))
                if not pc.any(marked).as_py():
                    return text
            raise DataError(
                f"field {field.name!r} has text with a delimiter or line end, and the layout has no quotes", code="unwritable"
            )
        for mark in (form.escape, *(mark for mark in marks if mark != form.escape)):
            text = pc.replace_substring(text, mark, form.escape + mark)
        if comment is not None:
            begun = pc.starts_with(text, form.comment)  # else its first character is escaped already
            text = pc.if_else(begun, pc.binary_join_element_wise(pa.scalar(form.escape, pa.large_string()), text, _EMPTY), text)
        return text
