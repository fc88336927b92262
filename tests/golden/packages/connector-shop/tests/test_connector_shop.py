"""What the shop connector promises, proved against its simulator: no network, no server."""

from __future__ import annotations

from typing import Any

import connector_sdk
import pytest
from connector_sdk.testing.laws import law_tests

from connector_shop import ShopConnector
from connector_shop.generated import models
from connector_shop.generated.streams import COLUMNS
from connector_shop.simulator import ShopSimulator

# `connector test shop` kills it at more places.
test_laws = law_tests(ShopConnector, crash_points=6)


@pytest.mark.parametrize(
    ("stream", "model"),
    [
        ("orders", models.Orders),
        ("customers", models.Customers),
    ],
)
def test_rows_are_typed(stream: str, model: type[Any]) -> None:
    with ShopSimulator() as system:
        with connector_sdk.open("shop", **system.config) as session:
            rows = list(session.read(stream).rows(model, columns=COLUMNS[stream]))
        assert len(rows) == system.rows(stream).num_rows
        assert all(isinstance(row, model) for row in rows)
