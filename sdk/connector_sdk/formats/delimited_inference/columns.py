"""What a column is, narrowed block by block: every notation that has understood all of its values so far is still in the race."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute

from connector_sdk.formats.delimited.values import parse
from connector_sdk.formats.layout import Field

__all__ = ["NULL_WORDS", "Column", "Decision"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

NULL_WORDS = (
    "NULL",
    "null",
    "Null",
    "N/A",
    "n/a",
    "#N/A",
    "NA",
    "na",
    "None",
    "none",
    "NaN",
    "nan",
    "\\N",
    "-",
    "--",
    "?",
    ".",
    "(null)",
)
_BOOLEANS = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("j", "n"), ("wahr", "falsch"),
    ("oui", "non"), ("o", "n"), ("vrai", "faux"), ("si", "no"), ("sí", "no"), ("s", "n"), ("sim", "não"), ("sim", "nao"),
    ("verdadero", "falso"), ("vero", "falso"), ("waar", "onwaar"), ("ja", "nee"), ("ja", "nej"), ("tak", "nie"),
)  # fmt: skip
_NUMBERS = (  # decimal mark, thousands mark
    (".", None), (",", None), (".", ","), (",", "."), (".", " "), (",", " "),
    (".", "\u00a0"), (",", "\u00a0"), (".", "\u202f"), (",", "\u202f"), (".", "'"), (".", "’"),
)  # fmt: skip
_DAYS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y", "%d.%b.%Y", "%b %d %Y",
)  # fmt: skip
_HOURS = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "T%H:%M", "T%H:%M:%S.%f", ", %H:%M:%S")
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
_ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?P<zone>Z|[+-]\d\d:?\d\d)?\Z")
_PARTS = r"^[+-]?(?P<whole>\d*)(?:\.(?P<part>\d*))?(?P<power>[eE][+-]?\d+)?$"
_LEADING_ZERO = r"^[+-]?0\d"
_DATE_NAME = re.compile(r"date|datum|(^|_)(dt|day|dob|on|tag)($|_)|birth|fecha|data_", re.IGNORECASE)
_KEY_NAME = re.compile(
    r"(^|[_\s-])(id|key|code|nr|no|num|number|ident|uuid|guid|sku|isbn|iban)$|[a-z](Id|ID|Key|Code|Nr|No)$", re.IGNORECASE
)
_HEAD = 200
_KEY_BYTES = 128 << 20


@dataclass(frozen=True)
class Decision:
    """A field as it will stand in the layout, and what should be asked or told about it."""

    field: Field
    question: str | None = None
    note: str | None = None
    unique: bool = False


@dataclass(frozen=True, kw_only=True)
class _Extent:
    """How large and how fine some numbers are: digits before and after the mark, and both, and what occurs in them."""

    whole: int
    scales: frozenset[int]
    digits: int
    power: bool
    zeros: bool
    marked: bool
    low: float
    high: float
    roundtrips: bool


@dataclass
class _Number:
    """One notation of numbers that is still possible, and the extent of all its values so far."""

    mark: str
    group: str | None
    whole: int = 0
    scales: set[int] = field(default_factory=set)
    digits: int = 0
    power: bool = False
    zeros: bool = False
    marked: bool = False
    grouped: bool = False
    low: float = float("inf")
    high: float = float("-inf")
    roundtrips: bool = True

    @property
    def scale(self) -> int:
        return max(self.scales, default=0)

    def absorb(self, more: _Extent, *, grouped: bool) -> None:
        self.whole, self.digits = max(self.whole, more.whole), max(self.digits, more.digits)
        self.low, self.high = min(self.low, more.low), max(self.high, more.high)
        self.scales |= more.scales
        self.power |= more.power
        self.zeros |= more.zeros
        self.marked |= more.marked
        self.grouped |= grouped
        self.roundtrips &= more.roundtrips


class Column:
    """One column of a sample."""

    def __init__(self, name: str, title: str | None, *, points: bool = True) -> None:
        self.name = name
        self.title = title
        self.rows = 0
        self.empty = 0
        self.blank = 0
        self.longest = 0
        self.words: Counter[str] = Counter()  # words that may mean null
        self.booleans: dict[str, None] | None = {}
        self.numbers = [_Number(mark, group) for mark, group in _NUMBERS]
        self.moments: list[tuple[pa.DataType, tuple[str, ...]]] | None = None  # None: not looked at yet
        self.iso: set[str] = set()
        self.against: str | None = None  # the first value that is none of what the others are
        self.before: int = 0
        self._values: list[Any] | None = []
        self._kept = 0

    def take(self, text: Any) -> None:
        """Narrow by one more block: `text` is a StringArray, null where the value is empty and not quoted."""
        self.rows += len(text)
        self.empty += text.null_count
        self._keep_for_uniqueness(text)
        values = pc.unique(text.drop_null())
        if not len(values):
            return
        self.longest = max(self.longest, pc.max(pc.utf8_length(values)).as_py())
        trimmed = pc.unique(pc.utf8_trim_whitespace(values))
        blank = pc.equal(trimmed, "")
        if pc.any(blank).as_py():
            self.blank += 1
            trimmed = trimmed.filter(pc.invert(blank))
        nulls = pc.is_in(trimmed, pa.array(NULL_WORDS))
        if pc.any(nulls).as_py():
            for word in trimmed.filter(nulls).to_pylist():
                self.words[word] += 1
            trimmed = trimmed.filter(pc.invert(nulls))
        if not len(trimmed):
            return
        was = self._undecided()
        self._narrow_booleans(trimmed)
        self._narrow_numbers(trimmed)
        self._narrow_moments(trimmed)
        if was and not self._undecided() and self.against is None:
            self.against = self._odd_one(trimmed, was)
            self.before = self.rows - len(text)

    def _undecided(self) -> tuple[list[_Number], list[Any]] | None:
        """What is in the race besides text; None when nothing is."""
        moments = [*(self.moments or ()), *self.iso] if self.moments is not None else ["?"]
        if not self.numbers and not moments and not self.booleans:
            return None
        return list(self.numbers), list(self.moments or ())

    @staticmethod
    def _odd_one(values: Any, was: tuple[list[_Number], list[Any]]) -> str | None:
        """The first of `values` that the last candidate does not understand, if it understands the others."""
        numbers, moments = was
        odd: list[Any] = [pc.invert(pc.match_substring_regex(values, _shape(number))) for number in numbers[:1]]
        for kind, patterns in moments[:1]:
            _, bad = parse(Field(name="?", type=kind, format=patterns), values.cast(pa.binary()))
            odd.append(pa.array([row in bad for row in range(len(values))]))
        for which in odd:
            found = values.filter(which)
            if 0 < len(found) < 0.5 * len(values):
                return str(found[0].as_py())
        return None

    # --- candidates

    def _narrow_booleans(self, values: Any) -> None:
        if self.booleans is None:
            return
        if len(values) + len(self.booleans) <= 8:
            self.booleans |= dict.fromkeys(values.to_pylist())
            known = {word.lower() for word in self.booleans}
            if any(known <= set(pair) for pair in _BOOLEANS):
                return
        self.booleans = None

    def _narrow_numbers(self, values: Any) -> None:
        if not self.numbers:
            return
        head = values[:_HEAD]
        measured: dict[tuple[str, str | None], _Extent] = {}  # most files tell few notations apart
        whole = _all_match(values, r"^[+-]?\d+$")
        for number in list(self.numbers):
            if whole:  # no mark, no group: the same in every notation
                extent = measured.get((".", None)) or _extent(values, ".", None)
                measured[".", None] = extent
                number.absorb(extent, grouped=False)
                continue
            shape = _shape(number)
            if not (_all_match(head, shape) and _all_match(values, shape)):
                self.numbers.remove(number)
                continue
            group = number.group
            if group is not None and not pc.any(pc.match_substring(values, group)).as_py():
                group = None
            if (number.mark, group) not in measured:
                measured[number.mark, group] = _extent(values, number.mark, group)
            number.absorb(measured[number.mark, group], grouped=group is not None)

    def _narrow_moments(self, values: Any) -> None:
        if self.moments is None:
            self.moments = []
            first = str(values[0].as_py())
            if any(character.isdigit() for character in first) and not (first.isdigit() and len(first) != 8):
                self.moments = _moment_candidates(first)
            found = _ISO_MOMENT.match(first)
            if _ISO_DAY.match(first):
                self.iso = {"date"}
            elif found:
                self.iso = {"zoned" if found["zone"] else "plain"}
        head = values[:_HEAD]
        self.moments = [
            (kind, patterns)
            for kind, patterns in self.moments
            if _understands(probe := Field(name="?", type=kind, format=patterns), head) and _understands(probe, values)
        ]
        for kind in list(self.iso):
            shape = r"^\d{4}-\d\d-\d\d$" if kind == "date" else r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
            try:
                values.cast(_ISO_TYPES[kind])
            except pa.ArrowInvalid:
                self.iso.discard(kind)
            else:
                if not _all_match(values, shape):
                    self.iso.discard(kind)

    # --- the decision

    def _keep_for_uniqueness(self, text: Any) -> None:
        if self._values is None:
            return
        self._kept += text.nbytes
        if text.null_count or self._kept > _KEY_BYTES or pc.count_distinct(text).as_py() < len(text):
            self._values = None
        else:
            self._values.append(text)

    @property
    def unique(self) -> bool:
        """Whether every record has its own value here, none of them empty."""
        if not self._values or self.rows < 2:
            return False
        whole = pa.chunked_array(self._values)
        return bool(pc.count_distinct(whole).as_py() == self.rows)

    @property
    def looks_like_a_key(self) -> bool:
        """Whether the field's name is one that keys have."""
        return bool(_KEY_NAME.search(self.title or self.name))

    def decide(self, *, comma: bool, month_first: bool | None) -> Decision:
        """The field. `comma`: other fields write a decimal comma; `month_first`: other fields tell (None: none does)."""
        # That a field was never empty in a sample is no promise: only keys may not be null (see `sample`).
        base = Field(name=self.name, title=self.title, type=pa.string())
        count = self.rows - self.empty
        if not count or (self.booleans == {} and not self.against and not self.longest):
            decision = Decision(replace(base, evidence="no values" if not self.rows else "always empty"))
        else:
            decision = (
                self._as_boolean(base, count)
                or self._as_moment(base, count, month_first)
                or self._as_number(base, count, comma=comma)
                or self._as_text(base, count)
            )
        if not pa.types.is_string(decision.field.type) and self.words:
            words = tuple(sorted(self.words))
            evidence = f"{decision.field.evidence}; {', '.join(map(repr, words))} for null"
            decision = replace(decision, field=replace(decision.field, null=words, evidence=evidence))
        if self.rows and not self.empty and not self.blank and not decision.field.null:
            decision = replace(decision, field=replace(decision.field, evidence=f"{decision.field.evidence}; never empty"))
        return replace(decision, unique=not self.blank and not decision.field.null and self.unique)

    def _as_boolean(self, base: Field, count: int) -> Decision | None:
        if not self.booleans:
            return None
        lower = {word.lower() for word in self.booleans}
        pair = next((pair for pair in _BOOLEANS if lower == set(pair)), None)
        if pair is None:
            return None
        true = tuple(word for word in self.booleans if word.lower() == pair[0])
        false = tuple(word for word in self.booleans if word.lower() == pair[1])
        return Decision(
            replace(
                base, type=pa.bool_(), true=true, false=false, evidence=f"{count:,} values, all of them {true[0]} or {false[0]}"
            )
        )

    def _as_moment(self, base: Field, count: int, month_first: bool | None) -> Decision | None:
        if self.iso:
            iso = next(iter(self.iso))
            return Decision(replace(base, type=_ISO_TYPES[iso], evidence=f"{count:,} values, all of them {_ISO_SAID[iso]}"))
        left = [(kind, patterns) for kind, patterns in self.moments or ()]
        if not left:
            return None
        if all(patterns == ("%Y%m%d",) for _, patterns in left):
            if not _DATE_NAME.search(self.title or self.name):
                return None
            return Decision(
                replace(base, type=pa.date32(), format=("%Y%m%d",), evidence=f"{count:,} values, all of them a day as YYYYMMDD"),
                question=None if count > 2 else "eight digits: taken for a day by the field's name",
            )
        kind, patterns = left[0]
        question = None
        first = [p for p in left if p[1][0].startswith("%m")]
        other = [p for p in left if p[1][0].startswith("%d")]
        if first and other:
            chosen, spare = (first[0], other[0]) if month_first else (other[0], first[0])
            kind, patterns = chosen
            if month_first is None:
                question = f"every value could be {chosen[1][0]} or {spare[1][0]}; {chosen[1][0]} was taken, please look"
        return Decision(
            replace(base, type=kind, format=patterns, evidence=f"{count:,} values, all of them as {patterns[0]}"),
            question=question,
        )

    def tells_month_first(self) -> bool | None:
        """Whether this field's days are written month first; None when it does not say."""
        patterns = [
            patterns[0] for _, patterns in self.moments or () if patterns[0][:2] in ("%m", "%d") and patterns[0][2] in "/-"
        ]
        months, days = [p for p in patterns if p[:2] == "%m"], [p for p in patterns if p[:2] == "%d"]
        return None if bool(months) == bool(days) else bool(months)

    def tells_comma(self) -> bool | None:
        """Whether this field's numbers have a decimal comma; None when they do not say."""
        marks = {number.mark for number in self.numbers if number.marked or number.grouped}
        return None if len(marks) != 1 else marks == {","}

    def _as_number(self, base: Field, count: int, *, comma: bool) -> Decision | None:
        if not self.numbers:
            return None
        plain = next((n for n in self.numbers if not n.marked and not n.grouped), None)
        question = note = None
        if plain is not None:
            number = plain
        else:
            used = [n for n in self.numbers if (n.marked or n.grouped) and (n.grouped or n.group is None)]
            if not used:
                return None
            wanted = "," if comma else "."
            number = next((n for n in used if n.mark == wanted), used[0])
            if len({n.mark for n in used}) > 1:
                other = next(n for n in used if n.mark != number.mark)
                question = f"every value could have {_said(number)} or {_said(other)}; {_said(number)} was taken, please look"
        if number.zeros:
            return Decision(replace(base, evidence=f"{count:,} values of digits, some with leading zeros: kept as text"))
        base = replace(
            base, decimal=number.mark if number.marked or number.grouped else ".", group=number.group if number.grouped else None
        )
        extent = f"{_shown(number.low)} … {_shown(number.high)}"
        if not number.scale and not number.power and not number.marked:
            if number.digits <= 18:
                if {number.low, number.high} == {0, 1} and number.digits <= 1:
                    note = "only 0 and 1: it may be a boolean"
                elif number.digits == 8 and self.moments and not question:
                    note = "every value could be a day as YYYYMMDD"
                return Decision(
                    replace(base, type=pa.int64(), evidence=f"{count:,} values, all whole numbers, {extent}"), question, note
                )
            if number.digits <= 38:
                kind: pa.DataType = pa.decimal128(38, 0)
                return Decision(
                    replace(base, type=kind, evidence=f"{count:,} values, whole numbers of up to {number.digits} digits"),
                    question,
                )
            return Decision(replace(base, evidence=f"{count:,} values of up to {number.digits} digits: too long for a number"))
        if number.power:
            if number.low in (float("-inf"), float("inf")) or number.high in (float("-inf"), float("inf")):
                return Decision(
                    replace(
                        base, decimal=".", group=None, evidence=f"{count:,} numbers, some beyond a 64-bit float: kept as text"
                    ),
                    question="some numbers are beyond what a 64-bit float holds; they were kept as text",
                )
            return Decision(
                replace(base, type=pa.float64(), evidence=f"{count:,} values, numbers with exponents, {extent}"), question
            )
        if number.scale > 4 and number.roundtrips and len(number.scales) > 2:
            evidence = f"{count:,} values, numbers of up to {number.digits} digits, {extent}"
            return Decision(replace(base, type=pa.float64(), evidence=evidence), question)
        if number.whole + number.scale <= 38:
            precision = 18 if number.whole + number.scale <= 16 else 38
            evidence = f"{count:,} values, decimals with up to {number.scale} places, {extent}"
            return Decision(replace(base, type=pa.decimal128(precision, number.scale), evidence=evidence), question)
        return Decision(
            replace(base, decimal=".", group=None, evidence=f"{count:,} numbers too long for a decimal: kept as text")
        )

    def _as_text(self, base: Field, count: int) -> Decision:
        evidence = f"{count:,} values of text, up to {self.longest:,} characters"
        note = None
        if self.against is not None:
            evidence += f"; {self.against[:40]!r} is the first that is none of what the {self.before:,} before it were"
            if self.before:
                note = f"nearly typed: {self.against[:40]!r} speaks against it"
        return Decision(replace(base, evidence=evidence), note=note)


_ISO_TYPES: Mapping[str, pa.DataType] = {
    "date": pa.date32(),
    "plain": pa.timestamp("us"),
    "zoned": pa.timestamp("us", "UTC"),
}
_ISO_SAID = {"date": "days as YYYY-MM-DD", "plain": "ISO 8601 without a zone", "zoned": "ISO 8601 with a zone"}


def _extent(values: Any, mark: str, group: str | None) -> _Extent:
    if group is not None:
        values = pc.replace_substring(values, group, "")
    if mark != ".":
        values = pc.replace_substring(values, mark, ".")
    values = pc.replace_substring_regex(values, r"^\+", "")
    parts = pc.extract_regex(values, _PARTS)
    significant = pc.utf8_length(pc.utf8_ltrim(parts.field("whole"), "0"))
    scale = pc.fill_null(pc.utf8_length(parts.field("part")), 0)
    floats = values.cast(pa.float64())
    bounds = pc.min_max(floats).as_py()
    power = bool(pc.any(pc.not_equal(pc.fill_null(parts.field("power"), ""), "")).as_py())
    digits = int(pc.max(pc.add(significant, scale)).as_py() or 0)
    roundtrips = True
    if digits > 15 and not power:
        other = pc.not_equal(floats.cast(pa.string()), values)
        pairs = zip(values.filter(other).to_pylist(), floats.filter(other).to_pylist(), strict=True)
        roundtrips = all(Decimal(text) == Decimal(repr(value)) for text, value in pairs)
    return _Extent(
        whole=int(pc.max(significant).as_py() or 0),
        scales=frozenset(pc.unique(scale).to_pylist()),
        digits=digits,
        power=power,
        zeros=bool(pc.any(pc.match_substring_regex(values, _LEADING_ZERO)).as_py()),
        marked=bool(pc.any(pc.match_substring(values, ".")).as_py()),
        low=bounds["min"],
        high=bounds["max"],
        roundtrips=roundtrips,
    )


def _shape(number: _Number) -> str:
    """What a number in this notation looks like; the layout's reader takes exactly such."""
    mark = re.escape(number.mark)
    if number.group is None:
        return rf"^[+-]?(?:\d+(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?$"
    return rf"^[+-]?(?:\d{{1,3}}(?:{re.escape(number.group)}\d{{3}})+|\d+)(?:{mark}\d*)?$"


def _all_match(values: Any, shape: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, shape)).as_py())


def _understands(probe: Field, values: Any) -> bool:
    _, bad = parse(probe, values.cast(pa.binary()))
    return not bad


_LETTERS = {
    "d": r"\d{1,2}", "m": r"\d{1,2}", "Y": r"\d{4}", "y": r"\d\d", "H": r"\d{1,2}", "I": r"\d{1,2}", "M": r"\d\d", "S": r"\d\d",
    "f": r"\d{1,9}", "p": r"[AaPp][Mm]", "b": r"[A-Za-z]{3}", "B": r"[A-Za-z]{3,9}", "z": r"(?:Z|[+-]\d\d:?\d\d)",
}  # fmt: skip


def _candidates() -> Iterator[tuple[re.Pattern[str], pa.DataType, str]]:
    """Every notation of a day, moment or time, and what it looks like."""
    known: list[tuple[pa.DataType, str]] = [(pa.time64("us"), pattern) for pattern in _TIMES]
    for day in _DAYS:
        known.append((pa.date32(), day))
        known += [(pa.timestamp("us"), day + hour) for hour in _HOURS]
        known += [(pa.timestamp("us", "UTC"), day + hour + zone) for hour in _HOURS for zone in ("%z", " %z")]
    for kind, pattern in known:
        shape = re.sub(r"%([a-zA-Z])", lambda found: _LETTERS[found[1]], re.escape(pattern).replace(r"\%", "%"))
        yield re.compile(shape + r"\Z"), kind, pattern


_MOMENTS = tuple(_candidates())


def _moment_candidates(first: str) -> list[tuple[pa.DataType, tuple[str, ...]]]:
    """The notations that understand one value: few are left of hundreds."""
    one = pa.array([first])
    return [
        (kind, (pattern,))
        for shape, kind, pattern in _MOMENTS
        if shape.match(first) and _understands(Field(name="?", type=kind, format=(pattern,)), one)
    ]


def _said(number: _Number) -> str:
    words: Sequence[str] = [f"a decimal {_MARKS[number.mark]}"] if number.marked else []
    if number.grouped and number.group is not None:
        words = [*words, f"thousands separated by {number.group!r}"]
    return " and ".join(words)


_MARKS = {".": "point", ",": "comma"}


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:g}"
