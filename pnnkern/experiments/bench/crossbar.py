"""Crossbars: reading with converters and noise, wires solved exactly, training by pulses. One thread."""

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator

from . import __path__ as _folder
from ._timing import Row, environment, installed


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for our kernels and, where threadpoolctl can reach it, for BLAS: others would spin, and be counted."""
    import numba

    before = numba.get_num_threads()
    limit: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if installed("threadpoolctl"):
        limit = importlib.import_module("threadpoolctl").threadpool_limits(1)
    numba.set_num_threads(1)
    try:
        with environment(PNNKERN_NUM_THREADS="1"), limit:
            yield
    finally:
        numba.set_num_threads(before)


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """The cases of all `_crossbar_*` modules beside this one on one device, within about `budget` seconds."""
    parts = sorted(m.name for m in pkgutil.iter_modules(_folder) if m.name.startswith("_crossbar_"))
    with _one_thread():
        return [r for part in parts for r in importlib.import_module(f"{__package__}.{part}").run(device, budget / len(parts))]
