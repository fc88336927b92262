"""The form of fixed width: how records are told apart, which types of them there are, and what their totals promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout.field import Field, check_names
from connector_sdk.formats.layout.when import When, check_told_apart

__all__ = ["FRAMINGS", "LINE_ENDS", "ROLES", "Check", "FixedWidth", "Record"]

FRAMINGS = ("lines", "none")
"""``lines``: each record ends with a line end. ``none``: one record follows the other, all of the same length."""

LINE_ENDS = {"lf": "\n", "crlf": "\r\n", "nel": "\x85"}
"""What is written after a record. Every one of them is understood; NEL in EBCDIC only."""

ROLES = ("data", "header", "trailer")


@dataclass(frozen=True, kw_only=True)
class Check:
    """What the value of `field`, in a header or trailer, must be: one of three.

    `counts`: how many records there are of these types. `sums`: the sum of these fields (``record.field``). `hashes`: their sum
    as well, of which only as many digits are kept as `field` has room for; texts count as the number they spell.
    """

    field: str
    counts: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if [bool(self.counts), bool(self.sums), bool(self.hashes)].count(True) != 1:
            raise ConfigError(f"the check of {self.field!r} needs one of counts, sums and hashes", code="layout")

    @property
    def totals(self) -> tuple[tuple[str, str], ...]:
        """The (record, field) pairs that are added up."""
        pairs = [each.rpartition(".") for each in (*self.sums, *self.hashes)]
        return tuple((record, field) for record, _, field in pairs)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One type of record: `when` tells it from the others (None: whatever no other claims), `role` says where it may stand.

    A header is the first record and a trailer the last; both must be there, and their `checks` must hold. The others are rows.
    """

    name: str
    fields: tuple[Field, ...]
    when: When | None = None
    role: str = "data"
    length: int = 0
    keys: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    doc: str | None = None

    def __post_init__(self) -> None:
        what = f"record {self.name!r}"
        if not self.name or self.role not in ROLES:
            raise ConfigError(f"{what} has no name, or a role that is not one of {', '.join(ROLES)}", code="layout")
        check_names(what, self.fields, self.keys)
        check_places(what, self.fields, self.length)
        if self.role == "data" and self.checks:
            raise ConfigError(f"{what} has checks: only headers and trailers do", code="layout")
        if self.role != "data" and (self.when is None or self.keys):
            raise ConfigError(f"{what} is a {self.role}: it needs `when`, and has no keys", code="layout")
        names = {field.name for field in self.fields}
        for check in self.checks:
            if check.field not in names:
                raise ConfigError(f"{what}: the check of {check.field!r} is of none of its fields", code="layout")


@dataclass(frozen=True, kw_only=True)
class FixedWidth:
    """A form: every value lies at its own place. `length` is that of a record without its line end; 0: where its fields end.

    With `trimmed`, lines may lack blanks at their end. `records` are the types of records a file has, if more than one; `record`
    is the one that the layout's own fields belong to.
    """

    framing: str = "lines"
    length: int = 0
    line_end: str = "lf"
    trimmed: bool = False
    records: tuple[Record, ...] = ()
    record: str | None = None

    def __post_init__(self) -> None:
        if self.framing not in FRAMINGS or self.line_end not in LINE_ENDS:
            raise ConfigError(
                f"framing {self.framing!r} or line_end {self.line_end!r} is not known",
                hint=f"framing: {', '.join(FRAMINGS)}; line_end: {', '.join(LINE_ENDS)}",
                code="layout",
            )
        if self.length < 0 or (self.trimmed and self.framing != "lines"):
            raise ConfigError("length is negative, or records without line ends are called trimmed", code="layout")
        if self.records:
            self._check_records()
        elif self.record is not None:
            raise ConfigError(f"there is no record {self.record!r}", code="layout")

    def _check_records(self) -> None:
        names = [record.name for record in self.records]
        if len(set(names)) != len(names) or (self.record is not None and self.record not in names):
            raise ConfigError(f"records have one name twice, or lack {self.record!r}: {', '.join(names)}", code="layout")
        for role in ("header", "trailer"):
            if sum(record.role == role for record in self.records) > 1:
                raise ConfigError(f"there are two records that are a {role}", code="layout")
        if not self.rows:
            raise ConfigError("no record has rows: all are headers or trailers", code="layout")
        rest = [record.name for record in self.records if record.when is None]
        if len(rest) > 1:
            raise ConfigError(
                f"records {', '.join(rest)}: only one may be without `when`",
                hint="say which text, and where, tells each of them from the others",
                code="layout",
            )
        check_told_apart([(record.name, record.when) for record in self.records])
        known = {record.name: {field.name for field in record.fields} for record in self.records}
        for record in self.records:
            for check in record.checks:
                for name in (*check.counts, *(of for of, _ in check.totals)):
                    if name not in known:
                        raise ConfigError(
                            f"record {record.name!r}: the check of {check.field!r} is of {name!r}: no record of that name",
                            code="layout",
                        )
                for of, field in check.totals:
                    if field not in known[of]:
                        raise ConfigError(f"record {record.name!r}: {of!r} has no field {field!r} to add up", code="layout")

    @property
    def rows(self) -> tuple[Record, ...]:
        """The records that are rows of a stream."""
        return tuple(record for record in self.records if record.role == "data")

    @property
    def checked(self) -> bool:
        """Whether only its end says if a file is whole: it has a header or trailer."""
        return any(record.role != "data" for record in self.records)


def check_places(what: str, fields: tuple[Field, ...], length: int) -> None:
    """Raises ConfigError for a field without a place, outside `length` (0: no limit), or over another."""
    for field in fields:
        if field.place is None:
            raise ConfigError(f"{what}: field {field.name!r} has no start and length", code="layout")
        if length and field.place.end > length:
            raise ConfigError(
                f"{what}: field {field.name!r} ends at {field.place.end}, and the record has {length} bytes", code="layout"
            )
    for one, other in overlaps(fields):
        assert one.place is not None and other.place is not None
        raise ConfigError(
            f"{what}: field {other.name!r} ({other.place.start} to {other.place.end}) overlaps {one.name!r} "
            f"({one.place.start} to {one.place.end})",
            code="layout",
        )


def overlaps(fields: tuple[Field, ...]) -> Iterator[tuple[Field, Field]]:
    """Pairs of neighbours that share bytes, in the order of their places."""
    ordered = sorted(
        (field for field in fields if field.place is not None), key=lambda field: field.place.start if field.place else 0
    )
    for one, other in pairwise(ordered):
        if one.place is not None and other.place is not None and other.place.offset < one.place.end:
            yield one, other
