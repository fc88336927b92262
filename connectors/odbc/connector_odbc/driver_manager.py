"""The system's ODBC driver manager and its drivers: import pyodbc and arrow-odbc, or say in one sentence what is missing."""

from __future__ import annotations

from typing import Any

from connector_sdk.errors import ConfigError

__all__ = ["arrow_odbc", "drivers", "pyodbc"]

_HINT = "Debian: apt-get install unixodbc; Fedora: dnf install unixODBC; macOS: brew install unixodbc"


def pyodbc() -> Any:
    """The module pyodbc. Raises ConfigError when the driver manager's library is not on this machine."""
    try:
        import pyodbc as module
    except ImportError as error:
        raise _missing(error) from None
    # Its own pool hands out connections with the session of somebody else.
    module.pooling = False
    return module


def arrow_odbc() -> Any:
    """The module arrow_odbc. Raises ConfigError when the driver manager's library is not on this machine."""
    try:
        import arrow_odbc as module
    except (ImportError, OSError) as error:
        raise _missing(error) from None
    return module


def drivers() -> dict[str, str]:
    """The drivers that odbcinst.ini names, in lower case, with the same names as written there."""
    return {name.lower(): name for name in pyodbc().drivers()}


def _missing(error: BaseException) -> ConfigError:
    if "libodbc" in str(error) or "libltdl" in str(error):
        return ConfigError("no ODBC driver manager on this machine (libodbc.so.2)", hint=_HINT, code="no_driver_manager")
    return ConfigError(f"the ODBC library for Python cannot be loaded: {error}", hint=_HINT, code="no_driver_manager")
