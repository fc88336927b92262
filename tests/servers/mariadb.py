"""A real MariaDB on loopback for tests, demo and benchmarks: own data, own password, own port.

::

    with MariaDB() as server:
        with server.database() as shop:           # a fresh database, dropped at the end
            shop.connection_string()
        server.restart()                          # same port, same data
        server.stop_hard(); server.start()        # as after a crash
"""

from __future__ import annotations

import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.database import Database
from tests.servers.odbc_drivers import connection_string, driver
from tests.servers.tenancy import Tenancy, find_program, on_quiet_port

MARIADBD = find_program("mariadbd", "/usr/sbin")
INSTALL = find_program("mariadb-install-db", "/usr/bin")

SETTINGS = {
    "character-set-server": "utf8mb4",
    "innodb-buffer-pool-size": "64M",
    "innodb-flush-log-at-trx-commit": "2",  # what is killed here is the server, never the machine
    "innodb-flush-method": "nosync",
    "max-allowed-packet": "256M",
    "default-time-zone": "+00:00",
    "skip-log-bin": None,
    "skip-name-resolve": None,
}


class MariaDB:
    """A running server between ``with`` and its end. `user` may do everything. `settings` are more options of mariadbd.

    Raises RuntimeError when there is no MariaDB on this machine, or when it does not come up within thirty seconds.
    """

    kind = "mariadb"
    host = "127.0.0.1"
    user = "root"

    def __init__(self, **settings: object) -> None:
        self.settings = {**SETTINGS, **{key.replace("_", "-"): value for key, value in settings.items()}}
        self.password = secrets.token_hex(16)
        self.port = 0
        self._tenancy: Tenancy | None = None

    def __enter__(self) -> Self:
        if MARIADBD is None or INSTALL is None:
            raise RuntimeError("there is no MariaDB on this machine: apt-get install mariadb-server-core mariadb-client-core")
        self._tenancy = tenancy = Tenancy("mariadb", account="mysql")
        try:
            tenancy.make("temporary")
            data = [f"--datadir={self.data}", f"--tmpdir={self.folder / 'temporary'}"]
            how = ["--skip-test-db", "--auth-root-authentication-method=normal", "--skip-name-resolve"]
            tenancy.run([INSTALL, "--no-defaults", *data, *how])
            first = [
                f"ALTER USER root@localhost IDENTIFIED BY '{self.password}';",
                f"CREATE OR REPLACE USER root@'{self.host}' IDENTIFIED BY '{self.password}';",
                f"GRANT ALL PRIVILEGES ON *.* TO root@'{self.host}' WITH GRANT OPTION;",
            ]
            script = tenancy.write("first.sql", "\n".join([*first, ""]))
            on_quiet_port(lambda port: self._start_on(port, f"--init-file={script}"))
            script.unlink()
        except BaseException:
            tenancy.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.tenancy.close()

    @property
    def tenancy(self) -> Tenancy:
        assert self._tenancy is not None, "not started"
        return self._tenancy

    @property
    def folder(self) -> Path:
        """Everything it has: data, socket, log."""
        return self.tenancy.folder

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.tenancy.log

    @property
    def process(self) -> int | None:
        """The server's process id; None while it is stopped."""
        return self.tenancy.process

    @property
    def small_disk(self) -> Path | None:
        """A ``DATA DIRECTORY`` for tables with room for 8 MB, empty after each start; None where we may not mount one."""
        return self.tenancy.small_disk

    def start(self) -> None:
        """Start it again on its port, after :meth:`stop` or :meth:`stop_hard`."""
        self._start_on(self.port)

    def _start_on(self, port: int, *first: str) -> None:
        self.port = port
        own = {
            "datadir": self.data,
            "tmpdir": self.folder / "temporary",
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "bind-address": self.host,
            "port": self.port,
        }
        options = [f"--{key}" if value is None else f"--{key}={value}" for key, value in {**self.settings, **own}.items()]
        assert MARIADBD is not None
        self.tenancy.start([MARIADBD, "--no-defaults", *options, *first], self._ready)

    def stop(self) -> None:
        """A shutdown: its sessions are cut, their transactions rolled back."""
        self.tenancy.stop(signal.SIGTERM)

    def stop_hard(self) -> None:
        """SIGKILL: what a crash leaves behind. The next start recovers."""
        self.tenancy.stop(signal.SIGKILL)

    def restart(self, *, hard: bool = False) -> None:
        """Stop and start on the same port with the same data."""
        if hard:
            self.stop_hard()
        else:
            self.stop()
        self.start()

    def parts(self, database: str = "", user: str | None = None, password: str | None = None) -> dict[str, object]:
        """The parts of a connection string."""
        return {
            "DRIVER": driver("mariadb"),
            "SERVER": self.host,
            "PORT": self.port,
            **({"DATABASE": database} if database else {}),
            "UID": user or self.user,
            "PWD": self.password if password is None else password,
        }

    def connection_string(self, database: str = "", user: str | None = None, password: str | None = None, **extra: object) -> str:
        """A connection string for ODBC; `extra` are more parts (``CHARSET="utf8mb4"``) or other ones (``PORT=proxy.port``)."""
        return connection_string({**self.parts(database, user, password), **extra})

    @property
    def dsn(self) -> str:
        """What other clients (connectorx, SQLAlchemy's drivers) take: a URI without a database, ending in ``/``."""
        return f"mysql://{self.user}:{self.password}@{self.host}:{self.port}/"

    def run(self, *statements: str) -> None:
        """Run statements outside of any database, each by itself and committed."""
        Database(kind=self.kind, name="", parts=self.parts(), server=self).run(*statements)

    @contextmanager
    def database(self, name: str | None = None) -> Iterator[Database]:
        """A fresh database, dropped at the end with the sessions that it still has."""
        name = name or f"test_{secrets.token_hex(6)}"
        quoted = "`" + name.replace("`", "``") + "`"
        self.run(f"CREATE DATABASE {quoted}")
        try:
            yield Database(kind=self.kind, name=name, parts=self.parts(name), server=self)
        finally:
            if self.process is None:  # left stopped, or crashed
                self.stop_hard()
                self.start()
            self._drop(name, quoted)

    def _drop(self, name: str, quoted: str) -> None:
        import pyodbc

        connection = Database(kind=self.kind, name="", parts=self.parts(), server=self).connect()
        try:
            literal = name.replace("'", "''")
            sessions = f"SELECT id FROM information_schema.processlist WHERE db = '{literal}' AND id <> connection_id()"
            for (session,) in connection.execute(sessions).fetchall():
                with suppress(pyodbc.Error):  # it has ended by itself
                    connection.execute(f"KILL {session}")
            connection.execute("SET lock_wait_timeout = 20")
            connection.execute(f"DROP DATABASE IF EXISTS {quoted}")
        finally:
            connection.close()

    def _ready(self) -> bool:
        # The port is open some time before the server greets whoever comes.
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as probe:
                return len(probe.recv(5)) == 5
        except OSError:
            return False
