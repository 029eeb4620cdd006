"""Equilibrium propagation and held contrasts: on a system written here with a quadratic energy, and on layered networks with writers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._errors import CapabilityError
from pnnkern._updates import dense
from pnnkern.crossbar import pulsed_devices
from pnnkern.learning import (
    SGD,
    Batch,
    ContrastiveLearning,
    CoupledLearning,
    EquilibriumPropagation,
    InSilico,
    losses,
    one_step,
)  # fmt: skip
from pnnkern.systems import DRN, Factors, Hopfield, IsingMachine, OscillatorMachine, Target, writers

KEY = pnn.random.key(5)


class Springs:
    """E = 1/2 s K s - x W s for a fixed stiffness K; all s are outputs. Everything about it is one matrix product."""

    has_energy = True
    natural_loss = Target()

    def __init__(self, rng: np.random.Generator) -> None:
        a = rng.normal(size=(3, 3))
        self.stiffness = a @ a.T + np.eye(3)
        self.parameters = {"W": rng.normal(size=(4, 3))}

    def targets(self, labels: np.ndarray) -> np.ndarray:
        return np.eye(3)[labels]

    def relax(self, inputs: np.ndarray, *, target: Any = None, nudges: tuple = (), hold: bool = False, key: Any = None, sample: Any = 0) -> Any:
        force, unit = inputs @ self.parameters["W"], np.eye(3)
        free = np.linalg.solve(self.stiffness, force.T).T
        states = [free]
        for b in nudges:
            nudged = np.linalg.solve(self.stiffness + b * unit, (force + b * target).T).T
            states.append(free + b * (target - free) if hold else nudged)
        return SimpleNamespace(inputs=inputs, states=states, output=free)

    def contrast(self, relaxed: Any, a: int, b: int) -> dict[str, Any]:
        return {"W": Factors(relaxed.inputs, relaxed.states[b] - relaxed.states[a], -1.0)}


@pytest.fixture
def batch(rng: np.random.Generator) -> Batch:
    return Batch(rng.normal(size=(11, 4)), np.arange(11) % 3)


def test_variants_have_their_order(rng: np.random.Generator, batch: Batch) -> None:
    """Against the derivative of |s - y|^2 / 2, s = K^-1 W^T x."""
    system = Springs(rng)
    error = system.relax(batch.inputs).output - np.eye(3)[batch.labels]
    exact = batch.inputs.T @ np.linalg.solve(system.stiffness, error.T).T
    for variant, order in (("positive", 1), ("negative", 1), ("centred", 2)):
        errors = []
        for beta in (0.02, 0.01):
            updates, metrics = one_step(EquilibriumPropagation(beta, variant), system, batch)
            errors.append(np.linalg.norm(updates["W"].dense() - exact))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)
    assert metrics["loss"] == pytest.approx((error**2).sum() / 2)


def test_random_sign(rng: np.random.Generator, batch: Batch) -> None:
    system, rule = Springs(rng), EquilibriumPropagation(0.1, "random")
    one, other = (one_step(EquilibriumPropagation(0.1, v), system, batch)[0]["W"].dense() for v in ("positive", "negative"))
    keys = [pnn.random.fold_in(KEY, n) for n in range(40)]
    positive = 0
    for key in keys:
        got = one_step(rule, system, batch, key)[0]["W"].dense()
        assert np.allclose(got, one) or np.allclose(got, other)
        positive += np.allclose(got, one)
    assert 8 < positive < 32
    with pytest.raises(ValueError, match="the sign of the nudge is random, which needs a key"):
        one_step(rule, system, batch)


def test_held_outputs_are_no_gradient(rng: np.random.Generator, batch: Batch) -> None:
    """Where every unit is an output, holding moves them by eta (y - s): the update is -<x (y - s)>, the stiffness is missing."""
    system = Springs(rng)
    error = system.relax(batch.inputs).output - np.eye(3)[batch.labels]
    for rule in (CoupledLearning(0.3, "centred"), CoupledLearning(0.3, "negative"), ContrastiveLearning()):
        updates, _ = one_step(rule, system, batch)
        assert np.allclose(updates["W"].dense(), batch.inputs.T @ error)
    assert (ContrastiveLearning().passes, CoupledLearning(0.1, "centred").passes) == (2, 3)


# ------------------------------------------------------------------------------------------------------------ layered networks
def conductances() -> dict[str, np.ndarray]:
    rng, sizes = np.random.default_rng(4), (10, 9, 6, 3)
    drawn = {f"W{l}": rng.uniform(0.05, 0.5, sizes[l - 1 : l + 1]) for l in (1, 2, 3)}
    return drawn | {f"b{l}": np.zeros(sizes[l]) for l in (1, 2, 3)}


DEEP: dict[str, Any] = {"hidden": (9, 6), "outputs": 3, "inputs": 5, "sweeps": 500, "dtype": "float64"}
SYSTEMS = {
    "drn": lambda **k: DRN(gain=4.0, tolerance=1e-9, parameters=conductances(), **DEEP, **k),
    "hopfield": lambda **k: Hopfield(activation="sigmoid", nudged_sweeps=500, tolerance=None, key=KEY, **DEEP, **k),
}


@pytest.fixture(params=list(SYSTEMS))
def system(request: pytest.FixtureRequest) -> Any:
    return SYSTEMS[request.param]()


def test_small_nudges_give_the_exact_gradient(system: Any, rng: np.random.Generator) -> None:
    batch = Batch(system.encode(rng.normal(size=(7, 5))), np.arange(7) % 3)
    exact, metrics = one_step(InSilico(), system, batch)
    found, ours = one_step(EquilibriumPropagation(1e-3), system, batch)
    assert ours == pytest.approx(metrics)
    for name, update in exact.items():
        a, b = dense(update), dense(found[name])
        assert np.linalg.norm(a - b) < 1e-4 * np.linalg.norm(a)
    assert system.forward_population(batch.inputs, {k: np.stack([v, v]) for k, v in system.parameters.items()}).shape == (2, 7, 3)


def test_a_deep_network_learns(system: Any, rng: np.random.Generator) -> None:
    batch, seen = Batch(system.encode(rng.normal(size=(12, 5))), np.arange(12) % 3), []
    for _ in range(150):
        updates, metrics = one_step(EquilibriumPropagation(0.1), system, batch)
        writers.apply(system, updates, SGD(), 0.02, len(batch))
        seen.append(metrics["loss"])
    assert seen[-1] < 0.75 * seen[0]
    if isinstance(system, DRN):
        assert min(system.parameters[f"W{l}"].min() for l in (1, 2, 3)) >= 0


def test_rates_of_the_layers(rng: np.random.Generator) -> None:
    one, other = SYSTEMS["drn"](), SYSTEMS["drn"](rates=(2.0, 0.5, 0.0), bias_rates=(3.0, 1.0, 0.0))
    batch = Batch(one.encode(rng.normal(size=(7, 5))), np.arange(7) % 3)
    before = {k: v.copy() for k, v in one.parameters.items()}
    for net in (one, other):
        writers.apply(net, one_step(EquilibriumPropagation(0.1), net, batch)[0], SGD(), 1e-3, len(batch))
    for name, factor in (("W1", 2.0), ("W2", 0.5), ("W3", 0.0), ("b1", 3.0), ("b2", 1.0), ("b3", 0.0)):
        wanted = before[name] + factor * (one.parameters[name] - before[name])
        free = (one.parameters[name] > 0) & (wanted > 0) if name[0] == "W" else wanted == wanted
        assert np.allclose(other.parameters[name][free], wanted[free], atol=1e-12)


def test_pulsed_devices_take_the_same_contrast(rng: np.random.Generator) -> None:
    """The mean movement of a crossbar of linear pulsed devices is that of the rule; here many small steps against one exact one."""
    net = Hopfield(hidden=(9,), outputs=3, inputs=5, activation="tanh", key=KEY, scale=0.1)
    batch = Batch(net.encode(rng.normal(size=(8, 5)).astype("float32")), np.arange(8) % 3)
    updates, _ = one_step(EquilibriumPropagation(0.5), net, batch)
    device = pulsed_devices.ConstantStep(step=3e-5, step_dtod=0, noise=0, up_down_dtod=0, w_max_dtod=0, w_min_dtod=0)
    net.writers["W1"] = writers.Pulsed(device, KEY)
    before = net.parameters["W1"].copy()
    writers.apply(net, {"W1": updates["W1"]}, SGD(), 0.1, len(batch))
    moved, wanted = net.parameters["W1"] - before, -0.1 / 8 * updates["W1"].dense()
    assert (moved * wanted).sum() / np.linalg.norm(moved) / np.linalg.norm(wanted) > 0.95
    assert np.linalg.norm(moved) / np.linalg.norm(wanted) == pytest.approx(1, abs=0.15)


FEW: dict[str, Any] = {"hidden": (4,), "outputs": 3, "inputs": 5}


def test_oscillator_machine(rng: np.random.Generator) -> None:
    """Small nudges give the slope of the loss by every parameter; and it learns."""
    settle = {"step": 0.3, "steps": 5000, "nudged_steps": 5000, "tolerance": 1e-8}
    net = OscillatorMachine(second=0.1, second_rate=1.0, dtype="float64", key=KEY, **FEW, **settle)
    batch, loss = Batch(net.encode(rng.normal(size=(6, 5))), np.arange(6) % 3), losses.make(net)
    updates, metrics = one_step(EquilibriumPropagation(1e-3), net, batch)
    assert metrics["loss"] == pytest.approx(loss(net.forward(batch.inputs), batch.labels)[0])
    for name, p in net.parameters.items():
        g = dense(updates[name])
        for i in [tuple(rng.integers(n) for n in p.shape) for _ in range(3)]:
            ends = []
            for h in (1e-3, -1e-3):
                p[i] += h
                ends.append(loss(net.forward(batch.inputs), batch.labels)[0])
                p[i] -= h
            assert g[i] == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-3, abs=6e-4)
    exact, _ = one_step(InSilico(), net, batch)
    for name, update in exact.items():
        a, b = dense(update), dense(updates[name])
        assert np.linalg.norm(a - b) < 1e-3 * np.linalg.norm(a)
    net = OscillatorMachine(key=KEY, **FEW)
    batch, seen = Batch(net.encode(rng.normal(size=(12, 5))), np.arange(12) % 3), []
    for _ in range(100):
        updates, metrics = one_step(EquilibriumPropagation(0.1), net, batch)
        writers.apply(net, updates, SGD(), 0.1, len(batch))
        seen.append(metrics["loss"])
    assert seen[-1] < 0.6 * seen[0]


def test_ising_machine(rng: np.random.Generator) -> None:
    """Contrasts are those of the spins it found, pair by pair; nudged outputs lean to their targets; and it learns."""
    net = IsingMachine(hidden=(20,), outputs=3, inputs=5, sweeps=40, key=KEY)
    inputs, labels = net.encode(rng.normal(size=(12, 5)) * 2), np.arange(12) % 3
    target = net.targets(labels)
    relaxed = net.relax(inputs, target=target, nudges=(3.0,), key=KEY)
    free, nudged = (s.astype(float) for s in relaxed.phases)
    assert np.allclose(relaxed.output, free[:, 20:].reshape(12, 3, 4).mean(axis=2))
    assert (nudged[:, 20:].reshape(12, 3, 4).mean(axis=2) * target).mean() > (relaxed.output * target).mean() + 0.3
    updates = net.contrast(relaxed, 0, 1)
    pairs = [np.einsum("bi,bj->ij", s[:, :20], s[:, 20:]) for s in (free, nudged)]
    assert np.allclose(dense(updates["W2"]), pairs[0] - pairs[1], atol=1e-5)
    assert np.allclose(dense(updates["W1"]), -inputs.T @ (nudged - free)[:, :20], atol=1e-4)
    held = net.relax(inputs, target=target, nudges=(1.0,), hold=True, key=KEY).phases[1]
    assert (held[:, 20:] == target.repeat(4, axis=1)).all()
    batch, right = Batch(inputs, labels), []
    for n in range(150):
        updates, metrics = one_step(EquilibriumPropagation(2.0, "positive"), net, batch, pnn.random.fold_in(KEY, n))
        writers.apply(net, updates, SGD(), 0.05, len(batch))
        right.append(metrics["rating"] / len(batch))
    assert np.mean(right[-20:]) > max(0.8, np.mean(right[:10]) + 0.2)
    with pytest.raises(ValueError, match="annealing is random, which needs a key"):
        net.forward(inputs)
    with pytest.raises(ValueError, match="beta must be 1"):
        one_step(CoupledLearning(0.5), net, batch, KEY)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: EquilibriumPropagation(-0.1), ValueError, r"beta of EquilibriumPropagation must be a finite number >= 0, got -0\.1"),
        (lambda: CoupledLearning(1.1), ValueError, r"eta of CoupledLearning must be a finite number >= 0 and <= 1, got 1\.1"),
        (lambda: EquilibriumPropagation(0.1, "both"), ValueError, "variant of EquilibriumPropagation must be one of 'centred', 'positive'"),
        (lambda: EquilibriumPropagation(0.1).init(SimpleNamespace()), CapabilityError, "equilibrium-propagation needs equilibria"),
        (lambda: IsingMachine(**FEW), ValueError, "the weights that an Ising machine begins with are random, which needs a key"),
        (lambda: IsingMachine(**FEW | {"outputs": 0}, key=KEY), ValueError, "outputs of IsingMachine must be a finite number >= 1"),
        (lambda: IsingMachine(dtype="float64", **FEW), ValueError, "computes in float32: set compute.dtype=float32, got 'float64'"),
        (lambda: OscillatorMachine(**FEW | {"hidden": (4, 4)}, key=KEY), ValueError, "hidden of OscillatorMachine must be 1 values"),
        (lambda: OscillatorMachine(**FEW), ValueError, "the weights that an oscillator machine begins with are random, which needs a key"),
        (lambda: DRN(**FEW), ValueError, "the weights that a layered network begins with are random, which needs a key"),
        (lambda: DRN(**FEW | {"outputs": 0}, key=KEY), ValueError, "outputs of DRN must be a finite number >= 1"),
        (lambda: DRN(**FEW, key=KEY, rates=(1.0,)), ValueError, "one number for each of the 2 layers"),
        (lambda: DRN(**FEW, key=KEY, dtype="float16"), ValueError, "'float32' or 'float64'"),
        (lambda: DRN(parameters={"W1": np.ones((5, 4), "float32")}, **FEW), ValueError, r"W1 must be float32 \(10, 4\), got .* \(5, 4\)"),
        (lambda: DRN(**FEW, key=KEY).encode(np.ones((2, 6))), ValueError, "each sample must have 5 values, got 6"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_nudges_without_a_minimum_are_refused() -> None:
    net = DRN(**FEW, key=KEY)
    with pytest.raises(ValueError, match="leaves the energy without a minimum"):
        one_step(EquilibriumPropagation(100.0), net, Batch(net.encode(np.ones((2, 5))), np.arange(2)))
