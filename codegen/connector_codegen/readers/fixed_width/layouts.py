"""From the rows of a table to a layout: fields at their places, records told apart, and what does not fit told with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Check, FixedWidth, Layout, Record, When

from connector_codegen.problems import Problem
from connector_codegen.readers.fixed_width.fields import NO, YES, Placed, placed
from connector_codegen.readers.fixed_width.findings import Wrong
from connector_codegen.readers.fixed_width.records import by_record
from connector_codegen.readers.fixed_width.spans import spans_of
from connector_codegen.readers.fixed_width.tables import Row, Table

__all__ = ["layout_of"]

_CHECK = re.compile(r"(count|sum|total|hash)s?(?:\s+total)?(?:\s+of)?\s+(.+)", re.IGNORECASE)
_HEADER, _TRAILER = (
    re.compile(r"head(er)?|hdr|vorsatz", re.IGNORECASE),
    re.compile(r"trail(er)?|tail|trl|foot(er)?|nachsatz", re.IGNORECASE),
)


def layout_of(table: Table, problems: list[Problem]) -> Layout | None:
    """The layout that `table` describes; None when errors among `problems` stand against it."""
    before = len(problems)
    name = str(
        table.about.get("name")
        or re.sub(r"[-_. ]?(layout|fields|record|spec)$", "", table.path.stem, flags=re.IGNORECASE)
        or table.path.stem
    )
    if table.unknown:
        what = f"columns that say nothing to this reader: {', '.join(map(repr, table.unknown))}"
        problems.append(Problem(level="question", where=name, what=what, hint="rename them to what they mean, or let them be"))
    left_out = "is left out: the sheet is no layout table"
    problems += [Problem(level="note", where=f"{table.path}:{sheet}", what=left_out) for sheet in table.left_out]
    groups: dict[str, list[Placed]] = {}
    for record, spans in spans_of(by_record(table.rows, problems), problems).items():
        groups[record] = []
        for span in spans:
            try:
                groups[record].append(placed(span, name, problems))
            except Wrong as wrong:
                problems.append(Problem(level="error", where=span.row.where, what=wrong.what, hint=wrong.hint))
    for rows in groups.values():
        _look_for_gaps(rows, problems)
        _look_for_twins(rows, problems)
    if any(problem.level == "error" for problem in problems[before:]):
        return None
    if not groups:
        problems.append(Problem(level="error", where=str(table.path), what="has no rows below its head"))
        return None
    if not {"encoding", "framing"} & set(table.about):
        problems.append(
            Problem(
                level="question",
                where=name,
                what="the records are taken for lines of UTF-8 text: the table does not say",
                hint="encoding and framing in the layout; cp037 and none for a mainframe's own",
            )
        )
    return _layout(name, table, groups, problems)


def _layout(name: str, table: Table, groups: Mapping[str, Sequence[Placed]], problems: list[Problem]) -> Layout:
    about: dict[str, Any] = {key: table.about[key] for key in ("encoding", "doc") if table.about.get(key)}
    form = _form(table)
    if len(groups) == 1 and not any(each.row["role"] or each.row["check"] for rows in groups.values() for each in rows):
        ((_, rows),) = groups.items()
        length = form.pop("length", 0) or max(each.end for each in rows)
        return Layout(
            name=name,
            form=FixedWidth(length=length, **form),
            fields=tuple(each.field for each in rows if each.field is not None),
            keys=_keys(rows),
            **about,
        )
    records = tuple(_record(record or "rows", rows) for record, rows in groups.items())
    return Layout(name=name, form=FixedWidth(records=records, **form), **about)


def _form(table: Table) -> dict[str, Any]:
    """What the table says of a record as a whole, as arguments of a form."""
    said = {key: table.about[key] for key in ("framing", "line_end", "trimmed", "length") if table.about.get(key)}
    found: dict[str, Any] = dict(said)
    if "trimmed" in said:
        word = said["trimmed"].lower()
        if word not in (*YES, *NO):
            raise ConfigError(f"trimmed is {said['trimmed']!r}, and yes or no was expected")
        found["trimmed"] = word in YES
    if "length" in said:
        if not said["length"].isdecimal():
            raise ConfigError(f"the length of a record is {said['length']!r}, and a number was expected")
        found["length"] = int(said["length"])
    return found


def _record(name: str, rows: Sequence[Placed]) -> Record:
    said = next((each.row["role"].lower() for each in rows if each.row["role"]), "")
    role = said or ("header" if _HEADER.fullmatch(name) else "trailer" if _TRAILER.fullmatch(name) else "data")
    told = next((each for each in rows if each.row["value"]), None)
    when = None
    if told is not None:
        words = tuple(word.strip().strip("'\"") for word in re.split(r"\s*[|/]\s*|\s+or\s+", told.row["value"]))
        when = When(start=told.start, length=told.length, value=words)
    checks = tuple(_check(each) for each in rows if each.row["check"] and each.field is not None)
    return Record(
        name=name,
        role=role,
        when=when,
        length=max(each.end for each in rows),
        keys=_keys(rows),
        checks=checks,
        fields=tuple(each.field for each in rows if each.field is not None),
    )


def _keys(rows: Sequence[Placed]) -> tuple[str, ...]:
    return tuple(each.field.name for each in rows if each.field is not None and each.row["key"].lower() in YES)


def _check(each: Placed) -> Check:
    assert each.field is not None
    found = _CHECK.fullmatch(each.row["check"].strip())
    if found is None:
        raise ConfigError(
            f"{each.row.where}: the check {each.row['check']!r} is not understood",
            hint="count detail, sum detail.amount, hash detail.id",
        )
    names = tuple(name.strip() for name in re.split(r"[,+&]", found[2]))
    kind = {"count": "counts", "sum": "sums", "total": "sums", "hash": "hashes"}[found[1].lower()]
    return Check(field=each.field.name, **{kind: names})


# --- all rows of a record


def _look_for_gaps(rows: Sequence[Placed], problems: list[Problem]) -> None:
    ordered = sorted(rows, key=lambda each: each.start)
    if ordered and ordered[0].start > 1:
        what = f"bytes 1 to {ordered[0].start - 1} belong to no field"
        problems.append(Problem(level="note", where=ordered[0].row.where, what=what))
    for one, other in pairwise(ordered):
        if other.start <= one.end:
            what = f"{_called(other)} ({other.start} to {other.end}) overlaps {_called(one)} ({one.start} to {one.end})"
            problems.append(
                Problem(
                    level="error",
                    where=other.row.where,
                    what=what,
                    hint="other records of one file have their own name in `record`",
                )
            )
        elif other.start > one.end + 1:
            what = f"bytes {one.end + 1} to {other.start - 1}, before {_called(other)}, belong to no field"
            problems.append(Problem(level="note", where=other.row.where, what=what))


def _look_for_twins(rows: Sequence[Placed], problems: list[Problem]) -> None:
    seen: dict[str, Row] = {}
    for each in rows:
        if each.field is not None and seen.setdefault(each.field.name, each.row) is not each.row:
            first = seen[each.field.name].where.rpartition(":")[2]
            problems.append(
                Problem(level="error", where=each.row.where, what=f"{each.field.name} is there already, at line {first}")
            )


def _called(each: Placed) -> str:
    return each.field.name if each.field is not None else "a filler"
