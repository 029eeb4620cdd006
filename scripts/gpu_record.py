"""The record of a stage on a GPU, and rows of it that come from other processes: one that fails, hangs or dies costs only itself."""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = ("numpy", "scipy", "numba", "numba-cuda", "pytest", "cupy-cuda12x", "cupy-cuda13x", "torch", "jax")
OPTIONAL = ("torch", "jax")  # which some rows stand beside
SPENT = "the budget was spent"
END = 20.0  # seconds that a process may take to end
MARK = "@row "  # before what a process says of its rows, among whatever libraries print
CARD = "name,driver_version,pstate,clocks.sm,clocks.max.sm,clocks.mem,power.draw,temperature.gpu,memory.used"

Row = dict[str, Any]


class Record:
    """A JSON file {"rows": {name: row}, ...} that is written out, whole, after every change."""

    def __init__(self, path: Path, **items: Any) -> None:
        self.path, self._lock = path, threading.Lock()
        self.content: dict[str, Any] = {"when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **items, "rows": {}}
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write()

    def write(self, **items: Any) -> None:
        with self._lock:
            self.content |= items
            self._save()

    def row(self, name: str, row: Row) -> None:
        """Add a row, and print it in a line."""
        with self._lock:
            self.content["rows"][name] = row
            self._save()
        seconds = f" ({row['seconds']:.1f} s)" if "seconds" in row else ""
        said = str(row.get("error") or row.get("outcome") or "done").partition("\n")[0]
        print(f"{name}: {said}{seconds}", flush=True)

    def _save(self) -> None:
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.content, indent=1) + "\n")
        os.replace(temporary, self.path)

    def failed(self) -> list[str]:
        """Names of the rows that went wrong."""
        return [name for name, row in self.content["rows"].items() if "error" in row]

    def unfinished(self) -> list[str]:
        """Names of the rows that the budget did not last for."""
        return [name for name, row in self.content["rows"].items() if row.get("outcome", "").endswith(SPENT)]


# --------------------------------------------------------------------------------------------------------------- where we are
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
        "multiprocessors": properties["multiProcessorCount"], "l2_bytes": properties["l2CacheSize"],
    }  # fmt: skip


def smi() -> str:
    """What nvidia-smi says of the first card: clocks, power, temperature."""
    if shutil.which("nvidia-smi") is None:
        return "nvidia-smi is absent"
    command = ["nvidia-smi", "-i", "0", f"--query-gpu={CARD}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except subprocess.TimeoutExpired:
        return "nvidia-smi does not answer"
    return (done.stdout or done.stderr).strip()


def environment() -> dict[str, str]:
    """The caller's, with this checkout in front of what is on its PYTHONPATH; where nothing is said of them few threads, and JAX leaves
    memory to the processes beside it."""
    own = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2", "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return own | os.environ | {"PYTHONPATH": path, "COLUMNS": "300"}


# ------------------------------------------------------------------------------------------------- the process that makes rows
def failure(error: BaseException) -> Row:
    """A row for an error, with the end of its traceback."""
    lines = [line for line in "".join(traceback.format_exception(error)).splitlines() if line.strip(" ^~")]
    return {"error": f"{type(error).__name__}: {error}"[:500], "traceback": "\n".join(lines)[-2500:]}


def arguments(what: str) -> argparse.ArgumentParser:
    """The arguments that all scripts of rows have; what : they make."""
    parser = argparse.ArgumentParser(description=f"Make {what}, for gpu_check.py.")
    parser.add_argument("--small", action="store_true", help="sizes for the stand-in for CuPy")
    parser.add_argument("--list", action="store_true", help="say what rows there are")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    return parser


def tell(names: Iterable[str]) -> int:
    """Print the names of rows."""
    for name in names:
        print(MARK + name, flush=True)
    return 0


def serve(rows: Mapping[str, Callable[[], Row]], names: Iterable[str]) -> int:
    """Make rows by name, and print each as it is done. Returns 1 as soon as the GPU is lost to this process, else 0."""
    for name in names:
        print(MARK + json.dumps({"begins": name}), flush=True)
        began = time.monotonic()
        try:
            row = rows[name]()
        except Exception as error:  # whatever it is, the next row is wanted
            absent = isinstance(error, ModuleNotFoundError) and error.name in OPTIONAL
            row = {"outcome": f"absent: {error.name}"} if absent else failure(error)  # type: ignore[attr-defined]
        row["seconds"] = round(time.monotonic() - began, 2)
        print(MARK + json.dumps({"ends": name, "row": row}, default=float), flush=True)
        if "error" in row and not _usable():
            return 1
    return 0


def _usable() -> bool:
    """False after an error that the GPU's context does not survive, such as an illegal address: waiting for it repeats the error."""
    import cupy

    try:
        cupy.cuda.Device().synchronize()
    except cupy.cuda.runtime.CUDARuntimeError:
        return False
    return True


# ------------------------------------------------------------------------------------------------ the process that collects them
def collect(record: Record, command: list[str], names: list[str], *, cap: float, end: float) -> None:
    """Have rows made by ``command name name ...``, none for longer than `cap` seconds; what one takes along, another process goes on with."""
    left = list(names)
    while left and end - time.monotonic() > 1:
        done = _one_process(record, command, left, cap, end)
        left = [name for name in left if name not in done]
    for name in left:
        record.row(name, {"outcome": f"not run: {SPENT}"})


def _one_process(record: Record, command: list[str], names: list[str], cap: float, end: float) -> list[str]:
    """Record the rows of one process until it ends, one of them takes too long, or the budget is over; their names."""
    done: list[str] = []
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [*command, *names], stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=environment(), start_new_session=True
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        running, deadline = names[0], time.monotonic() + cap  # what goes wrong before the first row is the first row's
        while len(done) < len(names):
            try:
                line = lines.get(timeout=max(0.0, min(deadline, end) - time.monotonic()))
            except queue.Empty:
                spent = time.monotonic() >= end
                late: Row = {"outcome": f"stopped: {SPENT}"} if spent else {"error": f"stopped after {cap:g} s"}
                break
            if line is None:
                late = {"error": f"its process ended ({process.wait()})", "traceback": _tail(errors)}
                break
            said, deadline = json.loads(line), time.monotonic() + cap
            running = said.get("begins", "")
            if "ends" in said:
                record.row(said["ends"], said["row"])
                done.append(said["ends"])
        else:  # what runs around it may have something to write
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, min(END, end - time.monotonic())))
        kill(process)
    if running:
        record.row(running, late)
        done.append(running)
    return done


def run(command: list[str], seconds: float) -> tuple[int | None, str]:
    """Exit code and all output of a command; None for the code if it was stopped after so many seconds, with all that it had started."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environment(), start_new_session=True
        )
        try:
            code: int | None = process.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            code = None
        kill(process)
        output.seek(0)
        return code, output.read()


def kill(process: "subprocess.Popen[str]") -> None:
    """End a process that leads a session of its own, and what is left of that."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    for line in stream:
        if line.startswith(MARK):
            lines.put(line.removeprefix(MARK))
    lines.put(None)


def _tail(file: IO[str]) -> str:
    file.seek(0)
    return file.read()[-2500:]
