"""The form of delimited text: which marks lie between values, and what comes before the first record."""

from __future__ import annotations

from dataclasses import dataclass

from connector_sdk.errors import ConfigError

__all__ = ["Delimited"]


@dataclass(frozen=True, kw_only=True)
class Delimited:
    """A form: records are lines, values lie between delimiters, a quoted value may hold delimiters and line ends.

    A quote within quotes is doubled, or follows `escape`. `skip` lines come before the header. Line ends are LF, CRLF or CR.
    """

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    header: bool = True
    skip: int = 0

    def __post_init__(self) -> None:
        marks = [mark for mark in (self.delimiter, self.quote, self.escape) if mark is not None]
        for mark in marks:
            if len(mark) != 1 or not mark.isascii() or mark in "\r\n":
                raise ConfigError(f"{mark!r} cannot separate or quote values: one ASCII character is needed", code="layout")
        if len(set(marks)) != len(marks):
            raise ConfigError(f"delimiter, quote and escape are not all different: {' '.join(marks)}", code="layout")
        if self.skip < 0:
            raise ConfigError(f"skip is {self.skip}: a number of lines was expected", code="layout")
