"""A CSVW datatype as a field's type and notation.

W3C: Metadata Vocabulary for Tabular Data, section 5.11; what formats mean is section 6.4 of the Model for Tabular Data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited.values import check_notation
from connector_sdk.formats.delimited_inference.found import Finding
from connector_sdk.formats.layout import Field

__all__ = ["field_of"]

# Without a declared scale nothing may be rounded: nine places and 29 digits before them, and a reject beyond.
_DECIMAL = pa.decimal128(38, 9)
_TYPES: Mapping[str, pa.DataType] = {
    "integer": pa.int64(),
    "long": pa.int64(),
    "int": pa.int32(),
    "short": pa.int16(),
    "byte": pa.int8(),
    "nonNegativeInteger": pa.uint64(),
    "positiveInteger": pa.uint64(),
    "unsignedLong": pa.uint64(),
    "unsignedInt": pa.uint32(),
    "unsignedShort": pa.uint16(),
    "unsignedByte": pa.uint8(),
    "nonPositiveInteger": pa.int64(),
    "negativeInteger": pa.int64(),
    "decimal": _DECIMAL,
    "number": pa.float64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "datetime": pa.timestamp("us"),
    "dateTime": pa.timestamp("us"),
    "dateTimeStamp": pa.timestamp("us", "UTC"),
    "base64Binary": pa.binary(),
    "binary": pa.binary(),
    "hexBinary": pa.binary(),
}
_TEXTS = (
    "string",
    "any",
    "anyAtomicType",
    "normalizedString",
    "token",
    "language",
    "Name",
    "NMTOKEN",
    "xml",
    "html",
    "json",
    "anyURI",
)
_CONSTRAINTS = (
    "length", "minLength", "maxLength", "minimum", "maximum", "minInclusive", "maxInclusive", "minExclusive", "maxExclusive",
)  # fmt: skip
# Unicode's own letters for dates (Unicode Technical Standard 35, part 4).
_LETTERS = re.compile(r"y+|M+|d+|H+|h+|m+|s+|S+|a|[Xx]{1,3}|T|'[^']*'|[A-Za-z]+|.", re.DOTALL)
_DIRECTIVES = {
    "yyyy": "%Y", "y": "%Y", "yy": "%y", "MM": "%m", "M": "%m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%d", "HH": "%H",
    "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M", "ss": "%S", "s": "%S", "a": "%p", "T": "T",
}  # fmt: skip


def field_of(name: str, datatype: object, where: str) -> tuple[Field, list[Finding]]:
    """The field of values of `datatype`, and what of this it cannot say. Raises ConfigError naming `where`."""
    given: Mapping[str, Any] = datatype if isinstance(datatype, Mapping) else {"base": datatype}
    base = given.get("base", "string")
    if not isinstance(base, str):
        raise ConfigError(f"{where}: the datatype is {datatype!r}: a name or an object with a base was expected")
    base = base.removeprefix("http://www.w3.org/2001/XMLSchema#").removeprefix("xsd:")
    findings: list[Finding] = []
    limits = [key for key in _CONSTRAINTS if given.get(key) is not None]
    if limits:
        findings.append(Finding("note", name, f"{', '.join(limits)} of the datatype is not checked"))
    kind, pattern = _TYPES.get(base), given.get("format")
    if kind is None:
        if base not in _TEXTS:
            findings.append(Finding("note", name, f"the datatype {base} was kept as text"))
        if pattern is not None:
            findings.append(Finding("note", name, f"the format {pattern!r} is not checked"))
        evidence = None if base == "string" else f"declared as {base}, kept as text"
        return Field(name=name, type=pa.string(), evidence=evidence), findings
    if base == "boolean":
        return _boolean(name, pattern, where), findings
    if pa.types.is_temporal(kind):
        return _moment(name, kind, base, pattern, findings), findings
    if pa.types.is_binary(kind):
        return Field(name=name, type=kind, format=("hex",) if base == "hexBinary" else ()), findings
    return _number(name, kind, pattern, findings), findings


def _boolean(name: str, pattern: object, where: str) -> Field:
    if pattern is None:
        return Field(name=name, type=pa.bool_(), true=("true", "1"), false=("false", "0"))
    true, bar, false = str(pattern).partition("|")
    if not true or not bar or not false:
        raise ConfigError(
            f"{where}: the format of a boolean is {pattern!r}: two words with | between them were expected", hint="as Y|N"
        )
    return Field(name=name, type=pa.bool_(), true=(true,), false=(false,))


def _moment(name: str, kind: pa.DataType, base: str, pattern: object, findings: list[Finding]) -> Field:
    if pattern is None:
        if base in ("datetime", "dateTime"):
            findings.append(Finding("note", name, f"{base} may have a zone or none: one without was taken"))
        return Field(name=name, type=kind)
    written = _strptime(str(pattern))
    if written is not None and "%z" in written and pa.types.is_timestamp(kind):
        kind = pa.timestamp("us", "UTC")
    try:
        if written is None:
            raise ConfigError(f"the format {pattern!r} is not understood")
        found = Field(name=name, type=kind, format=(written,))
        check_notation(found)
    except ConfigError as error:
        findings.append(Finding("question", name, f"{error.message}: kept as text"))
        return Field(name=name, type=pa.string(), evidence=f"declared as {base} with format {pattern}, kept as text")
    return found


def _strptime(pattern: str) -> str | None:
    """A pattern in Unicode's letters as one of strptime; None when it has a letter that has no directive."""
    found = []
    for part in _LETTERS.findall(pattern):
        if part in _DIRECTIVES:
            found.append(_DIRECTIVES[part])
        elif set(part) == {"S"}:
            found.append("%f")
        elif set(part) <= {"X", "x"}:
            found.append("%z")
        elif part[0] == "'":
            found.append(part[1:-1].replace("%", "%%") or "'")
        elif part.isalpha():
            return None
        else:
            found.append(part.replace("%", "%%"))
    return "".join(found)


def _number(name: str, kind: pa.DataType, given: object, findings: list[Finding]) -> Field:
    notation: Mapping[str, Any] = given if isinstance(given, Mapping) else {"pattern": given}
    decimal, group = str(notation.get("decimalChar") or "."), notation.get("groupChar")
    pattern = notation.get("pattern")
    marks: tuple[str, ...] = ()
    if pattern is not None:
        pattern = str(pattern)
        marks = tuple(mark for mark in "%‰" if mark in pattern)
        if marks:
            findings.append(Finding("question", name, f"12{marks[0]} is read as 12, where CSVW means the share: please look"))
        if "," in pattern and group is None:
            group = ","
        places = re.search(r"\.([0#,]+)", pattern)
        if kind == _DECIMAL and "E" not in pattern:
            kind = pa.decimal128(38, len(places[1].replace(",", "")) if places else 0)
        findings.append(Finding("note", name, f"that numbers are written as {pattern!r} is not checked"))
    group = None if group is None or group == decimal else str(group)
    return Field(name=name, type=kind, decimal=decimal, group=group, marks=marks)
