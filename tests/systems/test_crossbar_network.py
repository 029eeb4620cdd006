"""A multilayer network on crossbars: its twin against plain expressions, its arrays against what they are made of."""

from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.systems import CrossbarNetwork, protocols

KEY = pnn.random.key(4)


def network(**options: Any) -> CrossbarNetwork:
    return CrossbarNetwork((6, 5, 4, 3), **({"key": KEY, "dtype": "float64"} | options))


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (8, 2, 3)).astype(np.uint8)


def plain(x: np.ndarray, weights: list[np.ndarray], f: Any) -> np.ndarray:
    for w in weights[:-1]:
        x = f(x @ w[:-1] + w[-1])
    return x @ weights[-1][:-1] + weights[-1][-1]


@pytest.mark.parametrize(("name", "f"), [
    ("tanh", np.tanh), ("relu", lambda a: np.maximum(a, 0)), ("sigmoid", lambda a: 1 / (1 + np.exp(-a))),
])  # fmt: skip
def test_twin_and_its_derivative(name: str, f: Any, images: np.ndarray) -> None:
    system = network(activation=name)
    inputs = system.encode(images)
    np.testing.assert_allclose(inputs, images.reshape(8, 6) / 255)
    outputs, record = system.forward_saving(inputs)
    weights = [system.parameters[f"w{l}"] for l in range(3)]
    assert [w.shape for w in weights] == [(7, 5), (6, 4), (5, 3)]
    np.testing.assert_allclose(outputs, plain(inputs, weights, f), rtol=1e-12)
    g = np.random.default_rng(1).normal(size=outputs.shape)
    updates = system.vjp(g, record)
    for l, w in enumerate(weights):
        expected = np.empty_like(w)
        for i in np.ndindex(w.shape):
            sides = []
            for h in (1e-6, -1e-6):
                w[i] += h
                sides.append((g * plain(inputs, weights, f)).sum())
                w[i] -= h
            expected[i] = (sides[0] - sides[1]) / 2e-6
        np.testing.assert_allclose(protocols.dense(updates[f"w{l}"]), expected, rtol=1e-6, atol=1e-8)
    assert [h.shape for h in system.hidden(record)] == [(8, 5), (8, 4)]


def test_population_is_one_network_for_each_member(images: np.ndarray) -> None:
    system = network()
    inputs, w0 = system.encode(images), system.parameters["w0"].copy()
    outputs = system.forward_population(inputs, {"w0": np.stack([w0, 2 * w0])})
    np.testing.assert_array_equal(outputs[0], system.forward(inputs))
    np.testing.assert_array_equal(outputs[1], network(parameters=system.parameters | {"w0": 2 * w0}).forward(inputs))
    np.testing.assert_array_equal(system.parameters["w0"], w0)


def test_bad_input(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"6 inputs, the data 8: set system.inputs=8"):
        network().encode(np.zeros((2, 8)))
    for options, message in [
        ({"activation": "step"}, "activation must be one of tanh, relu, sigmoid"), ({"key": None}, "needs a key"),
        ({"weight_max": 0.0}, "weight_max must be positive"), ({"parameters": {"w0": np.zeros((2, 2))}}, r"w0 must be float64 \(7, 5\)"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            network(**options)
    with pytest.raises(ValueError, match="two layers or more"):
        CrossbarNetwork((4,), key=KEY)
