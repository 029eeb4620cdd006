"""Headers as C++ programs take them: each by itself and twice, by g++, NVRTC, nvcc and for the host runner; and no macro that is not ours."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pnnkern import _sources

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import cubins

INCLUDE = _sources.include_folder()
HEADERS = sorted(path.name for path in (INCLUDE / "pnnkern").glob("*.cuh"))
# what is made of threads, shared memory and shuffles, and of nothing else
BODIES = "boltzmann characteristic contrast dense detector edges goodness graph_sweep mask noise optimizer program pulses read shake spectrum"
PARTS = (
    "adjoint convolutional draws elimination few_outputs fold join layer layered "
    "ode product reach readout samples shares small_networks tree"
)
DEVICE_ONLY = {f"{name}.cuh" for name in f"{BODIES} {PARTS}".split()}
GXX = ["g++", "-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{INCLUDE}", "-x", "c++", "-"]


def of(*headers: str) -> str:
    return "".join(f'#include "pnnkern/{header}"\n' for header in headers)


def gxx(source: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GXX, *options], input=source, capture_output=True, text=True, check=False)


def test_all_headers_for_devices_are_there() -> None:
    assert set(HEADERS) > DEVICE_ONLY


@pytest.mark.parametrize("header", sorted(set(HEADERS) - DEVICE_ONLY))
def test_a_plain_compiler_takes_the_maths(header: str) -> None:
    """First in the file and again, without a warning; nothing of it is missing for a function of its own behind it."""
    done = gxx(of(header, header) + "int main() { return 0; }\n", "-fsyntax-only")
    assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.parametrize("header", sorted(DEVICE_ONLY))
def test_a_header_for_devices_says_so(header: str) -> None:
    """In one error, of the header that was asked for."""
    done = gxx(of(header), "-fsyntax-only")
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 1, done.stderr[:3000]
    said = "is for devices only: compile it with nvcc, with NVRTC, or for the host runner after cuda_host.h"
    assert errors[0].endswith(f'#error "pnnkern/{header} {said}"')


def test_together_in_either_order() -> None:
    host = sorted(set(HEADERS) - DEVICE_ONLY)
    for headers in (host, host[::-1]):
        done = gxx(of(*headers), "-fsyntax-only")
        assert done.returncode == 0, done.stderr[:3000]


def test_the_host_runner_takes_all() -> None:
    """In one file: what each needs for itself NVRTC and nvcc say."""
    runner = '#include "cuda_host.h"\n'
    done = gxx(runner + of(*HEADERS), "-fsyntax-only", f"-I{INCLUDE.parent / 'host'}", "-Wno-unused", "-Wno-pedantic", "-Wno-unused-parameter")
    assert done.returncode == 0, done.stderr[:3000]


@pytest.mark.parametrize("major", [13, 12])
def test_nvrtc_takes_each(major: int) -> None:
    if cubins.library(major) is None:
        pytest.skip(f"the NVRTC wheel of CUDA {major} is not installed (pip install pnnkern[check])")
    nvrtc, options = cubins.Binding(major), ("--std=c++17", "--gpu-architecture=compute_80", f"-I{INCLUDE}")
    for source in (*(of(header, header) for header in HEADERS), of(*HEADERS), of(*HEADERS[::-1])):
        program = nvrtc.createProgram(source, "headers.cu", (), ())
        try:
            nvrtc.compileProgram(program, options)
        except RuntimeError:
            pytest.fail(source + nvrtc.getProgramLog(program).rstrip("\0")[:3000])
        assert nvrtc.getProgramLog(program).strip("\0\n ") == "", source
        nvrtc.destroyProgram(program)


def test_nvcc_takes_each(tmp_path: Path) -> None:
    """Each for the device, and all of them for the device and its host compiler."""
    if shutil.which("nvcc") is None:
        pytest.skip("nvcc is not installed")
    nvcc = ["nvcc", "-std=c++17", "-arch=sm_90", "-Werror", "all-warnings", f"-I{INCLUDE}", "-o", str(tmp_path / "out")]
    for kind, headers in (*(("-ptx", (header, header)) for header in HEADERS), ("-c", HEADERS)):
        source = tmp_path / "headers.cu"
        source.write_text(of(*headers))
        done = subprocess.run([*nvcc, kind, str(source)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[:3000]


def test_macros_are_ours() -> None:
    """By the preprocessor, of what a plain compiler is given; and by the text, of what devices are."""
    listed = ["-dM", "-E"]
    sources = "#include <cmath>\n#include <cstring>\n", of(*HEADERS)
    before, after = (set(re.findall(r"#define (\w+)", gxx(source, *listed).stdout)) for source in sources)
    own = after - before
    assert "PNN_HD" in own
    assert {name for name in own if not name.startswith("PNN_")} == set()
    for header in (INCLUDE / "pnnkern").iterdir():
        text = header.read_text()
        assert {n for n in re.findall(r"^\s*#\s*define\s+(\w+)", text, re.MULTILINE) if not n.startswith("PNN_")} == set(), header.name


def test_half_floats_on_the_host_are_those_of_numpy(tmp_path: Path) -> None:
    """Maths that another compiler takes is only of use if it is the same: all halves, and what is halfway between two of them."""
    halves = np.arange(0x7C00, dtype=np.uint16)
    values = halves.view(np.float16).astype(np.float32)
    between = (values[1:] + values[:-1]) / 2
    given = np.concatenate([values, between, -values, [np.inf, -np.inf, np.nan, 65519.0, 65520.0, 1e9, 1e-9]]).astype(np.float32)
    with np.errstate(over="ignore"):
        wanted = given.astype(np.float16)
    (tmp_path / "given").write_bytes(given.tobytes())
    program = (
        of("halves.cuh") + "#include <cstdio>\nint main() { float x; while (fread(&x, 4, 1, stdin) == 1) {"
        " unsigned h = pnn::to_half(x); float back = pnn::from_half(h); fwrite(&h, 4, 1, stdout); fwrite(&back, 4, 1, stdout); } }\n"
    )
    done = gxx(program, "-o", str(tmp_path / "halves"))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "given").open("rb") as file:
        out = subprocess.run([tmp_path / "halves"], stdin=file, capture_output=True, check=True).stdout
    word, back = np.frombuffer(out, np.uint32)[::2], np.frombuffer(out, np.float32)[1::2]
    number = ~np.isnan(given)
    assert (word[number] == wanted.view(np.uint16)[number]).all()
    np.testing.assert_array_equal(back, wanted.astype(np.float32))
