"""The connector itself: what generated/ knows about the files, on the machinery of connector-sftp."""

from __future__ import annotations

from connector_sftp import SftpConfig, SftpConnector

from {{ cookiecutter.package }}.generated.streams import STREAMS

FILES = {
{%- for files in cookiecutter.files %}
    {{ files.literal }}: {{ files.pattern }},
{%- endfor %}
}
"""Which files are which stream; `streams` in a configuration comes before it."""


class {{ cookiecutter.class_name }}Connector(SftpConnector):
    """The files of {{ cookiecutter.name }}, on an SFTP server or in a folder."""

    simulator = "{{ cookiecutter.package }}.simulator:{{ cookiecutter.class_name }}Simulator"

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config, layouts=STREAMS, files=FILES)
