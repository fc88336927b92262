"""What a sample says is decided over all of it; what it leaves open is asked, never guessed in silence."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pyarrow as pa
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited_inference import Inference, from_table_schema, infer
from connector_sdk.formats.layout import Layout
from connector_sdk.types import to_text


def look(text: str | bytes, encoding: str = "utf-8") -> Inference:
    return infer(text if isinstance(text, bytes) else text.encode(encoding), name="s")


def types(found: Inference) -> list[str]:
    return [to_text(field.type) for field in found.layout.fields]


def questions(found: Inference) -> str:
    return "\n".join(f"{f.field}: {f.message}" for f in found.findings if f.level == "question")


def read(found: Inference, data: bytes) -> list[dict[str, object]]:
    import io

    blocks = list(decode(found.layout, io.BytesIO(data).read, stream="s", place="s"))
    assert not any(block.rejects is not None and block.rejects.num_rows for block in blocks)
    return pa.Table.from_batches([block.data for block in blocks]).to_pylist()


def test_a_plain_file():
    found = look("id,name,born,score,ok\n1,Ann,2001-02-03,1.5,true\n2,Bob,1999-12-31,22.25,false\n")
    assert types(found) == ["int64", "string", "date", "decimal(18,2)", "bool"]
    assert found.layout.keys == ("id",)
    assert found.rows == 2
    assert not questions(found)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "\x1f"])
def test_delimiters(delimiter):
    rows = [["id", "a b", "n"], ["1", "x, y", "7"], ["2", "z", "8"]]
    text = "\n".join(delimiter.join(f'"{c}"' if "," in c else c for c in row) for row in rows)
    found = look(text)
    assert found.layout.form.delimiter == delimiter
    assert types(found) == ["int64", "string", "int64"]


def test_semicolons_and_decimal_commas():
    data = b"id;preis;menge\n1;1.234,50;3\n2;0,99;10\n3;12,00;7\n"
    found = look(data)
    assert types(found) == ["int64", "decimal(18,2)", "int64"]
    assert (found.layout.fields[1].decimal, found.layout.fields[1].group) == (",", ".")
    assert str(read(found, data)[0]["preis"]) == "1234.50"


def test_thousands_marks():
    for text, value in (('"1,234,567"', 1234567), ("1 234 567", 1234567), ("1'234'567", 1234567)):
        data = f"a,b\n{text},x\n7,y\n".encode()
        found = look(data)
        assert read(found, data)[0]["a"] == value, text


def test_one_or_thousand_is_asked():
    found = look('a,b\n"1,234",x\n"5,678",y\n')
    assert "a: every value could have" in questions(found)


@pytest.mark.parametrize(
    ("encoding", "mark", "name"),
    [
        ("utf-8", b"\xef\xbb\xbf", "utf-8"),
        ("utf-8", b"", "utf-8"),
        ("cp1252", b"", "cp1252"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be"),
        ("utf-16-le", b"", "utf-16-le"),
    ],
)
def test_encodings(encoding, mark, name):
    data = mark + "id,größe\r\n1,„fünf“\r\n2,€\r\n".encode(encoding)
    found = look(data)
    assert found.layout.encoding == name
    assert [row["größe"] for row in read(found, data)] == ["„fünf“", "€"]


def test_mixed_encodings_are_asked():
    data = b"id,name\n" + "1,Müller\n2,Schön\n".encode() + "3,Groß\n".encode("cp1252")
    assert "1 bytes are not UTF-8, the first at byte 32" in questions(look(data))


def test_a_cp1252_byte_in_the_last_line_is_seen():
    data = b"id,name\n" + b"1,plain\n" * 300_000 + b"2,Gro\xdf\n"
    assert look(data).layout.encoding == "cp1252"


def test_types_are_decided_over_the_whole_sample():
    rows = "".join(f"{n},{n}\n" for n in range(50_000))
    found = look("id,code\n" + rows + "50000,X1\n")
    assert types(found) == ["int64", "string"]
    assert "50,000 of 50,001 values are numbers; the first that is none is 'X1' (line 50,002)" in found.layout.fields[1].evidence


def test_padded_ids_stay_text():
    found = look("id,zip\n1,01234\n2,98765\n")
    assert types(found) == ["int64", "string"]
    assert "leading zeros" in found.layout.fields[1].evidence


def test_words_for_null():
    data = b"id,n,country\n1,5,NA\n2,N/A,DE\n3,NULL,FR\n"
    found = look(data)
    assert types(found) == ["int64", "int64", "string"]
    assert found.layout.fields[1].null == ("N/A", "NULL")
    assert [row["n"] for row in read(found, data)] == [5, None, None]
    assert read(found, data)[0]["country"] == "NA"


@pytest.mark.parametrize(
    ("first", "second", "kind", "pattern"),
    [
        ("31/12/2020", "01/02/2021", "date", "%d/%m/%Y"),
        ("12/31/2020", "01/02/2021", "date", "%m/%d/%Y"),
        ("31.12.2020", "01.02.2021", "date", "%d.%m.%Y"),
        ("31-Dec-2020", "01-Feb-2021", "date", "%d-%b-%Y"),
        ("2020/12/31", "2021/02/01", "date", "%Y/%m/%d"),
        ("31.12.2020 23:59:58", "01.02.2021 00:00:00", "timestamp[us]", "%d.%m.%Y %H:%M:%S"),
        ("12/31/2020 11:59 PM", "01/02/2021 12:00 AM", "timestamp[us]", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_dates_in_their_notation(first, second, kind, pattern):
    data = f"id,at\n1,{first}\n2,{second}\n".encode()
    found = look(data)
    assert to_text(found.layout.fields[1].type) == kind
    assert found.layout.fields[1].format == (pattern,)
    assert not questions(found)
    assert read(found, data)[0]["at"].strftime(pattern) == first


def test_iso_moments():
    found = look("a,b,c,d\n2020-01-31,2020-01-31T10:00:00Z,2020-01-31 10:00:00.5,10:00:00\n")
    assert types(found) == ["date", "timestamp[us, UTC]", "timestamp[us]", "time[us]"]


def test_day_or_month_first_is_asked_unless_another_field_tells():
    found = look("id,at\n1,01/02/2003\n2,03/04/2005\n")
    assert "at: every value could be %d/%m/%Y or %m/%d/%Y" in questions(found)
    found = look("id,at,other\n1,01/02/2003,12/31/2003\n2,03/04/2005,01/15/2004\n")
    assert not questions(found)
    assert found.layout.fields[1].format == ("%m/%d/%Y",)


def test_a_day_that_does_not_exist_makes_it_text():
    assert types(look("id,at\n1,2021-02-29\n2,2021-02-28\n")) == ["int64", "string"]


def test_huge_numbers_are_kept_exactly():
    found = look("a,b,c\n9223372036854775808,1e400,0.1234567890123456789\n1,2e3,1\n")
    assert types(found) == ["decimal(38,0)", "string", "decimal(38,19)"]
    assert "beyond what a 64-bit float holds" in questions(found)


def test_coordinates_are_floats_only_where_that_is_exact():
    found = look("a,lon,b\n52.55889892578125,1.23456,1.23456\n-1.5,2.3456789,2.3456789\n7.25,1,1\n")
    assert types(found) == ["float64", "float64", "decimal(18,7)"]


def test_booleans_in_their_words():
    data = b"id,aktiv,ok\n1,Ja,Y\n2,Nein,N\n"
    found = look(data)
    assert types(found) == ["int64", "bool", "bool"]
    assert [row["aktiv"] for row in read(found, data)] == [True, False]


def test_quoted_newlines_quotes_and_empties():
    data = b'id,text,n\n1,"a\nb ""c""",5\n2,"",\n'
    found = look(data)
    assert types(found) == ["int64", "string", "int64"]
    assert [row["text"] for row in read(found, data)] == ['a\nb "c"', ""]


def test_a_file_without_a_header():
    found = look("1,Ann,2001-02-03\n2,Bob,1999-12-31\n")
    assert not found.layout.form.header
    assert found.layout.names == ("column_1", "column_2", "column_3")
    assert types(found) == ["int64", "string", "date"]


def test_only_text_leaves_the_header_open():
    assert "the first record was taken for the header" in questions(look("name,city\nAnn,Rome\nBob,Oslo\n"))


def test_a_header_and_nothing_else():
    found = look("id,name\n")
    assert found.layout.names == ("id", "name")
    assert found.rows == 0


def test_headers_that_are_not_names():
    found = look('id,,id,"a b"\n1,2,3,4\n')
    assert found.layout.names == ("id", "column_2", "id_2", "a b")
    assert [field.title for field in found.layout.fields] == [None, "", "id", None]


def test_ragged_records_are_counted_and_shown():
    found = look("id,name\n1,a\n2,b,c\n3,d\n4\n5,e\n6,f\n")
    assert "2 of 6 records do not fit: line 3" in questions(found)


def test_an_empty_file_is_said_to_be_empty():
    with pytest.raises(ConfigError, match="is empty"):
        look(b"")


def test_ten_thousand_columns():
    names = [f"c{n}" for n in range(10_000)]
    found = look(",".join(names) + "\n" + ",".join(str(n) for n in range(10_000)) + "\n")
    assert len(found.layout.fields) == 10_000
    assert set(types(found)) == {"int64"}


def test_gzip_is_seen_by_its_first_bytes():
    assert types(look(gzip.compress(b"id,n\n1,2\n3,4\n"))) == ["int64", "int64"]


def test_old_line_ends_and_single_quotes():
    assert types(look("id,n\r1,2\r3,4\r")) == ["int64", "int64"]
    found = look("id;t\n1;'a;b'\n2;'c'\n3;'d'\n")
    assert found.layout.form.quote == "'"


def test_the_decision_is_a_reviewable_text_that_reads_back():
    layout = look("id;preis;at\n1;1.234,50;31.12.2020\n2;0,99;01.02.2021\n").layout
    assert Layout.from_yaml(layout.to_yaml()) == layout


@pytest.mark.parametrize("name", ["airport-frequencies", "countries", "navaids", "regions", "runways"])
def test_the_files_of_ourairports_are_read_as_a_person_would(name):
    folder = os.environ.get("CONNECTOR_CORPUS")
    if folder is None:
        pytest.skip("CONNECTOR_CORPUS does not name the corpus")
    path = Path(folder) / "ourairports" / f"{name}.csv"
    found = infer(path, name=name)
    assert not questions(found)
    rows = read(found, path.read_bytes())
    assert len(rows) == found.rows
    by_name = {field.name: to_text(field.type) for field in found.layout.fields}
    assert by_name["id"] == "int64"
    assert found.layout.keys == ("id",)
    for field, kind in by_name.items():
        if field.endswith(("latitude_deg", "longitude_deg")):
            assert kind == "float64"
        if field.endswith(("_ident", "name", "code", "type", "surface", "iso_country", "keywords")) or field == "continent":
            assert kind == "string"
        if field.endswith(("_ft", "_ref", "_khz")):
            assert kind == "int64"


def test_a_table_schema():
    layout = from_table_schema(
        {
            "name": "orders",
            "dialect": {"delimiter": ";"},
            "encoding": "cp1252",
            "schema": {
                "fields": [
                    {"name": "id", "type": "integer", "description": "who"},
                    {"name": "price", "type": "number", "decimalChar": ",", "groupChar": "."},
                    {"name": "on", "type": "date", "format": "%d.%m.%Y", "constraints": {"required": True}},
                    {"name": "ok", "type": "boolean", "trueValues": ["ja"], "falseValues": ["nein"]},
                    {"name": "where", "type": "geopoint"},
                ],
                "primaryKey": "id",
                "missingValues": ["", "-"],
            },
        }
    )
    assert layout.form.delimiter == ";"
    assert layout.keys == ("id",)
    assert [to_text(f.type) for f in layout.fields] == ["int64", "decimal(38,9)", "date", "bool", "string"]
    assert layout.fields[0].null == ("-",)
    assert [f.nullable for f in layout.fields] == [False, True, False, True, True]
    with pytest.raises(ConfigError, match="no list of fields"):
        from_table_schema({"name": "x"}, "x.json")


def test_a_total_below_the_records_does_not_make_their_header_doubtful():
    found = look("# made on 2024-01-01\n\nid,name\n1,a\n2,b\n\nTotal: 2\n")
    assert found.layout.delimited.footer == 2
    assert "every field is text" not in questions(found)
    assert types(found) == ["int64", "string"]
