"""Columns as array literals: the server reads back what was put in, whatever it is."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pyarrow as pa
import pytest
from connector_odbc.writing.array_literals import array_literal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.odbc.tests.conftest import System

TEXTS = st.text(st.sampled_from("\"\\,{} nNUL\n\t'a\x1f"), max_size=6) | st.just("NULL")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS | st.none(), max_size=8) | st.lists(TEXTS, min_size=1, max_size=8))
def test_any_text_comes_back(postgresql_system: System, texts: list[str | None]) -> None:
    literal = array_literal(pa.array(texts, pa.string()), "text")
    with closing(postgresql_system.database.connect()) as connection:
        found = [row[0] for row in connection.execute("SELECT unnest(CAST(? AS text[]))", literal).fetchall()]
    assert found == texts


@pytest.mark.parametrize(
    ("element", "texts"),
    [
        ("date", ["2024-02-29", None, "0001-01-01"]),
        ("timestamp", ["2024-02-29 23:59:59.999999", None, "9999-12-31 00:00:00"]),
        ("time", ["00:00:00", "23:59:59.999999", None]),
        ("numeric", ["1", "-0.10", None]),
        ("bool", [True, None, False]),
        ("int8", [-(2**63), None, 2**63 - 1]),
        ("float8", [0.1, None, -1e-310, float("inf")]),
        ("bytea", [b"", None, b"\x00\\\"'"]),
    ],
)
def test_what_is_no_text_comes_back(postgresql_system: System, element: str, texts: list[object]) -> None:
    literal = array_literal(pa.array(texts), element)
    as_text = {"bytea": "encode(x, 'hex')", "bool": "x::int"}.get(element, "x::text")
    shown = [None if t is None else t.hex() if isinstance(t, bytes) else int(t) if isinstance(t, bool) else t for t in texts]
    with closing(postgresql_system.database.connect()) as connection:
        found = connection.execute(f"SELECT {as_text} FROM unnest(CAST(? AS {element}[])) AS x", literal).fetchall()
    values = [row[0] for row in found]
    kind: Any = type(next(t for t in shown if t is not None))
    assert [None if v is None else kind(v) for v in values] == shown
