"""An apparatus of one's own: any function measures, and rules use what it has."""

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._errors import CapabilityError
from pnnkern.learning import SGD, SPSA, Batch, InSilico, PhysicsAware, SquareError, one_step
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
        updates, metrics = one_step(rule, system, Batch(inputs, labels), pnn.random.fold_in(KEY, step))
        writers.apply(system, updates, SGD(), 0.2, 40)
    assert metrics["rating"] >= 0.85 * 40
    assert metrics["loss"] < 0.7 * start


def test_without_a_twin_rules_that_need_one_refuse() -> None:
    system = from_callable(measured, {"w": np.ones((3, 2))})
    batch = np.ones((2, 3)), np.array([0, 1])
    with pytest.raises(CapabilityError, match="digital twin"):
        one_step(InSilico(SquareError()), system, Batch(*batch))
    one_step(SPSA(SquareError()), system, Batch(*batch), KEY)


def test_encoding() -> None:
    system = from_callable(measured, {"w": np.ones((4, 2))})
    np.testing.assert_allclose(system.encode(np.full((2, 2, 2), 51, np.uint8)), np.full((2, 4), 0.2), rtol=1e-6)
    doubled = from_callable(measured, {"w": np.ones((4, 2))}, encode=lambda images: 2 * images)
    np.testing.assert_array_equal(doubled.encode(np.ones((2, 4))), np.full((2, 4), 2.0))


@pytest.mark.parametrize(
    ("forward", "how", "error", "message"),
    [
        (lambda x: x, {}, TypeError, r"^forward must take \(inputs, parameters, key, sample\), and <lambda> takes \(x\)$"),
        (3, {}, TypeError, r"^forward must be a function of \(inputs, parameters, key, sample\), got int$"),
        (measured, {"twin": model}, TypeError, "^twin must be two functions, model"),
        (measured, {"twin": (model, model)}, TypeError, r"^the twin's derivative must take \(cotangent, inputs, parameters\), and model takes"),
        (lambda x, p: x @ p["w"] / 0, {}, ValueError, "^forward gives NaN or infinite outputs, of sample 0"),
        (lambda x, p: x[:1] @ p["w"], {}, ValueError, r"^forward must give outputs \(4, n\), one row for each sample, got shape \(1, 2\)"),
        (lambda x, p: (x @ p["w"]) * 1j, {}, TypeError, "^forward must give an array of real floating numbers, got complex128"),
        (lambda x, p: x @ p["w"], {"twin": (model, lambda g, x, p: {"v": g})}, ValueError, "^the twin's derivative gives a gradient of 'v'"),
        (lambda x, p: x @ p["w"], {"twin": (model, lambda g, x, p: {"w": g})}, ValueError, r"must give w the shape \(3, 2\), got \(4, 2\)"),
        (lambda x, p: x @ p["w"], {"twin": (model, lambda g, x, p: {})}, ValueError, "a gradient of every parameter, and has none of w"),
        (lambda x, p: x @ p["w"], {"twin": (lambda x, p: x, model_vjp)}, ValueError, "must give 2 outputs as forward does, got 3"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_wrong_is_said_when_it_is_made(forward, how, error, message) -> None:
    with pytest.raises(error, match=message):
        from_callable(forward, {"w": np.ones((3, 2))}, example=np.ones((4, 3)), **how)


def test_a_key_and_samples_may_be_left_out() -> None:
    for forward in (lambda x, p: x @ p["w"], lambda x, p, key: x @ p["w"], lambda x, p, key=None, sample=0: x @ p["w"]):
        system = from_callable(forward, {"w": np.ones((3, 2))}, example=np.ones((4, 3)))
        assert system.forward(np.ones((5, 3)), KEY, 7).shape == (5, 2)
        assert system.outputs == 2
