"""What SIGINT and SIGTERM do: the first asks a run to stop at its next checkpoint, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from connector_sdk.cli.messages import Voice
from connector_sdk.runtime.stop import Stop

__all__ = ["STOPPING", "stopping"]

SHOW_CURSOR = b"\x1b[?25h"
STOPPING = "stopping at the next checkpoint; once more stops at once"


@contextmanager
def stopping(voice: Voice, answer: str | None = STOPPING) -> Iterator[Stop]:
    """The `Stop` of a run; while this lasts, signals ask it, and are answered with a line."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # Python delivers signals to the main thread only
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.requested:
            # The run is stuck or the user is in a hurry. What is staged and not committed is dropped by the next run.
            if sys.stderr.isatty():
                os.write(2, SHOW_CURSOR + b"\n")
            os._exit(128 + number)
        stop.request(number)
        if answer and voice.log == "text" and not sys.stderr.isatty():  # a terminal's display says it itself
            os.write(2, f"note: {answer}\n".encode())  # not print: the signal may have come in the middle of one

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
