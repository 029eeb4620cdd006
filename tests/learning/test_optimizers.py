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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [SGD, Adam])
def test_values_stay_within_their_bounds(backend, optimizer, dtype: str) -> None:
    """In the same launch: as one without bounds, clipped; those that are not named are free."""
    rng = np.random.default_rng(4)
    start = {name: rng.normal(size=37 + len(name)).astype(dtype) for name in ("a", "bb", "ccc")}
    gradients = {name: backend.array(rng.normal(size=w.shape).astype(dtype)) for name, w in start.items()}
    bounds = {"a": (-0.25, 0.5), "ccc": (-np.inf, 0.0)}
    free, kept = ({name: backend.array(w.copy()) for name, w in start.items()} for _ in range(2))
    optimizer(lr=0.4).apply(free, gradients)
    optimizer(lr=0.4).apply(kept, gradients, bounds=bounds)
    for name in start:
        wanted = backend.numpy(free[name]).clip(*bounds.get(name, (None, None)))
        np.testing.assert_array_equal(backend.numpy(kept[name]), wanted, err_msg=name)


def test_parameters_of_any_rank_are_updated_in_place(backend) -> None:
    phase = backend.array(np.ones((2, 3, 5), np.float32))
    SGD(lr=1.0).apply({"phase": phase}, {"phase": backend.array(np.full((2, 3, 5), 0.25, np.float32))})
    Adam(lr=0.5).apply({"phase": phase}, {"phase": backend.array(np.full((2, 3, 5), 3.0, np.float32))})
    np.testing.assert_allclose(backend.numpy(phase), 0.25, rtol=1e-6)  # 1 - 0.25, then Adam's first step is lr


# -------------------------------------------------------------------------------------------------------------------- any layout
@pytest.mark.parametrize("optimizer", [SGD, Adam])
@pytest.mark.parametrize("change", [lambda x: x.T, lambda x: x[::2, 1:], lambda x: x[::-1], lambda x: x[:, ::-2]])
def test_parameters_and_gradients_lie_as_they_like(backend, optimizer, change) -> None:
    start, gradient = np.arange(20.0).reshape(4, 5), np.linspace(-1, 1, 20).reshape(4, 5)
    whole = backend.array(start.copy())
    parameter, g = change(whole), change(backend.array(gradient))
    plain = backend.array(np.ascontiguousarray(change(start)))
    one, two = optimizer(lr=0.1), optimizer(lr=0.1)
    for _ in range(3):
        one.apply({"w": parameter}, {"w": g})
        two.apply({"w": plain}, {"w": backend.array(np.ascontiguousarray(change(gradient)))})
    np.testing.assert_array_equal(backend.numpy(parameter), backend.numpy(plain))
    expected = start.copy()
    change(expected)[...] = backend.numpy(plain)
    np.testing.assert_array_equal(backend.numpy(whole), expected)  # in place, and nothing beside it


def test_parameters_that_cannot_be_written_are_replaced() -> None:
    w = np.ones(3)
    w.flags.writeable = False
    parameters = {"w": w}
    SGD(lr=0.5).apply(parameters, {"w": np.ones(3)})
    assert w.tolist() == [1.0] * 3
    assert parameters["w"].tolist() == [0.5] * 3


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
@pytest.mark.parametrize(
    ("gradients", "error", "message"),
    [
        ({"w": np.ones(4)}, ValueError, r"the gradient of 'w' must have its shape \(3,\), got \(4,\)"),
        ({"w": np.ones((3, 1))}, ValueError, r"the gradient of 'w' must have its shape \(3,\), got \(3, 1\)"),
        ({"w": np.ones(3, np.float32)}, TypeError, "the gradient of 'w' must be float64 as it is, got float32"),
        ({"W": np.ones(3)}, ValueError, "there is a gradient of 'W', which is no parameter: the nearest is 'w'"),
        ({"w": None}, TypeError, r"gradients\['w'\] must be an array of float32 or float64, got NoneType"),
    ],
)
def test_gradients_of_something_else(optimizer, gradients, error, message) -> None:
    """A longer one was read beyond its parameter."""
    w = np.ones(3)
    with pytest.raises(error, match=message):
        optimizer.apply({"w": w}, gradients)
    assert w.tolist() == [1.0] * 3


def test_a_state_of_other_parameters() -> None:
    optimizer = SGD(momentum=0.9)
    optimizer.apply({"w": np.ones(3)}, {"w": np.ones(3)})
    with pytest.raises(ValueError, match=r"'w.velocity' of the optimiser must be float64 \(5,\) as the parameter, got float64 \(3,\)"):
        optimizer.apply({"w": np.ones(5)}, {"w": np.ones(5)})
