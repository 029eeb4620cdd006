"""Every CPU kernel beside the same of another checkout, in turn in one process: python scripts/beside.py CHECKOUT [WORD ...]

CHECKOUT is a folder with another version of pnnkern, as `git worktree add` makes one. With WORDs: only cases with one of them in their name.
One thread, this process's own time, medians over rounds; a ratio above 1 says that this checkout is slower. Ends with the kernels that no
case came through, and with exit code 1 if a case is slower by more than SLOWER. Run such a case again: where its machine code comes to lie in
memory is a matter of luck, worth up to 30 %. Kernels that only a GPU is asked for have no case.
"""

import importlib
import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":  # before the libraries that read it; compiled code is kept under the names that the packages have here
    os.environ |= {f"{name}_NUM_THREADS": "1" for name in ("PNNKERN", "OMP", "OPENBLAS", "MKL", "NUMBA")}
    os.environ["PNNKERN_CACHE_DIR"] = str(Path.home() / ".cache" / "pnnkern-beside")

import numpy as np

ROUNDS, SLOWER = 15, 1.15
HERE = Path(__file__).resolve().parents[1]
Case = Callable[[], Any]


def load(checkout: Path, name: str) -> ModuleType:
    """The pnnkern of a checkout, under a name of its own."""
    spec = importlib.util.spec_from_file_location(name, checkout / "pnnkern" / "__init__.py")
    if spec is None or spec.loader is None or not Path(str(spec.origin)).is_file():
        raise SystemExit(f"{checkout} must be a checkout of pnnkern, but has no pnnkern/__init__.py")
    package = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


def real(*shape: int, low: float = 0.0, high: float = 1.0, dtype: str = "float32") -> np.ndarray:
    """The same random numbers for both."""
    return np.random.default_rng(sum(shape)).uniform(low, high, shape).astype(dtype)


def field(*shape: int) -> np.ndarray:
    out: np.ndarray = np.exp(2j * np.pi * real(*shape)).astype("complex64")
    return out


def optics(pnn: Any) -> dict[str, Case]:
    o, light, u, phase = pnn.optics, {"wavelength": 633e-9, "pitch": 8e-6}, field(8, 200, 200), real(200, 200, high=6.0)
    plan, wide = o.Propagator((200, 200), distance=0.03, **light), field(4, 512, 512)
    regions, masks = o.Regions.rows((200, 200), (3, 4, 3), 20, (44, 44)), field(5, 200, 200)
    powers, bright = o.powers(u, regions), np.abs(u) ** 2
    saved = o.chain.forward(u, masks, [plan] * 6, save=True)[1]
    zoom, far = {"distance": 0.03, "out_pitch": 4e-6, "transform": "chirp_z", **light}, {"distance": 1.0, **light}
    return {
        "propagate": lambda: plan(u), "propagate_vjp": lambda: plan.vjp(u, u), "propagate_scaled": lambda: o.propagate_scaled(u, **zoom),
        "fraunhofer": lambda: o.fraunhofer(wide, **far), "fraunhofer_vjp": lambda: o.fraunhofer_vjp(wide, wide, **far),
        "chain.forward": lambda: o.chain.forward(u, masks, [plan] * 6, save=True),
        "chain.phase_adjoint": lambda: o.chain.phase_adjoint(u, saved, masks, [plan] * 6),
        "chain, 16-bit floats": lambda: o.chain.phase_adjoint(
            u, o.chain.forward(u, masks, [plan] * 6, save=True, store="half")[1], masks, [plan] * 6
        ),
        "phase_mask": lambda: o.phase_mask(u, phase), "lens": lambda: o.lens(u, focal_length=1.0, **light),
        "phase_mask_vjp": lambda: o.phase_mask_vjp(u, u, phase, wrt=("field", "phase")), "intensity": lambda: o.intensity(u),
        "powers": lambda: o.powers(u, regions), "powers_vjp": lambda: o.powers_vjp(powers, u, regions),
        "detect": lambda: o.detect(bright, o.Camera(photons=100.0, full_well=1000.0, bits=8), key=pnn.random.key(1)),
    }  # fmt: skip


def draws(pnn: Any) -> dict[str, Case]:
    r, key, shape = pnn.random, pnn.random.key(1), (16, 1 << 16)
    chance, mean = real(*shape), np.full(shape, 40.0, np.float32)
    return {
        "random.words": lambda: r.words(key, shape), "random.uniform": lambda: r.uniform(key, shape),
        "random.normal": lambda: r.normal(key, shape), "random.normal64": lambda: r.normal(key, shape, dtype=np.float64),
        "random.bernoulli": lambda: r.bernoulli(key, chance), "random.poisson": lambda: r.poisson(key, mean),
    }  # fmt: skip


def crossbars(pnn: Any) -> dict[str, Case]:
    c, key, n = pnn.crossbar, pnn.random.key(1), 256
    V, G, wires = real(64, n, low=-0.2, high=0.2), real(n, n, low=1e-6, high=25e-6), {"wires": 1.0}
    plain, noisy, clipped = (
        c.Reader(G, c.Chain(**chain))
        for chain in (
            {"dac": c.DAC(7, 0.2), "adc": c.ADC(9, 1.5e-4), "output_noise": 7e-7}, {"noise": c.GaussianNoise(relative=0.05)},
            {"noise": c.GaussianNoise(relative=0.05, clipped=True)},
        )
    )  # fmt: skip
    w, x, d, cells = real(n, n, low=-0.1, high=0.1), real(64, n, low=-1), real(64, n, low=-0.1, high=0.1), c.ConstantStep()
    w, counts = c.clip_weights(w, device=cells, key=key), np.ones((n, n), np.int32)
    wide, curved = G.astype(float), c.sinh_iv(0.3)
    pairs = c.Crossbar(chain=c.Chain(dac=c.DAC(7, 0.2), output_noise=7e-7))
    layer = c.Layer(c.program_weights(w, pairs), pairs)
    return {
        "read, converters": lambda: plain(V, key=key), "read, cell noise": lambda: noisy(V, key=key),
        "read, tf32": lambda: c.read(V, G, precision="tf32"), "layer of pairs": lambda: layer(x, key=key),
        "read, clipped noise": lambda: clipped(V[:8], key=key),
        "read_vjp, clipped noise": lambda: c.read_vjp(V[:8], V[:8], G, noise=c.GaussianNoise(relative=0.05, clipped=True), key=key,
                                                      wrt=("V", "G")),
        "convert": lambda: (c.convert(V, c.DAC(7, 0.2)), c.convert(V, c.ADC(9, 0.2))),
        "program": lambda: c.program(G, key=key), "drift": lambda: c.drift(G, time=1e4, key=key),
        "pulse_update": lambda: c.pulse_update(w, x, d, device=cells, lr=0.05, key=key),
        "apply_pulses": lambda: c.apply_pulses(w, counts, device=cells, key=key),
        "device_cells": lambda: c.device_cells(cells, (n, n), key=key),
        "effective_conductance": lambda: c.effective_conductance(wide[:128, :128], **wires),
        "effective_conductance_vjp": lambda: c.effective_conductance_vjp(wide[:128, :128], wide[:128, :128], **wires),
        "node_voltages": lambda: c.node_voltages(V[:4, :128].astype(float), wide[:128, :128], **wires),
        "solve_currents": lambda: c.solve_currents(V[:4].astype(float), wide, method="cg", **wires),
        "solve_currents, curved cells": lambda: c.solve_currents(V[:4].astype(float), wide, iv=curved, **wires),
    }  # fmt: skip


def networks(pnn: Any) -> dict[str, Case]:
    n, key, rng = pnn.networks, pnn.random.key(1), np.random.default_rng(0)
    at = np.arange(1024).reshape(32, 32)
    pairs = np.concatenate([np.stack([at.ravel(), np.roll(at, -1, axis).ravel()], axis=1) for axis in (0, 1)])
    lattice = n.ising.SpinGraph(pairs, 1024)
    spins, coupling = n.ising.random_state(lattice, 64, key, like=np.empty(0, np.float32)), np.ones(lattice.n_edges, np.float32)
    bits, a, b = (real(64, 784) < 0.2).astype(np.float32), np.zeros(784, np.float32), np.zeros(128, np.float32)
    x, y = real(32, 784), np.eye(10, dtype=np.float32)[rng.integers(0, 10, 32)]
    resistive, hopfield = n.drn.initial((1568, 256, 10), key), n.hopfield.initial((784, 256, 10), key, gain=0.7)
    deep = n.drn.initial((1568, 128, 128, 128, 10), key)
    some = [np.repeat(w[None], 3, axis=0) for w in resistive]
    factors = [n.layered.Factors(real(4, len(w)), real(4, w.shape[1])) for w in hopfield]
    J, phase = real(256, 256, low=-0.1, high=0.1), real(64, 256, low=-3.0, high=3.0)
    J = np.triu(J, 1) + np.triu(J, 1).T
    phases, between = real(32, 510, low=-3.0, high=3.0), n.oscillator.Between(real(500, 10, low=-0.1, high=0.1))
    settled = n.oscillator.Phases(None, [phases], [real(2, 32, 510)], phases[:, 500:], left=0.0, limit=1.0)
    edges, place = n.graphs.delaunay(200, key)
    held, volts = rng.permutation(200)[:8], rng.uniform(0, 1, (32, 8))
    net, springs = n.ResistorNetwork(edges, 200), n.ElasticNetwork(edges, 200)
    diodes, mosfets = n.DiodeNetwork(edges, 200, diode=rng.random(len(edges)) < 0.5, reverse=1e-2), n.TransistorNetwork(edges, 200)
    g, gate, rest = rng.uniform(0.5, 2, len(edges)), rng.uniform(1.5, 3, len(edges)), springs.lengths(place[None])[0]
    pulled = place[held] + 0.01 * rng.standard_normal((32, 8, 2))
    asked = (volts[:, :2] + volts[:, 2:4]) / 2  # which any network reaches nearly
    volts_of, kept = rng.uniform(0, 1, (200, 32)), g.copy()
    few, many = n.graphs.lattice(4, 4), rng.uniform(0.5, 2, (256, 24))
    small = n.ResistorNetwork(few, 16)
    return {
        "ising.sweep": lambda: n.ising.sweep(spins, lattice, coupling, beta=0.4, sweeps=4, key=key),
        "boltzmann.gibbs": lambda: n.boltzmann.gibbs(bits, real(784, 128, low=-0.1, high=0.1), a, b, steps=2, key=key),
        "drn.gradient": lambda: n.drn.gradient(n.drn.encode(x, 480.0), y, resistive, sweeps=4, tolerance=0),
        "drn.continual": lambda: n.drn.continual(n.drn.encode(x, 480.0), y, resistive, nudge=1.0, rates=(0, 0), steps=2, sweeps=4, tolerance=0),
        "drn.gradient, batch 4": lambda: n.drn.gradient(n.drn.encode(x[:4], 480.0), y[:4], resistive, sweeps=4, tolerance=0),
        "drn.gradient, three hidden layers": lambda: n.drn.gradient(n.drn.encode(x, 480.0), y, deep, sweeps=6, tolerance=0),
        "drn.relax_many": lambda: n.drn.relax_many(n.drn.encode(x, 480.0), some, sweeps=4, tolerance=0),
        "hopfield.gradient": lambda: n.hopfield.gradient(x, y, hopfield, sweeps=15, tolerance=0),
        "layered.update": lambda: [n.layered.update(w, f, 1e-9) for w, f in zip(hopfield, factors, strict=True)],
        "oscillator.relax": lambda: n.oscillator.relax(phase, J, steps=20, on_failure="flag"),
        "oscillator.relax, two groups": lambda: n.oscillator.relax(phases, between, x=phases, steps=20, tolerance=0),
        "oscillator.relax, in a bath": lambda: n.oscillator.relax(phase, J, steps=20, temperature=0.1, key=key),
        "oscillator.relax, two groups in a bath": lambda: n.oscillator.relax(phases, between, x=phases, steps=20, temperature=0.1, key=key),
        "oscillator.respond": lambda: n.oscillator.respond(phases, between, x=phases, nudges=(-0.1, 0.1), target=y, steps=20, tolerance=0),
        "oscillator.contrast": lambda: n.oscillator.contrast(settled, 1, 2),
        "oscillator.force": lambda: n.oscillator.force(phase, J),
        "oscillator.drive": lambda: n.oscillator.drive(x, real(784, 500), phases[0, :500], phases[0, 500:]),
        "boltzmann.class_chain": lambda: n.boltzmann.class_chain(phases[:, :256], real(256, 10), y[0], sweeps=10, settle=5, key=key),
        "ising.contrast_between": lambda: n.ising.contrast_between(spins, spins[::-1], 500),
        "coupled_learning_update": lambda: pnn.learning.coupled_learning_update(net, g, held[:6], volts[:, :6], held[6:], asked,
                                                                                eta=1e-3),
        "ResistorNetwork.update": lambda: net.update(volts_of, volts_of, kept, 1.0, limits=(0.1, 10.0)),
        "ResistorNetwork.solve_many": lambda: small.solve_many(many, [0, 5, 15], volts[:, :3]),
        "DiodeNetwork, sweeps": lambda: diodes.solve(g, held, volts, method="sweep"),
        "TransistorNetwork, sweeps": lambda: mosfets.solve(gate, held, volts / 2, method="sweep", relaxation=1.7),
        "ElasticNetwork.relax": lambda: springs.relax(g, rest, held, pulled, place),
        "ElasticNetwork.respond": lambda: springs.respond(g, rest, held, np.repeat(place[None], 32, 0), 1e-3 * np.ones((32, 200, 2))),
    }  # fmt: skip


def optimisers(pnn: Any) -> dict[str, Case]:
    w, g = {"w": real(1 << 20)}, {"w": real(1 << 20)}
    adam, sgd = pnn.learning.Adam(1e-3), pnn.learning.SGD(1e-3, momentum=0.9)
    weights, key = real(785, 256, low=-0.2, high=0.2), pnn.random.key(1)
    features, targets, labels = real(64, 1024), real(64, 10).astype(float), np.arange(50) % 10
    layers, rule = pnn.systems.CrossbarNetwork(hidden=(500, 500), key=key), pnn.learning.ForwardForward()
    batch = pnn.learning.Batch(real(50, 784), labels, 0, layers.encode)
    return {
        "Adam": lambda: adam.apply(w, g), "SGD": lambda: sgd.apply(w, g),
        "shaken": lambda: pnn.learning.shaken(weights, 0.04, key, -1.0, 1.0), "moments": lambda: pnn.learning.moments(features, targets),
        "forward-forward": lambda: pnn.learning.one_step(rule, layers, batch, key),
    }  # fmt: skip


def own_physics(pnn: Any) -> dict[str, Case]:
    c, rng = pnn.crossbar, np.random.default_rng(0)
    hopping = pnn.ScalarFunction(lambda v, v0=0.3: v0 * np.sinh(v / v0), lambda v, v0: np.cosh(v / v0))
    stepped = pnn.ScalarFunction(lambda v, v0=0.3: v0 * np.sinh(v / v0))  # its derivative by complex step
    diode = pnn.ScalarFunction(lambda w, vt=0.03: vt * (np.exp(w / vt) - 1), lambda w, vt: np.exp(w / vt), between=(-0.5, 0.5))
    up = pnn.ScalarFunction(lambda w, low, high, b=2.0: np.exp(-b * (w - low) / (high - low)))
    down = pnn.ScalarFunction(lambda w, low, high, b=2.0: np.exp(-b * (high - w) / (high - low)))
    V, G = real(4, 256, low=-0.5, high=0.5, dtype="float64"), real(256, 256, low=1e-6, high=25e-6, dtype="float64")
    cells, key = c.FunctionStep(up=up, down=down), pnn.random.key(1)
    w = c.clip_weights(real(256, 256, low=-0.1, high=0.1), device=cells, key=key)
    x, d = real(64, 256, low=-1), real(64, 256, low=-0.1, high=0.1)
    edges, volts = pnn.networks.graphs.delaunay(200, key)[0], rng.uniform(0, 0.5, (4, 8))
    net = pnn.networks.ElementNetwork(edges, 200, diode, element=rng.random(len(edges)) < 0.5)
    g, held, many = rng.uniform(0.5, 2, len(edges)), rng.permutation(200)[:8], real(1 << 20, low=-1, dtype="float64")
    return {
        "own: values": lambda: hopping(many), "own: slopes by complex step": lambda: stepped.slope(many),
        "own: IV": lambda: c.solve_currents(V, G, wires=1.0, iv=c.IV(hopping)),
        "own: FunctionStep, pulse_update": lambda: c.pulse_update(w, x, d, device=cells, lr=0.05, key=key),
        "own: ElementNetwork, sweeps": lambda: net.solve(g, held, volts, method="sweep"),
        "own: ElementNetwork, Newton": lambda: net.solve(g, held, volts, method="newton"),
    }  # fmt: skip


def odes(pnn: Any) -> dict[str, Case]:
    n, steps, key, edges = 32, 64, pnn.random.key(1), [(i, i + 1) for i in range(31)]
    force = pnn.ScalarFunction(lambda q, coupled, drive, k, alpha=0.3: coupled + drive - k * q - alpha * q * q * q)
    joined = pnn.ScalarFunction(lambda own, other, lag=0.2: np.sin(other - own - lag))
    chain, phases = pnn.dynamics.Law({"q": "v", "v": force}), pnn.dynamics.Law({"p": pnn.ScalarFunction(lambda coupled: coupled)}, joined)
    rooms = {"couplings": pnn.dynamics.Couplings(edges, n), "weights": real(n - 1)}
    given = {**rooms, "parameters": real(1, n, low=0.5), "drive": real(64, steps + 1, 1, low=-1)}
    x, p = real(64, 2, n, low=-1), real(64, 1, n, low=-3, high=3)
    out, quiet = real(64, steps, 2, n, low=-1), {"method": "heun", "noise": 0.1, "key": key}
    back = {**given, "wrt": ("state", "parameters", "weights", "drive")}
    return {
        "dynamics: rk4": lambda: pnn.dynamics.integrate(chain, x, 0.05, steps, **given),
        "dynamics: leapfrog": lambda: pnn.dynamics.integrate(chain, x, 0.05, steps, method="leapfrog", **given),
        "dynamics: heun with noise": lambda: pnn.dynamics.integrate(chain, x, 0.05, steps, **quiet, **given),
        "dynamics: phases": lambda: pnn.dynamics.integrate(phases, p, 0.05, steps, **rooms),
        "dynamics: integrate_vjp": lambda: pnn.dynamics.integrate_vjp(out, chain, x, 0.05, steps, **back),
        "dynamics: integrate_vjp, leapfrog": lambda: pnn.dynamics.integrate_vjp(out, chain, x, 0.05, steps, method="leapfrog", **back),
    }  # fmt: skip


ROOMS = (optics, draws, crossbars, networks, optimisers, own_physics, odes)


def twins() -> set[str]:
    """The names of all CPU kernels."""
    return {name for path in (HERE / "kernels").glob("**/*.py") for name in re.findall(r"^def (pnn_\w+)", path.read_text(), re.MULTILINE)}


def timed(cases: tuple[Case, Case]) -> tuple[float, float]:
    """Median milliseconds of both, in turn; each goes first in every other round, as who comes second finds memory warm."""
    taken: tuple[list[float], list[float]] = ([], [])
    for i in range(ROUNDS):
        for which in (i % 2, 1 - i % 2):
            start = time.process_time()
            cases[which]()
            taken[which].append(1e3 * (time.process_time() - start))
    return float(np.median(taken[0])), float(np.median(taken[1]))


def main(checkout: str, *words: str) -> int:
    """How many cases are slower here than there."""
    here, there, seen, slower = load(HERE, "pnn_here"), load(Path(checkout).resolve(), "pnn_there"), set(), 0
    launcher: Any = importlib.import_module("pnn_here._launch")
    launch = launcher.launch

    def noted(stem: str, verb: str, *args: Any, **more: Any) -> None:
        seen.add(f"pnn_{stem.rpartition('/')[2]}_{verb}")
        launch(stem, verb, *args, **more)

    launcher.launch = noted
    print(f"{'ms':<32}{'there':>10}{'here':>10}{'here / there':>14}")
    for room in ROOMS:
        ours, theirs = room(here), room(there)
        for name in (n for n in ours if not words or any(word in n for word in words)):
            ours[name]()  # compiled
            try:
                theirs[name]()
            except (AttributeError, TypeError, ValueError) as error:  # it has another interface
                print(f"{name:<32}cannot be run there: {error}"[:144])
                continue
            now, before = timed((ours[name], theirs[name]))
            slow = now > SLOWER * before
            slower += slow
            print(f"{name:<32}{before:>10.3f}{now:>10.3f}{now / before:>14.2f}{' slower' if slow else ''}", flush=True)
    if not words:
        print("kernels without a case:", ", ".join(sorted(twins() - seen)) or "none")
    return slower


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])) if len(sys.argv) > 1 else __doc__)
