"""Strong and weak scaling on 1, 2 and 4 ranks of this machine, and what ranks cost one: python scripts/scaling.py [FILE] [--seconds 10]

Processes of one thread each take turns with a process that was started without mpiexec, a few steps at a time, so that both see the same
machine; what counts are medians of the ratios of neighbours. "strong": the batch stays, "weak": it grows with the ranks; "nothing differs":
how far two processes without mpiexec are from each other, which the overhead at 1 rank is held against. A step is what `pnnkern run` does
between two checkpoints: the word on who stops, the samples, the exchange, the update. FILE gets the record as JSON.
"""

import argparse
import contextlib
import datetime
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))
RECIPES = ("d2nn-digits", "crossbar-digits", "coupled-digits")
BATCH, RANKS = 64, 4  # samples of a batch, in as many shards as there are ranks at most
ONE = {f"{name}_NUM_THREADS": "1" for name in ("PNNKERN", "OMP", "OPENBLAS", "MKL", "NUMBA")}
PIECE = 0.2  # seconds of steps at a time
PAIRS = 3  # of processes; their lowest and highest ratio stand in the place of quartiles


def work(recipe: str, batch: int, chunk: int) -> None:
    """Do as many steps as each line of rank 0's input asks for, and say the seconds of one, and those of its own processor."""
    from pnnkern.communicator import alone, any_of
    from pnnkern.experiments import ranks
    from pnnkern.experiments import recipe as recipes
    from pnnkern.experiments.run import assemble

    settings = ("control.linear=false", "control.exact=false", "compute.threads=1", "training.epochs=100000")
    chosen = recipes.find(recipe, [*settings, f"training.batch={batch}", f"compute.chunk={chunk}"])
    with contextlib.redirect_stdout(sys.stderr), ranks.taking_part(chosen.compute) as here:
        trainer = assemble(chosen, Path("unused")).trainer
        while count := int(alone(here, sys.stdin.readline) or 0):
            any_of(here, [False])
            begun, worked = time.perf_counter(), time.process_time()
            for _ in range(count):
                any_of(here, (False, False))
                trainer.advance()
            if here.rank == 0:
                spent = time.perf_counter() - begun, time.process_time() - worked
                print(*(one / count for one in spent), file=sys.__stdout__, flush=True)


class Job:
    """So many ranks, or with none one process without mpiexec."""

    def __init__(self, ranks: int, recipe: str, batch: int, chunk: int) -> None:
        beside = Path(sys.executable).with_name("mpiexec")
        mpiexec = [str(beside) if beside.exists() else shutil.which("mpiexec") or "mpiexec", "-n", str(ranks)] if ranks else []
        command = [*mpiexec, sys.executable, __file__, "--work", recipe, str(batch), str(chunk)]
        self.process = subprocess.Popen(command, env=os.environ | ONE, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def steps(self, count: int) -> tuple[float, float]:
        """Seconds of one of so many steps, and of rank 0's processor time. Raises RuntimeError where the job has ended."""
        assert self.process.stdin is not None and self.process.stdout is not None  # noqa: PT018
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the job ended with {self.process.wait()}")
        wall, own = map(float, line.split())
        return wall, own

    def end(self) -> None:
        self.process.communicate()


def compared(one: Job, other: Job, seconds: float) -> dict[str, Any]:
    """Medians of both, in seconds a step, and of the ratio other / one, with its quartiles; that of rank 0's processor time."""
    try:
        for job in (one, other):
            job.steps(5)
        count = max(1, round(PIECE / max(one.steps(3)[0], other.steps(3)[0])))
        found, end = [], time.monotonic() + seconds
        while time.monotonic() < end or len(found) < 5:
            first, second = (one, other) if len(found) % 2 else (other, one)
            times = {id(job): job.steps(count) for job in (first, second)}
            found.append((times[id(one)], times[id(other)]))
    finally:
        one.end()
        other.end()
    ratios = statistics.quantiles([b[0] / a[0] for a, b in found], n=4)
    return {
        "seconds": [statistics.median(pair[i][0] for pair in found) for i in (0, 1)], "ratio": ratios[1],
        "quartiles": [ratios[0], ratios[2]], "processor ratio": statistics.median(b[1] / a[1] for a, b in found),
        "pieces": len(found), "steps": count * len(found),
    }  # fmt: skip


def pairs(recipe: str, ranks: int, seconds: float) -> dict[str, Any]:
    """The medians of some comparisons, each of new processes: two of the same kind differ, too, by where their memory lies."""
    chunk = BATCH // RANKS
    found = [compared(Job(0, recipe, BATCH, chunk), Job(ranks, recipe, BATCH, chunk), seconds / PAIRS) for _ in range(PAIRS)]
    ratios = sorted(one["ratio"] for one in found)
    return {
        "seconds": [statistics.median(one["seconds"][i] for one in found) for i in (0, 1)], "ratio": statistics.median(ratios),
        "quartiles": [ratios[0], ratios[-1]], "processor ratio": statistics.median(one["processor ratio"] for one in found), "pairs": PAIRS,
        "pieces": sum(one["pieces"] for one in found), "steps": sum(one["steps"] for one in found),
    }  # fmt: skip


def measure(recipe: str, seconds: float) -> dict[str, Any]:
    """All rows of a recipe, by name."""
    chunk = BATCH // RANKS
    rows = {"overhead at 1 rank": pairs(recipe, 1, seconds), "nothing differs": pairs(recipe, 0, seconds)}
    for ranks in (2, RANKS):
        rows[f"strong, {ranks} ranks"] = compared(Job(0, recipe, BATCH, chunk), Job(ranks, recipe, BATCH, chunk), seconds)
        rows[f"weak, {ranks} ranks"] = compared(Job(0, recipe, chunk, chunk), Job(ranks, recipe, ranks * chunk, chunk), seconds)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--work", nargs=3)
    given = parser.parse_args()
    if given.work:
        work(given.work[0], *map(int, given.work[1:]))
        return
    from pnnkern.experiments import machine, ranks

    began = os.getloadavg()[0]
    record: dict[str, Any] = {
        "date": datetime.date.today().isoformat(), "machine": machine.processor(), "load before": began,
        "mpi": re.sub(r"/\S*/mpiexec", "mpiexec", ranks.described()),  # wherever it lies
        "batch": BATCH, "chunk": BATCH // RANKS, "recipes": {},
    }  # fmt: skip
    print(f"{machine.processor()}; load {began:.2f} before")
    print(f"{'':<18}{'':<22}{'one':>10}{'ranks':>10}{'ratio':>8}  {'quartiles':<16}of processor time")
    for recipe in given.recipes:
        record["recipes"][recipe] = rows = measure(recipe, given.seconds)
        for name, row in rows.items():
            one, other = (1e3 * value for value in row["seconds"])
            low, high = row["quartiles"]
            spread, own = f"{low:.3f} .. {high:.3f}", row["processor ratio"]
            print(f"{recipe:<18}{name:<22}{one:>7.3g} ms{other:>7.3g} ms{row['ratio']:>8.3f}  {spread:<16}{own:.3f}", flush=True)
    record["load after"] = os.getloadavg()[0]
    if given.file:
        given.file.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
