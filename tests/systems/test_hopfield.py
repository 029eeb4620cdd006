"""Hopfield networks as systems: feedback of its own, softmax read-out, and the exact twin of both, dense and convolutional."""

from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern.learning import SGD, ContinualEP, EquilibriumPropagation, HolomorphicEP, InSilico
from pnnkern.learning.losses import Logits, SquareError
from pnnkern.systems import ConvolutionalHopfield, Hopfield, protocols, writers
from pnnkern.systems.protocols import Continual, Holomorphic, Modelled, Relaxing

SETTLED: dict[str, Any] = {"dtype": "float64", "sweeps": 2000, "tolerance": 1e-13}
KEY, LABELS = random.key(3), np.array([0, 1, 2, 1])


def dense(**more: Any) -> Hopfield:
    return Hopfield((6, 5, 3), 4, **({"key": KEY, "activation": "sigmoid", "scale": 0.8} | SETTLED | more))


def convolutional(**more: Any) -> ConvolutionalHopfield:
    settings = {"maps": (2, 2), "outputs": 3, "image": (1, 4, 4), "key": KEY, "activation": "sigmoid", "scale": 0.8} | SETTLED
    return ConvolutionalHopfield(**(settings | more))


def loss_of(system: Any) -> Any:
    return Logits() if system.readout == "softmax" else SquareError()


def batch_of(system: Any, rng: np.random.Generator) -> tuple:
    n = system.inputs if isinstance(system, Hopfield) else 16
    return system.encode(rng.random((4, n))), LABELS


def flat(updates: dict[str, Any], names: Any) -> np.ndarray:
    return np.concatenate([protocols.dense(updates[name]).ravel() for name in names])


def exact(system: Any, batch: tuple) -> np.ndarray:
    return flat(InSilico(loss_of(system)).step(system, batch)[0], system.parameters)


def estimate(system: Any, batch: tuple, rule: Any) -> np.ndarray:
    return flat(rule.step(system, batch)[0], system.parameters)


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


KINDS = [
    (dense, {}), (dense, {"readout": "softmax"}), (dense, {"feedback": "separate"}), (dense, {"feedback": "separate", "readout": "softmax"}),
    (convolutional, {}), (convolutional, {"readout": "softmax"}), (convolutional, {"pool": "max"}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "more"), KINDS)
def test_the_twin_is_the_derivative_of_the_mean_loss(backend, make, more: dict, rng: np.random.Generator) -> None:
    system = make(**more)
    assert all(isinstance(system, p) for p in (Relaxing, Modelled, Continual, Holomorphic))
    batch, loss, parameters, numeric = batch_of(system, rng), loss_of(system), system.parameters, {}
    for name, p in parameters.items():
        numeric[name] = np.empty_like(p)
        for i in np.ndindex(p.shape):
            before, ends = p[i], []
            for h in (1e-5, -1e-5):
                p[i] = before + h
                ends.append(loss(system.forward(batch[0]), LABELS)[0])
            p[i] = before
            numeric[name][i] = (ends[0] - ends[1]) / 2e-5
    system.parameters = {name: backend.array(p) for name, p in parameters.items()}
    updates, metrics = InSilico(loss).step(system, (backend.array(batch[0]), LABELS))
    got = np.concatenate([backend.numpy(protocols.dense(updates[name])).ravel() for name in parameters])
    assert np.allclose(got, flat(numeric, parameters), atol=1e-9)
    assert float(metrics["loss"]) == pytest.approx(float(loss(system.forward(backend.array(batch[0])), LABELS)[0]))


@pytest.mark.parametrize(("make", "more"), [kind for kind in KINDS if "feedback" not in kind[1]])
def test_rules_find_that_derivative(make, more: dict, rng: np.random.Generator) -> None:
    """Centred nudges to order 2, a circle of nudges to a higher one, and continual moves as one-sided nudges do."""
    system = make(**more)
    batch, loss = batch_of(system, rng), loss_of(system)
    wanted = exact(system, batch)
    errors = [far(estimate(system, batch, EquilibriumPropagation(b, loss=loss)), wanted) for b in (0.1, 0.05)]
    assert errors[1] < 1e-2
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    if more.get("pool") != "max":
        assert far(estimate(system, batch, HolomorphicEP(0.1, 8, loss=loss)), wanted) < 1e-5
    one_sided = estimate(system, batch, EquilibriumPropagation(0.1, "positive", loss=loss))
    assert far(estimate(system, batch, ContinualEP(0.1, 60, 1e-7, loss=loss)), one_sided) < 1e-4


def twins(rng: np.random.Generator, **more: Any) -> tuple[Hopfield, Hopfield, tuple]:
    """A tied network and one with a feedback of its own that is the same, and a batch."""
    tied, own = dense(**more), dense(feedback="separate", **more)
    own.parameters |= {name: p.copy() for name, p in tied.parameters.items()} | {f"V{l}": tied.parameters[f"W{l}"].copy() for l in (2, 3)}
    return tied, own, batch_of(tied, rng)


@pytest.mark.parametrize("readout", ["state", "softmax"])
def test_equal_weights_up_and_down_are_the_tied_network(readout: str, rng: np.random.Generator) -> None:
    tied, own, batch = twins(rng, readout=readout)
    np.testing.assert_allclose(own.forward(batch[0]), tied.forward(batch[0]), atol=1e-12)
    for rule in (EquilibriumPropagation(0.2, loss=loss_of(tied)), InSilico(loss_of(tied))):
        a, b = rule.step(tied, batch)[0], rule.step(own, batch)[0]
        for name in tied.parameters:
            both = protocols.dense(b[name]) + (protocols.dense(b[f"V{name[1]}"]) if f"V{name[1]}" in b and name[0] == "W" else 0)
            np.testing.assert_allclose(both, protocols.dense(a[name]), atol=1e-10)
    assert set(own.parameters) == {*tied.parameters, "V2", "V3"}
    assert tied.has_energy
    assert not own.has_energy


def test_one_update_for_both_keeps_them_as_far_apart_as_they_are(rng: np.random.Generator) -> None:
    """And where they are equal it is the training of the tied network, continual or not."""
    tied, own, batch = twins(rng)
    same = dense(feedback="same-update", parameters={name: p.copy() for name, p in own.parameters.items()})
    for rule in (EquilibriumPropagation(0.2), ContinualEP(0.2, 5, 1e-2)):
        a, b = rule.step(tied, batch)[0], rule.step(same, batch)[0]
        for name, update in b.items():
            np.testing.assert_allclose(protocols.dense(update), protocols.dense(a[name.replace("V", "W")]), atol=1e-9)
    apart = dense(feedback="same-update")
    before = {name: p.copy() for name, p in apart.parameters.items()}
    for _ in range(3):
        writers.apply(apart, EquilibriumPropagation(0.2).step(apart, batch)[0], SGD(), 0.1)
    for l in (2, 3):
        assert np.abs(apart.parameters[f"W{l}"] - before[f"W{l}"]).max() > 1e-3
        np.testing.assert_allclose(apart.parameters[f"W{l}"] - apart.parameters[f"V{l}"], before[f"W{l}"] - before[f"V{l}"], atol=1e-12)


def test_weights_drawn_apart_give_no_gradient_but_learn(rng: np.random.Generator) -> None:
    """Whatever the nudge: the estimate at a small one has another direction than the exact gradient, and the loss falls."""
    system = dense(feedback="separate")
    batch = batch_of(system, rng)
    for name, shape in (("V2", (6, 5)), ("V3", (5, 3))):
        assert system.parameters[name].shape == shape
        bound = 0.8 / np.sqrt(shape[0])
        assert 0.5 * bound < np.abs(system.parameters[name]).max() <= bound
        assert np.abs(system.parameters[name] - system.parameters[f"W{name[1]}"]).max() > 0.1
    first = None
    for step in range(60):
        got = estimate(system, batch, EquilibriumPropagation(1e-3))
        if step in (0, 59):
            assert cosine(got, exact(system, batch)) < 0.999
        updates, metrics = EquilibriumPropagation(0.1).step(system, batch)
        first = first or metrics["loss"]
        writers.apply(system, updates, SGD(), 0.2)
    assert metrics["loss"] < 0.7 * first


@pytest.mark.parametrize(("make", "more"), [(dense, {}), (convolutional, {"maps": (6,)})])
def test_a_softmax_network_learns(make, more: dict, rng: np.random.Generator) -> None:
    system = make(readout="softmax", tolerance=0.0, sweeps=30, **more)
    batch, losses = batch_of(system, rng), []
    for _ in range(100):
        updates, metrics = EquilibriumPropagation(0.5, loss=Logits()).step(system, batch)
        losses.append(metrics["loss"])
        writers.apply(system, updates, SGD(), 0.3)
    assert losses[-1] < 0.9 * losses[0]


def test_rates_of_a_convolutional_network(rng: np.random.Generator) -> None:
    """Each layer moves at its share, and the other way at once along the way of continual updates."""
    system = convolutional(rates=(1.0, 0.5, 0.0), bias_rates=(0.0, 1.0, 1.0))
    batch, before = batch_of(system, rng), {name: p.copy() for name, p in system.parameters.items()}
    updates, _ = EquilibriumPropagation(0.1).step(system, batch)
    writers.apply(system, updates, SGD(), 0.1)
    for name, rate in (("W1", 1), ("W2", 0.5), ("W3", 0), ("b1", 0), ("b2", 1), ("b3", 1)):
        np.testing.assert_allclose(system.parameters[name], before[name] - 0.1 * rate * updates[name], atol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dense(feedback="free"), "feedback must be one of tied, separate, same-update, got 'free'"),
        (lambda: Hopfield((3,), 4, key=KEY, feedback="separate"), "a feedback of its own needs a hidden layer"),
        (lambda: dense(feedback="separate", parameters=dense().parameters), "V2 must be float64 .*, got nothing"),
        (lambda: dense(readout="sum"), "readout must be one of state, softmax, got 'sum'"),
        (lambda: dense(readout="softmax", low=-1.0), "the targets of a softmax are 1 and 0"),
        (lambda: convolutional(activation="relu"), "activation must be one of"),
        (lambda: convolutional(pool="max", activation="tanh"), "needs states that are not negative"),
        (lambda: convolutional(rates=(1.0,)), "rates must be one number for each of the 3 layers, got 1"),
        (lambda: dense(readout="softmax").relax(np.zeros((1, 4)), target=np.eye(3)[:1], nudges=(1.0,), hold=True), "cannot be held"),
        (
            lambda: dense(feedback="separate").holomorphic_contrast(np.zeros((1, 4)), np.eye(3)[:1], radius=0.1, points=4),
            "weights that differ up and down leave none",
        ),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
