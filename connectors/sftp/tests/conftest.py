"""Where the tests' files lie: in a local folder, behind a real sshd, and behind the embedded server."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from connector_sdk.contract import Batch
from connector_sdk.plugins import make
from connector_sftp import SftpConnector

from tests.servers.installed import missing
from tests.servers.sshd import SSHD, Server, embedded, sshd

LAYOUT: Mapping[str, Any] = {
    "fields": [{"name": "id", "type": "int64", "nullable": False}, {"name": "text", "type": "string"}],
    "keys": ["id"],
}


@dataclass
class Place:
    """A folder on this machine, and the settings with which the connector reaches it."""

    folder: Path
    settings: Mapping[str, object]
    streams: dict[str, object] = field(default_factory=lambda: {"orders": {"files": "orders-*.csv", "layout": LAYOUT}})

    def connector(self, **more: object) -> SftpConnector:
        """A connector that does not wait for files to settle, unless told so."""
        made = make(SftpConnector, {"settle": 0, "streams": self.streams, **self.settings, **more})
        assert isinstance(made, SftpConnector)
        return made

    def drop(self, name: str, ids: Sequence[int], *, age: float = 1000.0) -> Path:
        """A file of the stream ``orders`` with these ids, `age` seconds old."""
        return self.write(name, "id,text\n" + "".join(f"{i},row {i}\n" for i in ids), age=age)

    def write(self, name: str, text: str | bytes, *, age: float = 1000.0) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        then = int(time.time() - age)
        os.utime(path, (then, then))
        return path

    def names(self) -> list[str]:
        """Every file below the folder, hidden ones too."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if SSHD is None:
        missing("sshd", "openssh-server")
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="session")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with embedded(tmp_path_factory.mktemp("embedded")) as running:
        yield running


@pytest.fixture(params=["local", "sshd", "embedded"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The same folder, three ways."""
    if request.param == "local":
        return Place(tmp_path, {"folder": str(tmp_path)})
    return served(request.getfixturevalue("real_server" if request.param == "sshd" else "small_server"))


@pytest.fixture
def remote(real_server: Server) -> Place:
    """A folder behind a real sshd."""
    return served(real_server)


@pytest.fixture
def local(tmp_path: Path) -> Place:
    """A folder of this machine."""
    return Place(tmp_path, {"folder": str(tmp_path)})


def served(server: Server) -> Place:
    name = uuid.uuid4().hex
    folder = server.folder / name
    folder.mkdir()
    return Place(folder, {**server.settings, "folder": f"{server.settings['folder']}/{name}"})


@pytest.fixture
def ids() -> Callable[[Sequence[Batch]], list[int]]:
    """The ids in batches of ``orders``, as they came."""
    return lambda batches: [value for batch in batches for value in batch.data.column("id").to_pylist()]
