"""What each system gives a fitted read-out, against plain float64 expressions of what can be measured inside."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern.learning import Batch, FittedReadout
from pnnkern.networks import graphs
from pnnkern.systems import (
    ConvolutionalHopfield,
    CrossbarNetwork,
    NonlinearCircuit,
    ResistorCircuit,
    SpringNetwork,
    kinds,
    protocols,
)  # fmt: skip
from pnnkern.systems.crossbar_network import Arrays

KEY = random.key(4)
DENSE: dict[str, Any] = {"inputs": 16, "hidden": (5,), "outputs": 3, "key": KEY, "dtype": "float64"}


def made(kind: str, **options: Any) -> Any:
    """A small system of 16 values and three classes."""
    if kind in ("resistor-network", "transistor-network"):
        edges = graphs.lattice(6, 7)
        return kinds.classes()[kind](edges=edges, n_nodes=42, features=16, outputs=3, key=KEY, **options)
    if kind == "spring-network":
        edges, positions = graphs.triangular(6, 7)
        return SpringNetwork(edges=edges, n_nodes=42, positions=positions, features=16, outputs=3, key=KEY, complement=False, **options)
    if kind == "crossbar":
        return CrossbarNetwork(inputs=16, hidden=(6, 5), outputs=3, dtype="float64", key=KEY, **options)
    if kind == "hopfield-conv":
        return ConvolutionalHopfield(maps=(4,), height=4, width=4, outputs=3, key=KEY, dtype="float64", **options)
    single = {"dtype": "float32"} if kind == "ising" else {}
    return kinds.classes()[kind](**DENSE | single | options)


ALL = [
    "boltzmann", "crossbar", "drn", "hopfield", "hopfield-conv", "ising", "oscillators", "resistor-network", "spring-network",
    "transistor-network",
]  # fmt: skip


def samples(count: int = 6) -> np.ndarray:
    return np.random.default_rng(1).random((count, 4, 4))


@pytest.mark.parametrize("kind", ALL)
def test_a_readout_is_fitted_to_as_many_as_it_says(kind: str) -> None:
    system = made(kind)
    assert not protocols.lacks(type(system), protocols.Featured)
    found = system.read_features(system.encode(samples()), KEY, np.arange(6))
    assert found.shape == (6, system.feature_count)
    assert found.dtype.kind == "f"
    assert np.isfinite(found).all()
    labels = np.arange(6) % 3
    batch = Batch(samples(), labels, np.arange(6), system.encode)
    rule = FittedReadout(ridge=1e-9)
    _, state, _ = rule.step(system, rule.init(system, KEY), batch, KEY)
    assert (rule.predict(system, state, batch, KEY).argmax(axis=1) == labels).mean() > 0.6


def test_every_kind_that_can_be_measured_has_features() -> None:
    lacking = [kind for kind, system in kinds.classes().items() if protocols.lacks(system, protocols.Featured)]
    assert lacking == ["plugin"]  # which is what a file of somebody's makes


def test_a_key_called_features_is_no_reading() -> None:
    class Named:
        features = 4
        read_features = 4

    assert protocols.lacks(Named, protocols.Featured) == "features for a read-out (read_features)"
    assert protocols.lacks(Named(), protocols.Featured) == "features for a read-out (read_features)"


def test_crossbars_give_their_last_hidden_layer() -> None:
    system, x = made("crossbar"), samples().reshape(6, 16)
    h = np.tanh(np.tanh(np.c_[x, np.ones(6)] @ system.parameters["w0"]) @ system.parameters["w1"][:-1] + system.parameters["w1"][-1])
    np.testing.assert_allclose(system.read_features(x), h, rtol=1e-12)
    none = CrossbarNetwork(inputs=16, hidden=(), outputs=3, dtype="float64", key=KEY)
    np.testing.assert_array_equal(none.read_features(x), none.forward(x))


def test_features_and_stages_go_through_the_hardware() -> None:
    """What is read stage by stage is what a whole pass measures, noise and all; the twin is derived at it."""
    system = made("crossbar", activation="relu", arrays=Arrays(cell_noise=0.1, wires=1.0))
    x, at = system.encode(samples()), np.arange(10, 16)
    out, record = system.measure(x, KEY, at)
    hidden = system.hidden_outputs(record)
    np.testing.assert_array_equal(system.read_features(x, KEY, at), hidden[-1])
    values = x
    for l, right in enumerate([*hidden, out]):
        values, one = system.stage(l, values, KEY, at)
        np.testing.assert_array_equal(values, right)
        c = np.random.default_rng(l).normal(size=right.shape)
        np.testing.assert_array_equal(system.stage_vjp(l, c, one)[f"w{l}"].dense(), system.layer_vjp(l, c, record)[f"w{l}"].dense())
    assert np.abs(hidden[0] - np.maximum(np.c_[x, np.ones(6)] @ system.parameters["w0"], 0)).max() > 1e-3


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
def test_a_stage_of_a_crossbar_is_derived_behind_its_activation(activation: str) -> None:
    system, x = made("crossbar", activation=activation), samples().reshape(6, 16)
    f = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}[activation]
    for l, values in enumerate((x, np.random.default_rng(2).random((6, 6)), np.random.default_rng(3).random((6, 5)))):
        w, entered = system.parameters[f"w{l}"], np.c_[values, np.ones(6)]
        out, record = system.stage(l, values)
        act = (lambda a: a) if l == 2 else f
        np.testing.assert_allclose(out, act(entered @ w), rtol=1e-12)
        c, d = np.random.default_rng(4).normal(size=out.shape), np.random.default_rng(5).normal(size=w.shape)
        slope = (c * (act(entered @ (w + 1e-6 * d)) - act(entered @ (w - 1e-6 * d)))).sum() / 2e-6
        gradient = system.stage_vjp(l, c, record)
        assert list(gradient) == [f"w{l}"]
        assert (gradient[f"w{l}"].dense() * d).sum() == pytest.approx(slope, rel=1e-6)
    with pytest.raises(ValueError, match=r"inputs must be \(batch, 6\), got shape \(6, 16\)"):
        system.stage(1, x)


@pytest.mark.parametrize("kind", ["hopfield", "drn"])
def test_layers_give_the_state_below_the_outputs(kind: str) -> None:
    system = made(kind, hidden=(6, 5), sweeps=500)
    x = system.encode(samples())
    h, out = system.read_features(x), system.forward(x)
    p = system.parameters
    if kind == "hopfield":  # outputs are linear
        assert 0 <= h.min() < h.max() <= 1
        np.testing.assert_allclose(out, h @ p["W3"] + p["b3"], atol=1e-9)
    else:  # no current is left at the outputs
        np.testing.assert_allclose(out, (h @ p["W3"] + p["b3"]) / p["W3"].sum(axis=0), atol=1e-9)


def test_oscillators_give_cosines_of_all_phases() -> None:
    system = made("oscillators", steps=3000)
    x = system.encode(samples())
    found = system.read_features(x)
    np.testing.assert_array_equal(found[:, 5:], system.forward(x))
    p, phase = system.parameters, system.relax(x).states[0]
    np.testing.assert_allclose(found, np.cos(phase), rtol=1e-12)
    h, y = phase[:, :5], phase[:, 5:]
    apart = np.sin(h[:, :, None] - y[:, None, :]) * p["W2"]
    turn = np.concatenate([(x @ p["W1"] + p["b1"]) * np.sin(h) + apart.sum(axis=2), p["b2"] * np.sin(y) - apart.sum(axis=1)], axis=1)
    assert np.abs(turn).max() < 1e-6  # at rest


def test_boltzmann_units_come_to_their_exact_chances() -> None:
    system = made("boltzmann", sweeps=4000, scale=2.0)
    x, p = system.encode(samples(2)), system.parameters
    drive = x @ p["W1"] + p["b1"]
    log = np.stack([b + np.logaddexp(0, drive + w).sum(axis=1) for b, w in zip(p["b2"], p["W2"].T, strict=True)], axis=1)
    chance = np.exp(log - log.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    right = sum(chance[:, [c]] / (1 + np.exp(-drive - w)) for c, w in enumerate(p["W2"].T))
    np.testing.assert_allclose(system.read_features(x, KEY, np.arange(2)), right, atol=0.03)


def test_spins_are_those_that_outputs_are_read_from() -> None:
    system = made("ising")
    x, at = system.encode(samples()), np.arange(6)
    found = system.read_features(x, KEY, at)
    assert set(np.unique(found)) <= {-1.0, 1.0}
    np.testing.assert_allclose(found[:, 5:].reshape(6, 3, 4).mean(axis=2), system.forward(x, KEY, at))


def test_circuits_give_all_voltages() -> None:
    system: ResistorCircuit = made("resistor-network", spread=0.2, complement=False, dtype="float64")
    x = system.encode(samples())
    g = np.zeros((42, 42))
    for (i, j), k in zip(system.network.edges, system.parameters["conductance"], strict=True):
        g[[i, j], [j, i]] -= k
        g[[i, j], [i, j]] += k
    held = np.asarray(system.source_nodes)
    free = np.setdiff1d(np.arange(42), held)
    right = np.zeros((6, 42))
    right[:, held] = x
    right[:, free] = np.linalg.solve(g[np.ix_(free, free)], -g[np.ix_(free, held)] @ x.T).T
    np.testing.assert_allclose(system.read_features(x), right, atol=1e-10)
    transistors: NonlinearCircuit = made("transistor-network")
    v = transistors.read_features(x := transistors.encode(samples()))
    np.testing.assert_allclose(v[:, transistors.source_nodes], x)


def test_springs_give_all_displacements() -> None:
    system: SpringNetwork = made("spring-network")
    x = system.encode(samples())
    found = system.read_features(x).reshape(6, 42, 2)
    np.testing.assert_allclose(found[:, system.source_nodes, 0], x, atol=1e-12)
    np.testing.assert_allclose(found[:, system.target_nodes, 0], system.forward(x))




@pytest.mark.parametrize("kind", ["drn", "hopfield", "oscillators", "resistor-network", "spring-network", "transistor-network"])
def test_features_have_the_noise_of_what_is_measured(kind: str) -> None:
    clean = made(kind)
    faults = dataclasses.replace(clean.imperfections, measurement_noise=0.1)
    noisy = dataclasses.replace(clean, parameters=clean.parameters, imperfections=faults)
    x, at = clean.encode(samples()), np.arange(6)
    apart = noisy.read_features(x, KEY, at) - clean.read_features(x)
    assert 0.05 < apart.std() < 0.15
    np.testing.assert_array_equal(noisy.read_features(x[4:], KEY, at[4:]), noisy.read_features(x, KEY, at)[4:])
