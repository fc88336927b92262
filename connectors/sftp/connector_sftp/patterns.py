"""Which file names a stream's pattern means, where to look for them, and which name a written part gets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from connector_sdk.errors import ConfigError

__all__ = ["Pattern"]

_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """A pattern below a folder: ``*`` and ``?`` stay within a name, ``[…]`` is a set, ``**/`` is any number of folders."""

    text: str

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile("".join(map(_translate, _TOKEN.findall(self.text))), re.DOTALL)

    def matches(self, name: str) -> bool:
        """Whether the relative name `name` is meant."""
        return self._regex.fullmatch(name) is not None

    @cached_property
    def below(self) -> str:
        """The folder that all matching names lie below: the parts before the first wildcard."""
        fixed: list[str] = []
        for part in self.text.split("/")[:-1]:
            if _WILD.search(part):
                break
            fixed.append(part)
        return "/".join(fixed)

    @property
    def depth(self) -> int | None:
        """How many folders deep below :attr:`below` to look; None is all."""
        if "**" in self.text:
            return None
        return self.text.count("/") - (self.below.count("/") + 1 if self.below else 0) + 1

    @property
    def part(self) -> str:
        """The name of a written part, with ``{part}`` in place of the first ``*``; a name without wildcards is itself.

        Raises ConfigError when there is no single place for the part.
        """
        text = self.text.replace("**/", "")
        name = text.replace("*", "{part}", 1)
        if _WILD.search(name):
            raise ConfigError(
                f"files {self.text!r}: which name a new file would have is not clear",
                hint="use one * where the part goes, as orders-*.csv",
                code="pattern",
            )
        return name


def _translate(token: str) -> str:
    match token:
        case "**/":
            return "(?:.+/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if len(token) > 2 and token.startswith("["):
        inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
        return f"(?!/)[^{inside[1:]}]" if inside.startswith("!") else f"(?!/)[{inside.replace('^', chr(92) + '^')}]"
    return re.escape(token)
