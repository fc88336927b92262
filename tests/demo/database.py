"""The second half of the demo: a PostgreSQL becomes a typed package, is copied into SQLite, and its changes follow."""

from __future__ import annotations

from pathlib import Path

from tests.demo.shell import Shell, note, title
from tests.servers.database import Database
from tests.servers.postgresql import POSTGRES, PostgreSQL

TABLES = Path(__file__).with_name("data") / "shop.sql"
CHANGES = (
    "UPDATE customer SET discount = 12.50 WHERE id = 1",
    "DELETE FROM customer WHERE id = 500",
    "INSERT INTO customer VALUES (501, 'Ångström & Söhne', NULL, NULL, now())",
)


def show(work: Path, shell: Shell) -> int:
    """Carry it out in `work`; how many rows the copy has in the end."""
    if POSTGRES is None:
        note(
            "\nNo PostgreSQL here: the half of the demo with a database is left out (apt-get install postgresql odbc-postgresql)."
        )
        return 0
    with PostgreSQL() as server, server.database("shop") as shop:
        shop.run(*TABLES.read_text().split(";\n")[:-1])
        note(f"\nA real PostgreSQL listens on 127.0.0.1:{server.port}; in it lies a shop of 500 customers and 50,000 orders.")
        shell.variables["SHOP"] = shop.connection_string()
        (work / "shop.yaml").write_text("connection: env:SHOP\n")
        (work / "copy.yaml").write_text("driver: SQLite3\ndatabase: copy.sqlite\n")
        return _walk(work, shell, shop)


def _walk(work: Path, shell: Shell, shop: Database) -> int:
    title("6  From a database's catalogue to a package")
    note("  (the environment's SHOP is the connection string; its password gets into no file)")
    shell("connector new shop --from odbc:env:SHOP", lines=12)
    shell("pip install --quiet ./connector-shop")
    shell("connector discover shop -c shop.yaml", lines=16)

    title("7  Copy it into SQLite; capture what changes from here on")
    copy = "connector copy shop -c shop.yaml --to odbc --to-config copy.yaml"
    shell(f"{copy} -s order")
    shell("connector capture install shop -c shop.yaml -s customer")
    changes = f"{copy} -s customer --mode changes --write apply --state customer.state"
    shell(changes)

    title("8  Somebody works in the shop; the copy follows, the delete included")
    shop.run(*CHANGES)
    for statement in CHANGES:
        note(f"  {statement}")
    shell(changes)
    shell("connector capture remove shop -c shop.yaml -s customer")

    title("9  Typed rows of both")
    (work / "compare.py").write_text(COMPARE)
    shell("cat compare.py")
    return int(shell("python compare.py").split()[0])


COMPARE = """\
import connector_sdk
from connector_shop import connect

copy = connector_sdk.open("odbc", driver="SQLite3", database="copy.sqlite")
with copy, connect(connection="env:SHOP") as shop:
    there = {row["id"]: row for row in copy.read("customer").rows()}
    here = {row.id: row for row in shop.customer.rows()}
    same = here.keys() == there.keys() and all(here[id].name == row["name"] for id, row in there.items())
    print(len(there), "customers in the copy,", "the same as in the shop" if same else "NOT THE SAME")
    print(shop.customer.get(1))
    print(shop.customer.get(500))
"""
