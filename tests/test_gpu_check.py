"""The scripts for machines with a GPU, every row of them, on the stand-in for CuPy: a typo must not cost the time that a GPU is lent for."""

import importlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern import _declared, _launch
from pnnkern.experiments import loop

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
sys.path[:0] = [str(SCRIPTS), str(Path(__file__).parent)]
gpu_check, gpu_clock, gpu_compare, gpu_measure, gpu_record, gpu_steps, gpu_table, other_libraries = (
    pytest.importorskip(name, reason="the scripts are not here: this is no checkout")
    for name in ("gpu_check", "gpu_clock", "gpu_compare", "gpu_measure", "gpu_record", "gpu_steps", "gpu_table", "other_libraries")
)

SANITIZER = """#!/bin/bash
log=$(echo "$*" | sed 's/.*--log-file \\([^ ]*\\).*/\\1/')
shift 6
"$@"
sleep 1
echo "========= ERROR SUMMARY: 2 errors" > $log
"""


@pytest.fixture
def small(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """CuPy's stand-in, and sizes for it."""
    monkeypatch.setattr(gpu_clock, "SMALL", True)
    gpu_clock.copy_rate.cache_clear()
    yield cupy
    gpu_clock.copy_rate.cache_clear()


@pytest.fixture
def on_the_stand_in(tmp_path: Path) -> Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]:
    """Runs the script on the stand-in, which lies on the caller's PYTHONPATH, and gives its record."""
    for name in ("cupy", "cupyx"):
        paths = [str(ROOT), str(Path(__file__).parent)]
        code = f"import sys\nsys.path += {paths}\nimport strict_cupy\nsys.modules.update(strict_cupy.MODULES)\n"
        (tmp_path / f"{name}.py").write_text(code)

    def run(*arguments: str, path: str = "") -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        out = tmp_path / "out"
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHON": sys.executable, "OUT": str(out), "PATH": path + os.environ["PATH"]}
        command = ["bash", str(SCRIPTS / "gpu_check.sh"), "--small", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        (written,) = out.glob("gpu-*.json")
        return done, json.loads(written.read_text())

    return run


# ------------------------------------------------------------------------------------------------------------------- the script
@pytest.mark.parametrize("stage", ["check", "measure"])
def test_no_gpu_is_one_line_and_a_record(stage: str, tmp_path: Path) -> None:
    (tmp_path / "cupy.py").write_text("raise ImportError('libcuda.so.1: cannot open shared object file')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHON": sys.executable, "OUT": str(tmp_path / "out")}
    command = ["bash", str(SCRIPTS / "gpu_check.sh"), f"--{stage}", "--budget", "30"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "no GPU can be used here: CuPy does not import (libcuda.so.1: cannot open shared object file)" in line
    (written,) = (tmp_path / "out").glob(f"gpu-*-{stage}.json")
    record = json.loads(written.read_text())
    assert record["device"] is None
    assert record["commit"]
    assert record["versions"]["numpy"]


def test_check_from_end_to_end(on_the_stand_in: Any, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/compute-sanitizer").write_text(SANITIZER)
    (tmp_path / "bin/compute-sanitizer").chmod(0o755)
    chosen = "compile|kernels learning|memcheck learning|step coupled-regression|optics/test_masks"
    done, record = on_the_stand_in("--check", "--budget", "300", "--only", chosen, path=f"{tmp_path / 'bin'}:")
    rows = record["rows"]
    assert set(rows) == {"compile", "kernels learning", "memcheck learning", "step coupled-regression", "tests/optics/test_masks.py"}
    assert "kernels" in rows["compile"].get("outcome", ""), rows["compile"]
    assert rows["kernels learning"]["compared"]
    assert 0 < max(rows["step coupled-regression"]["errors"].values()) < 1e-7
    assert "passed" in rows["tests/optics/test_masks.py"]["outcome"]
    assert rows["memcheck learning"]["compared"]
    assert rows["memcheck learning"]["error"] == "ERROR SUMMARY: 2 errors"
    assert record["failed"] == ["memcheck learning"]
    assert done.returncode == 1, done.stdout + done.stderr
    assert record["device"]["name"] == "strict stand-in"
    assert record["card_before"]


def test_measure_from_end_to_end(on_the_stand_in: Any) -> None:
    done, record = on_the_stand_in("--measure", "--budget", "20", "--only", "card|draw words|read 32|THREADS, drn 4")
    assert done.returncode == 0, done.stdout + done.stderr
    text = gpu_table.markdown(record)
    for part in ("| pnnkern launch | ", "| draw words | pnn_draws_words_u32 | 1 | ", "| bare product | ", "THREADS, drn 4"):
        assert part in text, text


def test_spent_budget_is_recorded(on_the_stand_in: Any) -> None:
    done, record = on_the_stand_in("--check", "--budget", "0", "--only", "^step |test_masks")
    assert done.returncode == 0
    assert len(record["unfinished"]) == len(gpu_steps.names()) + 1 == len(record["rows"])
    assert record["rows"]["step drn-mnist"] == {"outcome": "not run: the budget was spent"}


def test_needs_no_library_of_the_command_line() -> None:
    """Nor Numba: the launcher, the draws, optics and the bench as a GPU uses them, and what these scripts build."""
    code = (
        "import sys\n"
        "for name in ('numba', 'pydantic', 'typer', 'rich', 'matplotlib', 'sklearn', 'tomli_w'): sys.modules[name] = None\n"
        "import pnnkern as pnn\n"
        "from pnnkern.kernels import host\n"
        "from pnnkern.experiments.bench import optics, random\n"
        "from pnnkern.optics import _layer\n"
        "from pnnkern import _launch, crossbar, learning, networks, systems\n"
        "from pnnkern.kernels._jit import njit\n"
        "sys.path.append('scripts')\n"
        "import gpu_check, gpu_compare, gpu_measure, gpu_table\n"
        "try: njit(lambda: 0)()\n"
        "except ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "No module named 'numba': <lambda> runs on the CPU and needs it (pip install numba)" in done.stdout


# -------------------------------------------------------------------------------------------------------------- rows that go wrong
ROWS = """
import os, sys, time
sys.path.append({scripts!r})
import gpu_record
def wrong(): raise ValueError("planted")
def absent(): raise ModuleNotFoundError("No module named 'torch'", name="torch")
rows = {{"good": lambda: {{"n": 1}}, "absent": absent, "wrong": wrong, "dies": lambda: os._exit(3),
        "hangs": lambda: time.sleep(60), "last": lambda: {{"n": 2}}}}
print("what libraries print")
sys.exit(gpu_record.serve(rows, sys.argv[1:]))
"""


@pytest.fixture
def rows(tmp_path: Path) -> list[str]:
    (tmp_path / "rows.py").write_text(ROWS.format(scripts=str(SCRIPTS)))
    return [sys.executable, str(tmp_path / "rows.py")]


def test_an_error_a_hang_and_a_death_cost_their_own_rows(rows: list[str], tmp_path: Path) -> None:
    record = gpu_record.Record(tmp_path / "record.json")
    gpu_record.collect(record, rows, ["good", "absent", "wrong", "dies", "hangs", "last"], cap=4, end=time.monotonic() + 60)
    found = json.loads(record.path.read_text())["rows"]
    assert (found["good"]["n"], found["last"]["n"]) == (1, 2)
    assert found["wrong"]["error"] == "ValueError: planted"
    assert "in wrong" in found["wrong"]["traceback"]
    assert found["dies"]["error"] == "its process ended (3)"
    assert found["hangs"]["error"] == "stopped after 4 s"
    assert found["absent"]["outcome"] == "absent: torch"
    assert list(found) == ["good", "absent", "wrong", "dies", "hangs", "last"]
    assert record.failed() == ["wrong", "dies", "hangs"]


def test_what_the_budget_does_not_last_for_is_recorded(rows: list[str], tmp_path: Path) -> None:
    record = gpu_record.Record(tmp_path / "record.json")
    gpu_record.collect(record, rows, ["good", "hangs", "last"], cap=30, end=time.monotonic() + 4)
    assert record.content["rows"]["hangs"] == {"outcome": "stopped: the budget was spent"}
    assert record.content["rows"]["last"] == {"outcome": "not run: the budget was spent"}
    assert record.unfinished() == ["hangs", "last"]


def test_a_script_that_does_not_start_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    monkeypatch.setattr(gpu_check, "script", lambda name: [sys.executable, str(tmp_path / "broken.py")])
    record = gpu_record.Record(tmp_path / "record.json")
    assert gpu_check.rows_of(record, "gpu_compare") == []
    assert "No module named 'nothing_of_this_name'" in record.content["rows"]["gpu_compare"]["output"]


def test_a_lost_gpu_ends_the_process(cupy: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def lost(*_: object) -> None:
        raise cupy.cuda.runtime.CUDARuntimeError("cudaErrorIllegalAddress")

    monkeypatch.setattr(cupy.cuda.runtime, "deviceSynchronize", lost)
    monkeypatch.setattr(cupy.cuda.Device, "synchronize", lost)
    assert gpu_record.serve({"one": lost, "two": dict}, ["one", "two"]) == 1
    assert "two" not in capsys.readouterr().out


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
def test_what_counts_as_a_failure(code: int, output: str, expected: tuple[bool, list[str]]) -> None:
    assert gpu_check.evaluated(code, output) == expected


def test_files_with_tests_for_a_gpu_are_found_what_tells_most_first() -> None:
    found = [path.relative_to(ROOT / "tests").as_posix() for path in gpu_check.test_files()]
    assert found.index("test_random.py") < found.index("optics/test_masks.py") < found.index("crossbar/test_read.py")
    assert found.index("crossbar/test_read.py") < found.index("networks/test_drn.py") < found.index("systems/test_d2nn.py")
    assert "test_cli.py" not in found


# --------------------------------------------------------------------------------------------------------------------- the rows
def numbers(row: Any) -> Iterator[float]:
    """All numbers in a row; a peer that went wrong is a string where a number belongs, and fails here."""
    for value in row.values() if isinstance(row, dict) else row:
        if isinstance(value, dict | list):
            yield from numbers(value)
        elif not isinstance(value, str):
            yield value


@pytest.mark.parametrize("name", gpu_measure.ROWS)
def test_row_of_a_measurement(small: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, share = gpu_measure.ROWS[name]
    if name.startswith("all of"):
        other_libraries.install(monkeypatch, small)
    row = make(0.0)
    assert share > 0
    assert all(math.isfinite(n) for n in numbers(row))
    assert all(ms > 0 for ms in row.get("peers", {}).values())
    if "kernels" in row:
        assert row["launches"] == sum(kernel["launches"] for kernel in row["kernels"].values()) > 0
        assert all(kernel["bytes"] > 0 and kernel["floor_us"] > 0 for kernel in row["kernels"].values())
    if "all" in row:
        assert (row["launches"], row["gpu_ms"], row["all"]) == (3, 7.5e-3, {"kernel": {"count": 3, "gpu_us": 7.5}})
    if "contenders" in row:
        assert {one["name"] for one in row["contenders"] if "ms" in one} >= {"pnnkern"}
    json.dumps(row)


@pytest.mark.parametrize("name", [name for name in gpu_compare.ROWS if name.partition(" ")[0] not in gpu_check.TOOLS])
def test_row_of_a_comparison(small: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ("torch", "jax", "numba"):
        other_libraries.install(monkeypatch, small)
    row = gpu_compare.ROWS[name]()
    assert row["compared"] > 0
    json.dumps(row)


@pytest.mark.parametrize("tool", gpu_check.TOOLS)
def test_row_for_the_sanitizer(small: Any, tool: str) -> None:
    """The same calls for either tool, with memory that is not pooled."""
    assert gpu_compare.ROWS[f"{tool} learning"]()["compared"] > 0


def test_a_wrong_kernel_is_seen(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = small.RawModule.get_function

    def faulty(self: Any, name: str) -> Any:
        kernel = real(self, name)
        if name != "pnn_optimizer_sgd_f32":
            return kernel

        def call(grid: Any, block: Any, args: Any, **how: Any) -> None:
            kernel(grid, block, args, **how)
            args[-8][:1] += 1e-3  # the first of the eight parameters

        call.shared_size_bytes = 0  # type: ignore[attr-defined]
        return call

    monkeypatch.setattr(small.RawModule, "get_function", faulty)
    _launch._plans.clear()
    try:
        with pytest.raises(gpu_compare.Different, match="beyond 2e-05: optimizers"):
            gpu_compare.ROWS["kernels learning"]()
    finally:
        _launch._plans.clear()


def same(a: Any, b: Any) -> bool:
    """Equal values all the way down; a random stream that nothing was drawn from may be absent."""
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a).__module__.startswith("pnnkern") and hasattr(a, "__dict__"):
        return type(a) is type(b) and same(vars(a), vars(b))
    return bool(a == b)


@pytest.mark.parametrize("name", gpu_steps.names())
def test_step_is_the_recipes(name: str) -> None:
    """What is built without the command line's libraries is what these build, weights and all."""
    run = importlib.import_module("pnnkern.experiments.run")
    recipe, table = run.recipes.find(name), gpu_steps.recipe(name)
    key, classes = loop.stream(recipe.training.seed, loop.PARAMETERS), gpu_steps.dataset(table).classes
    theirs, ours = run.build(recipe, classes), gpu_steps.build(table, classes, "cpu", key)
    differ = [field for field, value in vars(theirs).items() if not same(value, vars(ours)[field])]
    assert not differ
    assert gpu_steps.rule(table) == _declared.made(recipe.rule.of, recipe.rule.values())
    assert all(getattr(recipe.training, field) == value for field, value in table["training"].items())
