"""Ctrl-C, SIGTERM, SIGUSR1 and SIGUSR2, which batch systems send before the time is over: they ask for a stop, wherever a run is."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

from .loop import Stopped

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class Stop:
    """Calling it says whether a stop was asked for. Work that cannot ask is put into `at_once`."""

    def __init__(self) -> None:
        self.asked = False
        self.breaking = False

    def __call__(self) -> bool:
        return self.asked

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """A signal ends the work in here with `Stopped`; one that came before does so before it begins. What it writes must be whole anyway."""
        try:
            self.breaking = True
            if self.asked:
                raise Stopped
            yield
        finally:
            self.breaking = False


@contextlib.contextmanager
def noted(quiet: bool = False) -> Iterator[Stop]:
    """Let the signals ask for a stop instead of ending the process; the same again acts at once. quiet : without a word."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.asked = True
        signal.signal(number, before[signal.Signals(number)])
        when = b"now" if stop.breaking else b"after this step"
        with contextlib.suppress(OSError):  # a log on a full disk
            quiet or os.write(2, b"\nstopping " + when + b" (the same signal again stops at once)\n")  # print is not safe in a handler
        if stop.breaking:
            raise Stopped

    before = {number: signal.getsignal(number) for number in _ASKING}
    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
