"""What the kit has found out about a connector: one result per law, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from connector_sdk.schema import JSON

__all__ = ["Certificate", "Result", "Verdict"]

Verdict: TypeAlias = Literal["kept", "broken", "not offered"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One law: its number and words, the verdict, and what was looked at or what went wrong."""

    law: int
    title: str
    verdict: Verdict
    detail: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Every law, in order, for one version of one connector. `live`: the laws that only read, on a real system."""

    connector: str
    version: str
    results: tuple[Result, ...]
    live: bool = False

    @property
    def kept(self) -> bool:
        """No law is broken."""
        return all(result.verdict != "broken" for result in self.results)

    def to_json(self) -> dict[str, JSON]:
        """A JSON object."""
        return {
            "connector": self.connector,
            "version": self.version,
            "live": self.live,
            "kept": self.kept,
            "results": [asdict(result) for result in self.results],
        }

    def to_text(self) -> str:
        """The certificate as plain text, a law to a paragraph."""
        where = "on a live system" if self.live else "against its simulator"
        lines = [f"{self.connector} {self.version}, {where}", ""]
        for result in self.results:
            lines.append(f"{result.law:>3}. {result.verdict:<11} {result.title}  ({result.seconds:.1f} s)")
            lines.append(f"{'':17}{result.detail}")
        counts = [f"{self.count(verdict)} {verdict}" for verdict in ("kept", "broken", "not offered") if self.count(verdict)]
        return "\n".join([*lines, "", ", ".join(counts)])

    def count(self, verdict: str) -> int:
        """How many laws have `verdict`."""
        return sum(result.verdict == verdict for result in self.results)
