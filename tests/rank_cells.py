"""Every rule and every writer on a system that is small, for ranks to train; run by mpiexec, each rank writes what it has come to.

As a program: rank_cells.py FOLDER PIECES exact|inexact|gpu ...
"inexact": of some cells. "gpu": on the stand-in for CuPy, whose arrays lie in the host's memory, so that MPI may be given them as one that
knows of GPUs is, and NCCL can be played by MPI.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import strict_cupy
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
INEXACT = ("in-silico", "equilibrium-propagation", "spsa", "pulsed")
WAYS = ("mpi", "cuda-mpi", "nccl")


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


def of_gpus() -> dict[str, recipe.Recipe]:
    """Some on a GPU: large arrays and small ones, factors and gradients, samples that live there."""
    return {kind: _small(kind, "compute.device=cuda", *more) for kind, more in (("d2nn", []), ("crossbar", ["system.writer=pulsed"]))}


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


class Nccl:
    """cupy.cuda.nccl, played by MPI."""

    NCCL_UINT8, NCCL_FLOAT32, NCCL_FLOAT64, NCCL_SUM = 1, 7, 8, 0

    def __init__(self) -> None:
        self.pending: list[Any] = []

    def get_unique_id(self) -> tuple[int, ...]:
        return tuple(range(-64, 64))

    def NcclCommunicator(self, size: int, token: tuple[int, ...], rank: int) -> "Nccl":
        from mpi4py import MPI

        assert token == self.get_unique_id()
        assert (size, rank) == (MPI.COMM_WORLD.size, MPI.COMM_WORLD.rank)
        self.world, self.at = MPI.COMM_WORLD, MPI.memory.fromaddress
        return self

    def groupStart(self) -> None:
        assert not self.pending

    def send(self, ptr: int, count: int, dtype: int, peer: int, stream: int) -> None:
        assert dtype == self.NCCL_UINT8
        self.pending.append(self.world.Isend(self.at(ptr, count), peer))

    def recv(self, ptr: int, count: int, dtype: int, peer: int, stream: int) -> None:
        assert dtype == self.NCCL_UINT8
        self.pending.append(self.world.Irecv(self.at(ptr, count), peer))

    def allReduce(self, source: int, target: int, count: int, dtype: int, operation: int, stream: int) -> None:
        from mpi4py import MPI

        assert operation == self.NCCL_SUM
        size, kind = {self.NCCL_FLOAT32: (4, MPI.FLOAT), self.NCCL_FLOAT64: (8, MPI.DOUBLE)}[dtype]
        self.world.Allreduce([self.at(source, count * size), kind], [self.at(target, count * size), kind], MPI.SUM)

    def groupEnd(self) -> None:
        for request in self.pending:
            request.Wait()
        self.pending.clear()


def write(file: str, chosen: dict[str, recipe.Recipe], **compute: Any) -> None:
    """All states of this rank into `file` with its number, by cell and key."""
    with ranks.taking_part(tables.Compute(threads=1, patience=60.0, **compute)) as here:
        states = {f"{name}|{key}": array for name, each in chosen.items() for key, array in trained(each).items()}
        np.savez(f"{file}.{here.rank}", **states)


def main(folder: str, pieces: int, *parts: str) -> None:
    communicator.PIECES = pieces
    if "exact" in parts:
        write(f"{folder}/exact", cells())
    if "inexact" in parts:
        write(f"{folder}/inexact", {name: chosen for name, chosen in cells().items() if name in INEXACT}, exact_sums=False)
    if "gpu" in parts:
        with strict_cupy.installed() as cupy:
            ranks.takes_gpus = lambda: True  # these arrays lie where any MPI takes them
            cupy.cuda.nccl = Nccl()
            sys.modules["cupy.cuda.nccl"] = cupy.cuda.nccl
            for way in WAYS:
                write(f"{folder}/{way}", of_gpus(), device="cuda", ranks=way)
                write(f"{folder}/{way}-inexact", of_gpus(), device="cuda", ranks=way, exact_sums=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
