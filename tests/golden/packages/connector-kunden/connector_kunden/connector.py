"""The connector itself: what generated/ knows about the files, on the machinery of connector-sftp."""

from __future__ import annotations

from connector_sftp import SftpConfig, SftpConnector

from connector_kunden.generated.streams import STREAMS

FILES = {
    "kunden": "kunden*.csv",
}
"""Which files are which stream; `streams` in a configuration comes before it."""


class KundenConnector(SftpConnector):
    """The files of kunden, on an SFTP server or in a folder."""

    simulator = "connector_kunden.simulator:KundenSimulator"

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config, layouts=STREAMS, files=FILES)
