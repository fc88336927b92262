"""What a file's header and trailer say about its records, held against the records themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute

from connector_sdk.errors import DataError
from connector_sdk.formats.layout import Check, FixedWidth, Record

__all__ = ["Totals"]

pc: Any = pyarrow.compute  # the stubs know fewer combinations than Arrow does

_WIDE = 76
_EXACT = Context(prec=100)


class Totals:
    """Counts and sums of one file, record by record, and what was said of them. For a file that is read from its start."""

    def __init__(self, form: FixedWidth, place: str) -> None:
        self._form = form
        self._place = place
        self.counts: Counter[str] = Counter()
        self._sums: dict[tuple[str, str], Decimal] = {}
        self._unread: Counter[tuple[str, str]] = Counter()
        self._said: dict[str, Mapping[str, Any]] = {}
        self._seen = 0
        self._ended = False
        self.wanted = {pair for record in form.records for check in record.checks for pair in check.totals}
        """The (record, field) pairs that are to be added up."""
        self.first_unread: str | None = None
        """Where the first of their values is that cannot be read, and why; None without one, or in records nobody reads."""

    def counted(self, record: str, rows: int) -> None:
        """There are `rows` more records of a type, readable or not."""
        self.counts[record] += rows

    def add(self, record: str, field: str, values: Any, unread: int) -> None:
        """The values of a field that is added up, and how many records of its type have none that can be read."""
        pair = record, field
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            text = pc.utf8_trim_whitespace(values)
            number = pc.match_substring_regex(text, r"^\d{1,70}$")
            unread += pc.sum(pc.invert(number)).as_py() or 0
            values = pc.if_else(number, text, None)
        scale = getattr(values.type, "scale", 0)
        total = pc.sum(values.cast(pa.decimal256(_WIDE, scale))).as_py()
        self._unread[pair] += unread
        self._sums[pair] = _EXACT.add(self._sums.get(pair, Decimal(0)), total or Decimal(0))

    def order(self, first: str | None, records: int, headers: int, trailers: list[int]) -> None:
        """The next block has so many records, the first of type `first`, and trailers at these places among them.

        Raises DataError for a header that is not the first record, and for a trailer that is not the last.
        """
        if not records:
            return
        roles = {record.role: record.name for record in self._form.records if record.role != "data"}
        if self._ended or (trailers and trailers[0] != records - 1):
            raise self._error(f"there are records after the {roles['trailer']} record", "it was put together wrongly")
        if not self._seen and "header" in roles and first != roles["header"]:
            raise self._error(f"it does not begin with its {roles['header']} record", "its beginning is missing")
        if headers > (0 if self._seen else 1):
            raise self._error(f"there is a second {roles['header']} record", "two files were put together, or one was sent twice")
        self._seen += records
        self._ended = bool(trailers)

    def say(self, record: str, values: Mapping[str, Any]) -> None:
        """What the fields of a header or trailer hold."""
        self._said[record] = values

    def check(self) -> None:
        """At the end of the file. Raises DataError (code ``trailer``) for a record that is missing or a total that differs."""
        for record in self._form.records:
            if record.role == "data":
                continue
            if record.name not in self._said:
                raise self._error(f"it has no {record.name} record", "it was cut off: get it again")
            for check in record.checks:
                self._hold(record, check, self._said[record.name][check.field])

    def of(self, record: Record, check: Check) -> Decimal:
        """What the field of a check in `record` should be, as far as the records have come."""
        if check.counts:
            return Decimal(sum(self.counts[name] for name in check.counts))
        found = Decimal(0)
        for pair in check.totals:
            found = _EXACT.add(found, self._sums.get(pair, Decimal(0)))
        if check.hashes:
            field = next(field for field in record.fields if field.name == check.field)
            assert field.place is not None
            digits = field.place.length - (field.place.sign in ("leading", "trailing")) - (field.place.scale or 0)
            found = _EXACT.remainder(found, Decimal(10) ** digits)
        return found

    def _hold(self, record: Record, check: Check, said: Any) -> None:
        what = f"{record.name}.{check.field}"
        unread = sum(self._unread[pair] for pair in check.totals)
        if unread:
            raise self._error(
                f"{what} cannot be checked: {unread} of the values it adds up cannot be read",
                "ask for it again" if self.first_unread is None else f"the first: {self.first_unread}",
            )
        found = self.of(record, check)
        if said is None or Decimal(said) != found:
            meant = f"the sum of {' and '.join(check.sums or check.hashes)} is {found}"
            if check.counts:
                meant = f"there are {found} records {' and '.join(check.counts)}"
            raise self._error(f"{what} is {'nothing' if said is None else said}, but {meant}")

    def _error(self, what: str, hint: str = "nothing of it was published; ask for it again") -> DataError:
        return DataError(f"{self._place}: {what}", hint=hint, code="trailer")
