"""The work of gpu_check.sh: see there."""

import argparse
import datetime
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("numpy", "scipy", "h5py", "numba", "pytest", "cupy-cuda12x", "cupy-cuda13x", "torch")
OPTIONAL = ("numba", "pydantic", "tomli_w", "typer", "rich", "matplotlib", "sklearn", "pyfftw", "build", "torch", "jax")  # not needed here
TEST_SHARE = 0.6  # of the budget, when benchmarks follow


class Record:
    """The JSON record, written out after every change."""

    def __init__(self, path: Path) -> None:
        self.path = path
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.content: dict[str, Any] = {"when": now, "tests": [], "benchmarks": {}}
        path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, **items: Any) -> None:
        self.content |= items
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.content, indent=1) + "\n")
        os.replace(temporary, self.path)


def versions() -> dict[str, str]:
    found = {"python": sys.version.split()[0]}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown (no git)"


def device() -> dict[str, Any]:
    """The GPU; raises RuntimeError with one clear line when there is none."""
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(f"no GPU can be used here: CuPy does not import ({error})") from error
    if not cupy.cuda.is_available():
        raise RuntimeError("no GPU can be used here: CuPy finds none (check nvidia-smi and the driver)")
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    return {
        "name": properties["name"].decode(), "driver": cupy.cuda.runtime.driverGetVersion(), "runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "compute_capability": f"{properties['major']}.{properties['minor']}", "memory_bytes": properties["totalGlobalMem"],
        "multiprocessors": properties["multiProcessorCount"],
    }  # fmt: skip


def install(target: Path) -> dict[str, str]:
    """Install the checkout offline into `target`; returns the environment that finds it, and nothing else of the checkout."""
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation"]
    command += ["--target", str(target), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(
            f"gpu_check: the package cannot be built here ({done.stderr.strip().splitlines()[-1]}); using the checkout itself",
            flush=True,
        )
        return os.environ | {"PYTHONPATH": str(ROOT)}
    return os.environ | {"PYTHONPATH": str(target)}


def run_tests(record: Record, environment: dict[str, str], end: float) -> bool:
    """Every test file by itself with backend=cuda; what needs an optional library that is absent is no failure. True if none failed."""
    fine = True
    files = sorted((ROOT / "tests").glob("**/test_*.py"), key=lambda p: ("backend" not in p.read_text(), p))  # what a GPU decides, first
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        left = end - time.monotonic()
        if left < 5:
            record.content["tests"].append({"file": name, "outcome": "not run: the budget was spent"})
            record.write()
            continue
        command = [sys.executable, "-P", "-m", "pytest", "-q", "-rfE", "--tb=short", "--backends", "cuda", "-p", "no:cacheprovider", name]
        began = time.monotonic()
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment | {"COLUMNS": "300"}, capture_output=True, text=True, timeout=left, check=False
            )
        except subprocess.TimeoutExpired:
            record.content["tests"].append({"file": name, "outcome": "stopped: the budget was spent"})
            record.write()
            continue
        failed, needs = judged(done.returncode, done.stdout)
        lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["no output"]
        entry: dict[str, Any] = {"file": name, "outcome": lines[-1], "seconds": round(time.monotonic() - began, 1)}
        if needs:
            entry["needs"] = needs
        if failed:
            fine = False
            entry["output"] = (done.stdout + done.stderr)[-6000:]
        record.content["tests"].append(entry)
        record.write()
        print(f"gpu_check: {name}: {entry['outcome']}" + (f" (needs {', '.join(needs)})" if needs else ""), flush=True)
    return fine


def judged(code: int, output: str) -> tuple[bool, list[str]]:
    """True if something failed that no absent library explains; and the libraries that some tests asked for in vain."""
    reports = [line for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    absent = r"No module named '([\w.]+)'"
    needs = {name.partition(".")[0] for name in re.findall(absent, output)} & set(OPTIONAL)
    if code in (0, 5):  # 5: no test was chosen
        return False, sorted(needs)
    if code in (2, 4) and len(reports) <= 1 and needs:  # the file, or the conftest.py beside it, could not even be imported
        return False, sorted(needs)
    excused = [line for line in reports if (m := re.search(absent, line)) and m[1].partition(".")[0] in OPTIONAL]
    return code != 1 or len(excused) < len(reports) or not reports, sorted(needs)


def run_benchmarks(record: Record, environment: dict[str, str], names: list[str], end: float) -> bool:
    """Each benchmark in a process of its own, in an equal share of what is left. True if none failed."""
    fine = True
    for i, name in enumerate(names):
        left = end - time.monotonic()
        share = left / (len(names) - i)
        if share < 5:
            record.content["benchmarks"][name] = "not run: the budget was spent"
            record.write()
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "rows.json"
            command = [sys.executable, "-m", "pnnkern.experiments.bench", name, "--device", "cuda"]
            command += ["--budget", str(int(share)), "--json", str(rows)]
            try:
                done = subprocess.run(
                    command, cwd=folder, env=environment, capture_output=True, text=True, timeout=left, check=False
                )
                result: Any = (
                    json.loads(rows.read_text()) if done.returncode == 0 else {"error": (done.stderr or done.stdout)[-4000:]}
                )
                fine &= done.returncode == 0
                print(done.stdout if done.returncode == 0 else done.stderr[-2000:], flush=True)
            except subprocess.TimeoutExpired:
                result = "stopped: the budget was spent"
        record.content["benchmarks"][name] = result
        record.write()
    return fine


def unfinished(content: dict[str, Any]) -> int:
    """How many test files and benchmarks of a record the budget did not last for."""
    outcomes = [test["outcome"] for test in content["tests"]] + list(content["benchmarks"].values())
    return sum(isinstance(outcome, str) and outcome.endswith("the budget was spent") for outcome in outcomes)


def benchmarks() -> list[str]:
    folder = ROOT / "pnnkern" / "experiments" / "bench"
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Run all tests with backend=cuda and all benchmarks; write one JSON record.")
    parser.add_argument("--tests", action="store_true", help="tests only")
    parser.add_argument("--bench", metavar="NAME", choices=benchmarks(), help="this benchmark only")
    parser.add_argument("--budget", type=float, default=540.0, help="seconds for everything [540]")
    parser.add_argument("--out", type=Path, help="the record [data/benchmarks/gpu-DATE.json, or $OUT/gpu_check.json]")
    chosen = parser.parse_args()
    end = time.monotonic() + chosen.budget
    default = ROOT / f"data/benchmarks/gpu-{datetime.date.today()}.json"
    if os.environ.get("OUT"):
        default = Path(os.environ["OUT"]) / "gpu_check.json"
    record = Record(chosen.out or default)
    record.write(commit=commit(), versions=versions())
    try:
        record.write(device=device())
    except RuntimeError as error:
        record.write(device=None, error=str(error))
        print(f"gpu_check: {error}; record: {record.path}", file=sys.stderr)
        return 2
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        environment = install(Path(folder))
        if not chosen.bench:
            share = 1.0 if chosen.tests else TEST_SHARE
            fine &= run_tests(record, environment, end - (1 - share) * chosen.budget)
        if not chosen.tests:
            fine &= run_benchmarks(record, environment, [chosen.bench] if chosen.bench else benchmarks(), end)
    left_out = unfinished(record.content)
    record.write(finished=not left_out)
    print(f"gpu_check: {'no failure' if fine else 'FAILURES'}{f', but no time for {left_out} items: raise --budget' * bool(left_out)}; "
          f"record: {record.path}")  # fmt: skip
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
