"""The rows of `gpu_check.sh --measure`: what this card can do, and what our kernels and training steps take of it.

    python scripts/gpu_measure.py [--small] [--seconds S] ROW ...        rows for gpu_check.py, which starts this
    python scripts/gpu_measure.py --table RECORD.json                    a record as Markdown tables
"""

import argparse
import contextlib
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import gpu_record
import gpu_steps
import numpy as np

from pnnkern import _array, _launch, crossbar, random
from pnnkern.experiments.bench import _crossbar_read, _timing, optics
from pnnkern.experiments.bench import random as draws
from pnnkern.networks import _layered
from pnnkern.optics import _layer

Row = dict[str, Any]
Step = Callable[[], Any]
REPEATS = 1000  # of calls whose cost on the host is measured


@functools.cache
def cupy() -> Any:
    return _array.cupy()


def wait() -> None:
    cupy().cuda.Device().synchronize()


# ------------------------------------------------------------------------------------------------------------- clocks and events
def on_gpu(step: Step, count: int) -> tuple[float, float]:
    """Milliseconds of each of `count` calls in a row: on the GPU by events, and of Python until the last call has returned."""
    xp = cupy()
    first, last = xp.cuda.Event(), xp.cuda.Event()
    wait()
    began = time.perf_counter()
    first.record()
    for _ in range(count):
        step()
    last.record()
    host = time.perf_counter() - began
    last.synchronize()
    return xp.cuda.get_elapsed_time(first, last) / count, 1e3 * host / count


def timed(step: Step, seconds: float) -> Row:
    """Undisturbed. wall_ms : median of calls that are waited for. row_ms, host_ms : of calls one after another, all and Python's share."""
    for _ in range(3):
        step()
    wait()
    walls: list[float] = []
    end = time.perf_counter() + seconds / 2
    while len(walls) < 3 or (len(walls) < 50 and time.perf_counter() < end):
        began = time.perf_counter()
        step()
        wait()
        walls.append(1e3 * (time.perf_counter() - began))
    wall = statistics.median(walls)
    in_a_row, host = on_gpu(step, max(2, min(50, int(250 * seconds / wall))))
    return {"wall_ms": wall, "best_ms": min(walls), "calls": len(walls), "row_ms": in_a_row, "host_ms": host}


@contextlib.contextmanager
def events() -> Iterator[list[tuple[str, Any, Any, int]]]:
    """Events around every launch of our kernels: (kernel, before, after, bytes of its arguments, each once)."""
    xp, seen, real = cupy(), list[tuple[str, Any, Any, int]](), _launch._OnGPU.__call__

    def marked(self: Any, args: tuple[Any, ...], *how: Any) -> None:
        before, after = xp.cuda.Event(), xp.cuda.Event()
        before.record()
        real(self, args, *how)
        after.record()
        seen.append((self.kernel.name, before, after, sum(a.nbytes for a in args if _array.is_array(a))))

    with mock.patch.object(_launch._OnGPU, "__call__", marked):
        yield seen


def by_kernel(step: Step) -> Row:
    """Each kernel's GPU time in one call beside the time that its bytes take at the measured copy rate; events add 2 to 3 us a launch."""
    with events() as seen:
        step()
        wait()
    kernels: dict[str, dict[str, float]] = {}
    for name, before, after, size in seen:
        entry = kernels.setdefault(name, {"launches": 0, "gpu_us": 0.0, "bytes": 0})
        entry["launches"] += 1
        entry["gpu_us"] += 1e3 * cupy().cuda.get_elapsed_time(before, after)
        entry["bytes"] += size
    for entry in kernels.values():
        entry["floor_us"] = 1e6 * entry["bytes"] / copy_rate()
    total = sum(entry["gpu_us"] for entry in kernels.values()) / 1e3
    return {"launches": len(seen), "own_kernels_ms": total, "kernels": dict(sorted(kernels.items(), key=lambda k: -k[1]["gpu_us"]))}


def measured(step: Step, seconds: float) -> Row:
    """Undisturbed, then once with events."""
    return timed(step, seconds) | by_kernel(step)


# ---------------------------------------------------------------------------------------------------------------------- the card
@functools.cache
def copy_rate(megabytes: int = 512) -> float:
    """Bytes read and written per second by a copy on the device."""
    xp = cupy()
    source = xp.ones(megabytes << 18 if not SMALL else 1 << 10, np.float32)
    to = xp.empty_like(source)
    on_gpu(lambda: xp.copyto(to, source), 2)
    return float(2e3 * source.nbytes / on_gpu(lambda: xp.copyto(to, source), 10)[0])


EMPTY = """extern "C" __global__ void nothing() {}"""


def card(seconds: float) -> Row:
    """Copy rates in memory and in the cache, and what the smallest things cost: microseconds of Python, and of the GPU one after another."""
    xp = cupy()
    repeats = REPEATS if not SMALL else 3
    x, page = xp.zeros(256, np.float32), np.zeros((50, 28, 28), np.uint8)
    arrays = [xp.zeros((), np.float32)] * 3
    nothing = xp.RawModule(code=EMPTY, options=("-std=c++17",)).get_function("nothing")
    calls: dict[str, Step] = {
        "pnnkern launch": lambda: _launch.launch("learning/optimizer", "sgd", np.float32, 256, 0.0, 0.0, *[x] * 3, threads=256),
        "empty kernel": lambda: nothing((1,), (32,), ()),
        "CuPy operation": lambda: xp.add(x, x),
        "event": lambda: xp.cuda.Event().record(),
        "copy of a batch of images to the GPU": lambda: xp.asarray(page),
        "number read from the GPU": lambda: float(arrays[0]),
    }
    costs: dict[str, dict[str, float]] = {}
    for name, call in calls.items():
        call()
        gpu, host = on_gpu(call, repeats)
        costs[name] = {"host_us": 1e3 * host, "gpu_us": 1e3 * gpu}
    return {"copy_bytes_per_s": copy_rate(), "cache_copy_bytes_per_s": copy_rate(8), "costs": costs}


# --------------------------------------------------------------------------------------------------------------- training steps
def training(recipe: str, batch: int) -> Callable[[float], Row]:
    """A row for the training step of a recipe."""

    def row(seconds: float) -> Row:
        trainer = gpu_steps.trainer(recipe, "cuda", batch=batch, small=SMALL)
        return measured(trainer.advance, seconds)

    return row


def light(batch: int) -> Callable[[float], Row]:
    """A row for the diffractive network's step, with the bytes that its fused layers move as they are counted in `_layer`."""

    def row(seconds: float) -> Row:
        made = training("d2nn-mnist", batch)(seconds)
        n, side, layers = 200, 400, 5
        moved = _layer.traffic(batch, n, side, layers, save=True) + _layer.traffic_vjp(batch, n, side, layers)
        return made | {"layer_bytes": moved, "layer_floor_ms": 1e3 * moved / copy_rate()}

    return row


# ------------------------------------------------------------------------------------------------------------- crossbars, draws
def wires(n: int) -> Callable[[float], Row]:
    """A row for the effective conductance of n x n cells; up to 256 also its gradient."""

    def row(seconds: float) -> Row:
        side = n if not SMALL else 6
        G = cupy().asarray(np.random.default_rng(0).uniform(1e-6, 1e-4, (side, side)))
        made = measured(lambda: crossbar.effective_conductance(G, wires=1.0), seconds / 2)
        if n <= 256:
            made["gradient"] = measured(lambda: crossbar.effective_conductance_vjp(G, G, wires=1.0), seconds / 2)
        return made

    return row


def read(batch: int, n_in: int, n_out: int) -> Callable[[float], Row]:
    """A row for a read with converters and noise of all cells, beside the bare product and the same by CuPy's operations."""

    def row(seconds: float) -> Row:
        xp, rng = cupy(), np.random.default_rng(0)
        sizes = (batch, n_in, n_out) if not SMALL else (3, 5, 4)
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


def draw(kind: str) -> Callable[[float], Row]:
    """A row for draws of one kind, 2^26 of them, with what they write at the copy rate."""

    def row(seconds: float) -> Row:
        xp, shape = cupy(), (64, 1 << 20) if not SMALL else (2, 100)
        like, key = xp.empty(0, np.float32), random.key(1)
        values = xp.full(shape, 0.5 if kind == "bernoulli" else 40.0, np.float32) if kind in ("bernoulli", "poisson") else None
        function = getattr(random, kind)
        made = measured(lambda: function(key, shape, like=like) if values is None else function(key, values, shape), seconds / 2)
        peers: dict[str, Step] = {}
        if kind != "words":
            made_by = {"uniform": "random", "normal": "standard_normal", "poisson": "poisson", "bernoulli": "binomial"}[kind]
            first = {"poisson": (40.0,), "bernoulli": (1, 0.5)}.get(kind, ())
            last = () if first else (np.float32,)
            peers["CuPy"] = lambda: getattr(xp.random, made_by)(*first, shape, *last)
        return made | beside(peers | _torch_draws(kind, shape), seconds / 2)

    return row


def _torch_draws(kind: str, shape: tuple[int, int]) -> dict[str, Step]:
    torch = _timing.torch_on_one_thread()
    if torch is None or not torch.cuda.is_available() or kind == "words":
        return {}
    full = torch.full(shape, 40.0 if kind == "poisson" else 0.5, device="cuda")
    calls: dict[str, Step] = {
        "uniform": lambda: torch.rand(shape, device="cuda"), "normal": lambda: torch.randn(shape, device="cuda"),
        "poisson": lambda: torch.poisson(full), "bernoulli": lambda: torch.bernoulli(full),
    }  # fmt: skip
    return {"torch": calls[kind]}


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
def bench(case: Callable[..., list[Row]], small: Row, **sizes: Any) -> Callable[[float], Row]:
    """A row that holds those of a benchmark's case, ours and peers', with floors at the measured copy rate."""

    def row(seconds: float) -> Row:
        with mock.patch.dict(_timing.PEAKS, {"cuda": (copy_rate(), _timing.PEAKS["cuda"][1])}):
            return {"contenders": case("cuda", seconds=seconds, **(small if SMALL else sizes))}

    return row


def constant(module: Any, name: str, values: list[int], recipe: str, batch: int) -> Callable[[float], Row]:
    """A row for a training step with different values of a tuning constant, in turn, three rounds; the first value comes last again."""

    def row(seconds: float) -> Row:
        trainer = gpu_steps.trainer(recipe, "cuda", batch=batch, small=SMALL)
        found: dict[str, list[float]] = {}
        for value in values * 3:
            with mock.patch.object(module, name, value):
                found.setdefault(str(value), []).append(timed(trainer.advance, seconds / len(values) / 3)["row_ms"])
        return {"constant": name, "now": getattr(module, name), "row_ms": {value: statistics.median(ms) for value, ms in found.items()}}

    return row


STATES = [m << 20 for m in (8, 16, 24, 30, 40, 60, 80, 120)]
# name: the row, and its share of the time
ROWS: dict[str, tuple[Callable[[float], Row], float]] = {
    "card": (card, 1), "d2nn 50": (light(50), 2), "d2nn 64": (light(64), 1), "d2nn 490": (light(490), 2),
    "drn 4": (training("drn-mnist", 4), 1), "drn 128": (training("drn-mnist", 128), 1), "drn-2h 4": (training("drn-2h-mnist", 4), 1),
    "oscillators 16": (training("oim-mnist", 16), 1), "coupled learning, iris 34": (training("coupled-iris", 34), 1),
    "coupled learning, images 20": (training("coupled-mnist", 20), 1), "crossbar-digits 32": (training("crossbar-digits", 32), 1),
    "crossbar-digits-pulsed 32": (training("crossbar-digits-pulsed", 32), 1),
    "wires 64": (wires(64), 1), "wires 256": (wires(256), 1), "wires 1024": (wires(1024), 1),
    "read 32 x 785 x 256": (read(32, 785, 256), 1), "read 256 x 512 x 512": (read(256, 512, 512), 1),
    "read 4096 x 1024 x 1024": (read(4096, 1024, 1024), 1),
    **{f"draw {kind}": (draw(kind), 1) for kind in ("uniform", "normal", "words", "bernoulli", "poisson")},
    "STATE, d2nn 490": (constant(_layer, "STATE", STATES, "d2nn-mnist", 490), 3),
    "BLOCKS, d2nn 490": (constant(_layer, "BLOCKS", [264, 528, 1056], "d2nn-mnist", 490), 2),
    "BLOCKS, d2nn 50": (constant(_layer, "BLOCKS", [264, 528, 1056], "d2nn-mnist", 50), 1),
    "THREADS, drn 4": (constant(_layered, "THREADS", [128, 256, 512, 1024], "drn-mnist", 4), 1),
    "THREADS, drn 128": (constant(_layered, "THREADS", [128, 256, 512, 1024], "drn-mnist", 128), 1),
    "layer chain": (bench(optics.layer_chain, {"batch": 2, "n": 128, "layers": 1}), 2),
    "angular spectrum": (bench(optics.angular_spectrum, {"batch": 2, "n": 16}), 1),
    "D2NN step beside torch": (bench(optics.d2nn_step, {"batch": 1}, batch=50), 2),
    "forward chain of a crossbar": (bench(_crossbar_read.forward_chain, {"batch": 3, "n": 5}), 1),
    "fresh noise": (bench(_crossbar_read.fresh_noise, {"batch": 3, "n": 5}), 1),
}  # fmt: skip
SMALL = False
