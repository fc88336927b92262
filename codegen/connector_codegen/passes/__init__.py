"""What is done to every interface before it is written, in this order."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from connector_codegen.model import Interface
from connector_codegen.passes.distinguish import distinguish
from connector_codegen.passes.identify import identify
from connector_codegen.passes.singular import singular
from connector_codegen.passes.title import title
from connector_codegen.problems import Problem

__all__ = ["PASSES", "Pass"]

Pass: TypeAlias = Callable[[Interface, list[Problem]], Interface]
"""Model to model; what it finds on the way goes to the end of the list."""

PASSES: tuple[Pass, ...] = (identify, singular, distinguish, title)
