"""Capture of a stream as a CUDA graph: what is asked for is written down and does not run; a launch runs it, on the same memory."""

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .counting import StrictError, note
from .runtime import CUDARuntimeError, current

Node = tuple[str, str, Callable[[], None]]  # kind and name of the event, and what is done


class MemoryPool:
    """Memory that only those get who ask this pool for it."""

    def malloc(self, size: int) -> Any:
        raise NotImplementedError("the stand-in gives memory to arrays only")


class Graph:
    """What was captured."""

    def __init__(self, nodes: list[Node], pool: MemoryPool | None) -> None:
        self._nodes, self._pool = nodes, None if pool is None else weakref.ref(pool)

    def launch(self, stream: Any = None) -> None:
        if self._pool is not None and self._pool() is None:
            raise StrictError("the pool that the graph's memory is of was given up: others may have the memory by now")
        note("graph", "launch")
        with stream or contextlib.nullcontext():
            for kind, name, node in self._nodes:
                note(f"captured {kind}", name)
                node()

    def upload(self, stream: Any = None) -> None:
        """Nothing to be done beforehand."""


def begin(stream: Any) -> None:
    if not stream.ptr:
        raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: the legacy stream cannot be captured")
    if current.capture is not None:
        raise CUDARuntimeError("cudaErrorIllegalState: a stream is being captured already")
    current.capture, current.captured, current.pools = [], stream, []


def end(stream: Any) -> Graph:
    if current.captured is not stream:
        raise CUDARuntimeError("cudaErrorIllegalState: this stream is not being captured")
    nodes, pools, current.capture, current.captured = current.capture, current.pools, None, None
    if nodes is None or current.broken:
        current.broken = False
        raise CUDARuntimeError("cudaErrorStreamCaptureInvalidated: an operation was asked for that cannot be captured")
    return Graph(nodes, pools[0] if pools else None)


def capturing(name: str = "") -> bool:
    """Whether what is asked for now is only written down. Raises StrictError for work on another stream meanwhile."""
    if current.capture is None:
        return False
    from .streams import get_current_stream

    if get_current_stream() != current.captured:
        raise StrictError(f"{name} is asked of another stream than the one that is being captured")
    return True


def refuse(what: str) -> None:
    """Raise where a stream is being captured: CUDA takes no such thing into a graph."""
    if current.capture is not None:
        current.broken = True
        raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what}")


def write_down(kind: str, name: str, node: Callable[[], None]) -> None:
    note(kind, name)
    current.capture.append((kind, name, node))


def allocated() -> None:
    """An array is made: while a stream is being captured its memory must be nobody else's."""
    if current.capture is not None:
        if current.allocator is None:
            raise StrictError("memory of the common pool is given to others between two launches of a graph: capture with a pool of its own")
        if current.allocator not in current.pools:
            current.pools.append(current.allocator)


@contextlib.contextmanager
def using_allocator(allocator: Any = None) -> Iterator[None]:
    before, current.allocator = current.allocator, getattr(allocator, "__self__", None)
    try:
        yield
    finally:
        current.allocator = before


def poison(values: np.ndarray) -> None:
    """What nobody will take for results: nothing has run yet."""
    if values.size and values.flags.writeable:
        values.view(np.uint8 if values.dtype == bool else values.dtype).fill(
            1 if values.dtype == bool else np.nan if values.dtype.kind in "fc" else np.iinfo(values.dtype).max - 85
        )


__all__ = ["Graph", "MemoryPool", "allocated", "begin", "capturing", "end", "poison", "refuse", "using_allocator", "write_down"]
