"""The form of delimited text: which marks lie between values, and what of the file are not records."""

from __future__ import annotations

from dataclasses import dataclass

from connector_sdk.errors import ConfigError

__all__ = ["Delimited"]

_LINE_ENDS = "\r\n\x85"


@dataclass(frozen=True, kw_only=True)
class Delimited:
    """A form: records are lines, values lie between delimiters, a quoted value may hold delimiters and line ends.

    `delimiter` is one or more characters; a quote within quotes is doubled, or follows `escape`. Line ends are LF, CRLF or CR, in
    EBCDIC also NEL; one file may mix them.

    `skip` lines come before the header and `footer` lines after the last record, whatever is in them. A line that begins with
    `comment` where a record could begin is no record. `header` is the number of rows that name the columns: of several, the
    cells of a column are joined by a space, and an empty cell of an upper row repeats the one to its left, as merged cells do.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    comment: str | None = None
    header: int = 1
    skip: int = 0
    footer: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "header", int(self.header))
        for what, mark in (("quote", self.quote), ("escape", self.escape)):
            if mark is not None and len(mark) != 1:
                raise ConfigError(f"{what} is {mark!r}: one character was expected", code="layout")
        marks = [mark for mark in (self.delimiter, self.quote, self.escape, self.comment) if mark is not None]
        for mark in marks:
            if not mark or "\x00" in mark or set(mark) & set(_LINE_ENDS) or not _encodable(mark):
                raise ConfigError(
                    f"{mark!r} cannot separate, quote or comment: it is empty, or has a line end in it", code="layout"
                )
        for one, other in ((self.delimiter, self.quote), (self.delimiter, self.escape)):
            if other is not None and other in one:
                raise ConfigError(f"delimiter {one!r} has {other!r} in it, which is the quote or escape", code="layout")
        if self.quote is not None and self.quote == self.escape:
            raise ConfigError(f"quote and escape are both {self.quote!r}", hint="a doubled quote needs no escape", code="layout")
        if self.comment is not None:
            for mark in marks[:-1]:
                if self.comment.startswith(mark) or mark.startswith(self.comment):
                    raise ConfigError(f"comment {self.comment!r} begins like {mark!r}: a record could too", code="layout")
        for what, count in (("header", self.header), ("skip", self.skip), ("footer", self.footer)):
            if count < 0:
                raise ConfigError(f"{what} is {count}: a number of lines was expected", code="layout")


def _encodable(mark: str) -> bool:
    """Whether it is text at all: half of a surrogate pair is not."""
    return not any("\ud800" <= character <= "\udfff" for character in mark)
