"""Connection strings reach the installed drivers, by name or by path, and carry any value."""

from __future__ import annotations

import pyodbc
import pytest

from tests.servers.odbc_drivers import DRIVERS, connection_string, driver, library


@pytest.mark.parametrize("kind", DRIVERS)
def test_each_driver_that_the_set_up_installs_is_there(kind):
    path = library(kind)
    assert path is not None
    assert path.is_file()
    assert driver(kind) in {DRIVERS[kind][0], str(path)}


@pytest.mark.parametrize("by", ["name", "path"])
def test_a_driver_is_reached_by_name_and_by_path(by, tmp_path):
    word = driver("sqlite") if by == "name" else library("sqlite")
    text = connection_string({"DRIVER": word, "DATABASE": tmp_path / "x.sqlite"})
    assert pyodbc.connect(text).execute("SELECT 1").fetchval() == 1


def test_values_that_could_be_taken_for_something_else_are_put_in_braces():
    assert connection_string({"A": "pl}ain", "B": "a;}b", "C": "{", "D": " "}) == "A=pl}ain;B={a;}}b};C={{};D={ };"
