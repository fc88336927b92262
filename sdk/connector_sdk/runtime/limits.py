"""Courtesy towards fragile systems: a rate that all splits of a run share, and hours in which a system is left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from connector_sdk.config import Limits
from connector_sdk.errors import ConfigError, TransientError

__all__ = ["Throttle", "quiet_seconds"]


class Throttle:
    """Spreads rows over time so that no more than `limits.max_rate` per second are read, over all threads together.

    A batch has been read when its size is known, so the pause follows it: the rate holds over any few batches.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = limits.max_rate
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = clock()

    def pause_after(self, rows: int) -> float:
        """Seconds to wait now that `rows` more were read; 0 without a limit."""
        if self._rate is None or not rows:
            return 0.0
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now) + rows / self._rate
            return self._free_at - now


def quiet_seconds(limits: Limits, now: datetime) -> float:
    """Seconds until the quiet hours around `now` (local time) are over, 0 outside them. Raises ConfigError for a bad hour."""
    if limits.quiet_hours is None:
        return 0.0
    try:
        start, end = (datetime.strptime(part, "%H:%M").time() for part in limits.quiet_hours.split("-"))  # noqa: DTZ007
    except ValueError:
        raise ConfigError(f"quiet_hours {limits.quiet_hours!r} are not hours", hint="write 22:00-06:00") from None
    at = now.time()
    inside = start <= at < end if start <= end else at >= start or at < end
    if not inside:
        return 0.0
    over = now.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    if over <= now:
        over += timedelta(days=1)
    return (over - now).total_seconds()


def respect_quiet_hours(limits: Limits) -> None:
    """Raises TransientError, with the seconds to wait, inside the quiet hours."""
    wait = quiet_seconds(limits, datetime.now())  # noqa: DTZ005 - quiet hours are local by definition
    if wait:
        raise TransientError(
            f"the system is left alone in its quiet hours, {limits.quiet_hours}",
            retry_after=wait,
            hint=f"run again in {timedelta(seconds=round(wait))}",
            code="quiet_hours",
        )
