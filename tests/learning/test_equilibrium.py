"""Equilibrium propagation and held contrasts: on a system written here with a quadratic energy, and on layered networks with writers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._errors import CapabilityError
from pnnkern.crossbar import pulsed_devices
from pnnkern.learning import SGD, CoupledLearning, EquilibriumPropagation, InSilico, SquareError, contrastive_learning
from pnnkern.systems import DRN, Factors, Hopfield, IsingMachine, OscillatorMachine, protocols, writers

KEY = pnn.random.key(5)


class Springs:
    """E = 1/2 s K s - x W s for a fixed stiffness K; all s are outputs. Everything about it is one matrix product."""

    has_energy = True

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
        return {"W": Factors(relaxed.inputs, relaxed.states[b] - relaxed.states[a], -1 / len(relaxed.inputs))}


@pytest.fixture
def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(11, 4)), np.arange(11) % 3


def test_variants_have_their_order(rng: np.random.Generator, batch: Any) -> None:
    """Against the derivative of |s - y|^2 / 2, s = K^-1 W^T x."""
    system = Springs(rng)
    error = system.relax(batch[0]).output - np.eye(3)[batch[1]]
    exact = batch[0].T @ np.linalg.solve(system.stiffness, error.T).T / 11
    for variant, order in (("positive", 1), ("negative", 1), ("centred", 2)):
        errors = []
        for beta in (0.02, 0.01):
            updates, metrics = EquilibriumPropagation(beta, variant).step(system, batch)
            errors.append(np.linalg.norm(updates["W"].dense() - exact))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)
    assert metrics["loss"] == pytest.approx((error**2).sum() / 22)


def test_random_sign(rng: np.random.Generator, batch: Any) -> None:
    system, rule = Springs(rng), EquilibriumPropagation(0.1, "random")
    one, other = (EquilibriumPropagation(0.1, v).step(system, batch)[0]["W"].dense() for v in ("positive", "negative"))
    keys = [pnn.random.fold_in(KEY, n) for n in range(40)]
    positive = 0
    for key in keys:
        got = rule.step(system, batch, key=key)[0]["W"].dense()
        assert np.allclose(got, one) or np.allclose(got, other)
        positive += np.allclose(got, one)
    assert 8 < positive < 32
    with pytest.raises(ValueError, match="the sign of the nudge is random, which needs a key"):
        rule.step(system, batch)


def test_held_outputs_are_no_gradient(rng: np.random.Generator, batch: Any) -> None:
    """Where every unit is an output, holding moves them by eta (y - s): the update is -<x (y - s)>, the stiffness is missing."""
    system = Springs(rng)
    error = system.relax(batch[0]).output - np.eye(3)[batch[1]]
    for rule in (CoupledLearning(0.3), CoupledLearning(0.3, "negative"), contrastive_learning()):
        updates, _ = rule.step(system, batch)
        assert np.allclose(updates["W"].dense(), batch[0].T @ error / 11)
    assert (contrastive_learning().passes, CoupledLearning(0.1).passes) == (2, 3)


# ------------------------------------------------------------------------------------------------------------ layered networks
def conductances() -> dict[str, np.ndarray]:
    rng, sizes = np.random.default_rng(4), (10, 9, 6, 3)
    drawn = {f"W{l}": rng.uniform(0.05, 0.5, sizes[l - 1 : l + 1]) for l in (1, 2, 3)}
    return drawn | {f"b{l}": np.zeros(sizes[l]) for l in (1, 2, 3)}


SYSTEMS = {
    "drn": lambda **k: DRN((9, 6, 3), 5, gain=4.0, sweeps=500, tolerance=1e-9, dtype="float64", parameters=conductances(), **k),
    "hopfield": lambda **k: Hopfield((9, 6, 3), 5, activation="sigmoid", sweeps=500, tolerance=None, dtype="float64", key=KEY, **k),
}


@pytest.fixture(params=list(SYSTEMS))
def system(request: pytest.FixtureRequest) -> Any:
    return SYSTEMS[request.param]()


def test_small_nudges_give_the_exact_gradient(system: Any, rng: np.random.Generator) -> None:
    inputs, labels = system.encode(rng.normal(size=(7, 5))), np.arange(7) % 3
    exact, metrics = InSilico(SquareError()).step(system, (inputs, labels))
    found, ours = EquilibriumPropagation(1e-3).step(system, (inputs, labels))
    assert ours == pytest.approx(metrics)
    for name, update in exact.items():
        a, b = protocols.dense(update), protocols.dense(found[name])
        assert np.linalg.norm(a - b) < 1e-4 * np.linalg.norm(a)
    assert system.forward_population(inputs, {k: np.stack([v, v]) for k, v in system.parameters.items()}).shape == (2, 7, 3)


def test_a_deep_network_learns(system: Any, rng: np.random.Generator) -> None:
    inputs, labels = system.encode(rng.normal(size=(12, 5))), np.arange(12) % 3
    rule, losses = EquilibriumPropagation(0.1), []
    for _ in range(150):
        updates, metrics = rule.step(system, (inputs, labels))
        writers.apply(system, updates, SGD(), 0.02)
        losses.append(metrics["loss"])
    assert losses[-1] < 0.75 * losses[0]
    if isinstance(system, DRN):
        assert min(system.parameters[f"W{l}"].min() for l in (1, 2, 3)) >= 0


def test_rates_of_the_layers(rng: np.random.Generator) -> None:
    one, other = SYSTEMS["drn"](), SYSTEMS["drn"](rates=(2.0, 0.5, 0.0), bias_rates=(3.0, 1.0, 0.0))
    inputs, labels = one.encode(rng.normal(size=(7, 5))), np.arange(7) % 3
    before = {k: v.copy() for k, v in one.parameters.items()}
    for net in (one, other):
        writers.apply(net, EquilibriumPropagation(0.1).step(net, (inputs, labels))[0], SGD(), 1e-3)
    for name, factor in (("W1", 2.0), ("W2", 0.5), ("W3", 0.0), ("b1", 3.0), ("b2", 1.0), ("b3", 0.0)):
        wanted = before[name] + factor * (one.parameters[name] - before[name])
        free = (one.parameters[name] > 0) & (wanted > 0) if name[0] == "W" else wanted == wanted
        assert np.allclose(other.parameters[name][free], wanted[free], atol=1e-12)


def test_pulsed_devices_take_the_same_contrast(rng: np.random.Generator) -> None:
    """The mean movement of a crossbar of linear pulsed devices is that of the rule; here many small steps against one exact one."""
    net = Hopfield((9, 3), 5, activation="tanh", key=KEY, scale=0.1)
    inputs, labels = net.encode(rng.normal(size=(8, 5)).astype("float32")), np.arange(8) % 3
    updates, _ = EquilibriumPropagation(0.5).step(net, (inputs, labels))
    device = pulsed_devices.ConstantStep(step=3e-5, step_dtod=0, noise=0, up_down_dtod=0, w_max_dtod=0, w_min_dtod=0)
    net.writers["W1"] = writers.Pulsed(device, KEY)
    before = net.parameters["W1"].copy()
    writers.apply(net, {"W1": updates["W1"]}, SGD(), 0.1)
    moved, wanted = net.parameters["W1"] - before, -0.1 * updates["W1"].dense()
    assert (moved * wanted).sum() / np.linalg.norm(moved) / np.linalg.norm(wanted) > 0.95
    assert np.linalg.norm(moved) / np.linalg.norm(wanted) == pytest.approx(1, abs=0.15)


def test_oscillator_machine(rng: np.random.Generator) -> None:
    """Small nudges give the slope of the loss by every parameter; and it learns."""
    settle = {"step": 0.3, "steps": 5000, "nudged_steps": 5000, "tolerance": 1e-8}
    net = OscillatorMachine((4, 3), 5, second=0.1, second_rate=1.0, dtype="float64", key=KEY, **settle)
    batch, loss = (net.encode(rng.normal(size=(6, 5))), np.arange(6) % 3), SquareError(1.0, -1.0)
    rule = EquilibriumPropagation(1e-3, loss=loss)
    updates, metrics = rule.step(net, batch)
    assert metrics["loss"] == pytest.approx(loss(net.forward(batch[0]), batch[1])[0])
    for name, p in net.parameters.items():
        g = protocols.dense(updates[name])
        for i in [tuple(rng.integers(n) for n in p.shape) for _ in range(3)]:
            ends = []
            for h in (1e-3, -1e-3):
                p[i] += h
                ends.append(loss(net.forward(batch[0]), batch[1])[0])
                p[i] -= h
            assert g[i] == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=1e-3, abs=1e-4)
    exact, _ = InSilico(loss).step(net, batch)
    for name, update in exact.items():
        a, b = protocols.dense(update), protocols.dense(updates[name])
        assert np.linalg.norm(a - b) < 1e-3 * np.linalg.norm(a)
    net = OscillatorMachine((4, 3), 5, key=KEY)
    batch, losses = (net.encode(rng.normal(size=(12, 5))), np.arange(12) % 3), []
    for _ in range(100):
        updates, metrics = EquilibriumPropagation(0.1, loss=loss).step(net, batch)
        writers.apply(net, updates, SGD(), 0.1)
        losses.append(metrics["loss"])
    assert losses[-1] < 0.6 * losses[0]


def test_ising_machine(rng: np.random.Generator) -> None:
    """Contrasts are those of the spins it found, pair by pair; nudged outputs lean to their targets; and it learns."""
    net = IsingMachine((20, 3), inputs=5, sweeps=40, key=KEY)
    inputs, labels = net.encode(rng.normal(size=(12, 5)) * 2), np.arange(12) % 3
    target = net.targets(labels)
    relaxed = net.relax(inputs, target=target, nudges=(3.0,), key=KEY)
    free, nudged = (s.astype(float) for s in relaxed.states)
    assert np.allclose(relaxed.output, free[:, 20:].reshape(12, 3, 4).mean(axis=2))
    assert (nudged[:, 20:].reshape(12, 3, 4).mean(axis=2) * target).mean() > (relaxed.output * target).mean() + 0.3
    updates = net.contrast(relaxed, 0, 1)
    pairs = [np.einsum("bi,bj->ij", s[:, :20], s[:, 20:]) / 12 for s in (free, nudged)]
    assert np.allclose(protocols.dense(updates["W2"]), pairs[0] - pairs[1], atol=1e-6)
    assert np.allclose(protocols.dense(updates["W1"]), -inputs.T @ (nudged - free)[:, :20] / 12, atol=1e-5)
    held = net.relax(inputs, target=target, nudges=(1.0,), hold=True, key=KEY).states[1]
    assert (held[:, 20:] == target.repeat(4, axis=1)).all()
    rule, right = EquilibriumPropagation(2.0, "positive", SquareError(1.0, -1.0)), []
    for n in range(150):
        updates, metrics = rule.step(net, (inputs, labels), key=pnn.random.fold_in(KEY, n))
        writers.apply(net, updates, SGD(), 0.05)
        right.append(metrics["accuracy"])
    assert np.mean(right[-20:]) > max(0.8, np.mean(right[:10]) + 0.2)
    with pytest.raises(ValueError, match="annealing is random, which needs a key"):
        net.forward(inputs)
    with pytest.raises(ValueError, match="beta must be 1"):
        CoupledLearning(0.5).step(net, (inputs, labels), key=KEY)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: EquilibriumPropagation(0.0), ValueError, "must be positive, got 0.0: with 0 nothing is compared"),
        (lambda: CoupledLearning(0.0), ValueError, "with 0 nothing is compared"),
        (lambda: EquilibriumPropagation(0.1, "both"), ValueError, "variant must be one of positive, negative, centred, random"),
        (lambda: EquilibriumPropagation(0.1).step(SimpleNamespace(), (0, 0)), CapabilityError, "equilibrium propagation needs equilibria"),
        (lambda: IsingMachine((4, 3), inputs=5), ValueError, "needs a key"),
        (lambda: IsingMachine((4, 0), inputs=5, key=KEY), ValueError, "must all be 1 or more"),
        (lambda: IsingMachine((4, 3), inputs=5, reverse=1.0, key=KEY), ValueError, r"reverse must lie in \[0, 1\)"),
        (lambda: OscillatorMachine((4,), 5, key=KEY), ValueError, r"sizes must be \(hidden, outputs\)"),
        (lambda: OscillatorMachine((4, 3), 5), ValueError, "needs a key"),
        (lambda: DRN((4, 3), 5), ValueError, "needs a key"),
        (lambda: DRN((4, 0), 5, key=KEY), ValueError, "must be 1 or more"),
        (lambda: DRN((4, 3), 5, key=KEY, rates=(1.0,)), ValueError, "one number for each of the 2 layers"),
        (lambda: DRN((4, 3), 5, key=KEY, dtype="float16"), ValueError, "'float32' or 'float64'"),
        (lambda: DRN((4, 3), 5, parameters={"W1": np.ones((5, 4), "float32")}), ValueError, r"W1 must be float32 \(10, 4\), got .* \(5, 4\)"),
        (lambda: DRN((4, 3), 5, key=KEY).encode(np.ones((2, 6))), ValueError, "each sample must have 5 values, got 6"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_nudges_without_a_minimum_are_refused() -> None:
    net = DRN((4, 3), 5, key=KEY)
    batch = net.encode(np.ones((2, 5))), np.arange(2)
    with pytest.raises(ValueError, match="leaves the energy without a minimum"):
        EquilibriumPropagation(100.0).step(net, batch)
