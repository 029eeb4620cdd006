"""The host runner: correct kernels pass in every build and thread order, and planted bugs are found by the build that must find them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pnnkern.kernels import host

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
F4, I4 = np.float32, np.int32
RNG = np.random.default_rng(0)
X = RNG.random(1024, F4)


def module(name: str, build: str) -> host.Module:
    return host.load((HERE / name).read_text(), name, build=build)


# --------------------------------------------------------------------------------------------------------------- correct kernels
def run_correct(m: host.Module, **how: object) -> None:
    n = 1003
    x, y = RNG.random(n, F4), RNG.random(n, F4)
    expected = F4(2.5) * x + y
    m.launch("saxpy", (4,), (256,), [F4(2.5), x, y, I4(n)], **how)
    np.testing.assert_allclose(y, expected, rtol=1e-6)

    total = np.zeros(1, F4)
    m.launch("reduce", (3,), (256,), [x, total, I4(n)], **how)
    np.testing.assert_allclose(total[0], x.sum(dtype=float), rtol=1e-5)

    sums = np.zeros(4, F4)
    m.launch("tree", (4,), (256,), [X, sums], 1024, **how)
    np.testing.assert_allclose(sums, X.reshape(4, 256).sum(axis=1, dtype=float), rtol=1e-5)

    a, b, c = RNG.random((19, 33), F4), RNG.random((33, 31), F4), np.zeros((19, 31), F4)
    m.launch("gemm", (2, 2), (16, 16), [a, b, c, I4(19), I4(31), I4(33)], **how)
    np.testing.assert_allclose(c, a.astype(float) @ b, rtol=1e-5)

    z = (RNG.random((3, 256)) + 1j * RNG.random((3, 256))).astype(np.complex64)
    w = np.empty_like(z)
    m.launch("fft256", (3,), (128,), [z, w, F4(-1)], **how)
    np.testing.assert_allclose(w, np.fft.fft(z), atol=1e-4)

    q, out, histogram = RNG.integers(0, 99, (100, 4), I4), np.zeros((100, 4), F4), np.zeros(8, I4)
    m.launch("misc", (2,), (64,), [q, out, histogram, I4(100)], **how)
    assert np.array_equal(histogram, np.bincount(q[:, 0] & 7, minlength=8))  # atomics
    assert out[0, 0] == 496  # butterfly shuffle: the sum over the first warp
    assert out[33, 0] == 496 + 1024
    assert (out[:, 1] == 16).all()  # ballot
    assert (out[1, 2], out[5, 2]) == (0, 4)  # shuffle up
    np.testing.assert_allclose(out[:, 3], 1 / np.sqrt(q[:, 3] + 1), rtol=1e-6)

    y = np.zeros(1, F4)
    module("bugs.cu", m.build).launch("ok_warp", (1,), (32,), [X, y], **how)
    np.testing.assert_allclose(y[0], X[:32].sum(dtype=float), rtol=1e-5)


@pytest.mark.parametrize("order", list(host.ORDERS))
@pytest.mark.parametrize("build", ["fast", "checked", "race"])
def test_correct_kernels(build: str, order: str) -> None:
    run_correct(module("correct.cu", build), order=order, seed=3)


def test_correct_kernels_on_two_threads() -> None:
    run_correct(module("correct.cu", "fast"), threads=2)


# ------------------------------------------------------------------------------------------------------------------ planted bugs
@pytest.mark.parametrize(
    ("kernel", "threads", "argument", "message"),
    [
        ("div_barrier", 64, 20, r"divergent __syncthreads: thread 0 waits at line \d+, thread 20 at line \d+"),
        ("exit_barrier", 64, 20, r"44 threads exited while 20 wait at __syncthreads"),
        ("bar_vs_shfl", 32, 16, r"deadlock: 16 threads at __syncthreads .* 16 in a warp collective"),
        ("partial_mask", 32, 16, r"mask 0xffffffff names lane 16, which has exited"),
    ],
)
def test_divergence_is_reported(kernel: str, threads: int, argument: int, message: str) -> None:
    with pytest.raises(host.HostError, match=message):
        module("bugs.cu", "checked").launch(kernel, (1,), (threads,), [np.zeros(64, F4), I4(argument)])


def test_shared_memory_starts_poisoned() -> None:
    y = np.zeros(64, F4)
    module("bugs.cu", "checked").launch("uninit_shared", (1,), (64,), [y, I4(0)])
    assert np.isnan(y).all()


RACES = {  # kernel: (threads, the right answer)
    "race_reverse": (256, X[255::-1]),
    "race_fwd": (256, np.r_[F4(0), X[:255]]),
    "race_bwd": (256, np.r_[X[1:256], F4(0)]),
    "race_tree": (256, X[:256].sum(keepdims=True)),
    "race_war": (256, np.roll(X.reshape(4, 256).sum(axis=0), -128)),
}


def launch_race(m: host.Module, kernel: str, **how: object) -> np.ndarray:
    y = np.zeros(256, F4)
    m.launch(kernel, (1,), (RACES[kernel][0],), [X, y], **how)
    return y


@pytest.mark.parametrize("kernel", RACES)
def test_missing_barrier_gives_other_results_in_other_orders(kernel: str) -> None:
    m = module("bugs.cu", "checked")
    results = [
        launch_race(m, kernel, order=o, seed=s)
        for o, s in (("ascending", 0), ("descending", 0), ("shuffled", 1), ("shuffled", 2))
    ]
    right = RACES[kernel][1]
    assert any(not np.allclose(r[: len(right)], right, rtol=1e-4) for r in results)
    assert any(not np.array_equal(results[0], r, equal_nan=True) for r in results[1:])


@pytest.mark.parametrize("kernel", RACES)
def test_race_build_finds_missing_barriers(kernel: str) -> None:
    with pytest.raises(host.HostError, match=r"data races; first: .* to the same shared memory with no barrier between"):
        launch_race(module("bugs.cu", "race"), kernel)


@pytest.mark.parametrize(
    ("kernel", "grid", "block", "memory"),
    [("race_same", 1, 64, "shared"), ("race_global", 8, 1, "global"), ("race_warp", 1, 32, "shared")],
)
def test_race_build_finds_what_orders_cannot_show(kernel: str, grid: int, block: int, memory: str) -> None:
    args = [X, np.zeros(256, F4)] if kernel == "race_warp" else [np.zeros(256, F4)]
    with pytest.raises(host.HostError, match=f"data races; first: .* to the same {memory} memory"):
        module("bugs.cu", "race").launch(kernel, (grid,), (block,), args)


SANITIZED = {  # kernel: (block, length of y, argument, dynamic shared bytes, what the report says)
    "oob_global": (64, 60, 60, 0, "heap-buffer-overflow"),
    "oob_shared": (64, 64, 1, 0, "insufficient space|global-buffer-overflow"),
    "oob_shared_idx": (64, 64, 1, 0, "index 64 out of bounds"),
    "oob_dyn": (64, 64, 1, 256, "heap-buffer-overflow"),
    "oob_local": (4, 64, 1, 0, "insufficient space|stack-buffer-overflow"),
    "misalign": (4, 64, 1, 0, "misaligned address"),
    "shift": (32, 64, 4, 0, "shift exponent 32"),
}
_CHILD = """
import sys, numpy as np
from pathlib import Path
from pnnkern.kernels import host
here, kernel, block, length, argument, shared = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
if kernel == "correct":
    sys.path.insert(0, str(here))
    import test_host
    test_host.run_correct(test_host.module("correct.cu", "asan"))
else:
    y = np.zeros(length, np.int32 if kernel == "shift" else np.float32)
    m = host.load((here / "bugs.cu").read_text(), "bugs.cu", build="asan")
    m.launch(kernel, (1,), (block,), [y] + [np.int32(argument)], shared)
print("finished")
"""


def sanitized(
    kernel: str, block: int = 1, length: int = 1, argument: int = 0, shared: int = 0
) -> subprocess.CompletedProcess[str]:
    import pnnkern

    path = str(Path(pnnkern.__file__).resolve().parents[1])
    environment = {**os.environ, "LD_PRELOAD": host.preload(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": path}
    command = [sys.executable, "-c", _CHILD, str(HERE), kernel, *map(str, (block, length, argument, shared))]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=HERE)


@pytest.mark.parametrize("kernel", SANITIZED)
def test_sanitizers_find(kernel: str) -> None:
    *launch, report = SANITIZED[kernel]
    done = sanitized(kernel, *launch)
    assert done.returncode != 0
    assert re.search(report, done.stderr)
    assert "bugs.cu:" in done.stderr  # with the line
    assert "finished" not in done.stdout


def test_sanitizers_pass_correct_kernels() -> None:
    done = sanitized("correct")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "finished" in done.stdout


# --------------------------------------------------------------------------------------------------------------------- arguments
@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([F4(1), X, X.copy()], r"saxpy takes 4 arguments \(float a, .*\), got 3"),
        ([np.float64(1), X, X.copy(), I4(4)], r"saxpy: argument 0 \(float a\) takes 4 bytes, got"),
        ([F4(1), X, X.copy(), np.int64(4)], r"saxpy: argument 3 \(int n\) takes 4 bytes"),
        ([F4(1), F4(1), X.copy(), I4(4)], r"argument 1 .* takes 8 bytes of address"),
        ([1.0, X, X.copy(), I4(4)], r"argument 0 \(float a\) must be a NumPy array, NumPy scalar or None, got float"),
    ],
)
def test_wrong_arguments_are_refused(args: list[object], message: str) -> None:
    with pytest.raises(host.HostError, match=message):
        module("correct.cu", "fast").launch("saxpy", (1,), (32,), args)


def test_bad_launches_and_names_are_refused() -> None:
    m = module("correct.cu", "fast")
    arguments = [F4(1), X, X.copy(), I4(4)]
    with pytest.raises(host.HostError, match="bad launch: 1 blocks of 2048 threads"):
        m.launch("saxpy", (1,), (2048,), arguments)
    with pytest.raises(host.HostError, match=r"correct\.cu has no kernel axpy; it has saxpy"):
        m.launch("axpy", (1,), (32,), arguments)
    with pytest.raises(host.HostError, match="unknown order 'up': it is one of ascending, descending, shuffled"):
        m.launch("saxpy", (1,), (32,), arguments, order="up")
    with pytest.raises(host.HostError, match="unknown build 'slow': it is one of fast"):
        host.load("", "x.cu", build="slow")


def test_compile_errors_show_the_compilers_words() -> None:
    with pytest.raises(host.HostError, match=r"broken\.cu does not compile for the host runner:[\s\S]*undeclared"):
        host.load('extern "C" __global__ void k(int* y) { y[0] = undeclared; }', "broken.cu")


TEMPLATE = """
template <class T> __device__ void turn(T* y) {
    __shared__ T held[32];
    held[threadIdx.x] = y[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = held[31 - threadIdx.x];
}
extern "C" __global__ void k(float* y) { turn(y); }
"""


@pytest.mark.parametrize("build", ["checked", "race"])
def test_shared_memory_that_cannot_be_watched_is_refused(build: str) -> None:
    """The compiler would keep such an array among ordinary variables: never poisoned, and its races would go by the wrong name."""
    with pytest.raises(host.HostError, match=r"template\.cu: the shared array held is declared in a template \(turn<float>"):
        host.load(TEMPLATE, "template.cu", build=build)


def test_no_compiler_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    host.compiler.cache_clear()
    with pytest.raises(host.HostError, match=r"the host runner needs g\+\+ .*: install it .* or set CXX"):
        host.load("", "x.cu")
    monkeypatch.undo()
    host.compiler.cache_clear()
