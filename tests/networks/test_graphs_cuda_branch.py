"""Networks on graphs on a stand-in for CuPy: no array of the host may meet one of the device."""

import numpy as np
import pytest
from steps import mean_step

import pnnkern as pnn
from pnnkern import learning, random
from pnnkern._errors import ConvergenceError, NudgeError
from pnnkern.learning import CoupledLearning, EquilibriumPropagation, InSilico, SquareError, coupled, elastic_learning_update
from pnnkern.networks import DiodeNetwork, ElasticNetwork, ResistorNetwork, TransistorNetwork, graphs
from pnnkern.systems import ResistorCircuit, SpringNetwork

EDGES = graphs.lattice(4, 5)
SOURCES, TARGETS = [0, 7, 19], [4, 11]


def example() -> tuple:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (3, 3))
    return rng.uniform(0.5, 2, len(EDGES)), x, x[:, :2] * 0.5 + x[:, 1:] * 0.5


def check(cupy: object, function: object, *arrays: np.ndarray, atol: float = 1e-8) -> None:
    """The same numbers from arrays on the device, and an array of the device in return."""
    expected = function(*arrays)  # type: ignore[operator]
    got = function(*(cupy.asarray(a) for a in arrays))  # type: ignore[operator, attr-defined]
    assert isinstance(got, cupy.ndarray)  # type: ignore[attr-defined]
    np.testing.assert_allclose(got.get(), expected, atol=atol)


def test_linear_networks(cupy) -> None:
    net, (g, x, y) = ResistorNetwork(EDGES, 20), example()
    check(cupy, lambda g, x: net.solve(g, SOURCES, x), g, x)
    check(cupy, lambda g, x, y: net.solve(g, SOURCES, x, load=(TARGETS, 0.3, y)), g, x, y)
    check(cupy, lambda g, x: net.power(g, net.solve(g, SOURCES, x)), g, x)
    check(cupy, lambda g, x: net.residual(g, net.solve(g, SOURCES, x), SOURCES), g, x)
    check(cupy, lambda g, x: net.solve_many(g, SOURCES, x), np.stack([g, 2 * g]), x)
    for rule in (coupled.coupled_learning_update, coupled.nudged_learning_update, coupled.adjoint_learning_update,
                 coupled.frequency_propagation_update, coupled.agnostic_learning_step):  # fmt: skip
        check(cupy, lambda g, x, y, rule=rule: rule(net, g, SOURCES, x, TARGETS, y), g, x, y, atol=1e-5)
    check(cupy, lambda g, x, y: coupled.coupled_learning_update(net, g, SOURCES, x, TARGETS, y, overclamp=(0.0, 1.0)), g, x, y)
    check(cupy, lambda g, x, y: coupled.coupled_dynamics(net, g, SOURCES, x, TARGETS, y, eta=0.1, rate=0.1, capacitance=1.0, dt=0.05,
                                                         steps=3)[0], g, x, y)  # fmt: skip


def test_nonlinear_networks(cupy) -> None:
    g, x, y = example()
    for net in (DiodeNetwork(EDGES, 20, diode=np.arange(len(EDGES)) % 2 == 0, reverse=0.1, lower=-1.0), TransistorNetwork(EDGES, 20)):
        p = g if isinstance(net, DiodeNetwork) else g + 1.5
        for method in ("sweep", "newton"):
            check(cupy, lambda p, x, net=net, method=method: net.solve(p, SOURCES, x, method=method), p, x)
        check(cupy, lambda p, x, net=net: net.residual(p, net.solve(p, SOURCES, x), SOURCES), p, x)
        check(cupy, lambda p, x, y, net=net: coupled.coupled_learning_update(net, p, SOURCES, x, TARGETS, y, eta=0.5), p, x, y, atol=1e-6)
        check(cupy, lambda p, x, y, net=net: coupled.nudged_learning_update(net, p, SOURCES, x, TARGETS, y, beta=1e-4), p, x, y, atol=1e-6)
    check(cupy, lambda g, x: DiodeNetwork(EDGES, 20).energy(g, DiodeNetwork(EDGES, 20).solve(g, SOURCES, x)), g, x)


def test_springs(cupy) -> None:
    net, at = ElasticNetwork(EDGES, 20), graphs.lattice_positions(4, 5)
    k, rest = np.ones(len(EDGES)), np.full(len(EDGES), 0.95)
    hold = at[None, [0, 4, 15, 19]]
    check(cupy, lambda k, l, h, s: net.solve(k, l, [0, 4, 15, 19], h, s), k, rest, hold, at)
    for which in range(2):
        check(cupy, lambda k, l, h, t, s, w=which: elastic_learning_update(net, k, l, [0, 4, 15, 19], h, [7], t, s)[w],
              k, rest, hold, at[None, [7]] + 0.05, at, atol=1e-5)  # fmt: skip


    rng = np.random.default_rng(0)
    x, pull = at + 0.01 * rng.standard_normal((2, 20, 2)), rng.standard_normal((2, 20, 2))
    load = (np.full(x.shape, 0.1), x)
    check(cupy, lambda k, l, x, f, *load: net.respond(k, l, [0, 4, 15, 19], x, f, load=load)[0], k, rest, x, pull, *load)
    check(cupy, lambda k, l, h, y, s: learning.allosteric_learning_update(net, k, l, [0, 4, 15, 19], h, [2, 9], y, s)[0],
          k, rest, hold, np.array([0.9, 1.1]), at, atol=1e-5)  # fmt: skip


def nudged_too_far(system: SpringNetwork, x: np.ndarray, labels: np.ndarray) -> None:
    mean_step(EquilibriumPropagation(30.0), system, system.encode(x), labels)
    pnn.check()  # a GPU is not waited for before


def test_the_system_of_springs(cupy) -> None:
    found = []
    x, labels = np.random.default_rng(0).random((3, 2)), np.array([0, 1, 1])
    for device in ("cpu", "cuda"):
        edges, positions = graphs.triangular(5, 5)
        targets = {"features": 2, "outputs": 2, "high": 0.02, "low": -0.02}
        system = SpringNetwork(edges=edges, positions=positions, learn_rest=True, device=device, key=random.key(1), **targets)
        loss = SquareError(0.02, -0.02, True)
        rules = (CoupledLearning(0.1), EquilibriumPropagation(1e-3), InSilico(loss), learning.AdjointLearning(loss))
        updates = [mean_step(rule, system, system.encode(x), labels)[0] for rule in rules]
        found.append([u[name] if device == "cpu" else u[name].get() for u in updates for name in ("stiffness", "rest")])
        with pytest.raises(NudgeError, match="without an equilibrium"):
            nudged_too_far(system, x, labels)
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


def test_springs_on_a_saddle_and_pairs_pushed_apart(cupy) -> None:
    """On a GPU that is said at the next check, as nobody has waited for it."""
    nodes = {"anchors": 1, "source_nodes": [0], "target_nodes": [1], "anchor_nodes": [2]}
    line = {"edges": [[0, 1], [1, 2]], "positions": [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]], "features": 1, "outputs": 1, "complement": False}
    system = SpringNetwork(**line, **nodes, device="cuda")
    _, record = system.forward_saving(cupy.asarray([[0.1]]))
    system.vjp(cupy.ones((1, 1)), record)
    with pytest.raises(ConvergenceError, match="rests on a saddle of the energy"):
        pnn.check()
    edges, positions = graphs.triangular(5, 5)
    system = SpringNetwork(edges=edges, positions=positions, features=2, outputs=2, reads="distances", key=random.key(1), device="cuda")
    system.relax(system.encode(np.ones((1, 2))), target=cupy.asarray([[0.02, -0.02]]), nudges=(-0.1,))
    with pytest.raises((NudgeError, ConvergenceError)):
        pnn.check()
    pnn.check()


def test_the_system(cupy) -> None:
    updates = []
    labels = np.array([0, 1, 1])
    x = np.random.default_rng(0).random((3, 3))
    for device in ("cpu", "cuda"):
        edges = graphs.disordered(20, 6.0, random.key(0))
        targets = {"features": 3, "outputs": 2, "high": 0.6, "low": 0.4}
        system = ResistorCircuit(edges=edges, n_nodes=20, key=random.key(1), spread=0.2, dtype="float64", device=device, **targets)
        inputs = system.encode(x)
        rules = (CoupledLearning(0.1), EquilibriumPropagation(1e-4), InSilico(SquareError(0.6, 0.4)))
        found = [mean_step(rule, system, inputs, labels)[0]["conductance"] for rule in rules]
        found.append(system.forward_population(inputs, {"conductance": system.parameters["conductance"][None]}))
        updates.append([u if device == "cpu" else u.get() for u in found])
    for a, b in zip(*updates, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-9)
