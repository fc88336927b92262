"""What the {{ cookiecutter.name }} connector promises, proved against its simulator: no network, no server."""

from __future__ import annotations

from operator import attrgetter

import pytest
from connector_sdk.testing.laws import law_tests

from {{ cookiecutter.package }} import {{ cookiecutter.class_name }}Connector, connect
from {{ cookiecutter.package }}.simulator import {{ cookiecutter.class_name }}Simulator

# `connector test {{ cookiecutter.name }}` kills it at more places.
test_laws = law_tests({{ cookiecutter.class_name }}Connector, crash_points=6)


@pytest.mark.parametrize(
    ("stream", "table"),
    [
{%- for stream in cookiecutter.streams %}
        ({{ stream.literal }}, "{{ stream.identifier }}"),
{%- endfor %}
    ],
)
def test_rows_are_typed(stream: str, table: str) -> None:
    with {{ cookiecutter.class_name }}Simulator() as system, connect(**system.config) as tables:
        if stream in system.left_out:
            pytest.skip(f"the simulator has no {stream}: {system.left_out[stream]}")
        found = attrgetter(table)(tables)
        rows = list(found.rows())
        assert len(rows) == system.rows(stream).num_rows
        assert all(isinstance(row, found.of.model) for row in rows)
