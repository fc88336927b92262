"""Which connectors are installed, and how one is found by name. A broken one is a finding, never a crash."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from connector_sdk.config import config_from, config_model
from connector_sdk.contract import Connector
from connector_sdk.errors import ConfigError, redact

__all__ = ["GROUP", "Plugin", "find", "installed", "make"]

GROUP = "connector_sdk.connectors"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One installed connector: its name, its distribution, and either its class or what keeps it from loading."""

    name: str
    distribution: str
    version: str
    target: str
    connector: Any = None
    problem: str | None = None


def installed() -> list[Plugin]:
    """Every connector that an installed package declares, sorted by name. Two packages with one name are a problem of both."""
    points = sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name)
    unique = {(point.name, point.value): point for point in points}
    counts: dict[str, int] = {}
    for name, _ in unique:
        counts[name] = counts.get(name, 0) + 1
    found = [_load(point) for point in unique.values()]
    return [
        plugin
        if counts[plugin.name] == 1
        else Plugin(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            target=plugin.target,
            problem=f"{counts[plugin.name]} installed packages declare this name",
        )
        for plugin in found
    ]


def _load(point: metadata.EntryPoint) -> Plugin:
    about = {
        "name": point.name,
        "distribution": point.dist.name if point.dist else "?",
        "version": point.dist.version if point.dist else "?",
        "target": point.value,
    }
    try:
        return Plugin(connector=point.load(), **about)
    except Exception as error:  # a guest may raise anything at import
        return Plugin(problem=redact(f"{type(error).__name__}: {error}"), **about)


def find(name: str) -> Any:
    """The connector class called `name`: an installed one, or ``module:Class``. Raises ConfigError that says what there is."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigError(f"there is no connector {name}: {error}", hint="write it as module:Class") from None
    points = [p for p in metadata.entry_points(group=GROUP) if p.name == name]
    if not points:
        others = ", ".join(sorted({p.name for p in metadata.entry_points(group=GROUP)})) or "none"
        raise ConfigError(
            f"there is no connector {name!r}",
            hint=f"installed: {others}; pip install connector-{name}, or module:Class",
        )
    if len({p.value for p in points}) > 1:
        raise ConfigError(
            f"{len(points)} installed packages declare a connector {name!r}: "
            + ", ".join(sorted(p.dist.name for p in points if p.dist)),
            hint="uninstall one, or name it as module:Class",
        )
    plugin = _load(points[0])
    if plugin.problem is not None:
        raise ConfigError(f"the connector {name!r} of {plugin.distribution} {plugin.version} does not load: {plugin.problem}")
    return plugin.connector


def make(connector: Any, settings: Mapping[str, object], where: str = "configuration") -> Connector:
    """An instance of a connector class from plain settings, checked against its config model. Does no I/O."""
    result: Connector = connector(config_from(config_model(connector), settings, where))
    return result
