"""Which notations of days, moments or times understand a whole column; a column may be written in more than one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from connector_sdk.formats.delimited.values import parse
from connector_sdk.formats.delimited_inference.shapes import Block
from connector_sdk.formats.layout import Field

__all__ = ["Candidate", "Dates", "Group", "candidates_for"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d.%m.%y", "%y.%m.%d", "%y-%m-%d", "%d-%m-%y", "%m-%d-%y",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d.%b.%Y", "%b %d %Y",
)  # fmt: skip
_HOURS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "T%H:%M", "T%H:%M:%S.%f", ", %H:%M:%S")
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_LETTERS = {
    "d": r"9{1,2}", "m": r"9{1,2}", "Y": r"9{4}", "y": r"99", "H": r"9{1,2}", "I": r"9{1,2}", "M": r"99", "S": r"99",
    "f": r"9{1,9}", "p": r"[AaPp][Mm]", "b": r"[A-Za-z]{3}", "B": r"[A-Za-z]{3,9}", "z": r"(?:Z|[+-]99:?99)",
}  # fmt: skip
_ZONE = re.compile(r"(?<=[9M]) ?(?P<zone>UTC|GMT|[A-Z]{2,5}|[A-Z][a-z]+/[A-Z][A-Za-z_]+)\Z")
_ORDERED = re.compile(r"%([dmYy])[-/.]%([dmYy])[-/.]%([dmYy])")
_GROUPS = 3


@dataclass(frozen=True)
class Candidate:
    """A notation: the type of its values, and its pattern (``""``: ISO 8601, as Arrow reads it)."""

    kind: pa.DataType
    pattern: str

    def field(self) -> Field:
        return Field(name="?", type=self.kind, format=(self.pattern,) if self.pattern else ())

    @property
    def order(self) -> str:
        """In which order day, month and year stand: ``dmy``; empty for ISO 8601, names of months, and times."""
        found = _ORDERED.match(self.pattern)
        return "".join(found.groups()).lower() if found else ""

    @property
    def said(self) -> str:
        """As people call it."""
        if self.pattern:
            return f"as {self.pattern}"
        if pa.types.is_date(self.kind):
            return "days as YYYY-MM-DD"
        return f"ISO 8601 with{'out' if self == _PLAIN else ''} a zone"


_DAY, _PLAIN, _ZONED = Candidate(pa.date32(), ""), Candidate(pa.timestamp("us"), ""), Candidate(pa.timestamp("us", "UTC"), "")


def _known() -> Iterator[tuple[re.Pattern[str], Candidate]]:
    """Every notation, and what its values look like. ISO 8601 comes first."""
    iso = r"9999-99-99[T ]99:99(?::99(?:\.9{1,9})?)?"
    yield re.compile(r"9999-99-99\Z"), _DAY
    yield re.compile(iso + r"\Z"), _PLAIN
    yield re.compile(iso + r"(?:Z|[+-]99:?99)\Z"), _ZONED
    known: list[tuple[pa.DataType, str]] = [(pa.time64("us"), pattern) for pattern in _TIMES]
    for day in _DAYS:
        known.append((pa.date32(), day))
        known += [(pa.timestamp("us"), day + hour) for hour in _HOURS]
        known += [(pa.timestamp("us", "UTC"), day + hour + zone) for hour in _HOURS for zone in ("%z", " %z")]
    for kind, pattern in known:
        shape = re.sub(r"%([a-zA-Z])", lambda found: _LETTERS[found[1]], re.escape(pattern).replace(r"\%", "%"))
        yield re.compile(shape + r"\Z"), Candidate(kind, pattern)


_CANDIDATES = tuple(_known())
_LOOKS = re.compile(r"(?=.*9)(?!(?:9{1,7}|9{9,})\Z)[\w :./,+-]{4,40}\Z")


@lru_cache(maxsize=1 << 16)
def candidates_for(shape: str) -> tuple[frozenset[Candidate], str | None]:
    """The notations of a value's shape (its digits are nines), and the zone's name that stands behind it."""
    if not _LOOKS.match(shape):
        return frozenset(), None
    found = frozenset(candidate for looks, candidate in _CANDIDATES if looks.match(shape))
    zone = None if found else _ZONE.search(shape)
    if zone is None:
        return found, None
    core = shape[: zone.start()]
    between = shape[zone.start() : zone.start("zone")]
    named = (
        c for looks, c in _CANDIDATES if looks.match(core) and pa.types.is_timestamp(c.kind) and c.kind.tz is None and c.pattern
    )
    return frozenset(Candidate(c.kind, f"{c.pattern}{between}{zone['zone']}") for c in named), zone["zone"]


@dataclass
class Group:
    """Notations that are still possible for some of the column's values, how many those are, and which has failed."""

    left: frozenset[Candidate]
    count: int = 0

    @staticmethod
    def rank(candidate: Candidate) -> tuple[int, str]:
        """The notations that are preferred have the least."""
        order: Mapping[Candidate, int] = _ORDER
        return order.get(candidate, len(order)), candidate.pattern


_ORDER = {candidate: number for number, (_, candidate) in enumerate(_CANDIDATES)}


@dataclass
class Dates:
    """The race over the blocks of one column. `groups` are None when some value is no date in any notation of the others."""

    groups: list[Group] | None = field(default_factory=list)
    zones: set[str | None] = field(default_factory=set)
    like: int = 0
    """How many values look like dates."""
    contradicting: tuple[str, str] | None = None
    """Two values that no notation understands both, though each is a day."""

    def narrow(self, block: Block) -> int | None:
        """Go on with one more block. Returns the number of a value that is the first to be no date; None when there is none."""
        found = [candidates_for(shape) for shape in block.shapes]
        weights = block.weights
        looks = np.array([bool(left) for left, _ in found])
        self.like += int(weights[looks].sum())
        if self.groups is None:
            return None
        if not looks.all():
            self.groups = None
            return int(np.flatnonzero(~looks[block.shape_of])[0]) if self.like else None
        self.zones |= {zone for _, zone in found}
        member = [self._join(left, int(weight)) for (left, _), weight in zip(found, weights, strict=True)]
        if self.groups is None:
            return None
        belongs = np.array(member)
        for number, group in enumerate(self.groups):
            if not (belongs == number).any():
                continue
            values = block.with_shapes(belongs == number)
            iso = group.left & {_DAY, _PLAIN, _ZONED}
            if iso and not any(_refused(candidate, values) for candidate in iso):
                continue  # the patterns that say the same understand it too
            bad = {candidate: _refused(candidate, values) for candidate in group.left}
            left = frozenset(candidate for candidate, rows in bad.items() if not rows)
            if not left:
                self._contradict(group, values, bad)
                self.like -= len(min(bad.values(), key=len))
                self.groups = None
                least = min(bad.values(), key=len)
                word = values[min(least)].as_py()
                return int(pc.index(block.values, word).as_py())
            group.left = left
        return None

    def _join(self, left: frozenset[Candidate], count: int) -> int:
        """The number of the group that a shape with these notations belongs to; it is narrowed to what both know."""
        assert self.groups is not None
        for number, group in enumerate(self.groups):
            if both := group.left & left:
                group.left, group.count = both, group.count + count
                return number
        self.groups.append(Group(left, count))
        return len(self.groups) - 1

    def _contradict(self, group: Group, values: Any, bad: Mapping[Candidate, dict[int, str]]) -> None:
        """Whether each of two notations understands what the other does not."""
        for one in group.left:
            for other in group.left - {one}:
                mine, others = set(bad[one]) - set(bad[other]), set(bad[other]) - set(bad[one])
                if mine and others and not set(bad[one]) & set(bad[other]):
                    self.contradicting = values[min(others)].as_py(), values[min(mine)].as_py()
                    return

    def possible(self) -> list[Group]:
        """The groups, when they are few enough and of one kind: what a field can have as its formats; else none."""
        groups = self.groups or []
        return groups if 0 < len(groups) <= _GROUPS and len(self.zones) == 1 else []


def _refused(candidate: Candidate, values: Any) -> dict[int, str]:
    """The rows of `values` that are none in this notation."""
    if not candidate.pattern:
        try:
            values.cast(candidate.kind)
        except pa.ArrowInvalid:
            pass
        else:
            return {}
    field = candidate.field()
    _, bad = parse(field, values.cast(pa.binary()))
    return bad
