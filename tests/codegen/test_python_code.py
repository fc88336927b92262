"""What goes into generated code as data comes out as the same data, and a formatter leaves it as it is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from connector_codegen.writers.python_code import Brackets, data, literal, render
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.one_of(st.text(), st.sampled_from(["'", '"', "'\"", "\\", "\\'", "\n", "\x00", "\u202e", '"""', "{}", "\\N{DASH}"]))
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.booleans(), st.none()), lambda inner: st.lists(inner, max_size=3).map(tuple)
)


@given(VALUES)
def test_a_literal_evaluates_to_what_it_was_made_from(value: object) -> None:
    assert ast.literal_eval(render("", data(value))) == value


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_brackets_hold_exactly_their_parts(values: dict[str, object]) -> None:
    code = Brackets.mapping((key, data(value)) for key, value in values.items())
    assert ast.literal_eval(render("", code)) == values


def test_a_formatter_changes_nothing(tmp_path: Path) -> None:
    words = ["plain", "it's", 'say "so"', 'it\'s "so"', "\\d", "tab\t", "größe", "x" * 100, ""]
    calls = [
        Brackets.call("f", name=literal("a" * length), keys=data(("k",)), words=data(tuple(words[: length % 9])))
        for length in range(1, 90)
    ]
    nested = Brackets.mapping(
        (word, Brackets.call("g", items=Brackets.items([call]))) for word, call in zip(words, calls, strict=False)
    )
    text = (
        render("X = ", Brackets.items(calls))
        + render("Y = ", nested)
        + render("Z = ", Brackets.items([]))
        + render("A = ", literal("a"))
    )
    file = tmp_path / "code.py"
    file.write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", file], capture_output=True, text=True, check=False
    )
    assert result.stdout == ""
    assert result.returncode == 0
