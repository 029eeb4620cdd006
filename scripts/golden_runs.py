"""Golden runs: what every recipe, and every rule on every system, trains to, recorded at one commit and held against another to the bit.

Of the checkout in the current folder, wherever the script itself lies:

    python scripts/golden_runs.py record FILE.json               # also writes FILE.npz, the parameters
    python scripts/golden_runs.py compare FILE.json              # does the same runs again; exit code 1 if anything differs
    python scripts/golden_runs.py compare FILE.json --only '*drn*'

A recipe runs two epochs on a few samples of its data, on smaller systems where it would take long; a cell of `pnnkern list --matrix` two
steps from its system's recipe with only `rule.kind` changed. Runs are recorded with their overrides and repeated with the same. What does
not run is recorded with its message. A recipe whose data lie in PNNKERN_DATA is skipped where they do not. One thread: sums over threads
depend on how many there are.
"""

import os

if __name__ == "__main__":
    for library in ("OMP", "NUMBA", "MKL", "OPENBLAS", "PNNKERN"):
        os.environ[f"{library}_NUM_THREADS"] = "1"  # read when the libraries are first imported

import argparse
import fnmatch
import hashlib
import importlib.metadata
import json
import math
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path.cwd()), str(Path(__file__).resolve().parents[1] / "tests")]  # the checkout that it is called in

from small_recipes import QUICK, SMALL  # noqa: E402

# Of a recipe: two epochs on so many samples, all of small data sets.
WHOLE = ("coupled-allostery", "coupled-iris", "coupled-regression", "pepg-iris", "springs-", "transistor-")
FEW = {"drn-": 64, "d2nn-": 64}
MANY = 256
SMALLER = {"drn-3h-mnist": ["system.hidden=[512,512,512]"]}
# Where a cell does not run at its defaults, the first of these that lets it run is recorded as well.
INSTEAD = [
    ["rule.beta=0.001"],
    ["rule.eta=1.0"],
    ["system.activation=sigmoid"],
    ["rule.rate=1e-5"],
    ["rule.beta=0.001", "rule.rate=1e-6"],
    ["rule.c=1e-5"],
]
SKIPPED = "PNNKERN_DATA"  # in the message of a run whose data are not there
STEPS = 3  # whose losses are shown
WIDTH = 68  # of the column of names


@dataclass
class Result:
    """What a run came to, or in one line why it did not."""

    losses: list[float]
    accuracy: float
    parameters: dict[str, np.ndarray]
    error: str = ""

    def described(self) -> dict[str, Any]:
        """Everything but the parameters, of which digests."""
        digests = {name: digest(array) for name, array in self.parameters.items()}
        return {"losses": self.losses, "accuracy": self.accuracy, "parameters": digests, "error": self.error}


def carry_out(recipe_name: str, overrides: list[str]) -> Result:
    """Train to the end of the recipe and test once. The only place that knows the package."""
    from pnnkern.experiments import recipe, run

    trainer = run.assemble(recipe.find(recipe_name, overrides), Path("nowhere")).trainer
    for _ in range(trainer.steps):
        trainer.advance()
    _, accuracy = trainer.evaluate()
    kept = {path.removeprefix("parameters/"): x for path, x in trainer.saved().items() if path.startswith("parameters/")}
    return Result(list(trainer.losses), float(accuracy), kept)


def cells() -> list[tuple[str, str]]:
    """(rule, system) that the matrix says train, some with another value than in the recipe."""
    from pnnkern.experiments import matrix

    return [(rule, system) for rule, row in matrix.collect().items() for system, cell in row.items() if not cell.reason]


def recipe_of(system: str) -> str:
    """The recipe that stands for a kind of system."""
    from pnnkern.systems import kinds

    return str(kinds.classes()[system].recipe)


def batch_of(recipe_name: str, overrides: list[str]) -> int:
    """Samples of a step."""
    from pnnkern.experiments import recipe

    return int(recipe.find(recipe_name, overrides).training.batch)


def recipes() -> list[str]:
    """The recipes there are."""
    from pnnkern.experiments import recipe

    return recipe.names()


# ------------------------------------------------------------------------------------------------------------------------ runs
def runs() -> Iterator[tuple[str, str, list[str]]]:
    """(name, recipe, overrides) of every run."""
    for name in recipes():
        count = next((n for key, n in FEW.items() if name.startswith(key)), MANY)
        samples = [] if name.startswith(WHOLE) else [f"data.train={count}", "data.test=64"]
        yield name, name, [*QUICK, "training.epochs=2", *samples, *SMALLER.get(name, ())]
    for rule, system in cells():
        name, own = recipe_of(system), SMALL[system]
        overrides = [*QUICK, "training.epochs=1", "data.test=32", f"rule.kind={rule}", *own]
        yield f"{rule} @ {system}", name, [*overrides, f"data.train={2 * batch_of(name, own)}"]


def tried(recipe_name: str, overrides: list[str]) -> Result:
    """`carry_out`, or the line that it ends with."""
    try:
        return carry_out(recipe_name, overrides)
    except Exception as error:  # whatever a checkout does wrong is to be said of this run, and the others are to run
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return Result([], math.nan, {}, line)


def digest(array: np.ndarray) -> str:
    """SHA-256 of type, shape and values."""
    head = f"{array.dtype.str} {array.shape} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def environment() -> dict[str, str]:
    """What decides on last bits besides the checkout."""
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba", "scikit-learn")}
    return versions | {"python": platform.python_version(), "machine": f"{platform.machine()} {platform.processor()}"}


def record(file: Path, only: str) -> int:
    """Carry out every run and write what they came to."""
    entries: dict[str, Any] = {}
    arrays: dict[str, Any] = {}

    def carried(name: str, recipe_name: str, overrides: list[str]) -> bool:
        began = time.monotonic()
        result = tried(recipe_name, overrides)
        if SKIPPED in result.error:
            print(f"{name:<{WIDTH}}skipped: {result.error}")
            return False
        entries[name] = {"recipe": recipe_name, "overrides": overrides, **result.described()}
        arrays.update({f"{name}/{key}": x for key, x in result.parameters.items()})
        says = result.error or f"{len(result.losses)} steps, loss {result.losses[-1]:.6g}, accuracy {result.accuracy:.4f}"
        print(f"{name:<{WIDTH}}{time.monotonic() - began:6.1f} s  {says}", flush=True)
        return not result.error

    for name, recipe_name, overrides in runs():
        if fnmatch.fnmatch(name, only) and not carried(name, recipe_name, overrides) and "@" in name:
            other = next((keys for keys in INSTEAD if not tried(recipe_name, [*overrides, *keys]).error), None)
            if other:
                carried(f"{name}, {' '.join(other)}", recipe_name, [*overrides, *other])
    file.write_text(json.dumps({"environment": environment(), "runs": entries}, indent=1) + "\n")
    np.savez(file.with_suffix(".npz"), **arrays)
    failed = sum(bool(entry["error"]) for entry in entries.values())
    print(f"{len(entries)} runs in {file}, of which {failed} do not run")
    return 0


# --------------------------------------------------------------------------------------------------------------------- compare
def compare(file: Path, only: str) -> int:
    """Carry out the recorded runs with this checkout and say what differs; 1 if anything does."""
    recorded = json.loads(file.read_text())
    changed = {k: f"{v} -> {environment()[k]}" for k, v in recorded["environment"].items() if v != environment()[k]}
    if changed:
        print(f"note: recorded elsewhere, bits may differ for that: {changed}")
    differ, count, skipped = [], 0, 0
    steps = "".join(f"{f'loss {step}':>10}" for step in range(STEPS))
    print(f"{'largest relative difference of':<{WIDTH}}{steps}{'parameters':>12}  accuracy")
    with np.load(file.with_suffix(".npz")) as before:
        for name, entry in recorded["runs"].items():
            if not fnmatch.fnmatch(name, only):
                continue
            result = tried(entry["recipe"], entry["overrides"])
            if SKIPPED in result.error:
                skipped += 1
                print(f"{name:<{WIDTH}}skipped: {result.error}")
                continue
            count += 1
            line, same = verdict(entry, result, name, before)
            print(f"{name:<{WIDTH}}{line}", flush=True)
            if not same:
                differ.append(name)
    offered, known = {name for name, _, _ in runs()}, {name.partition(",")[0] for name in recorded["runs"]}
    offered, known = ({*fnmatch.filter(names, only)} for names in (offered, known))
    new, gone = sorted(offered - known), sorted(known - offered)
    for names, what in ((new, "not in the record"), (gone, "no longer offered by this checkout")):
        if names:
            print(f"{what}: {', '.join(names)}")
    print(f"{count - len(differ)} of {count} runs are the same to the bit{f', {skipped} were skipped' if skipped else ''}")
    if differ:
        print(f"not the same: {', '.join(differ)}")
    return int(bool(differ))


def verdict(entry: dict[str, Any], result: Result, name: str, before: Any) -> tuple[str, bool]:
    """A line on a run beside its record, and whether both are the same to the bit."""
    now = result.described()
    if entry["error"] or now["error"]:
        if entry["error"] == now["error"]:
            return f"as before does not run: {now['error']}", True
        return (f"does not run: {now['error']}" if now["error"] else "runs now") + f" (before: {entry['error'] or 'ran'})", False
    if all(now[key] == entry[key] for key in ("losses", "accuracy", "parameters")):
        return "the same to the bit", True
    if len(now["losses"]) != len(entry["losses"]):
        return f"{len(now['losses'])} steps, before {len(entry['losses'])}", False
    if {k: x.shape for k, x in result.parameters.items()} != {k: before[f"{name}/{k}"].shape for k in entry["parameters"]}:
        return f"has other parameters: {', '.join(result.parameters)}; before {', '.join(entry['parameters'])}", False
    shown = [relative(one, other) for one, other in zip(now["losses"][:STEPS], entry["losses"][:STEPS])]
    columns = "".join(f"{x:>10.1e}" for x in shown) + " " * 10 * (STEPS - len(shown))
    far = {k: relative(x, before[f"{name}/{k}"]) for k, x in result.parameters.items()}
    worst = max(far, key=far.__getitem__)
    score = f"{entry['accuracy']:.4f} -> {now['accuracy']:.4f}" if entry["accuracy"] != now["accuracy"] else "same"
    types = ", other types" if any(x.dtype != before[f"{name}/{k}"].dtype for k, x in result.parameters.items()) else ""
    return f"{columns}{far[worst]:>12.1e}  {score} ({worst}{types})", False


def relative(one: Any, other: Any) -> float:
    """Largest difference over the largest of the recorded values."""
    one, other = np.asarray(one), np.asarray(other)
    scale = float(np.abs(other).max(initial=0.0))
    return float(np.abs(one - other).max(initial=0.0)) / scale if scale else float(np.abs(one).max(initial=0.0))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "compare"))
    parser.add_argument("file", type=Path, help="a .json; the parameters lie beside it as .npz")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="runs by name: ep-digits, 'spsa @ *', '*drn*'")
    given = parser.parse_args(argv)
    return {"record": record, "compare": compare}[given.what](given.file, given.only)


if __name__ == "__main__":
    sys.exit(main())
