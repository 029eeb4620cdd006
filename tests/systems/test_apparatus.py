"""An apparatus of one's own: any function measures, and rules use what it has."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._errors import CapabilityError
from pnnkern.learning import SGD, SPSA, InSilico, PhysicsAware, SquareError
from pnnkern.systems import from_callable, writers

KEY = pnn.random.key(6)


def measured(x: np.ndarray, p: dict[str, np.ndarray], key: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """The real thing: a tilted response with noise."""
    noise = pnn.random.normal(key, (len(x), 2), sample=sample, dtype=np.float64) if key is not None else 0
    return 1.1 * np.tanh(x @ p["w"]) + 0.01 * noise


def model(x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    return np.tanh(x @ p["w"])


def model_vjp(g: np.ndarray, x: np.ndarray, p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {"w": x.T @ (g * (1 - model(x, p) ** 2))}


LOSS = SquareError(1.0, -1.0)


@pytest.mark.parametrize("rule", [PhysicsAware(LOSS), SPSA(LOSS, c=0.05, directions=4)])
def test_it_learns(rule, rng: np.random.Generator) -> None:
    """A noisy apparatus, not quite its model, learns which of two groups is which."""
    x = rng.normal(size=(40, 3)) + np.repeat([[1, 0, -1], [-1, 0, 1]], 20, axis=0)
    labels = np.repeat([0, 1], 20)
    system = from_callable(measured, {"w": 0.1 * rng.normal(size=(3, 2))}, twin=(model, model_vjp))
    inputs = system.encode(x)
    start = LOSS(system.forward(inputs, KEY), labels)[0]
    for step in range(60):
        updates, metrics = rule.step(system, (inputs, labels), key=pnn.random.fold_in(KEY, step))
        writers.apply(system, updates, SGD(), 0.2)
    assert metrics["accuracy"] >= 0.85
    assert metrics["loss"] < 0.7 * start


def test_without_a_twin_rules_that_need_one_refuse() -> None:
    system = from_callable(measured, {"w": np.ones((3, 2))})
    batch = np.ones((2, 3)), np.array([0, 1])
    with pytest.raises(CapabilityError, match="digital twin"):
        InSilico(SquareError()).step(system, batch)
    SPSA(SquareError()).step(system, batch, key=KEY)


def test_encoding() -> None:
    system = from_callable(measured, {"w": np.ones((4, 2))})
    np.testing.assert_allclose(system.encode(np.full((2, 2, 2), 51, np.uint8)), np.full((2, 4), 0.2), rtol=1e-6)
    doubled = from_callable(measured, {"w": np.ones((4, 2))}, encode=lambda images: 2 * images)
    np.testing.assert_array_equal(doubled.encode(np.ones((2, 4))), np.full((2, 4), 2.0))
