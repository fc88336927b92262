"""For every law there is a connector that breaks it, and the kit names that law, and no other but those that follow."""

import pytest
from connector_sdk.testing.laws import LAWS, certify

from tests.laws.broken import BROKEN


def test_every_law_has_a_connector_that_breaks_it():
    own = [int(connector.__doc__.removeprefix("Law ").partition(":")[0].partition(" ")[0]) for connector in BROKEN]
    assert own == [law.number for law in LAWS]
    assert all(law in BROKEN[connector] for law, connector in zip(own, BROKEN, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("connector", BROKEN, ids=lambda connector: connector.__name__)
def test_the_kit_finds_what_is_broken_and_nothing_else(connector):
    certificate = certify(connector, crash_points=12 if 6 in BROKEN[connector] else 2)
    found = {result.law: result.detail for result in certificate.results if result.verdict == "broken"}
    assert set(found) == BROKEN[connector], found
    assert not certificate.kept
    assert all(result.verdict == "kept" for result in certificate.results if result.law not in found)
