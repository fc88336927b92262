"""Words for true and false make a boolean where nothing else is as likely: NO is Norway, too."""

from __future__ import annotations

import pytest
from connector_sdk.formats.delimited_inference import infer
from connector_sdk.types import to_text


def look(*values: str, name: str) -> tuple[str, str, str, str]:
    """The type of a field of these values, what is asked about it, what is told, and its evidence."""
    rows = "".join(f"{number},{value}\n" for number, value in enumerate(values))
    found = infer(f"id,{name}\n{rows}".encode(), name="s")
    said = {
        level: "\n".join(f.message for f in found.findings if f.level == level and f.field == name)
        for level in ("question", "note")
    }
    return to_text(found.layout.fields[1].type), said["question"], said["note"], found.layout.fields[1].evidence or ""


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("country", ("NO", "SI", "NO")),
        ("lang", ("no", "si")),
        ("dir", ("S", "N", "N")),
        ("x", ("da", "nu")),
        ("blood", ("O", "N")),
    ],
)
def test_words_that_are_codes_as_well_stay_text_and_are_asked_about(name: str, values: tuple[str, ...]) -> None:
    kind, question, *_ = look(*values, name=name)
    assert kind == "string"
    assert "may be words for true and false, or codes" in question


@pytest.mark.parametrize("word", ["SI", "DA"])
def test_one_word_of_two_letters_is_no_boolean(word: str) -> None:
    kind, _, note, _ = look(word, word, name="x")
    assert (kind, note) == ("string", f"only '{word}' is there: it may be a boolean")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("activo", ("SI", "NO")),
        ("is_active", ("S", "N")),
        ("pagado_flag", ("no", "si")),
        ("x", ("yes", "no")),
        ("x", ("Y", "N")),
        ("x", ("sí", "no")),
        ("x", ("ja", "nein")),
        ("x", ("true", "true")),
    ],
)
def test_words_that_are_nothing_else_or_a_flag_by_name_are_booleans(name: str, values: tuple[str, ...]) -> None:
    assert look(*values, name=name)[:2] == ("bool", "")


def test_the_evidence_names_the_value_that_speaks_against_a_boolean() -> None:
    values = ["yes"] * 1000 + ["maybe"] + ["no"] * 1000
    kind, _, note, evidence = look(*values, name="ok")
    assert kind == "string"
    assert "'maybe' (line 1,002)" in evidence
    assert "'maybe' (line 1,002)" in note


def test_a_name_among_names_speaks_against_nothing() -> None:
    assert "true and false" not in look("Ja", "Ann", "Bob", "Cy", name="name")[3]
