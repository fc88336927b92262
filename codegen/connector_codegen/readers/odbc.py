"""Reads a database's catalogue, live: tables, columns, keys and relations, as the installed connector `odbc` discovers them.

Only the connector knows drivers and their databases; here its streams become the model. What was seen is kept by the package as
an interface of its own, so that nothing but `--refresh` and `odbc:` asks the database again.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any

from connector_sdk import plugins, schema
from connector_sdk.config import LiteralSecretWarning
from connector_sdk.errors import ConfigError

from connector_codegen.model import Field, Interface, Source, Stream
from connector_codegen.problems import Problem

__all__ = ["PREFIX", "look", "settings_of"]

PREFIX = "odbc:"
_SECRET = re.compile(r"(?i)(?:^|;)\s*([^=;]*(?:pass|pwd|secret|token|api_?key)[^=;]*?)\s*=")


def settings_of(target: str, *, schemas: tuple[str, ...] = (), tables: tuple[str, ...] = ()) -> dict[str, Any]:
    """The connector's settings for what follows ``odbc:``: a connection string, a reference to one, or a data source's name.

    Raises ConfigError for one with a secret that only the whole could hide.
    """
    text = target.strip()
    if not text:
        raise ConfigError("odbc: says no database", hint="odbc:DSN, odbc:DRIVER=…;SERVER=…;DATABASE=…, or odbc:env:NAME")
    referred = text.startswith(("env:", "file:"))
    for found in () if referred else _SECRET.finditer(text):
        if found[1].upper() not in ("PWD", "PASSWORD"):
            raise ConfigError(
                f"{found[1]} in the connection string may be a secret, and would be written into the package",
                hint="put the connection string into a variable, and its name here: odbc:env:NAME",
                code="secret",
            )
    settings: dict[str, Any] = {"connection" if referred or "=" in text else "dsn": text}
    if schemas:
        settings["schemas"] = list(schemas)
    if tables:
        settings["tables"] = list(tables)
    return settings


def look(settings: Mapping[str, Any], problems: list[Problem], variable: str = "ODBC_PASSWORD") -> Interface:
    """The tables and views of the database that `settings` reach, as they are now, in the order of their names.

    A password that was written out becomes a reference to the environment's `variable`. Raises ConfigError where the connector
    is not installed or the database cannot be reached with these settings, TransientError where it does not answer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LiteralSecretWarning)  # it goes no further than here
        made: Any = plugins.make(plugins.find("odbc"), settings, "--from")
    kept = made.config.model_dump(mode="json", exclude_unset=True)
    kept = {name: value for name, value in kept.items() if value is not None}
    if "password" in kept and not kept["password"].startswith(("env:", "file:")):
        kept["password"] = f"env:{variable}"
        problems.append(Problem(level="note", where="password", what=f"is written nowhere; the package reads it from {variable}"))
    with made:
        found = sorted(made.discover(), key=lambda stream: stream.name)
    if not found:
        hint = "--schema names another schema, --tables the tables; the login sees what it may read"
        problems.append(Problem(level="error", where="the database", what="has no tables that could be read", hint=hint))
    names = {stream.name for stream in found}
    return Interface(source=Source(reader="odbc", settings=kept), streams=tuple(_stream(stream, names) for stream in found))


def _stream(found: schema.Stream, names: set[str]) -> Stream:
    return Stream(
        name=found.name,
        fields=tuple(
            Field(
                name=field.name,
                type=field.type,
                nullable=field.nullable,
                default=schema.default_of(field),
                native=schema.native_of(field),
                doc=schema.doc_of(field),
            )
            for field in found.schema
        ),
        keys=found.keys,
        relations=tuple(relation for relation in found.relations if relation.to in names),
        namespace=found.namespace,
        doc=found.doc,
    )
