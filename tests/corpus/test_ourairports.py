"""The CSV files of OurAirports: the types that a person would choose, every record read, and none of them rejected."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pyarrow as pa
import pytest
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited_inference import infer
from connector_sdk.types import to_text

HERE = Path(os.environ.get("CONNECTOR_CORPUS", "/nonexistent")) / "ourairports"
pytestmark = pytest.mark.skipif(not HERE.is_dir(), reason="CONNECTOR_CORPUS is not set: the real files are not here")

EXPECTED = {
    "airport-frequencies": {
        "id": "int64",
        "airport_ref": "int64",
        "airport_ident": "string",
        "type": "string",
        "description": "string",
        "frequency_mhz": "decimal(18,3)",
    },
    "countries": {
        "id": "int64",
        "code": "string",
        "name": "string",
        "continent": "string",
        "wikipedia_link": "string",
        "keywords": "string",
    },
    "navaids": {
        "id": "int64",
        "filename": "string",
        "ident": "string",
        "name": "string",
        "type": "string",
        "frequency_khz": "int64",
        "latitude_deg": "float64",
        "longitude_deg": "float64",
        "elevation_ft": "int64",
        "iso_country": "string",
        "dme_frequency_khz": "int64",
        "dme_channel": "string",
        "dme_latitude_deg": "float64",
        "dme_longitude_deg": "float64",
        "dme_elevation_ft": "int64",
        "slaved_variation_deg": "decimal(18,3)",
        "magnetic_variation_deg": "decimal(18,3)",
        "usageType": "string",
        "power": "string",
        "associated_airport": "string",
    },
    "regions": {
        "id": "int64",
        "code": "string",
        "local_code": "string",
        "name": "string",
        "continent": "string",
        "iso_country": "string",
        "wikipedia_link": "string",
        "keywords": "string",
    },
    "runways": {
        "id": "int64",
        "airport_ref": "int64",
        "airport_ident": "string",
        "length_ft": "int64",
        "width_ft": "int64",
        "surface": "string",
        "lighted": "int64",
        "closed": "int64",
        "le_ident": "string",
        "le_latitude_deg": "float64",
        "le_longitude_deg": "float64",
        "le_elevation_ft": "int64",
        "le_heading_degT": "decimal(18,2)",
        "le_displaced_threshold_ft": "int64",
        "he_ident": "string",
        "he_latitude_deg": "float64",
        "he_longitude_deg": "float64",
        "he_elevation_ft": "int64",
        "he_heading_degT": "decimal(18,2)",
        "he_displaced_threshold_ft": "int64",
    },
}


def test_every_file_is_here() -> None:
    assert {path.stem for path in HERE.glob("*.csv")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_types_are_those_a_person_would_choose_and_nothing_is_rejected(name: str) -> None:
    path = HERE / f"{name}.csv"
    found = infer(path, name=name)
    layout = found.layout
    assert {field.name: to_text(field.type) for field in layout.fields} == EXPECTED[name]
    assert layout.keys == ("id",)
    assert [finding for finding in found.findings if finding.level == "question"] == []
    assert all(field.evidence for field in layout.fields)

    with path.open("rb") as file:
        blocks = list(decode(layout, file.read, stream=name, place=path.name))
    assert sum(block.rejects.num_rows for block in blocks if block.rejects is not None) == 0
    table = pa.Table.from_batches([block.data for block in blocks])

    with path.open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    assert table.num_rows == len(records) == found.rows
    for field in layout.fields:
        values, words = table[field.name].to_pylist(), [record[field.name] for record in records]
        if to_text(field.type) == "string":
            assert [value or "" for value in values] == words
        elif to_text(field.type) == "float64":
            assert values == [float(word) if word else None for word in words]
        else:
            assert [None if value is None else float(value) for value in values] == [float(w) if w else None for w in words]
