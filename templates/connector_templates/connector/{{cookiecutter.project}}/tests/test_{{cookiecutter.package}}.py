"""What the {{ cookiecutter.name }} connector promises, proved against its simulator: no network, no server."""

from __future__ import annotations

from typing import Any

import connector_sdk
import pytest
from connector_sdk.testing.laws import law_tests

from {{ cookiecutter.package }} import {{ cookiecutter.class_name }}Connector
from {{ cookiecutter.package }}.generated import models
{%- if cookiecutter.models == "dataclass" %}
from {{ cookiecutter.package }}.generated.streams import COLUMNS
{%- endif %}
from {{ cookiecutter.package }}.simulator import {{ cookiecutter.class_name }}Simulator

# `connector test {{ cookiecutter.name }}` kills it at more places.
test_laws = law_tests({{ cookiecutter.class_name }}Connector, crash_points=6)


@pytest.mark.parametrize(
    ("stream", "model"),
    [
{%- for stream in cookiecutter.streams %}
        ({{ stream.literal }}, models.{{ stream.class_name }}),
{%- endfor %}
    ],
)
def test_rows_are_typed(stream: str, model: type[Any]) -> None:
    with {{ cookiecutter.class_name }}Simulator() as system:
        with connector_sdk.open("{{ cookiecutter.name }}", **system.config) as session:
{%- if cookiecutter.models == "dataclass" %}
            rows = list(session.read(stream).rows(model, columns=COLUMNS[stream]))
{%- else %}
            rows = list(session.read(stream).rows(model))
{%- endif %}
        assert len(rows) == system.rows(stream).num_rows
        assert all(isinstance(row, model) for row in rows)
