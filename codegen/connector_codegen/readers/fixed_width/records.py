"""Which record each row of a table belongs to, as people write it: once, in the first row of each, or as a sheet of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector_codegen.problems import Problem
from connector_codegen.readers.fixed_width.tables import Row

__all__ = ["by_record"]


def by_record(rows: Sequence[Row], problems: list[Problem]) -> dict[str, list[Row]]:
    """The rows of each record, in their order; all of them under no name where there is one type of records.

    A row without a name belongs to the record above it on its sheet; on a sheet that names none, to the one that is called as the
    sheet. A row with nothing but a name is a title.
    """
    naming = {row.sheet for row in rows if row["record"]}
    if not naming and len({row.sheet for row in rows}) < 2:
        return {"": list(rows)} if rows else {}
    found: dict[str, list[Row]] = {}
    taken: list[Row] = []
    sheet = name = ""
    for row in rows:
        if row.sheet != sheet:
            sheet, name = row.sheet, ""
        if sheet not in naming:
            found.setdefault(sheet, []).append(row)
            continue
        if row["record"]:
            name = row["record"]
            if not any(cell for column, cell in row.cells.items() if column not in ("record", "doc")):
                continue
        elif not name:
            what = f"{row['name'] or 'a row'} belongs to no record: none is named in this row or above it"
            problems.append(Problem(level="error", where=row.where, what=what, hint="name the record in its first row"))
            continue
        else:
            taken.append(row)
        found.setdefault(name, []).append(replace(row, cells={**row.cells, "record": name}))
    if taken:
        several = "rows name no record: they belong" if len(taken) > 1 else "row names no record: it belongs"
        what = f"{len(taken):,} {several} to the one above"
        problems.append(Problem(level="note", where=taken[0].where, what=what))
    return found
