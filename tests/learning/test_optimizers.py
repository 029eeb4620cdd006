"""Optimisers against their recurrences in plain float64."""

import numpy as np
import pytest

from pnnkern.learning import SGD, Adam

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 31, 257])
def test_adam(backend, n: int, dtype: str) -> None:
    rng = np.random.default_rng(n)
    start = rng.standard_normal(n)
    p, m, v = start.astype(dtype).astype(float), np.zeros(n), np.zeros(n)
    parameters, adam = {"w": backend.array(start.astype(dtype))}, Adam(lr=0.1, beta1=0.8, beta2=0.95, epsilon=1e-6)
    for t in range(1, 6):
        g = rng.standard_normal(n).astype(dtype)
        adam.apply(parameters, {"w": backend.array(g)}, lr=0.1 / t)
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g.astype(float) ** 2
        p = p - 0.1 / t * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-6)
    np.testing.assert_allclose(backend.numpy(parameters["w"]), p, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert adam.state["step"][0] == 5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sgd_with_momentum(backend, dtype: str) -> None:
    rng = np.random.default_rng(2)
    p, v = rng.standard_normal(33).astype(dtype).astype(float), np.zeros(33)
    parameters, sgd = {"w": backend.array(p.astype(dtype))}, SGD(lr=0.05, momentum=0.9)
    for _ in range(4):
        g = rng.standard_normal(33).astype(dtype)
        sgd.apply(parameters, {"w": backend.array(g)})
        v = 0.9 * v + g
        p = p - 0.05 * v
    np.testing.assert_allclose(backend.numpy(parameters["w"]), p, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_parameters_of_any_rank_are_updated_in_place(backend) -> None:
    phase = backend.array(np.ones((2, 3, 5), np.float32))
    SGD(lr=1.0).apply({"phase": phase}, {"phase": backend.array(np.full((2, 3, 5), 0.25, np.float32))})
    Adam(lr=0.5).apply({"phase": phase}, {"phase": backend.array(np.full((2, 3, 5), 3.0, np.float32))})
    np.testing.assert_allclose(backend.numpy(phase), 0.25, rtol=1e-6)  # 1 - 0.25, then Adam's first step is lr
