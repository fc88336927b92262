"""Getting in, and every way of not getting in: one clear line, the right class, what to do about it, and never the password."""

from __future__ import annotations

import logging
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pyodbc
import pytest
from connector_odbc import OdbcConnector, profiles
from connector_odbc.connection_string import connection_string, keywords, rendered
from connector_odbc.database import Database
from connector_sdk.errors import ConfigError, ConnectorError, TransientError
from connector_sdk.plugins import make
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.odbc.tests.conftest import System

WRONG = "correct-horse}; battery=staple"


def check(system: System, **more: object) -> None:
    with system.connector(**more) as connector:
        connector.check()


def refusal(system: System, **more: object) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        check(system, **more)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture(params=["postgresql", "mariadb"])
def served(request: pytest.FixtureRequest) -> System:
    """A database behind a server."""
    fresh: System = request.getfixturevalue(f"{request.param}_system")
    return fresh


def test_the_database_answers(system: System) -> None:
    check(system)


def test_a_connection_string_gets_in(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = system.database.connection_string()
    monkeypatch.setenv("WHOLE", whole)
    with make(OdbcConnector, {"connection": "env:WHOLE"}) as connector:
        connector.check()
        assert str(system.database.parts.get("PWD", "no password")) not in repr(connector.config)


def test_a_password_in_a_connection_string_is_taken_out_of_it(served: System) -> None:
    with pytest.warns(UserWarning, match="secret is written in the configuration itself"):
        connector = make(OdbcConnector, {"connection": served.database.connection_string()})
    config = connector.config
    assert str(served.database.parts["PWD"]) not in repr(config) + config.model_dump_json()
    with connector:
        connector.check()
    with pytest.raises(ConfigError, match="literal secret does not travel"):
        pickle.dumps(connector)


def test_a_wrong_password_is_one_line_without_it(
    served: System, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WRONG_PASSWORD", WRONG)
    with caplog.at_level(logging.DEBUG):
        error = refusal(served, password="env:WRONG_PASSWORD")
    assert isinstance(error, ConfigError) and error.exit_code == 2
    assert "check `user` and `password`" in str(error)
    assert served.settings["user"] in str(error)
    told = str(error) + repr(error) + repr(pickle.loads(pickle.dumps(error))) + caplog.text
    assert "battery" not in told and "horse" not in told


def test_a_connector_with_a_reference_pickles_without_the_password(served: System) -> None:
    with served.connector() as connector:
        connector.check()
    password = str(served.database.parts["PWD"]).encode()
    assert password not in pickle.dumps(served.connector())
    assert password.decode() not in repr(connector.config) + repr(vars(connector))


def test_no_such_user(served: System) -> None:
    error = refusal(served, user="nobody_of_that_name")
    assert isinstance(error, ConfigError) and "check `user` and `password`" in str(error)


def test_no_such_database(served: System) -> None:
    error = refusal(served, database="no_such_database")
    assert isinstance(error, ConfigError) and error.exit_code == 2
    assert "no_such_database" in error.message and "check `database`" in str(error)


def test_a_port_where_nobody_listens(served: System) -> None:
    with socket.socket() as free:  # bound and not listening: nobody else can take it meanwhile
        free.bind(("127.0.0.1", 0))
        error = refusal(served, port=free.getsockname()[1])
    assert isinstance(error, TransientError) and error.exit_code == 3
    assert "check `server` and `port`" in str(error)


def test_a_host_that_does_not_exist(served: System) -> None:
    error = refusal(served, server="no-such-host.invalid")
    assert isinstance(error, TransientError) and "no-such-host.invalid" in error.message


def test_a_stopped_server_is_worth_another_try(served: System) -> None:
    with served.connector() as connector:
        connector.check()
        served.server.stop()
        try:
            with pytest.raises(TransientError):
                connector.check()
            with pytest.raises(TransientError, match="check `server`"):
                connector.check()
        finally:
            served.server.start()
        connector.check()


def test_an_unknown_driver_names_those_there_are(sqlite_system: System) -> None:
    error = refusal(sqlite_system, driver="Nonesuch 9")
    assert isinstance(error, ConfigError)
    assert "'Nonesuch 9'" in error.message
    for name in pyodbc.drivers():
        assert name in str(error)


def test_a_library_that_is_not_there(sqlite_system: System) -> None:
    assert "'/no/such/driver.so'" in refusal(sqlite_system, driver="/no/such/driver.so").message


def test_a_library_that_is_no_driver(sqlite_system: System) -> None:
    error = refusal(sqlite_system, driver=sys.modules["_ssl"].__file__)
    assert isinstance(error, ConfigError)


def test_a_file_that_is_no_database(sqlite_system: System, tmp_path: Path) -> None:
    junk = tmp_path / "junk.sqlite"
    junk.write_text("this is no database at all " * 100)
    with sqlite_system.connector(database=str(junk)) as connector, pytest.raises(ConfigError, match="another kind of file"):
        list(connector.discover())


def test_a_folder_that_is_not_there(sqlite_system: System) -> None:
    error = refusal(sqlite_system, database="/no/such/folder/x.sqlite")
    assert isinstance(error, ConfigError) and "its folder has to be there" in str(error)


@pytest.mark.parametrize("library", ["pyodbc", "arrow_odbc"])
def test_no_driver_manager_is_one_sentence_with_the_package(tmp_path: Path, library: str) -> None:
    (tmp_path / "libodbc.so.2").write_bytes(b"")
    program = (
        "from connector_odbc import driver_manager\nfrom connector_sdk.errors import ConfigError\n"
        f"try:\n    driver_manager.{library}()\nexcept ConfigError as error:\n    print(error.code, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith("no_driver_manager no ODBC driver manager on this machine (libodbc.so.2) — ")
    assert "apt-get install unixodbc" in done.stdout and len(done.stdout.splitlines()) == 1


def test_the_package_is_imported_without_a_driver_manager(tmp_path: Path) -> None:
    (tmp_path / "libodbc.so.2").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-c", "import connector_odbc"], env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}, timeout=60
    )
    assert done.returncode == 0


# -- connection strings ------------------------------------------------------------------------------------------------------

values = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9 ]{0,6}[A-Z]", fullmatch=True), values, max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_connection_string_is_read_as_it_is_written(parts: dict[str, str]) -> None:
    assert keywords(rendered(parts)) == parts


@pytest.mark.parametrize("text", ["DRIVER", "DRIVER=x;;=y", "A={b", "A=1;{B}=2"])
def test_what_is_no_connection_string_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ConfigError, match="KEYWORD=value"):
        keywords(text)


def test_passwords_with_every_sign(postgresql_system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    literal = WRONG.replace("'", "''")
    name = f"odd_{postgresql_system.database.name}"
    postgresql_system.run(f"CREATE ROLE {name} LOGIN PASSWORD '{literal}'")
    try:
        monkeypatch.setenv("ODD", WRONG)
        check(postgresql_system, user=name, password="env:ODD")
    finally:
        postgresql_system.run(f"DROP ROLE {name}")


def test_what_the_user_gives_counts_before_the_profile(postgresql_system: System) -> None:
    database = Database(postgresql_system.connector(options={"fetch": "7"}).config)
    assert keywords(database.connection_string())["FETCH"] == "7"


# -- data sources and profiles -----------------------------------------------------------------------------------------------


@pytest.fixture
def data_source(sqlite_system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    ini = tmp_path / "odbc.ini"
    ini.write_text(f"[Shop]\nDriver = SQLite3\nDatabase = {sqlite_system.database.name}\nStepAPI = 0\n")
    monkeypatch.setenv("ODBCINI", str(ini))
    return "shop"


def test_a_data_source_is_known_by_its_driver_and_keeps_its_options(data_source: str, sqlite_system: System) -> None:
    sqlite_system.run("CREATE TABLE t (a integer PRIMARY KEY)")
    with make(OdbcConnector, {"dsn": data_source}) as connector:
        assert [stream.name for stream in connector.discover()] == ["t"]
        database = Database(connector.config)
        assert database.profile.name == "sqlite"
        assert "STEPAPI" not in keywords(database.connection_string())


def test_a_data_source_that_is_not_there(data_source: str) -> None:
    with pytest.raises(ConfigError, match="no data source 'Store'.*Shop"), make(OdbcConnector, {"dsn": "Store"}) as connector:
        connector.check()


def test_a_driver_under_another_name_is_known_by_its_library(
    tmp_path: Path, sqlite_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odbcinst.ini").write_text("[My Own]\nDriver = /opt/lib/psqlodbcw.so\n")
    monkeypatch.setenv("ODBCSYSINI", str(tmp_path))
    config = sqlite_system.connector(driver="my own").config
    assert profiles.find(config, connection_string(config)).name == "postgresql"


def test_a_driver_that_nobody_knows_is_known_by_its_server(sqlite_system: System, tmp_path: Path) -> None:
    from tests.servers.odbc_drivers import library

    link = tmp_path / "libunheardof.so"
    link.symlink_to(str(library("sqlite")))
    sqlite_system.run("CREATE TABLE t (a integer PRIMARY KEY)")
    database = Database(sqlite_system.connector(driver=str(link)).config)
    assert profiles.find(database.config, connection_string(database.config)).name == "generic"
    assert database.profile.name == "sqlite"
    assert keywords(database.connection_string())["STEPAPI"] == "1"
    database.close()


def test_a_profile_of_another_system_is_refused(sqlite_system: System) -> None:
    error = refusal(sqlite_system, profile="postgresql")
    assert isinstance(error, ConfigError)
    assert "profile postgresql is configured, but the server is SQLite" in error.message


def test_a_profile_that_is_none(sqlite_system: System) -> None:
    assert "there are postgresql, mariadb, sqlite" in str(refusal(sqlite_system, profile="nonesuch"))
