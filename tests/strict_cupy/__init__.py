"""A strict stand-in for CuPy, for machines without a GPU.

Its arrays are no NumPy arrays and never meet one; its functions take what the real ones take (`signatures.json`); its kernels run on the
project's host runner, after the checks that a GPU would make or should have made; and it counts what would happen on a GPU (`counted`).
Where the real CuPy would refuse, it raises what the real one raises; where the real one would go wrong in silence, `StrictError`.
"""

import contextlib
import importlib
import importlib.machinery
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

from . import array, capture, functions, launch, order, runtime, signatures, streams
from .counting import StrictError, counted, places, totals
from .launch import dry


class Module(ModuleType):
    """A module of the stand-in: its own things, and the functions that the real one has."""

    def __init__(self, name: str, **own: Any) -> None:
        super().__init__(name)
        self.__spec__ = importlib.machinery.ModuleSpec(name, None)
        self.__path__: list[str] = []
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        path = f"{self.__name__}.{name}"
        line = signatures.LINES.get(path)
        if line is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if path not in functions.OWN and self.__name__ not in functions.SOURCES:
            raise NotImplementedError(f"the stand-in has no {path}")
        if line in ("class", "attribute"):
            found = getattr(importlib.import_module(functions.SOURCES[self.__name__]), name)
        else:
            found = functions.function(path)
        self.__dict__[name] = found
        return found


def _modules() -> dict[str, Module]:
    cuda = Module(
        "cupy.cuda", is_available=lambda: True, runtime=runtime.runtime, nvrtc=launch.nvrtc, Device=runtime.Device, Stream=streams.Stream,
        ExternalStream=streams.ExternalStream, Event=streams.Event, get_elapsed_time=streams.get_elapsed_time,
        get_current_stream=streams.get_current_stream, set_allocator=lambda allocator=None: None, MemoryPointer=array.MemoryPointer,
        Graph=capture.Graph, MemoryPool=capture.MemoryPool, using_allocator=capture.using_allocator,
        driver=SimpleNamespace(CUDADriverError=launch.CUDADriverError),
    )  # fmt: skip
    parts = {name: Module(f"cupy.{name}") for name in ("fft", "linalg", "random")}
    parts["random"].Generator = functions.Generator
    cupy = Module(
        "cupy", __version__=signatures.VERSION, ndarray=array.ndarray, RawModule=launch.RawModule, RawKernel=launch.RawKernel,
        ufunc=functions.Ufunc, cuda=cuda, **parts,
    )  # fmt: skip
    fft, special = Module("cupyx.scipy.fft"), Module("cupyx.scipy.special")
    scipy = Module("cupyx.scipy", fft=fft, special=special)
    cupyx = Module("cupyx", scipy=scipy)
    return {m.__name__: m for m in (cupy, cuda, *parts.values(), cupyx, scipy, fft, special)}


runtime.runtime.pointerGetAttributes = lambda ptr: SimpleNamespace(device=array.owner_of(ptr).device, devicePointer=ptr)
MODULES, VERSION = _modules(), signatures.VERSION


@contextlib.contextmanager
def installed() -> Iterator[Module]:
    """Within this context `import cupy` finds the stand-in."""
    hidden = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in ("cupy", "cupyx")}
    for name in hidden:
        del sys.modules[name]
    sys.modules.update(MODULES)
    runtime.reset()
    try:
        yield MODULES["cupy"]
        if order.hazards:
            raise StrictError(order.hazards[0])
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] in ("cupy", "cupyx")]:
            del sys.modules[name]
        sys.modules.update(hidden)


__all__ = ["MODULES", "VERSION", "Module", "StrictError", "counted", "dry", "installed", "places", "totals"]
