"""Flat files of a mainframe application: described by a layout table, read without a reject, the same from ASCII and EBCDIC."""

from __future__ import annotations

import datetime as dt
import io
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from connector_codegen.generate import understand
from connector_sdk.formats.fixed_width import Encoder, Wanted, decode
from connector_sdk.formats.layout import FixedWidth, Layout

HERE = Path(os.environ.get("CONNECTOR_CORPUS", "/nonexistent")) / "carddemo"
pytestmark = pytest.mark.skipif(not HERE.is_dir(), reason="CONNECTOR_CORPUS is not set: the real files are not here")

TABLES = {
    "acctdata": """\
field,length,picture,format,key
account,11,9(11),,y
active,1,flag,Y/N,
balance,12,S9(10)V99,,
credit limit,12,S9(10)V99,,
cash credit limit,12,S9(10)V99,,
opened,10,date,YYYY-MM-DD,
expires,10,date,YYYY-MM-DD,
reissued,10,date,YYYY-MM-DD,
cycle credit,12,S9(10)V99,,
cycle debit,12,S9(10)V99,,
zip,10,X(10),,
group,10,X(10),,
FILLER,178,X(178),,
""",
    "carddata": """\
field,length,picture,format,key
card,16,X(16),,y
account,11,9(11),,
cvv,3,9(3),,
name,50,X(50),,
expires,10,date,YYYY-MM-DD,
active,1,flag,Y/N,
FILLER,59,X(59),,
""",
    "cardxref": """\
field,length,picture,key
card,16,X(16),y
customer,9,9(9),
account,11,9(11),
""",
    "custdata": """\
field,length,picture,format,key
customer,9,9(9),,y
first name,25,X(25),,
middle name,25,X(25),,
last name,25,X(25),,
address 1,50,X(50),,
address 2,50,X(50),,
address 3,50,X(50),,
state,2,X(2),,
country,3,X(3),,
zip,10,X(10),,
phone 1,15,X(15),,
phone 2,15,X(15),,
ssn,9,9(9),,
government id,20,X(20),,
born,10,date,YYYY-MM-DD,
eft account,10,X(10),,
primary,1,flag,Y/N,
fico,3,9(3),,
FILLER,168,X(168),,
""",
    "dailytran": """\
field,length,picture,format,key
id,16,X(16),,y
type,2,X(2),,
category,4,9(4),,
source,10,X(10),,
description,100,X(100),,
amount,11,S9(9)V99,,
merchant,9,9(9),,
merchant name,50,X(50),,
merchant city,50,X(50),,
merchant zip,10,X(10),,
card,16,X(16),,
ordered at,26,timestamp,YYYY-MM-DD HH:MI:SS.FFFFFF,
processed at,26,timestamp,YYYY-MM-DD HH:MI:SS.FFFFFF,
FILLER,20,X(20),,
""",
    "discgrp": """\
field,length,picture
group,10,X(10)
type,2,X(2)
category,4,9(4)
rate,6,S9(4)V99
FILLER,28,X(28)
""",
    "tcatbal": """\
field,length,picture
account,11,9(11)
type,2,X(2)
category,4,9(4)
balance,11,S9(9)V99
FILLER,22,X(22)
""",
    "trancatg": """\
field,length,picture
type,2,X(2)
category,4,9(4)
description,50,X(50)
FILLER,4,X(4)
""",
    "trantype": """\
field,length,picture,key
type,2,X(2),y
description,50,X(50),
FILLER,8,X(8),
""",
}
ROWS = {
    "acctdata": 50, "carddata": 50, "cardxref": 50, "custdata": 50, "dailytran": 300, "discgrp": 51, "tcatbal": 50,
    "trancatg": 18, "trantype": 7,
}  # fmt: skip
TWINS = {
    "acctdata": "ACCTDATA", "carddata": "CARDDATA", "custdata": "CUSTDATA", "dailytran": "DALYTRAN", "discgrp": "DISCGRP",
    "tcatbal": "TCATBALF", "trancatg": "TRANCATG", "trantype": "TRANTYPE",
}  # fmt: skip

CHANGED = {  # in one of the two, by its authors
    "acctdata": [{"zip": ("ZEROAPR", "A000000000")}],
    "discgrp": [{"rate": (Decimal("15.00"), Decimal("0.00"))}],
}


@pytest.fixture
def layouts(tmp_path: Path) -> dict[str, Layout]:
    for name, table in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(table)
    interface, _ = understand(str(tmp_path))
    assert interface.source.reader == "fixed_width"
    return {stream.name: stream.layout for stream in interface.streams if stream.layout is not None}


def read(layout: Layout, data: bytes) -> pa.Table:
    blocks = list(decode(layout, io.BytesIO(data).read, {layout.name: Wanted("rows")}, place=layout.name))
    rejects = [reject for block in blocks if block.rejects is not None for reject in block.rejects.to_pylist()]
    assert rejects == []
    return pa.Table.from_batches([block.data["rows"] for block in blocks])


@pytest.mark.parametrize("name", TABLES)
def test_the_ascii_files_are_read_without_a_reject(name: str, layouts: dict[str, Layout]) -> None:
    assert read(layouts[name], (HERE / "ASCII" / f"{name}.txt").read_bytes()).num_rows == ROWS[name]


def test_the_types_are_those_a_person_would_choose(layouts: dict[str, Layout]) -> None:
    found = {field.name: str(field.type) for field in layouts["acctdata"].schema}
    assert found["account"] == "int64"
    assert found["balance"] == "decimal128(12, 2)"
    assert found["opened"] == "date32[day]"
    assert found["active"] == "bool"
    first = read(layouts["dailytran"], (HERE / "ASCII" / "dailytran.txt").read_bytes()).slice(0, 2).to_pylist()
    assert [row["amount"] for row in first] == [Decimal("504.77"), Decimal("-919.00")]
    assert first[0]["ordered at"] == dt.datetime(2022, 6, 10, 19, 27, 53)
    assert first[0]["processed at"] is None


@pytest.mark.parametrize("name", TWINS)
def test_the_ebcdic_twin_holds_the_same_rows_and_is_written_back_byte_for_byte(name: str, layouts: dict[str, Layout]) -> None:
    data = (HERE / "EBCDIC" / f"AWS.M2.CARDDEMO.{TWINS[name]}.PS").read_bytes()
    length = layouts[name].fixed_width.length
    ebcdic = replace(layouts[name], encoding="cp037", form=FixedWidth(framing="none", length=length))
    rows = read(ebcdic, data)
    ours = read(layouts[name], (HERE / "ASCII" / f"{name}.txt").read_bytes())
    assert rows.schema == ours.schema
    pairs = zip(rows.to_pylist(), ours.to_pylist(), strict=True)
    differing = [{name: (one[name], other[name]) for name in one if one[name] != other[name]} for one, other in pairs]
    assert [each for each in differing if each] == CHANGED.get(name, [])
    out = io.BytesIO()
    encoder = Encoder(ebcdic, out)
    for batch in rows.to_batches():
        encoder.write(batch)
    encoder.close()
    filled = max(field.place.end for field in ebcdic.fields if field.place)
    written = out.getvalue()
    assert [written[at : at + filled] for at in range(0, len(written), length)] == [
        data[at : at + filled] for at in range(0, len(data), length)
    ]
