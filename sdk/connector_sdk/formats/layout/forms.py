"""Which forms of flat files there are, by the word that a layout calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from connector_sdk.formats.layout.delimited import Delimited
from connector_sdk.formats.layout.fixed_width import FixedWidth

__all__ = ["FORMS", "VERSION", "Form"]

VERSION = 1
"""Of the layout's own text."""

Form: TypeAlias = Delimited | FixedWidth

FORMS: Mapping[str, type[Form]] = {"delimited": Delimited, "fixed_width": FixedWidth}
