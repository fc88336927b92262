"""A type as one line of text and back, for layouts, messages and reports.

::

    int64   float32   bool   string   binary   binary(16)   date   time[us]   uuid   null
    decimal(12,2)   timestamp[us]   timestamp[us, UTC]   duration[ms]   interval
    list<int64>   list<int64 not null>   list<int8>(3)   map<string, decimal(9,2)>   dictionary<string, int32>
    struct<id: int64 not null, "odd name": list<string>>

The text says the whole type, except metadata on fields within it; widths that rarely matter are spelled out only where they are
not the usual ones (``large_string``, ``decimal256(12,2)``, ``date64``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, cast

import pyarrow as pa

from connector_sdk.errors import ConfigError

__all__ = ["from_text", "to_text"]

_PLAIN: dict[str, pa.DataType] = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "binary_view": pa.binary_view(),
    "date": pa.date32(),
    "date64": pa.date64(),
    "time[s]": pa.time32("s"),
    "time[ms]": pa.time32("ms"),
    "time[us]": pa.time64("us"),
    "time[ns]": pa.time64("ns"),
    "duration[s]": pa.duration("s"),
    "duration[ms]": pa.duration("ms"),
    "duration[us]": pa.duration("us"),
    "duration[ns]": pa.duration("ns"),
    "timestamp[s]": pa.timestamp("s"),
    "timestamp[ms]": pa.timestamp("ms"),
    "timestamp[us]": pa.timestamp("us"),
    "timestamp[ns]": pa.timestamp("ns"),
    "interval": pa.month_day_nano_interval(),
    "uuid": pa.uuid(),
}
_PLAIN_TEXT = {type_: text for text, type_ in _PLAIN.items()}
# The stubs of pyarrow know these by the types of their arguments only.
_map: Callable[..., pa.DataType] = pa.map_
_dictionary: Callable[..., pa.DataType] = pa.dictionary
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_DECIMALS = {32: (9, "decimal32"), 64: (18, "decimal64"), 128: (38, "decimal128"), 256: (76, "decimal256")}


def to_text(type_: pa.DataType) -> str:
    """The type as one line of text, such that ``from_text(to_text(t)) == t``.

    Raises ConfigError for unions, run-end encoding and foreign extension types, which have no text here.
    """
    plain = _PLAIN_TEXT.get(type_)
    if plain is not None:
        return plain
    kind: Any = type_
    if pa.types.is_decimal(type_):
        usual = 128 if kind.precision <= 38 else 256
        return f"decimal{'' if kind.bit_width == usual else kind.bit_width}({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(type_):
        return f"timestamp[{kind.unit}, {kind.tz}]"
    if pa.types.is_fixed_size_binary(type_):
        return f"binary({kind.byte_width})"
    if pa.types.is_fixed_size_list(type_):
        return f"list<{_member(kind.value_field)}>({kind.list_size})"
    for name, (test, _) in _LISTS.items():
        if test(type_):
            return f"{name}<{_member(kind.value_field)}>"
    if pa.types.is_struct(type_):
        return f"struct<{', '.join(f'{_name(f.name)}: {_member(f)}' for f in kind)}>"
    if pa.types.is_map(type_):
        return f"map<{to_text(kind.key_type)}, {_member(kind.item_field)}{', sorted' if kind.keys_sorted else ''}>"
    if pa.types.is_dictionary(type_):
        order = ", ordered" if kind.ordered else ""
        return f"dictionary<{to_text(kind.value_type)}, {to_text(kind.index_type)}{order}>"
    raise ConfigError(f"the Arrow type {type_} has no text in layouts", hint="read it as one of its plain types")


_LISTS: dict[str, tuple[Callable[[pa.DataType], bool], Callable[[pa.Field[Any]], pa.DataType]]] = {
    "list": (pa.types.is_list, pa.list_),
    "large_list": (pa.types.is_large_list, pa.large_list),
    "list_view": (pa.types.is_list_view, pa.list_view),
    "large_list_view": (pa.types.is_large_list_view, pa.large_list_view),
}


def _member(field: pa.Field[Any]) -> str:
    return to_text(field.type) + ("" if field.nullable else " not null")


def _name(name: str) -> str:
    return name if _WORD.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def from_text(text: str) -> pa.DataType:
    """The type that `text` names. Raises ConfigError that shows the place where it stops being a type."""
    parser = _Parser(text)
    type_ = parser.type()
    if parser.rest():
        raise parser.error("nothing more")
    return type_


class _Parser:
    """A cursor over one type text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def rest(self) -> str:
        self.at += len(self.text) - self.at - len(self.text[self.at :].lstrip())
        return self.text[self.at :]

    def error(self, expected: str) -> ConfigError:
        where = f" at {self.rest()[:30]!r}" if self.rest() else " at its end"
        return ConfigError(
            f"{self.text!r} is not a type: {expected} expected{where}",
            hint="types are written like int64, decimal(12,2), date, timestamp[us, UTC], string, list<int64>",
        )

    def take(self, token: str) -> bool:
        found = self.rest().startswith(token)
        if found:
            self.at += len(token)
        return found

    def need(self, token: str) -> None:
        if not self.take(token):
            raise self.error(repr(token))

    def match(self, pattern: str, expected: str) -> str:
        found = re.match(pattern, self.rest())
        if found is None:
            raise self.error(expected)
        self.at += found.end()
        return found.group()

    def integer(self) -> int:
        return int(self.match(r"-?\d{1,10}", "a number"))

    def type(self) -> pa.DataType:
        start = self.at
        name = self.match(r"[a-z][a-z_0-9]*(\[(s|ms|us|ns)\])?", "a type")
        if name in _PLAIN and not (name == "binary" and self.rest().startswith("(")):
            return _PLAIN[name]
        try:
            return self.parameters(name, start)
        except (ValueError, TypeError, OverflowError) as error:
            # Arrow's own rule: a precision of 99, a negative width, a dictionary of floats.
            raise ConfigError(f"{self.text!r} is not a type: {error}") from None

    def parameters(self, name: str, start: int) -> pa.DataType:
        if name.startswith("decimal"):
            return self.decimal(name, start)
        if name == "binary":
            self.need("(")
            width = int(self.match(r"\d{1,10}", "a width in bytes"))
            self.need(")")
            return pa.binary(width)
        if name == "timestamp":
            self.need("[")
            unit = self.match("s|ms|us|ns", "a unit (s, ms, us, ns)")
            self.need(",")
            zone = self.match(r"[^\]]+", "a time zone").rstrip()
            self.need("]")
            return pa.timestamp(cast(Any, unit), tz=zone)
        if name in _LISTS:
            self.need("<")
            item = self.field("item")
            self.need(">")
            if name == "list" and self.take("("):
                size = self.integer()
                self.need(")")
                return pa.list_(item, size)
            return _LISTS[name][1](item)
        if name == "struct":
            return self.struct()
        if name == "map":
            self.need("<")
            key = self.type()
            self.need(",")
            value = self.field("value")
            ordered = self.take(",")
            if ordered:
                self.need("sorted")
            self.need(">")
            return _map(key, value, keys_sorted=ordered)
        if name == "dictionary":
            self.need("<")
            values = self.type()
            self.need(",")
            index = self.type()
            ordered = self.take(",")
            if ordered:
                self.need("ordered")
            self.need(">")
            return _dictionary(index, values, ordered=ordered)
        self.at = start
        raise self.error("a type")

    def decimal(self, name: str, start: int) -> pa.DataType:
        width = name.removeprefix("decimal")
        if width and not (width.isdecimal() and int(width) in _DECIMALS):
            self.at = start
            raise self.error("a type")
        self.need("(")
        precision = self.integer()
        self.need(",")
        scale = self.integer()
        self.need(")")
        most, constructor = _DECIMALS[int(width) if width else 128 if precision <= 38 else 256]
        if not 1 <= precision <= most:
            raise ValueError(f"its precision is {precision}, 1 to {most} digits are possible")
        return cast(pa.DataType, getattr(pa, constructor)(precision, scale))

    def field(self, name: str) -> pa.Field[Any]:
        type_ = self.type()
        required = self.take("not")
        if required:
            self.need("null")
        return pa.field(name, type_, nullable=not required)

    def struct(self) -> pa.DataType:
        self.need("<")
        fields: list[pa.Field[Any]] = []
        while not self.take(">"):
            if fields:
                self.need(",")
            word = self.match(r'[A-Za-z_][A-Za-z_0-9]*|"(?:[^"\\]|\\.)*"', "a field name")
            try:
                name = json.loads(word) if word.startswith('"') else word
            except ValueError:
                raise self.error("a field name as JSON writes text") from None
            self.need(":")
            fields.append(self.field(name))
        return pa.struct(fields)
