"""Row predicates: read from text, and evaluated on batches as the reference for what a source may push down."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from connector_sdk.errors import ConfigError
from connector_sdk.schema import Compare, Scalar, Where

__all__ = ["columns_of", "keep", "parse_where", "typed_where"]

HINT = "compare columns with literals: amount >= 10 AND (state = 'open' OR closed IS NULL)"

GROUPS_LIMIT = 256  # an OR of this many ANDs; a predicate that multiplies out to more is refused

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_NEGATED = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<", "is null": "is not null", "is not null": "is null"}


def parse_where(text: str) -> Where:
    """Comparisons joined with AND, OR, NOT and brackets, as an OR of ANDs.

    Understands ``= != <> < <= > >=``, ``IS [NOT] NULL``, ``IN (…)`` and ``BETWEEN``, between a column and a literal, and a
    boolean column by itself, in SQL's three-valued logic: a comparison with NULL keeps nothing. Raises ConfigError that shows
    what is not understood.
    """
    import sqlglot
    from sqlglot import errors as sql_errors

    try:
        # As a condition, not as the end of a SELECT: there, a LIMIT or UNION behind it would pass and be forgotten.
        tree: Any = sqlglot.parse_one(text, into=sqlglot.exp.Condition)
    except sql_errors.SqlglotError as error:
        raise ConfigError(f"--where {text!r} is not a predicate{_place(error)}", hint=HINT) from None
    return tuple(dict.fromkeys(_groups(tree, text, negated=False)))


def _groups(node: Any, text: str, *, negated: bool) -> list[tuple[Compare, ...]]:
    from sqlglot import exp

    match node:
        case exp.Paren():
            return _groups(node.this, text, negated=negated)
        case exp.Not():
            return _groups(node.this, text, negated=not negated)
        case exp.And() | exp.Or():
            sides = [_groups(side, text, negated=negated) for side in (node.left, node.right)]
            if isinstance(node, exp.Or) != negated:
                result = sides[0] + sides[1]
            else:
                result = [left + right for left, right in product(*sides)]
            if len(result) > GROUPS_LIMIT:
                raise ConfigError(f"--where {text!r} multiplies out to more than {GROUPS_LIMIT} alternatives", hint="simplify it")
            return result
        case exp.In() if node.args.get("query") is None and node.expressions:
            tests = [[_compare(node.this, "!=" if negated else "=", value, text)] for value in node.expressions]
            return [tuple(c for (c,) in tests)] if negated else [tuple(one) for one in tests]
        case exp.Between():
            low = _compare(node.this, "<" if negated else ">=", node.args["low"], text)
            high = _compare(node.this, ">" if negated else "<=", node.args["high"], text)
            return [(low,), (high,)] if negated else [(low, high)]
        case exp.Is() if isinstance(node.expression, exp.Null):
            return [((_column(node.this, text), "is not null" if negated else "is null", None),)]
        case exp.Column():  # a flag by itself
            return [((_column(node, text), "=", not negated),)]
    for kind, op in ((exp.EQ, "="), (exp.NEQ, "!="), (exp.LTE, "<="), (exp.LT, "<"), (exp.GTE, ">="), (exp.GT, ">")):
        if isinstance(node, kind):
            left, right = node.left, node.right
            if not isinstance(left, exp.Column) and isinstance(right, exp.Column):
                left, right, op = right, left, _FLIPPED[op]
            return [(_compare(left, _NEGATED[op] if negated else op, right, text),)]
    raise _unclear(node, text)


def _compare(column: Any, op: str, value: Any, text: str) -> Compare:
    return _column(column, text), op, _literal(value, text)


def _column(node: Any, text: str) -> str:
    from sqlglot import exp

    if not isinstance(node, exp.Column) or node.table:
        raise _unclear(node, text)
    return str(node.name)


def _literal(node: Any, text: str) -> Scalar:
    from sqlglot import exp

    match node:
        case exp.Neg():
            value = _literal(node.this, text)
            if isinstance(value, int | Decimal):
                return -value
        case exp.Boolean():
            return bool(node.this)
        case exp.Literal() if node.is_string:
            return str(node.this)
        case exp.Literal():
            return int(node.this) if str(node.this).isdigit() else Decimal(node.this)
        case exp.Cast() | exp.Date() | exp.TsOrDsToDate() if isinstance(node.this, exp.Literal) and node.this.is_string:
            return str(node.this.this)  # DATE '2024-01-31': the column's own type says how to read it
    raise _unclear(node, text)


def _unclear(node: Any, text: str) -> ConfigError:
    return ConfigError(
        f"--where {text!r}: {node.sql()!r} is not understood",
        hint=HINT,
    )


def _place(error: Any) -> str:
    """Where the parser stumbled, in words of ours: its own speak of its classes."""
    found = next(iter(getattr(error, "errors", None) or ()), None)
    return f": it breaks off or goes wrong at {found['highlight']!r}, character {found['col']}" if found else ""


def columns_of(where: Where) -> tuple[str, ...]:
    """The columns a predicate looks at, each once."""
    return tuple(dict.fromkeys(column for group in where for column, _, _ in group))


def typed_where(where: Where, schema: pa.Schema, stream: str) -> Where:
    """`where` with each value as its column's own type. Raises ConfigError for an unknown column or a value that does not fit."""
    return tuple(tuple(_typed(compare, schema, stream) for compare in group) for group in where)


def _typed(compare: Compare, schema: pa.Schema, stream: str) -> Compare:
    column, op, value = compare
    if column not in schema.names:
        near = difflib.get_close_matches(column, schema.names, 1)
        raise ConfigError(
            f"stream {stream!r} has no field {column!r} to compare",
            hint=f"did you mean {near[0]}?" if near else None,
            stream=stream,
        )
    if value is None:
        return compare
    return column, op, _as_type(value, schema.field(column).type, column, stream)


def _as_type(value: Scalar, type: pa.DataType, column: str, stream: str) -> Scalar:  # noqa: A002 - the field's word
    try:
        if pa.types.is_boolean(type) and isinstance(value, bool):
            return value
        if pa.types.is_integer(type) or pa.types.is_decimal(type):
            if isinstance(value, int | Decimal | str) and not isinstance(value, bool):
                return Decimal(str(value))
        elif pa.types.is_floating(type):
            if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool):
                return float(value)
        elif pa.types.is_date(type):
            return value if isinstance(value, date) else date.fromisoformat(str(value))
        elif pa.types.is_timestamp(type):
            return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        elif pa.types.is_time(type):
            return value if isinstance(value, time) else time.fromisoformat(str(value))
        elif pa.types.is_string(type) or pa.types.is_large_string(type):
            if isinstance(value, str):
                return value
        elif pa.types.is_binary(type) and isinstance(value, bytes):
            return value
    except (ValueError, InvalidOperation):
        pass
    raise ConfigError(f"field {column!r} of stream {stream!r} is {type}, it cannot be compared with {value!r}", stream=stream)


def keep(where: Where, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of `batch` that `where` keeps. Values must have been through :func:`typed_where`."""
    if not where or not batch.num_rows:
        return batch
    masks = [functools.reduce(pc.and_, [_mask(compare, batch) for compare in group]) for group in where]
    return batch.filter(functools.reduce(pc.or_, masks))


def _mask(compare: Compare, batch: pa.RecordBatch) -> Any:
    """Where one comparison holds; unknown counts as false, which is right since predicates are negation-free by now."""
    column, op, value = compare
    values = batch.column(column)
    if op == "is null":
        return pc.is_null(values)
    if op == "is not null":
        return pc.is_valid(values)
    if isinstance(value, Decimal) and pa.types.is_integer(values.type):
        return _integer_mask(values, op, value)
    if isinstance(value, Decimal) and pa.types.is_decimal(values.type):
        # Widened so that the literal's own digits count: 1.005 is not 1.00 of a decimal(9,2).
        exponent = value.as_tuple().exponent
        scale = max(values.type.scale, -exponent if isinstance(exponent, int) else 0)
        wide = pa.decimal256(76, scale)
        return pc.fill_null(_OPERATORS[op](values.cast(wide), pa.scalar(value, wide)), False)
    if isinstance(value, datetime) and pa.types.is_timestamp(values.type):
        if values.type.tz is None and value.tzinfo is not None:
            raise ConfigError(f"field {column!r} has no time zone, {value.isoformat()} has one")
        if values.type.tz is not None and value.tzinfo is None:
            value = value.replace(tzinfo=UTC)  # a literal without a zone is in UTC, whatever zone the field shows
        moment: Any = pa.scalar(value, pa.timestamp("us", values.type.tz) if values.type.tz else pa.timestamp("us"))
        return pc.fill_null(_OPERATORS[op](values, moment), False)
    return pc.fill_null(_OPERATORS[op](values, pa.scalar(cast(Any, value))), False)


def _integer_mask(values: Any, op: str, value: Decimal) -> Any:
    whole = int(value)
    if whole == value and -(2**63) <= whole < 2**63 and not pa.types.is_uint64(values.type):
        return pc.fill_null(_OPERATORS[op](values, pa.scalar(whole)), False)
    wide = values.cast(pa.decimal128(38, 0)).cast(pa.decimal256(76, 30))
    try:
        scalar = pa.scalar(value, pa.decimal256(76, 30))
    except pa.ArrowInvalid:
        raise ConfigError(f"{value} is beyond what can be compared") from None
    return pc.fill_null(_OPERATORS[op](wide, scalar), False)
