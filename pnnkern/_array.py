"""Arrays decide where work runs: NumPy arrays on the CPU, CuPy arrays on the GPU they live on.

Those of other libraries come in through the gate (`_gate.accepts_any`); behind it there are only these two.
"""

import contextlib
import functools
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike

from ._errors import DeviceError, SettingError
from .kernels import _forks

if TYPE_CHECKING:
    from ._array_protocol import AnyArray

    Array: TypeAlias = Any  # behind the gate, and what comes back: of the kind that went in, which no type can say
    Numbers: TypeAlias = AnyArray
    PerEdge: TypeAlias = AnyArray
    Real: TypeAlias = AnyArray
    Field: TypeAlias = AnyArray
else:

    class Array:
        """In a signature: a NumPy or CuPy array, or one of another library, which the gate turns into one of these."""

        words, numbers, dtypes = "an array", "numbers", ()

    class Real(Array):
        """In a signature: an array of real numbers, float32 or float64."""

        words = numbers = "an array of float32 or float64"
        dtypes = (np.dtype(np.float32), np.dtype(np.float64))

    class Field(Array):
        """In a signature: an array of complex fields on planes, complex64 or complex128."""

        words, numbers = "an array (..., ny, nx) of complex64 or complex128", "complex64 or complex128"
        dtypes = (np.dtype(np.complex64), np.dtype(np.complex128))

    Numbers = AnyArray = Array  # in a public signature: whatever its numbers are
    PerEdge = Any  # one number for each edge: a list will do, too, and is looked at where it is used


# What else public parameters are.
Key: TypeAlias = np.ndarray  # of `random.key`: uint32 (2,)
Sample: TypeAlias = int | AnyArray  # the index of row 0 among all samples, or one for each row
Values: TypeAlias = float | Sequence[float] | AnyArray  # a number, or numbers that broadcast
Pair: TypeAlias = float | Sequence[float] | AnyArray  # one number for both axes, or (y, x), on the last axis of an array
Indices: TypeAlias = Sequence[int] | Sequence[Sequence[int]] | AnyArray  # nodes, or edges

INSTALL_CUDA = 'pip install "pnnkern[cuda13]" (or "pnnkern[cuda12]" for CUDA 12 drivers and V100-class GPUs)'

# True inside `_launch.host()`: NumPy arrays then take the CUDA branch, its kernels run by the host runner.
host_active: ContextVar[bool] = ContextVar("host_active", default=False)


def is_array(x: object) -> bool:
    """True for a NumPy or CuPy array (not for scalars)."""
    return isinstance(x, np.ndarray) or is_on_gpu(x)


def as_type(x: Array, dtype: DTypeLike, *, order: Literal["K", "C"] = "K", copy: bool = True) -> Array:
    """``x.astype``: a method that tensors have not, and so no parameter of a public function, whose types hold before the gate."""
    return x.astype(dtype, order=order, copy=copy)


def copied(x: Array) -> Array:
    """``x.copy()``, likewise."""
    return x.copy()


def masked(t: type) -> bool:
    """True for the type of NumPy's masked arrays, for which its module of them need not be loaded."""
    return t is not np.ndarray and any(base.__name__ == "MaskedArray" and base.__module__.startswith("numpy.ma") for base in t.__mro__)


def _cupys(t: type) -> bool:
    """Looks at the type alone: in CuPy the interface is a property that does work when it is asked for."""
    return t.__module__.partition(".")[0] == "cupy" and hasattr(t, "__cuda_array_interface__")


_of_cupy: Callable[[type], bool] = cast(Any, functools.cache(_cupys))


def is_on_gpu(x: object) -> bool:
    """True for a CuPy array."""
    return _of_cupy(type(x))


def place(gpu: int | None) -> str:
    """Where an array is, for messages: on the CPU (None), or on a GPU."""
    return "the CPU" if gpu is None else f"GPU {gpu}"


def _installed() -> ModuleType:
    """The cupy module, whether or not there is a GPU, or `DeviceError` with the install line."""
    if importlib.util.find_spec("cupy") is None:
        raise DeviceError(f"a GPU was asked for, but CuPy is not installed: {INSTALL_CUDA}")
    import cupy

    return cupy


def nvrtc() -> ModuleType:
    """CuPy's binding of the compiler of CUDA C, which needs no GPU; or `DeviceError` with the install line."""
    compiler: ModuleType = _installed().cuda.nvrtc
    return compiler


_usable: set[ModuleType] = set()  # CuPy, once it has found a GPU: every operation asks
_left_behind: set[ModuleType] = set()  # CuPy, where the process that this one was forked from has used its GPU


@_forks.in_child
def _leave_gpu() -> None:
    _left_behind.update(_usable)
    _usable.clear()


def cupy() -> ModuleType:
    """The cupy module with a usable GPU, or `DeviceError` with the install line."""
    found = sys.modules.get("cupy")
    if found is not None and found in _usable:
        return found
    cupy = _installed()
    if cupy in _left_behind:
        raise DeviceError(
            "this process was forked by one that has used the GPU, and CUDA works in no such child: start it by the method 'spawn' or "
            "'forkserver' (multiprocessing.get_context('spawn'); a DataLoader's multiprocessing_context='spawn')"
        )
    if not cupy.cuda.is_available():
        raise DeviceError(
            "a GPU was asked for, but CuPy finds no usable one here: check `nvidia-smi` and the driver, or use device='cpu'"
        )
    _usable.add(cupy)
    return cupy


def device_namespace(name: str) -> ModuleType:
    """The array module of device "cpu" or "cuda". Raises `DeviceError` if that device is not usable here."""
    if name == "cpu":
        return np
    if name == "cuda":
        return cupy()
    raise DeviceError(f"unknown device {name!r}: it is 'cpu' or 'cuda'")


def namespace(*arrays: object) -> ModuleType:
    """NumPy or CuPy, whichever the given arrays belong to. Raises `DeviceError` on a mix."""
    gpu = {_of_cupy(type(x)) for x in arrays if is_array(x)}
    if True not in gpu:
        return np
    if False not in gpu:
        return cupy()
    raise DeviceError("arrays on the CPU (NumPy) and on the GPU (CuPy) in one call: move all of them to one device")


def device_of(*arrays: object) -> str:
    """The device that does the work for these arrays: "cpu", "host" (CUDA kernels on the host runner) or "cuda"."""
    if namespace(*arrays) is not np:
        return "cuda"
    return "host" if host_active.get() else "cpu"


def on_device(*arrays: object) -> bool:
    """True if these arrays take the CUDA branch."""
    return device_of(*arrays) != "cpu"


def scipy_fft(*arrays: object) -> ModuleType:
    """`scipy.fft`, or `cupyx.scipy.fft` for CuPy arrays."""
    if namespace(*arrays) is np:
        import scipy.fft

        return scipy.fft
    import cupyx.scipy.fft

    module: ModuleType = cupyx.scipy.fft
    return module


def contiguous(x: Array) -> Array:
    """`x` itself if C-contiguous, else a C-contiguous copy on its device."""
    return x if x.flags.c_contiguous else namespace(x).ascontiguousarray(x)


@contextlib.contextmanager
def in_place(x: Array) -> Iterator[Array]:
    """`x` to be changed, C-contiguous: where it does not lie so in memory a copy, which is copied back."""
    inside = contiguous(x)
    yield inside
    if inside is not x:
        x[...] = inside


def largest(x: Array, axis: int | None = None) -> Array:
    """The largest value along `axis` of an array without negative ones, 0 where there are none: CuPy's `max` takes no `initial`."""
    return x.max(axis=axis) if x.size else x.sum(axis=axis)


def to_numpy(x: Array) -> np.ndarray:
    """A NumPy array with the values of `x` (a copy from the GPU; NumPy arrays as they are)."""
    return np.asarray(x.get() if is_on_gpu(x) else x)


def on_all_streams(x: Any) -> Any:
    """`x`, an array or a tuple of them, once it has been written: what one stream made may from then on be read by any other.

    To be called once, where something is made that is kept for later calls. NumPy arrays are always ready.
    """
    first = x[0] if type(x) is tuple else x
    if is_on_gpu(first):
        with first.device:
            cupy().cuda.get_current_stream().synchronize()
    return x


def out_of_use(x: Array) -> None:
    """Wait until the GPU that `x` is on has done what it was asked so far, on whatever stream: then `x` may be given back.

    To be called for what was kept for many calls and is kept no longer: its memory is handed out again in the order of one stream.
    """
    if is_on_gpu(x):
        x.device.synchronize()


def processors() -> int:
    """Processors that this process may run on; of the machine where the system does not say which (macOS, Windows)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """CPU threads to use: `PNNKERN_NUM_THREADS`, or the processors this process may run on."""
    text = os.environ.get("PNNKERN_NUM_THREADS")
    if text is None:
        return processors()
    if not text.isdigit() or int(text) < 1:
        raise SettingError(f"PNNKERN_NUM_THREADS must be a positive integer, got {text!r}")
    return int(text)


def chunk(like: Array, bytes_each: int, memory_limit: int | None = None) -> int:
    """How many items of `bytes_each` bytes to work on at a time so that they fit `memory_limit` bytes (at least one).

    The default limit is 256 MiB on the CPU and an eighth of a GPU's memory: of all of it, not of what happens to be free, so that
    a computation is cut in the same pieces, and sums are the same, whatever else is there.
    """
    if memory_limit is None:
        memory_limit = 256 << 20 if namespace(like) is np else _memory(cupy(), like.device.id) // 8
    return max(1, memory_limit // max(1, bytes_each))


def gpu(device: str) -> dict[str, str]:
    """{"gpu": its name and memory} of the current one for device "cuda": what the pieces that work is cut in follow from. Else nothing."""
    if device != "cuda":
        return {}
    xp = cupy()
    number = xp.cuda.runtime.getDevice()
    return {"gpu": f"{xp.cuda.runtime.getDeviceProperties(number)['name'].decode()}, {_memory(xp, number)} bytes"}


def memory(like: Array) -> int:
    """Bytes of memory of the GPU that `like` is on."""
    return _memory(cupy(), like.device.id)


@functools.cache
def _memory(xp: ModuleType, gpu: int) -> int:
    """Bytes of memory of a GPU."""
    return int(xp.cuda.runtime.getDeviceProperties(gpu)["totalGlobalMem"])


__all__ = [
    "Array", "Field", "Real", "chunk", "contiguous", "cupy", "device_namespace", "device_of", "host_active", "in_place", "is_array",
    "is_on_gpu", "largest", "masked", "namespace", "nvrtc", "on_all_streams", "on_device", "out_of_use", "place", "processors",
    "scipy_fft", "threads", "to_numpy",
]  # fmt: skip
