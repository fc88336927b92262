"""A real PostgreSQL on loopback for tests, demo and benchmarks: own data, own password, own port, logical decoding switched on.

::

    with PostgreSQL() as server:
        with server.database() as shop:           # a fresh database, dropped at the end
            shop.connection_string(UseDeclareFetch=1)
        server.restart()                          # same port, same data
        server.stop_hard(); server.start()        # as after a crash
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.database import Database
from tests.servers.odbc_drivers import connection_string, driver
from tests.servers.tenancy import Tenancy, find_program, on_quiet_port

_VERSIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
POSTGRES = find_program("postgres", *map(str, _VERSIONS))
INITDB = find_program("initdb", *map(str, _VERSIONS))

SETTINGS = {
    "fsync": "off",  # what is killed here is the server, never the machine
    "wal_level": "logical",
    "max_replication_slots": "20",
    "max_wal_senders": "20",
    "track_commit_timestamp": "on",
    "max_prepared_transactions": "10",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C.UTF-8",
    "jit": "off",
}


class PostgreSQL:
    """A running server between ``with`` and its end. `user` may do everything. `settings` are more lines of postgresql.conf.

    Raises RuntimeError when there is no PostgreSQL on this machine, or when it does not come up within thirty seconds.
    """

    kind = "postgresql"
    host = "127.0.0.1"
    user = "postgres"

    def __init__(self, **settings: object) -> None:
        self.settings = {**SETTINGS, **settings}
        self.password = secrets.token_hex(16)
        self.port = 0
        self._tenancy: Tenancy | None = None

    def __enter__(self) -> Self:
        if INITDB is None or POSTGRES is None:
            raise RuntimeError("there is no PostgreSQL on this machine: apt-get install postgresql")
        self._tenancy = tenancy = Tenancy("postgresql", account="postgres")
        try:
            word = tenancy.write("password", self.password)
            who = ["--username", self.user, "--pwfile", str(word), "--auth", "scram-sha-256"]
            what = ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
            tenancy.run([INITDB, "--pgdata", str(self.data), *who, *what])
            word.unlink()
            tenancy.make("socket")
            on_quiet_port(self._start_on)
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
        """The postmaster's process id; None while it is stopped."""
        return self.tenancy.process

    @property
    def small_disk(self) -> Path | None:
        """A location for ``CREATE TABLESPACE`` with room for 8 MB, empty after each start; None where we may not mount one."""
        return self.tenancy.small_disk

    def start(self) -> None:
        """Start it again on its port, after :meth:`stop` or :meth:`stop_hard`."""
        self._start_on(self.port)

    def _start_on(self, port: int) -> None:
        self.port = port
        listen = {"listen_addresses": self.host, "port": self.port, "unix_socket_directories": self.folder / "socket"}
        options = [part for key, value in {**self.settings, **listen}.items() for part in ("-c", f"{key}={value}")]
        assert POSTGRES is not None
        self.tenancy.start([POSTGRES, "-D", str(self.data), *options], self._ready)

    def stop(self) -> None:
        """A fast shutdown: its sessions are cut, their transactions rolled back."""
        self.tenancy.stop(signal.SIGINT)

    def stop_hard(self) -> None:
        """No shutdown at all: what a crash leaves behind. The next start recovers."""
        self.tenancy.stop(signal.SIGQUIT)

    def restart(self, *, hard: bool = False) -> None:
        """Stop and start on the same port with the same data."""
        if hard:
            self.stop_hard()
        else:
            self.stop()
        self.start()

    def parts(self, database: str = "postgres", user: str | None = None, password: str | None = None) -> dict[str, object]:
        """The parts of a connection string."""
        return {
            "DRIVER": driver("postgresql"),
            "SERVER": self.host,
            "PORT": self.port,
            "DATABASE": database,
            "UID": user or self.user,
            "PWD": self.password if password is None else password,
            "SSLMODE": "disable",
        }

    def connection_string(
        self, database: str = "postgres", user: str | None = None, password: str | None = None, **extra: object
    ) -> str:
        """A connection string for ODBC; `extra` are more parts (``UseDeclareFetch=1``) or other ones (``PORT=proxy.port``)."""
        return connection_string({**self.parts(database, user, password), **extra})

    @property
    def dsn(self) -> str:
        """What libpq's clients (psycopg, ADBC, connectorx) take: a URI without a database, ending in ``/``."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/"

    def run(self, *statements: str) -> None:
        """Run statements in the database ``postgres``, each by itself and committed."""
        Database(kind=self.kind, name="postgres", parts=self.parts(), server=self).run(*statements)

    @contextmanager
    def database(self, name: str | None = None) -> Iterator[Database]:
        """A fresh database, dropped at the end with the sessions and replication slots that it still has."""
        name = name or f"test_{secrets.token_hex(6)}"
        quoted = '"' + name.replace('"', '""') + '"'
        self.run(f"CREATE DATABASE {quoted} TEMPLATE template0")
        try:
            yield Database(kind=self.kind, name=name, parts=self.parts(name), server=self)
        finally:
            if self.process is None:  # left stopped, or crashed
                self.stop_hard()
                self.start()
            literal = name.replace("'", "''")
            here = f"FROM pg_replication_slots WHERE database = '{literal}'"
            self.run(
                f"SELECT pg_terminate_backend(active_pid, 5000) {here} AND active_pid IS NOT NULL",
                f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)",
            )

    def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # A crash leaves the file of the process before; its first line tells.
        return len(lines) > 7 and lines[7].strip() == "ready" and int(lines[0]) == self.process
