"""A field as it will stand in the layout, and what was found out about it on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connector_sdk.formats.layout import Field

__all__ = ["Decision"]


@dataclass(frozen=True)
class Decision:
    """A field as it will stand in the layout, and what should be asked or told about it."""

    field: Field
    questions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unique: bool = False

    def asking(self, *questions: str | None) -> Decision:
        return replace(self, questions=(*self.questions, *(q for q in questions if q)))

    def noting(self, *notes: str | None) -> Decision:
        return replace(self, notes=(*self.notes, *(n for n in notes if n)))
