"""Boltzmann machines that classify: all states of small ones enumerated, against what they draw, their twin and their contrasts."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern._errors import CapabilityError
from pnnkern._updates import dense
from pnnkern.cli import main
from pnnkern.experiments import loop, recipe, saved
from pnnkern.experiments.run import assemble
from pnnkern.learning import Batch, ContrastiveDivergence, ContrastiveLearning, EquilibriumPropagation, InSilico, one_step
from pnnkern.learning.equilibrium import contrasted
from pnnkern.systems import BoltzmannMachine, Hopfield, InPlace, protocols

KEY = random.key(5)
INPUTS, HIDDEN, CLASSES = 4, 3, 3


def machine(backend: Any = None, scale: float = 1.5, **more: Any) -> BoltzmannMachine:
    how: dict[str, Any] = {"hidden": (HIDDEN,), "outputs": CLASSES, "inputs": INPUTS, "sweeps": 40, "settle": 20}
    system = BoltzmannMachine(dtype="float64", key=KEY, **(how | more))
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
    updates, metrics = one_step(InSilico(), system, Batch(x, labels))
    assert metrics["loss"] == pytest.approx(3 * loss(system, x, labels))
    truth = slopes(system, lambda: 3 * loss(system, x, labels))
    np.testing.assert_allclose(truth.pop("a"), 0, atol=1e-9)
    assert set(updates) == set(truth)
    for name, g in truth.items():
        np.testing.assert_allclose(dense(updates[name]), g, atol=1e-9)


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
        assert np.abs(dense(update) / len(x) - truth[name]).max() < noise, name
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
    truth = slopes(system, lambda: 2 * joint_loss(system, x, labels, states))
    found = {name: np.zeros_like(g) for name, g in truth.items()}
    for w, v1, y1 in zip(law, *everything, strict=True):
        model = np.tile(v1, (3, 1)), np.tile(y1, (3, 1))  # as many as one likes: what counts is their mean
        for name, update in system.joint_contrast((x, system.targets(labels)), model).items():
            found[name] += w * dense(update)
    for name, g in truth.items():
        np.testing.assert_allclose(found[name], g, atol=1e-8)


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
    system = BoltzmannMachine(hidden=(4,), outputs=2, inputs=4, dtype="float64", key=KEY)
    states = [(np.array(v), c) for v in product((0, 1), repeat=4) for c in range(2)]
    data, rule = Batch(x.astype(float), labels, np.arange(60)), ContrastiveDivergence(2, persistent)

    def cost() -> float:
        p = system.parameters
        score = [p["a"] @ v + p["b2"][c] + np.logaddexp(0, v @ p["W1"] + p["b1"] + p["W2"][:, c]).sum() for v, c in states]
        known = {(*v, c): s for (v, c), s in zip(states, score, strict=True)}
        return float(np.logaddexp.reduce(score) - np.mean([known[(*v, c)] for v, c in zip(x, labels, strict=True)]))

    before, state = cost(), rule.init(system, KEY)
    for n in range(80):
        updates, state, metrics = rule.step(system, state, data, random.fold_in(KEY, n))
        for name, update in updates.items():
            system.parameters[name] -= 0.5 / 60 * dense(update)
    assert cost() < before - 0.9
    assert metrics["rating"] > 0.9 * 60
    assert rule.passes == 4
    assert set(state) == ({"chains.inputs", "chains.classes"} if persistent else set())
    assert not system.memory


def test_chains_start_anywhere(backend: Any) -> None:
    """Inputs 0 or the gain, evenly and each by itself, and one class each, evenly."""
    system = machine(backend, gain=2.5)
    many = 6000
    inputs, classes = (backend.numpy(a) for a in system.undecided(many, KEY))
    assert inputs.shape == (many, INPUTS)
    assert set(np.unique(inputs)) == {0.0, 2.5}
    np.testing.assert_array_equal(classes.sum(axis=1), 1)
    error = 5 / np.sqrt(many)
    assert np.abs(inputs.mean(axis=0) / 2.5 - 0.5).max() < 0.5 * error
    assert np.abs(np.corrcoef(inputs.T) - np.eye(INPUTS)).max() < error
    assert np.abs(classes.mean(axis=0) - 1 / CLASSES).max() < 0.5 * error
    assert np.abs(np.corrcoef(inputs.T, classes.T)[:INPUTS, INPUTS:]).max() < error
    again = system.undecided(many, random.fold_in(KEY, 1))[0]
    assert np.abs(backend.numpy(again) - inputs).max() > 0


CHAINS = {
    "data": {"name": "digits", "train": 48, "test": 16}, "system": {"kind": "boltzmann", "hidden": [12], "inputs": 64},
    "rule": {"kind": "contrastive-divergence", "persistent": True, "chains": 7}, "training": {"batch": 16, "lr": 1e-2, "epochs": 2},
    "control": {"linear": False, "exact": False}, "checkpoint": {"steps": 1},
}  # fmt: skip


def test_persistent_chains_resume_to_the_bit() -> None:
    """From any step; and a run that began its chains anew would have ended elsewhere."""

    def make() -> loop.Trainer:
        return assemble(recipe.read(CHAINS), Path("unused")).trainer

    whole, states = make(), {}
    for step in range(6):
        states[step] = {name: array.copy() for name, array in whole.saved().items()}
        whole.advance()
    final = whole.saved()
    assert final["rule/chains.inputs"].shape == (7, 64)
    assert np.abs(states[1]["rule/chains.inputs"] - states[0]["rule/chains.inputs"]).max() == 1
    for at in (0, 1, 4):
        resumed = make()
        resumed.restore(states[at] | {"progress/evaluations": np.zeros((at // 3, 2))})
        for _ in range(at, 6):
            resumed.advance()
        for name, array in resumed.saved().items():
            if name != "progress/evaluations":
                np.testing.assert_array_equal(array, final[name], err_msg=name)
    forgetful, fresh = make(), make().state
    forgetful.restore(states[4] | {f"rule/{name}": array for name, array in fresh.items()} | {"progress/evaluations": np.zeros((1, 2))})
    forgetful.advance()
    assert not np.array_equal(forgetful.system.parameters["W1"], states[5]["parameters/W1"])
    with pytest.raises(ValueError, match=r"the checkpoint has chains.inputs as float32 \(6, 64\), the system as float32 \(7, 64\)"):
        make().restore(states[0] | {"rule/chains.inputs": np.zeros((6, 64), np.float32)})


def test_persistent_chains_go_on_in_a_run(tmp_path: Path) -> None:
    """`pnnkern run` in one piece, and in two: stopped after the first epoch, gone on with by `pnnkern resume`."""
    text = recipe.read(CHAINS | {"recipe": "chains"}).dumps()
    (tmp_path / "chains.toml").write_text(text)
    run = ["run", str(tmp_path / "chains.toml"), "--quiet", "--out"]
    assert main([*run, str(tmp_path / "whole")]) == 0
    assert main([*run, str(tmp_path / "parts"), "--set", "training.epochs=1"]) == 0
    assert main(["resume", str(tmp_path / "parts"), "--quiet", "--set", "training.epochs=2"]) == 0
    one, other = (saved.read(tmp_path / name)[1].state for name in ("whole", "parts"))
    assert one.keys() == other.keys() > {"rule/chains.inputs", "rule/chains.classes"}
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_rates_of_the_layers() -> None:
    """An optimiser writes all; with rates each layer moves at its own."""
    assert not machine().writers
    assert machine(rates=(2.0, 0.5)).writers == {
        "W1": InPlace(rate=2.0), "a": InPlace(rate=2.0), "b1": InPlace(rate=2.0), "W2": InPlace(rate=0.5), "b2": InPlace(rate=0.5)
    }  # fmt: skip


SMALL: dict[str, Any] = {"hidden": (3,), "outputs": 3, "inputs": 4}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s, x: s.relax(x), "draws are random, which needs a key"),
        (lambda s, x: s.dream(x, x, steps=1, key=None), "draws are random, which needs a key"),
        (lambda s, x: s.relax(x, nudges=(1.0,), key=KEY), "nudges need a target"),
        (lambda s, x: s.relax(x, target=np.zeros((1, 2)), nudges=(1.0,), key=KEY), r"target must be \(1, 3\), got shape \(1, 2\)"),
        (lambda s, x: s.relax(x, target=np.zeros((1, 3)), nudges=(0.5,), hold=True, key=KEY), "at their targets or not at all: beta must be 1"),
        (lambda s, x: s.undecided(3, None), "where chains start is random, which needs a key"),
        (lambda s, x: BoltzmannMachine(**SMALL), "the weights that a Boltzmann machine begins with are random, which needs a key"),
        (lambda s, x: BoltzmannMachine(**SMALL | {"hidden": (0,)}, key=KEY), "hidden of BoltzmannMachine must be values that are each .* >= 1"),
        (lambda s, x: BoltzmannMachine(parameters={"W1": np.zeros((4, 3))}, **SMALL), r"W1 must be float32 \(4, 3\), got float64"),
        (lambda s, x: ContrastiveDivergence(0), "steps of ContrastiveDivergence must be a finite number >= 1"),
        (lambda s, x: one_step(ContrastiveDivergence(), s, Batch(x, np.zeros(1, int))), "dreams are random, which needs a key"),
        (lambda s, x: ContrastiveDivergence(persistent=True).init(s), "chains start at random, which needs a key"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(machine(), np.zeros((1, INPUTS)))


def test_needs() -> None:
    system = machine()
    assert not protocols.lacks(system, *ContrastiveLearning().needs, *EquilibriumPropagation(1.0).needs)
    with pytest.raises(CapabilityError, match="a law of its own to draw inputs and outputs by"):
        ContrastiveDivergence().init(Hopfield(key=KEY, **SMALL), KEY)


def test_dreams_follow_the_law_at_any_gain() -> None:
    """Inputs are 0 or the gain g: alone, with biases a, each is on by a chance of 1 / (1 + exp(-g a))."""
    system = BoltzmannMachine(inputs=3, hidden=[2], outputs=2, gain=0.5, key=random.key(1), dtype="float64")
    for p in system.parameters.values():
        p[...] = 0.0
    system.parameters["a"][...] = [2.0, -4.0, 0.0]
    inputs, _ = system.dream(*system.undecided(20000, random.key(2)), steps=1, key=random.key(3), sample=np.arange(20000))
    assert set(np.unique(inputs)) == {0.0, 0.5}
    np.testing.assert_allclose((inputs > 0).mean(axis=0), 1 / (1 + np.exp([-1.0, 2.0, 0.0])), atol=0.015)
