"""Writes Python expressions as a formatter would leave them: data from a description becomes checked literals, nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["WIDTH", "Brackets", "Code", "data", "literal", "render"]

WIDTH = 88
"""Characters of a line: what ruff and black have by default."""


@dataclass(frozen=True)
class Brackets:
    """`parts` between `start` and `end`, on one line or one to a line. A part is (what stands before it, code)."""

    start: str
    parts: tuple[tuple[str, Code], ...]
    end: str

    @classmethod
    def call(cls, name: str, /, *positional: Code, **named: Code) -> Brackets:
        """``name(value, …, key=value, …)``."""
        parts = [*(("", value) for value in positional), *((f"{key}=", value) for key, value in named.items())]
        return cls(f"{name}(", tuple(parts), ")")

    @classmethod
    def items(cls, items: Iterable[Code]) -> Brackets:
        """``(item, …)``."""
        return cls("(", tuple(("", item) for item in items), ")")

    @classmethod
    def mapping(cls, items: Iterable[tuple[str, Code]]) -> Brackets:
        """``{key: value, …}``; the keys are text."""
        return cls("{", tuple((f"{literal(key)}: ", value) for key, value in items), "}")


Code: TypeAlias = "str | Brackets"


def literal(value: object) -> str:
    """Text, a number, a boolean or None as source code, with the quotes that ruff would choose."""
    if not isinstance(value, str):
        assert value is None or isinstance(value, bool | int | float), value
        return repr(value)
    quote = "'" if value.count('"') > value.count("'") else '"'
    # repr escapes whatever is not printable; around it go the quotes of our choice.
    inside = repr(value + "\"'")[1:-4].replace("\\'", "'")
    return quote + inside.replace(quote, f"\\{quote}") + quote


def data(value: object) -> Code:
    """A literal, or a tuple of data."""
    return Brackets.items(map(data, value)) if isinstance(value, tuple) else literal(value)


def render(before: str, code: Code, after: str = "", indent: int = 0) -> str:
    """`before`, then `code`, then `after`, indented by `indent` blanks; ends with a line end."""
    margin = " " * indent
    line = margin + before + _flat(code) + after
    if isinstance(code, str) or not code.parts or len(line) <= WIDTH:
        return line + "\n"
    inside = "".join(render(name, part, ",", indent + 4) for name, part in code.parts)
    return f"{margin}{before}{code.start}\n{inside}{margin}{code.end}{after}\n"


def _flat(code: Code) -> str:
    if isinstance(code, str):
        return code
    inside = ", ".join(name + _flat(part) for name, part in code.parts)
    return code.start + inside + ("," if code.start == "(" and len(code.parts) == 1 else "") + code.end
