"""From the rows of a table to a layout: fields at their places, records told apart, and what does not fit told with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Check, Field, FixedWidth, Layout, Place, Record, When

from connector_codegen.problems import Problem
from connector_codegen.readers.fixed_width.tables import Row, Table
from connector_codegen.readers.fixed_width.words import fill_of, kind_of, pattern_of, sign_of

__all__ = ["layout_of"]

_FILLER = re.compile(r"filler\d*|fill|unused|reserved|blank|spare|leer|frei", re.IGNORECASE)
_RANGE = re.compile(r"\s*(\d+)\s*(?:-|–|to|\.\.|:)\s*(\d+)\s*")
_CHECK = re.compile(r"(count|sum|total|hash)s?(?:\s+total)?(?:\s+of)?\s+(.+)", re.IGNORECASE)
_YES = ("y", "yes", "x", "true", "1", "m", "mandatory", "required", "j", "ja", "pk", "k")
_HEADER, _TRAILER = (
    re.compile(r"head(er)?|hdr|vorsatz", re.IGNORECASE),
    re.compile(r"trail(er)?|tail|trl|foot(er)?|nachsatz", re.IGNORECASE),
)


@dataclass(frozen=True)
class _Placed:
    """A row that has found its place: a field, or (None) bytes that mean nothing."""

    row: Row
    start: int
    length: int
    field: Field | None

    @property
    def end(self) -> int:
        return self.start + self.length - 1


@dataclass(frozen=True)
class _Asking:
    """Where questions about one field go."""

    field: str
    line: str
    problems: list[Problem]

    def told(self, what: str, hint: str | None = None) -> None:
        """A guess that a person should look at."""
        said = f"{what}, it seems: line {self.line} does not say"
        self.problems.append(Problem(level="question", where=self.field, what=said, hint=hint))


class _Wrong(Exception):  # noqa: N818 - a finding on its way to the list of problems
    """A row that no field can be made of."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


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
    groups: dict[str, list[_Placed]] = {}
    for row in table.rows:
        group = groups.setdefault(row["record"], [])
        try:
            group.append(_placed(row, group[-1].end if group else 0, name, problems))
        except _Wrong as wrong:
            problems.append(Problem(level="error", where=row.where, what=wrong.what, hint=wrong.hint))
    for rows in groups.values():
        _look_for_gaps(rows, problems)
        _look_for_twins(rows, problems)
    if not groups:
        problems.append(Problem(level="error", where=str(table.path), what="has no rows below its head"))
    if any(problem.level == "error" for problem in problems[before:]):
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


def _layout(name: str, table: Table, groups: Mapping[str, Sequence[_Placed]], problems: list[Problem]) -> Layout:
    about: dict[str, Any] = {key: str(table.about[key]) for key in ("encoding", "doc") if table.about.get(key)}
    form: dict[str, Any] = {key: table.about[key] for key in ("framing", "line_end", "trimmed", "length") if key in table.about}
    if len(groups) == 1 and not any(each.row["role"] or each.row["check"] for rows in groups.values() for each in rows):
        ((_, rows),) = groups.items()
        length = int(form.pop("length", 0)) or max(each.end for each in rows)
        return Layout(
            name=name,
            form=FixedWidth(length=length, **form),
            fields=tuple(each.field for each in rows if each.field is not None),
            keys=_keys(rows),
            **about,
        )
    records = tuple(_record(record or "rows", rows) for record, rows in groups.items())
    return Layout(name=name, form=FixedWidth(records=records, **form), **about)


def _record(name: str, rows: Sequence[_Placed]) -> Record:
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


def _keys(rows: Sequence[_Placed]) -> tuple[str, ...]:
    return tuple(each.field.name for each in rows if each.field is not None and each.row["key"].lower() in _YES)


def _check(each: _Placed) -> Check:
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


# --- one row


def _placed(row: Row, before: int, layout: str, problems: list[Problem]) -> _Placed:
    """The field of a row of `layout`; without a start it follows the byte `before`."""
    start, length = _span(row, before)
    name = row["name"]
    if not name or _FILLER.fullmatch(name):
        return _Placed(row, start, length, None)
    if re.search(r'["\\\x00-\x1f\x7f]', name):
        raise _Wrong(f"{name!r} cannot be the name of a field", "letters, digits, blanks and _ - . can")
    decimals = _number(row, "decimals")
    try:
        kind = kind_of(row["type"], length, decimals)
    except ConfigError as error:
        raise _Wrong(f"{name}: {error.message}", error.hint) from None
    asking = _Asking(f"{layout}.{name}", row.where.rpartition(":")[2], problems)
    if re.search(r"\(\d+ *[,.] *[1-9]", row["type"]) and decimals is None and pa.types.is_decimal(kind.type):
        how = "is not written" if kind.scale is not None else "is written"
        asking.told(f"its decimal point {how}", "decimal places in a column of their own are implied ones")
    place, more = _notation(row, length, kind.type, asking)
    sign = sign_of(row["sign"]) if row["sign"] else kind.sign
    if sign is None and row["sign"]:
        raise _Wrong(f"{name}: the sign {row['sign']!r} is not understood", "leading, trailing, overpunch, free or none")
    numeric = pa.types.is_integer(kind.type) or pa.types.is_decimal(kind.type)
    if numeric:
        place |= {"sign": sign or "free"} | ({"scale": kind.scale} if kind.scale is not None else {})
        digits = length - (place["sign"] in ("leading", "trailing"))
        if pa.types.is_decimal(kind.type) and kind.type.precision > digits and not row["type"].lower().startswith("decimal("):
            kind = kind_of(row["type"], digits, decimals)
    try:
        made = Place(start=start, length=length, **place)
        key = row["key"].lower() in _YES
        field = Field(
            name=name,
            type=kind.type,
            nullable=not (key or row["required"].lower() in _YES),
            null=tuple(row["null"].split()) if row["null"] else (),
            doc=row["doc"] or None,
            evidence=row.where.rpartition("/")[2],
            place=made,
            **more,
        )
    except ConfigError as error:
        raise _Wrong(error.message, error.hint) from None
    return _Placed(row, start, length, field)


def _notation(row: Row, length: int, kind: Any, asking: _Asking) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the cells padding, justify and format say, as arguments of a place and of a field."""
    place: dict[str, Any] = {}
    more: dict[str, Any] = {}
    pad, side = fill_of(row["padding"]) if row["padding"] else (None, None)
    if row["padding"] and pad is None and side is None:
        raise _Wrong(
            f"{row['name']}: the padding {row['padding']!r} is not understood", "zero, blank, left zero or one character"
        )
    said = row["justify"].lower()
    side = "left" if said.startswith("l") else "right" if said.startswith("r") else side
    numeric = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    if pad is not None and pad != ("0" if numeric and not pa.types.is_floating(kind) else " "):
        place["pad"] = pad
    if side is not None and side != ("right" if numeric else "left"):
        place["justify"] = side
    if pa.types.is_temporal(kind):
        pattern = pattern_of(row["format"], kind, length)
        if pattern is None:
            raise _Wrong(f"{row['name']}: how is the {kind} written in {length} bytes?", "a format like YYYYMMDD or %d.%m.%Y")
        if not row["format"]:
            asking.told(f"it is written as {pattern}")
        more["format"] = (pattern,)
    elif pa.types.is_boolean(kind):
        words = [word for word in re.split(r"[\s,/|;]+", row["format"] or ("Y/N" if length == 1 else "")) if word]
        if len(words) != 2:
            raise _Wrong(f"{row['name']}: which words say true and false?", "a format like Y/N")
        if not row["format"]:
            asking.told("it is written as Y or N")
        more |= {"true": (words[0],), "false": (words[1],)}
    return place, more


def _span(row: Row, before: int) -> tuple[int, int]:
    both = _RANGE.fullmatch(row["start"])
    if both is not None:
        start, end, length = int(both[1]), int(both[2]), _number(row, "length")
    else:
        offset = _number(row, "offset")
        start = _number(row, "start") or (offset + 1 if offset is not None else before + 1)
        end, length = _number(row, "end") or 0, _number(row, "length")
    if length is None and not end:
        raise _Wrong(f"{row['name'] or 'a row'} has neither length nor end")
    found = end - start + 1 if length is None else length
    if found < 1 or (end and end != start + found - 1):
        raise _Wrong(f"{row['name'] or 'a row'}: start {start}, length {found} and end {end} do not agree")
    return start, found


def _number(row: Row, column: str) -> int | None:
    text = row[column].strip()
    if not text:
        return None
    if not re.fullmatch(r"\d{1,6}(\.0*)?", text):
        raise _Wrong(f"{row['name'] or 'a row'}: {column} is {text!r}, and a number was expected")
    return int(text.partition(".")[0])


# --- all rows of a record


def _look_for_gaps(rows: Sequence[_Placed], problems: list[Problem]) -> None:
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


def _look_for_twins(rows: Sequence[_Placed], problems: list[Problem]) -> None:
    seen: dict[str, Row] = {}
    for each in rows:
        if each.field is not None and seen.setdefault(each.field.name, each.row) is not each.row:
            first = seen[each.field.name].where.rpartition(":")[2]
            problems.append(
                Problem(level="error", where=each.row.where, what=f"{each.field.name} is there already, at line {first}")
            )


def _called(each: _Placed) -> str:
    return each.field.name if each.field is not None else "a filler"
