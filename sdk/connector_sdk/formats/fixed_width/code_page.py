"""What the bytes of an encoding mean: which are blanks, digits and line ends, and how columns of them become UTF-8."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.fixed_width import LINE_ENDS

__all__ = ["Bools", "Bytes", "CodePage", "bits", "buffer", "code_page", "strings"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

Bytes = npt.NDArray[np.uint8]
"""A column: one row for each record, one byte beside the other."""
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class CodePage:
    """One encoding. `plain` makes ASCII of the bytes that have an ASCII character, and 0xFF of all others; None: they are ASCII.

    `single`: every character is one byte, `letters` says which one (-1: none). `ebcdic`: the zone of a digit may be its sign.
    """

    encoding: str
    plain: bytes | None
    single: bool
    ebcdic: bool
    letters: npt.NDArray[np.int32] = field(compare=False)

    def to_plain(self, text: bytes) -> bytes:
        """`text` with ASCII characters as ASCII, byte for byte."""
        return text if self.plain is None else text.translate(self.plain)

    def encode(self, text: str) -> bytes:
        """`text` in this encoding. Raises UnicodeEncodeError for a character it does not have."""
        return text.encode(self.encoding)

    @property
    def line_ends(self) -> tuple[bytes, ...]:
        """The bytes that end a line: LF, and NEL where it is one byte of its own."""
        feed = self.encode("\n")
        return (feed, self.encode(LINE_ENDS["nel"])) if self.ebcdic else (feed,)

    def shown(self, raw: bytes) -> str:
        """`raw` as people read it in a message, in hex where it is no text."""
        text = raw.decode(self.encoding, "replace")
        if all(letter.isprintable() and letter != "\ufffd" for letter in text):
            return repr(text[:100]) + ("…" if len(text) > 100 else "")
        return f"X'{raw[:50].hex().upper()}'" + ("…" if len(raw) > 50 else "")

    def texts(self, raw: Bytes, plain: Bytes | None, pad: str, *, right: bool) -> tuple[Any, Bools | None]:
        """The column as a string array without its padding, and which rows are not of this encoding (they are null).

        `plain` is the column as ASCII, if it is nothing else.
        """
        if plain is None and self.plain is None and (not raw.size or raw.max() < 0x80):
            plain = raw
        if plain is not None:
            return _trimmed(strings(plain), pad, right=right), None
        if not self.single:
            return self._decoded(raw, pad, right=right)
        letters = self.letters[raw]
        wrong = letters < 0
        bad: Bools | None = np.asarray(wrong.any(axis=1)) if wrong.any() else None
        letters[wrong] = 0x20
        return self._from_letters(letters, pad, right=right, bad=bad), bad

    @staticmethod
    def _from_letters(letters: npt.NDArray[np.int32], pad: str, *, right: bool, bad: Bools | None) -> Any:
        kept = np.ones(letters.shape, dtype=bool)
        if pad:
            other = letters != ord(pad)
            kept = np.logical_or.accumulate(other if right else other[:, ::-1], axis=1)
            kept = kept if right else kept[:, ::-1]
        sizes = kept * (1 + (letters >= 0x80).astype(np.int32) + (letters >= 0x800) + (letters >= 0x10000))
        offsets = np.zeros(len(letters) + 1, dtype=np.int32)
        np.cumsum(sizes.sum(axis=1), out=offsets[1:])
        data = letters[kept].astype("<u4").tobytes().decode("utf-32-le").encode()
        valid = None if bad is None else bits(~bad)
        return pa.StringArray.from_buffers(len(letters), buffer(offsets), pa.py_buffer(data), valid)

    def _decoded(self, raw: Bytes, pad: str, *, right: bool) -> tuple[Any, Bools | None]:
        """Of encodings in which a character may be several bytes: those values that are not ASCII, one by one."""
        trimmed = pc.cast(strings(raw), pa.binary()).to_pylist()
        blank = pad.encode()
        bad = np.zeros(len(raw), dtype=bool)
        found: list[str | None] = []
        for row, value in enumerate(trimmed):
            inner = value if not pad else value.lstrip(blank) if right else value.rstrip(blank)
            try:
                found.append(inner.decode(self.encoding))
            except UnicodeDecodeError:
                bad[row] = True
                found.append(None)
        return pa.array(found, pa.string()), bad if bad.any() else None


def buffer(array: Any) -> pa.Buffer:
    """The memory of a numpy array, for Arrow."""
    return pa.py_buffer(array)


def bits(mask: Bools) -> pa.Buffer:
    """A mask as Arrow has it: which values are valid."""
    return buffer(np.packbits(mask, bitorder="little"))


def strings(column: Bytes) -> Any:
    """A column of bytes as a string array, as it stands: nobody has looked whether it is UTF-8."""
    rows, width = column.shape
    data = buffer(np.ascontiguousarray(column))
    return pa.StringArray.from_buffers(rows, buffer(np.arange(0, (rows + 1) * width, width, dtype=np.int32)), data)


def _trimmed(text: Any, pad: str, *, right: bool) -> Any:
    if not pad:
        return text
    return pc.ascii_ltrim(text, characters=pad) if right else pc.ascii_rtrim(text, characters=pad)


@lru_cache
def code_page(encoding: str) -> CodePage:
    """What is known of `encoding`. Raises ConfigError for one in which blanks and digits are not one byte each."""
    if any(len(letter.encode(encoding)) != 1 for letter in " 0A-\n"):
        raise ConfigError(
            f"encoding {encoding!r}: fixed width counts bytes, and its digits have several",
            hint="as ascii, cp1252, utf-8, cp037, cp500 or cp1140",
            code="layout",
        )
    letters = np.full(256, -1, dtype=np.int32)
    single = True
    for byte in range(256):
        try:
            letters[byte] = ord(bytes([byte]).decode(encoding))
        except UnicodeDecodeError as error:
            single = single and error.reason not in ("unexpected end of data", "incomplete multibyte sequence")
    plain = bytes(letter if 0 <= letter < 0x80 else 0xFF for letter in letters.tolist())
    ascii_ = all(letters[byte] == byte for byte in range(0x80))
    return CodePage(
        encoding=encoding,
        plain=None if ascii_ else plain,
        single=single,
        ebcdic="0".encode(encoding) == b"\xf0",
        letters=letters,
    )
