"""A number is one only where nothing of its text is lost; what may as well be a name, or another number, is asked about."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from connector_sdk.formats.delimited import decode
from connector_sdk.formats.delimited_inference import infer
from connector_sdk.formats.layout import Layout
from connector_sdk.rejects import rejects_of
from connector_sdk.types import to_text


def sample(values: list[str], name: str = "v") -> bytes:
    return "".join(f"{line}\n" for line in (f"id;{name}", *(f"{n};{value}" for n, value in enumerate(values)))).encode()


def look(*values: str, name: str = "v") -> tuple[str, str, str]:
    """The type of a column of these values, what is asked about it, and what is told."""
    found = infer(sample(list(values), name), name="s")
    said = {
        level: "\n".join(f.message for f in found.findings if f.level == level and f.field == name)
        for level in ("question", "note")
    }
    return to_text(found.layout.fields[1].type), said["question"], said["note"]


def read(layout: Layout, *values: str) -> tuple[list[str], int]:
    """The values as `layout` reads them, and how many are rejects."""
    blocks = list(decode(layout, io.BytesIO(sample(list(values), layout.fields[1].name)).read, stream="s", place="s"))
    rejects = [reject for block in blocks if block.rejects is not None for reject in rejects_of(block.rejects)]
    return [str(row["v"]) for row in pa.Table.from_batches([block.data for block in blocks]).to_pylist()], len(rejects)


# --- exponents


@pytest.mark.parametrize(
    "values",
    [
        ("12345678901234567", "12345678901234568", "1E5"),
        ("1234", "12E4", "5678"),
        ("1E10", "2E05", "7E99"),
        ("100", "1E+05"),
        ("12345678901", "1.23457E+10"),
        ("1.5", "1E-400"),
        ("1.23456789012345678901e3", "2.5"),
        ("12345678901234567", "1.5E+3"),
        ("1e400", "2.5e3"),
    ],
)
def test_numbers_with_exponents_that_may_be_names_or_would_be_rounded_stay_text(values: tuple[str, ...]) -> None:
    kind, question, _ = look(*values)
    assert kind == "string"
    assert "kept as text" in question


@pytest.mark.parametrize(
    "values", [("6.02E+23", "1.6E5"), ("6.02214076e23", "1.5"), ("1E-5", "2"), ("1.2E+16", "3.5"), ("0.0e5", "1.5")]
)
def test_numbers_with_exponents_that_a_float_holds_are_floats(values: tuple[str, ...]) -> None:
    kind, question, note = look(*values)
    assert (kind, question) == ("float64", "")
    assert "later values of more than 15 digits are rounded" in note


# --- decimals


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1.1", "1.0825", "0.00012345", "1.08251"), "decimal(18,8)"),
        (("1.23456", "2.3456789", "1"), "decimal(18,7)"),
        (("0.1", "0.12345678901234567891", "0.123456"), "decimal(38,20)"),
    ],
)
def test_decimals_stay_decimals_and_a_later_value_that_does_not_fit_is_a_reject(values: tuple[str, ...], kind: str) -> None:
    assert look(*values) == (kind, "", look(*values)[2])
    layout = infer(sample(list(values)), name="s").layout
    assert read(layout, *values)[1] == 0
    assert read(layout, "1.5", "0.1234567890123456789012345")[1] == 1


@pytest.mark.parametrize(
    ("values", "name"),
    [(("52.55889892578125", "-1.5", "7.25"), "v"), (("33.1167", "-1.5", "7.25", "8.70251"), "lat")],
    ids=["as many digits as a float has", "an angle"],
)
def test_measured_values_are_floats_which_is_said(values: tuple[str, ...], name: str) -> None:
    kind, question, note = look(*values, name=name)
    assert (kind, question) == ("float64", "")
    assert "later values of more than 15 digits are rounded; decimal(38," in note


# --- signs


@pytest.mark.parametrize(
    ("values", "read_as"),
    [
        (("12,-", "7,50"), ["12.00", "7.50"]),
        (("5.-", "7.-"), ["5.00", "7.00"]),
        (("CHF 5.-", "CHF 7.25"), ["5.00", "7.25"]),
        (("12,– €", "7,50 €"), ["12.00", "7.50"]),
        (("12,--", "7,50-"), ["12.00", "-7.50"]),
        (("1.234,-", "-7,50"), ["1234.00", "-7.50"]),
        (("(12,-)", "7,50"), ["-12.00", "7.50"]),
    ],
)
def test_a_dash_in_place_of_cents_is_no_minus(values: tuple[str, ...], read_as: list[str]) -> None:
    layout = infer(sample(list(values)), name="s").layout
    assert to_text(layout.fields[1].type) == "decimal(18,2)"
    assert read(layout, *values) == (read_as, 0)


@pytest.mark.parametrize(("values", "kind"), [(("5,00-", "7,50"), "decimal"), (("5-", "7"), "int64")])
def test_a_dash_for_cents_is_no_minus_in_a_later_file_either(values: tuple[str, ...], kind: str) -> None:
    layout = infer(sample(list(values)), name="s").layout
    assert kind in to_text(layout.fields[1].type)
    rows, rejects = read(layout, "12,-")
    assert (rows, rejects) == ((["12.00"], 0) if kind == "decimal" else ([], 1))


@pytest.mark.parametrize("values", [("(3)", "(12)"), ("10-", "20-"), ("(1.50)", "(2.25)")])
def test_a_column_of_nothing_but_negatives_is_asked_about(values: tuple[str, ...]) -> None:
    assert "all were read as negative numbers" in look(*values)[1]


@pytest.mark.parametrize("values", [("+4917012345", "+4917054321"), ("+49", "43"), ("+1", "+2")])
def test_a_plus_that_a_number_would_not_keep_is_asked_about(values: tuple[str, ...]) -> None:
    kind, question, _ = look(*values)
    assert kind == "string"
    assert "plus sign" in question


@pytest.mark.parametrize("values", [("+1", "-2"), ("+1.5", "+2.5")])
def test_a_plus_of_a_number_is_none_of_its_value(values: tuple[str, ...]) -> None:
    kind, question, _ = look(*values)
    assert kind != "string"
    assert not question


# --- marks


def test_digits_in_the_same_groups_may_be_names() -> None:
    assert "8 digits in groups" in look("12.345.678", "98.765.432")[1]
    assert look("12.345.678", "1.234")[1] == ""
    assert look("12.345.678 €", "98.765.432 €")[1] == ""


@pytest.mark.parametrize(("values", "first"), [(('"0,125"', '"0,250"'), "0.125"), (('"0,125"', '"1,250"'), "0.125")])
def test_thousands_do_not_begin_with_a_zero(values: tuple[str, ...], first: str) -> None:
    data = f"id,v\n1,{values[0]}\n2,{values[1]}\n".encode()
    layout = infer(data, name="s").layout
    assert (to_text(layout.fields[1].type), layout.fields[1].decimal) == ("decimal(18,3)", ",")


def test_the_evidence_for_leading_zeros_is_true() -> None:
    evidence = infer(sample(["0001,50", "0022,75"]), name="s").layout.fields[1].evidence
    assert evidence is not None
    assert "2 of 2 values are numbers, some with leading zeros" in evidence


def test_a_question_offers_two_answers() -> None:
    assert look("1 234", "5 678")[:2] == ("int64", "")
    assert "thousands separated by '.' or a decimal point" in look("1.234", "5.678")[1]
