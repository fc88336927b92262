"""Every law, for a local folder and for the same folder behind SFTP."""

from __future__ import annotations

from connector_sdk.testing.laws import law_tests
from connector_sftp import SftpConnector


class Served(SftpConnector):
    """The connector, with a simulator that serves its folder."""

    simulator = "connector_sftp.simulator:ServedSimulator"


test_a_local_folder_keeps = law_tests(SftpConnector, crash_points=25)
test_a_served_folder_keeps = law_tests(Served, crash_points=10)
