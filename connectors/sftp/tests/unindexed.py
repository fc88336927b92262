"""The connector without an index: what it has read lies in its states alone."""

from __future__ import annotations

from collections.abc import Mapping

from connector_sftp import SftpConnector
from connector_sftp.simulator import SftpSimulator

__all__ = ["Unindexed", "UnindexedSimulator"]


class UnindexedSimulator(SftpSimulator):
    """The same drops, in a configuration that has no `index`."""

    @property
    def config(self) -> Mapping[str, object]:
        return {name: value for name, value in super().config.items() if name != "index"}


class Unindexed(SftpConnector):
    """The connector that the simulator is for."""

    simulator = f"{__name__}:UnindexedSimulator"
