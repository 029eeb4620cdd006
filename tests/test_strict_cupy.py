"""The stand-in for CuPy refuses what the real one refuses, goes wrong where it goes wrong, and counts."""

import copy
import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import strict_cupy
from strict_cupy import StrictError, signatures

ROOT = Path(__file__).resolve().parents[1]


# ---------------------------------------------------------------------------------------------------------------- signatures
def test_signatures_are_those_of_the_pinned_version() -> None:
    """With the real CuPy at hand: what was dumped is what it says (scripts/dump_cupy_signatures.py)."""
    if importlib.util.find_spec("cupy") is None:
        pytest.skip("the real CuPy is not installed")
    code = "import sys; sys.path.insert(0, 'scripts'); import json, dump_cupy_signatures as d; print(json.dumps(d.signatures()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    found = json.loads(done.stdout)
    if found["version"] != strict_cupy.VERSION:
        pytest.skip(f"CuPy {found['version']} is installed, the stand-in is {strict_cupy.VERSION}")
    assert found == json.loads((ROOT / "tests/strict_cupy/signatures.json").read_text())


@pytest.mark.parametrize(
    "name",
    [
        "ndarray",
        "RawKernel",
        "RawModule",
        "cuda.Device",
        "cuda.Event",
        "cuda.ExternalStream",
        "cuda.Stream",
        "cuda.MemoryPointer",
    ],
)
def test_classes_have_nothing_that_the_real_ones_lack(cupy: Any, name: str) -> None:
    value = cupy
    for part in name.split("."):
        value = getattr(value, part)
    for member in (m for m in dir(value) if not m.startswith("_")):
        path = f"cupy.{name}.{member}"
        assert path in signatures.LINES, path
        method = inspect.getattr_static(value, member)
        if inspect.isfunction(method) and "kwargs" not in inspect.signature(method).parameters:
            ours = [p for p in inspect.signature(method).parameters if p != "self"]
            assert ours == list(signatures.signature(path).parameters), path


def test_modules_have_nothing_that_the_real_ones_lack(cupy: Any) -> None:
    from strict_cupy import functions, launch, runtime

    for path in functions.OWN:
        assert path in signatures.LINES, path
    for name in {*vars(launch.nvrtc), *(f"../runtime.{n}" for n in vars(runtime.runtime))}:
        assert f"cupy.cuda.nvrtc.{name}".replace("nvrtc.../", "") in signatures.LINES, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda cp, x: x.max(initial=0.0), r"cupy.ndarray.max\(axis=.*\): got an unexpected keyword argument 'initial'"),
        (lambda cp, x: cp.max(x, initial=0), "unexpected keyword argument 'initial'"),
        (lambda cp, x: cp.add(x, x, where=x > 0), r"Wrong arguments \['where'\] for cupy.add"),
        (lambda cp, x: cp.sum(x, 0, None, None, False, 1.0), "too many positional arguments"),
        (lambda cp, x: x.sum(where=x > 0), "unexpected keyword argument 'where'"),
        (lambda cp, x: x.item(0), "too many positional arguments|positional argument"),
    ],
)
def test_what_real_signatures_lack_is_refused(cupy: Any, call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call(cupy, cupy.ones(3))


@pytest.mark.parametrize("call", [lambda cp: cp.float128, lambda cp: cp.trapezoidal, lambda cp: cp.ones(3).flags.writeable,
                                  lambda cp: cp.ones(3).ctypes, lambda cp: cp.linalg.cond_number])  # fmt: skip
def test_what_cupy_lacks_is_not_there(cupy: Any, call: Any) -> None:
    with pytest.raises(AttributeError):
        call(cupy)


# ------------------------------------------------------------------------------------------------------- host and device apart
HOST, ZERO = np.ones(3), np.array(2.0)


def in_place(x: Any, value: Any) -> None:
    x += value


def assigned(x: Any, index: Any, value: Any) -> None:
    x[index] = value


@pytest.mark.parametrize(
    "call",
    [
        lambda cp, x: x + HOST, lambda cp, x: HOST + x, lambda cp, x: x * ZERO, lambda cp, x: ZERO - x, lambda cp, x: in_place(x, HOST),
        lambda cp, x: in_place(HOST.copy(), x), lambda cp, x: np.add(x, HOST), lambda cp, x: cp.where(x > 0, x, HOST),
        lambda cp, x: cp.where(x > 0, x, ZERO), lambda cp, x: cp.where(HOST > 0, x, x), lambda cp, x: cp.concatenate([x, HOST]),
        lambda cp, x: np.concatenate([x, HOST]), lambda cp, x: cp.stack([HOST, HOST]), lambda cp, x: assigned(x, slice(None), HOST),
        lambda cp, x: assigned(x, 0, ZERO), lambda cp, x: assigned(HOST.copy(), slice(None), x), lambda cp, x: x @ HOST,
        lambda cp, x: HOST @ x, lambda cp, x: np.asarray(x), lambda cp, x: np.array([x[0], x[1]]), lambda cp, x: cp.sum(HOST),
        lambda cp, x: cp.maximum(HOST, 0.0), lambda cp, x: cp.clip(x, ZERO, None), lambda cp, x: cp.linalg.solve(np.eye(3), x),
        lambda cp, x: cp.fft.fft(HOST), lambda cp, x: cp.add(x, x, out=HOST.copy()), lambda cp, x: x + [1.0, 2.0, 3.0],
        lambda cp, x: cp.array([x[0], ZERO]), lambda cp, x: cp.broadcast_to(1.0, (3,)), lambda cp, x: [1, 2, 3][x.astype(int)[0]],
    ],
)  # fmt: skip
def test_host_and_device_do_not_meet(cupy: Any, call: Any) -> None:
    with pytest.raises(TypeError):
        call(cupy, cupy.ones(3))


def test_scalars_and_indices_of_the_host_are_taken(cupy: Any) -> None:
    x = cupy.asarray(np.arange(4.0))
    assert (np.float64(2) * x + 1).get().tolist() == [1, 3, 5, 7]
    assert x[np.array([2, 0])].get().tolist() == [2, 0]
    assert bool((x > ZERO).any())  # CuPy takes a number out of an array without axes to compare with it
    x[1:3] = cupy.zeros(2)
    x[-1] = np.float32(5)
    assert x.get().tolist() == [0, 0, 0, 5]


def test_lists_fill_no_array(cupy: Any) -> None:
    with pytest.raises(ValueError, match="cannot be used for fill"):
        assigned(cupy.ones(3), slice(None), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("dtype", [np.longdouble, "U3", object])
def test_dtypes_without_a_place_on_a_gpu(cupy: Any, dtype: Any) -> None:
    with pytest.raises(ValueError, match="Unsupported dtype"):
        cupy.asarray(np.zeros(2, dtype))


# -------------------------------------------------------------------------------------------- where CuPy is not like NumPy
def test_results_are_arrays_without_axes(cupy: Any) -> None:
    total = cupy.ones(3).sum()
    assert isinstance(total, cupy.ndarray)
    assert total.shape == ()
    assert float(total) == 3


def test_memory_is_not_zero_at_first(cupy: Any) -> None:
    assert np.isnan(cupy.empty((2, 2), np.complex64).get()).all()
    assert cupy.empty_like(cupy.zeros(3, np.int32)).get().any()


def test_singular_matrices_give_nan(cupy: Any) -> None:
    a = np.stack([np.eye(2), np.zeros((2, 2))])
    x = cupy.linalg.solve(cupy.asarray(a), cupy.ones((2, 2, 1))).get()
    assert x[0, :, 0].tolist() == [1, 1]
    assert np.isnan(x[1]).all()
    with pytest.raises(ValueError, match="for multidimensional b"):
        cupy.linalg.solve(cupy.asarray(a), cupy.ones((2, 1)))


def test_what_goes_wrong_in_silence_is_an_error(cupy: Any) -> None:
    x = cupy.ones(4)
    with pytest.raises(StrictError, match="wraps around"):
        x[cupy.asarray(np.array([4]))]
    with pytest.raises(StrictError, match="which value stays"):
        x[cupy.asarray(np.array([1, 1]))] = cupy.ones(2)
    with pytest.raises(StrictError, match="overlap"):
        x[1:] = x[:-1]
    with pytest.raises(ValueError, match="read-only"):
        cupy.broadcast_to(x, (3, 4))[0] = 1.0


def test_views_share_memory_and_copies_do_not(cupy: Any) -> None:
    x = cupy.zeros((2, 3))
    x.T[0] = 1.0
    x.reshape(-1)[5] = 2.0
    copied, deep = x.copy(), copy.deepcopy(x)
    x.real[...] = 7.0
    assert x.get().tolist() == [[7] * 3] * 2
    assert copied.get().tolist() == deep.get().tolist() == [[1, 0, 0], [1, 0, 2]]
    assert cupy.asarray(x) is x
    assert x[1:].data.ptr == x.data.ptr + 24


# ------------------------------------------------------------------------------------------------------------------- kernels
SOURCE = """
extern "C" __global__ void doubled(int n, const float* x, float* out) {
    __shared__ float held[256];
    extern __shared__ float more[];
    for (int i = threadIdx.x; i < n; i += blockDim.x) { held[i] = x[i]; more[i] = x[i]; out[i] = held[i] + more[i]; }
}
"""


@pytest.fixture
def kernel(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(strict_cupy.launch.SHEET, "doubled", {"shared": 1024})
    return cupy.RawModule(code=SOURCE, options=("-std=c++17",)).get_function("doubled")


def arguments(cupy: Any, **changes: Any) -> tuple[Any, ...]:
    return tuple(({"n": np.int32(3), "x": cupy.ones(3, np.float32), "out": cupy.empty(3, np.float32)} | changes).values())


def test_kernels_run(cupy: Any, kernel: Any) -> None:
    args = arguments(cupy)
    kernel((1,), (32,), args, shared_mem=128)
    assert args[-1].get().tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": np.ones(3, np.float32)}, "a NumPy array was given"),
        ({"n": 3}, r"argument 0 \(int n\): int 3 goes over as 8 bytes"),
        ({"n": np.int64(3)}, "takes 4 bytes"),
        ({"x": "columns"}, "not C-contiguous"),
        ({"out": "broadcast"}, r"argument 2 \(float\* out\) is written to, but is the view of a broadcast"),
        ({"x": "elsewhere"}, "is on device 1, the launch on 0"),
    ],
)
def test_wrong_arguments_of_kernels(cupy: Any, kernel: Any, changes: dict[str, Any], message: str) -> None:
    with cupy.cuda.Device(1):
        elsewhere = cupy.ones(3, np.float32)
    ones = cupy.ones((3, 2), np.float32)
    special = {"columns": ones[:, 0], "broadcast": cupy.broadcast_to(cupy.ones(3, np.float32), (1, 3)), "elsewhere": elsewhere}
    changes = {k: special[v] if isinstance(v, str) else v for k, v in changes.items()}
    with pytest.raises(Exception, match=message):
        kernel((1,), (32,), arguments(cupy, **changes), shared_mem=128)


@pytest.mark.parametrize(
    ("grid", "block", "message"),
    [
        ((0,), (32,), "1 at least"), ((1, 65536), (32,), "65535"), ((1,), (32, 33), "more than 1024 threads"), ((1,), (1, 1, 65), "64"),
        ([1], (32,), "must be a tuple"), (1, (32,), "must be a tuple"),
    ],
)  # fmt: skip
def test_wrong_grids_and_blocks(cupy: Any, kernel: Any, grid: Any, block: Any, message: str) -> None:
    with pytest.raises(Exception, match=message):
        kernel(grid, block, arguments(cupy))


def test_static_and_dynamic_shared_memory_count_together(cupy: Any, kernel: Any) -> None:
    """1 KiB is static here: 47 KiB are left without asking, and 226 of the 227 of one card, 63 of the 64 of the other."""
    assert kernel.shared_size_bytes == 1024
    kernel((1,), (32,), arguments(cupy), shared_mem=47 << 10)
    with pytest.raises(RuntimeError, match="48129 bytes of dynamic shared memory beside 1024 static ones, 48128 without"):
        kernel((1,), (32,), arguments(cupy), shared_mem=(47 << 10) + 1)
    for device, most in ((0, 226 << 10), (1, 63 << 10)):
        with cupy.cuda.Device(device):
            kernel.max_dynamic_shared_size_bytes = most
            kernel((1,), (32,), arguments(cupy), shared_mem=most)
            with pytest.raises(RuntimeError, match="CUDA_ERROR_INVALID_VALUE"):
                kernel.max_dynamic_shared_size_bytes = most + 1


def test_cubins_of_nvrtc_are_loaded(cupy: Any, tmp_path: Path) -> None:
    nvrtc = cupy.cuda.nvrtc
    program = nvrtc.createProgram(SOURCE.replace("held[i] + more[i]", "FACTOR * held[i]"), "doubled.cu", (), ())
    with pytest.raises(RuntimeError, match="has not been compiled"):
        nvrtc.getCUBIN(program)
    nvrtc.compileProgram(program, ("--gpu-architecture=sm_90", "-std=c++17", "-DFACTOR=3"))
    (tmp_path / "doubled.cubin").write_bytes(nvrtc.getCUBIN(program))
    nvrtc.destroyProgram(program)
    args = arguments(cupy)
    cupy.RawModule(path=str(tmp_path / "doubled.cubin")).get_function("doubled")((1,), (32,), args, shared_mem=128)
    assert args[-1].get().tolist() == [3, 3, 3]
    with cupy.cuda.Device(1), pytest.raises(RuntimeError, match="made for sm_90, not for 75"):
        cupy.RawModule(path=str(tmp_path / "doubled.cubin"))
    with pytest.raises(RuntimeError, match="NVRTC_ERROR_INVALID_OPTION: --use_fast_math"):
        cupy.RawModule(code=SOURCE, options=("-std=c++17", "--use_fast_math"))
    with pytest.raises(TypeError, match="Exactly one"):
        cupy.RawModule(code=SOURCE, path="x.cubin")


# --------------------------------------------------------------------------------------------------- devices, streams, events
def test_arrays_of_two_devices_do_not_meet(cupy: Any) -> None:
    first = cupy.ones(3)
    with cupy.cuda.Device(1) as device:
        second = cupy.ones(3)
        assert (second.device.id, second.data.device_id, device.compute_capability) == (1, 1, "75")
        assert device.attributes["MaxSharedMemoryPerBlockOptin"] == 64 << 10
        assert cupy.asarray(first).device.id == 1  # a copy
        with pytest.raises(StrictError, match="an array of device 0 is used while device 1 is current"):
            first + 1.0
    assert cupy.cuda.runtime.getDevice() == 0
    with pytest.raises(StrictError, match="device 1"):
        first + second
    with pytest.raises(StrictError, match="device 1"):
        second[1:] = 0.0
    assert second[1:].get().tolist() == [1, 1]  # views and copies to the host are no work of the current device
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        cupy.cuda.Device(2)


def test_streams(cupy: Any) -> None:
    class Foreign:
        def __cuda_stream__(self) -> tuple[int, int]:
            return 0, 4711

    assert cupy.cuda.get_current_stream() == cupy.cuda.Stream.null
    with cupy.cuda.Stream.from_external(Foreign()) as stream:
        assert cupy.cuda.get_current_stream().ptr == stream.ptr == 4711
        assert cupy.ones(1).__cuda_array_interface__["stream"] == 4711
    assert cupy.cuda.get_current_stream().ptr == 0
    with pytest.raises(TypeError, match="CUDA stream protocol"):
        cupy.cuda.Stream.from_external(object())
    with pytest.warns(DeprecationWarning, match="from_external"):
        cupy.cuda.ExternalStream(4711)
    with cupy.cuda.Device(1), pytest.raises(RuntimeError, match="does not match with the current device"), stream_of(cupy, 0):
        pass


def stream_of(cupy: Any, device: int) -> Any:
    with cupy.cuda.Device(device):
        return cupy.cuda.Stream(non_blocking=True)


def test_events(cupy: Any) -> None:
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    with pytest.raises(RuntimeError, match="invalid resource handle"):
        cupy.cuda.get_elapsed_time(start, end)
    start.record()
    end.record(cupy.cuda.Stream.null)
    end.synchronize()
    assert end.done
    assert cupy.cuda.get_elapsed_time(start, end) >= 0
    with pytest.raises(RuntimeError, match="invalid resource handle"):
        cupy.cuda.get_elapsed_time(start, cupy.cuda.Stream.null.record(cupy.cuda.Event(disable_timing=True)))


def test_other_libraries_share_memory(cupy: Any) -> None:
    class Foreign:
        def __init__(self, array: Any) -> None:
            self.__cuda_array_interface__ = array.__cuda_array_interface__

    x = cupy.ones(4)
    for y in (cupy.asarray(Foreign(x[1:])), cupy.from_dlpack(x)[1:]):
        y *= 2.0
    assert x.get().tolist() == [1, 4, 4, 4]


def test_streams_must_wait_for_each_other(cupy: Any, kernel: Any) -> None:
    side, other = (cupy.cuda.Stream(non_blocking=True) for _ in range(2))
    with side:
        x, y = cupy.ones(3, np.float32), cupy.ones(3, np.float32)
    for use in (lambda: x + 1, lambda: assigned(x, 0, 1.0), lambda: x.get(), lambda: x[cupy.asarray([0])], lambda: cupy.add(y, y, out=y),
                lambda: kernel((1,), (32,), arguments(cupy, x=x), shared_mem=128)):  # fmt: skip
        with pytest.raises(StrictError, match="what another may not be done with"):
            use()
    event = side.record()
    with other:
        other.wait_event(event)
        result = x + 0.0
    with pytest.raises(StrictError, match="reads what another"):
        x + 1
    event.synchronize()
    read = x + 1
    with side, pytest.raises(StrictError, match="writes what another"):  # which the null stream may still read
        x[0] = 2.0
    cupy.cuda.Device().synchronize()
    with side:
        x[0] = 2.0
    side.synchronize()
    assert (x + read).get().tolist() == [4, 3, 3]
    del result


def test_fault_words_need_no_order_until_they_are_read(cupy: Any) -> None:
    source = 'extern "C" __global__ void flags(int code, int* fault) { if (code) *fault = code; }'
    flags = cupy.RawModule(code=source, options=("-std=c++17",)).get_function("flags")
    word = cupy.zeros(1, np.int32)
    cupy.cuda.Device().synchronize()
    for code in range(2):
        with cupy.cuda.Stream(non_blocking=True):
            flags((1,), (1,), (np.int32(code), word))
    with pytest.raises(StrictError, match="reads what another"):
        word.get()
    with pytest.raises(StrictError, match="what another"):  # which would write back what it has read, and so lose a flag
        cupy.maximum(word, 3, out=word)
    cupy.cuda.Device().synchronize()
    assert word.get().tolist() == [1]


def test_blocking_streams_keep_order_with_the_null_stream(cupy: Any) -> None:
    first, second = cupy.cuda.Stream(), cupy.cuda.Stream()
    x = cupy.ones(3)
    with first:
        x += 1
    x += 1  # of the null stream, which is after all of them
    with second:
        x += 1
    with first, pytest.raises(StrictError, match="reads what another"):
        x + 1


def test_temporaries_live_until_their_stream_is_done_with_them() -> None:
    def work(waits: bool) -> None:
        with strict_cupy.installed() as cupy:
            side = cupy.cuda.Stream(non_blocking=True)
            temporary = cupy.ones(3)
            event = cupy.cuda.Stream.null.record()
            with side:
                side.wait_event(event)
                result = temporary + 1
            if waits:
                cupy.cuda.Stream.null.wait_event(side.record())
            del temporary, result

    work(waits=True)
    with pytest.raises(StrictError, match="24 bytes were given back while another stream might still work on them"):
        work(waits=False)


# -------------------------------------------------------------------------------------------------------------------- counts
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda cp, x: x + x * 2, {"operations": 2}),
        (lambda cp, x: x.T.reshape(-1)[0], {"operations": 1}),  # a transposed array is copied to be reshaped
        (lambda cp, x: x.ravel()[1:].real, {}),
        (lambda cp, x: float(x.max()), {"operations": 1, "syncs": 1}),
        (lambda cp, x: x[x > 0], {"operations": 2, "syncs": 1}),
        (lambda cp, x: assigned(x, x > 0, 1.0), {"operations": 2, "syncs": 1}),
        (lambda cp, x: cp.nonzero(x), {"operations": 1, "syncs": 1}),
        (lambda cp, x: cp.asarray(np.ones(3)), {"copies": 1}),
        (lambda cp, x: cp.asarray(3.0), {"operations": 1}),  # a number goes over with the launch
        (lambda cp, x: x[np.array([1, 0])], {"operations": 1, "copies": 1}),
        (lambda cp, x: cp.zeros(3) if (x @ x).get() is not None else None, {"operations": 2, "syncs": 1}),
        (lambda cp, x: cp.fft.fft2(x), {"operations": 1}),
        (lambda cp, x: cp.linalg.solve(cp.ones((3, 300, 300)), cp.ones((3, 300, 1))), {"operations": 5}),  # one after another, and 2 x ones
        (lambda cp, x: cp.cuda.Device().synchronize(), {"syncs": 1}),
    ],
)  # fmt: skip
def test_counts(cupy: Any, call: Any, expected: dict[str, int]) -> None:
    x = cupy.asarray(np.arange(4.0).reshape(2, 2))
    with strict_cupy.counted() as events:
        call(cupy, x)
    assert strict_cupy.totals(events) == {"launches": 0, "operations": 0, "syncs": 0, "copies": 0} | expected


def test_counts_say_where(cupy: Any) -> None:
    import pnnkern as pnn

    key = pnn.random.key(1)
    with strict_cupy.counted() as events:
        pnn.random.normal(key, (3, 4), like=cupy.empty(0))
        cupy.zeros(3)
    (launch,) = strict_cupy.places(events, "launches")
    assert launch.startswith("1 x launch pnn_draws_normal_f32 at pnnkern/random.py:")
    (line,) = [e for e in strict_cupy.places(events, "operations") if "tests/" in e]
    assert line.startswith("1 x memset zeros at tests/test_strict_cupy.py:")


def test_nothing_of_the_stand_in_stays(cupy: Any) -> None:
    before = {name: sys.modules[name] for name in sys.modules if name.partition(".")[0] in ("cupy", "cupyx")}
    fake = ModuleType("cupy")
    sys.modules["cupy"] = fake
    try:
        with strict_cupy.installed() as module:
            assert sys.modules["cupy"] is module
        assert sys.modules["cupy"] is fake
    finally:
        sys.modules.update(before)
