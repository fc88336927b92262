"""A typed package from a database: what is generated, that nothing but being asked needs the database, and that drift is told."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from connector_codegen.passes.singular import one_of
from connector_codegen.writers import Models
from connector_sdk.errors import ConfigError

from tests.codegen.test_generate import run
from tests.servers.odbc_drivers import library

GOLDEN = Path(__file__).parent.parent / "golden" / "odbc" / "nasty"
SHOP = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(80) NOT NULL, city TEXT);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), total DECIMAL(12,2), "class" TEXT, taken DATE
);
CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders (id), no INTEGER NOT NULL, article TEXT,
  PRIMARY KEY (order_id, no));
CREATE TABLE log (text TEXT);
CREATE VIEW totals AS SELECT customer, count(*) AS orders FROM orders GROUP BY customer;
INSERT INTO customers VALUES (1, 'Ada', 'London'), (2, 'Grace', NULL);
INSERT INTO orders VALUES (1, 1, 10.50, 'a', '2026-01-02'), (2, 2, NULL, NULL, NULL);
INSERT INTO order_lines VALUES (1, 1, 'pen'), (1, 2, 'ink');
"""
TYPED = """
from decimal import Decimal
from connector_shop import connect
from connector_shop.generated.models import Order, OrderLine

def use(dsn: str) -> None:
    with connect(dsn=dsn) as shop:
        order: Order | None = shop.orders.get(1)
        line: OrderLine | None = shop.order_lines.get((1, 2))
        total: Decimal | None = order.total if order else None
        shop.orders.upsert([order] if order else [])
        shop.orders.get("1")
        shop.log.get(1)
        shop.orders.upsert([line])
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.sqlite"
    script(path, SHOP)
    return path


def script(path: Path, statements: str) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.executescript(statements)
    finally:
        connection.close()


def source(database: Path, more: str = "") -> str:
    return f"odbc:DRIVER={library('sqlite')};DATABASE={database}{more}"


@pytest.fixture
def package(database: Path, tmp_path: Path) -> Path:
    run("new", "shop", "--from", source(database), "--out", tmp_path)
    return tmp_path / "connector-shop" / "connector_shop"


def python(folder: Path, code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_typed_access_reads_and_writes_single_rows(package: Path, database: Path) -> None:
    settings = {"driver": str(library("sqlite")), "database": str(database)}
    code = f"""
from connector_shop import connect
from connector_shop.generated.models import Order
with connect(**{settings!r}) as shop:
    print(shop.orders.get(1))
    print(shop.orders.get(9))
    print(shop.order_lines.get((1, 2)))
    print(sorted(row.name for row in shop.customers.rows(where="city is not null")))
    changed = Order(id=2, customer=1, total=None, class_="b", taken=None)
    print(shop.orders.upsert([changed, Order(id=3, customer=2, total=None, class_=None, taken=None)]))
    print([row.class_ for row in shop.orders.rows()])
    print([(row.customer, row.orders) for row in shop.totals.rows()])
"""
    assert python(package.parent, code).splitlines() == [
        "Order(id=1, customer=1, total=Decimal('10.50'), class_='a', taken=datetime.date(2026, 1, 2))",
        "None",
        "OrderLine(order_id=1, no=2, article='ink')",
        "['Ada']",
        "2",
        "['a', 'b', None]",
        "[(1, '2'), (2, '1')]",
    ]


def test_what_cannot_be_is_one_line(package: Path, database: Path) -> None:
    settings = {"driver": str(library("sqlite")), "database": str(database)}
    code = f"""
from connector_sdk.errors import ConnectorError
from connector_shop import connect
with connect(**{settings!r}) as shop:
    for ask in (
        lambda: shop.orders.get((1, 2)),
        lambda: shop.log.get(1),
        lambda: shop.log.upsert([]),
        lambda: shop.totals.append([]),
        lambda: shop.orders.rows(since=5),
    ):
        try:
            ask()
        except ConnectorError as error:
            print(error.message)
"""
    assert python(package.parent, code).splitlines() == [
        "orders has the key id, 2 values were given",
        "log has no key, 1 values were given",
        "log cannot be written in mode upsert: it has no key",
        "totals cannot be written in mode append: it is no table that can be written",
        "no column of orders is known to grow with every change, so there is no `since`",
    ]


@pytest.mark.slow
def test_a_type_checker_knows_every_row_and_key(package: Path) -> None:
    (package.parent / "use.py").write_text(TYPED)
    arguments = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={package.parent / '.cache'}", "use.py", "connector_shop"]
    result = subprocess.run(arguments, capture_output=True, text=True, cwd=package.parent, check=False)
    wrong = sorted(int(line.split(":")[1]) for line in result.stdout.splitlines() if ": error:" in line)
    assert wrong == [12, 13, 14], result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", get_args(Models))
def test_a_package_keeps_every_law_against_its_simulator(kind: Models, database: Path, tmp_path: Path) -> None:
    run("new", "shop", "--from", source(database), "--out", tmp_path, "--models", kind)
    folder = tmp_path / "connector-shop"
    # The laws do not depend on the kind of models.
    chosen = () if kind == "msgspec" else ("-k", "typed")
    arguments = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    result = subprocess.run(arguments, capture_output=True, text=True, cwd=folder, check=False, env=environment)
    assert result.returncode == 0, result.stdout


def test_a_package_passes_ruff_as_it_stands(package: Path) -> None:
    for tool in (("check",), ("format", "--check")):
        arguments = [sys.executable, "-m", "ruff", *tool, "--no-cache", "."]
        result = subprocess.run(arguments, capture_output=True, text=True, cwd=package.parent, check=False)
        assert result.returncode == 0, result.stdout


def test_generating_and_checking_need_no_database(package: Path, database: Path) -> None:
    database.unlink()
    run("generate", package / "source", "--out", package / "generated", "--check")
    run("generate", package / "source", "--out", package / "generated")
    twin = package.parent / "twin"
    run("new", "twin", "--from", package / "generated" / "interface.json", "--out", twin)
    made = twin / "connector-twin" / "connector_twin"
    assert (made / "source" / "catalogue.json").read_text() == (package / "source" / "catalogue.json").read_text()
    for name in ("models.py", "streams.py", "tables.py"):
        assert (made / "generated" / name).read_text() == (package / "generated" / name).read_text()


def test_a_schema_and_tables_can_be_chosen(database: Path, tmp_path: Path) -> None:
    run("new", "some", "--from", source(database), "--schema", "main", "--tables", "order*", "--tables", "log", "--out", tmp_path)
    catalogue = json.loads((tmp_path / "connector-some" / "connector_some" / "source" / "catalogue.json").read_text())
    assert [stream["name"] for stream in catalogue["streams"]] == ["log", "order_lines", "orders"]
    # What a relation leads to is there, or it is no relation.
    assert [stream.get("relations") for stream in catalogue["streams"]] == [
        None,
        [{"columns": ["order_id"], "to": "orders", "to_columns": ["id"]}],
        None,
    ]
    assert catalogue["source"]["settings"]["tables"] == ["order*", "log"]
    with pytest.raises(ConfigError, match="has no tables that could be read"):
        run("new", "none", "--from", source(database), "--tables", "absent", "--out", tmp_path)


def test_no_password_is_in_any_file(database: Path, tmp_path: Path) -> None:
    told = run("new", "my-shop", "--from", source(database, ";PWD={gehe;im99}"), "--out", tmp_path).output
    assert "password: is written nowhere; the package reads it from MY_SHOP_PASSWORD" in told
    texts = [path.read_bytes() for path in (tmp_path / "connector-my-shop").rglob("*") if path.is_file()]
    assert not any(b"gehe;im99" in text or b"gehe" in text for text in texts)
    assert any(b'"password": "env:MY_SHOP_PASSWORD"' in text for text in texts)
    with pytest.raises(ConfigError, match="SSLKeyPassword in the connection string may be a secret") as refused:
        run("new", "other", "--from", source(database, ";SSLKeyPassword=abc123"), "--out", tmp_path)
    assert "abc123" not in str(refused.value)


def test_a_whole_connection_string_can_be_a_reference(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_CONNECTION", source(database).removeprefix("odbc:"))
    run("new", "shop", "--from", "odbc:env:SHOP_CONNECTION", "--out", tmp_path)
    catalogue = json.loads((tmp_path / "connector-shop" / "connector_shop" / "source" / "catalogue.json").read_text())
    assert catalogue["source"]["settings"] == {"connection": "env:SHOP_CONNECTION"}


def test_the_live_database_is_compared_field_by_field(package: Path, database: Path) -> None:
    assert run("diff", package / "source", "odbc:").output == "no difference\n"
    script(
        database,
        "ALTER TABLE orders ADD COLUMN note TEXT; ALTER TABLE orders ADD COLUMN state TEXT NOT NULL DEFAULT 'new';"
        "ALTER TABLE customers DROP COLUMN city; CREATE TABLE more (a TEXT)",
    )
    told = run("diff", package / "source", "odbc:", code=5).output.splitlines()
    assert [" ".join(line.split()) for line in told] == [
        "data-losing customers.city is gone",
        "compatible orders.note is new",
        "compatible orders.state is new",
        "compatible more the stream is new",
    ]
    assert run("diff", package / "generated" / "interface.json", source(database), code=5).output.splitlines() == told


def test_refreshing_reads_the_database_again_and_says_what_is_out_of_date(package: Path, database: Path) -> None:
    arguments = ("generate", package / "source", "--out", package / "generated")
    run(*arguments, "--refresh", "--check")
    script(database, "ALTER TABLE orders ADD COLUMN note TEXT")
    run(*arguments, "--check")
    told = run(*arguments, "--refresh", "--check", code=5).output.splitlines()
    assert told[0] == f"{package / 'source' / 'catalogue.json'}: is no longer what the database has"
    assert "note" not in (package / "generated" / "models.py").read_text()
    run(*arguments, "--refresh")
    assert "    note: str | None" in (package / "generated" / "models.py").read_text().splitlines()
    run(*arguments, "--refresh", "--check")


def test_a_package_whose_table_changed_says_which_fields(package: Path, database: Path) -> None:
    settings = {"driver": str(library("sqlite")), "database": str(database)}
    read = f"""
from connector_sdk.errors import SchemaDriftError
from connector_shop import connect
with connect(**{settings!r}) as shop:
    try:
        print(len(list(shop.orders.rows())))
    except SchemaDriftError as error:
        print(error.fields, error.message)
"""
    script(database, "ALTER TABLE orders ADD COLUMN note TEXT")
    assert python(package.parent, read) == "2\n"  # a new column breaks nothing
    script(database, 'ALTER TABLE orders RENAME COLUMN "class" TO kind')
    assert python(package.parent, read) == "('class',) orders is not what this package was generated from: class is gone\n"


def test_files_have_no_schemas(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match=r"a\.csv is no database"):
        run("new", "shop", "--from", tmp_path / "a.csv", "--schema", "public", "--out", tmp_path)
    with pytest.raises(ConfigError, match="was not read from a database"):
        run("generate", tmp_path / "a.csv", "--out", tmp_path / "out", "--refresh")
    with pytest.raises(ConfigError, match="says no database"):
        run("new", "shop", "--from", "odbc:", "--out", tmp_path)


@pytest.mark.parametrize(
    ("many", "one"),
    [
        *(("orders", "order"), ("addresses", "address"), ("categories", "category"), ("batches", "batch"), ("boxes", "box")),
        *(("purchases", "purchase"), ("houses", "house"), ("databases", "database"), ("movies", "movie"), ("people", "person")),
        *(("status", "status"), ("news", "news"), ("analysis", "analysis"), ("address", "address"), ("days", "day")),
        *(("statuses", "status"), ("heroes", "hero"), ("sizes", "size"), ("drives", "drive"), ("gps", "gps"), ("album", "album")),
    ],
)
def test_one_of_many(many: str, one: str) -> None:
    assert one_of(many) == one


def test_the_golden_schema_is_what_sqlite_says_it_is(tmp_path: Path) -> None:
    """The catalogue under tests/golden/odbc is read from this very schema; UPDATE_GOLDENS=1 writes it anew."""
    script(tmp_path / "nasty.sqlite", (GOLDEN / "schema.sql").read_text())
    run("new", "nasty", "--from", source(tmp_path / "nasty.sqlite"), "--out", tmp_path)
    made = json.loads((tmp_path / "connector-nasty" / "connector_nasty" / "source" / "catalogue.json").read_text())
    made["source"]["settings"] = {"driver": "SQLite3", "database": "nasty.sqlite"}
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    kept = GOLDEN / "source" / "catalogue.json"
    if os.environ.get("UPDATE_GOLDENS"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text)
    assert kept.read_text() == text
