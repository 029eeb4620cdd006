"""Arrays of other libraries and other GPUs, on the stand-in for CuPy, which has two GPUs: which protocol is asked, on which stream and GPU
work is done, and what is kept until it is."""

import sys
from collections import deque
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import strict_cupy

import pnnkern as pnn
from pnnkern import _array, _constants, _gate, _launch, optics
from pnnkern._errors import DeviceError, FaultError, LaunchError

FIELD = np.arange(1, 17).reshape(4, 4) * (1 + 1j)


class Plain:
    """An array on a GPU that belongs to another library, which has the CUDA array interface alone; notes what it is asked for."""

    def __init__(self, inside: Any) -> None:
        self.inside, self.asked = inside, []

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        self.asked.append("interface")
        return self.inside.__cuda_array_interface__


class Foreign(Plain):
    """One with both protocols, and with what torch asks."""

    requires_grad, is_cuda = False, True

    def is_conj(self) -> bool:
        return False

    is_neg = is_conj

    @property
    def dtype(self) -> Any:
        return self.inside.dtype

    @property
    def device(self) -> Any:
        return SimpleNamespace(index=self.inside.device.id)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.inside.__dlpack_device__()

    def __dlpack__(self, **how: Any) -> Any:
        self.asked.append(("dlpack", how.get("stream")))
        return self.inside.__dlpack__(**how)


def kind(module: str, base: type[Plain] = Foreign) -> type[Plain]:
    made = type("Array", (base,), {})
    made.__module__ = module
    return made


NUMBA = kind("numba.cuda.cudadrv.devicearray", Plain)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """torch, JAX and Numba as far as results go back to them; `stream` is torch's current one."""
    made = SimpleNamespace(stream=0x5000)
    monkeypatch.setattr(_gate, "_busy", deque())
    torch = ModuleType("torch")
    torch.from_dlpack = lambda y: ("torch", y)  # type: ignore[attr-defined]
    torch.cuda = SimpleNamespace(current_stream=lambda device: SimpleNamespace(cuda_stream=made.stream))  # type: ignore[attr-defined]
    numpy = ModuleType("jax.numpy")
    numpy.from_dlpack = lambda y: ("jax", y)  # type: ignore[attr-defined]
    jax = ModuleType("jax")
    jax.numpy = numpy  # type: ignore[attr-defined]
    cuda = ModuleType("numba.cuda")
    cuda.as_cuda_array = lambda y: ("numba", y)  # type: ignore[attr-defined]
    import numba

    for name, module in (("torch", torch), ("jax", jax), ("jax.numpy", numpy), ("numba.cuda", cuda)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(numba, "cuda", cuda, raising=False)
    return made


def settled(array: Any) -> Any:
    """The array, once every stream may use it."""
    array.device.synchronize()
    return array


def intensity(x: Any) -> tuple[str, np.ndarray]:
    library, result = optics.intensity(x)
    return library, settled(result).get()


def test_jax_enters_by_dlpack_which_waits_for_its_stream(cupy: Any, libraries: Any) -> None:
    """Its CUDA array interface has no stream, so that nothing would wait; it is not looked at."""
    x = kind("jaxlib._jax")(cupy.asarray(FIELD))
    library, values = intensity(x)
    assert library == "jax"
    np.testing.assert_allclose(values, np.abs(FIELD) ** 2)
    assert x.asked == [("dlpack", 1)]  # the consumer's stream, the default one: JAX's makes it wait


def test_torch_works_on_its_own_stream(cupy: Any, libraries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = kind("torch")(settled(cupy.asarray(FIELD)))
    seen = []
    launch = _launch.launch
    monkeypatch.setattr(_launch, "launch", lambda *a, **k: (seen.append(cupy.cuda.get_current_stream().ptr), launch(*a, **k))[1])
    library, values = intensity(x)
    assert library == "torch"
    np.testing.assert_allclose(values, np.abs(FIELD) ** 2)
    assert seen == [libraries.stream]
    assert x.asked == [("dlpack", libraries.stream)]
    assert cupy.cuda.get_current_stream().ptr == 0  # as before
    assert not _gate._busy  # torch gives memory back in the order of that stream


def test_numba_enters_by_the_interface(cupy: Any, libraries: Any) -> None:
    x = NUMBA(cupy.asarray(FIELD))
    library, values = intensity(x)
    assert library == "numba"
    np.testing.assert_allclose(values, np.abs(FIELD) ** 2)
    assert set(x.asked) == {"interface"}


def test_any_other_library_enters_by_dlpack_and_gets_cupy_arrays(cupy: Any, libraries: Any) -> None:
    x = kind("elsewhere")(cupy.asarray(FIELD))
    result = optics.intensity(x)
    assert isinstance(result, cupy.ndarray)
    assert x.asked == [("dlpack", 1)]


def test_what_has_no_array_of_ours_is_left_to_the_function(cupy: Any) -> None:
    with pytest.raises(TypeError, match=r"field must be an array .* got SimpleNamespace"):
        optics.intensity(SimpleNamespace(shape=(4, 4)))


def test_inputs_live_until_the_stream_has_read_them(cupy: Any, libraries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their owner, JAX say, may give the memory to others as soon as we let go of it."""
    monkeypatch.setattr(cupy.cuda.Event, "done", property(lambda event: getattr(event, "happened", False)))
    x = kind("jaxlib._jax")(cupy.asarray(FIELD))
    intensity(x)
    assert [held for _, held in _gate._busy] == [[x]]
    intensity(x)
    assert len(_gate._busy) == 2
    for event, _ in _gate._busy:
        event.happened = True
    y = kind("jaxlib._jax")(cupy.asarray(FIELD))
    intensity(y)
    assert [held for _, held in _gate._busy] == [[y]]


# ------------------------------------------------------------------------------------------------------------------ other GPUs
def on(cupy: Any, gpu: int, values: np.ndarray) -> Any:
    with cupy.cuda.Device(gpu):
        return settled(cupy.asarray(values))


def test_work_is_done_on_the_gpu_of_the_arrays(cupy: Any, libraries: Any) -> None:
    for make in (lambda x: x, kind("jaxlib._jax"), kind("torch"), NUMBA):
        x = make(on(cupy, 1, FIELD))
        result = optics.intensity(x)
        result = result[1] if isinstance(result, tuple) else result
        assert result.device.id == 1
        assert cupy.cuda.runtime.getDevice() == 0
        with cupy.cuda.Device(1):
            np.testing.assert_allclose(settled(result).get(), np.abs(FIELD) ** 2)


def test_tables_are_on_the_gpu_that_uses_them(cupy: Any) -> None:
    how = {"distance": 1e-3, "wavelength": 633e-9, "pitch": 8e-6}
    expected = optics.propagate(FIELD, **how)
    regions = optics.Regions((4, 4), [(0, 2, 0, 2)])
    for gpu in (1, 0, 1):
        u = on(cupy, gpu, FIELD)
        with cupy.cuda.Device(gpu):
            np.testing.assert_allclose(optics.propagate(u, **how).get(), expected, atol=1e-12)
            np.testing.assert_allclose(optics.powers(u, regions).get(), optics.powers(FIELD, regions))


def test_arrays_of_two_gpus_are_refused(cupy: Any, libraries: Any) -> None:
    a, b = on(cupy, 0, FIELD), on(cupy, 1, FIELD.real)
    with pytest.raises(DeviceError, match="arrays on GPU 0 and GPU 1 in one call: move all of them to one device"):
        optics.phase_mask(a, b)
    with pytest.raises(DeviceError, match="arrays on GPU 0 and GPU 1 in one call"):
        optics.phase_mask(kind("torch")(a), kind("torch")(b))
    out = on(cupy, 1, np.zeros((4, 4)))
    with pytest.raises(DeviceError, match=r"pnn_detector_intensity_c128: argument 2 \(out\) on GPU 1, others on GPU 0, in one call"):
        _launch.launch("optics/detector", "intensity", "complex128", 16, a, out, threads=16)
    with pytest.raises(DeviceError, match=r"argument 2 \(out\) on the CPU, others on GPU 0"):
        _launch.launch("optics/detector", "intensity", "complex128", 16, a, np.zeros((4, 4)), threads=16)
    with pytest.raises(DeviceError, match=r"argument 2 \(out\) on GPU 1, others on the CPU"):
        _launch.launch("optics/detector", "intensity", "complex128", 16, FIELD, out, threads=16)


def test_a_launch_goes_to_the_gpu_of_its_arrays(cupy: Any) -> None:
    a, out = on(cupy, 1, FIELD), on(cupy, 1, np.zeros((4, 4)))
    _launch.launch("optics/detector", "intensity", "complex128", 16, a, out, threads=16)
    assert cupy.cuda.runtime.getDevice() == 0
    with cupy.cuda.Device(1):
        np.testing.assert_allclose(out.get(), np.abs(FIELD) ** 2)


def test_faults_of_all_gpus_are_seen(cupy: Any) -> None:
    u = FIELD.copy()
    u[0, 0] = np.nan
    how = {"distance": 1e-3, "wavelength": 633e-9, "pitch": 8e-6}
    optics.propagate(on(cupy, 1, u), **how)
    with strict_cupy.counted() as events, pytest.raises(FaultError, match="a kernel on GPU 1: the field has NaN"):
        pnn.check()
    assert any("device" in str(place) for place in strict_cupy.places(events, "syncs"))  # all streams of it have ended
    pnn.check()


# ------------------------------------------------------------------------------------------------------------------------ streams
def test_streams_flag_faults_beside_each_other(cupy: Any) -> None:
    """In one word, by atomics: none reads what another may be writing, and what one has flagged stays."""
    codes = [_launch.fault(990 + i, f"planted {i}") for i in range(2)]
    streams = [cupy.cuda.Stream(non_blocking=True) for _ in codes]
    values = [cupy.asarray(np.array(v)) for v in (False, True, False)]
    cupy.cuda.Device().synchronize()
    for stream, code, bad in ((streams[0], codes[0], values[1]), (streams[1], codes[1], values[0]), (streams[0], codes[1], values[2])):
        with stream:
            _launch.flag(bad, code)
    with pytest.raises(FaultError, match="planted 0"):
        pnn.check()


def waits(cupy: Any, work: Any) -> int:
    with strict_cupy.counted() as events:
        work()
    return strict_cupy.totals(events)["syncs"]


def test_what_is_kept_is_waited_for_once(cupy: Any) -> None:
    """Tables, twiddles, regions, constants and fault words are made on one stream, and may be used on any other."""
    small, large = cupy.asarray(FIELD), cupy.asarray(np.ones((128, 128), np.complex64))
    how = {"wavelength": 633e-9, "pitch": 8e-6}
    regions = optics.Regions((4, 4), [(0, 2, 0, 2)])
    index = np.arange(3)
    calls = {
        "transfer function": lambda: optics.propagate(small, distance=2e-3, **how),
        "detectors": lambda: optics.powers(small, regions),
        "scaled": lambda: optics.propagate_scaled(small, distance=2e-3, out_pitch=4e-6, **how),
        "constant": lambda: _constants.constant(index, np.int64, small),
        "fused chain": lambda: optics.chain.forward(
            large[None], large[None], [optics.Propagator((128, 128), distance=1e-3, pad=2, **how)] * 2
        ),
    }
    for name, call in calls.items():
        assert waits(cupy, call) > 0, name
        assert waits(cupy, call) == 0, name


def test_what_is_kept_no_longer_is_waited_for(cupy: Any) -> None:
    """Its memory goes back to the stream that it came from, while another may still read it."""
    cache = _constants.Cache(limit=100)
    a = cache.get("a", lambda: cupy.zeros(10))
    with strict_cupy.counted() as events:
        cache.get("b", lambda: cupy.zeros(10))
    assert len(cache) == 1
    assert {"device", "stream"} <= {word for place in strict_cupy.places(events, "syncs") for word in place.split()}
    assert cache.get("a", lambda: cupy.ones(10)) is not a
    large = cache.get("large", lambda: cupy.zeros(1000))
    assert cache.get("large", lambda: cupy.ones(1000)) is large  # though it is over the limit by itself
    assert len(cache) == 1


# ----------------------------------------------------------------------------------------------------------------- shared memory
@pytest.mark.parametrize(("gpu", "limit"), [(0, 227 << 10), (1, 64 << 10)])
def test_shared_memory_is_granted_with_what_the_kernel_declares(cupy: Any, gpu: int, limit: int) -> None:
    """The 48 KiB that every block may have, and the limit of the GPU, count static and dynamic memory together."""
    name, declared = "pnn_springs_settle_f64", 112
    x = on(cupy, gpu, np.zeros(1))
    assert _launch.shared_limit(x) == limit - _launch.DECLARED
    kernel = _launch._plan("networks/springs", "settle", "float64", None).on_gpu(x)
    assert (kernel.kernel.name, kernel.kernel.shared_size_bytes) == (name, declared)
    assert kernel.granted == (48 << 10) - declared
    with cupy.cuda.Device(gpu):
        kernel._grant(48 * 1024 - declared + 8)
        assert kernel.kernel.max_dynamic_shared_size_bytes == 48 * 1024 - declared + 8
        kernel._grant(limit - declared)
        with pytest.raises(LaunchError, match=f"settle_f64: a block needs {limit + 8} bytes of shared memory, and may have {limit} on this"):
            kernel._grant(limit - declared + 8)


def test_pieces_follow_from_all_of_the_memory_not_from_what_is_free(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = on(cupy, 0, np.zeros(1))
    before = _array.chunk(x, 1000)
    monkeypatch.setattr(cupy.cuda.runtime, "memGetInfo", lambda: (1 << 20, 2 << 30))
    assert _array.chunk(x, 1000) == before == (2 << 30) // 8 // 1000
    assert _array.chunk(on(cupy, 1, np.zeros(1)), 1000) == (1 << 30) // 8 // 1000
    assert _array.gpu("cuda") == {"gpu": f"strict stand-in, {2 << 30} bytes"}
