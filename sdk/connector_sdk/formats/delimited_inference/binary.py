"""Files that are no delimited text, whatever they are called: told by their first bytes, with what to do about it."""

from __future__ import annotations

import re

from connector_sdk.errors import ConfigError

__all__ = ["refuse_binary", "refuse_controls", "refuse_office"]

_CONTROLS = [chr(n) for n in range(32) if n not in (1, 2, 9, 10, 11, 12, 13, 20, 28, 29, 30, 31)]  # the others delimit

_EXPORT = "export it as CSV, or have it exported so"
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"\x1f\x8b", "gzip inside gzip", "unpack it once"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive", "unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it first"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls) or another Office file", _EXPORT),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", "this is the wrong file"),
    (b"ARROW1\x00\x00", "an Arrow file", "it has types of its own: read it with an Arrow reader"),
    (b"SQLite format 3\x00", "an SQLite database", "read it with SQLite"),
    (b"\x7fELF", "a program", "this is the wrong file"),
    (b"-----BEGIN PGP MESSAGE-----", "encrypted with PGP", "decrypt it first"),
)
_PATTERNS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), "a bzip2 archive", "unpack it first"),
    (re.compile(rb"%PDF-\d\.\d"), "a PDF", "ask for the data behind it as CSV"),
)
_SHORT: tuple[tuple[bytes, str, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG picture", "this is the wrong file"),
    (b"GIF8", "a GIF picture", "this is the wrong file"),
    (b"PAR1", "a Parquet file", "it has types of its own: read it with a Parquet reader"),
    (b"ORC", "an ORC file", "it has types of its own: read it with an ORC reader"),
    (b"Obj\x01", "an Avro file", "it has types of its own: read it with an Avro reader"),
    (b"MZ\x90", "a program", "this is the wrong file"),
    (b"\x85\x01", "encrypted with PGP", "decrypt it first"),
    (b"\x85\x02", "encrypted with PGP", "decrypt it first"),
)
"""A header may begin like these (ORCID, PAR1): the file behind them has control characters, which no text has."""
_CONTROL = re.compile(rb"[\x00\x03-\x08\x0e-\x13\x15-\x1b]")
_ZIPS = (
    (b"xl/", "an Excel workbook (.xlsx)", _EXPORT),
    (b"word/", "a Word document", "this is the wrong file"),
    (b"[Content_Types].xml", "an Excel workbook or another Office file", _EXPORT),
    (b"opendocument.spreadsheet", "an OpenDocument spreadsheet (.ods)", _EXPORT),
)
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?P<what>!doctype html|html|\?xml|[a-z:]+ xmlns)", re.IGNORECASE)
_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"[^"]*"\s*:')


def refuse_binary(head: bytes, place: str) -> None:
    """Raises ConfigError (code ``not_text``) when a file that begins with `head` (some kilobytes of it) is no delimited text."""
    found = _what(head)
    if found is not None:
        what, hint = found
        raise ConfigError(f"{place} is no delimited text but {what}", hint=hint, code="not_text")


def refuse_office(head: bytes, place: str) -> None:
    """Raises ConfigError (code ``not_text``) when a file that begins with `head` is a zip archive that holds a document."""
    if head.startswith(b"PK\x03\x04"):
        known = next(((what, hint) for name, what, hint in _ZIPS if name in head), None)
        if known is not None:
            raise ConfigError(f"{place} is no delimited text but {known[0]}", hint=known[1], code="not_text")


def refuse_controls(text: str, place: str) -> None:
    """Raises ConfigError (code ``not_text``) when `text` has so many control characters that it is none."""
    some = text[: 1 << 16]
    strange = sum(some.count(character) for character in _CONTROLS)
    if strange > 4 and strange > 0.01 * len(some):
        raise ConfigError(
            f"{place} is no delimited text but binary: {strange:,} of its first {len(some):,} characters are control characters",
            hint="if it is text, its encoding is none that is known here: convert it to UTF-8",
            code="not_text",
        )


def _what(head: bytes) -> tuple[str, str] | None:
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            return what, hint
    for pattern, what, hint in _PATTERNS:
        if pattern.match(head):
            return what, hint
    for magic, what, hint in _SHORT:
        if head.startswith(magic) and _CONTROL.search(head, 0, 512):
            return what, hint
    if head[257:262] == b"ustar" and b"\x00" in head[:257]:
        return "a tar archive", "unpack it first"
    markup = _MARKUP.match(head)
    if markup is not None:
        if b"html" in markup["what"].lower():
            return "a page of HTML", "look at it: a server's login or error page comes in place of a file"
        return "XML", "it needs a reader of its own"
    if _JSON.match(head):
        return "JSON", "it needs a reader of its own, or a conversion to CSV"
    return None
