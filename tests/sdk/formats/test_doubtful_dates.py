"""In which order day, month and year stand is told by the values, or by those of another field; else it is asked."""

from __future__ import annotations

import pytest
from connector_sdk.formats.delimited_inference import infer
from connector_sdk.formats.layout import Field


def look(*values: str, others: tuple[str, ...] = ()) -> tuple[Field, str, str]:
    """The field of these values, what is asked about it, and what is told. `others` are those of another field."""
    rows = [f"{number};{value};{other}" for number, (value, other) in enumerate(zip(values, others or values, strict=True))]
    found = infer("\n".join(["id;at;other", *rows]).encode(), name="s")
    said = {
        level: "\n".join(f.message for f in found.findings if f.level == level and f.field == "at")
        for level in ("question", "note")
    }
    return found.layout.fields[1], said["question"], said["note"]


@pytest.mark.parametrize(
    ("values", "taken", "others"),
    [
        (("24-01-03", "24-02-05"), "%y-%m-%d", ["%d-%m-%y"]),
        (("24/01/03", "24/02/05"), "%d/%m/%y", ["%y/%m/%d"]),
        (("24.01.03", "24.02.05"), "%d.%m.%y", ["%y.%m.%d"]),
        (("12/05/04", "11/06/04"), "%d/%m/%y", ["%m/%d/%y", "%y/%m/%d"]),
        (("24-01-03 10:30", "24-02-05 11:30"), "%y-%m-%d %H:%M", ["%d-%m-%y %H:%M"]),
    ],
)
def test_orders_that_are_as_possible_are_asked_about(values: tuple[str, ...], taken: str, others: list[str]) -> None:
    field, question, _ = look(*values)
    assert field.format == (taken,)
    assert f"every value could be {taken} or {' or '.join(others)}; {taken} was taken" in question


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        (("99-01-03", "24-02-05"), "%y-%m-%d"),
        (("24-01-99", "28-02-05"), "%d-%m-%y"),
        (("12/31/99", "01/02/05"), "%m/%d/%y"),
        (("31.12.99", "01.02.05"), "%d.%m.%y"),
        (("99/12/31 10:30:00", "24/02/05 11:30:00"), "%y/%m/%d %H:%M:%S"),
    ],
)
def test_a_value_that_only_one_order_understands_decides(values: tuple[str, ...], taken: str) -> None:
    field, question, note = look(*values)
    assert field.format == (taken,)
    assert not question
    assert "%y" not in taken or "69 to 99 were taken for 19xx, 00 to 68 for 20xx" in note


def test_another_field_tells_the_order_only_where_its_own_is_known() -> None:
    assert look("01/02/2003", "03/04/2005", others=("31-12-2003", "15-01-2004"))[0].format == ("%d/%m/%Y",)
    assert "%d/%m/%Y or %m/%d/%Y" in look("01/02/2003", "03/04/2005", others=("24-01-03", "24-02-05"))[1]
    field, question, _ = look("01/02/03", "03/04/05", others=("12/31/2003", "01/15/2004"))
    assert (field.format, question) == (("%m/%d/%y",), "")


def test_years_of_four_digits_are_not_told_about() -> None:
    assert look("31.12.2001", "2002-01-03")[2] == "written in 2 ways: %d.%m.%Y, %Y-%m-%d"
