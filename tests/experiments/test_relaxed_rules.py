"""Rules for systems that relax, as a recipe names them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern._errors import CapabilityError
from pnnkern._updates import dense
from pnnkern.experiments import recipe
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.recipe import RecipeError
from pnnkern.experiments.run import assemble, build
from pnnkern.learning import AgnosticEP, Batch, ContinualEP, EquilibriumPropagation, HolomorphicEP, Logits, one_step
from pnnkern.systems import protocols


def trainer(kind: str, rule: dict[str, Any], lr: float = 0.05, **system: Any) -> Trainer:
    """A small system of this kind and a rule, by their words in a recipe."""
    iris = kind == "resistor-network"
    own = {"resistor-network": {"nodes": 20}, "hopfield-conv": {"maps": [3], "height": 8, "width": 8}}
    system = own.get(kind, {"hidden": [12], "inputs": 64}) | system
    return assemble(
        recipe.read(
            {"data": {"name": "iris"} if iris else {"name": "digits", "train": 32, "test": 20}, "system": {"kind": kind} | system,
             "rule": rule, "compute": {"dtype": "float64"}, "training": {"batch": 16, "lr": lr, "optimizer": "sgd", "epochs": 1}}
        ), Path("unused"),
    ).trainer  # fmt: skip


def batch_of(one: Trainer) -> Batch:
    at = one.batch(0)
    return Batch(one.system.encode(one.dataset.train_images[at]), one.dataset.train_labels[at], at)


def step_of(one: Trainer) -> Any:
    """The updates of a first step, and its metrics."""
    return one_step(one.rule, one.system, batch_of(one))


@pytest.mark.parametrize(("kind", "lr"), [("hopfield", 0.05), ("drn", 1e-6), ("resistor-network", 1e-4)])
def test_contrastive_learning_clamps_fully(kind: str, lr: float) -> None:
    """It is coupled learning at eta = 1 against the free state, measured by the targets of the system; and it learns."""
    one = trainer(kind, {"kind": "contrastive-learning"}, lr)
    other = trainer(kind, {"kind": "coupled-learning", "eta": 1.0, "variant": "positive"}, lr)
    (updates, metrics), (wanted, same) = step_of(one), step_of(other)
    assert metrics == same
    for name, update in wanted.items():
        np.testing.assert_array_equal(dense(updates[name]), dense(update))
    before = one.evaluate()[0]
    for _ in range(4):
        one.advance()
    assert one.evaluate()[0] < before


def far(found: dict[str, Any], exact: dict[str, Any]) -> float:
    """Relative distance of two sets of updates."""
    a, b = (np.concatenate([dense(u[name]).ravel() for name in exact]) for u in (found, exact))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize(("kind", "activation"), [("hopfield", "sigmoid"), ("hopfield", "tanh"), ("hopfield-conv", "sigmoid")])
def test_holomorphic_nudges_come_closer_with_more_points(kind: str, activation: str) -> None:
    """Against the derivative by the implicit function theorem, the error of nudges of size r is of order r^N."""
    smooth = {"activation": activation, "sweeps": 300, "nudged_sweeps": 300}
    exact = trainer(kind, {"kind": "in-silico", "loss": "mse"}, **smooth)
    (wanted, metrics), errors = step_of(exact), []
    for points in (2, 4, 8):
        one = trainer(kind, {"kind": "holomorphic-ep", "radius": 0.2, "points": points}, **smooth)
        updates, ours = step_of(one)
        assert ours == pytest.approx(metrics)
        errors.append(far(updates, wanted))
    assert errors[0] > 1e-3
    assert errors[1] < 0.2 * errors[0]
    assert errors[2] < 0.05 * errors[1]
    assert one.rule.passes == 9


def test_holomorphic_ep_learns_and_is_refused_where_it_cannot() -> None:
    one = trainer("hopfield", {"kind": "holomorphic-ep", "radius": 0.4}, 0.1, activation="sigmoid")
    before = one.evaluate()[0]
    for _ in range(10):
        one.advance()
    assert one.evaluate()[0] < 0.85 * before
    with pytest.raises(RecipeError, match=r"holomorphic-ep.* needs system\.activation=.sigmoid. or .tanh., got .hard-sigmoid"):
        trainer("hopfield", {"kind": "holomorphic-ep"})
    with pytest.raises(RecipeError, match=r"'holomorphic-ep' needs system.pool='mean': a maximum is not holomorphic"):
        trainer("hopfield-conv", {"kind": "holomorphic-ep"}, activation="sigmoid", pool="max")
    hard = trainer("hopfield", {"kind": "contrastive-learning"})
    with pytest.raises(CapabilityError, match=r"holomorphic-ep needs system\.activation='sigmoid' or 'tanh', got 'hard-sigmoid'"):
        HolomorphicEP().init(hard.system)
    batch = batch_of(hard)
    with pytest.raises(ValueError, match="need a holomorphic activation, sigmoid or tanh, got 'hard-sigmoid'"):
        HolomorphicEP().step(hard.system, {}, batch)
    drn = trainer("drn", {"kind": "contrastive-learning"})
    with pytest.raises(CapabilityError, match="holomorphic-ep needs equilibria at complex nudges"):
        HolomorphicEP().init(drn.system)
    for bad, message in (({"radius": 1.0}, "radius of .* must be .* > 0 and < 1"), ({"points": 1}, "points of .* must be .* >= 2")):
        with pytest.raises(ValueError, match=message):
            HolomorphicEP(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "beta", "rate"), [("hopfield", 0.3, 0.02), ("drn", 0.5, 8e-5), ("hopfield-conv", 0.6, 0.02)])
def test_continual_moves_are_those_of_the_pure_function(kind: str, beta: float, rate: float) -> None:
    """A step ends where the moves led, whatever the optimiser and its rate; near zero it is the one-sided estimate; and it learns."""
    how: dict[str, Any] = {"sweeps": 200, "rates": [1.0, 0.5]} | ({"gain": 30.0} if kind == "drn" else {"nudged_sweeps": 200})
    rule = {"kind": "continual-ep", "beta": beta, "rate": rate}
    one = trainer(kind, rule, 0.7, **how)
    system, batch = one.system, batch_of(one)
    before = one.evaluate()[0]
    ends = system.physics.continual(
        batch.inputs, system.targets(batch.labels), system.weights, system.biases, nudge=beta, rates=[rate, rate / 2], steps=20,
        **system._free_settings(),
    )  # fmt: skip
    inside = {name: p + 0.01 for name, p in system.parameters.items()}  # off the floor of conductances
    one.advance()
    for got, end in zip([*system.weights, *system.biases], [*ends[0], *ends[1]], strict=True):
        np.testing.assert_allclose(got, end, rtol=1e-12, atol=1e-12 * np.abs(end).max())
    for _ in range(50):
        one.advance()
    assert one.evaluate()[0] < 0.95 * before
    system.parameters.update(inside)
    slow, _ = one_step(ContinualEP(beta, 200, 1e-6 * rate), system, batch)
    wanted, _ = one_step(EquilibriumPropagation(beta, "positive"), system, batch)
    share = {name: 1e-6 * rate * (1.0 if name.endswith("1") else 0.5) / len(batch) for name in slow}
    assert far({name: -move.value / share[name] for name, move in slow.items()}, wanted) < 1e-3
    assert one.rule.passes == 2


@pytest.mark.parametrize("kind", ["hopfield", "hopfield-conv"])
def test_the_loss_of_a_softmax_is_its_cross_entropy(kind: str) -> None:
    """In the rule and in its exact-gradient control, whose gradients a small nudge comes close to; outputs cannot be held there."""
    settled = {"readout": "softmax", "activation": "sigmoid", "sweeps": 100, "nudged_sweeps": 100}
    one = trainer(kind, {"kind": "equilibrium-propagation", "beta": 1e-2}, **settled)
    exact = trainer(kind, {"kind": "in-silico"}, **settled)
    assert one.rule.loss_on(one.system) == exact.rule.loss_on(exact.system) == Logits()
    (updates, metrics), (wanted, same) = step_of(one), step_of(exact)
    assert metrics == pytest.approx(same)
    assert metrics["loss"] / 16 == pytest.approx(np.log(10), abs=0.5)
    assert far(updates, wanted) < 1e-2
    before = one.evaluate()[0]
    for _ in range(6):
        one.advance()
    assert one.evaluate()[0] < before
    for rule in ("coupled-learning", "contrastive-learning"):
        with pytest.raises(RecipeError, match=f"rule.kind='{rule}' holds outputs at their targets, .* set system.readout='state'"):
            trainer(kind, {"kind": rule}, readout="softmax")
    with pytest.raises(RecipeError, match="the targets of a softmax are 1 and 0"):
        trainer(kind, {"kind": "equilibrium-propagation"}, readout="softmax", low=-1.0)


def test_feedback_of_its_own_in_a_recipe() -> None:
    """Parameters of its own that are exported and held by devices like all weights, and no rule that needs an energy."""
    one = trainer("hopfield", {"kind": "equilibrium-propagation"}, feedback="separate", activation="sigmoid")
    described = {"kind": "hopfield", "hidden": [12], "feedback": "separate", "writer": "pulsed"}
    written = build(recipe.read({"system": described}), 10)
    assert set(written.exports()) == set(one.system.parameters) == {"W1", "b1", "W2", "b2", "V2"}
    assert not one.system.has_energy
    assert type(written.writers["V2"]).__name__ == "Pulsed"
    before = one.evaluate()[0]
    for _ in range(6):
        one.advance()
    assert one.evaluate()[0] < before
    with pytest.raises(RecipeError, match=r"'holomorphic-ep' needs system.feedback='tied': it gives the derivative of an energy"):
        trainer("hopfield", {"kind": "holomorphic-ep"}, feedback="separate", activation="sigmoid")


def test_continual_ep_refuses() -> None:
    circuit = trainer("resistor-network", {"kind": "contrastive-learning"})
    with pytest.raises(CapabilityError, match="continual-ep needs parts that can move on the way"):
        ContinualEP(0.1).init(circuit.system)
    for bad, message in (((-0.1,), "beta of .* >= 0"), ((0.1, 0), "steps of .* >= 1"), ((0.1, 1, -1.0), "rate of .* >= 0")):
        with pytest.raises(ValueError, match=message):
            ContinualEP(*bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("by_sign", [False, True])
def test_potentiometers_learn_in_whole_steps(by_sign: bool) -> None:
    """Conductances stay on the grid of their steps, the loss falls, and the exact-gradient control has none."""
    one = trainer("resistor-network", {"kind": "coupled-learning"}, 1e-3, step=2e-5, by_sign=by_sign)
    before, start = one.evaluate()[0], one.system.parameters["conductance"].copy()
    for _ in range(20):
        one.advance()
    steps = (one.system.parameters["conductance"] - start) / 2e-5
    inside = one.system.parameters["conductance"] > one.system.bounds["conductance"][0] * 1.001
    np.testing.assert_allclose(steps[inside], np.rint(steps[inside]), atol=1e-9)
    assert np.abs(steps).max() > 1
    assert one.evaluate()[0] < 0.8 * before
    described = recipe.read({"system": {"kind": "resistor-network", "step": 2e-5}, "data": {"name": "iris"}})
    control = replace(described, system=described.system.model_copy(update=dict(described.system.of.exact)))
    assert build(described, 3).writers
    assert not build(control, 3).writers


@pytest.mark.parametrize("kind", ["hopfield", "drn"])
def test_layers_give_way(kind: str) -> None:
    """Agnostic steps are their own balance, by states relaxed at the parameters that they led to; small ones are the gradient; they learn."""
    how: dict[str, Any] = {"sweeps": 300} | ({"nudged_sweeps": 300} if kind == "hopfield" else {"gain": 30.0})
    rate, beta = (0.01, 0.1) if kind == "hopfield" else (1e-5, 0.1)
    one = trainer(kind, {"kind": "agnostic-ep", "beta": beta, "rate": rate}, rate, **how)
    system, (updates, _) = one.system, step_of(one)
    inputs, labels = batch_of(one).inputs, batch_of(one).labels
    start, target = {n: p.copy() for n, p in system.parameters.items()}, system.targets(labels)
    before = system.relax(inputs, target=target, nudges=(-beta,))
    end = {n: updates[n].value for n in start}
    with protocols.replaced(system, end):
        after = system.relax(inputs, target=target, nudges=(beta,))
    s, t = ([x + m[0] for x, m in zip(r.states, r.moved, strict=True)] for r in (before, after))
    below = [(inputs, inputs), *zip(s[:-1], t[:-1], strict=True)]
    for l, ((x, y), v, w) in enumerate(zip(below, s, t, strict=True), 1):
        if kind == "hopfield":
            share = -(y.T @ w - x.T @ v) / len(x)
        else:  # the power of half a conductance
            share = sum(((y[:, :, None] - w[:, None, :]) ** 2 - (x[:, :, None] - v[:, None, :]) ** 2) / 2) / len(x)  # type: ignore[assignment]
        wanted = start[f"W{l}"] - rate / (2 * beta) * share
        wanted = wanted.clip(0) if kind == "drn" else wanted
        np.testing.assert_allclose(end[f"W{l}"], wanted, atol=1e-5 * np.abs(wanted - start[f"W{l}"]).max())
    loss = one.evaluate()[0]
    for _ in range(10):
        one.advance()
    assert one.evaluate()[0] < (0.95 if kind == "hopfield" else 0.99) * loss
    found, _ = one_step(AgnosticEP(1e-3, 1e-5 * rate, tolerance=1e-13), system, batch_of(one))
    small = {name: (system.parameters[name] - end.value) / (1e-5 * rate) for name, end in found.items()}
    exact = {name: dense(d) / 16 for name, d in one_step(EquilibriumPropagation(1e-3), system, batch_of(one))[0].items()}
    moves = {n: (p > 1e-6) | (n[0] == "b") | (kind == "hopfield") for n, p in system.parameters.items()}  # conductances of nothing fall no more
    assert far({n: u * moves[n] for n, u in small.items()}, {n: dense(u) * moves[n] for n, u in exact.items()}) < 0.02


def test_noise_leaves_conductances_what_they_can_be() -> None:
    """Hardware-aware training of a deep resistive network: weights near 0 S are not shaken below it, whoever keeps their range."""
    one = trainer("drn", {"kind": "hardware-aware", "noise": 0.3}, 1e-6, gain=30.0)
    one.system.parameters["W1"][:, ::2] = 0.0
    before = one.evaluate()[0]
    for _ in range(5):
        one.advance()
    assert one.evaluate()[0] < before
    assert one.system.parameters["W1"].min() >= 0
