"""Chinook on PostgreSQL, MariaDB and SQLite: the same models from each, and a copy round all three that loses nothing."""

from __future__ import annotations

import ast
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import connector_sdk
import pyarrow as pa
import pytest
from connector_sdk import Session

from tests.codegen.test_generate import run
from tests.servers.database import Database

HERE = Path(os.environ.get("CONNECTOR_CORPUS", "/nonexistent")) / "chinook"
pytestmark = pytest.mark.skipif(not HERE.is_dir(), reason="CONNECTOR_CORPUS is not set: the real files are not here")

FILES = {"postgresql": "Chinook_PostgreSql.sql", "mariadb": "Chinook_MySql.sql", "sqlite": "Chinook_Sqlite.sql"}
ROWS = {
    "Album": 347, "Artist": 275, "Customer": 59, "Employee": 8, "Genre": 25, "Invoice": 412, "InvoiceLine": 2240,
    "MediaType": 5, "Playlist": 18, "PlaylistTrack": 8715, "Track": 3503,
}  # fmt: skip
_PARTS = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|;", re.DOTALL)
_SERVERS_OWN = re.compile(r"(?i)(drop|create) database|use |\\c")


def statements(text: str) -> Iterator[str]:
    """The statements of a script, without comments and without those that make or choose a database."""
    start, held = 0, ""
    for found in _PARTS.finditer(text):
        part = found.group()
        if part.startswith(("--", "/*")):
            held, start = held + text[start : found.start()], found.end()
        elif part == ";":
            statement, held, start = (held + text[start : found.start()]).strip(), "", found.end()
            if statement and not _SERVERS_OWN.match(statement):
                yield statement


@pytest.fixture
def chinook(
    postgresql_database: Database, mariadb_database: Database, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Database]:
    """Chinook in all three."""
    loaded = {each.kind: each for each in (postgresql_database, mariadb_database, sqlite_database)}
    for kind, database in loaded.items():
        script = (HERE / FILES[kind]).read_text()
        if kind == "sqlite":
            connection = sqlite3.connect(database.name)
            connection.executescript(script)
            connection.close()
        else:
            connection = database.connect()
            # MariaDB's driver garbles long texts in UTF-16.
            connection.setencoding("utf-8")
            for statement in statements(script):
                connection.execute(statement)
            connection.close()
    return loaded


def opened(database: Database, monkeypatch: pytest.MonkeyPatch) -> Session:
    variable = f"{database.kind.upper()}_CHINOOK"
    monkeypatch.setenv(variable, database.connection_string())
    return connector_sdk.open("odbc", connection=f"env:{variable}")


def generated(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    variable = f"{database.kind.upper()}_CHINOOK"
    monkeypatch.setenv(variable, database.connection_string())
    run("new", f"chinook-{database.kind}", "--from", f"odbc:env:{variable}", "--out", folder)
    return folder / f"connector-chinook-{database.kind}" / f"connector_chinook_{database.kind}" / "generated"


def models(folder: Path) -> dict[str, dict[str, str]]:
    """Every class with its fields and their types."""
    classes = [node for node in ast.parse((folder / "models.py").read_text()).body if isinstance(node, ast.ClassDef)]
    return {
        each.name: {
            field.target.id: ast.unparse(field.annotation)
            for field in each.body
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        }
        for each in classes
    }


def meaning(folder: Path) -> dict[str, Any]:
    """Keys and relations of every class, in the words of generated code."""
    streams = json.loads((folder / "interface.json").read_text())["streams"]
    names = {stream["name"]: {field["name"]: field["identifier"] for field in stream["fields"]} for stream in streams}
    classes = {stream["name"]: stream["class_name"] for stream in streams}
    return {
        stream["class_name"]: (
            stream["identifier"],
            [names[stream["name"]][key] for key in stream["keys"]],
            sorted(
                (classes[each["to"]], [names[stream["name"]][c] for c in each["columns"]]) for each in stream.get("relations", ())
            ),
        )
        for stream in streams
    }


def types(folder: Path) -> dict[tuple[str, str], str]:
    streams = json.loads((folder / "interface.json").read_text())["streams"]
    return {(s["class_name"], f["identifier"]): f["type"] for s in streams for f in s["fields"]}


def test_each_database_gives_the_same_models(
    chinook: dict[str, Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {kind: generated(database, tmp_path, monkeypatch) for kind, database in chinook.items()}
    expected = models(made["postgresql"])
    assert sorted(expected) == sorted(ROWS)
    assert expected["Employee"]["reports_to"] == "int | None"
    assert expected["InvoiceLine"]["unit_price"] == "Decimal"
    assert {kind: models(folder) == expected for kind, folder in made.items()} == dict.fromkeys(made, True)
    keys = meaning(made["postgresql"])
    assert keys["PlaylistTrack"] == (
        "playlist_track",
        ["playlist_id", "track_id"],
        [("Playlist", ["playlist_id"]), ("Track", ["track_id"])],
    )
    assert {kind: meaning(folder) == keys for kind, folder in made.items()} == dict.fromkeys(made, True)
    # One type is another one: SQLite has integers of one width only.
    arrow = types(made["postgresql"])
    assert types(made["mariadb"]) == arrow
    assert types(made["sqlite"]) == {field: "int64" if kind == "int32" else kind for field, kind in arrow.items()}


def test_a_copy_round_all_three_reproduces_it(
    chinook: dict[str, Database],
    postgresql: Any,
    mariadb: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        mariadb.database() as second,
        postgresql.database() as last,
        opened(chinook["postgresql"], monkeypatch) as source,
    ):
        third = Database(kind="sqlite", name="copy", parts={**chinook["sqlite"].parts, "DATABASE": tmp_path / "copy.sqlite"})
        (tmp_path / "copy.sqlite").touch()
        truth = {stream.name: source.read(stream.name).table() for stream in source.discover()}
        assert sorted(table.num_rows for table in truth.values()) == sorted(ROWS.values())
        at = source
        for database in (second, third, last):
            with opened(at_next := database, monkeypatch) as sink:
                result = connector_sdk.copy(at, sink, write="replace")
                assert result.rejects == 0
            at = opened(at_next, monkeypatch)
        with at as copied:
            streams = {stream.name: stream for stream in copied.discover()}
            for name, table in truth.items():
                found, keys = copied.read(name).table(), source.stream(name).keys
                assert streams[name].keys == keys
                order: list[tuple[str, Literal["ascending", "descending"]]] = [(key, "ascending") for key in keys]
                assert found.cast(table.schema).sort_by(order).equals(table.sort_by(order)), name
                changed = {
                    (str(was.type), str(now.type))
                    for was, now in zip(table.schema, found.schema, strict=True)
                    if was.type != now.type
                }
                # What went through SQLite has integers of one width.
                assert changed <= {(str(pa.int32()), str(pa.int64()))}, name
