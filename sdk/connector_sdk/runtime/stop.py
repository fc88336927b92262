"""Asking a run to stop at its next checkpoint, from a signal handler or another thread."""

from __future__ import annotations

import threading

from connector_sdk.errors import Stopped

__all__ = ["Stop"]


class Stop:
    """A request to stop. The run finishes the batch it is at, commits, and raises :class:`~connector_sdk.errors.Stopped`."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.signal = 15

    def request(self, signal: int = 15) -> None:
        """Ask. Safe in a signal handler; asking again changes nothing."""
        if not self._event.is_set():
            self.signal = signal
            self._event.set()

    @property
    def requested(self) -> bool:
        """Whether someone asked."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`, less when someone asks; says whether someone did."""
        return self._event.wait(seconds)

    def error(self) -> Stopped:
        """What a run raises once it has stopped."""
        return Stopped("stopped at a checkpoint, as asked; run again to go on", signal=self.signal)
