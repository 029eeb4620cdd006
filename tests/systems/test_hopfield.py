"""Hopfield networks as systems: feedback of its own, softmax read-out, and the exact twin of both, dense and convolutional."""

from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern._updates import Move, dense
from pnnkern.learning import SGD, Batch, ContinualEP, EquilibriumPropagation, HolomorphicEP, InSilico, losses, one_step
from pnnkern.systems import ConvolutionalHopfield, Hopfield, Pulsed, Pulses, protocols, writers
from pnnkern.systems.protocols import Continual, Holomorphic, Modelled, Relaxing

SETTLED: dict[str, Any] = {"dtype": "float64", "sweeps": 2000, "nudged_sweeps": 2000, "tolerance": 1e-13}
KEY, LABELS = random.key(3), np.array([0, 1, 2, 1])


def layered(**more: Any) -> Hopfield:
    return Hopfield(hidden=(6, 5), outputs=3, inputs=4, **({"key": KEY, "activation": "sigmoid", "scale": 0.8} | SETTLED | more))


def convolutional(**more: Any) -> ConvolutionalHopfield:
    settings = {"maps": (2, 2), "outputs": 3, "height": 4, "width": 4, "key": KEY, "activation": "sigmoid", "scale": 0.8} | SETTLED
    return ConvolutionalHopfield(**(settings | more))


def batch_of(system: Any, rng: np.random.Generator) -> Batch:
    n = system.inputs if isinstance(system, Hopfield) else 16
    return Batch(system.encode(rng.random((4, n))), LABELS)


def flat(updates: dict[str, Any], names: Any) -> np.ndarray:
    return np.concatenate([array(updates[name]).ravel() for name in names])


def array(update: Any) -> np.ndarray:
    return update.value if isinstance(update, Move) else dense(update)


def exact(system: Any, batch: Batch) -> np.ndarray:
    return estimate(system, batch, InSilico())


def estimate(system: Any, batch: Batch, rule: Any) -> np.ndarray:
    return flat(one_step(rule, system, batch)[0], system.parameters)


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


KINDS = [
    (layered, {}), (layered, {"readout": "softmax"}), (layered, {"feedback": "separate"}),
    (layered, {"feedback": "separate", "readout": "softmax"}),
    (convolutional, {}), (convolutional, {"readout": "softmax"}), (convolutional, {"pool": "max"}),
]  # fmt: skip


@pytest.mark.parametrize(("make", "more"), KINDS)
def test_the_twin_is_the_derivative_of_the_loss(backend, make, more: dict, rng: np.random.Generator) -> None:
    system = make(**more)
    assert all(isinstance(system, p) for p in (Relaxing, Modelled, Continual, Holomorphic))
    batch, loss, parameters, numeric = batch_of(system, rng), losses.make(system), system.parameters, {}
    for name, p in parameters.items():
        numeric[name] = np.empty_like(p)
        for i in np.ndindex(p.shape):
            before, ends = p[i], []
            for h in (1e-5, -1e-5):
                p[i] = before + h
                ends.append(loss(system.forward(batch.inputs), LABELS)[0])
            p[i] = before
            numeric[name][i] = (ends[0] - ends[1]) / 2e-5
    system.parameters = {name: backend.array(p) for name, p in parameters.items()}
    there = Batch(backend.array(batch.inputs), LABELS)
    updates, metrics = one_step(InSilico(), system, there)
    got = np.concatenate([backend.numpy(dense(updates[name])).ravel() for name in parameters])
    assert np.allclose(got, np.concatenate([g.ravel() for g in numeric.values()]), atol=1e-9 * len(LABELS))
    assert float(metrics["loss"]) == pytest.approx(float(loss(system.forward(there.inputs), LABELS)[0]))


@pytest.mark.parametrize(("make", "more"), [kind for kind in KINDS if "feedback" not in kind[1]])
def test_rules_find_that_derivative(make, more: dict, rng: np.random.Generator) -> None:
    """Centred nudges to order 2, a circle of nudges to a higher one, and continual moves as one-sided nudges do."""
    system = make(**more)
    batch = batch_of(system, rng)
    wanted = exact(system, batch)
    errors = [far(estimate(system, batch, EquilibriumPropagation(b)), wanted) for b in (0.1, 0.05)]
    assert errors[1] < 1e-2
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)
    if more.get("pool") != "max":
        assert far(estimate(system, batch, HolomorphicEP(0.1, 8)), wanted) < 1e-5
    one_sided = estimate(system, batch, EquilibriumPropagation(0.1, "positive"))
    moves = estimate(system, batch, ContinualEP(0.1, 60, 1e-7))
    assert far(-len(batch) / 1e-7 * moves, one_sided) < 1e-4


def test_what_a_circle_of_nudges_needs() -> None:
    """Said before a step is tried, by the values that must be set."""
    for system, wanted in (
        (layered(activation="hard-sigmoid"), "system.activation='sigmoid' or 'tanh', got 'hard-sigmoid'"),
        (layered(feedback="separate"), "system.feedback='tied': it gives the derivative of an energy"),
        (convolutional(pool="max"), "system.pool='mean': a maximum is not holomorphic"), (layered(activation="tanh"), ""),
    ):  # fmt: skip
        assert protocols.lacks(system, Holomorphic) == wanted


def twins(rng: np.random.Generator, **more: Any) -> tuple[Hopfield, Hopfield, Batch]:
    """A tied network and one with a feedback of its own that is the same, and a batch."""
    tied, own = layered(**more), layered(feedback="separate", **more)
    own.parameters |= {name: p.copy() for name, p in tied.parameters.items()} | {f"V{l}": tied.parameters[f"W{l}"].copy() for l in (2, 3)}
    return tied, own, batch_of(tied, rng)


@pytest.mark.parametrize("readout", ["state", "softmax"])
def test_equal_weights_up_and_down_are_the_tied_network(readout: str, rng: np.random.Generator) -> None:
    tied, own, batch = twins(rng, readout=readout)
    np.testing.assert_allclose(own.forward(batch.inputs), tied.forward(batch.inputs), atol=1e-12)
    for rule in (EquilibriumPropagation(0.2), InSilico()):
        a, b = (one_step(rule, system, batch)[0] for system in (tied, own))
        for name in tied.parameters:
            both = dense(b[name]) + (dense(b[f"V{name[1]}"]) if f"V{name[1]}" in b and name[0] == "W" else 0)
            np.testing.assert_allclose(both, dense(a[name]), atol=1e-10)
    assert set(own.parameters) == {*tied.parameters, "V2", "V3"}
    assert tied.has_energy
    assert not own.has_energy


def test_one_update_for_both_keeps_them_as_far_apart_as_they_are(rng: np.random.Generator) -> None:
    """And where they are equal it is the training of the tied network, continual or not."""
    tied, own, batch = twins(rng)
    same = layered(feedback="same-update", parameters={name: p.copy() for name, p in own.parameters.items()})
    for rule in (EquilibriumPropagation(0.2), ContinualEP(0.2, 5, 1e-2)):
        a, b = (one_step(rule, system, batch)[0] for system in (tied, same))
        assert set(b) == {*a, "V2", "V3"}
        for name, update in b.items():
            np.testing.assert_allclose(array(update), array(a[name.replace("V", "W")]), atol=1e-9)
    apart = layered(feedback="same-update")
    before = {name: p.copy() for name, p in apart.parameters.items()}
    for _ in range(3):
        writers.apply(apart, one_step(EquilibriumPropagation(0.2), apart, batch)[0], SGD(), 0.1, len(batch))
    for l in (2, 3):
        assert np.abs(apart.parameters[f"W{l}"] - before[f"W{l}"]).max() > 1e-3
        np.testing.assert_allclose(apart.parameters[f"W{l}"] - apart.parameters[f"V{l}"], before[f"W{l}"] - before[f"V{l}"], atol=1e-12)


def test_weights_drawn_apart_give_no_gradient_but_learn(rng: np.random.Generator) -> None:
    """Whatever the nudge: the estimate at a small one has another direction than the exact gradient, and the loss falls."""
    system = layered(feedback="separate")
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
        updates, metrics = one_step(EquilibriumPropagation(0.1), system, batch)
        first = first or metrics["loss"]
        writers.apply(system, updates, SGD(), 0.2, len(batch))
    assert metrics["loss"] < 0.7 * first


@pytest.mark.parametrize(("make", "more"), [(layered, {}), (convolutional, {"maps": (6,)})])
def test_a_softmax_network_learns(make, more: dict, rng: np.random.Generator) -> None:
    system = make(readout="softmax", tolerance=0.0, sweeps=30, nudged_sweeps=30, **more)
    batch, seen = batch_of(system, rng), []
    for _ in range(100):
        updates, metrics = one_step(EquilibriumPropagation(0.5), system, batch)
        seen.append(metrics["loss"])
        writers.apply(system, updates, SGD(), 0.3, len(batch))
    assert seen[-1] < 0.9 * seen[0]


RATES = {"W1": 1.0, "W2": 0.5, "W3": 0.0, "b1": 0.0, "b2": 1.0, "b3": 2.0}


@pytest.mark.parametrize("make", [convolutional, layered])
def test_rates_of_the_layers(make, rng: np.random.Generator) -> None:
    """Each parameter moves at its share, by a writer in one step, and on the way of continual updates."""
    rates: dict[str, Any] = {"rates": (1.0, 0.5, 0.0), "bias_rates": (0.0, 1.0, 2.0)}
    system = make(**rates)
    batch, before = batch_of(system, rng), {name: p.copy() for name, p in system.parameters.items()}
    updates, _ = one_step(EquilibriumPropagation(0.1), system, batch)
    writers.apply(system, updates, SGD(), 0.1, len(batch))
    for name, rate in RATES.items():
        np.testing.assert_allclose(system.parameters[name], before[name] - 0.1 / 4 * rate * dense(updates[name]), atol=1e-14)
    all_alike = one_step(ContinualEP(0.1, 60, 1e-7), make(), batch)[0]
    for name, move in one_step(ContinualEP(0.1, 60, 1e-7), make(**rates), batch)[0].items():
        np.testing.assert_allclose(move.value, RATES[name] * all_alike[name].value, atol=1e-4 * np.abs(all_alike[name].value).max())


def test_pulsed_devices_hold_all_weights() -> None:
    """Those that act downwards, too, drawn from the system's own key; an optimiser writes what is left."""
    own: dict[str, Any] = {"feedback": "separate", "dtype": "float32", "scale": 3.0}
    written = layered(writing=Pulses(writer="pulsed"), **own)
    assert {name for name, writer in written.writers.items() if isinstance(writer, Pulsed)} == {"W1", "W2", "W3", "V2", "V3"}
    moved = {name: np.abs(written.parameters[name] - p).max() for name, p in layered(**own).parameters.items()}
    assert {name for name, by in moved.items() if by} == set(written.writers)  # to within what the devices can hold
    with pytest.raises(ValueError, match=r"pulsed devices hold float32 weights: set compute\.dtype=float32"):
        layered(writing=Pulses(writer="pulsed"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layered(feedback="free"), "feedback of Hopfield must be one of 'tied', 'separate', 'same-update', got 'free'"),
        (lambda: layered(feedback="separate", parameters=layered().parameters), "V2 must be float64 .*, got nothing"),
        (lambda: layered(readout="sum"), "readout of Hopfield must be one of 'state', 'softmax', got 'sum'"),
        (lambda: layered(readout="softmax", low=-1.0), "the targets of a softmax are 1 and 0"),
        (lambda: convolutional(activation="relu"), "activation of ConvolutionalHopfield must be one of .*, got 'relu'"),
        (lambda: convolutional(pool="max", activation="tanh"), "needs states that are not negative"),
        (lambda: convolutional(rates=(1.0,)), "rates must be one number for each of the 3 layers, got 1"),
        (lambda: layered(readout="softmax").relax(np.zeros((1, 4)), target=np.eye(3)[:1], nudges=(1.0,), hold=True), "cannot be held"),
        (
            lambda: layered(feedback="separate").holomorphic_contrast(np.zeros((1, 4)), np.eye(3)[:1], radius=0.1, points=4),
            "weights that differ up and down leave none",
        ),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
