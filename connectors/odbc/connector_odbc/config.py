"""What a user says about the database: how to reach it, who reads, and which of its tables are streams."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from connector_sdk.config import ConnectorConfig, Secret
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["OdbcConfig", "TableConfig"]

_PASSWORD = re.compile(r"(?i)(?:^|;)\s*(?:pwd|password)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)")


class TableConfig(BaseModel):
    """What the catalogue does not say about one table, or says wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: Annotated[
        list[str] | None, Field(description="columns that identify a row, where the table declares no primary key")
    ] = None
    cursor: Annotated[
        str | None, Field(description="column that grows with every change: what incremental reads go by; null: none")
    ] = None
    overlap: Annotated[
        float | None,
        Field(
            ge=0,
            description="how much before the last value of the cursor incremental reads begin, in seconds (or the cursor's own "
            "numbers), so that rows come again; left out: nothing where late commits can be told otherwise, else 60",
        ),
    ] = None
    version: Annotated[
        str | None, Field(description="column that changes with every update: what conditional writes compare")
    ] = None


def _schemas(value: object) -> object:
    return [value] if isinstance(value, str) else value


class OdbcConfig(ConnectorConfig):
    """How to reach a database through ODBC: a connection string, a data source name, or a driver and its keywords."""

    connection: Annotated[
        str | None,
        Field(
            description="an ODBC connection string without the password; or env:NAME or file:PATH of a whole one",
            examples=["DRIVER=PostgreSQL Unicode;SERVER=db;DATABASE=shop", "env:SHOP_CONNECTION"],
        ),
    ] = None
    dsn: Annotated[str | None, Field(description="a data source name of odbc.ini")] = None
    driver: Annotated[str | None, Field(description="a driver's name in odbcinst.ini, or the path of its library")] = None
    server: Annotated[str | None, Field(description="name or address of the database server")] = None
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    database: Annotated[str | None, Field(description="the database; a file for SQLite")] = None
    user: Annotated[str | None, Field(description="login name")] = None
    password: Annotated[Secret | None, Field(description="the login's password")] = None
    options: Annotated[
        dict[str, str], Field(default_factory=dict, description="more keywords of the driver, e.g. SSLmode: require")
    ]
    profile: Annotated[str | None, Field(description="the driver profile, where the driver's name does not tell it")] = None
    schemas: Annotated[
        list[str],
        BeforeValidator(_schemas),
        Field(default_factory=list, description="schemas whose tables are streams; the login's own one if left out"),
    ]
    tables: Annotated[
        list[str], Field(default_factory=list, description="patterns of the tables that are streams; all if left out")
    ]
    exclude: Annotated[list[str], Field(default_factory=list, description="patterns of tables that are not")]
    streams: Annotated[
        dict[str, TableConfig], Field(default_factory=dict, description="by stream name: what the catalogue does not say")
    ]
    changes: Annotated[
        Literal["auto", "log", "versions", "triggers", "snapshot", "none"],
        Field(description="how changes are captured; auto is the best method that `connector capture` has installed"),
    ] = "auto"
    capture: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_]{0,30}$",
            description="what the log keeps is kept under this name; each reader that goes its own way wants one of its own",
        ),
    ] = "connector"
    purge_history: Annotated[
        bool, Field(description="history of system-versioned tables that was read is deleted; else it grows, for others to see")
    ] = False
    retained_mb: Annotated[
        int, Field(ge=1, description="megabytes of log that the server may keep for us before there is a warning")
    ] = 1024
    timeout: Annotated[float, Field(gt=0, description="seconds to wait for a login, and for a lock")] = 30.0
    query_timeout: Annotated[float | None, Field(gt=0, description="seconds any one statement may take; null: any")] = None
    batch_rows: Annotated[int, Field(ge=1, le=1_000_000, description="rows fetched at once")] = 25_000
    max_value_bytes: Annotated[int, Field(ge=1024, description="a longer text or binary value is a reject")] = 64 << 20
    split_rows: Annotated[int, Field(ge=1, description="a table is read in key ranges of about this many rows")] = 250_000

    @model_validator(mode="before")
    @classmethod
    def _password_apart(cls, settings: Any) -> Any:
        """A password within `connection` becomes `password`: the connection string can then be shown."""
        if not isinstance(settings, dict) or not isinstance(settings.get("connection"), str):
            return settings
        text: str = settings["connection"]
        found = _PASSWORD.search(text)
        if found is None or text.startswith(("env:", "file:")):
            return settings
        value = found.group(1).strip()
        if value.startswith("{") and value.endswith("}"):
            value = value[1:-1].replace("}}", "}")
        rest = text[: found.start()] + text[found.end() :]
        return {"password": value or None, **settings, "connection": rest.strip(";")}

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        ways = [name for name in ("connection", "dsn", "driver") if getattr(self, name) is not None]
        if len(ways) != 1:
            given = " and ".join(ways) or "none"
            raise ValueError(f"one of connection, dsn and driver says how to reach the database; {given} of them is given")
        return self
