"""What an ODBC error means for the caller: SQLSTATE and native number become one of the SDK's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector_sdk.errors import ConfigError, ConnectorError, DataError, InternalError, SchemaDriftError, TransientError

__all__ = ["failure", "native_number", "server_message", "sql_state"]

_NATIVE = re.compile(r"\((-?\d+)\)(?:\s*\(SQL\w+\))?\s*$")
_PREFIX = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_TRAIL = re.compile(r"\s*\(-?\d+\)(?:\s*\(SQL\w+\))?$")

_STATES: Mapping[str, type[ConnectorError]] = {
    "01": DataError,  # a truncation, where it is raised at all
    "01000": ConfigError,  # unixODBC: the library of a driver does not load
    "08": TransientError,
    "0A": ConfigError,
    "21": DataError,
    "22": DataError,
    "23": DataError,
    "25": TransientError,
    "25006": ConfigError,  # a read-only transaction
    "28": ConfigError,
    "3D": ConfigError,
    "3F": ConfigError,
    "40": TransientError,
    "42": ConfigError,
    "42501": ConfigError,
    "42S02": SchemaDriftError,
    "42P01": SchemaDriftError,
    "42S22": SchemaDriftError,
    "42703": SchemaDriftError,
    "53": TransientError,
    "55": TransientError,
    "57": TransientError,
    "58": TransientError,
    "HY000": TransientError,
    "HYT00": TransientError,
    "HYT01": TransientError,
    "IM002": ConfigError,
    "IM003": ConfigError,
    "IM004": ConfigError,
    "HY024": ConfigError,
}

_HINTS: Mapping[str, str] = {
    "IM002": "`odbcinst -q -d` lists the drivers that are installed, `odbcinst -q -s` the data sources",
    "IM003": "the driver's library does not load: is its package installed?",
    "01000": "the driver's library does not load: is its package installed?",
    "28": "check `user` and `password`",
    "3D": "check `database`",
    "42501": "the login lacks a privilege for this",
    "25006": "the login, or the server, may only read",
    "53": "the server is out of disk, memory or connections",
}


def sql_state(error: BaseException) -> str:
    """The SQLSTATE of a pyodbc error, ``HY000`` where it tells none."""
    state = str(error.args[0]) if error.args else ""
    return state if re.fullmatch(r"[0-9A-Z]{5}", state) else "HY000"


def _text(error: BaseException) -> str:
    return str(error.args[1] if len(error.args) > 1 else error)


def native_number(error: BaseException) -> int | None:
    """The server's own error number, where the driver tells it."""
    # A failed login carries several diagnostics, one after the other; the first is the cause.
    first = _text(error).split("; [")[0]
    found = _NATIVE.search(first)
    return int(found.group(1)) if found else None


def server_message(error: BaseException) -> str:
    """What the database itself said, without the driver's brackets and numbers, on one line."""
    first = " ".join(_text(error).split("; [")[0].split())
    return _TRAIL.sub("", _PREFIX.sub("", first)).removeprefix("ERROR: ").strip() or type(error).__name__


def failure(
    error: BaseException,
    doing: str,
    errors: Mapping[str | int, type[ConnectorError]] = {},
    *,
    stream: str | None = None,
) -> ConnectorError:
    """The SDK's error for a pyodbc or arrow-odbc `error` that happened while `doing`; `errors` is the profile's own reading."""
    if isinstance(error, ConnectorError):
        return error
    state, number = sql_state(error), native_number(error)
    kind = errors.get(number) if number is not None else None
    kind = kind or errors.get(state) or _STATES.get(state) or _STATES.get(state[:2]) or InternalError
    hint = _HINTS.get(state) or _HINTS.get(state[:2])
    code = state if number in (None, 0, 1) else f"{state}/{number}"
    return kind(f"{doing}: {server_message(error)}", hint=hint, code=code, stream=stream)
