"""The script for machines with a GPU, as far as a machine without one can try it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    if not (ROOT / "scripts/gpu_check.py").is_file():
        pytest.skip("the scripts are not here: this is no checkout")
    spec = importlib.util.spec_from_file_location("gpu_check", ROOT / "scripts/gpu_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_gpu_is_one_line_and_a_record(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "cupy.py").write_text("raise ImportError('libcuda.so.1: cannot open shared object file')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHON": sys.executable, "OUT": str(tmp_path / "out")}
    command = ["bash", str(ROOT / "scripts/gpu_check.sh"), "--tests", "--budget", "30"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "no GPU can be used here: CuPy does not import (libcuda.so.1: cannot open shared object file)" in line
    record = json.loads((tmp_path / "out/gpu_check.json").read_text())
    assert record["device"] is None
    assert record["commit"]
    assert record["versions"]["numpy"]


def test_needs_no_library_of_the_command_line() -> None:
    """Nor Numba: the launcher, the draws, optics and the bench as a GPU uses them."""
    code = (
        "import sys\n"
        "for name in ('numba', 'pydantic', 'typer', 'rich', 'matplotlib', 'sklearn', 'tomli_w'): sys.modules[name] = None\n"
        "import pnnkern as pnn\n"
        "from pnnkern.kernels import host\n"
        "from pnnkern.experiments.bench import optics, random\n"
        "from pnnkern.optics import _layer\n"
        "from pnnkern import _launch, crossbar, learning, networks, systems\n"
        "from pnnkern.kernels._jit import njit\n"
        "try: njit(lambda: 0)()\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "No module named 'numba': <lambda> runs on the CPU and needs it (pip install numba)" in done.stdout


FAILED = "FAILED tests/a.py::test - AssertionError: assert 1 == 2"
ABSENT = "FAILED tests/a.py::other - ModuleNotFoundError: No module named 'numba'"
COLLECTION = "E   ModuleNotFoundError: No module named 'typer'\nERROR tests/a.py"
OURS = "ERROR tests/a.py - ModuleNotFoundError: No module named 'pnnkern.kernels'"


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        (0, "3 passed", (False, [])),
        (5, "no tests ran", (False, [])),
        (1, FAILED, (True, [])),
        (1, ABSENT, (False, ["numba"])),
        (1, f"{ABSENT}\n{FAILED}", (True, ["numba"])),  # a real failure is not hidden behind an absent library
        (2, COLLECTION, (False, ["typer"])),
        (4, "E   ModuleNotFoundError: No module named 'tomli_w'", (False, ["tomli_w"])),  # a conftest.py
        (2, OURS, (True, [])),
        (-11, "", (True, [])),
    ],
)
def test_what_counts_as_a_failure(script: ModuleType, code: int, output: str, expected: tuple[bool, list[str]]) -> None:
    assert script.judged(code, output) == expected


def test_what_the_budget_did_not_last_for_is_counted(script: ModuleType) -> None:
    tests = [{"outcome": "3 passed in 0.1s"}, {"outcome": "not run: the budget was spent"}, {"outcome": "stopped: the budget was spent"}]
    assert script.unfinished({"tests": tests, "benchmarks": {"optics": {"optics": []}, "random": "not run: the budget was spent"}}) == 3
