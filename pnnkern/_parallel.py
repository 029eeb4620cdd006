"""Pieces of a batch, and threads over independent fields, never inside one transform."""

import functools
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from . import _array, _constants
from .kernels import _forks

_local = threading.local()
_stores: list[dict[Any, Any]] = []  # the workspaces of all threads


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="pnnkern")


_forks.in_child(_pool.cache_clear)  # whose threads are not there


def pieces(count: int, most: int) -> list[slice]:
    """Slices that cover range(count): as few as hold no more than `most` each, of one size but for what is left to the last."""
    size = -(-count // max(1, -(-count // most)))
    return [slice(first, min(count, first + size)) for first in range(0, count, max(1, size))]


def over(count: int, work: Callable[[int, int], None]) -> None:
    """Call `work(start, stop)` for contiguous pieces that cover range(count), one per thread; wait for all."""
    threads = min(_array.threads(), count)
    if threads <= 1:
        if count:
            work(0, count)
        return
    cuts = [count * i // threads for i in range(threads + 1)]
    futures = [_pool(threads).submit(work, a, b) for a, b in itertools.pairwise(cuts)]
    for future in futures:
        future.result()


@functools.cache
def _blas() -> Any:
    import threadpoolctl

    return threadpoolctl.ThreadpoolController().select(user_api="blas")


def blas_alone() -> AbstractContextManager[Any]:
    """A context in which BLAS has one thread, for small products between work of our own threads: those of OpenBLAS wait awake for the next
    product, 20 ms and longer, on the processors that ours would work on."""
    context: AbstractContextManager[Any] = _blas().limit(limits=1)
    return context


def workspace(key: Any, make: Callable[[], Any]) -> Any:
    """This thread's own object for `key`, made on first use. The last 8 keys are kept."""
    store: dict[Any, Any] | None = getattr(_local, "store", None)
    if store is None:
        store = _local.store = {}
        _stores.append(store)
    made = store.pop(key, None)
    store[key] = made = make() if made is None else made  # most recent last
    if len(store) > 8:
        del store[next(iter(store))]
    return made


@_constants.clearable
def _drop_workspaces() -> None:
    """A thread that is at work keeps its own until it is done."""
    for store in list(_stores):
        store.clear()
