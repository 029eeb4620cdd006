"""Arrays decide where work runs.

NumPy arrays run on the CPU; CuPy, torch, JAX and Numba device arrays run on the GPU they live on, on the current stream of
their own library, without a copy. Public functions are decorated with `accepts_any`; behind it there are only NumPy and CuPy.
"""

import contextlib
import functools
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from ._errors import DeviceError, SettingError

Array = Any  # numpy.ndarray or cupy.ndarray; public functions also take torch, JAX and Numba device arrays
F = TypeVar("F", bound=Callable[..., Any])

INSTALL_CUDA = 'pip install "pnnkern[cuda13]" (or "pnnkern[cuda12]" for CUDA 12 drivers and V100-class GPUs)'

# True inside `_launch.host()`: NumPy arrays then take the CUDA branch, its kernels run by the host runner.
host_active: ContextVar[bool] = ContextVar("host_active", default=False)


def _library(x: object) -> str:
    return type(x).__module__.partition(".")[0]


def is_array(x: object) -> bool:
    """True for a NumPy or CuPy array (not for scalars)."""
    return isinstance(x, np.ndarray) or (_library(x) == "cupy" and hasattr(x, "__cuda_array_interface__"))


def cupy() -> ModuleType:
    """The cupy module with a usable GPU, or `DeviceError` with the install line."""
    if importlib.util.find_spec("cupy") is None:
        raise DeviceError(f"a GPU was asked for, but CuPy is not installed: {INSTALL_CUDA}")
    import cupy

    if not cupy.cuda.is_available():
        raise DeviceError(
            "a GPU was asked for, but CuPy finds no usable one here: check `nvidia-smi` and the driver, or use device='cpu'"
        )
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
    libraries = {_library(x) for x in arrays if is_array(x)}
    if libraries <= {"numpy"}:
        return np
    if libraries == {"cupy"}:
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
    return np.asarray(x.get() if _library(x) == "cupy" else x)


def threads() -> int:
    """CPU threads to use: `PNNKERN_NUM_THREADS`, or the processors this process may run on."""
    text = os.environ.get("PNNKERN_NUM_THREADS")
    if text is None:
        return len(os.sched_getaffinity(0))
    if not text.isdigit() or int(text) < 1:
        raise SettingError(f"PNNKERN_NUM_THREADS must be a positive integer, got {text!r}")
    return int(text)


def chunk(like: Array, bytes_each: int, memory_limit: int | None = None) -> int:
    """How many items of `bytes_each` bytes to work on at a time so that they fit `memory_limit` bytes (at least one).

    The default limit is a quarter of the GPU's free memory, or 256 MiB on the CPU.
    """
    if memory_limit is None:
        memory_limit = 256 << 20 if namespace(like) is np else int(cupy().cuda.runtime.memGetInfo()[0]) // 4
    return max(1, memory_limit // max(1, bytes_each))


# ---------------------------------------------------------------------------------------------------------- other libraries
def _native(x: Any) -> Any:
    """A foreign array as NumPy or CuPy array on the same memory; anything that is no array as it is."""
    library = _library(x)
    if library in ("numpy", "cupy", "builtins"):
        return x
    if library == "torch" and hasattr(x, "requires_grad"):
        if x.requires_grad:
            raise TypeError(
                "a torch tensor that requires grad was given: pnnkern records no tape. Pass x.detach(), and for gradients wrap the "
                "function and its _vjp in a torch.autograd.Function (README, 'From torch')"
            )
        if x.is_conj() or x.is_neg():
            x = x.resolve_conj().resolve_neg()
        return cupy().from_dlpack(x) if x.is_cuda else x.numpy()
    if hasattr(x, "__cuda_array_interface__"):
        return cupy().asarray(x)
    if library in ("jax", "jaxlib") and hasattr(x, "__dlpack__"):
        return np.from_dlpack(x) if next(iter(x.devices())).platform == "cpu" else cupy().from_dlpack(x)
    return x


def _map(convert: Callable[[Any], Any], value: Any) -> Any:
    """`convert` applied to a value or to the members of a plain tuple, list or dict."""
    if type(value) in (tuple, list):
        return type(value)(convert(v) for v in value)
    if type(value) is dict:
        return {k: convert(v) for k, v in value.items()}
    return convert(value)


def _members(value: Any) -> Iterator[Any]:
    if type(value) in (tuple, list):
        yield from value
    elif type(value) is dict:
        yield from value.values()
    else:
        yield value


def _is_foreign(x: object) -> bool:
    library = _library(x)
    if library in ("numpy", "cupy", "builtins"):
        return False
    return hasattr(x, "__cuda_array_interface__") or (library in ("torch", "jax", "jaxlib") and hasattr(x, "__dlpack__"))


def _restore(library: str) -> Callable[[Any], Any]:
    """The function that turns a native array into one of `library`, on the same memory."""
    if library == "torch":
        import torch

        return lambda y: torch.from_dlpack(y) if is_array(y) else y
    if library in ("jax", "jaxlib"):
        import jax.numpy as jnp

        return lambda y: jnp.from_dlpack(y) if is_array(y) else y
    if library in ("numba", "numba_cuda"):
        from numba import cuda

        return lambda y: cuda.as_cuda_array(y) if is_array(y) else y
    return lambda y: y


def _stream(x: Any) -> contextlib.AbstractContextManager[Any]:
    """Device and current stream of a foreign GPU array's own library, as a CuPy context."""
    if _library(x) == "torch" and x.is_cuda:
        import torch

        stack = contextlib.ExitStack()
        stack.enter_context(cupy().cuda.Device(x.device.index))
        stack.enter_context(cupy().cuda.ExternalStream(torch.cuda.current_stream(x.device).cuda_stream, x.device.index))
        return stack
    return contextlib.nullcontext()


def accepts_any(function: F) -> F:
    """Let a function written for NumPy and CuPy take torch, JAX and Numba arrays too, and give the same kind back."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        foreign = next((m for v in (*args, *kwargs.values()) for m in _members(v) if _is_foreign(m)), None)
        if foreign is None:
            return function(*args, **kwargs)
        with _stream(foreign):
            result = function(*(_map(_native, a) for a in args), **{k: _map(_native, v) for k, v in kwargs.items()})
            return _map(_restore(_library(foreign)), result)

    return wrapper  # type: ignore[return-value]


__all__ = [
    "Array", "accepts_any", "chunk", "contiguous", "cupy", "device_namespace", "device_of", "host_active", "is_array", "largest", "namespace",
    "on_device", "scipy_fft", "threads", "to_numpy",
]  # fmt: skip
