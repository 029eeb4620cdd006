"""The rows of `gpu_check.sh --measure`: what this card can do, and what our kernels and training steps take of it.

Run by gpu_check.py, as ``gpu_measure.py [--small] [--end TIME] ROW ...``.
"""

import functools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import gpu_clock
import gpu_record
import gpu_steps
import numpy as np
from gpu_clock import Row, Step, copy_rate, cupy, measured, timed

from pnnkern import crossbar, random
from pnnkern.experiments import device_steps
from pnnkern.experiments.bench import _crossbar_read, _timing, optics
from pnnkern.experiments.bench import random as draws
from pnnkern.networks import _layered
from pnnkern.optics import _layer

Measure = Callable[[float], Row]  # a row, in about so many seconds


# --------------------------------------------------------------------------------------------------------------- training steps
def training(recipe: str, batch: int) -> Measure:
    """A row for the training step of a recipe."""

    def row(seconds: float) -> Row:
        trainer = gpu_steps.trainer(recipe, "cuda", batch=batch, small=gpu_clock.SMALL)
        return measured(trainer.advance, seconds)

    return row


def captured(recipe: str, batch: int) -> Measure:
    """A row for the training step of a recipe as one launch of a graph; now and then an epoch begins."""

    def row(seconds: float) -> Row:
        trainer = gpu_steps.trainer(recipe, "cuda", batch=batch, small=gpu_clock.SMALL, graph="on", steps=64)
        for _ in range(device_steps.WARM + 1):
            trainer.advance()
        return timed(trainer.advance, seconds)

    return row


def profile(recipe: str, batch: int) -> Measure:
    """A row for all that the GPU does in the training step of a recipe; needs torch."""

    def row(seconds: float) -> Row:
        return gpu_clock.profiled(gpu_steps.trainer(recipe, "cuda", batch=batch, small=gpu_clock.SMALL).advance)

    return row


def light(batch: int) -> Measure:
    """A row for the diffractive network's step, with the bytes that its fused layers move as they are counted in `_layer`."""

    def row(seconds: float) -> Row:
        made = training("d2nn-mnist", batch)(seconds)
        n, side, layers = 200, 400, 5
        moved = _layer.traffic(batch, n, side, layers, save=True) + _layer.traffic_vjp(batch, n, side, layers)
        return made | {"layer_bytes": moved, "layer_floor_ms": 1e3 * moved / copy_rate()}

    return row


# ------------------------------------------------------------------------------------------------------------- crossbars, draws
def wires(n: int) -> Measure:
    """A row for the effective conductance of n x n cells; up to 256 also its gradient."""

    def row(seconds: float) -> Row:
        side = n if not gpu_clock.SMALL else 6
        G = cupy().asarray(np.random.default_rng(0).uniform(1e-6, 1e-4, (side, side)))
        made = measured(lambda: crossbar.effective_conductance(G, wires=1.0), seconds / 2)
        if n <= 256:
            made["gradient"] = measured(lambda: crossbar.effective_conductance_vjp(G, G, wires=1.0), seconds / 2)
        return made

    return row


def read(batch: int, n_in: int, n_out: int) -> Measure:
    """A row for a read with converters and noise of all cells, beside the bare product and the same by CuPy's operations."""

    def row(seconds: float) -> Row:
        xp, rng = cupy(), np.random.default_rng(0)
        sizes = (batch, n_in, n_out) if not gpu_clock.SMALL else (3, 5, 4)
        V = xp.asarray(rng.uniform(0, 0.2, sizes[:2]).astype(np.float32))
        G = xp.asarray(rng.uniform(1e-6, 1e-4, sizes[1:]).astype(np.float32))
        settings: Any = {"noise": crossbar.GaussianNoise(relative=0.02), "dac": crossbar.DAC(8), "key": random.key(2), "sample": 0}
        peers = {"bare product": lambda: V @ G, "CuPy": lambda: _plain_read(V, G)}
        return measured(lambda: crossbar.read(V, G, **settings), seconds / 2) | beside(peers, seconds / 2)

    return row


def _plain_read(V: Any, G: Any) -> Any:
    """The same read, an operation at a time."""
    xp = cupy()
    lsb = np.float32(0.2 / 127)
    v = xp.clip(xp.rint(V / lsb), -127, 127) * lsb
    return v @ G + xp.sqrt((v * v) @ (np.float32(0.02) * G) ** 2) * xp.random.standard_normal((len(V), G.shape[1]), np.float32)


def draw(kind: str) -> Measure:
    """A row for draws of one kind, 2^26 of them; beside CuPy's and torch's, where these have them in one call."""

    def row(seconds: float) -> Row:
        xp, shape = cupy(), (64, 1 << 20) if not gpu_clock.SMALL else (2, 100)
        like, key = xp.empty(0, np.float32), random.key(1)
        values = xp.full(shape, 0.5 if kind == "bernoulli" else 40.0, np.float32) if kind in ("bernoulli", "poisson") else None
        function = getattr(random, kind)
        made = measured(lambda: function(key, shape, like=like) if values is None else function(key, values, shape), seconds / 2)
        if kind in ("uniform", "normal", "poisson"):
            made["contenders"] = draws._case("cuda", seconds / 2, kind, (64 if not gpu_clock.SMALL else 1) << 20)
        return made

    return row


def beside(peers: dict[str, Step], seconds: float) -> Row:
    """Milliseconds of what others do for the same, or why there is no such number."""
    found: dict[str, Any] = {}
    for name, peer in peers.items():
        try:
            found[name] = timed(peer, seconds / len(peers))["row_ms"]
        except Exception as error:  # our own number stays
            found[name] = f"{type(error).__name__}: {error}"[:200]
    return {"peers": found}


# --------------------------------------------------------------------------------------------- benchmarks with peers, and constants
def bench(case: Callable[..., list[Row]], small: Row, **sizes: Any) -> Measure:
    """A row that holds those of a benchmark's case, ours and peers', with floors at the measured copy rate."""

    def row(seconds: float) -> Row:
        with mock.patch.dict(_timing.PEAKS, {"cuda": (copy_rate(), _timing.PEAKS["cuda"][1])}):
            return {"contenders": case("cuda", seconds=seconds, **(small if gpu_clock.SMALL else sizes))}

    return row


def constant(module: Any, name: str, values: list[int], recipe: str, batch: int) -> Measure:
    """A row for a training step with different values of a tuning constant, which take turns."""

    def row(seconds: float) -> Row:
        trainer = gpu_steps.trainer(recipe, "cuda", batch=batch, small=gpu_clock.SMALL)
        trainer.advance()
        one, rounds = max(1e-3, gpu_clock.on_gpu(trainer.advance, 1)[0] / 1e3), 3 if not gpu_clock.SMALL else 1
        calls = max(1, min(50, int(seconds / rounds / len(values) / one) - 1))
        found: dict[str, list[float]] = {str(value): [] for value in values}
        for value in values * rounds:
            with mock.patch.object(module, name, value):
                trainer.advance()
                found[str(value)].append(gpu_clock.on_gpu(trainer.advance, calls)[0])
        return {"constant": name, "now": getattr(module, name), "row_ms": {value: statistics.median(ms) for value, ms in found.items()}}

    return row


STATES = [m << 20 for m in (8, 16, 24, 32, 40, 60, 80, 120)]
PROFILED = (("d2nn-mnist", 50), ("drn-mnist", 4), ("oim-mnist", 16), ("crossbar-digits", 32), ("coupled-iris", 34))
# name: the row, and its share of the time
ROWS: dict[str, tuple[Measure, float]] = {
    "card": (gpu_clock.card, 1), "d2nn 50": (light(50), 2), "d2nn 64": (light(64), 1), "d2nn 490": (light(490), 2),
    "drn 4": (training("drn-mnist", 4), 1), "drn 128": (training("drn-mnist", 128), 1), "drn-2h 4": (training("drn-2h-mnist", 4), 1),
    "captured d2nn 50": (captured("d2nn-mnist", 50), 1), "captured drn 4": (captured("drn-mnist", 4), 1),
    "captured drn-2h 4": (captured("drn-2h-mnist", 4), 1), "captured hopfield 16": (captured("hopfield-mnist", 16), 1),
    "captured oscillators 16": (captured("oim-mnist", 16), 1), "captured ep-conv 16": (captured("ep-conv-digits", 16), 1),
    "oscillators 16": (training("oim-mnist", 16), 1), "coupled learning, iris 34": (training("coupled-iris", 34), 1),
    "coupled learning, images 20": (training("coupled-mnist", 20), 1), "crossbar-digits 32": (training("crossbar-digits", 32), 1),
    "crossbar-digits-pulsed 32": (training("crossbar-digits-pulsed", 32), 1),
    "wires 64": (wires(64), 1), "wires 256": (wires(256), 1), "wires 1024": (wires(1024), 1),
    "read 32 x 785 x 256": (read(32, 785, 256), 1), "read 256 x 512 x 512": (read(256, 512, 512), 1),
    "read 4096 x 1024 x 1024": (read(4096, 1024, 1024), 1),
    **{f"draw {kind}": (draw(kind), 1) for kind in ("uniform", "normal", "words", "bernoulli", "poisson")},
    "STATE, d2nn 490": (constant(_layer, "STATE", STATES, "d2nn-mnist", 490), 3),
    "THREADS, drn 4": (constant(_layered, "THREADS", [128, 256, 512], "drn-mnist", 4), 1),
    "THREADS, drn 128": (constant(_layered, "THREADS", [128, 256, 512], "drn-mnist", 128), 1),
    **{f"all of {recipe} {batch}": (profile(recipe, batch), 1) for recipe, batch in PROFILED},
    "layer chain": (bench(optics.layer_chain, {"batch": 2, "n": 128, "layers": 1}), 2),
    "angular spectrum": (bench(optics.angular_spectrum, {"batch": 2, "n": 16}), 1),
    "D2NN step beside torch": (bench(optics.d2nn_step, {"batch": 1}, batch=50), 2),
    "forward chain of a crossbar": (bench(_crossbar_read.forward_chain, {"batch": 3, "n": 5}), 1),
    "fresh noise": (bench(_crossbar_read.fresh_noise, {"batch": 3, "n": 5}), 1),
}  # fmt: skip

def main() -> int:
    parser = gpu_record.arguments("rows of a measurement")
    parser.add_argument("--end", type=float, default=time.time() + 120, help="when to be done, in seconds since 1970 [in two minutes]")
    chosen = parser.parse_args()
    if chosen.list:
        return gpu_record.tell(ROWS)
    gpu_clock.SMALL = chosen.small

    def share(i: int) -> Row:
        """Row i in its part of the time that is left; two fifths of it go into setting up."""
        left = [ROWS[name][1] for name in chosen.rows[i:]]
        return ROWS[chosen.rows[i]][0](0.6 * (chosen.end - time.time()) * left[0] / sum(left))

    rows = {name: functools.partial(share, i) for i, name in enumerate(chosen.rows)}
    return gpu_record.serve(rows, chosen.rows)


if __name__ == "__main__":
    sys.exit(main())
