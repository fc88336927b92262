"""What is found wrong or open in one row, on its way to the list of problems."""

from __future__ import annotations

from dataclasses import dataclass

from connector_codegen.problems import Problem

__all__ = ["Asking", "Wrong"]


class Wrong(Exception):  # noqa: N818 - a finding on its way to the list of problems
    """A row that no field can be made of."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


@dataclass(frozen=True)
class Asking:
    """Where questions about one field go."""

    field: str
    line: str
    problems: list[Problem]

    def told(self, what: str, hint: str | None = None) -> None:
        """A guess that a person should look at."""
        self.asked(f"{what}, it seems: line {self.line} does not say", hint)

    def asked(self, what: str, hint: str | None = None) -> None:
        """Something that a person should look at."""
        self.problems.append(Problem(level="question", where=self.field, what=what, hint=hint))
