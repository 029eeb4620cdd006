"""Convolutional Hopfield networks as systems: gradients by equilibrium propagation, targets, a recipe, refusals."""

from typing import Any

import numpy as np
import pytest

from pnnkern import random
from pnnkern._updates import dense
from pnnkern.learning import Adam, Batch, CoupledLearning, EquilibriumPropagation, one_step
from pnnkern.systems import ConvolutionalHopfield, writers
from pnnkern.systems.protocols import Measurable, Relaxing


def network(**more: Any) -> ConvolutionalHopfield:
    settings: dict[str, Any] = {"maps": (2, 3), "outputs": 2, "height": 4, "width": 4, "dtype": "float64", "tolerance": None}
    settings |= {"sweeps": 300, "nudged_sweeps": 300}
    return ConvolutionalHopfield(**(settings | {"key": random.key(3)} | more))


def test_contrast_is_the_derivative_of_the_loss(backend, rng: np.random.Generator) -> None:
    system, labels = network(), np.array([0, 1, 1])
    for l in (1, 2):
        system.parameters[f"b{l}"] += 0.3  # most units away from the corners of their range
    x = rng.random((3, 4, 4))
    parameters = system.parameters
    system.parameters = {name: backend.array(p) for name, p in parameters.items()}
    updates, metrics = one_step(EquilibriumPropagation(1e-3), system, Batch(backend.array(system.encode(x)), labels))
    system.parameters = parameters

    def loss() -> float:
        return float(((system.forward(system.encode(x)) - (labels[:, None] == [0, 1])) ** 2).sum() / 2)

    assert float(metrics["loss"]) == pytest.approx(loss())
    assert set(updates) == set(parameters)
    for name, p in parameters.items():
        chosen = rng.permutation(p.size)[:6]
        numeric, got = np.zeros(len(chosen)), backend.numpy(dense(updates[name])).ravel()[chosen]
        for n, i in enumerate(zip(*np.unravel_index(chosen, p.shape), strict=True)):
            value = p[i]
            p[i] = value + 1e-5
            above = loss()
            p[i] = value - 1e-5
            numeric[n] = (above - loss()) / 2e-5
            p[i] = value
        assert np.linalg.norm(numeric) > 1e-4, name
        assert np.linalg.norm(got - numeric) < 1e-3 * np.linalg.norm(numeric), name


@pytest.mark.parametrize("rule", [EquilibriumPropagation(0.2), CoupledLearning(0.2, "centred")])
def test_steps_lower_the_loss(rule: Any, rng: np.random.Generator) -> None:
    system, adam = network(), Adam(0.02)
    batch = Batch(rng.random((6, 4, 4)), np.array([0, 1, 0, 1, 0, 1]), encode=system.encode)
    losses = []
    for _ in range(20):
        updates, metrics = one_step(rule, system, batch)
        losses.append(float(metrics["loss"]))
        writers.apply(system, updates, adam, 0.02, len(batch))
    assert losses[1] < losses[0]
    assert losses[-1] < 0.7 * losses[0]


def test_what_goes_in_and_out() -> None:
    system = network(gain=2.0, high=0.9, low=0.1)
    assert isinstance(system, Relaxing)
    assert isinstance(system, Measurable)
    assert np.allclose(system.targets(np.array([1, 0])), [[0.1, 0.9], [0.9, 0.1]])
    inputs = system.encode(np.full((2, 4, 4), 51, np.uint8))
    assert inputs.shape == (2, 1, 4, 4)
    assert np.allclose(inputs, 0.4)
    shifted = system.forward_population(inputs, {"b3": np.array([[0.0, 0.0], [1.0, 0.0]])})
    assert np.allclose(shifted[0], system.forward(inputs))
    assert np.abs(shifted[1] - shifted[0]).max() > 0.5


def test_recipe_builds() -> None:
    from pnnkern.experiments import recipe, run

    system = run.build(recipe.find("ep-conv-digits"), 10)
    assert type(system) is ConvolutionalHopfield
    assert system.parameters["W2"].shape == (48 * 4 * 4, 10)
    assert system.export("W1", 1.0).shape == (48, 1, 5, 5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: network(height=6), "2 layers that pool need a height and width divisible by 4, got 6 x 4"),
        (lambda: network(side=2), "side must be odd"),
        (lambda: network(maps=(2, 0)), "maps of ConvolutionalHopfield must be values that are each a finite number >= 1"),
        (lambda: network(dtype="int8"), "dtype must be 'float32' or 'float64'"),
        (lambda: network(key=None), "the weights that a layered network begins with are random, which needs a key"),
        (lambda: network(parameters={"W1": np.ones((2, 1, 3, 3))}), "b1 must be float64 .*, got nothing"),
        (lambda: network().encode(np.ones((1, 3, 3))), "each sample must have 16 values, got 9"),
        (lambda: network().encode(np.ones((1, 2, 8))), r"each image must be \(1, 4, 4\), or flat, got shape \(2, 8\)"),
        (lambda: network().encode(np.ones((1, 4, 4, 1))), r"each image must be \(1, 4, 4\), or flat, got shape \(4, 4, 1\)"),
        (lambda: network().relax(np.zeros((1, 1, 4, 4)), nudges=(0.1,)), "a nudge other than 0 needs a target"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
