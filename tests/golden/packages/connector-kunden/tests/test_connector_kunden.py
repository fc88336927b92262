"""What the kunden connector promises, proved against its simulator: no network, no server."""

from __future__ import annotations

from typing import Any

import connector_sdk
import pytest
from connector_sdk.testing.laws import law_tests

from connector_kunden import KundenConnector
from connector_kunden.generated import models
from connector_kunden.simulator import KundenSimulator

# `connector test kunden` kills it at more places.
test_laws = law_tests(KundenConnector, crash_points=6)


@pytest.mark.parametrize(
    ("stream", "model"),
    [
        ("kunden", models.Kunden),
    ],
)
def test_rows_are_typed(stream: str, model: type[Any]) -> None:
    with KundenSimulator() as system:
        with connector_sdk.open("kunden", **system.config) as session:
            rows = list(session.read(stream).rows(model))
        assert len(rows) == system.rows(stream).num_rows
        assert all(isinstance(row, model) for row in rows)
