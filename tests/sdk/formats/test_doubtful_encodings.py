"""A text is known by all of its bytes: EBCDIC in any language, other code pages, and texts that begin like binary files."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.orc
import pytest
from connector_sdk.errors import ConfigError
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited_inference import Inference, infer

GERMAN = "id,name,ort\n" + "".join(f"{n},Müller Jürgen,Köln Süd\n{n + 1},Groß & Söhne,Überlingen\n" for n in range(1, 40, 2))
SMALL = "id,name\n1,Müller\n2,Böß\n"


def asked(found: Inference) -> str:
    return "\n".join(finding.message for finding in found.findings if finding.level == "question")


def rows(found: Inference, data: bytes) -> list[dict[str, object]]:
    blocks = decode(found.layout, io.BytesIO(data).read, stream="s", place="s")
    return pa.Table.from_batches([block.data for block in blocks]).to_pylist()


@pytest.mark.parametrize("encoding", ["cp037", "cp500", "cp273", "cp1140"])
@pytest.mark.parametrize("text", [GERMAN, SMALL, "id,name\n1,Müllerstraße\n2,x\n"], ids=["many", "few", "one word"])
@pytest.mark.parametrize("end", ["\n", "\x85"], ids=["LF", "NEL"])
def test_ebcdic_with_letters_of_a_nation_is_asked_about(encoding: str, text: str, end: str) -> None:
    data = text.replace("\n", end).encode(encoding)
    found = infer(data, name="s")
    assert "it is EBCDIC" in asked(found)
    assert encoding in asked(found) or encoding == "cp1140"
    assert (found.layout.encoding == "cp273") == (encoding == "cp273")
    assert str(rows(found, data)[0]["name"]).startswith("Müller")


def test_letters_far_behind_the_first_block_are_seen() -> None:
    data = ("id,name\n" + "1,SMITH\n" * 10_000 + "2,A[0]!\n").encode("cp500")
    assert "it is EBCDIC" in asked(infer(data, name="s"))


def test_brackets_are_no_letters_of_a_nation() -> None:
    found = infer("id,a,b\n1,{y},[x]\n2,{z},[y]\n".encode("cp037"), name="s")
    assert found.layout.encoding == "cp037"
    assert "'[x]' as cp037" in asked(found) or "'{y}' as cp037" in asked(found)


def test_ebcdic_without_such_letters_is_a_note() -> None:
    found = infer("id,name\n1,SMITH\n2,JONES\n".encode("cp500"), name="s")
    assert (found.layout.encoding, asked(found).count("EBCDIC")) == ("cp037", 0)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id;nazwa\n1;Łódź\n2;żółw\n3;gęś\n", "cp1250"),
        ("id;slovo\n1;příště\n2;řeči\n3;děti\n", "cp1250"),
        ("id;ad\n1;güneş\n2;çiçek\n", "cp1254"),
        ("id;name\n1;ÄÖÜ\n2;Ärger über Öl\n3;Größe\n", "cp437"),
        ("id;name\n1;日本語\n2;テスト\n3;東京都\n", "shift_jis"),
        ("id;name\n1;ひらがな\n2;かな\n", "shift_jis"),
        ("id;name\n1;Łódź\n2;żółw\n", "iso8859-2"),
    ],
)
def test_letters_that_are_none_in_western_code_pages_are_asked_about(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    found = infer(data, name="s")
    assert "are not UTF-8" in asked(found)
    assert len(rows(found, data)) == found.rows


@pytest.mark.parametrize(
    "text",
    [
        "id;name\n1;Müller’s – „Größe“\n2;5 €\n",
        "id;name\n1;L’été, 1ª, col·lega\n2;Ñandú ½ m² 5°\n",
        "id;n\n1;Søren Forlì\n2;þýða\n",
    ],
)
def test_western_text_is_a_note(text: str) -> None:
    found = infer(text.encode("cp1252"), name="s")
    assert (found.layout.encoding, "are not UTF-8" in asked(found)) == ("cp1252", False)


@pytest.mark.parametrize(
    "header", ["ORCID,name", "PAR1;PAR2", "BZhaus;n", "GIF89a;n", "GIF8,n", "%PDF-share;n", "Obj;n", "BZh9;n"]
)
def test_a_header_that_begins_like_a_binary_file_is_a_header(header: str) -> None:
    delimiter = "," if "," in header else ";"
    found = infer(f"{header}\n1{delimiter}2\n3{delimiter}4\n".encode(), name="s")
    assert found.layout.names == tuple(header.split(delimiter))


def _orc() -> bytes:
    target = io.BytesIO()
    pyarrow.orc.write_table(pa.table({"a": [1]}), target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_orc(), "an ORC file"),
        (b"GIF89a\x01\x00\x01\x00\x80\x00\x00", "a GIF picture"),
        (b"MZ\x90\x00\x03\x00\x00\x00", "a program"),
    ],
)
def test_a_binary_file_is_still_called_what_it_is(data: bytes, what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        infer(data, name="s")
