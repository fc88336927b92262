"""The table in the target that remembers each load's last checkpoint: written with the data, in one transaction."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from connector_sdk.contract import Checkpoint, Receipt
from connector_sdk.errors import StateInvalidError

from connector_odbc.catalogue import TableName
from connector_odbc.database import Connection, Database
from connector_odbc.writing.staging import quoted

__all__ = ["TABLE", "Committed", "hold", "make", "read", "remember", "remove"]

TABLE = "_connector_checkpoints"


@dataclass(frozen=True, kw_only=True)
class Committed:
    """What a load has committed: its checkpoint, the receipt of that, and what a REPLACE that is not done has staged so far."""

    at: Checkpoint
    receipt: Receipt
    pending: Sequence[Any] = ()


def _load_id(load: str) -> str:
    return load if len(load) <= 64 else hashlib.sha256(load.encode()).hexdigest()


def make(database: Database, connection: Connection, schema: str | None) -> None:
    """Make the table where it is not there. The caller commits."""
    writes, quote = database.profile.writes, database.profile.quote
    name = quoted(database, TableName(schema, TABLE))
    exists = connection.cursor().tables(TABLE).fetchone() if database.profile.catalogue is None else None
    if exists is not None:
        return
    columns = ", ".join(f"{quote(column)} {writes.text_type}" for column in ("checkpoint", "receipt", "pending"))
    maybe = "" if database.profile.catalogue is None else "IF NOT EXISTS "
    connection.execute(
        f"CREATE TABLE {maybe}{name} ({quote('load_id')} varchar(64) NOT NULL PRIMARY KEY, "
        f"{quote('checkpoint_id')} bigint NOT NULL, {columns}){writes.table_options}"
    )


def read(database: Database, connection: Connection, schema: str | None, load: str, *, lock: bool = False) -> Committed | None:
    """What is known of `load`; with `lock` nobody else changes it before this transaction ends. Raises StateInvalidError."""
    quote = database.profile.quote
    name = quoted(database, TableName(schema, TABLE))
    columns = ", ".join(map(quote, ("checkpoint", "receipt", "pending")))
    row = connection.execute(
        f"SELECT {columns} FROM {name} WHERE {quote('load_id')} = ?{database.profile.writes.lock if lock else ''}", _load_id(load)
    ).fetchall()
    if not row:
        return None
    try:
        checkpoint, receipt, pending = (json.loads(text) for text in row[0])
        return Committed(at=Checkpoint.from_json(checkpoint), receipt=_receipt(receipt), pending=pending)
    except (ValueError, KeyError, TypeError):
        raise StateInvalidError(
            f"the checkpoint of load {load} in {TABLE} is damaged", hint="look at the row, delete it, and load again"
        ) from None


def hold(database: Database, connection: Connection, schema: str | None, load: str) -> None:
    """Nobody else changes what is known of `load` before this transaction ends."""
    quote = database.profile.quote
    name = quoted(database, TableName(schema, TABLE))
    where = f"{quote('load_id')} = ?{database.profile.writes.lock}"
    connection.execute(f"SELECT {quote('checkpoint_id')} FROM {name} WHERE {where}", _load_id(load)).fetchall()


def _receipt(value: Any) -> Receipt:
    rejects = None
    if value["rejects"] is not None:
        with pa.ipc.open_stream(base64.b64decode(value["rejects"])) as reader:
            rejects = reader.read_next_batch()
    return Receipt(rows=value["rows"], rejects=rejects)


def _receipt_json(receipt: Receipt) -> str:
    rejects = None
    if receipt.rejects is not None:
        out: Any = pa.BufferOutputStream()
        with pa.ipc.new_stream(out, receipt.rejects.schema) as writer:
            writer.write_batch(receipt.rejects)
        rejects = base64.b64encode(out.getvalue().to_pybytes()).decode()
    return json.dumps({"rows": receipt.rows, "rejects": rejects})


def remember(database: Database, connection: Connection, schema: str | None, load: str, committed: Committed) -> None:
    """Write what is now known of `load`, in the caller's transaction."""
    quote = database.profile.quote
    name = quoted(database, TableName(schema, TABLE))
    values = [
        json.dumps(committed.at.to_json(), default=dict),
        _receipt_json(committed.receipt),
        json.dumps(list(committed.pending)),
    ]
    sets = ", ".join(f"{quote(column)} = ?" for column in ("checkpoint_id", "checkpoint", "receipt", "pending"))
    known = connection.execute(f"SELECT COUNT(*) FROM {name} WHERE {quote('load_id')} = ?", _load_id(load)).fetchall()[0][0]
    if known:
        connection.execute(f"UPDATE {name} SET {sets} WHERE {quote('load_id')} = ?", committed.at.id, *values, _load_id(load))
    else:
        columns = ", ".join(map(quote, ("load_id", "checkpoint_id", "checkpoint", "receipt", "pending")))
        connection.execute(f"INSERT INTO {name} ({columns}) VALUES (?, ?, ?, ?, ?)", _load_id(load), committed.at.id, *values)


def remove(database: Database, connection: Connection, schema: str | None, load: str) -> None:
    """Forget `load`, in the caller's transaction."""
    name = quoted(database, TableName(schema, TABLE))
    connection.execute(f"DELETE FROM {name} WHERE {database.profile.quote('load_id')} = ?", _load_id(load))
