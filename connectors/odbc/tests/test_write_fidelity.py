"""No value changes on its way: each nasty column of each database is written to each, and comes back equal, or is refused."""

from __future__ import annotations

import math
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from connector_sdk.rejects import Reject
from connector_sdk.runtime.reject_file import read_rejects
from connector_sdk.runtime.session import Session, copy

from connectors.odbc.tests.conftest import KINDS, System, reached
from connectors.odbc.tests.fidelity_cases import CASES
from connectors.odbc.tests.test_fidelity import prepare
from tests.servers.database import Database
from tests.servers.odbc_drivers import driver


@pytest.fixture(params=KINDS)
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A second fresh database of each kind."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = tmp_path / "target.sqlite"
            database = Database(kind="sqlite", name=str(path), parts={"DRIVER": driver("sqlite"), "DATABASE": path})
        else:
            database = stack.enter_context(request.getfixturevalue(request.param).database())
        yield reached(database, monkeypatch)


def same(wrote: Any, found: Any) -> bool:
    """Whether a value came back, perhaps as another type that holds it."""
    if isinstance(wrote, float) and isinstance(found, float):
        return math.isnan(found) if math.isnan(wrote) else wrote == found
    if isinstance(wrote, datetime) and isinstance(found, datetime):
        both = [value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value for value in (wrote, found)]
        return both[0] == both[1]
    if isinstance(wrote, date) or isinstance(found, date) or isinstance(wrote, str) != isinstance(found, str):
        return bool(wrote == found)
    if isinstance(wrote, (int, Decimal)) and isinstance(found, (int, Decimal)):
        return wrote == found
    return type(wrote) is type(found) and bool(wrote == found)


def row_of(reject: Reject) -> dict[str, Any]:
    with pa.ipc.open_stream(reject.raw) as reader:
        [row] = reader.read_all().to_pylist()
    return dict(row)


def test_every_nasty_column_is_written_equal_or_refused(system: System, target: System, tmp_path: Path) -> None:
    cases = [case for case in CASES[system.kind] if not case.apart]
    prepare(system, [("nasty", cases)])
    kept = tmp_path / "rejects.jsonl"
    with Session(system.connector(), "source") as source, Session(target.connector(), "target") as sink:
        [stream] = source.discover(["nasty"])
        reading = source.read("nasty", max_rejects=None)
        before = {row["id"]: row for row in reading.table().to_pylist()}
        result = copy(source, sink, streams=["nasty"], max_rejects=None, rejects=kept)
        after = {row["id"]: row for row in sink.read("nasty").table().to_pylist()}
    lines = [line.reject for line in read_rejects(kept)] if kept.exists() else []
    refused = {row_of(reject)["id"]: reject for reject in lines if reject.raw_form == "arrow"}
    assert set(after) | set(refused) == set(before)
    assert not set(after) & set(refused)
    wrong = []
    for number, case in enumerate(cases):
        if number not in before or number in refused:
            continue
        wrote, found = before[number][case.name], after[number][case.name]
        if not same(wrote, found):
            wrong.append(f"{case.name} ({stream.schema.field(case.name).type}): {str(wrote)[:60]!r} became {str(found)[:60]!r}")
    assert not wrong
    told = sorted((cases[number].name, reject.reason) for number, reject in refused.items())
    assert [name for name, _ in told] == REFUSED.get((system.kind, target.kind), []), (told, result.altered)


REFUSED: dict[tuple[str, str], list[str]] = {
    ("postgresql", "mariadb"): ["double_infinity", "double_nan"],
    ("postgresql", "sqlite"): ["double_nan"],
    ("mariadb", "postgresql"): ["varchar_nul"],
    ("mariadb", "mariadb"): ["enum_error"],
    ("sqlite", "mariadb"): ["double_infinity", "varchar_over"],
    ("sqlite", "postgresql"): ["nothing_text", "varchar_nul"],
}
"""What the target has no place for, and says so: NaN, infinities, NUL in a text, the value 0 of an enum, more than a width."""
