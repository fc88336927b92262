"""Fixed width made and read the plain way, a value at a time: how the simulator knows the truth without the SDK's decoder."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from connector_sdk.formats.layout import Check, Field, Layout, Record
from connector_sdk.formats.layout.fixed_width import LINE_ENDS

from connector_sftp.plain_moments import EPOCH, moment_of, text_of
from connector_sftp.plain_places import EXACT, place_of, to_bytes, value_of

__all__ = ["cut_off", "raw", "read", "record", "sample", "write"]

Row = Mapping[str, Any]

TEXTS = ("Ada", "Grace Hopper", "said yes", "semi;colon, comma", "x" * 60, "Müller & Sohn", "007", "inner  blanks", "N/A")


def sample(layout: Layout, number: int, rng: random.Random) -> dict[str, Any]:
    """The row `number`, plausible; its keys follow from `number`. Every value of it can be written in `layout`."""
    return {field.name: _sample(layout, field, number, rng) for field in layout.fields}


def write(layout: Layout, records: Sequence[bytes]) -> bytes:
    """A whole file: its header, `records` as :func:`record` makes them, and a trailer that adds up."""
    form = layout.fixed_width
    parts = [_control(layout, each, records) for each in form.records if each.role == "header"]
    parts += records
    parts += [_control(layout, each, records) for each in form.records if each.role == "trailer"]
    return b"".join(parts)


def record(layout: Layout, row: Row, **instead: str) -> bytes:
    """One row of a stream as it stands in a file, its line end included; `instead` has the text of values that are none."""
    values = {field.name: to_bytes(layout, field, row[field.name]) for field in layout.fields}
    for name, text in instead.items():
        place = place_of(next(field for field in layout.fields if field.name == name))
        values[name] = text.encode(layout.encoding)[: place.length].ljust(place.length, b"?")
    return _record(layout, _own(layout), values)


def cut_off(layout: Layout, whole: bytes) -> bytes:
    """A record without its last field, and what comes after."""
    end = _end(layout)
    return whole[: max(place_of(field).offset for field in layout.fields)] + end


def raw(layout: Layout, whole: bytes) -> bytes:
    """A record without its line end."""
    end = _end(layout)
    return whole.removesuffix(end) if end else whole


def read(layout: Layout, content: bytes) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """The rows of a file with their record's name, without those that cannot be understood."""
    for found in _split(layout, content):
        own = next((each for each in _records(layout) if _is(layout, each, found)), None)
        if own is None or own.role != "data" or len(found) != _length(layout, own):
            continue
        try:
            row = {
                field.name: value_of(layout, field, found[place_of(field).offset : place_of(field).end]) for field in own.fields
            }
        except (ValueError, ArithmeticError, KeyError):
            continue
        if all(field.nullable or row[field.name] is not None for field in own.fields):
            yield own.name if layout.fixed_width.records else None, row


# --- records


def _records(layout: Layout) -> tuple[Record, ...]:
    return layout.fixed_width.records or (Record(name=layout.name, fields=layout.fields),)


def _own(layout: Layout) -> Record:
    form = layout.fixed_width
    return next(each for each in _records(layout) if form.record in (None, each.name))


def _length(layout: Layout, own: Record) -> int:
    form = layout.fixed_width
    if form.framing == "none":
        places = [place_of(field).end for each in _records(layout) for field in each.fields]
        return max([form.length, *places, *(each.length for each in _records(layout))])
    return own.length or form.length or max(place_of(field).end for field in own.fields)


def _end(layout: Layout) -> bytes:
    form = layout.fixed_width
    return b"" if form.framing == "none" else LINE_ENDS[form.line_end].encode(layout.encoding)


def _record(layout: Layout, own: Record, values: Mapping[str, bytes]) -> bytes:
    out = bytearray(" ".encode(layout.encoding) * _length(layout, own))
    for field in own.fields:
        out[place_of(field).offset : place_of(field).end] = values[field.name]
    if own.when is not None:
        when = own.when
        out[when.start - 1 : when.end] = when.value[0].ljust(when.length).encode(layout.encoding)
    return bytes(out) + _end(layout)


def _control(layout: Layout, own: Record, records: Sequence[bytes]) -> bytes:
    checks = {check.field: check for check in own.checks}
    values = {}
    for field in own.fields:
        place, total = place_of(field), None
        if field.name in checks:
            total = _total(layout, field, checks[field.name], records)
        if total is None and place.value is not None:
            values[field.name] = place.value.encode(layout.encoding).ljust(place.length, " ".encode(layout.encoding))
        else:
            values[field.name] = to_bytes(layout, field, total)
    return _record(layout, own, values)


def _total(layout: Layout, field: Field, check: Check, records: Sequence[bytes]) -> Any:
    controls = [each for each in _records(layout) if each.role != "data"]
    found = Decimal(sum(each.name in check.counts for each in controls))
    for whole in records:
        own = next(each for each in _records(layout) if _is(layout, each, whole))
        found += own.name in check.counts
        for of, name in check.totals:
            if of == own.name:
                added = next(each for each in own.fields if each.name == name)
                value = value_of(layout, added, whole[place_of(added).offset : place_of(added).end])
                found = EXACT.add(found, Decimal(value or 0))
    if check.hashes:
        place = place_of(field)
        digits = place.length - (place.sign in ("leading", "trailing")) - (place.scale or 0)
        found = EXACT.remainder(found, Decimal(10) ** digits)
    return found if pa.types.is_decimal(field.type) else int(found)


def _split(layout: Layout, content: bytes) -> Iterator[bytes]:
    if layout.fixed_width.framing == "none":
        length = _length(layout, _records(layout)[0])
        yield from (content[at : at + length] for at in range(0, len(content), length))
        return
    feed = "\n".encode(layout.encoding)
    for line in content.replace("\x85".encode(layout.encoding), feed).split(feed) if feed != b"\n" else content.split(feed):
        if line.removesuffix(b"\r"):
            yield line.removesuffix(b"\r")


def _is(layout: Layout, own: Record, raw: bytes) -> bool:
    when = own.when
    return when is None or raw[when.start - 1 : when.end].decode(layout.encoding, "replace").rstrip() in [
        v.rstrip() for v in when.value
    ]


# --- samples


def _sample(layout: Layout, field: Field, number: int, rng: random.Random) -> Any:
    place = place_of(field)
    kind: Any = field.type
    key = field.name in layout.keys
    told = _told(layout, field)
    if told is not None:
        return value_of(layout, field, told)
    nothing = field.nullable and not key and (place.blank != () or bool(field.null)) and rng.random() < 0.1
    if nothing and not pa.types.is_binary(kind):
        return None
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return _sample_number(field, number if key else None, _room_for_sums(layout, field), rng)
    if pa.types.is_floating(kind):
        return float(number % 1000) if key else rng.randrange(4096) / 8
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_temporal(kind):
        moment = EPOCH + (timedelta(days=number) if key else timedelta(seconds=rng.randrange(10**7)))
        moment = moment.replace(tzinfo=UTC) if getattr(kind, "tz", None) else moment
        return moment_of(field, text_of(field, moment))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return rng.randbytes(place.length) if not key else str(number).zfill(place.length)[-place.length :].encode()
    return _sample_text(layout, field, number if key else None, rng)


def _told(layout: Layout, field: Field) -> bytes | None:
    """The bytes of a field that is what tells its record's type."""
    when, place = _own(layout).when, place_of(field)
    if when is None or place.offset < when.start - 1 or place.end > when.end:
        return None
    return when.value[0].ljust(when.length).encode(layout.encoding)[place.offset - when.start + 1 :][: place.length]


def _room_for_sums(layout: Layout, field: Field) -> int | None:
    """The most that a value may be, in its smallest unit, such that a few thousand of them still fit the sum in a trailer."""
    own = _own(layout).name
    rooms = []
    for control in layout.fixed_width.records:
        for check in control.checks:
            if f"{own}.{field.name}" in check.sums:
                place = place_of(next(each for each in control.fields if each.name == check.field))
                digits = place.length - (place.sign in ("leading", "trailing", "free")) - (place.scale or 0)
                rooms.append(10 ** max(digits + (place_of(field).scale or 0) - 4, 0))
    return min(rooms, default=None)


def _sample_number(field: Field, number: int | None, most_of_all: int | None, rng: random.Random) -> Any:
    place = place_of(field)
    kind: Any = field.type
    decimal = pa.types.is_decimal(kind)
    pointed = decimal and kind.scale > 0 and place.scale is None
    digits = (
        place.length
        - (place.sign in ("leading", "trailing", "free"))
        - (1 + max(0, kind.scale - place.length + 3) if pointed else 0)
    )
    scale = kind.scale if pointed else place.scale or 0
    most = 10 ** max(digits, 1) - 1 if digits > 0 else 9
    room = 10 ** (kind.precision - kind.scale + scale) if decimal else 2 ** (kind.bit_width - 1)
    most = min(most, room - 1) if most_of_all is None else min(most, room - 1, most_of_all)
    signed = place.sign != "none" and not pa.types.is_unsigned_integer(kind) and digits > 0
    chosen = number % (most + 1) if number is not None else rng.choice((0, 1, most, rng.randrange(min(most, 10**6) + 1)))
    chosen = -chosen if signed and number is None and rng.random() < 0.3 else chosen
    return Decimal(chosen).scaleb(-scale, EXACT).quantize(Decimal(1).scaleb(-kind.scale), context=EXACT) if decimal else chosen


def _sample_text(layout: Layout, field: Field, number: int | None, rng: random.Random) -> str:
    place = place_of(field)
    pad = place.pad if place.pad is not None else " "
    if number is not None:
        return (
            str(number).zfill(place.length)[-place.length :]
            if pad != "0"
            else str(number).ljust(place.length, "x")[: place.length]
        )
    text = rng.choice(TEXTS)
    try:
        text.encode(layout.encoding)
    except UnicodeEncodeError:
        text = "Ada"
    while len(text.encode(layout.encoding)) > place.length:
        text = text[:-1]
    text = text.strip(pad) if pad else text.ljust(place.length, "x")
    return text if text.strip() and text not in field.null else "x"
