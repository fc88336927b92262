from __future__ import annotations

from connector_sdk.formats import FORMATS
from hypothesis import HealthCheck, given, settings

from tests.sdk.formats.tables import batches, survives

ARROW = FORMATS["arrow"]
ANY = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(batches())
def test_whatever_arrow_holds_survives_or_the_loss_is_declared(data):
    survives(ARROW, data)


@ANY
@given(batches(changes=True))
def test_change_batches_survive(data):
    survives(ARROW, data)
