"""What follows the last record: totals, counts, the word END. What could be a record, whole or broken, is asked about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector_sdk.formats.delimited.footer import is_total
from connector_sdk.formats.delimited_inference.frame import Frame
from connector_sdk.formats.delimited_inference.likeness import looks_like_data
from connector_sdk.formats.delimited_inference.rows import Row

__all__ = ["Footer", "find_footer"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_ENDINGS = 10
"""Lines after the last record that are looked for, at most."""


@dataclass(frozen=True)
class Footer:
    """How many lines after the last record are none, and a question or a note about them."""

    lines: int = 0
    question: str | None = None
    note: str | None = None


def find_footer(tail: str, rows: Sequence[Row], frame: Frame) -> Footer:
    """The footer. `tail` are the file's last lines, `rows` its records as the dialect cuts them, by lines of the tail."""
    ending: list[Row] = []
    for row in reversed(rows[-_ENDINGS:]):
        # A broken record is a reject, which the reader tells: it would be lost among lines that nobody looks at.
        if row.broken or not (_is_total(row, frame) or (frame.width > 1 and len(row.cells) != frame.width)):
            break
        ending.insert(0, row)
    before = rows[: len(rows) - len(ending)]
    if not before or len(ending) == _ENDINGS:
        return Footer()
    if not ending:
        return Footer(question=_like_a_total(before[-1], frame))
    # A short record at the end may just be broken: an ending says what it is, or stands apart.
    told = [row for row in ending if _is_total(row, frame)]
    apart = ending[0].line > before[-1].line + 1
    alone = all(len([cell for cell in row.cells if cell.strip()]) == 1 and not looks_like_data(row.cells[0]) for row in ending)
    if not told and not ((apart or alone) and frame.width > 2):
        return Footer()
    count = len(_LINE_END.findall(tail)) + (not tail.endswith(("\n", "\r"))) - before[-1].line
    shown = frame.form.delimiter.join((told or ending)[0].cells)[:60]
    what = f"the last {count} lines are" if count > 1 else "the last line is"
    message = f"{what} left out, as no records: {shown!r}"
    may_be_records = [row for row in ending if row not in told and not (apart and _is_remark(row))]
    if may_be_records and told:
        broken = frame.form.delimiter.join(may_be_records[0].cells)[:60]
        return Footer(count, f"{message}; {broken!r} among them may be a broken record")
    if may_be_records:
        return Footer(count, f"{message}; it may be a broken record")
    same = any(len(row.cells) == frame.width for row in ending) or frame.width == 1
    return Footer(count, message) if same else Footer(count, note=message)


def _is_remark(row: Row) -> bool:
    """Whether it has but one value, which is a word: behind an empty line that is no record."""
    return len(row.cells) == 1 and not looks_like_data(row.cells[0])


def _like_a_total(last: Row, frame: Frame) -> str | None:
    """A question, when the last record is as wide as the others and calls itself a total."""
    if frame.width < 2 or last.broken or not is_total(next((cell for cell in last.cells if cell.strip()), ""), alone=True):
        return None
    shown = frame.form.delimiter.join(last.cells)[:60]
    return f"the last record looks like a total: {shown!r}; it was kept (footer: 1 leaves it out)"


def _is_total(row: Row, frame: Frame) -> bool:
    """Whether a record says that it is a total or the end, in a field whose other values do not look like that."""
    words = [(place, cell.strip()) for place, cell in enumerate(row.cells) if cell.strip()]
    if not words:
        return True
    place, word = words[0]
    if not is_total(word):
        return False
    others = [record[place].strip() for record in frame.records[:200] if place < len(record) and record[place].strip()]
    alike = sum(1 for other in others if not looks_like_data(other))
    empty = sum(1 for cell in row.cells if not cell.strip())
    return frame.width == 1 or len(row.cells) != frame.width or alike < 0.1 * len(others) or 2 * empty >= frame.width - 1
