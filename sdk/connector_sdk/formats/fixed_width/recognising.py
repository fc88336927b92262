"""Whether a file is written as its layout says at all: told from its beginning, before a thousand rejects say the same."""

from __future__ import annotations

from collections.abc import Sequence

from connector_sdk.errors import SchemaDriftError
from connector_sdk.formats.fixed_width.code_page import code_page
from connector_sdk.formats.fixed_width.framing import Records
from connector_sdk.formats.layout import Layout

__all__ = ["recognise"]

_SAMPLE = 64 << 10
_DIGIT_OR_BLANK = {False: b" 0123456789", True: b"\x40" + bytes(range(0xF0, 0xFA))}


def recognise(layout: Layout, lengths: Sequence[int], text: bytes, records: Records, *, place: str, stream: str) -> None:
    """Raises SchemaDriftError when the beginning of a file shows that it is written in another way altogether.

    `text` is that beginning, `records` are those found in it, and `lengths` those that the layout knows.
    """
    page, form, name = code_page(layout.encoding), layout.fixed_width, layout.whole.name
    sample = text[:_SAMPLE]

    def drift(code: str, what: str, hint: str) -> SchemaDriftError:
        fields = layout.names if code == "length" else ()
        return SchemaDriftError(f"{place}: {what}", fields=fields, hint=hint, code=code, stream=stream)

    other = _other_family(sample, ebcdic=page.ebcdic)
    if other:
        what = f"its bytes are {other}, and layout {name!r} says {layout.encoding}"
        raise drift("encoding", what, "correct the encoding in the layout")
    longest = max(lengths)
    if form.framing == "none":
        for end in (b"\r\n", *page.line_ends):
            stride = longest + len(end)
            if len(sample) > 2 * stride and all(sample[at - len(end) : at] == end for at in range(stride, len(sample), stride)):
                what = f"each record ends with a line end, and layout {name!r} says there is none"
                raise drift("framing", what, "framing: lines")
        return
    if not records.size and len(text) >= max(_SAMPLE, 8 * longest):
        what = f"its first {len(text):,} bytes have no line end, and layout {name!r} says that each record has one"
        raise drift("framing", what, "framing: none")
    found = set(records.lengths[:1000].tolist())
    if len(records) > 1 and len(found) == 1 and not found & set(lengths):
        (length,) = found
        if not (form.trimmed and length < longest):
            what = f"every record has {length} bytes, and layout {name!r} says {longest}"
            raise drift("length", what, "correct the length in the layout, or the file")


def _other_family(sample: bytes, *, ebcdic: bool) -> str | None:
    """``ASCII`` or ``EBCDIC`` when `sample` is evidently that, and not the other: by its blanks and digits."""
    if len(sample) < 16:
        return None
    ours = sum(sample.count(byte) for byte in _DIGIT_OR_BLANK[ebcdic])
    theirs = sum(sample.count(byte) for byte in _DIGIT_OR_BLANK[not ebcdic])
    if theirs * 5 > len(sample) and ours * 20 < theirs:
        return "ASCII" if ebcdic else "EBCDIC"
    return None
