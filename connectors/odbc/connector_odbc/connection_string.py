"""The ODBC connection string: from configuration to the driver, with the profile's flags and the secret in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector_sdk.config import Secret
from connector_sdk.errors import ConfigError, remember_secret

from connector_odbc.config import OdbcConfig

__all__ = ["connection_string", "keywords", "rendered"]

_PART = re.compile(r"\s*([^=;{}]+?)\s*=\s*(\{(?:[^}]|\}\})*\}|(?!\{)[^;]*)\s*(?:;|$)")
_SECRET = frozenset({"PWD", "PASSWORD"})
_NAMES = {"server": "SERVER", "port": "PORT", "database": "DATABASE", "user": "UID"}


def keywords(text: str) -> dict[str, str]:
    """The keywords of a connection string, upper-case, in their order; of one given twice the first counts, as ODBC has it.

    Raises ConfigError for text that is no connection string, without echoing it.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip("; ")):
        part = _PART.match(text, at)
        if part is None:
            raise ConfigError(
                f"the connection string is not KEYWORD=value;… after its {at}th character",
                hint="put values with ; or } in them in braces, and double each } there",
                code="connection",
            )
        value = part.group(2)
        if value.startswith("{"):
            value = value[1:-1].replace("}}", "}")
        found.setdefault(part.group(1).upper(), value)
        at = part.end()
    return found


def rendered(parts: Mapping[str, str]) -> str:
    """The connection string of `parts`; values are put in braces where the grammar needs it."""
    return ";".join(f"{name}={_braced(value)}" for name, value in parts.items())


def _braced(value: str) -> str:
    if re.search(r"[;{}=\[\](),?*!@]|^\s|\s$", value) is None:
        return value
    return "{" + value.replace("}", "}}") + "}"


def _given(config: OdbcConfig) -> dict[str, str]:
    if config.connection is not None:
        text = config.connection
        if text.startswith(("env:", "file:")):
            text = Secret(text).reveal()
        parts = keywords(text)
    elif config.dsn is not None:
        parts = {"DSN": config.dsn}
    else:
        assert config.driver is not None
        parts = {"DRIVER": config.driver}
    for setting, keyword in _NAMES.items():
        value = getattr(config, setting)
        if value is not None:
            parts[keyword] = str(value)
    parts.update({name.upper(): value for name, value in config.options.items()})
    if config.password is not None:
        parts["PWD"] = config.password.reveal()
    for name in _SECRET & parts.keys():
        remember_secret(parts[name])
        remember_secret(_braced(parts[name]))  # as a driver might show it
    return parts


def connection_string(config: OdbcConfig, options: Mapping[str, str] = {}) -> dict[str, str]:
    """The keywords to connect with: those of `config`, and of `options` the ones that `config` does not give, upper-case.

    Raises ConfigError for a connection string that is none, and for a secret that cannot be had.
    """
    given = _given(config)
    return {**given, **{name.upper(): value for name, value in options.items() if name.upper() not in given}}
