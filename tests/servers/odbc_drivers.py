"""What to write behind ``DRIVER=`` in a connection string on this machine, and how such a string is written.

::

    driver("postgresql")                                   # "PostgreSQL Unicode", or the path of psqlodbcw.so
    connection_string({"DRIVER": driver("sqlite"), "DATABASE": "/tmp/a;b.sqlite"})
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DRIVERS: Mapping[str, tuple[str, str]] = {
    "postgresql": ("PostgreSQL Unicode", "psqlodbcw.so"),
    "mariadb": ("MariaDB Unicode", "libmaodbc.so"),
    "sqlite": ("SQLite3", "libsqlite3odbc.so"),
    "tds": ("FreeTDS", "libtdsodbc.so"),
}
"""Of each kind: the name its Debian package registers, and its library."""

PACKAGES: Mapping[str, str] = {
    "postgresql": "odbc-postgresql",
    "mariadb": "odbc-mariadb",
    "sqlite": "libsqliteodbc",
    "tds": "tdsodbc",
}


@cache
def library(kind: str) -> Path | None:
    """The path of a driver's library, whether registered or not. None when it is not installed."""
    name = DRIVERS[kind][1]
    for folder in (f"/usr/lib/{platform.machine()}-linux-gnu/odbc", "/usr/lib/odbc", "/usr/lib64", "/usr/local/lib"):
        path = Path(folder) / name
        if path.exists():
            return path
    return None


@cache
def driver(kind: str) -> str:
    """The driver's name where the driver manager knows one, else its library's path. Raises RuntimeError when there is none."""
    import pyodbc

    name, file = DRIVERS[kind]
    path = library(kind)
    if path is None:
        raise RuntimeError(f"there is no {file} on this machine: apt-get install {PACKAGES[kind]}")
    return name if name in pyodbc.drivers() else str(path)


def connection_string(parts: Mapping[str, object]) -> str:
    """``KEY=value;`` for each part; a value is put in braces where it could be taken for something else."""
    return "".join(f"{key}={_quoted(str(value))};" for key, value in parts.items())


def _quoted(value: str) -> str:
    # No more braces than are needed: psqlodbc takes them off a password, but for a part of the name in DATABASE.
    if value == value.strip() and ";" not in value and not value.startswith("{"):
        return value
    return "{" + value.replace("}", "}}") + "}"
