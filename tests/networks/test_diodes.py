"""Networks of resistors and diodes against ngspice, scipy.optimize and one node by hand; energy, complementarity, refusals."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

from pnnkern import random
from pnnkern._errors import ConvergenceError
from pnnkern.learning import coupled
from pnnkern.networks import DiodeNetwork, ResistorNetwork, graphs

HERE = Path(__file__).parent
NETWORKS = json.loads((HERE / "ngspice.json").read_text())


def built(net: dict) -> DiodeNetwork:
    return DiodeNetwork(np.array(net["edges"]), net["n_nodes"], diode=net["diode"], reverse=net["reverse"], drop=net["drop"])


def example(rng: np.random.Generator, n: int = 31, batch: int = 5, **more: object) -> tuple:
    edges = graphs.delaunay(n, random.key(n))[0]
    net = DiodeNetwork(edges, n, diode=rng.random(len(edges)) < 0.5, reverse=1e-2, drop=0.2, **more)  # type: ignore[arg-type]
    return net, rng.uniform(0.5, 2, len(edges)), rng.permutation(n)[:3], rng.uniform(-2, 2, (batch, 3))


@pytest.mark.parametrize("method", ["sweep", "newton"])
@pytest.mark.parametrize("which", range(10))
def test_voltages_of_ngspice(which: int, method: str) -> None:
    """Committed numbers; scripts/ngspice_networks.py made them."""
    net = NETWORKS[which]
    v = built(net).solve(np.array(net["conductance"]), net["nodes"], np.array([net["voltages"]]), currents=np.array([net["currents"]]),
                         method=method, steps=10**6 if method == "sweep" else None)  # fmt: skip
    assert np.abs(v[0] - net["ngspice"]).max() < 1e-6  # network 2 hangs on closed diodes: 50 V, and slow sweeps


@pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
def test_committed_voltages_are_what_ngspice_says() -> None:
    spec = importlib.util.spec_from_file_location("ngspice_networks", HERE.parents[1] / "scripts" / "ngspice_networks.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for seed in (0, 7):
        net = script.network(seed)
        assert {k: v for k, v in NETWORKS[seed].items() if k != "ngspice"} == json.loads(json.dumps(net))
        assert np.allclose(script.solve(net), NETWORKS[seed]["ngspice"], atol=1e-9)


def test_sweeps_everywhere_agree_with_newton(backend, rng: np.random.Generator) -> None:
    lower = np.where(rng.random(31) < 0.3, 0.1, -np.inf)
    net, g, nodes, values = example(rng, lower=lower)
    currents = rng.uniform(-0.3, 0.3, (5, 31))
    on = (backend.array(g), nodes, backend.array(values))
    got = net.relax(*on, currents=backend.array(currents), method="sweep")
    expected = net.relax(g, nodes, values, currents=currents, method="newton").voltages
    v = backend.numpy(got.voltages)
    assert got.converged
    assert np.abs(v - expected).max() < 1e-8
    assert (v[:, np.setdiff1d(np.arange(31), nodes)] >= lower[np.setdiff1d(np.arange(31), nodes)]).all()
    assert (v == 0.1).any()  # some diodes to the rail do conduct
    assert backend.numpy(net.residual(backend.array(g), got.voltages, nodes, backend.array(currents))).max() < 1e-9


def test_complementarity(rng: np.random.Generator) -> None:
    """At a rail the net current left over is only what its diode can give; elsewhere there is none. From the law of each edge."""
    lower = np.zeros(31)
    net, g, nodes, values = example(rng, lower=lower)
    v = net.solve(g, nodes, values)
    i, j = net.edges.T
    w = v[:, i] - v[:, j]
    flow = g * (net.reverse * w + (1 - net.reverse) * np.maximum(w - net.drop, 0))
    leaving = np.zeros_like(v)
    for e in range(len(g)):
        leaving[:, i[e]] += flow[:, e]
        leaving[:, j[e]] -= flow[:, e]
    free = np.setdiff1d(np.arange(31), nodes)
    gap = v[:, free] - lower[free]
    assert (gap >= 0).all()
    assert leaving[:, free].min() > -1e-9
    assert np.abs(gap * leaving[:, free]).max() < 1e-9
    assert (leaving[:, free] > 1e-3).any()


def test_energy_falls_in_every_sweep(rng: np.random.Generator) -> None:
    net, g, nodes, values = example(rng, upper=1.0)
    currents = rng.uniform(-0.3, 0.3, (5, 31))
    v, last = None, np.full(5, np.inf)
    for _ in range(40):
        v = net.relax(g, nodes, values, currents=currents, start=v, method="sweep", steps=1, on_failure="flag").voltages
        now = net.energy(g, v, currents)
        assert (now <= last + 1e-12 * np.abs(now)).all()
        last = now
    settled = net.energy(g, net.solve(g, nodes, values, currents=currents), currents)
    assert (settled <= last + 1e-12).all()


def test_scipy_finds_the_same_minimum(rng: np.random.Generator) -> None:
    for n in (4, 6, 9):
        edges = graphs.disordered(n, 3.0, random.key(n))
        net = DiodeNetwork(edges, n, diode=rng.random(len(edges)) < 0.6, reverse=0.02, drop=0.1, lower=-0.5)
        g, x = rng.uniform(0.5, 2, len(edges)), np.array([[1.0, -1.0]])
        i, j = edges.T

        def energy(free: np.ndarray, net: DiodeNetwork = net, g: np.ndarray = g, i: np.ndarray = i, j: np.ndarray = j) -> float:
            v = np.concatenate([[1.0], free, [-1.0]])
            w = v[i] - v[j]
            return float((g / 2 * (net.reverse * w**2 + (1 - net.reverse) * np.maximum(w - net.drop, 0) ** 2)).sum())

        best = scipy.optimize.minimize(energy, np.zeros(n - 2), bounds=[(-0.5, None)] * (n - 2), method="L-BFGS-B",
                                       options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 5000})  # fmt: skip
        assert np.abs(net.solve(g, [0, n - 1], x)[0, 1:-1] - best.x).max() < 1e-5


def test_without_diodes_it_is_a_resistor_network(backend, rng: np.random.Generator) -> None:
    edges = graphs.lattice(5, 6)
    g, nodes, values = rng.uniform(0.5, 2, len(edges)), np.array([0, 29]), rng.uniform(-1, 1, (3, 2))
    load = (np.array([7, 12]), 0.4, backend.array(rng.uniform(-1, 1, (3, 2))))
    on = (backend.array(g), nodes, backend.array(values))
    got = DiodeNetwork(edges, 30).solve(*on, load=load, method="sweep")
    assert np.abs(backend.numpy(got) - backend.numpy(ResistorNetwork(edges, 30).solve(*on, load=load))).max() < 1e-8


def test_one_ideal_diode_by_hand() -> None:
    """0 -> 1 - 2: conducting, the node lies where the currents balance; blocking, it follows its resistor."""
    net = DiodeNetwork(np.array([[0, 1], [1, 2]]), 3, diode=[True, False], reverse=0.0, drop=0.5)
    v = net.solve(np.array([3.0, 1.0]), [0, 2], np.array([[2.5, 0.0], [-2.0, 1.0]]), method="sweep")
    assert v[:, 1] == pytest.approx([1.5, 1.0])  # 3 (2.5 - 0.5 - v) = v


def test_nudges_and_gradients(rng: np.random.Generator) -> None:
    """Centred nudging gives the gradient of the cost (central differences) where diodes neither open nor close."""
    net, g, sources, x = example(rng, 15, 2)
    targets = np.setdiff1d(np.arange(15), sources)[[2, 7]]
    y = net.solve(g, sources, x)[:, targets] + 0.01

    def cost(k: np.ndarray) -> float:
        return float(0.5 * ((net.solve(k, sources, x)[:, targets] - y) ** 2).sum(axis=1).mean())

    numeric = np.array([(cost(g + h) - cost(g - h)) / 2e-4 for h in 1e-4 * np.eye(len(g))])
    rails = (-9.0, 9.0)
    got = coupled.nudged_learning_update(net, g, sources, x, targets, y, beta=1e-2, rails=rails)
    assert np.linalg.norm(got - numeric) < 1e-3 * np.linalg.norm(numeric)
    with pytest.raises(ValueError, match="without an equilibrium"):
        coupled.nudged_learning_update(net, g, sources, x, targets, y, beta=50.0, rails=rails)
    learned = coupled.coupled_learning_update(net, g, sources, x, targets, y, eta=1e-2, rails=rails)
    assert learned @ got > 0.8 * np.linalg.norm(learned) * np.linalg.norm(got)


# ------------------------------------------------------------------------------------------------------------------- bad input
EDGES = np.array([[0, 1], [1, 2]])
G, X = np.ones(2), np.array([[0.0, 1.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DiodeNetwork(EDGES, 3, diode=[True]), r"diode must be \(2,\)"),
        (lambda: DiodeNetwork(EDGES, 3, reverse=2.0), r"reverse must lie in \[0, 1\]"),
        (lambda: DiodeNetwork(EDGES, 3, drop=-0.1), "drop must be a forward voltage of 0 V or more"),
        (lambda: DiodeNetwork(EDGES, 3, lower=1.0, upper=0.0), "node 0 cannot lie between 1 and 0 V"),
        (lambda: DiodeNetwork(EDGES, 4).solve(G, [0, 2], X), "node 3 floats"),
        (lambda: DiodeNetwork(EDGES, 3).solve(-G, [0, 2], X), "parameter must be finite and at least 0 siemens"),
        (lambda: DiodeNetwork(EDGES, 3).solve(G, [0, 2], X, relaxation=2.0), r"relaxation must lie in \(0, 2\)"),
        (lambda: DiodeNetwork(EDGES, 3).solve(G, [0, 2], X, start=np.ones(3)), r"start must be \(1, 3\)"),
        (lambda: DiodeNetwork(EDGES, 3).solve(G, [0, 2], X, method="lu"), "method must be 'auto', 'sweep' or 'newton'"),
        (lambda: DiodeNetwork(EDGES, 3).relax(G, [0, 2], X, on_failure="ignore"), "on_failure must be 'raise', 'check' or 'flag'"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_too_few_sweeps(rng: np.random.Generator) -> None:
    net, g, nodes, values = example(rng)
    with pytest.raises(ConvergenceError, match="has not converged in 3 steps"):
        net.solve(g, nodes, values, method="sweep", steps=3)
