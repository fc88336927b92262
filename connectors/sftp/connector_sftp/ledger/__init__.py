"""What an INCREMENTAL read remembers of the files it has read: all of them where there is an index, else what fits a state."""

from __future__ import annotations

from connector_sftp.ledger.exact import ExactLedger
from connector_sftp.ledger.in_state import CAPACITY, InStateLedger
from connector_sftp.ledger.opening import open_ledger
from connector_sftp.ledger.position import Position
from connector_sftp.ledger.protocol import Ledger

__all__ = ["CAPACITY", "ExactLedger", "InStateLedger", "Ledger", "Position", "open_ledger"]
