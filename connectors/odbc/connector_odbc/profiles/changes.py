"""The part of a profile that is about change capture."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Changes"]


@dataclass(frozen=True, kw_only=True)
class Changes:
    """`methods` are those the system has, best first: ``log``, ``versions``, ``triggers``."""

    methods: tuple[str, ...] = ("triggers",)
