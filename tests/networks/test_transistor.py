"""Transistor networks: exact node steps against Newton's method, SciPy's root finder and Kirchhoff's law; local rules are approximate."""

import numpy as np
import pytest
import scipy.optimize

from pnnkern import random
from pnnkern._errors import CapabilityError, ConvergenceError
from pnnkern.learning import coupled
from pnnkern.networks import DiodeNetwork, ResistorNetwork, TransistorNetwork, graphs


def example(rng: np.random.Generator, side: int = 5, batch: int = 4) -> tuple:
    net = TransistorNetwork(graphs.lattice(side, side), side * side)
    return net, rng.uniform(1.2, 3, net.n_edges), rng.permutation(side * side)[:4], rng.uniform(0, 0.45, (batch, 4))


def leaving(net: TransistorNetwork, gate: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Net currents that leave the nodes, edge by edge from the MOSFET's law."""
    out = np.zeros_like(v)
    for (i, j), g in zip(net.edges, gate, strict=True):
        flow = 1e-3 * np.maximum(g - 0.7 - (v[:, i] + v[:, j]) / 2, 1e-5) * (v[:, i] - v[:, j])
        out[:, i] += flow
        out[:, j] -= flow
    return out


@pytest.mark.parametrize("relaxation", [1.0, 1.5])
def test_sweeps_obey_kirchhoff(backend, relaxation: float, rng: np.random.Generator) -> None:
    net, gate, nodes, values = example(rng)
    got = net.relax(backend.array(gate), nodes, backend.array(values), method="sweep", relaxation=relaxation)
    v = backend.numpy(got.voltages)
    free = np.setdiff1d(np.arange(25), nodes)
    assert np.abs(leaving(net, gate, v)[:, free]).max() < 1e-12
    assert np.array_equal(v[:, nodes], values)
    assert np.abs(v - net.solve(gate, nodes, values, method="newton")).max() < 1e-9


def test_closed_transistors(rng: np.random.Generator) -> None:
    """Gates below the threshold: edges conduct `least` only, and which do is found; against scipy.optimize.root."""
    net, gate, nodes, values = example(rng, 4, 1)
    gate = np.where(rng.random(net.n_edges) < 0.4, 0.5, gate)
    free = np.setdiff1d(np.arange(16), nodes)

    def left(x: np.ndarray) -> np.ndarray:
        v = np.zeros((1, 16))
        v[:, nodes], v[0, free] = values, x
        return 1e3 * leaving(net, gate, v)[0, free]

    found = scipy.optimize.root(left, np.full(len(free), 0.2), tol=1e-13)
    for method in ("sweep", "newton"):
        v = net.solve(gate, nodes, values, method=method)
        assert np.abs(left(v[0, free])).max() < 1e-8
        assert np.abs(v[0, free] - found.x).max() < 1e-5


def test_one_node_by_hand() -> None:
    """Between 0 and 1 V through equal transistors: (a - v/2) v = (a - (v + 1)/2)(1 - v) with a = gate - threshold."""
    net = TransistorNetwork(np.array([[0, 1], [1, 2]]), 3)
    v = net.solve(np.array([3.0, 3.0]), [0, 2], np.array([[0.0, 1.0]]), method="sweep")[0, 1]
    a = 2.3
    assert v == pytest.approx(a - np.sqrt(a**2 - (a - 0.5)))


def test_currents_and_loads(backend, rng: np.random.Generator) -> None:
    net, gate, nodes, values = example(rng)
    free = np.setdiff1d(np.arange(25), nodes)
    at, volts = free[[2, 9]], rng.uniform(0, 0.4, (4, 2))
    driven = np.zeros((4, 25))
    driven[:, free[5]] = 2e-5
    got = net.solve(backend.array(gate), nodes, backend.array(values), currents=backend.array(driven), load=(at, 1e-4, backend.array(volts)),
                    method="sweep")  # fmt: skip
    v = backend.numpy(got)
    net_current = leaving(net, gate, v) - driven
    net_current[:, at] += 1e-4 * (v[:, at] - volts)
    assert np.abs(net_current[:, free]).max() < 1e-12


def test_nudging_is_approximate_here(rng: np.random.Generator) -> None:
    """There is no energy: however small beta, the update keeps an angle to the gradient (central differences); its cosine is printed."""
    net, gate, sources, x = example(rng)
    assert not net.has_energy
    targets = np.setdiff1d(np.arange(25), sources)[[4, 13]]
    rails = (0.0, 1.0)
    y = net.solve(gate, sources, x)[:, targets] + 0.05

    def cost(g: np.ndarray) -> float:
        return float(0.5 * ((net.solve(g, sources, x)[:, targets] - y) ** 2).sum(axis=1).mean())

    gradient = np.array([(cost(gate + h) - cost(gate - h)) / 2e-4 for h in 1e-4 * np.eye(len(gate))])
    cosines, updates = [], []
    for beta in (1e-5, 1e-6):
        update = coupled.nudged_learning_update(net, gate, sources, x, targets, y, beta=beta, rails=rails)
        cosines.append(float(update @ gradient / np.linalg.norm(update) / np.linalg.norm(gradient)))
        updates.append(update)
    print(f"cosine of nudged learning to the gradient on a transistor network: {cosines[0]:.4f} (beta 1e-5), {cosines[1]:.4f} (1e-6)")
    assert 0.9 < cosines[1] < 0.9999  # a plateau: smaller nudges do not help
    assert abs(cosines[0] - cosines[1]) < 0.01


@pytest.mark.parametrize("kind", [TransistorNetwork, DiodeNetwork, ResistorNetwork])
def test_no_numbers_do_not_converge(backend, kind: type, rng: np.random.Generator) -> None:
    """Currents that are no numbers end in a sentence: not in a division by zero, nor in voltages that are NaN and said to be right."""
    _, gate, nodes, values = example(rng)
    net = kind(graphs.lattice(5, 5), 25)
    currents = np.zeros((4, 25))
    currents[1, np.setdiff1d(np.arange(25), nodes)[7]] = np.nan
    for method in ("auto", "cg") if kind is ResistorNetwork else ("sweep", "newton"):
        with pytest.raises(ConvergenceError, match="has not converged: sample 1 of 4 came to values that are not finite; look for NaN"):
            net.relax(backend.array(gate), nodes, backend.array(values), method=method, currents=backend.array(currents))


def test_refusals() -> None:
    edges = np.array([[0, 1], [1, 2]])
    with pytest.raises(ValueError, match="strength must be positive"):
        TransistorNetwork(edges, 3, strength=0.0)
    with pytest.raises(ValueError, match="parameter must be finite"):
        TransistorNetwork(edges, 3).solve(np.array([1.0, np.nan]), [0, 2], np.array([[0.0, 1.0]]))
    with pytest.raises(CapabilityError, match="adjoint learning needs a linear network"):
        coupled.adjoint_learning_update(TransistorNetwork(edges, 3), np.ones(2), [0, 2], np.array([[0.0, 1.0]]), [1], np.array([[0.5]]))


def test_currents_between_sources_at_nothing() -> None:
    """Sources at 1e-17 V, the rounding of a cosine, with currents that make some millivolts: it settles, and Kirchhoff's law holds."""
    edges = graphs.disordered(14, 6.0, random.key(4))
    net, gates = TransistorNetwork(edges, 14), np.linspace(1.2, 2.5, len(edges))
    currents = np.zeros((1, 14))
    currents[0, [5, 9]] = 1e-6, -1e-6
    for method in ("auto", "sweep"):
        found = net.relax(gates, [0, 1], np.array([[0.0, 2e-17]]), currents=currents, method=method)
        assert found.converged
        assert abs(found.voltages).max() > 1e-4
        assert net.residual(gates, found.voltages, [0, 1], currents).max() < 1e-12


def test_sweeps_that_move_little_go_on() -> None:
    """Over-relaxed sweeps may all but stand still before the residual is as small as was asked for: they go on until it is."""
    rng, worst = np.random.default_rng(0), 0.0
    for _ in range(40):
        net, gates, nodes, values = example(rng, side=4)
        found = net.relax(gates - 0.45, nodes, values, method="sweep", relaxation=1.5, tolerance=1e-9)
        worst = max(worst, float(found.residual.max()))
    assert worst <= 1e-9


def test_a_node_whose_transistors_close_behind_it(backend) -> None:
    """Near cut-off the current into a node has a largest value below zero and comes back only when a transistor closes: no quadratic has
    that root. Steps find it, and Kirchhoff's law holds.
    """
    edges = np.array([[0, 4], [1, 4], [2, 4], [3, 4]])
    net, gate = TransistorNetwork(edges, 5), np.array([1.0, 1.147586231274219, 1.0017061659998638, 1.030240819419339])
    values = np.array([[0.2683655833038055, 0.3876462861640331, 0.21795065955057918, 0.33378549121454115]])
    start = np.append(values, [[0.3746561986370416]], axis=1)
    found = net.relax(backend.array(gate), [0, 1, 2, 3], backend.array(values), start=backend.array(start), method="sweep")
    v = backend.numpy(found.voltages)
    assert found.converged
    assert abs(leaving(net, gate, v)[0, 4]) < 1e-15
    assert 0.3766 < v[0, 4] < 0.3877
