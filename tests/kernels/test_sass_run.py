"""Machine code that is run in NumPy: it computes what the host runner does, and its counts are those that can be had by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import strict_cupy
from scripted import script

from pnnkern import _compile, crossbar

step_sheet = script("step_sheet")
launch_times, gpu_steps = step_sheet.launch_times, step_sheet.gpu_steps
cubins, sass, sass_code, sass_run, sm_model = (
    getattr(launch_times, name) for name in ("cubins", "sass", "sass_code", "sass_run", "sm_model")
)

pytestmark = pytest.mark.skipif(not launch_times.able(), reason="NVRTC or nvdisasm is not installed (pip install pnnkern[check])")

SOURCE = """
extern "C" __global__ void scaled(long long n, float a, const float* x, float* y) {
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + 1.0f;
}
extern "C" __global__ void nested(int n, int m, float* y) {
    float v = y[threadIdx.x];
#pragma unroll 1
    for (int i = 0; i < n; i++) {
#pragma unroll 1
        for (int j = 0; j < m; j++) v = v * 0.5f + 1.0f;
        __syncthreads();
    }
    y[threadIdx.x] = v;
}
extern "C" __global__ void parted(const int* many, float* y) {
    float v = 0;
#pragma unroll 1
    for (int i = 0; i < many[threadIdx.x]; i++) v = v * 0.5f + i;
    for (int d = 16; d; d /= 2) v += __shfl_xor_sync(0xffffffff, v, d);
    y[threadIdx.x] = v;
}
extern "C" __global__ void banks(int stride, float* y) {
    __shared__ float s[32 * 32];
    s[threadIdx.x * stride] = y[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = s[(31 - threadIdx.x) * stride];
}
extern "C" __global__ void divides(const long long* a, const long long* b, const double* c, long long* out, double* ratio) {
    int i = threadIdx.x;
    out[i] = a[i] / b[i];
    ratio[i] = c[i] / c[31 - i] + sqrt(c[i]);
}
extern "C" __global__ void matrices(const double* a, const double* b, double* d) {
    double x = d[2 * threadIdx.x], y = d[2 * threadIdx.x + 1];
    asm("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
        : "+d"(x), "+d"(y) : "d"(a[threadIdx.x]), "d"(b[threadIdx.x / 4 + threadIdx.x % 4 * 8]));
    d[2 * threadIdx.x] = x;
    d[2 * threadIdx.x + 1] = y;
}
extern "C" __global__ void aligned(int n, const float* x, const float* y, int* out) {
    long long m = n;
    bool tall = m % 4 == 0 && (unsigned long long)x % 16 == 0, wide = m % 4 == 0 && (unsigned long long)y % 16 == 0;
    out[threadIdx.x] = tall && wide ? 1 : 2;
}
extern "C" __global__ void leaves(int n, int* out) {
    if (gridDim.x > 1 && blockIdx.x >= n) return;
    out[threadIdx.x] = 1;
}
extern "C" __global__ void waits(const long long* a, const long long* b, long long* out) {
    __shared__ long long s[32];
    int i = threadIdx.x;
    if (i >= 32) s[i - 32] = a[i] / b[i];
    __syncthreads();
    long long v = s[i % 32];
    if (i % 2) v = a[i] / b[i] + v;
    out[i] = __shfl_xor_sync(0xffffffff, v, 1);
}
"""


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """Of each kernel of SOURCE its code, ready to run, what the model needs of it, and its bytes of shared memory."""
    path: Path = _compile.compiled(cubins.Binding(13), SOURCE, "counted.cu", "sm_90", {})
    image, code = path.read_bytes(), sass.disassembled(path)
    used = cubins.resources(image)
    return {
        name: (
            sass_code.Code(c, cubins.constants(image, name)),
            sm_model.static(c, cubins.code(image, name)),
            used[name]["shared"],
        )
        for name, c in code.items()
    }


def run(made: dict[str, Any], name: str, threads: int, *arguments: Any, at: int = 0, blocks: int = 1) -> tuple[Any, Any]:
    """A block's trace, and the last argument as it has become."""
    code, _, shared = made[name]
    memory = sass_run.Memory(list(arguments))
    trace = sass_run.Block(code, memory, (blocks,), (threads,), (at,), shared).run()
    return trace, memory.value(arguments[-1])


def test_elementwise_counts(made: dict[str, Any]) -> None:
    """Two blocks of 64 of which the second has 10 elements: its second warp leaves early."""
    x, y = np.arange(74, dtype=np.float32), np.zeros(74, np.float32)
    whole, found = run(made, "scaled", 64, np.int64(74), np.float32(3), x, y, blocks=2)
    assert np.array_equal(found[:64], 3 * x[:64] + 1)
    assert not found[64:].any()
    rest, found = run(made, "scaled", 64, np.int64(74), np.float32(3), x, y, at=1, blocks=2)
    assert np.array_equal(found[64:], 3 * x[64:] + 1)
    assert not found[:64].any()
    each = [len(rows) for rows in rest.of_warps()]
    assert whole.instructions == 2 * each[0] > sum(each) == rest.instructions
    assert each[1] < each[0] <= len(made["scaled"][0].code)
    assert (whole.loaded, whole.stored, rest.loaded, rest.stored) == (256, 256, 64, 64)


def test_loops_are_counted_as_they_turn(made: dict[str, Any]) -> None:
    """What is executed is a + b n + c n m, with the c and b that the code's loops have."""
    code = made["nested"][0].code
    outer, inner = sass.loops(code)

    def count(n: int, m: int) -> int:
        y = np.ones(96, np.float32)
        trace, found = run(made, "nested", 96, np.int32(n), np.int32(m), y)
        expected = np.float32(1)
        for _ in range(n * m):
            expected = expected * np.float32(0.5) + np.float32(1)
        assert np.allclose(found, expected, rtol=1e-6)
        return trace.instructions // 3  # three warps

    assert count(4, 9) - count(4, 8) == 4 * inner.own
    assert count(7, 5) - count(6, 5) == count(3, 5) - count(2, 5) == outer.own + 5 * inner.own


@pytest.mark.parametrize("n", [8, 7])
def test_what_is_found_of_two_halves(made: dict[str, Any], n: int) -> None:
    x = np.zeros(64, np.float32)
    _, found = run(made, "aligned", 64, np.int32(n), x, x.copy(), np.zeros(64, np.int32))
    assert (found == (1 if n == 8 else 2)).all()


@pytest.mark.parametrize(("n", "blocks"), [(0, 1), (0, 2), (1, 2)])
def test_threads_leave_for_two_reasons(made: dict[str, Any], n: int, blocks: int) -> None:
    _, found = run(made, "leaves", 32, np.int32(n), np.zeros(32, np.int32), blocks=blocks)
    assert (found == int(blocks == 1 or n > 0)).all()


def test_threads_that_part_meet_again(made: dict[str, Any]) -> None:
    many = (np.arange(64) * 7 % 13).astype(np.int32)
    trace, found = run(made, "parted", 64, many, np.zeros(64, np.float32))
    own = np.zeros(64, np.float32)
    for t in range(64):
        for i in range(many[t]):
            own[t] = own[t] * np.float32(0.5) + np.float32(i)
    assert np.allclose(found, own.reshape(2, 32).sum(1).repeat(32), rtol=1e-6)
    (loop,) = [loop for loop in sass.loops(made["parted"][0].code) if loop.own > 3]
    assert trace.instructions < len(made["parted"][0].code) * 2 + 2 * 13 * loop.own  # a warp turns as often as its last thread


@pytest.mark.parametrize(("stride", "passes"), [(1, 1), (2, 2), (32, 32), (31, 1)])
def test_banks(made: dict[str, Any], stride: int, passes: int) -> None:
    y = np.arange(32, dtype=np.float32)
    trace, found = run(made, "banks", 32, np.int32(stride), y)
    assert np.array_equal(found, y[::-1])
    code = made["banks"][0].code
    assert [first for index, first, _ in trace.of_warps()[0] if code[index].name in ("STS", "LDS")] == [passes, passes]


def test_divisions(made: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-(2**62), 2**62, 32), rng.integers(1, 2**40, 32)
    a[:4], b[:4] = (7, -7, 2**40, 5), (2, 2, 3, 5)
    c, ratio = rng.uniform(1e-3, 1e3, 32), np.zeros(32)
    out = np.zeros(32, np.int64)
    _, found = run(made, "divides", 32, a, b, c, out, ratio)
    assert np.allclose(found, c / c[::-1] + np.sqrt(c), rtol=1e-15)
    code, _, shared = made["divides"]
    memory = sass_run.Memory([a, b, c, out, ratio])
    sass_run.Block(code, memory, (1,), (32,), (0,), shared).run()
    assert memory.value(out).tolist() == [int(abs(int(x)) // int(y)) * (1 if x >= 0 else -1) for x, y in zip(a, b, strict=True)]


def test_matrices(made: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    a, b, d = rng.random((8, 4)), rng.random((4, 8)), rng.random((8, 8))
    _, found = run(made, "matrices", 32, a, b, d)
    assert np.allclose(found, d + a @ b, rtol=1e-15)


def test_barriers_wait_for_those_in_a_subroutine(made: dict[str, Any]) -> None:
    """Which lies behind all of the kernel, so that those who do not call it come to the barrier first, and to the shuffle."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(2**40, 2**62, 64), rng.integers(2**33, 2**36, 64)
    _, found = run(made, "waits", 64, a, b, np.zeros(64, np.int64))
    values = np.tile((a // b)[32:], 2)
    values[1::2] += (a // b)[1::2]
    assert found.tolist() == values.reshape(-1, 2)[:, ::-1].reshape(-1).tolist()


def test_an_unknown_instruction_is_said(made: dict[str, Any]) -> None:
    code = sass_code.Code([sass.Instruction(0, "", "HGMMA.64x8x16.F32", "R24, gdesc[UR4], R24")])
    with pytest.raises(sass_run.Unknown, match=r"HGMMA\.64x8x16\.F32"):
        sass_run.Block(code, sass_run.Memory([]), (1,), (32,), (0,), 0).run()


# ----------------------------------------------------------------------------------------------------------- beside the host runner
def step(name: str) -> Any:
    """A small training step of a recipe, or the derivative of wires."""
    if name != "wires":
        return gpu_steps.trainer(name, "cuda", small=True).advance
    G = strict_cupy.MODULES["cupy"].asarray(np.random.default_rng(0).uniform(1e-6, 1e-4, (9, 70)))
    return lambda: crossbar.effective_conductance_vjp(G, G, wires=1.0)


@pytest.mark.parametrize(("name", "launches"), [("drn-mnist", 8), ("oim-mnist", 8), ("d2nn-mnist", 16), ("wires", 12)])
def test_machine_code_computes_what_the_host_runner_does(name: str, launches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every launch, all of its blocks."""
    kernel = strict_cupy.launch.RawKernel
    call = kernel.__call__
    compared: list[str] = []

    def both(self: Any, grid: Any, block: Any, args: Any, *, shared_mem: int = 0, stream: Any = None) -> None:
        values = [a._values if isinstance(a, strict_cupy.array.ndarray) else step_sheet._plain(a) for a in args]
        code, _, used = launch_times._code(self.name, self.macros)
        memory, sides = sass_run.Memory(values), (*grid, 1, 1)[:3]
        for number in range(int(np.prod(sides))):
            at = (number % sides[0], number // sides[0] % sides[1], number // sides[0] // sides[1])
            sass_run.Block(code, memory, grid, block, at, used["shared"] + shared_mem).run()
        call(self, grid, block, args, shared_mem=shared_mem, stream=stream)
        for parameter, value in zip(self._module.parameters[self.name], values, strict=True):
            if isinstance(value, np.ndarray):
                scale = np.abs(value[np.isfinite(value)]).max(initial=0) * (value.dtype.kind in "fc")
                within = np.allclose(memory.value(value), value, rtol=0, atol=2e-5 * scale, equal_nan=True)
                assert within, (self.name, parameter)
        compared.append(self.name)

    with strict_cupy.installed():
        work = step(name)
        work()
        monkeypatch.setattr(kernel, "__call__", both)
        work()
    assert len(compared) >= launches
