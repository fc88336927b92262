"""The laws that every connector keeps, checked one by one, and the certificate that says so.

``connector test NAME`` prints what :func:`certify` returns. A package's own test file needs two lines::

    from connector_sdk.testing.laws import law_tests

    test_laws = law_tests(MyConnector)

No law can be left out: what a connector cannot do is declared in its streams (`reads`, `writes`, `repeats`), and then a law says
"not offered" and why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any, TypeAlias

from connector_sdk.errors import ConfigError, LawBrokenError, redact
from connector_sdk.plugins import GROUP
from connector_sdk.testing.laws.certificate import Certificate, Result, Verdict
from connector_sdk.testing.laws.changing import converge, low_water_first, small_states
from connector_sdk.testing.laws.crashing import survives_kills
from connector_sdk.testing.laws.reading import every_row_once, exact_states, late_rows
from connector_sdk.testing.laws.secrecy import no_secret_told
from connector_sdk.testing.laws.shape import drift_is_an_error, exact_types, one_reject
from connector_sdk.testing.laws.subject import NotOffered, Subject
from connector_sdk.testing.laws.writing import commit_once

__all__ = ["LAWS", "Certificate", "Law", "Listener", "Result", "Verdict", "certify", "check_law", "law_tests"]


@dataclass(frozen=True)
class Law:
    """A promise, and the function that looks whether it is kept: it returns what it looked at, or raises."""

    number: int
    title: str
    check: Callable[[Subject], str]


LAWS: tuple[Law, ...] = (
    Law(1, "The splits of a full plan are the stream: nothing missing, nothing twice", every_row_once),
    Law(2, "From any emitted state, up to any later one, a read returns exactly what lies between", exact_states),
    Law(3, "A row that becomes visible only after a state was emitted still arrives", late_rows),
    Law(4, "A changes read from no state emits its low-water state first, committed before the next pull", low_water_first),
    Law(5, "Committing twice with one checkpoint id is committing once", commit_once),
    Law(6, "Killed anywhere and started again, the target equals the source", survives_kills),
    Law(7, "Schema, metadata and values survive the wire and every file format, or the loss is reported", exact_types),
    Law(8, "One bad record is one reject with its raw bytes; the rest of the stream arrives", one_reject),
    Law(9, "No secret in any log line, exception, repr, pickle, state or written file", no_secret_told),
    Law(10, "A schema that changed is a SchemaDriftError that names the fields", drift_is_an_error),
    Law(11, "Change batches applied to an empty replica converge to the source, deletes included", converge),
    Law(12, "Split ids are stable; a state stays under 64 KB however long the history", small_states),
)

Listener: TypeAlias = Callable[[Result], None]
"""Called with each law's result as soon as it is known."""


def certify(
    connector: Any,
    config: Mapping[str, object] | None = None,
    listener: Listener | None = None,
    *,
    crash_points: int = 40,
) -> Certificate:
    """Hold `connector`, a class, against every law, with its simulator or, given `config`, on a live system that is only read.

    `crash_points` bounds at how many places each part of law 6 kills a process; the certificate says how many there were.
    Raises ConfigError when there is neither a simulator nor a `config`; a law that goes wrong in any other way is broken.
    """
    subject = Subject(connector=connector, config=config, crash_points=max(crash_points, 4))
    results = []
    for law in LAWS:
        results.append(_judge(law, subject))
        if listener is not None:
            listener(results[-1])
    name, version = _who(connector)
    return Certificate(connector=name, version=version, results=tuple(results), live=config is not None)


def check_law(number: int, connector: Any, *, crash_points: int = 40) -> Result:
    """One law, against the connector's simulator."""
    law = next(law for law in LAWS if law.number == number)
    return _judge(law, Subject(connector=connector, crash_points=max(crash_points, 4)))


def law_tests(connector: Any, *, crash_points: int = 40) -> Callable[..., None]:
    """A pytest test function, parametrized over all laws: assign it to a name that starts with ``test_``."""
    import pytest

    @pytest.mark.parametrize("law", LAWS, ids=[f"law_{law.number}" for law in LAWS])
    def test_law(law: Law, record_property: Callable[[str, object], None]) -> None:
        result = check_law(law.number, connector, crash_points=crash_points)
        record_property("verdict", result.verdict)
        record_property("detail", result.detail)
        if result.verdict == "broken":
            pytest.fail(f"law {law.number} is broken: {law.title}.\n{result.detail}", pytrace=False)

    return test_law


def _judge(law: Law, subject: Subject) -> Result:
    started = time.monotonic()
    verdict: Verdict
    try:
        verdict, detail = "kept", law.check(subject)
    except NotOffered as reason:
        verdict, detail = "not offered", str(reason)
    except LawBrokenError as error:
        verdict, detail = "broken", error.message
    except ConfigError as error:
        if error.code == "no_simulator":
            raise
        verdict, detail = "broken", f"{type(error).__name__}: {error}"
    except Exception as error:
        verdict, detail = "broken", f"{type(error).__name__}: {error}"
    seconds = round(time.monotonic() - started, 3)
    return Result(law=law.number, title=law.title, verdict=verdict, detail=redact(detail), seconds=seconds)


def _who(connector: Any) -> tuple[str, str]:
    """The connector's name, and the version of the distribution that brings it."""
    name, package = getattr(connector, "__qualname__", repr(connector)), connector.__module__.partition(".")[0]
    for point in metadata.entry_points(group=GROUP):  # also finds what is installed editable
        if point.dist is not None and point.value.partition(".")[0].partition(":")[0] == package:
            return point.name, point.dist.version
    for distribution in metadata.packages_distributions().get(package, ()):
        return name, metadata.version(distribution)
    return name, "(not installed)"
