"""Whether a backslash is an escape: only where records fit with it that do not without; what else it stands before is asked."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from contextlib import closing
from dataclasses import replace

from connector_sdk.formats.delimited_inference.opening import Opener
from connector_sdk.formats.delimited_inference.rows import rows_of
from connector_sdk.formats.layout import Delimited

__all__ = ["ESCAPE", "lone_escapes", "with_escape"]

ESCAPE = "\\"
_CHUNK = 1 << 20


def with_escape(form: Delimited, text: str, *, whole: bool) -> Delimited:
    """The form with an escape character, if more records of `text` are whole and of one width with it."""
    if not any(mark and ESCAPE + mark in text for mark in (form.quote, form.delimiter)):
        return form

    def odd(tried: Delimited) -> int:
        rows = rows_of(text, tried, whole=whole)
        widths = Counter(len(row.cells) for row in rows if not row.broken)
        return len(rows) - max(widths.values(), default=0)

    other = replace(form, escape=ESCAPE)
    return other if odd(other) < odd(form) else form


def lone_escapes(form: Delimited, opener: Opener, encoding: str) -> str | None:
    """A question, when somewhere in the sample an escape stands before a character that needs none, and will be dropped."""
    if form.escape is None:
        return None
    needing = {form.escape, form.quote, form.delimiter[0], "\r", "\n"}
    pairs = re.compile(re.escape(form.escape) + "(.)", re.DOTALL)
    lone: Counter[str] = Counter()
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    with closing(opener()) as opened:  # type: ignore[type-var]
        read, begun = next(opened), ""
        while data := read(_CHUNK):
            text = begun + decoder.decode(data)
            before = len(text) - len(text.rstrip(form.escape))
            begun = form.escape if before % 2 else ""  # its character comes with the next chunk
            lone.update(found[1] for found in pairs.finditer(text) if found[1] not in needing)
    if not lone:
        return None
    example = form.escape + lone.most_common(1)[0][0]
    return (
        f"{form.escape} is an escape, since more records fit with it, and stands {lone.total():,} times before characters that"
        f" need none, as in {example}: it is left out there (escape: null keeps it)"
    )
