"""Which calls may use Numba's threads, and which have too little to do for them.

OpenMP's stay behind when a process is forked, and Numba ends a child that asks for them: a pool of such children waits for ever. The layer
"workqueue" takes one caller at a time, and ends a process in which there are two. So children of a process that has used threads work without,
and callers of "workqueue" take turns. What runs without threads is the same code, and gives the same bits
(tests/kernels/test_threads.py asks all kernels).
"""

import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

from . import _forks


class _Layer:
    """What is known of Numba's threads in this process."""

    single = False  # there is but one, and no other need be started
    left_behind = False  # they are in the process that this one was forked from
    any_caller = False  # they run, and take calls from several threads at once
    turn = threading.Lock()  # to be held by callers of the others

    def start(self) -> None:
        """Start the threads: only then it is known what they are."""
        import numba

        self.single = getattr(numba.config, "NUMBA_NUM_THREADS") == 1  # noqa: B009  (it is set when Numba is imported)
        if not self.single:
            numba.get_num_threads()
            self.any_caller = numba.threading_layer() != "workqueue"


_layer = _Layer()

# Values of a fifth of a nanosecond, what Adam takes for one. As many of them, 3 us, are where two threads that wait for work on cores of their
# own are as fast as one, for the 1 us that it takes to tell them; where another process is on these cores they wait for it, for milliseconds.
SMALL = 16384
Twin, Work = Callable[..., Any], Callable[..., float]


def choose(function: Twin, alone: Twin, together: Twin, work: Work | None = None) -> Twin:
    """`function` compiled without and with threads, as one: with, wherever they may be used, but for calls of little work.

    work : of a call's arguments, about how many values it takes the time of, rather too many: up to `SMALL` it is done alone. None: many.
    """

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if _layer.single or (work is not None and work(*args) <= SMALL):
            return alone(*args)
        if _layer.any_caller:
            return together(*args)
        if _layer.left_behind:
            return alone(*args)
        _layer.start()
        if _layer.single:
            return alone(*args)
        if _layer.any_caller:
            return together(*args)
        with _layer.turn:
            return together(*args)

    call.alone, call.together, call.work = alone, together, work  # type: ignore[attr-defined]
    return call


@functools.cache
def watch(numba: Any) -> None:
    """Let no process be forked while Numba compiles in another thread, and notice children that have left its threads behind."""
    _forks.unlocked(numba.core.compiler_lock.global_compiler_lock)
    _forks.in_child(_notice)


def _notice() -> None:
    try:
        sys.modules["numba"].threading_layer()
    except ValueError:  # none were started: this process may start its own
        return
    _layer.left_behind, _layer.any_caller = True, False


__all__ = ["choose", "watch"]
