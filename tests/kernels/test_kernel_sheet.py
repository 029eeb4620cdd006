"""The sheet of all kernels: no kernel is worse than on it, the page is of it, and the machine code is read as it is."""

import json
from pathlib import Path

import pytest
from scripted import script

from pnnkern import _compile

kernel_sheet = script("kernel_sheet")
cubins, sass = kernel_sheet.cubins, kernel_sheet.sass

RECORDED = json.loads(kernel_sheet.SHEET.read_text())
needs_tools = pytest.mark.skipif(
    cubins.library(13) is None or sass.tool() is None, reason="NVRTC or nvdisasm is not installed (pip install pnnkern[check])"
)


@pytest.fixture(scope="module")
def now() -> dict[str, dict]:
    """The sheet as it is now."""
    return {name: row for name, (row, _) in kernel_sheet.sheet(kernel_sheet.FIRST).items()}


@needs_tools
def test_no_kernel_is_worse(now: dict[str, dict]) -> None:
    """After a deliberate change: python scripts/kernel_sheet.py, and look at the diff."""
    assert not kernel_sheet.worse(now, RECORDED["kernels"])


def test_no_kernel_in_single_precision_spills() -> None:
    assert not {name: row["stack"] for name, row in RECORDED["kernels"].items() if row["stack"] and kernel_sheet.single(name.split()[0])}


def test_the_page_is_of_the_sheet() -> None:
    assert kernel_sheet.PAGE.read_text() == kernel_sheet.page(RECORDED)


@needs_tools
def test_numbers_are_of_all_kernels(now: dict[str, dict]) -> None:
    names = {name.split()[0] for name in now}
    assert names == {kernel for stem in kernel_sheet._sources.stems() for kernel in kernel_sheet._sources.prototypes(stem)}
    assert set(RECORDED["others"]) == set(kernel_sheet.CARDS) - {kernel_sheet.FIRST}
    for rows in RECORDED["others"].values():
        assert {name.split()[0] for name in rows} == names


def test_what_is_worse_is_said() -> None:
    row = dict(RECORDED["kernels"]["pnn_mask_transmit_c64"])
    grown = {"a": row | {"registers": row["registers"] + 1, "narrow": row["narrow"] + 2}, "new": row}
    assert set(kernel_sheet.worse(grown, {"a": row, "gone": row})) == {
        f"a: {row['narrow'] + 2} global accesses of less than 16 bytes; {row['narrow']} on the sheet",
        f"a: {row['registers'] + 1} registers; {row['registers']} on the sheet",
        "gone is on the sheet, and there is none",
        "new is not on the sheet",
    }
    assert not kernel_sheet.worse({"a": row | {"registers": row["registers"] - 1}}, {"a": row})


@pytest.mark.parametrize(
    ("registers", "threads", "shared", "warps"),
    [(32, 256, 0, 64), (64, 256, 0, 32), (65, 256, 0, 24), (128, 256, 0, 16), (255, 256, 0, 8), (32, 1024, 0, 64), (40, 1024, 0, 32),
     (16, 32, 0, 32), (32, 256, 100 << 10, 16), (32, 256, 113 << 10, 16), (32, 256, 114 << 10, 8), (32, 96, 0, 63)],
)  # fmt: skip
def test_occupancy(registers: int, threads: int, shared: int, warps: int) -> None:
    """By the tables of the occupancy calculator for compute capability 9.0."""
    assert kernel_sheet.occupancy(registers, threads, shared, kernel_sheet.CARDS["sm_90"]) == warps


# ----------------------------------------------------------------------------------------------------- reading machine code
SOURCE = """
extern "C" __global__ void __launch_bounds__(96) plain(const float4* a, float4* b) { b[threadIdx.x] = a[threadIdx.x]; }
extern "C" __global__ void loops(long long n, long long m, const unsigned char* a, double* b, float* c) {
#pragma unroll 1
    for (long long i = 0; i < n; i++) {
#pragma unroll 1
        for (long long j = 0; j < m; j++) atomicAdd(c, (float)a[i * m + j]);
        b[i] = b[i] * 3.0 + 1.0;
        __syncthreads();
    }
}
extern "C" __global__ void divides(long long n, long long m, long long* out) { *out = n / m; }
extern "C" __global__ void indexed(int n, float* out) {
    float x[32];
    for (int i = 0; i < 32; i++) x[i] = out[i];
#pragma unroll 1
    for (int i = 0; i < n; i++) x[(i * n) & 31] += x[(i + n) & 31];
    for (int i = 0; i < 32; i++) out[i] = x[i];
}
extern "C" __global__ void tile(float* out) {
    __shared__ float x[512];
    x[threadIdx.x] = out[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = x[511 - threadIdx.x];
}
"""


@needs_tools
def test_machine_code_is_read_as_it_is() -> None:
    path: Path = _compile.compiled(cubins.Binding(13), SOURCE, "read.cu", "sm_90", {})
    code, used = sass.disassembled(path), cubins.resources(path.read_bytes())
    assert set(code) == set(used) == {"plain", "loops", "divides", "indexed", "tile"}
    found = {name: sass.counts(instructions) for name, instructions in code.items()}
    assert found["plain"]["load 16 B"] == found["plain"]["store 16 B"] == 1
    assert not {"calls", "local", "double", "barriers", "atomics"} & set(found["plain"])
    assert used["plain"]["threads"] == 96
    assert used["loops"]["threads"] == 0
    assert not sass.loops(code["plain"])
    assert found["loops"]["double"] == 1
    assert found["loops"]["barriers"] == found["loops"]["atomics"] == found["loops"]["load 1 B"] == 1
    outer, inner = sass.loops(code["loops"])
    assert (outer.depth, inner.depth) == (0, 1)
    inside = {one.name.split(".")[0] for one in code["loops"] if inner.start <= one.address <= inner.end}
    assert {"REDG", "LDG"} <= inside or {"RED", "LDG"} <= inside
    assert "DFMA" not in inside
    assert 3 < inner.own < 40
    assert outer.own > 3
    assert found["divides"]["calls"] >= 1
    assert found["indexed"]["local"] > 2
    assert used["indexed"]["stack"] >= 128
    assert used["tile"]["shared"] == 2048 + kernel_sheet.RESERVED
    assert found["tile"]["shared"] == 2
    row = kernel_sheet.row("tile", used["tile"], code["tile"], kernel_sheet.CARDS["sm_90"])
    assert (row["shared"], row["threads"], row["narrow"]) == (2048, 256, 2)


@needs_tools
def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert kernel_sheet.main(["--kernel", "pnn_optimizer_adam_f*"]) == 0
    told = capsys.readouterr().out
    assert "pnn_optimizer_adam_f32: registers " in told
    assert "    loop of " in told
    assert kernel_sheet.main(["--kernel", "nothing*"]) == 2
    assert "no kernel is called nothing*" in capsys.readouterr().err
