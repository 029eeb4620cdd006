"""Fill the caches of compiled code before they are needed: for images of containers, and for job arrays that would all compile at once.

What there is to compile follows from the prototypes: a kernel's CPU twin has one signature for each of its types, its CUDA version one
cubin for each architecture and set of macros. What a file compiles beside its kernels its `others()` tell. Layer
chains are compiled for the sides of `_layer.SIDES` on both.
"""

import importlib.util
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from .. import _array, _compile
from .._sources import Prototype, prototypes, stems
from ..kernels import _cache
from ..optics import _layer


def cpu(processes: int | None = None) -> int:
    """Compile the CPU twins of all kernels, in so many processes (one per processor by default). Returns how many there are.

    Raises `SettingError` where nothing can be kept.
    """
    return sum(_over(stems(), _twins, processes))


def gpu(architecture: str | None = None, processes: int | None = None) -> int:
    """Compile all CUDA kernels for an architecture ("sm_90"; by default that of the current GPU). Returns how many cubins there are.

    Needs CuPy and its NVRTC; for a named architecture no GPU. Raises `DeviceError` where they are missing, `SettingError` where
    nothing can be kept.
    """
    if architecture is None:
        architecture = f"sm_{_array.cupy().cuda.Device().compute_capability}"
    work = [(stem, architecture, defines) for stem in stems() for defines in variants(stem)]
    return sum(_over(work, _cubin, processes))


def variants(stem: str) -> list[dict[str, int]]:
    """The macros that a file is compiled with, for each problem size that has code of its own; fields take half the window."""
    return [{"PNN_SIDE": side, "PNN_FIELD": side // 2} for side in _layer.SIDES] if stem == "optics/layer" else [{}]


def _over(items: Iterable[Any], work: Callable[[Any], int], processes: int | None) -> list[int]:
    """`work` of each item in processes of their own: Numba compiles in one thread at a time."""
    _cache.required()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes or _array.processors(), mp_context=context) as pool:
        return list(pool.map(work, items))


def _cubin(what: tuple[str, str, dict[str, int]]) -> int:
    _compile.cubin(_array.nvrtc(), *what)
    return 1


def _twins(stem: str) -> int:
    """Compile the twins of one file; 0 for a file without any."""
    if stem == "optics/layer":
        return _layer_passes()
    name = f"pnnkern.kernels.{stem.replace('/', '.')}"
    if importlib.util.find_spec(name) is None:
        return 0
    module = importlib.import_module(name)
    if not any(_dispatchers(value) for value in vars(module).values()):  # NumPy alone does this file's work
        return 0
    for kernel, prototype in prototypes(stem).items():
        _twin(getattr(module, kernel.rpartition("_")[0]), prototype)
    for function, signature in getattr(module, "others", list)():
        function.compile(signature)
    for twin in vars(module).values():
        for signature in twin.alone.signatures if hasattr(twin, "together") else ():  # which calls without any work have reached
            twin.together.compile(signature)
    return len(prototypes(stem))


def _layer_passes() -> int:
    """Compile the passes of layer chains, for the macros of their CUDA versions."""
    from numba import types

    from ..kernels.optics import layer

    count = 0
    for variant in variants("optics/layer"):
        for itemsize in (4, 8):
            plan = layer.plan(variant["PNN_SIDE"], variant["PNN_FIELD"], itemsize)
            for one in (*layer.row_passes(plan).values(), *layer.column_passes(plan).values()):
                one.compile((types.int64,) * one.py_func.__code__.co_argcount)
                count += 1
    return count


def _dispatchers(twin: Any) -> list[Any]:
    """What Numba compiles of a twin: itself, or its versions with and without threads; nothing of a Python function."""
    return [twin.alone, twin.together] if hasattr(twin, "together") else [twin] if hasattr(twin, "nopython_signatures") else []


def _twin(twin: Any, prototype: Prototype) -> None:
    from numba import from_dtype, types

    twin = getattr(twin, "versions", {}).get(prototype.name.rpartition("_")[2], twin)
    for dispatcher in _dispatchers(twin):
        dispatcher.compile(
            tuple(types.Array(from_dtype(p.dtype), 1, "C") if p.pointer else from_dtype(p.dtype) for p in prototype.parameters)
        )
    if not _dispatchers(twin):  # a Python function around compiled ones, which a call without any work reaches
        eight = {"int64": 0, "float64": 0.0}
        twin(*(np.empty(0, p.dtype) if p.pointer else eight.get(p.dtype.name, p.dtype.type(0)) for p in prototype.parameters))
