"""Work on a GPU that is written down once, as a CUDA graph, and from then on asked for by one launch.

What is captured does not run; the arrays that it makes get their values at each launch, always in the same memory, which is the graph's own.
So the work may depend on nothing of the host that changes: numbers are frozen, waiting for a value and copies from the host are refused.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np

from . import _array, _constants
from ._errors import PnnError

T = TypeVar("T")


class CaptureError(PnnError, RuntimeError):
    """This work cannot be captured: it waits for the GPU, copies to it, asks for what changes from time to time, or finds no memory."""


class StepKey:
    """What stands for a key that is another at each launch: its words will lie in the GPU's memory, `words`, where kernels look for them.

    path : numbers of the purposes that the key of the step was folded by. place : where the words of a path are.
    """

    def __init__(self, place: Callable[[tuple[int, ...]], Any], path: tuple[int, ...] = ()) -> None:
        self.place, self.path = place, path

    def folded(self, purpose: int) -> "StepKey":
        """That for a purpose of this key."""
        return StepKey(self.place, (*self.path, purpose))

    @property
    def words(self) -> Any:
        """uint32 (2,) on the GPU, of which nobody knows the values yet."""
        return self.place(self.path)

    def __repr__(self) -> str:
        return "<the key of a step that is captured>"


class Counter:
    """What stands for a count of samples that is another at each launch: it lies in the GPU's memory, `now` (1,), and goes on there.

    taken : samples that the work has counted.
    """

    def __init__(self, xp: Any) -> None:
        self.now, self.taken = xp.zeros(1, np.int64), 0

    def take(self, samples: int) -> Any:
        """Numbers of the next samples, int64 (samples,)."""
        found = self.now + _array.namespace(self.now).arange(samples, dtype=np.int64)
        self.now += samples
        self.taken += samples
        return found


_counting: ContextVar[Mapping[str, Counter]] = ContextVar("_counting", default=MappingProxyType({}))


@contextlib.contextmanager
def counting(counters: Mapping[str, Counter]) -> Iterator[None]:
    """What is counted by these names meanwhile, in the memory of a system, is counted by these."""
    before = _counting.set(counters)
    try:
        yield
    finally:
        _counting.reset(before)


def counter(name: str) -> Counter | None:
    """What counts by this name while a step is captured."""
    return _counting.get().get(name)


class Captured(Generic[T]):
    """What `work` asks the current GPU for, captured. `result` is what it returned, arrays that `launch` fills.

    Raises `CaptureError` where something of it cannot be captured; it must have been done once before, so that kernels are loaded and tables
    are made.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        xp = _array.cupy()
        self._pool, stream = xp.cuda.MemoryPool(), xp.cuda.Stream(non_blocking=True)
        with _constants.held() as self._held, xp.cuda.using_allocator(self._pool.malloc), stream:
            stream.begin_capture()
            try:
                self.result = work()
            except (PnnError, AttributeError, TypeError, ValueError, RuntimeError, MemoryError) as error:  # also CuPy's own, no room in a pool
                _abandon(stream)
                raise CaptureError(f"{type(error).__name__}: {error}") from error
            except BaseException:
                _abandon(stream)
                raise
            self._graph = stream.end_capture()

    def launch(self) -> None:
        """Do the work again, on the current stream."""
        self._graph.launch()


def _abandon(stream: Any) -> None:
    """End a capture of which nothing will be used: it may have been ended by what went wrong."""
    try:
        stream.end_capture()
    except RuntimeError:
        return


__all__ = ["CaptureError", "Captured", "Counter", "StepKey", "counter", "counting"]
