"""The linear control against the optimum of its own objective."""

import numpy as np
import pytest
from scipy.optimize import minimize

from pnnkern.experiments import controls
from pnnkern.experiments.data import Dataset


def test_linear_control_is_logistic_regression() -> None:
    """The same accuracy as minimising sum of -log softmax + |W|^2 / 2 with SciPy, and better than chance by far."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = np.clip(rng.normal(90, 25, (60, 3, 3)) + 60 * (labels[:, None, None] == np.arange(3)), 0, 255).astype(np.uint8)
    dataset = Dataset("toy", "here", images[:40], labels[:40], images[40:], labels[40:])
    got = controls.linear(dataset)
    x = images[:40].reshape(40, 9) / 255.0

    def objective(flat: np.ndarray) -> float:
        w, b = flat[:27].reshape(9, 3), flat[27:]
        s = x @ w + b
        return float((np.log(np.exp(s).sum(axis=1)) - s[np.arange(40), labels[:40]]).sum() + (w**2).sum() / 2)

    best = minimize(objective, np.zeros(30), tol=1e-10).x
    scores = images[40:].reshape(20, 9) / 255.0 @ best[:27].reshape(9, 3) + best[27:]
    assert got["test_accuracy"] == np.mean(scores.argmax(axis=1) == labels[40:])
    assert got["test_accuracy"] > 0.6
    assert "logistic regression on 40 images, L-BFGS" in got["how"]
    floats = Dataset("toy", "here", images[:40] / 255.0, labels[:40], images[40:] / 255.0, labels[40:])
    assert controls.linear(floats)["test_accuracy"] == got["test_accuracy"]


@pytest.mark.parametrize("iterations", [1, 3])
def test_its_budget_is_bounded_and_said(iterations: int) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (30, 4, 4)).astype(np.uint8), np.arange(30) % 3
    got = controls.linear(Dataset("toy", "here", images, labels, images, labels), iterations)
    assert got["iterations"] == iterations
    assert f"{iterations} of at most {iterations} iterations" in got["how"]
