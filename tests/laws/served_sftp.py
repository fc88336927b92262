"""The SFTP connector whose laws are looked at over a real connection instead of in a local folder."""

from connector_sftp import SftpConnector


class ServedSftpConnector(SftpConnector):
    simulator = "connector_sftp.simulator:ServedSimulator"
