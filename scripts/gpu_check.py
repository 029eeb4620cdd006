"""The two stages of gpu_check.sh: see there. Every row is made by a process of its own, or by one that others can take over from."""

import argparse
import datetime
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from gpu_record import MARK, ROOT, SPENT, Record, Row, collect, commit, device, failure, run, smi, versions

OPTIONAL = ("numba", "pydantic", "tomli_w", "typer", "rich", "matplotlib", "sklearn", "pyfftw", "build", "torch", "jax")  # not needed here
STAGES = ("check", "measure")
# Seconds that one of each may take.
COMPILE, FILE, COMPARISON, SANITIZED, MEASUREMENT = 60.0, 80.0, 60.0, 100.0, 45.0
FIRST = ("test_launch.py", "test_array.py", "test_random.py")  # what everything else stands on
ROOMS = ("optics", "crossbar", "networks", "dynamics", "systems", "learning")  # in this order
TOOLS = ("memcheck", "racecheck")

Job = tuple[str, Callable[[float], None]]  # name of its row, and what makes it until a time


def script(name: str) -> list[str]:
    return [sys.executable, str(ROOT / f"scripts/{name}.py")]


# ----------------------------------------------------------------------------------------------------------------------- check
def check(record: Record, chosen: argparse.Namespace, end: float) -> None:
    """Compile everything, then all else at the same time as far as there are processors, what tells most first."""
    small = ["--small"] if chosen.small else []
    wanted = re.compile(chosen.only).search
    comparisons = rows_of(record, "gpu_compare")

    def compared(*kinds: str) -> list[Job]:
        make = sanitize if kinds == TOOLS else compare
        return [(name, partial(make, record, name, small)) for name in comparisons if name.partition(" ")[0] in kinds]

    def tested(*files: Path) -> list[Job]:
        return [(name, partial(test_file, record, name)) for name in (file.relative_to(ROOT).as_posix() for file in files)]

    files = test_files()
    first, rest = [f for f in files if f.name in FIRST], [f for f in files if f.name not in FIRST]
    jobs: list[Job] = [
        ("twins", partial(warm, record, "cpu")), *tested(*first), *compared("two", "torch", "jax", "numba", "kernels"),
        *tested(*rest[: len(rest) // 3]), *compared("step"), *compared(*TOOLS), *tested(*rest[len(rest) // 3 :]),
    ]  # fmt: skip
    if wanted("compile"):
        warm(record, "gpu", end)
    with ThreadPoolExecutor(min(16, len(os.sched_getaffinity(0)))) as pool:
        for done in [pool.submit(guarded, record, name, job, end) for name, job in jobs if wanted(name)]:
            done.result()


def guarded(record: Record, name: str, job: Callable[[float], None], end: float) -> None:
    """Do a job if there is time for it; an error of ours costs its own row."""
    try:
        if end - time.monotonic() < 3:
            record.row(name, {"outcome": f"not run: {SPENT}"})
        else:
            job(end)
    except Exception as error:
        record.row(name, failure(error))


def rows_of(record: Record, name: str) -> list[str]:
    """The rows that a script can make; a script that cannot even say so is a row with its error."""
    code, output = run([*script(name), "--list"], COMPILE)
    if code != 0:
        record.row(name, {"error": f"it does not start ({code})", "output": output[-3000:]})
    return [line.removeprefix(MARK) for line in output.splitlines() if line.startswith(MARK)]


def warm(record: Record, what: str, end: float) -> None:
    """Fill the cache of compiled kernels, for the GPU or the CPU beside it, in parallel processes."""
    processes = None if what == "gpu" else max(1, len(os.sched_getaffinity(0)) // 2)  # much else is done beside the second
    began, call = time.monotonic(), f"print(warm.{what}(processes={processes}), 'kernels and files')"
    code = f"from pnnkern.experiments import warm\nif __name__ == '__main__': {call}"
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:  # a file, which the processes that it starts can import
        file.write(code)
        file.flush()
        status, output = run([sys.executable, file.name], min(COMPILE, end - time.monotonic()))
    row: Row = {"outcome": "\n".join(output.splitlines()[-1:])}
    if status != 0:
        row = {"error": f"stopped after {COMPILE:g} s" if status is None else row["outcome"], "output": output[-3000:]}
    record.row({"gpu": "compile", "cpu": "twins"}[what], row | {"seconds": round(time.monotonic() - began, 1)})


def compare(record: Record, name: str, small: list[str], end: float) -> None:
    collect(record, [*script("gpu_compare"), *small], [name], cap=COMPARISON, end=end)


# ----------------------------------------------------------------------------------------------------------------------- tests
def test_files() -> list[Path]:
    """Files with tests for a GPU: those of `FIRST`, then by rooms."""
    files = [path for path in (ROOT / "tests").glob("**/test_*.py") if "backend" in path.read_text()]
    order = [*FIRST, *ROOMS]

    def rank(path: Path) -> tuple[int, str]:
        name = path.name if path.parent.name == "tests" else path.parent.name
        return (order.index(name) if name in order else len(order)), path.as_posix()

    return sorted(files, key=rank)


def test_file(record: Record, name: str, end: float) -> None:
    """The tests of one file that take a GPU. What needs an optional library that is absent is no failure."""
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=short", "--backends", "cuda", "-k", "cuda and not cuda_branch"]
    limit = ["-p", "pytest_timeout", "--timeout", "60"] if importlib.util.find_spec("pytest_timeout") else []
    command += ["-p", "no:cacheprovider", *limit, name]
    began, cap = time.monotonic(), min(FILE, end - time.monotonic())
    code, output = run(command, cap)
    failed, needs = evaluated(code, output)
    lines = output.strip().splitlines() or ["no output"]
    row: Row = {"outcome": lines[-1], "seconds": round(time.monotonic() - began, 1)}
    if code is None:
        row |= {"outcome": f"stopped: {SPENT}"} if cap < FILE else {"error": f"stopped after {FILE:g} s"}
    elif failed:
        row |= {"error": lines[-1], "output": output[-6000:]}
    record.row(name, row | ({"needs": needs} if needs else {}))


def evaluated(code: int | None, output: str) -> tuple[bool, list[str]]:
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


# ------------------------------------------------------------------------------------------------------------------- sanitizer
def sanitize(record: Record, name: str, small: list[str], end: float) -> None:
    """All kernels of a room under the tool of compute-sanitizer that the row is called after."""
    if shutil.which("compute-sanitizer") is None:
        record.row(name, {"outcome": "compute-sanitizer is absent"})
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = ["compute-sanitizer", "--tool", name.partition(" ")[0], "--print-limit", "20", "--log-file", str(log)]
        command += [*script("gpu_compare"), *small]
        collect(record, command, [name], cap=SANITIZED, end=end)
        said = log.read_text() if log.exists() else ""
    summary = re.findall(r"=+ ((?:ERROR|RACECHECK) SUMMARY: (\d+).*)", said)
    row = record.content["rows"][name] | {"summary": summary[-1][0] if summary else "no summary"}
    if summary and int(summary[-1][1]):
        row |= {"error": summary[-1][0], "output": said[:4000]}
    record.row(name, row)


# --------------------------------------------------------------------------------------------------------------------- measure
def measure(record: Record, chosen: argparse.Namespace, end: float) -> None:
    """All measurements, one after another: nothing else is on the GPU meanwhile."""
    names = [name for name in rows_of(record, "gpu_measure") if re.search(chosen.only, name)]
    command = [*script("gpu_measure"), "--end", str(time.time() + end - time.monotonic()), *(["--small"] if chosen.small else [])]
    collect(record, command, names, cap=MEASUREMENT, end=end)


def stage(name: str, chosen: argparse.Namespace) -> int:
    """Run a stage, in its budget. Returns 0, 1 after failures, 2 without a GPU."""
    end = time.monotonic() + chosen.budget
    record = Record(chosen.out / f"gpu-{datetime.date.today()}-{name}.json", stage=name, commit=commit(), versions=versions())
    try:
        record.write(device=device(), card_before=smi())
    except RuntimeError as error:
        record.write(device=None, error=str(error))
        print(f"gpu_check: {error}; record: {record.path}", file=sys.stderr)
        return 2
    {"check": check, "measure": measure}[name](record, chosen, end)
    failed, left = record.failed(), record.unfinished()
    record.write(card_after=smi(), failed=failed, unfinished=left, seconds=round(chosen.budget - (end - time.monotonic()), 1))
    count = len(record.content["rows"])
    print(f"gpu_check, {name}: {count} rows, {len(failed)} failed ({', '.join(failed)}), no time for {len(left)}; record: {record.path}")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Check and measure this checkout on a GPU; a JSON record for each stage.")
    for name in STAGES:
        parser.add_argument(f"--{name}", action="store_true", help="this stage only")
    parser.add_argument("--only", metavar="REGEX", default="", help="rows whose name it is found in")
    parser.add_argument("--budget", type=float, default=190.0, help="seconds for a stage [190]")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or ROOT / "data/benchmarks"), help="folder of the records")
    parser.add_argument("--small", action="store_true", help="sizes for the stand-in for CuPy, to try the script itself")
    chosen: Any = parser.parse_args()
    return max(stage(name, chosen) for name in STAGES if getattr(chosen, name) or not (chosen.check or chosen.measure))


if __name__ == "__main__":
    sys.exit(main())
