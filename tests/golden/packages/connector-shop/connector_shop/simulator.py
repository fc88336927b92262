"""A stand-in for the system: a folder of plausible files, for tests and for trying things out."""

from __future__ import annotations

from connector_sftp.simulator import SftpSimulator

from connector_shop.generated.streams import STREAMS


class ShopSimulator(SftpSimulator):
    """Files as shop writes them; all of it follows from `seed`."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed, layouts=STREAMS)
