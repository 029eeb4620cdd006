"""Arrays decide where work runs.

NumPy arrays run on the CPU; CuPy, torch, JAX and Numba device arrays run on the GPU they live on, on the current stream of
their own library, without a copy. Public functions are decorated with `accepts_any`; behind it there are only NumPy and CuPy.
"""

import contextlib
import functools
import importlib.util
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from types import ModuleType
from typing import Any, TypeVar, cast

import numpy as np

from ._errors import DeviceError, DeviceMemoryError, SettingError, out_of_memory
from .kernels import _forks

Array = Any  # numpy.ndarray or cupy.ndarray; public functions also take torch, JAX and Numba device arrays
F = TypeVar("F", bound=Callable[..., Any])

INSTALL_CUDA = 'pip install "pnnkern[cuda13]" (or "pnnkern[cuda12]" for CUDA 12 drivers and V100-class GPUs)'

# True inside `_launch.host()`: NumPy arrays then take the CUDA branch, its kernels run by the host runner.
host_active: ContextVar[bool] = ContextVar("host_active", default=False)


def _kind_of(t: type) -> str:
    """The kind of array that objects of a type are: "numpy", "cupy", "torch", "jax", "numba", "other" (on a GPU, of any other library), "".

    Looks at the type alone: in CuPy and torch the interfaces are properties that do work when they are asked for.
    """
    library = t.__module__.partition(".")[0]
    if library == "torch":
        return "torch" if hasattr(t, "requires_grad") else ""
    if library in ("jax", "jaxlib") and hasattr(t, "__dlpack__"):
        return "jax"
    if issubclass(t, np.ndarray) and library != "cupy":
        return "numpy"
    if hasattr(t, "__cuda_array_interface__"):
        return {"cupy": "cupy", "numba": "numba", "numba_cuda": "numba"}.get(library, "other")
    return ""


_kind: Callable[[type], str] = cast(Any, functools.cache(_kind_of))


def is_array(x: object) -> bool:
    """True for a NumPy or CuPy array (not for scalars)."""
    return _kind(type(x)) in ("numpy", "cupy")


def is_on_gpu(x: object) -> bool:
    """True for a CuPy array."""
    return _kind(type(x)) == "cupy"


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
    kinds = {_kind(type(x)) for x in arrays} & {"numpy", "cupy"}
    if kinds <= {"numpy"}:
        return np
    if kinds == {"cupy"}:
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


# ---------------------------------------------------------------------------------------------------------- other libraries
def _native(x: Any) -> Any:
    """A foreign array as NumPy or CuPy array on the same memory; anything that is no array as it is.

    The order in which protocols are asked: torch's own type first, which says whether a gradient is wanted; then DLPack, which waits for
    the stream that writes the array; the CUDA array interface last, since one without a stream (version 2, as JAX's) waits for nothing.
    """
    kind = _kind(type(x))
    if kind == "torch":
        if x.requires_grad:
            raise TypeError(
                "a torch tensor that requires grad was given: pnnkern records no tape. Pass x.detach(), and for gradients wrap the "
                "function and its _vjp in a torch.autograd.Function (README, 'From torch')"
            )
        if x.is_conj() or x.is_neg():
            x = x.resolve_conj().resolve_neg()
        return cupy().from_dlpack(x) if x.is_cuda else x.numpy()
    if kind == "jax":
        return np.from_dlpack(x) if _gpu(x) is None else cupy().from_dlpack(x)
    if kind in ("numba", "other"):
        return cupy().from_dlpack(x) if hasattr(x, "__dlpack__") else cupy().asarray(x)
    return x


_ON_GPU = (2, 13)  # DLPack's device types: CUDA memory, and managed memory


def _gpu(x: Any) -> int | None:
    """The GPU that an array of any library is on, None for the CPU."""
    kind = _kind(type(x))
    if kind == "cupy":
        return int(x.data.device_id)
    if kind == "torch":
        return int(x.device.index) if x.is_cuda else None
    if hasattr(x, "__dlpack_device__"):
        device, number = x.__dlpack_device__()
        return int(number) if device in _ON_GPU else None
    address = x.__cuda_array_interface__["data"][0]  # which does not say: asarray would copy to the current one
    return int(cupy().cuda.runtime.pointerGetAttributes(address).device)


def _map(convert: Callable[[Any], Any], value: Any) -> Any:
    """`convert` applied to a value or to the members of a plain tuple, list or dict."""
    if type(value) in (tuple, list):
        return type(value)(convert(v) for v in value)
    if type(value) is dict:
        return {k: convert(v) for k, v in value.items()}
    return convert(value)


def _arrays(values: Iterable[Any]) -> Iterator[Any]:
    """The arrays that do not work as they are on the current CPU: those on a GPU and those of other libraries, one level deep."""
    for value in values:
        t = type(value)
        for member in value if t in (tuple, list) else value.values() if t is dict else (value,):
            if _kind(type(member)) not in ("", "numpy"):
                yield member


def _restore(kind: str) -> Callable[[Any], Any]:
    """The function that turns a native array into one of another library, on the same memory."""
    if kind == "torch":
        import torch

        return lambda y: torch.from_dlpack(y) if is_array(y) else y
    if kind == "jax":
        import jax.numpy as jnp

        return lambda y: jnp.from_dlpack(y) if is_array(y) else y
    if kind == "numba":
        from numba import cuda

        return lambda y: cuda.as_cuda_array(y) if is_array(y) else y
    return lambda y: y


class _Stream:
    """A stream of another library, as the CUDA stream protocol has it."""

    def __init__(self, address: int) -> None:
        self.address = address

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.address


_busy: deque[tuple[Any, Any]] = deque()  # (event, arrays): what must not be given back before the event has happened


def _hold(arrays: Any) -> None:
    """Keep arrays until the current stream has done what it was asked so far, though their owner may let go of them now.

    What is done is let go of at the next call.
    """
    while _busy and _busy[0][0].done:
        _busy.popleft()
    event = cupy().cuda.Event(disable_timing=True)
    event.record()
    _busy.append((event, arrays))


@contextlib.contextmanager
def _at(arrays: list[Any]) -> Iterator[None]:
    """The GPU that these arrays are on made current, and the current stream of the library that the first foreign one belongs to.

    Raises `DeviceError` for arrays on different GPUs.
    """
    gpus = {gpu for gpu in map(_gpu, arrays) if gpu is not None}
    if len(gpus) > 1:
        raise DeviceError(f"arrays on {' and '.join(map(place, sorted(gpus)))} in one call: move all of them to one device")
    if not gpus:
        yield
        return
    xp, gpu = cupy(), gpus.pop()
    foreign = [x for x in arrays if _kind(type(x)) != "cupy"]
    with contextlib.ExitStack() as stack:
        if xp.cuda.runtime.getDevice() != gpu:
            stack.enter_context(xp.cuda.Device(gpu))
        if foreign and _kind(type(foreign[0])) == "torch":
            import torch

            stream = torch.cuda.current_stream(foreign[0].device).cuda_stream
            stack.enter_context(xp.cuda.Stream.from_external(_Stream(stream)))
        yield
        elsewhere = [x for x in foreign if _kind(type(x)) != "torch"]  # torch gives memory back in the order of the stream we are on
        if elsewhere:
            _hold(elsewhere)


def accepts_any(function: F) -> F:
    """Let a function written for NumPy and CuPy take torch, JAX and Numba arrays too, and give the same kind back; work is done on the GPU
    that the arrays are on."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        arrays = list(_arrays((*args, *kwargs.values())))
        if not arrays:
            return function(*args, **kwargs)
        foreign = next((kind for kind in (_kind(type(x)) for x in arrays) if kind != "cupy"), "")
        with _at(arrays):
            try:
                if not foreign:
                    return function(*args, **kwargs)
                result = function(*(_map(_native, a) for a in args), **{k: _map(_native, v) for k, v in kwargs.items()})
            except MemoryError as error:
                if isinstance(error, DeviceMemoryError):
                    raise
                raise out_of_memory(error, "work on fewer samples at a time, or give a smaller memory_limit where there is one") from error
            return _map(_restore(foreign), result)

    return wrapper  # type: ignore[return-value]


__all__ = [
    "Array", "accepts_any", "chunk", "contiguous", "cupy", "device_namespace", "device_of", "host_active", "is_array", "is_on_gpu",
    "largest", "namespace", "nvrtc", "on_all_streams", "on_device", "out_of_use", "place", "processors", "scipy_fft", "threads", "to_numpy",
]  # fmt: skip
