"""What a run will take, before it begins: some of its steps are done in a process of its own, timed, and thrown away.

An estimate: steps may become slower or faster, and a control by exact gradients is taken to cost what the run does.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

from . import files, units
from . import recipe as recipes
from . import run as runs
from .sweep import Point

STEPS = 6  # that are done; the first, which compiles, does not count, nor does the first test
PATIENCE = 600.0  # seconds for them
LOG = "launch.log"
_PROGRAM = """
import json, pathlib, sys
from pnnkern.experiments import estimate
print(json.dumps(estimate.of_run(pathlib.Path(sys.argv[1]))))
"""


def of_run(folder: Path) -> dict[str, float]:
    """{"seconds", "bytes", "step", "start"} that the run in a folder takes from its beginning to its end, here: of time, of memory at most,
    of time for a step, and before the first one. Nothing is written. Changes what this process has taken of memory: call it in a new one."""
    began = time.perf_counter()
    run = runs.assemble(recipes.read_run(folder), folder)
    trainer = run.trainer
    times = []
    for _ in range(min(STEPS, trainer.steps)):
        before = time.perf_counter()
        trainer.advance()
        trainer.read()
        times.append(time.perf_counter() - before)
    trainer.try_out()  # the first one makes what it needs
    start, before = time.perf_counter() - began - sum(times[1:]), time.perf_counter()
    trainer.try_out()
    pieces = -(-len(trainer.dataset.test_labels) // trainer.training.batch)
    test = pieces * (time.perf_counter() - before)
    step = sorted(times[1:] or times)[len(times[1:]) // 2]
    seconds = trainer.steps * step + trainer.training.epochs * test
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)
    return {"seconds": start + seconds * (2 if run.wants_exact else 1), "bytes": float(most), "step": step, "start": start}


def of_sweep(out: Path, point: Point) -> dict[str, float]:
    """`of_run` of a point, measured in another process and written to the sweep's log; nothing where that process fails, as the point will."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM, str(point.folder)], capture_output=True, text=True, timeout=PATIENCE, check=False,
            env=environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        _say(out, f"estimate: none, as {STEPS} steps of {point.folder.name} take more than {units.duration(PATIENCE)}")
        return {}
    if done.returncode:
        last = done.stderr.rstrip().rpartition("\n")[2]
        _say(out, f"estimate: none, as {point.folder.name} cannot begin: {last}")
        return {}
    found: dict[str, float] = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    _say(
        out,
        f"estimate: {units.duration(found['seconds'])} and {found['bytes'] / 2**20:.0f} MiB of memory for {point.folder.name}, by steps of "
        f"{1e3 * found['step']:.3g} ms here, on {platform.node()}",
    )
    return found


def _say(out: Path, line: str) -> None:
    """On standard error and in the sweep's log."""
    files.say(line)
    try:
        with open(out / LOG, "a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {line}\n")
    except OSError as error:
        files.say(f"warning: {out / LOG} cannot be written: {error.strerror or error}")
