"""The connector itself: what generated/ knows about the files, on the machinery of connector-sftp."""

from __future__ import annotations

from connector_sftp import SftpConfig, SftpConnector

from connector_shop.generated.streams import STREAMS

FILES = {
    "orders": "orders*.csv",
    "customers": "customers*.csv",
}
"""Which files are which stream; `streams` in a configuration comes before it."""


class ShopConnector(SftpConnector):
    """The files of shop, on an SFTP server or in a folder."""

    simulator = "connector_shop.simulator:ShopSimulator"

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config, layouts=STREAMS, files=FILES)
