"""From a sample to a layout: the whole of it is read, once for its encoding and once for its fields."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow as pa

from connector_sdk.errors import ConfigError, DataError, SchemaDriftError
from connector_sdk.formats.delimited.header import joined, take_rows
from connector_sdk.formats.delimited.reading import Decoded, decode
from connector_sdk.formats.delimited.records import Grammar
from connector_sdk.formats.delimited.text import Window, is_ebcdic
from connector_sdk.formats.delimited_inference.binary import refuse_binary, refuse_controls
from connector_sdk.formats.delimited_inference.columns import Column
from connector_sdk.formats.delimited_inference.comments import records_behind
from connector_sdk.formats.delimited_inference.decisions import Decision, decide
from connector_sdk.formats.delimited_inference.dialect import find_dialect
from connector_sdk.formats.delimited_inference.encoding import Encoding, find_encoding
from connector_sdk.formats.delimited_inference.escapes import lone_escapes
from connector_sdk.formats.delimited_inference.footer import find_footer
from connector_sdk.formats.delimited_inference.found import Finding
from connector_sdk.formats.delimited_inference.frame import Frame, find_frame
from connector_sdk.formats.delimited_inference.opening import Opener, Sample, beginnings, reader_of
from connector_sdk.formats.delimited_inference.rows import rows_of
from connector_sdk.formats.delimited_inference.swallowed import swallowed
from connector_sdk.formats.dos_end import without_dos_end
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sdk.rejects import rejects_of

__all__ = ["Inference", "infer"]

_HEAD = 1 << 20
_CHUNK = 1 << 20
_TAIL = 1 << 15


@dataclass(frozen=True)
class Inference:
    """The layout that a sample speaks for, what is open about it, and how many records were looked at."""

    layout: Layout
    findings: tuple[Finding, ...]
    rows: int


def infer(sample: Sample, *, name: str, limit: int | None = None, place: str | None = None) -> Inference:
    """Decide the layout of `sample`, called `name`, over all of it, or over its first `limit` bytes. Errors name `place`.

    Memory is bounded by a few blocks, and up to 128 MB for each field that could be a key. Raises ConfigError for a file that is
    empty or cannot be read, DataError for a damaged archive.
    """
    opener = partial(beginnings, sample, limit)
    where = place or (str(sample) if isinstance(sample, Path) else f"the sample of {name!r}")
    encoding, tail = _encoding(opener, limit, where)
    head, whole = _head(opener, encoding.name)
    if not head.strip():
        raise ConfigError(f"the sample of {name!r} is empty", hint="a layout needs at least a header", code="empty")
    refuse_controls(head, where)
    frame = find_frame(find_dialect(head, whole=whole), head)
    questions, notes = [encoding.question, *frame.questions], [encoding.note, *frame.notes]
    form = frame.form
    if tail is not None:
        shown = without_dos_end(reader_of(tail), encoding.name)(len(tail))
        text = _lines(shown.decode(encoding.name, "replace"), encoding.name)
        footer = find_footer(text, rows_of(text, frame.form, whole=True, limit=None), frame)
        form = replace(form, footer=footer.lines)
        questions.append(footer.question)
        notes.append(footer.note)
    findings = [Finding("question", None, question) for question in questions if question]
    findings += [Finding("note", None, note) for note in notes if note]
    form, titles, unclosed = _titles(opener, encoding.name, form, frame)
    findings += [Finding("question", None, unclosed)] if unclosed else []
    names = _names(titles)
    findings += _about_names(titles)
    text_layout = Layout(
        name=name,
        encoding=encoding.name,
        form=form,
        fields=tuple(Field(name=n, title=t, type=pa.string()) for n, t in names),
    )
    lone = lone_escapes(form, opener, encoding.name)
    findings += [Finding("question", None, lone)] if lone else []
    columns = [Column(n, t) for n, t in names]
    try:
        hidden = records_behind(text_layout, opener)
        if hidden is not None:
            findings.append(Finding("question", None, hidden))
            text_layout = replace(text_layout, form=replace(form, comment=None))
        filled = _fill(columns, text_layout, opener, where)
    except SchemaDriftError as error:
        raise ConfigError(f"no layout was found: {error.message}", hint="write a layout.yaml by hand", code="layout") from None
    findings += filled.findings
    comma = [told for column in columns if (told := column.tells_comma()) is not None]
    order = {told for column in columns if (told := column.tells_month_first()) is not None}
    decisions = [
        decide(
            column,
            comma=any(comma) if comma else form.delimiter == ";",
            month_first=next(iter(order)) if len(order) == 1 else None,
        )
        for column in columns
    ]
    for decision in decisions:
        findings += [Finding("question", decision.field.name, question) for question in decision.questions]
        findings += [Finding("note", decision.field.name, note) for note in decision.notes]
    if form.footer and all(pa.types.is_string(decision.field.type) for decision in decisions):
        findings.append(Finding("note", None, "every field is text: a later file without the footer would lose its last record"))
    if not filled.rows:
        findings.append(Finding("note", None, "there are no records: every field was taken for text"))
    keys, about_keys = _keys(columns, decisions)
    findings += about_keys
    fields = (replace(d.field, nullable=False) if d.field.name in keys else d.field for d in decisions)
    layout = replace(text_layout, fields=tuple(fields), keys=keys)
    return Inference(layout=layout, findings=tuple(findings), rows=filled.rows)


def _encoding(opener: Opener, limit: int | None, place: str) -> tuple[Encoding, bytes | None]:
    """The encoding, and the file's last bytes; None when the sample ends before the file may. Raises ConfigError for no text."""
    with closing(opener()) as opened:  # type: ignore[type-var]
        read = next(opened)
        kept = b""
        total = 0

        def chunks() -> Iterator[bytes]:
            nonlocal kept, total
            while chunk := read(_CHUNK):
                if not total:
                    refuse_binary(chunk[:_CHUNK], place)
                total += len(chunk)
                kept = (kept + chunk)[-_TAIL - total % 4 :]
                yield chunk

        every = chunks()
        encoding = find_encoding(every)
        for _ in every:
            pass
    return encoding, None if limit is not None and total >= limit else kept


def _head(opener: Opener, encoding: str) -> tuple[str, bool]:
    """The first megabyte as text, and whether that is all."""
    with closing(opener()) as opened:  # type: ignore[type-var]
        read = without_dos_end(next(opened), encoding)
        data = b""
        while len(data) < _HEAD and (more := read(_HEAD - len(data))):
            data += more
        whole = len(data) < _HEAD
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(data, final=whole)
    return _lines(text, encoding).removeprefix("\ufeff"), whole


def _titles(opener: Opener, encoding: str, form: Delimited, frame: Frame) -> tuple[Delimited, list[str], str | None]:
    """The header's words as the reader will take them, one for each field; empty ones where there is no header.

    A quote in the header that is never closed is no quote: then the form has none, and a question says so.
    """
    if not form.header:
        return form, [""] * frame.width, None
    with closing(opener()) as opened:  # type: ignore[type-var]
        window = Window(next(opened), encoding, 0)
        window.grow(_HEAD)
        try:
            rows, _ = take_rows(window, Grammar(form), header=form.header, blank=frame.width == 1, limit=_HEAD)
        except DataError as error:
            if form.quote is None:
                raise ConfigError(error.message, hint="a layout needs a header that can be read", code="header") from None
            form = replace(form, quote=None, escape=None)
            return *_titles(opener, encoding, form, frame)[
                :2
            ], "a quote in the header is never closed: quotes are read as they stand"
    return form, joined(rows) if rows else [""] * frame.width, None


def _about_names(titles: list[str]) -> list[Finding]:
    """What to know of a header whose words are no good names."""
    counts = Counter(title.strip() for title in titles)
    if set(counts) == {""}:
        return []
    found = []
    if counts[""]:
        places = [str(number) for number, title in enumerate(titles, 1) if not title.strip()]
        found.append(Finding("note", None, f"without a name: column {_few(places)}"))
    twice = [repr(title) for title, count in counts.items() if count > 1 and title]
    if twice:
        found.append(Finding("note", None, f"twice in the header: {_few(twice)}; the later ones have a number behind their name"))
    return found


def _lines(text: str, encoding: str) -> str:
    """Text with the line ends that are known everywhere: EBCDIC has one of its own."""
    return text.replace("\x85", "\n") if is_ebcdic(encoding) else text


def _names(titles: list[str]) -> list[tuple[str, str | None]]:
    """A name for each column, unique and not empty, and the header's word where that is another."""
    found: list[tuple[str, str | None]] = []
    used: set[str] = set()
    for number, title in enumerate(titles, 1):
        # A line end in a name would break whatever is told about it.
        wanted = "_".join(title.strip().removeprefix("#").strip().splitlines()) or f"column_{number}"
        name, copy = wanted, 1
        while name in used:
            copy += 1
            name = f"{wanted}_{copy}"
        used.add(name)
        found.append((name, None if name == title.strip() else title.strip()))
    return found


@dataclass
class _Filled:
    """What came of reading all records: how many there are, do not fit, and swallow others, with an example of each."""

    rows: int = 0
    rejected: int = 0
    reject: str = ""
    swallowing: int = 0
    value: str = ""

    @property
    def findings(self) -> Iterator[Finding]:
        if self.rejected:
            count = f"{self.rejected:,} of {self.rows + self.rejected:,} records"
            yield Finding("question", None, f"{count} do not fit: {self.reject}")
        if self.swallowing:
            told = f"{self.swallowing:,} quoted values hold whole records, as {self.value!r} does: was the quote meant to open?"
            yield Finding("question", None, told)


def _fill(columns: list[Column], layout: Layout, opener: Opener, where: str | None) -> _Filled:
    filled = _Filled()
    line: int | None = 1 + layout.delimited.skip + layout.delimited.header
    with closing(opener()) as opened:  # type: ignore[type-var]
        for block in decode(layout, next(opened), stream=layout.name, place=where):
            count = block.data.num_rows + (0 if block.rejects is None else block.rejects.num_rows)
            place = _places(block, filled.rows + filled.rejected, line)
            if line is None or block.line is None or block.line - line > count:
                for value in swallowed(block.data, layout.delimited.delimiter):
                    filled.swallowing += 1
                    filled.value = filled.value or value[:60]
            line = block.line
            for column, values in zip(columns, block.data.columns, strict=True):
                column.take(values, place)
            filled.rows += block.data.num_rows
            if block.rejects is not None and block.rejects.num_rows:
                filled.rejected += block.rejects.num_rows
                first = rejects_of(block.rejects.slice(0, 1))[0]
                filled.reject = filled.reject or (f"line {first.line}: {first.reason}" if first.line else first.reason)
    return filled


def _places(block: Decoded, before: int, line: int | None) -> Callable[[int], str]:
    """Where a row of a block is: its line, if each record of the block has one line, else its number in the file."""

    def place(row: int) -> str:
        count = block.data.num_rows
        lost = [] if block.rejects is None else [each.line for each in rejects_of(block.rejects)]
        if line is not None and block.line is not None and block.line - line == count + len(lost):
            gone = set(lost)
            return f"line {next(islice((n for n in range(line, block.line) if n not in gone), row, None)):,}"
        return f"record {before + row + 1:,}" if not lost else f"about record {before + row + 1:,}"

    return place


def _keys(columns: list[Column], decisions: list[Decision]) -> tuple[tuple[str, ...], list[Finding]]:
    """The field that is the key by its values and its name; others that could be one are told."""
    unique = [
        (column, decision)
        for column, decision in zip(columns, decisions, strict=True)
        if decision.unique and not pa.types.is_floating(decision.field.type)
    ]
    likely = [column.name for column, _ in unique if column.looks_like_a_key]
    if likely:
        others = [column.name for column, _ in unique if column.name != likely[0]]
        told = f"{likely[0]} was taken for the key: every record has its own" + (f"; so has {_few(others)}" if others else "")
        return (likely[0],), [Finding("note", likely[0], told)]
    if unique:
        told = f"no key was decided; every record has its own {_few([column.name for column, _ in unique])}"
        return (), [Finding("note", None, told)]
    return (), []


def _few(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:6])} and {len(names) - 6} more"
