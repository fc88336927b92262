"""From samples and Table Schemas to streams: real files, many files, and files that mean no good."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import connector_sdk
import msgspec
import pyarrow as pa
import pyarrow.csv
import pytest
from connector_codegen import generate
from connector_codegen.readers.delimited import _parted, recognises
from connector_sdk.errors import ConfigError
from connector_sdk.formats.layout import Layout
from connector_sftp import SftpConfig, SftpConnector

from tests.codegen.test_generate import run
from tests.codegen.test_models import loaded

CORPUS = os.environ.get("CONNECTOR_CORPUS")
SAMPLE = "id,name,price\n1,a,1.50\n2,b,2.25\n3,c,3.00\n"


@pytest.mark.parametrize("name", ["airport-frequencies", "countries", "navaids", "regions", "runways"])
def test_a_real_file_becomes_typed_rows_and_none_is_rejected(name: str, tmp_path: Path) -> None:
    if CORPUS is None:
        pytest.skip("CONNECTOR_CORPUS is not set: the real files are not here")
    source = Path(CORPUS) / "ourairports" / f"{name}.csv"
    run("generate", source, "--out", tmp_path / "generated")
    generated = generate.generate(str(source))
    (stream,) = generated.interface.streams
    assert stream.layout is not None
    assert stream.keys == ("id",)
    layout = stream.layout

    class Real(SftpConnector):
        def __init__(self, config: SftpConfig) -> None:
            super().__init__(config, {name: layout}, {name: f"{name}.csv"})

    with connector_sdk.open(Real, folder=str(source.parent), settle=0) as session:
        table = session.read(name).table()
        expected = pa.csv.read_csv(source, parse_options=pa.csv.ParseOptions(newlines_in_values=True))
        assert table.num_rows == expected.num_rows
        assert table.column("id").equals(expected.column("id"))
        model = getattr(loaded(generated.interface, "msgspec"), stream.class_name)
        rows = list(session.read(name).rows(model))
    assert [msgspec.structs.asdict(row)["id"] for row in rows] == expected.column("id").to_pylist()


@pytest.mark.parametrize(
    ("name", "stream", "ending"),
    [
        ("runways.csv", "runways", ".csv"),
        ("orders-2024-05-01.csv", "orders", ".csv"),
        ("orders_20240501.csv.gz", "orders", ".csv.gz"),
        ("orders.20240501T1200.txt", "orders", ".txt"),
        ("2024-05-01.csv", "2024-05-01", ".csv"),
        ("order-2024.csv", "order-2024", ".csv"),
        ("order-12345678.csv", "order-12345678", ".csv"),
        ("a.b.TSV", "a.b", ".TSV"),
        ("noending", "noending", ""),
    ],
)
def test_a_stream_is_called_as_its_file_without_the_day(name: str, stream: str, ending: str) -> None:
    assert _parted(name) == (stream, ending)


def test_a_layout_is_its_own_source_and_describes_the_same(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(SAMPLE)
    run("generate", tmp_path / "prices.csv", "--out", tmp_path / "out")
    run("generate", tmp_path / "prices.csv", "--out", tmp_path / "out", "--check")
    layout = tmp_path / "out" / "prices.layout.yaml"
    assert Layout.from_yaml(layout.read_text()).names == ("id", "name", "price")
    assert run("diff", tmp_path / "prices.csv", layout).output == "no difference\n"
    run("generate", layout, "--out", tmp_path / "again")
    for name in ("models.py", "streams.py"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_a_compressed_sample_is_the_same_sample(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(SAMPLE)
    (tmp_path / "prices.csv.gz").write_bytes(gzip.compress(SAMPLE.encode(), mtime=0))
    plain, packed = (generate.understand(str(tmp_path / name))[0].streams[0] for name in ("prices.csv", "prices.csv.gz"))
    assert plain.layout == packed.layout
    assert packed.ending == ".csv.gz"


def test_a_folder_of_deliveries_is_one_stream_decided_from_the_largest(tmp_path: Path) -> None:
    (tmp_path / "prices-2026-01-01.csv").write_text(SAMPLE)
    (tmp_path / "prices-2026-01-02.csv").write_text(SAMPLE + "4,d,large\n")
    interface, problems = generate.understand(str(tmp_path / "*.csv"))
    assert [(stream.name, stream.origin) for stream in interface.streams] == [("prices", "prices-2026-01-02.csv")]
    assert "prices-2026-01-01.csv: is another file of prices" in str(problems[0])


def test_questions_stand_at_the_top_of_the_layout_and_are_told_first(tmp_path: Path) -> None:
    rows = "".join(f"{n},0{n % 9 + 1}/0{(n * 5) % 9 + 1}/2025,x\n" for n in range(30))
    (tmp_path / "days.csv").write_text("id,day,note\n" + rows)
    told = run("generate", tmp_path / "days.csv", "--out", tmp_path / "out").output
    _, _, decided = told.partition("Decided:\n")
    assert decided.startswith("  ? days.day: ")
    assert "\n# QUESTION days.day: " in (tmp_path / "out" / "days.layout.yaml").read_text()


PACKAGE = {
    "resources": [
        {"name": "prices", "path": "prices.tsv", "dialect": {"delimiter": "\t"}, "schema": {"fields": [{"name": "id"}]}},
        {"name": "others", "schema": "others.json"},
    ]
}


def test_a_package_of_table_schemas_takes_what_it_points_to_along(tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").write_text(json.dumps(PACKAGE))
    (tmp_path / "others.json").write_text('{"fields": [{"name": "n", "type": "integer"}]}')
    (tmp_path / "prices.tsv").write_text("never read")
    interface, problems = generate.understand(str(tmp_path))
    assert [(stream.name, stream.ending) for stream in interface.streams] == [("prices", ".tsv"), ("others", ".csv")]
    assert problems == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"resources": [{"name": "x", "schema": "../secret.json"}]}, "is not a plain relative name"),
        ({"resources": [{"name": "x", "schema": "/etc/passwd"}]}, "is not a plain relative name"),
        ({"resources": [{"name": "x", "schema": "http://example.org/schema.json"}]}, "is not a plain relative name"),
        ({"resources": [{"name": "x", "schema": "missing.json"}]}, "No such file"),
        ({"resources": [7]}, "is no Table Schema"),
        ({"fields": []}, "there is no list of fields"),
        ({"fields": [{"name": "d", "type": "date", "format": "%d."}]}, "does not say a whole date"),
        ({"fields": [{"name": "n"}, {"name": "n"}]}, "two fields called 'n'"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_descriptor_that_cannot_be_used_is_one_clear_error(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        generate.understand(str(path), "delimited")
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", gzip.compress(SAMPLE.encode(), mtime=0)[:-12]])
def test_a_sample_that_holds_nothing_or_is_damaged_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"sample\.csv"):
        generate.understand(str(path))


def test_a_header_alone_is_a_stream_of_text(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("id,name\n")
    interface, _ = generate.understand(str(path))
    assert [field.type for field in interface.streams[0].fields] == [pa.string(), pa.string()]


def test_ten_thousand_columns_become_a_package(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"Column {n}" for n in range(10_000)) + "\n" + ("," * 9_999 + "\n") * 3)
    run("generate", path, "--out", tmp_path / "out")
    run("generate", path, "--out", tmp_path / "out", "--check")


def test_other_json_is_not_taken_for_a_table_schema(tmp_path: Path) -> None:
    for name, content in {"a.json": "{}", "b.json": "[1]", "c.json": '{"openapi": "3.1.0"}', "d.json": "no"}.items():
        (tmp_path / name).write_text(content)
        assert not recognises(tmp_path / name)


CSVW = {
    "@context": "http://www.w3.org/ns/csvw",
    "tables": [
        {"url": "orders.csv", "tableSchema": {"columns": [{"name": "id", "datatype": "integer"}], "primaryKey": "id"}},
        {"url": "lines.tsv", "tableSchema": "lines.json", "dialect": {"delimiter": "\t"}},
    ],
}
LINES = {
    "columns": [{"name": "order", "datatype": "integer"}, {"name": "tags", "separator": "|"}],
    "foreignKeys": [{"columnReference": "order", "reference": {"resource": "orders.csv", "columnReference": "id"}}],
}


def test_csvw_metadata_takes_what_it_names_along_and_its_foreign_keys_are_relations(tmp_path: Path) -> None:
    (tmp_path / "csv-metadata.json").write_text(json.dumps(CSVW))
    (tmp_path / "lines.json").write_text(json.dumps(LINES))
    (tmp_path / "orders.csv").write_text("never read")
    (tmp_path / "lines.tsv").write_text("never read")
    interface, problems = generate.understand(str(tmp_path))
    assert [(stream.name, stream.keys, stream.ending) for stream in interface.streams] == [
        ("orders", ("id",), ".csv"),
        ("lines", (), ".tsv"),
    ]
    (relation,) = interface.streams[1].relations
    assert (relation.columns, relation.to, relation.to_columns) == (("order",), "orders", ("id",))
    assert [problem.where for problem in problems if problem.level == "question"] == ["lines.tags"]
    run("generate", tmp_path, "--out", tmp_path / "out")
    assert '"to": "orders"' in (tmp_path / "out" / "interface.json").read_text()


def test_csvw_metadata_of_one_file_becomes_a_connector_that_reads_it(tmp_path: Path) -> None:
    described = {"url": "orders.csv", **CSVW["tables"][0]}  # type: ignore[dict-item]
    (tmp_path / "orders.csv-metadata.json").write_text(json.dumps(described))
    (tmp_path / "orders.csv").write_text("id\n1\n2\n")
    interface, _ = generate.understand(str(tmp_path / "orders.csv-metadata.json"))
    (stream,) = interface.streams
    layout = stream.layout
    assert layout is not None

    class Orders(SftpConnector):
        def __init__(self, config: SftpConfig) -> None:
            super().__init__(config, {"orders": layout}, {"orders": "orders.csv"})

    with connector_sdk.open(Orders, folder=str(tmp_path), settle=0) as session:
        assert session.read("orders").table().to_pydict() == {"id": [1, 2]}


def test_csvw_metadata_that_points_outside_its_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv-metadata.json"
    path.write_text(json.dumps({"url": "x.csv", "tableSchema": "../secret.json"}))
    with pytest.raises(ConfigError, match="is not a plain relative name"):
        generate.understand(str(path))
