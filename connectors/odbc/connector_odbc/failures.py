"""What an ODBC error means for the caller: SQLSTATE and native number become one of the SDK's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector_sdk.errors import ConfigError, ConnectorError, InternalError, TransientError

from connector_odbc import meanings
from connector_odbc.meanings import Meaning

__all__ = ["failure", "meaning", "native_number", "server_message", "sql_state"]

_STATE = re.compile(r"[0-9A-Z]{5}")
_NATIVE = re.compile(r"\((-?\d+)\)(?:\s*\(SQL\w+\))?\s*$")
_PREFIX = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_TRAIL = re.compile(r"(?:\s*\(-?\d+\))*(?:\s*\(SQL\w+\))?\s*$")
# What psqlodbc adds to every message of the server.
_ADDED = re.compile(
    r"(?i);\s*(?:Error while (?:executing the query|preparing parameters)|The connection has been lost"
    r"|[\w ]+ in the transaction)\s*$"
)
_LEVEL = re.compile(r"(?:^|(?<=failed: ))(?:ERROR|FATAL|PANIC):\s+")

# Of SQLSTATEs, longer ones first: what the standard and the driver managers say; profiles know their servers better.
_STATES: Mapping[str, Meaning] = {
    "01": meanings.REFUSED,  # a truncation, where it is raised at all
    "01000": meanings.NO_DRIVER,  # unixODBC: the library of a driver does not load
    "07": Meaning(kind=InternalError),
    "08": meanings.LOST,
    "08001": meanings.UNREACHABLE,
    "08004": meanings.LOGIN,
    "0A": meanings.UNSUPPORTED,
    "21": meanings.REFUSED,
    "22": meanings.REFUSED,
    "23": meanings.REFUSED,
    "25": Meaning(kind=TransientError),
    "25006": meanings.READ_ONLY,
    "28": meanings.LOGIN,
    "3D": meanings.DATABASE,
    "3F": meanings.GONE,
    "40": meanings.DEADLOCK,
    "42": meanings.UNSUPPORTED,
    "42501": meanings.DENIED,
    "42S02": meanings.GONE,
    "42S22": meanings.GONE,
    "44": meanings.REFUSED,
    "45": meanings.REFUSED,  # what a trigger signals
    "53": meanings.EXHAUSTED,
    "54": meanings.UNSUPPORTED,
    "55": meanings.LOCKED,
    "57": meanings.LOST,
    "58": meanings.EXHAUSTED,
    "HY000": Meaning(kind=TransientError),
    "HY001": meanings.EXHAUSTED,
    "HY008": meanings.TOO_LONG,
    "HY018": meanings.TOO_LONG,
    "HY024": meanings.UNSUPPORTED,
    "HYC00": meanings.UNSUPPORTED,
    "HYT00": meanings.TOO_LONG,
    "HYT01": meanings.LOST,
    "IM002": Meaning(
        kind=ConfigError,
        hint="`odbcinst -q -s` lists the data sources, `odbcinst -q -d` the drivers",
    ),
    "IM": meanings.NO_DRIVER,
    "S0002": meanings.GONE,  # ODBC 2, as old drivers still say it
    "S0022": meanings.GONE,
    "S1000": Meaning(kind=TransientError),
    "S1T00": meanings.TOO_LONG,
}


def sql_state(error: BaseException) -> str:
    """The SQLSTATE of a pyodbc error, ``HY000`` where it tells none."""
    state = str(error.args[0]) if error.args else ""
    return state if _STATE.fullmatch(state) else "HY000"


def _text(error: BaseException) -> str:
    return str(error.args[1] if len(error.args) > 1 else error)


def native_number(error: BaseException) -> int | None:
    """The server's own error number, where the driver tells it."""
    # A failed login carries several diagnostics, one after the other; the first is the cause.
    first = _text(error).split("; [")[0]
    found = _NATIVE.search(first)
    return int(found.group(1)) if found else None


def server_message(error: BaseException) -> str:
    """What the database itself said, without the driver's brackets, numbers and additions, on one line."""
    first = " ".join(_text(error).split("; [")[0].split())
    return _LEVEL.sub("", _ADDED.sub("", _TRAIL.sub("", _PREFIX.sub("", first)))).strip(" ;") or type(error).__name__


def meaning(error: BaseException, errors: Mapping[str | int, Meaning] = {}) -> Meaning:
    """What `error` means: by the profile's `errors` (number, a part of the message, SQLSTATE), or by the standard."""
    state, number = sql_state(error), native_number(error)
    if number is not None and number in errors:
        return errors[number]
    text = " ".join(_text(error).lower().split())
    if not state.startswith("IM"):  # there, no server has spoken yet
        for part, found in errors.items():
            if isinstance(part, str) and " " in part and part in text:
                return found
    for known in (state, state[:2]):
        if known in errors:
            return errors[known]
    return _STATES.get(state) or _STATES.get(state[:2]) or Meaning(kind=InternalError)


def failure(
    error: BaseException,
    doing: str,
    errors: Mapping[str | int, Meaning] = {},
    *,
    stream: str | None = None,
) -> ConnectorError:
    """The SDK's error for a pyodbc or arrow-odbc `error` that happened while `doing`; `errors` is the profile's own reading."""
    if isinstance(error, ConnectorError):
        return error
    state, number = sql_state(error), native_number(error)
    found = meaning(error, errors)
    code = state if number in (None, 0, 1) else f"{state}/{number}"
    return found.kind(f"{doing}: {server_message(error)}", hint=found.hint, code=code, stream=stream)
