"""The simulator's truth: what it writes in any layout it reads back as the same values, and the connector reads as the same."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import connector_sdk
import pyarrow as pa
import pytest
from connector_sdk.formats.layout import Delimited, Field, Layout
from connector_sftp import SftpConnector, plain_files
from connector_sftp.config import SftpConfig
from connector_sftp.simulator import SftpSimulator

TYPES = {
    "id": "int64",
    "small": "int8",
    "count": "uint16",
    "word": "string",
    "price": "decimal(12,2)",
    "tiny": "decimal(4,4)",
    "huge": "decimal(50,3)",
    "ratio": "float64",
    "day": "date",
    "at": "timestamp[us]",
    "sent": "timestamp[ms, UTC]",
    "clock": "time[us]",
    "yes": "bool",
    "raw": "binary",
}


def layout(form: Delimited, encoding: str = "utf-8", **fields: Mapping[str, Any]) -> Layout:
    return Layout(
        name="everything",
        encoding=encoding,
        form=form,
        keys=("id",),
        fields=tuple(
            Field(**{"name": name, "type": connector_sdk.types.from_text(kind), "nullable": name != "id", **fields.get(name, {})})
            for name, kind in TYPES.items()
        ),
    )


GERMAN = {
    "price": {"decimal": ",", "group": "."},
    "ratio": {"decimal": ",", "null": ("n/a",)},
    "count": {"group": "'"},
    "day": {"format": ("%d.%m.%Y", "%Y-%m-%d"), "title": "Datum; Tag"},
    "at": {"format": ("%d.%m.%Y %H:%M",)},
    "sent": {"format": ("%Y%m%d%H%M%S%z",)},
    "yes": {"true": ("J", "ja"), "false": ("N", "nein")},
    "raw": {"format": ("hex",)},
}
LAYOUTS = {
    "plain": layout(Delimited()),
    "german": layout(Delimited(delimiter=";", skip=2), "cp1252", **GERMAN),
    "unquoted": layout(Delimited(delimiter="\t", quote=None)),
    "escaped": layout(Delimited(delimiter="|", quote="'", escape="\\")),
    "wide": layout(Delimited(), "utf-16-le"),
    "headless": layout(Delimited(header=False)),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_written_is_read_back(name: str) -> None:
    rng = random.Random(name)
    rows = [plain_files.sample(LAYOUTS[name], number, rng) for number in range(300)]
    content = plain_files.write(LAYOUTS[name], [plain_files.record(LAYOUTS[name], row) for row in rows])
    assert list(plain_files.read(LAYOUTS[name], content)) == rows
    assert pa.Table.from_pylist(rows, schema=LAYOUTS[name].schema).to_pylist() == rows


class Everything(SftpConnector):
    """As a generated package has it: a connector with layouts of its own."""

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config, LAYOUTS)


def test_the_connector_reads_the_same_rows_in_every_layout() -> None:
    with SftpSimulator(3, LAYOUTS) as simulator, connector_sdk.open(Everything, **simulator.config) as session:
        for name in LAYOUTS:
            expected = simulator.rows(name).sort_by("id")
            assert session.read(name).table().sort_by("id").equals(expected), name
