"""A stand-in for CuPy on a machine without a GPU: its arrays are NumPy's under another type, its kernels run on the host runner.

It is stricter than NumPy where CuPy is: NumPy arrays and device arrays do not mix, kernels take device arrays only. So the lines that
only run with CuPy (`launch` on a GPU, transfers, creation on the device) are executed by the tests; what a GPU computes is not shown.
"""

import contextlib
import importlib.machinery
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.fft
from pnnkern.kernels import host


class ndarray(np.ndarray):
    __module__ = "cupy"
    __cuda_array_interface__ = {"version": 3}  # noqa: RUF012
    device = SimpleNamespace(id=0)
    data = SimpleNamespace(device_id=0)
    _c_contiguous = property(lambda s: s.flags.c_contiguous)

    def get(self) -> np.ndarray:
        return np.array(self).view(np.ndarray)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any) -> Any:
        for x in (*inputs, *(out or ())):
            if isinstance(x, np.ndarray) and not isinstance(x, ndarray) and x.ndim:
                raise TypeError(f"Unsupported type {type(x)}: a NumPy array meets a device array in {ufunc.__name__}")
        plain = [np.asarray(x).view(np.ndarray) if isinstance(x, ndarray) else x for x in inputs]
        if out is not None:
            kwargs["out"] = tuple(x.view(np.ndarray) for x in out)
        return _device(getattr(ufunc, method)(*plain, **kwargs))


def _device(x: Any) -> Any:
    if isinstance(x, tuple):
        return tuple(_device(v) for v in x)
    return np.asarray(x).view(ndarray) if isinstance(x, np.ndarray | np.generic) else x


class _Nvrtc:
    def getVersion(self): return (0, 0)
    def createProgram(self, src, name, headers, include_names):
        self.src = src
        return 1
    def compileProgram(self, prog, options): self.options = options
    def getCUBIN(self, prog):
        import json
        return json.dumps([self.src, [o for o in self.options if o.startswith("-D")]]).encode()
    def destroyProgram(self, prog): pass


class RawModule:
    def __init__(self, path: str) -> None:
        import json
        code, options = json.loads(open(path).read())
        defines = dict(o.removeprefix("-D").split("=") for o in options)
        self.module = host.load(code, "cuda.cu", defines=defines)

    def get_function(self, name: str) -> Any:
        def kernel(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...], *, shared_mem: int = 0) -> None:
            for a in args:
                if isinstance(a, np.ndarray) and not isinstance(a, ndarray):
                    raise TypeError(f"{name}: a NumPy array was given to a kernel on the GPU")
            plain = [None if isinstance(a, np.uint64) and a == 0 else np.int64(a) if type(a) is int else np.float64(a) if type(a) is float else a for a in args]
            self.module.launch(name, grid, block, plain, shared_mem)

        kernel.shared_size_bytes = 0
        return kernel


def _wrapped(function: Any) -> Any:
    return lambda *args, **kwargs: _device(function(*args, **kwargs))


class _Module(ModuleType):
    """A module whose functions are those of another one, with device arrays as results."""

    def __init__(self, name: str, source: Any, **own: Any) -> None:
        super().__init__(name)
        self.__spec__ = importlib.machinery.ModuleSpec(name, None)
        self.__path__: list[str] = []
        self._source = source
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._source, name)
        return _wrapped(value) if callable(value) and not isinstance(value, type) else value


@contextlib.contextmanager
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`import cupy` finds the stand-in."""
    runtime = SimpleNamespace(getDevice=lambda: 0, memGetInfo=lambda: (1 << 30, 1 << 31), getDeviceProperties=lambda n: {"totalGlobalMem": 1 << 33})
    @contextlib.contextmanager
    def device(*_):
        yield SimpleNamespace(synchronize=lambda: None, compute_capability="90")
    stream = SimpleNamespace(synchronize=lambda: None)
    cuda = SimpleNamespace(is_available=lambda: True, runtime=runtime, Device=device, nvrtc=_Nvrtc(), get_current_stream=lambda: stream)
    cupy = _Module("cupy", np, ndarray=ndarray, RawModule=RawModule, cuda=cuda, fft=_Module("cupy.fft", np.fft))
    cupyx_fft = _Module("cupyx.scipy.fft", scipy.fft)
    cupyx_scipy = _Module("cupyx.scipy", np, fft=cupyx_fft)
    cupyx = _Module("cupyx", np, scipy=cupyx_scipy)
    modules = {"cupy": cupy, "cupyx": cupyx, "cupyx.scipy": cupyx_scipy, "cupyx.scipy.fft": cupyx_fft}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    yield
