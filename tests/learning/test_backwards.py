"""Rules that use the physics for more than one forward pass: backwards, at two frequencies, with parts that give way."""

from typing import Any

import numpy as np
import pytest
import scipy.optimize

import pnnkern as pnn
from pnnkern import random
from pnnkern._errors import CapabilityError, ConvergenceError
from pnnkern._updates import dense
from pnnkern.crossbar import Chain, Crossbar, Wires
from pnnkern.learning import (
    SGD,
    AdjointLearning,
    AgnosticEP,
    Batch,
    FrequencyPropagation,
    Logits,
    PhysicsAware,
    SquareError,
    agnostic_learning_step,
    one_step,
)
from pnnkern.networks import graphs
from pnnkern.systems import D2NN, CrossbarNetwork, IsingMachine, NonlinearCircuit, ResistorCircuit, writers
from pnnkern.systems.d2nn import Geometry, Imperfections

KEY = random.key(2)


def circuit(**more: Any) -> ResistorCircuit:
    edges = graphs.disordered(16, 6.0, random.key(4))
    given = {"high": 0.6, "low": 0.4, "hinge": False} | more
    return ResistorCircuit(edges=edges, n_nodes=16, features=2, outputs=3, spread=0.3, dtype="float64", key=KEY, **given)


def numeric(system: Any, name: str, loss: Any, batch: tuple[np.ndarray, np.ndarray], step: float, which: Any) -> np.ndarray:
    """Central differences of the measured loss by some entries of a parameter."""
    p, found = system.parameters[name], []
    for i in which:
        values = []
        for sign in (1, -1):
            kept = p[i]
            p[i] = kept + sign * step
            values.append(loss(system.forward(batch[0]), batch[1])[0])
            p[i] = kept
        found.append((values[0] - values[1]) / (2 * step))
    return np.array(found)


# --------------------------------------------------------------------------------------------------------------- adjoint learning
def test_light_sent_back_through_the_built_network(rng: np.random.Generator) -> None:
    """The gradient of the network as it was built, which its twin, that knows no errors, does not have."""
    geometry = Geometry(layers=2, size=20, detector_size=4, input_size=12, spacing=4e-3)
    imperfections = Imperfections(misalignment=4e-4, height_error=1e-4)
    system = D2NN(geometry=geometry, key=random.key(1), dtype="float64", imperfections=imperfections)
    batch = system.encode(rng.integers(0, 256, (3, 8, 8)).astype(np.uint8)), np.array([1, 7, 4])
    loss = pnn.learning.CrossEntropy()
    updates, metrics = one_step(AdjointLearning(loss), system, Batch(*batch))
    assert metrics["loss"] == pytest.approx(loss(system.forward(batch[0]), batch[1])[0])
    found = dense(updates["phase"])
    places = [np.unravel_index(i, found.shape) for i in np.argsort(-np.abs(found).ravel())[:12]]
    truth = numeric(system, "phase", loss, batch, 1e-4, places)
    np.testing.assert_allclose([found[i] for i in places], truth, rtol=1e-5)
    twin = dense(one_step(PhysicsAware(loss), system, Batch(*batch))[0]["phase"])
    assert np.linalg.norm([twin[i] for i in places] - truth) > 0.1 * np.linalg.norm(truth)


def test_errors_go_back_through_the_arrays(rng: np.random.Generator) -> None:
    """What hidden nodes get is the transpose of what the arrays, with their programming errors and wires, do forwards."""
    hardware = Crossbar(device="pcm", chain=Chain(wires=Wires(50.0, 50.0)))
    network = CrossbarNetwork(inputs=6, hidden=(5,), outputs=4, hardware=hardware, key=KEY, dtype="float64")
    x, labels = rng.random((7, 6)), rng.integers(0, 4, 7)
    updates, _ = one_step(AdjointLearning(Logits(2.0)), network, Batch(x, labels))
    outputs, (weights, entered) = network.measure(x)
    matrix = network._read(1, np.eye(6), weights[1], None, 0)  # of the second array, measured from the rows
    assert not np.allclose(matrix, weights[1], rtol=0.02)
    error = Logits(2.0)(outputs, labels)[1]
    hidden = (error @ matrix.T)[:, :-1] * (1 - entered[1][:, :-1] ** 2)
    np.testing.assert_allclose(dense(updates["w0"]), entered[0].T @ hidden, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(dense(updates["w1"]), entered[1].T @ error, rtol=1e-12)
    perfect = CrossbarNetwork(inputs=6, hidden=(5,), outputs=4, key=KEY, dtype="float64")
    updates, _ = one_step(AdjointLearning(Logits(2.0)), perfect, Batch(x, labels))
    places = [(0, 0), (3, 2), (6, 4)]
    np.testing.assert_allclose(
        [dense(updates["w0"])[i] for i in places], numeric(perfect, "w0", Logits(2.0), (x, labels), 1e-5, places), rtol=1e-6
    )


@pytest.mark.parametrize("hinge", [False, True])
def test_networks_of_resistors_answer_with_their_gradient(rng: np.random.Generator, hinge: bool) -> None:
    """Currents into the outputs, and two tones at once whatever their strength: both are central differences of the loss."""
    system = circuit(hinge=hinge)
    batch = system.encode(rng.random((5, 2))), np.array([0, 1, 2, 0, 1])
    loss = SquareError(0.6, 0.4, hinge)
    edges = range(system.network.n_edges)
    truth = numeric(system, "conductance", loss, batch, 1e-7, edges)
    for rule in (AdjointLearning(loss), FrequencyPropagation(1e-4), FrequencyPropagation(0.3, 5, 1, 24)):
        updates, metrics = one_step(rule, system, Batch(*batch))
        np.testing.assert_allclose(dense(updates["conductance"]), truth, rtol=1e-4, atol=1e-5 * np.abs(truth).max())
        assert metrics["loss"] == pytest.approx(loss(system.forward(batch[0]), batch[1])[0])


# ----------------------------------------------------------------------------------------------------------- two frequencies
def test_tones_in_a_network_of_transistors(rng: np.random.Generator) -> None:
    """Without an error the tone is the network's own answer; amplitudes multiply edge by edge; and steps lower the loss."""
    edges = graphs.disordered(14, 6.0, random.key(4))
    system = NonlinearCircuit(edges=edges, n_nodes=14, features=2, outputs=2, hinge=False, key=KEY)
    x, labels = system.encode(rng.random((6, 2))), np.array([0, 1, 1, 0, 1, 0])
    np.testing.assert_allclose(system.read(system.driver()(x, np.zeros((6, 2)))), system.forward(x), atol=1e-12)
    loaded, currents = system.driver()(x, np.full((6, 2), 1e-6)), np.zeros((6, 14))
    currents[:, system.target_nodes] = [1e-6, 1e-6, -1e-6, -1e-6]
    assert system.network.residual(system.parameters["gate"], loaded, system.source_nodes, currents).max() < 1e-8
    assert system.network.residual(system.parameters["gate"], loaded, system.source_nodes).max() > 1e-3
    i, j = edges.T
    one, two = rng.random((2, 6, 14))
    np.testing.assert_allclose(system.products(one, two)["gate"], ((one[:, i] - one[:, j]) * (two[:, i] - two[:, j])).sum(axis=0))
    rule, losses = FrequencyPropagation(1e-5), []
    for _ in range(15):
        updates, metrics = one_step(rule, system, Batch(x, labels))
        losses.append(metrics["loss"])
        writers.apply(system, updates, SGD(1.0), 0.1 / float(np.abs(dense(updates["gate"])).max()))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"activation": 2, "error": 2}, "two different whole numbers from 1 below samples / 2 = 8, got 2 and 2"),
        ({"activation": 2, "error": 8}, "below samples / 2 = 8, got 2 and 8"),
        ({"gamma": -1.0}, r"gamma of FrequencyPropagation must be a finite number >= 0, got -1\.0"),
    ],
)
def test_tones_that_cannot_be_told_apart(how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FrequencyPropagation(**how)


# -------------------------------------------------------------------------------------------------------- parts that give way
def test_agnostic_steps_end_where_the_physics_leads(rng: np.random.Generator) -> None:
    """Written at its own rate, a step is that of the pure function; for small nudges it is the gradient, to lowest order."""
    system = circuit()
    x, labels = system.encode(rng.random((5, 2))), np.array([0, 1, 2, 0, 1])
    k, beta, rate = system.parameters["conductance"].copy(), 2e-4, 1e-6
    loss = SquareError(0.6, 0.4)
    updates, metrics = one_step(AgnosticEP(beta, rate, tolerance=1e-12), system, Batch(x, labels))
    assert np.array_equal(system.parameters["conductance"], k)
    assert metrics["loss"] == pytest.approx(loss(system.forward(x), labels)[0])
    wanted = agnostic_learning_step(
        system.network, k, system.source_nodes, x, system.target_nodes, system.targets(labels), beta=beta, softness=rate / (2 * beta),
        limits=system.bounds["conductance"],
    )  # fmt: skip
    np.testing.assert_allclose(updates["conductance"].value, wanted, rtol=1e-9)
    truth = numeric(system, "conductance", loss, (x, labels), 1e-7, range(len(k))) / len(labels)
    errors = []
    for softness in (1e-4, 5e-5):  # of siemens per watt
        led = one_step(AgnosticEP(1e-5, 2e-5 * softness, tolerance=1e-13), system, Batch(x, labels))[0]["conductance"].value
        found = (k - led) / (2e-5 * softness)
        errors.append(np.linalg.norm(found - truth) / np.linalg.norm(truth))
    assert errors[0] < 0.02
    assert errors[0] / errors[1] == pytest.approx(2, abs=0.2)
    with pytest.raises(ConvergenceError, match=r"have not settled in 2 steps: softness = .* is too large"):
        one_step(AgnosticEP(beta, 1e-2, steps=2), system, Batch(x, labels))


def test_the_largest_rate_that_holds_is_named() -> None:
    """A resistor of conductance k between two that hold it, one output: what it feels, by hand, and the bound, found by a root here."""
    nodes, limits = {"source_nodes": [2, 0, 1], "target_nodes": [3]}, (1e-4, 1e-1)
    system = ResistorCircuit(
        edges=[[0, 3], [1, 3], [0, 2], [1, 2]], n_nodes=4, features=1, outputs=1, complement=False, hinge=False, high=0.9, low=0.1,
        smallest=limits[0], largest=limits[1], dtype="float64", parameters={"conductance": [1e-3] * 4}, **nodes,
    )  # fmt: skip
    x, labels, beta = system.encode(np.array([[0.5]])), np.array([1]), 1e-5

    def squares(k: np.ndarray, b: float) -> np.ndarray:
        v = (k[1] + b * 0.9) / (k[0] + k[1] + b)
        return np.array([v**2, (1 - v) ** 2]) / 2

    def share(rate: float) -> float:
        """What the two edges at the output feel at theta = start - softness felt(theta), along what they feel at the start."""
        start, before = np.full(2, 1e-3), squares(np.full(2, 1e-3), -beta)
        k = scipy.optimize.fsolve(lambda k: 1e3 * (k - start + rate / (2 * beta) * (squares(k, beta) - before)), start, xtol=1e-13)
        first, last = squares(start, beta) - before, squares(k, beta) - before
        return float(first @ last / (first @ first))

    bound = scipy.optimize.brentq(lambda rate: share(rate) - 4, 3e-8, 7e-8)
    batch = Batch(x, labels)
    one_step(AgnosticEP(beta, 0.97 * bound, tolerance=1e-10), system, batch)
    for rate in (1.03 * bound, 1e-3):
        with pytest.raises(ConvergenceError, match=rf"softness = .* is too large; rate = {rate:g} must stay below") as said:
            one_step(AgnosticEP(beta, rate, tolerance=1e-10), system, batch)
        assert float(str(said.value).split("below ")[1].split()[0]) == pytest.approx(bound, rel=0.03)


def test_equilibria_at_different_parameters(rng: np.random.Generator) -> None:
    """The shares of two relaxations, of different conductances, from their voltages alone."""
    one, two = circuit(), circuit()
    two.parameters["conductance"] = two.parameters["conductance"] * rng.uniform(0.5, 2, one.network.n_edges)
    x, labels = one.encode(rng.random((4, 2))), np.array([2, 1, 0, 0])
    first, second = (s.relax(x, target=s.targets(labels), nudges=(1e-4, -1e-4)) for s in (one, two))
    i, j = one.network.edges.T
    shares = []
    for system, beta in ((one, 1e-4), (two, -1e-4)):
        y = system.targets(labels)
        v = system.network.solve(system.parameters["conductance"], system.source_nodes, x, load=(system.target_nodes, beta, y))
        shares.append(((v[:, i] - v[:, j]) ** 2 / 2).sum(axis=0))
    got = one.contrast_between(first, 1, second, 2)["conductance"]
    np.testing.assert_allclose(got, shares[1] - shares[0], atol=1e-12)


def test_refusals() -> None:
    network = IsingMachine(hidden=(4,), outputs=3, inputs=5, copies=1, key=KEY)
    for rule, lacking in (
        (AdjointLearning(Logits()), "a way backwards through the same parts"), (FrequencyPropagation(), "driven at two frequencies"),
        (AgnosticEP(0.1, 0.1), "compared at different parameters"),
    ):  # fmt: skip
        with pytest.raises(CapabilityError, match=f"{lacking}.*IsingMachine has none"):
            rule.init(network)
    for bad, name in (((-0.1, 1.0), "beta"), ((1.0, np.inf), "rate"), ((1.0, 1.0, 0), "steps")):
        with pytest.raises(ValueError, match=f"{name} of AgnosticEP must be a finite number "):
            AgnosticEP(*bad)  # type: ignore[arg-type]
