"""The driver profiles, and which of them a configuration means."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from connector_sdk.errors import ConfigError

from connector_odbc import driver_manager, installed
from connector_odbc.config import OdbcConfig
from connector_odbc.profiles import db2, generic, mariadb, oracle, postgresql, simulated, sqlite, sqlserver
from connector_odbc.profiles.profile import Profile

__all__ = ["PROFILES", "find", "verified"]

logger = logging.getLogger(__name__)

PROFILES: Mapping[str, Profile] = {
    module.PROFILE.name: module.PROFILE for module in (postgresql, mariadb, sqlite, sqlserver, db2, oracle, simulated, generic)
}


def find(config: OdbcConfig, keywords: Mapping[str, str]) -> Profile:
    """The profile that `config` names, or that knows the driver in `keywords` or behind its data source; else the generic one.

    Raises ConfigError for a name that is none.
    """
    if config.profile is not None:
        try:
            return PROFILES[config.profile]
        except KeyError:
            raise ConfigError(f"there is no profile {config.profile!r}", hint=f"there are {', '.join(PROFILES)}") from None
    names = _drivers(keywords)
    return next((profile for profile in PROFILES.values() if _any(profile.drivers, names)), generic.PROFILE)


def verified(config: OdbcConfig, found: Profile, system: str) -> Profile:
    """`found`, or the one that is right for what the connection calls its DBMS (SQL_DBMS_NAME).

    Raises ConfigError where the configuration names a profile, and the system is one that another profile knows.
    """
    right = next((profile for profile in PROFILES.values() if _any(profile.systems, [system.lower()])), None)
    if right is None:
        if found.systems and config.profile is None:
            logger.warning("this driver is known with %s, but the server is %s: taken as generic", found.title, system)
            return generic.PROFILE
        return found
    if right is found or (found is generic.PROFILE and config.profile is not None):
        return found
    if config.profile is not None and not set(right.systems) & set(found.systems):
        raise ConfigError(
            f"profile {found.name} is configured, but the server is {system}", hint=f"leave `profile` out, or write {right.name}"
        )
    return found if config.profile is not None or set(right.systems) & set(found.systems) else right


def _drivers(keywords: Mapping[str, str]) -> list[str]:
    """What is known of the driver, lower case: its name, the file name of its library, and those of its data source."""
    names = [keywords["DRIVER"]] if "DRIVER" in keywords else []
    if "DSN" in keywords and not names:
        names = [value for value in (installed.data_source(keywords["DSN"]).get("DRIVER"), *_listed(keywords["DSN"])) if value]
    libraries = [installed.library(name) for name in names]
    return [PurePath(name).name.lower() for name in (*names, *libraries)]


def _listed(dsn: str) -> list[str]:
    """The driver of a data source by the driver manager itself, which may know files that we do not."""
    return [driver for name, driver in driver_manager.pyodbc().dataSources().items() if name.lower() == dsn.lower()]


def _any(parts: Sequence[str], names: Sequence[str]) -> bool:
    return any(part in name for part in parts for name in names)
