"""How often and how patiently a failed try is repeated: exponential backoff with jitter, and the system's own word first."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakSet

from connector_sdk.errors import TransientError

__all__ = ["Retry", "patiently"]

T = TypeVar("T")

_given_up: WeakSet[TransientError] = WeakSet()
"""Errors after the last try. Whoever meets one further out does not begin to try again: five times five tries are no patience."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """`attempts` tries in all without progress in between; waits grow from `first` seconds by `factor` up to `longest`.

    Each wait is lengthened by a random share of up to `jitter`, so that many runs that failed together do not return together.
    A `retry_after` of the system is obeyed, up to ten times `longest`; beyond that the error is final.
    """

    attempts: int = 5
    first: float = 0.5
    factor: float = 2.0
    longest: float = 60.0
    jitter: float = 0.5

    def wait(self, failures: int, error: TransientError) -> float | None:
        """Seconds to wait after the `failures`-th failure in a row, or None to give up, which is then everybody's answer.

        With one attempt there is nothing to give up: that is how a reader leaves failures to whoever called it.
        """
        if self.attempts == 1 or error in _given_up:
            return None
        if failures >= self.attempts or (error.retry_after or 0) > 10 * self.longest:
            _given_up.add(error)
            return None
        if error.retry_after is not None:
            return error.retry_after
        pause = min(self.first * self.factor ** (failures - 1), self.longest)
        return pause * (1 + self.jitter * random.random())  # noqa: S311 - spreading load, not keeping secrets


def patiently(ask: Callable[[], T], wait_or_raise: Callable[[int, TransientError], None]) -> T:
    """What `ask` returns, as soon as it does: `wait_or_raise` is told of each failure in a row, and ends it by raising."""
    failures = 0
    while True:
        try:
            return ask()
        except TransientError as error:
            failures += 1
            wait_or_raise(failures, error)
