"""What every driver profile has to say, tested with its system or not: it is data, and the data are whole."""

from __future__ import annotations

import itertools
import re
import string

import pyarrow as pa
import pytest
from connector_odbc import profiles
from connector_odbc.catalogue import Column
from connector_odbc.config import OdbcConfig
from connector_odbc.connection_string import connection_string
from connector_odbc.meanings import Meaning
from connector_odbc.profiles import PROFILES
from connector_odbc.profiles.profile import Profile
from connector_odbc.profiles.standard_types import by_rows
from hypothesis import given, settings
from hypothesis import strategies as st

every = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)

DRIVERS = {
    "PostgreSQL Unicode": "postgresql",
    "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so": "postgresql",
    "MariaDB Unicode": "mariadb",
    "/usr/lib/x86_64-linux-gnu/odbc/libmaodbc.so": "mariadb",
    "MySQL ODBC 8.0 Unicode Driver": "mariadb",
    "SQLite3": "sqlite",
    "FreeTDS": "sqlserver",
    "/usr/lib/x86_64-linux-gnu/odbc/libtdsodbc.so": "sqlserver",
    "ODBC Driver 18 for SQL Server": "sqlserver",
    "/opt/microsoft/msodbcsql18/lib64/libmsodbcsql-18.3.so.2.1": "sqlserver",
    "IBM i Access ODBC Driver": "db2",
    "iSeries Access ODBC Driver": "db2",
    "/opt/ibm/clidriver/lib/libdb2o.so": "db2",
    "Oracle 21 ODBC driver": "oracle",
    "/opt/oracle/instantclient_21_12/libsqora.so.21.1": "oracle",
    "Firebird": "generic",
}

SYSTEMS = {
    "PostgreSQL": "postgresql",
    "MariaDB": "mariadb",
    "MySQL": "mariadb",
    "SQLite": "sqlite",
    "Microsoft SQL Server": "sqlserver",
    "DB2/LINUXX8664": "db2",
    "AS": "generic",
    "Oracle": "oracle",
    "Firebird": "generic",
}


@pytest.mark.parametrize(("driver", "name"), DRIVERS.items())
def test_a_driver_is_known_by_its_name_or_its_library(driver: str, name: str) -> None:
    config = OdbcConfig(driver=driver)
    assert profiles.find(config, connection_string(config)).name == name


@pytest.mark.parametrize(("system", "name"), SYSTEMS.items())
def test_a_system_is_known_by_what_it_calls_itself(system: str, name: str) -> None:
    assert profiles.verified(OdbcConfig(driver="unheard of"), PROFILES["generic"], system).name == name


def test_a_driver_with_a_system_that_is_not_its_own_is_generic(caplog: pytest.LogCaptureFixture) -> None:
    found = profiles.verified(OdbcConfig(driver="FreeTDS"), PROFILES["sqlserver"], "Adaptive Server Enterprise")
    assert found.name == "generic"
    assert "the server is Adaptive Server Enterprise" in caplog.text


@every
def test_a_profile_is_whole(profile: Profile) -> None:
    assert all(part == part.lower() for part in (*profile.drivers, *profile.systems))
    assert all(isinstance(found, Meaning) for found in profile.errors.values())
    # Parts of messages are compared in lower case.
    parts = [key for key in profile.errors if isinstance(key, str) and " " in key]
    assert all(part == part.lower() for part in parts)
    assert all(
        re.fullmatch(r"[0-9A-Z]{2}|[0-9A-Z]{5}", key) for key in profile.errors if isinstance(key, str) and key not in parts
    )
    for statement in (*profile.lock_timeout, *profile.query_timeout):
        assert {name for _, name, _, _ in string.Formatter().parse(statement) if name} <= {"seconds", "milliseconds"}
        statement.format(seconds=1, milliseconds=1000)
    assert "{query}" in profile.reads.limit and "{rows}" in profile.reads.limit


@every
def test_catalogue_queries_take_one_schema(profile: Profile) -> None:
    if profile.catalogue is None:
        assert profile.name in ("generic", "db2")
        return
    for name in ("tables", "columns", "keys", "relations", "indexes"):
        query = getattr(profile.catalogue, name)
        literals_gone = re.sub(r"'(?:[^']|'')*'", "''", query)
        assert literals_gone.count("?") == 1, name
        assert literals_gone.count("(") == literals_gone.count(")"), name


@every
@given(name=st.text(min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_a_quoted_name_says_only_itself(profile: Profile, name: str) -> None:
    quoted = profile.quote(name)
    start, end = profile.quotes
    assert quoted.startswith(start) and quoted.endswith(end)
    inside = quoted[len(start) : -len(end)]
    assert inside.replace(end + end, "") == name.replace(end, "")
    assert inside.replace(end + end, end) == name


KINDS = [
    *("tinyint", "smallint", "int", "integer", "bigint", "decimal", "numeric", "number", "money", "smallmoney", "decfloat"),
    *("bit", "boolean", "real", "float", "double", "binary_float", "binary_double", "char", "varchar", "varchar2", "nvarchar"),
    *("text", "clob", "xml", "json", "date", "time", "datetime", "datetime2", "datetimeoffset", "timestamp", "rowversion"),
    *("uniqueidentifier", "uuid", "binary", "varbinary", "raw", "blob", "image", "interval", "sql_variant", "xmltype", "rowid"),
    *("timestamp with time zone", "character varying", "char for bit data", "nonesuch", ""),
]
SIZES: list[dict[str, int]] = [{}, {"length": 20}, {"precision": 12, "scale": 2}, {"precision": 7}, {"precision": 60, "scale": 3}]


@every
def test_every_column_has_a_way(profile: Profile) -> None:
    for kind, sizes in itertools.product(KINDS, SIZES):
        typed = profile.typed(Column(name="a", native=kind, kind=kind, **sizes))
        assert isinstance(typed.type, pa.DataType)
        assert "{column}" in typed.select and "{value}" in typed.bind
        typed.select.format(column='"a"')
        assert typed.restore is not None or typed.wire in (None, typed.type), "who makes the one of the other?"


@every
def test_what_nobody_knows_is_text_and_says_so(profile: Profile) -> None:
    typed = profile.typed(Column(name="a", native="nonesuch", kind="nonesuch"))
    assert typed.type == pa.string()
    assert typed.note or profile.name == "sqlite"
    assert not by_rows(Column(name="a", native="x", kind="x")).bulk
