"""Stand-ins for torch, JAX and Numba on a GPU: their arrays, on the memory of the stand-in for CuPy, with what they are known by."""

import importlib.machinery
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


class _Array:
    def __init__(self, array: Any) -> None:
        self.array = array

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    def __add__(self, other: Any) -> Any:
        return type(self)(self.array + getattr(other, "array", other))

    def __matmul__(self, other: Any) -> Any:
        return type(self)(self.array @ other.array)

    def __getitem__(self, index: Any) -> Any:
        return type(self)(self.array[index])

    def numpy(self) -> np.ndarray:
        return np.asarray(self.array.get())


class _Packed(_Array):
    def __dlpack__(self, **how: Any) -> Any:
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self) -> tuple[int, int]:
        device: tuple[int, int] = self.array.__dlpack_device__()
        return device


class Tensor(_Packed):
    __module__ = "torch"
    requires_grad, is_cuda, device = False, True, SimpleNamespace(index=0)

    def is_conj(self) -> bool:
        return False

    is_neg = is_conj

    def to(self, device: str, non_blocking: bool = False) -> "Tensor":
        return self

    def cpu(self) -> "Tensor":
        return self


class JaxArray(_Packed):
    __module__ = "jaxlib._jax"

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.numpy()


class DeviceNDArray(_Array):
    __module__ = "numba.cuda.cudadrv.devicearray"

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        interface: dict[str, Any] = self.array.__cuda_array_interface__
        return interface

    def copy_to_host(self) -> np.ndarray:
        return self.numpy()


def _module(name: str, **own: Any) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__dict__.update(own)
    return module


class _Profile:
    """torch's profiler, which sees one kernel, and something that takes no time."""

    def __init__(self, activities: list[str]) -> None:
        self.activities = activities

    def __enter__(self) -> "_Profile":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def key_averages(self) -> list[Any]:
        seen = (("kernel", 3, 7.5), ("on the host", 1, 0.0))
        return [SimpleNamespace(key=key, count=count, self_device_time_total=us) for key, count, us in seen]


def install(monkeypatch: pytest.MonkeyPatch, cupy: Any) -> None:
    """`import torch`, `jax` and `numba.cuda` find the stand-ins, whose arrays lie where those of `cupy` do."""
    cuda = _module("torch.cuda", Stream=lambda: cupy.cuda.Stream(non_blocking=True), stream=lambda s: s,
                   current_stream=lambda device: SimpleNamespace(cuda_stream=cupy.cuda.get_current_stream().ptr),
                   synchronize=lambda: cupy.cuda.Device().synchronize(), init=lambda: None, is_available=lambda: True)  # fmt: skip
    profiler = _module("torch.profiler", profile=_Profile, ProfilerActivity=SimpleNamespace(CUDA="cuda"))
    torch = _module("torch", cuda=cuda, from_dlpack=Tensor, as_tensor=lambda a: Tensor(cupy.asarray(a)),
                    zeros=lambda shape, device: Tensor(cupy.zeros(shape, np.float32)))  # fmt: skip
    numpy = _module("jax.numpy", from_dlpack=JaxArray, asarray=lambda a: JaxArray(cupy.asarray(a)),
                    zeros=lambda shape: JaxArray(cupy.zeros(shape, np.float32)))  # fmt: skip
    for module in (torch, cuda, profiler, numpy, _module("jax", numpy=numpy)):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    numba = pytest.importorskip("numba.cuda")
    monkeypatch.setattr(numba, "stream", lambda: None)
    monkeypatch.setattr(numba, "to_device", lambda a, stream: DeviceNDArray(cupy.asarray(a)))
    monkeypatch.setattr(numba, "as_cuda_array", DeviceNDArray)
