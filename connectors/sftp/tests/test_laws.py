"""Every law, for a local folder and for the same folder behind SFTP; without an index, those that it has to do with."""

from __future__ import annotations

import pytest
from connector_sdk.testing.laws import check_law, law_tests
from connector_sftp import SftpConnector

from connectors.sftp.tests.unindexed import Unindexed


class Served(SftpConnector):
    """The connector, with a simulator that serves its folder."""

    simulator = "connector_sftp.simulator:ServedSimulator"


test_a_local_folder_keeps = law_tests(SftpConnector, crash_points=25)
test_a_served_folder_keeps = law_tests(Served, crash_points=10)


@pytest.mark.parametrize("number", [2, 3, 6, 12])
def test_a_folder_without_an_index_keeps_law(number: int) -> None:
    result = check_law(number, Unindexed, crash_points=10)
    assert result.verdict == "kept", result.detail
    assert "full" in result.detail or number == 3
