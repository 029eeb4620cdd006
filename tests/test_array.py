"""Arrays decide where work runs."""

import numpy as np
import pytest

from pnnkern import _array
from pnnkern._errors import DeviceError


class FakeDeviceArray:
    """Looks like an array on a GPU to everything that asks for its library."""


FakeDeviceArray.__module__ = "cupy._core"
FakeDeviceArray.__cuda_array_interface__ = {}


def test_mixed_devices_are_refused() -> None:
    with pytest.raises(DeviceError, match=r"arrays on the CPU \(NumPy\) and on the GPU \(CuPy\) in one call"):
        _array.namespace(np.ones(2), FakeDeviceArray())


def test_cuda_without_a_gpu_names_the_install_line() -> None:
    import importlib.util

    if importlib.util.find_spec("cupy") is not None:
        pytest.skip("CuPy is installed here")
    with pytest.raises(DeviceError, match=r'CuPy is not installed: pip install "pnnkern\[cuda13\]"'):
        _array.device_namespace("cuda")


def test_unknown_device() -> None:
    with pytest.raises(DeviceError, match="unknown device 'gpu': it is 'cpu' or 'cuda'"):
        _array.device_namespace("gpu")


def test_threads_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (3, 1):
        monkeypatch.setenv("PNNKERN_NUM_THREADS", str(count))
        assert _array.threads() == count
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="PNNKERN_NUM_THREADS must be a positive integer, got 'many'"):
        _array.threads()


def test_contiguous_copies_only_when_needed() -> None:
    x = np.ones((3, 4))
    assert _array.contiguous(x) is x
    assert _array.contiguous(x.T).flags.c_contiguous


def test_chunk_is_bounded_by_the_caller() -> None:
    x = np.ones(1)
    assert _array.chunk(x, 100, memory_limit=1000) == 10
    assert _array.chunk(x, 10**12, memory_limit=1000) == 1


def test_largest_of_nothing_is_zero() -> None:
    assert _array.largest(np.array([1.0, 3.0, 2.0])) == 3
    assert _array.largest(np.array([[1.0, 3.0], [5.0, 4.0]]), axis=1).tolist() == [3, 5]
    assert _array.largest(np.empty(0)) == 0
    assert _array.largest(np.empty((2, 0)), axis=1).tolist() == [0, 0]


def test_is_array_asks_the_type_alone() -> None:
    """In CuPy and torch the interface is a property that builds a dict and asks for the stream."""

    class Busy:
        @property
        def __cuda_array_interface__(self) -> dict[str, object]:
            raise AssertionError("the property was evaluated")

    Busy.__module__ = "cupy"
    assert _array.is_array(Busy())
    assert _array.is_on_gpu(Busy())
