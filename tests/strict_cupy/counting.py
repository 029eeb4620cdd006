"""Count what would happen on a GPU, and where in pnnkern it is asked for."""

import contextlib
import functools
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# What is counted: launches of our own kernels and of graphs, CuPy's operations, waits of the host, copies from the host to the device.
OPERATIONS = ("kernel", "gemm", "fft", "solver", "memset")
KINDS = {"launches": ("launch", "graph"), "operations": OPERATIONS, "syncs": ("sync",), "copies": ("copy",)}
PASSED_ON = ("_array.py", "_launch.py")  # these files do what their callers ask for

Events = Counter[tuple[str, str, str]]  # (kind, name, place): how often

_events: Events | None = None


class StrictError(Exception):
    """The real CuPy would go on here, and go wrong."""


@contextlib.contextmanager
def counted() -> Iterator[Events]:
    """Counts of everything within this context."""
    global _events
    before, _events = _events, Counter()
    try:
        yield _events
    finally:
        _events = before


def totals(events: Events) -> dict[str, int]:
    """How many launches, operations, syncs and copies there were."""
    return {name: sum(n for (kind, _, _), n in events.items() if kind in kinds) for name, kinds in KINDS.items()}


def places(events: Events, name: str) -> list[str]:
    """Lines "12 x kernel add at pnnkern/networks/drn.py:75" for one of the totals, the most frequent first."""
    found = [(n, f"{n} x {kind} {what} at {place}") for (kind, what, place), n in events.items() if kind in KINDS[name]]
    return [line for _, line in sorted(found, key=lambda item: (-item[0], item[1]))]


def note(kind: str, name: str, times: int = 1) -> None:
    """One event, if somebody counts."""
    if _events is not None:
        _events[kind, name, place()] += times


@functools.cache
def _package() -> Path:
    import pnnkern

    return Path(pnnkern.__file__).resolve().parent


def place() -> str:
    """File and line in pnnkern that asked for what happens now; of the test if there is none."""
    package, here, found = str(_package()), str(Path(__file__).parent), ""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(package):
            found = f"pnnkern{file.removeprefix(package)}:{frame.f_lineno}"
            if not file.endswith(PASSED_ON):
                return found
        elif not found and not file.startswith(here) and "/tests/" in file:
            found = f"tests/{file.rpartition('/tests/')[2]}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return found or "?"
