"""Small calls that launch every kernel there is, on shapes on which blocks and threads go round each of their loops more than once.

A module for each room of kernels, with `CALLS`: functions that return arrays. On the CPU the twins compute them; under
`_launch.host` the kernels do, with `tight` around, which makes grids so small that threads stride.
"""

import contextlib
import importlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import numpy as np
from pnnkern.kernels import host

from pnnkern import _launch, _sources

ROOMS = ("crossbar", "dynamics", "flag", "learning", "networks", "optics", "random", "scalar")
BLOCK, BLOCKS = 32, 3  # 96 threads, which go round whatever is longer


def compile_all(build: str) -> None:
    """Compile what is not in the cache, as many files at a time as there are processors; the launches find it there."""
    sides = importlib.import_module(f"{__name__}.optics").SIDES
    defines = {"optics/layer": [{"PNN_FIELD": n, "PNN_SIDE": side} for n, side in sides]}
    jobs = [(stem, given) for stem in _sources.stems() for given in defines.get(stem, [{}])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda job: host.load(_sources.flatten(job[0]), f"{job[0]}.cu", defines=job[1], build=build), jobs))


def everything() -> dict[str, list[np.ndarray]]:
    """What every call of every room returns, by name."""
    calls = [(room, call) for room in ROOMS for call in importlib.import_module(f"{__name__}.{room}").CALLS]
    return {f"{room} {call.__name__}": list(call()) for room, call in calls}


@contextlib.contextmanager
def tight() -> Iterator[None]:
    """Grids of 3 blocks of 32 threads at most, and fresh arrays full of NaN or -1: what no thread has written shows."""
    empty, empty_like = np.empty, np.empty_like

    def poisoned(out: np.ndarray) -> np.ndarray:
        if out.dtype.kind in "biufc":
            out.view(np.uint8).reshape(-1)[:] = 0xFF
        return out

    def new(*args: Any, **options: Any) -> np.ndarray:
        return poisoned(empty(*args, **options))

    def like(*args: Any, **options: Any) -> np.ndarray:
        return poisoned(empty_like(*args, **options))

    with mock.patch.multiple(_launch, BLOCK=BLOCK, MAX_BLOCKS=BLOCKS), mock.patch.multiple(np, empty=new, empty_like=like):
        yield
