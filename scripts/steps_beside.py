"""Training steps beside those of another checkout: python scripts/steps_beside.py CHECKOUT [RECIPE ...] [--seconds 7]

CHECKOUT is a folder with another version of pnnkern, as `git worktree add` makes one. Two processes of one thread each take turns, a few steps
at a time, so that both see the same machine; their own time, medians, the median of the ratios (above 1: this checkout is slower), and the
most memory that each held. A recipe that needs data which are not here, or that one of them does not have, is a line that says so.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
RECIPES = (
    "coupled-iris", "coupled-digits", "coupled-iris-transistors", "boltzmann-digits", "crossbar-digits", "crossbar-digits-pulsed",
    "crossbar-digits-tiki-taka", "d2nn-digits", "springs-iris", "transistor-curve", "transistor-xor", "ising-digits", "ep-digits",
    "ep-conv-digits", "drn-xs-mnist", "drn-mnist", "drn-2h-mnist", "hopfield-mnist", "oim-mnist",
)  # fmt: skip
ONE = {f"{name}_NUM_THREADS": "1" for name in ("PNNKERN", "OMP", "OPENBLAS", "MKL", "NUMBA")}
PIECE = 0.02  # seconds of steps at a time


def work(recipe: str) -> None:
    """Do as many steps as each line of the input asks for, and say the seconds of one, and the most memory so far, MB."""
    from pnnkern.experiments import recipe as recipes
    from pnnkern.experiments.run import assemble

    with contextlib.redirect_stdout(sys.stderr):
        settings = ("control.linear=false", "control.exact=false", "compute.threads=1", "training.epochs=2000")
        trainer = assemble(recipes.find(recipe, settings), Path("unused")).trainer
        for _ in range(5):
            trainer.advance()
    for line in sys.stdin:
        begun = time.process_time()
        for _ in range(int(line)):
            trainer.advance()
        print((time.process_time() - begun) / int(line), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


class Worker:
    """A process with one of the two checkouts."""

    def __init__(self, checkout: Path, recipe: str) -> None:
        environment = os.environ | ONE | {"PYTHONPATH": str(checkout)}
        command = [sys.executable, str(HERE / "scripts/steps_beside.py"), "--work", recipe]
        self.process = subprocess.Popen(
            command, env=environment, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def steps(self, count: int) -> tuple[float, float]:
        """Seconds a step of so many, and MB. Raises RuntimeError with what the process said last."""
        assert self.process.stdin is not None and self.process.stdout is not None and self.process.stderr is not None  # noqa: PT018
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{count}\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError((self.process.stderr.read().strip().splitlines() or ["it ended without a word"])[-1])
        return float(answer[0]), float(answer[1])

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def beside(there: Path, recipe: str, seconds: float) -> str:
    """A line on one recipe."""
    both = [Worker(there, recipe), Worker(HERE, recipe)]
    try:
        count = max(1, int(PIECE / max(one.steps(1)[0] for one in both)))
        times: list[list[float]] = [[], []]
        memory, end, turn = [0.0, 0.0], time.perf_counter() + seconds, 0
        while time.perf_counter() < end or turn < 4:
            for i in (0, 1) if turn % 2 else (1, 0):
                taken, memory[i] = both[i].steps(count)
                times[i].append(taken)
            turn += 1
    except RuntimeError as error:
        return f"{recipe:28} {error}"
    finally:
        for one in both:
            one.end()
    ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
    a, b = (1e3 * statistics.median(t) for t in times)
    return f"{recipe:28} {a:10.3f} {b:10.3f} {ratio:8.2f} {memory[0]:10.0f} {memory[1]:10.0f}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE")
    parser.add_argument("--seconds", type=float, default=7.0, help="for each recipe")
    given = parser.parse_args(arguments)
    if not (given.checkout / "pnnkern/__init__.py").is_file():
        print(f"steps_beside: {given.checkout} must be a checkout of pnnkern, but has no pnnkern/__init__.py", file=sys.stderr)
        return 2
    print(f"{'a step, ms; memory, MB':28} {'there':>10} {'here':>10} {'ratio':>8} {'there':>10} {'here':>10}", flush=True)
    for recipe in given.recipes or RECIPES:
        print(beside(given.checkout.resolve(), recipe, given.seconds), flush=True)
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        sys.path[0] = os.environ["PYTHONPATH"]
        work(sys.argv[2])
    else:
        sys.exit(main())
