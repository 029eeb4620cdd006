"""Every rule and every writer on a system that is small, for ranks to train; run by mpiexec, each rank writes what it has come to.

As a program: rank_cells.py FILE PIECES [inexact].
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from small_recipes import QUICK, SMALL

from pnnkern import communicator
from pnnkern.experiments import matrix, ranks, recipe, tables
from pnnkern.experiments.run import assemble

TOYS = {  # the first that the matrix crosses
    "resistor-network": ["system.nodes=20", "system.degree=4", "system.measurement_noise=1e-3"],
    "crossbar": ["system.hidden=[9]", "system.cell_noise=1e-3"],
    "hopfield": ["system.hidden=[9]", "system.activation='sigmoid'"],
    "boltzmann": ["system.hidden=[9]"],
}
SYSTEM = {rule: next((s for s in TOYS if not row[s].reason), "") for rule, row in matrix.collect().items()}
FEW = ["training.batch=29", "training.epochs=3", "compute.chunk=8"]
STEPS = 3


def of_rule(rule: str) -> recipe.Recipe:
    """A rule on the first of these systems that it can train, in shards of 8 samples."""
    return _small(SYSTEM[rule], "compute.dtype=float64", f"rule.kind={rule}")


def of_writers() -> dict[str, recipe.Recipe]:
    """Every writer, by its name: of pulsed devices, of potentiometers; those that write in place come with their systems, as d2nn has none."""
    pulsed = ["pulsed", "mixed-precision", *(f"tiki-taka-{way}" for way in ("v1", "v2", "chopped", "dynamic"))]
    found = {way: _small("crossbar", f"system.writer={way}") for way in pulsed}
    steps = {"steps": "system.step=1e-4", "rheostats": "system.ohms=10", "signs": "system.step=1e-4"}
    found |= {way: _small("resistor-network", key, f"system.by_sign={str(way == 'signs').lower()}") for way, key in steps.items()}
    return found | {kind: _small(kind) for kind in ("d2nn", "ising", "oscillators")}


def cells() -> dict[str, recipe.Recipe]:
    """All of them."""
    return {rule: of_rule(rule) for rule in SYSTEM} | of_writers()


def _small(kind: str, *settings: str) -> recipe.Recipe:
    few = [] if kind == "resistor-network" else ["data.train=58", "data.test=58"]
    chosen = [*QUICK, *SMALL[kind], *TOYS.get(kind, []), *FEW, *few, *settings]
    return recipe.find(recipe.kinds("system")[kind].recipe, chosen)  # type: ignore[attr-defined]


def trainer(chosen: recipe.Recipe) -> Any:
    """What trains it."""
    return assemble(chosen, Path("nowhere")).trainer


def trained(chosen: recipe.Recipe) -> dict[str, np.ndarray]:
    """Everything that is saved after some steps and an evaluation."""
    made = trainer(chosen)
    for _ in range(STEPS):
        made.advance()
    made.evaluations.append(made.evaluate())
    state: dict[str, np.ndarray] = made.saved()
    return state


def main(file: Path, pieces: int, exact: bool) -> None:
    """Write all states of this rank to `file` with its number, by cell."""
    communicator.PIECES = pieces
    with ranks.taking_part(tables.Compute(exact_sums=exact, threads=1, patience=60.0)) as here:
        states = {f"{name}|{key}": array for name, chosen in cells().items() for key, array in trained(chosen).items()}
        np.savez(f"{file}.{here.rank}", **states)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), "inexact" not in sys.argv)
