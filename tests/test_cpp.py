"""C and C++ programs on our headers and kernels: the page's commands in this checkout, CMake's ways to find us, what `info` and Python tell.

tests/test_packaging.py runs the same page on a wheel and on an editable install.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cpp_page
import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _kernels, _sources
from pnnkern.cli import main

ROOT = Path(__file__).resolve().parents[1]
HERE = {**{k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.mark.parametrize("block", cpp_page.BLOCKS, ids=[block.split()[0] + str(n) for n, block in enumerate(cpp_page.BLOCKS)])
def test_the_page(block: str, folder: Path) -> None:
    """Each block of commands, and the numbers that the programs print: random ones are those of Python, laws those of their equation."""
    if absent := cpp_page.missing(block):
        pytest.skip(f"{', '.join(absent)} not installed")
    printed = cpp_page.run(block, sys.executable, HERE, folder)
    if "maths.cpp" in block:
        z = pnn.random.normal(pnn.random.key(7), (1, 4), dtype=np.float32)[0]
        assert f"normals: {' '.join(f'{x:.9g}' for x in z)}\n" in printed
        assert "current of a diode at 1 V: 0.0007 A\n" in printed  # 1 mS times 1 V less 0.3 V
    if "example" in block and "c/example" not in block:
        phase = pnn.random.normal(pnn.random.key(7), (1, 1000), dtype=np.float32).astype(np.float64)
        assert f"light that is left on the axis: {abs(np.exp(1j * phase).mean()) ** 2:.6f} " in printed
    if "c/example" in block:
        assert f"20 microsiemens become {20 * ((86400 + 25) / 25) ** -0.06:.6f} " in printed
    if "nvcc" in block:
        assert (folder / "examples/program.cubin").stat().st_size > 1000


def test_every_example_is_on_the_page() -> None:
    page = (ROOT / "docs/cpp.md").read_text()
    python = ROOT / "docs/examples/my_lab"  # which is on pages of its own
    for path in set((ROOT / "docs/examples").glob("*")) - {python}:
        assert f" {path.name} " in page or f"-C {path.name} " in page or f"-S {path.name} " in page or path.name in ("example.cpp",), path.name
    assert "docs/cpp.md" in (ROOT / "README.md").read_text()


def test_the_launch_by_the_driver_compiles(folder: Path) -> None:
    header = next((path for path in (Path("/usr/local/cuda/include"), *_wheels()) if (path / "cuda.h").is_file()), None)
    if header is None or shutil.which("gcc") is None:
        pytest.skip("no cuda.h, or no gcc")
    options = ["-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{pnn.get_include()}", "-isystem", str(header), "-fsyntax-only"]
    subprocess.run(["gcc", *options, str(ROOT / "docs/examples/c/launch.c")], check=True)


def test_kernels_are_launched_from_cuda(tmp_path: Path) -> None:
    """A kernel of ours beside somebody's main: declared by the header, compiled by itself, linked."""
    if shutil.which("nvcc") is None:
        pytest.skip("nvcc is not installed")
    call = "pnn_mask_phasor_f32<<<1, 256>>>(10, (const float*)nullptr, (pnn_complex64*)nullptr)"
    (tmp_path / "main.cu").write_text(f'#include "pnnkern/kernels_optics.h"\nint main() {{ {call}; return 0; }}\n')
    kernel = pnn.get_kernels()["pnn_mask_phasor_f32"].file
    command = ["nvcc", "-std=c++17", "-arch=sm_90", f"-I{pnn.get_include()}", "main.cu", kernel, "-o", "main"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _wheels() -> list[Path]:
    try:
        import nvidia
    except ImportError:
        return []
    return [found for folder in nvidia.__path__ for found in Path(folder).glob("*/include")]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
@pytest.mark.parametrize(
    ("asked", "found"),
    [("0.2", True), ("", True), ("0.1", True), ("9.0", False), ("1.0", False)],
)
def test_cmake_by_prefix_and_version(tmp_path: Path, asked: str, found: bool) -> None:
    """By the folder that the package is in; a version that is not there is told apart from a package that is not there."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(probe LANGUAGES CXX)\n"
        f"find_package(pnnkern {asked} REQUIRED)\nfind_package(pnnkern {asked} REQUIRED)\n"
        'get_target_property(folder pnnkern::headers INTERFACE_INCLUDE_DIRECTORIES)\nmessage(STATUS "at ${folder} in ${pnnkern_KERNELS}")\n'
    )
    command = ["cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={ROOT}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if found:
        assert f"at {ROOT / 'kernels/include'} in {ROOT / 'kernels'}" in done.stdout, done.stderr
    else:
        assert done.returncode
        assert "pnnkernConfig.cmake, version: 0.2" in done.stderr


def test_info_tells_programs(capsys: pytest.CaptureFixture[str]) -> None:
    for option, told in (("--includes", f"-I{pnn.get_include()}"), ("--cmake", str(Path(pnn.__file__).parent / "cmake"))):
        assert main(["info", option]) == 0
        assert capsys.readouterr().out == told + "\n"
        assert main(["info", option, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {option.removeprefix("--"): told}
    assert main(["info", "--kernels"]) == 0
    assert "pnn_mask_phasor_f32    optics/mask.cu\n" in capsys.readouterr().out
    assert main(["info", "--kernels", "--json"]) == 0
    listed = {kernel["name"]: kernel for kernel in json.loads(capsys.readouterr().out)["kernels"]}
    assert set(listed) == set(pnn.get_kernels())
    phase = listed["pnn_mask_phasor_f32"]["arguments"][1]
    wanted = {"name": "phase", "type": "const float*", "dtype": "float32", "pointer": True, "const": True, "shape": "pixels", "unit": "rad"}
    assert phase.items() >= wanted.items()
    assert Path(listed["pnn_mask_phasor_f32"]["file"]).read_text().count("pnn_mask_phasor_f32") == 1


def test_info_is_asked_one_thing_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--includes", "--cmake"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "pnnkern: error: --scaling, --kernels, --includes, --host-flags and --cmake are each asked for alone\n"


def test_folders_with_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags as a shell takes them, in a Makefile."""
    monkeypatch.setattr(_sources, "kernel_folder", lambda: Path("/a b/kernels"))
    assert shlex.split(_kernels.flags()) == ["-I/a b/kernels/include"]
    assert shlex.split(_kernels.host_flags())[:5] == ["-I/a b/kernels/include", "-isystem", "/a b/kernels/host", "-iquote", "/a b/kernels"]


def test_cmake_compiles_as_info_says() -> None:
    """-ffp-contract=off is what the bits hang on, where there is an fma: both ways have it, and all the rest."""
    config = (ROOT / "pnnkern/cmake/pnnkernConfig.cmake").read_text()
    flags = _kernels.HOST_FLAGS
    assert "-ffp-contract=off" in flags
    assert all(flag in config for flag in flags if flag not in ("-std=c++17", "-pthread"))


def test_kernels_are_listed_without_what_is_heavy() -> None:
    code = "import sys, pnnkern; assert len(pnnkern.get_kernels()) > 100; print(*{'numba', 'scipy', 'typer', 'cupy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], env=HERE, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
