"""The driver profiles, and which of them a configuration means."""

from __future__ import annotations

from collections.abc import Mapping

from connector_sdk.errors import ConfigError

from connector_odbc.config import OdbcConfig
from connector_odbc.profiles import generic, mariadb, postgresql, sqlite
from connector_odbc.profiles.profile import Profile

__all__ = ["PROFILES", "find"]

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (postgresql.PROFILE, mariadb.PROFILE, sqlite.PROFILE, generic.PROFILE)
}


def find(config: OdbcConfig, keywords: Mapping[str, str]) -> Profile:
    """The profile that `config` names, or that knows the driver in `keywords`; else the generic one.

    Raises ConfigError for a name that is none.
    """
    if config.profile is not None:
        try:
            return PROFILES[config.profile]
        except KeyError:
            raise ConfigError(f"there is no profile {config.profile!r}", hint=f"there are {', '.join(PROFILES)}") from None
    driver = keywords.get("DRIVER", "").lower()
    for profile in PROFILES.values():
        if any(part in driver for part in profile.drivers):
            return profile
    return generic.PROFILE
