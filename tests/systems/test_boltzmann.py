"""Boltzmann machines that classify: all states of small ones enumerated, against what they draw, their twin and their contrasts."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern._errors import CapabilityError
from pnnkern.learning import ContrastiveDivergence, EquilibriumPropagation, InSilico, Logits, contrastive_learning
from pnnkern.learning.equilibrium import contrasted
from pnnkern.systems import BoltzmannMachine, Hopfield, protocols

KEY = random.key(5)
INPUTS, HIDDEN, CLASSES = 4, 3, 3


def machine(backend: Any = None, scale: float = 1.5, **more: Any) -> BoltzmannMachine:
    system = BoltzmannMachine((HIDDEN, CLASSES), INPUTS, dtype="float64", key=KEY, **({"sweeps": 40, "settle": 20} | more))
    rng = np.random.default_rng(3)
    for name, p in system.parameters.items():
        system.parameters[name] = scale * rng.normal(size=p.shape) if backend is None else backend.array(scale * rng.normal(size=p.shape))
    return system


def weight(system: BoltzmannMachine, x: np.ndarray, h: np.ndarray, c: int, beta: float = 0.0, target: int = 0) -> float:
    """exp(-E), term by term."""
    p = system.parameters
    energy = -p["a"] @ x - p["b1"] @ h - p["b2"][c] - x @ p["W1"] @ h - h @ p["W2"][:, c] - beta * (c == target)
    return float(np.exp(-energy))


def conditional(system: BoltzmannMachine, x: np.ndarray, beta: float = 0.0, target: int = 0) -> np.ndarray:
    """P(c | x) by all hidden states."""
    states = [np.array(h) for h in product((0, 1), repeat=HIDDEN)]
    found = np.array([sum(weight(system, x, h, c, beta, target) for h in states) for c in range(CLASSES)])
    return found / found.sum()


def loss(system: BoltzmannMachine, x: np.ndarray, labels: np.ndarray) -> float:
    return -float(np.mean([np.log(conditional(system, row)[c]) for row, c in zip(x, labels, strict=True)]))


def slopes(system: BoltzmannMachine, cost: Any) -> dict[str, np.ndarray]:
    found = {}
    for name, p in system.parameters.items():
        found[name] = np.zeros_like(p)
        for i in np.ndindex(p.shape):
            kept, ends = p[i], []
            for sign in (1, -1):
                p[i] = kept + sign * 1e-5
                ends.append(cost())
            p[i], found[name][i] = kept, (ends[0] - ends[1]) / 2e-5
    return found


def test_twin_is_the_enumeration(rng: np.random.Generator) -> None:
    system, x, labels = machine(), rng.random((3, INPUTS)), np.array([0, 2, 1])
    outputs, _ = system.forward_saving(x)
    np.testing.assert_allclose(np.exp(outputs), [conditional(system, row) for row in x], rtol=1e-12)
    updates, metrics = InSilico(Logits()).step(system, (x, labels))
    assert metrics["loss"] == pytest.approx(loss(system, x, labels))
    truth = slopes(system, lambda: loss(system, x, labels))
    np.testing.assert_allclose(truth.pop("a"), 0, atol=1e-9)
    assert set(updates) == set(truth)
    for name, g in truth.items():
        np.testing.assert_allclose(protocols.dense(updates[name]), g, atol=1e-9)


def test_draws_follow_the_law(backend: Any, rng: np.random.Generator) -> None:
    """Chances of classes, free and nudged, within their error; and a batch may be split."""
    system, row, many = machine(backend, 1.0), rng.random(INPUTS), 1500
    twin = machine(scale=1.0)
    x, target = backend.array(np.tile(row, (many, 1))), backend.array(np.tile(np.eye(CLASSES)[1], (many, 1)))
    found = system.relax(x, target=target, nudges=(0.8,), key=KEY)
    for phase, wanted in zip(found.phases, (conditional(twin, row), conditional(twin, row, 0.8, 1)), strict=True):
        for drawn in (backend.numpy(phase.chance), backend.numpy(phase.classes).mean(axis=0)):
            assert np.abs(drawn.mean(axis=0) - wanted).max() < 5 * drawn.std(axis=0).max() / np.sqrt(many)
    assert conditional(twin, row, 0.8, 1)[1] > 1.2 * conditional(twin, row)[1]
    np.testing.assert_allclose(np.exp(backend.numpy(found.output)), backend.numpy(found.phases[0].chance))
    part = system.relax(x[7:9], target=target[7:9], nudges=(0.8,), key=KEY, sample=7)
    np.testing.assert_array_equal(backend.numpy(part.phases[1].classes), backend.numpy(found.phases[1].classes)[:, 7:9])


@pytest.mark.parametrize("nudge", [None, 0.3])
def test_contrasts_are_gradients_in_the_mean(rng: np.random.Generator, nudge: float | None) -> None:
    """Held classes: of -log P(y | x). Nudged by +-beta: of the mean of |y - target|^2 / 2, for small beta."""
    system, rows, labels = machine(scale=0.7), rng.random((2, INPUTS)), np.array([2, 0])
    many = 3000
    x, target = np.tile(rows, (many, 1)), np.tile(system.targets(labels), (many, 1))
    ends = (0.0, 1.0) if nudge is None else (-nudge, nudge)
    updates, _ = contrasted(system, x, target, ends, hold=nudge is None, key=KEY)

    def cost() -> float:
        if nudge is None:
            return loss(system, rows, labels)
        difference = 0.0  # of log Z, whose slope in beta is the mean of the cost
        for row, c in zip(rows, labels, strict=True):
            for sign in (1, -1):
                tilted = conditional(system, row) * np.exp(sign * nudge * (np.arange(CLASSES) == c))
                difference -= sign * np.log(tilted.sum()) / (2 * nudge) / len(rows)
        return difference

    truth = slopes(system, cost)
    for name, update in updates.items():
        noise = {None: 0.012, 0.3: 0.03}[nudge]
        assert np.abs(protocols.dense(update) - truth[name]).max() < noise, name
    assert max(np.abs(g).max() for g in truth.values()) > 4 * noise


def test_dreams_follow_the_joint_law() -> None:
    system, many = machine(scale=0.6), 4000
    v, y = system.dream(np.zeros((many, INPUTS)), np.tile(np.eye(CLASSES)[0], (many, 1)), steps=30, key=KEY)
    states = [(np.array(x), c) for x in product((0, 1), repeat=INPUTS) for c in range(CLASSES)]
    law = np.array([sum(weight(system, x, np.array(h), c) for h in product((0, 1), repeat=HIDDEN)) for x, c in states])
    law /= law.sum()
    code = (v @ 2 ** np.arange(INPUTS)[::-1] * CLASSES + y.argmax(axis=1)).astype(int)
    drawn = np.bincount(code, minlength=len(law)) / many
    assert (np.abs(drawn - law) < 5 * np.sqrt(law / many) + 1e-3).all()
    # with the whole law for the model, the contrast is the gradient of -log P(x, y)
    x, labels = np.array([[1.0, 0, 0, 1], [0, 1, 1, 1]]), np.array([1, 2])
    everything = np.array([x for x, _ in states], float), np.eye(CLASSES)[[c for _, c in states]]
    truth = slopes(system, lambda: joint_loss(system, x, labels, states))
    of_data = system.joint_contrast((x, system.targets(labels)), (x[:0], system.targets(labels)[:0]))
    of_model = {name: np.zeros_like(g) for name, g in truth.items()}
    for w, v1, y1 in zip(law, *everything, strict=True):
        for name, update in system.joint_contrast((x[:0], y[:0]), (v1[None], y1[None])).items():
            of_model[name] += w * protocols.dense(update)
    for name, g in truth.items():
        np.testing.assert_allclose(protocols.dense(of_data[name]) + of_model[name], g, atol=1e-8)


def joint_loss(system: BoltzmannMachine, x: np.ndarray, labels: np.ndarray, states: list) -> float:
    def mass(v: np.ndarray, c: int) -> float:
        return sum(weight(system, v, np.array(h), c) for h in product((0, 1), repeat=HIDDEN))

    total = sum(mass(v, c) for v, c in states)
    return -float(np.mean([np.log(mass(v, c) / total) for v, c in zip(x, labels, strict=True)]))


@pytest.mark.parametrize("persistent", [False, True])
def test_contrastive_divergence_learns_stripes(persistent: bool, rng: np.random.Generator) -> None:
    """Two kinds of noisy stripes are told apart, and the likelihood of images and labels together, exact, rises."""
    labels = np.arange(60) % 2
    x = np.where(labels[:, None] == 0, [1, 1, 0, 0], [0, 0, 1, 1]) ^ (rng.random((60, 4)) < 0.1)
    system = BoltzmannMachine((4, 2), 4, dtype="float64", key=KEY)
    states = [(np.array(v), c) for v in product((0, 1), repeat=4) for c in range(2)]
    data, rule = (x.astype(float), labels), ContrastiveDivergence(2, persistent)

    def cost() -> float:
        p = system.parameters
        score = [p["a"] @ v + p["b2"][c] + np.logaddexp(0, v @ p["W1"] + p["b1"] + p["W2"][:, c]).sum() for v, c in states]
        known = {(*v, c): s for (v, c), s in zip(states, score, strict=True)}
        return float(np.logaddexp.reduce(score) - np.mean([known[(*v, c)] for v, c in zip(x, labels, strict=True)]))

    before = cost()
    for n in range(80):
        updates, metrics = rule.step(system, data, key=random.fold_in(KEY, n), sample=np.arange(60))
        for name, update in updates.items():
            system.parameters[name] -= 0.5 * protocols.dense(update)
    assert cost() < before - 0.9
    assert metrics["accuracy"] > 0.9
    assert rule.passes == 4
    assert ("chains.inputs" in system.memory) == persistent


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s, x: s.relax(x), "draws are random, which needs a key"),
        (lambda s, x: s.dream(x, x, steps=1, key=None), "draws are random, which needs a key"),
        (lambda s, x: s.relax(x, nudges=(1.0,), key=KEY), "nudges need a target"),
        (lambda s, x: s.relax(x, target=np.zeros((1, 2)), nudges=(1.0,), key=KEY), r"target must be \(1, 3\), got shape \(1, 2\)"),
        (lambda s, x: s.relax(x, target=np.zeros((1, 3)), nudges=(0.5,), hold=True, key=KEY), "at their targets or not at all: beta must be 1"),
        (lambda s, x: BoltzmannMachine((3, 3), 4), "needs a key to draw its weights from"),
        (lambda s, x: BoltzmannMachine((0, 3), 4, key=KEY), "must all be 1 or more"),
        (lambda s, x: BoltzmannMachine((3, 3), 4, parameters={"W1": np.zeros((4, 3))}), r"W1 must be float32 \(4, 3\), got float64"),
        (lambda s, x: ContrastiveDivergence(0), "steps must be at least 1, got 0: at 0 the model is the data"),
        (lambda s, x: ContrastiveDivergence().step(s, (x, np.zeros(1, int))), "dreams are random, which needs a key"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(machine(), np.zeros((1, INPUTS)))


def test_needs() -> None:
    system = machine()
    assert not protocols.lacks(system, *contrastive_learning().needs, *EquilibriumPropagation(1.0).needs)
    with pytest.raises(CapabilityError, match="a law of its own to draw inputs and outputs by"):
        ContrastiveDivergence().step(Hopfield((3, 2), 4, key=KEY), (np.zeros((1, 4)), np.zeros(1, int)), key=KEY)
