"""Delimited files on an SFTP server, or in a folder of this machine, as typed streams."""

from __future__ import annotations

from connector_sftp.config import SftpConfig, StreamConfig
from connector_sftp.connector import SftpConnector

__all__ = ["SftpConfig", "SftpConnector", "StreamConfig"]
