"""Populations: the passes of many members of a small system at once, beside one member after another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import _array, _parallel, random
from ...systems import D2NN, CrossbarNetwork, Hopfield, ResistorCircuit, protocols
from ...systems.d2nn import Geometry
from ._timing import Row, environment, interleaved, row, with_ratios

MEMBERS, BATCH = 64, 32


@dataclass(frozen=True)
class _Case:
    """A system: how it is made on a device, from how many features, its size in words, and what one pass of a sample costs, in flops;
    `shared`: what each member costs besides, whatever the batch."""

    make: Callable[[str], Any]
    features: int
    size: str
    flops: float
    shared: float = 0.0


def _iris(device: str) -> ResistorCircuit:
    """The network of the recipe coupled-iris."""
    return ResistorCircuit(features=4, outputs=3, key=random.key(1), dtype="float64", device=device)


def _diffractive(device: str) -> D2NN:
    geometry = Geometry(layers=5, size=128, detector_size=12, input_size=64)
    return D2NN(geometry=geometry, key=random.key(1), device=device)


CASES = {
    "resistor network": _Case(_iris, 4, "60 nodes, 240 edges, float64", 2 * 10 * 3, 50**3 / 3 + 2 * 10 * 50**2),
    "crossbar network": _Case(
        lambda device: CrossbarNetwork(inputs=64, hidden=[16], key=random.key(1), device=device), 64, "64-16-10", 2 * (65 * 16 + 17 * 10)
    ),
    "Hopfield network": _Case(
        lambda device: Hopfield(inputs=64, hidden=[16], key=random.key(1), device=device), 64, "64-16-10, 15 sweeps",
        2 * (64 * 16 + 15 * 2 * 16 * 10),
    ),
    "diffractive network": _Case(_diffractive, 784, "5 masks of 128 x 128", 6 * (2 * 128 + 2 * 256) * 5 * 256 * 8),
}  # fmt: skip


def population(name: str, device: str, seconds: float, members: int = MEMBERS, batch: int = BATCH) -> list[Row]:
    """One case of `CASES`: a population and the loop over its members in turn. "error": how far they are apart, of the largest output."""
    case, rng = CASES[name], np.random.default_rng(0)
    system = case.make(device)
    side = round(case.features**0.5)
    shape = (side, side) if case.features == 784 else (case.features,)
    inputs = system.encode(rng.random((batch, *shape)).astype(np.float32))
    xp = _array.device_namespace(device)
    parameters = {
        n: (xp.asarray(rng.uniform(0.9, 1.1, (members, *p.shape)).astype(p.dtype)) * p).astype(p.dtype)
        for n, p in system.parameters.items()
    }
    contenders: dict[str, Callable[[], Any]] = {
        "pnnkern": lambda: system.forward_population(inputs, parameters),
        "a loop over members": lambda: protocols.population(system, inputs, parameters),
    }
    times = interleaved(contenders, device, seconds)
    at_once, one_by_one = (_array.to_numpy(run()).astype(np.float64) for run in contenders.values())
    work = f"{members} members, {case.size}, batch {batch}"
    size = sum(p.nbytes for p in parameters.values()) + inputs.nbytes + at_once.nbytes
    flops = members * (batch * case.flops + case.shared)
    rows = [row(f"population, {name}", work, n, ms, size, flops, device) for n, ms in times.items()]
    rows[1]["error"] = float(abs(at_once - one_by_one).max() / abs(one_by_one).max())
    return with_ratios(rows)


def run(device: str = "cpu", budget: float = 60.0) -> list[Row]:
    """All cases on one device within about `budget` seconds; on a CPU on one thread."""
    with environment(PNNKERN_NUM_THREADS="1"), _parallel.blas_alone():
        return [found for name in CASES for found in population(name, device, budget / len(CASES))]
