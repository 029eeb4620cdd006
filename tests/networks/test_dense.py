"""Layers in exact arithmetic against float64 expressions, and whole steps of them in a graph."""

import numpy as np
import pytest

from pnnkern import _dense, _launch

SIZES = [(1, 1, 1), (1, 2, 3), (5, 17, 16), (16, 64, 15), (33, 65, 31), (40, 785, 50), (300, 130, 1)]  # batch, n_in, n_out
POPULATIONS = [((7, 20), (3, 20, 19)), ((3, 7, 20), (3, 20, 19)), ((3, 7, 20), (20, 19)), ((1, 7, 20), (3, 20, 19))]  # x, w
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}
F = {"": lambda a: a, "tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}
SLOPES = {"tanh": lambda h: 1 - h**2, "relu": lambda h: (h > 0) * 1.0, "sigmoid": lambda h: h * (1 - h)}


def close(backend, found, truth, size: float) -> None:
    found = backend.numpy(found)
    assert found.shape == truth.shape
    np.testing.assert_allclose(found, truth, rtol=0, atol=TOLERANCE[found.dtype.name] * size)


def drawn(*shapes: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(sum(sum(s) for s in shapes))
    return [rng.normal(size=s).astype(dtype) for s in shapes]


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    return [a.astype(float) for a in arrays]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", F)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_layer(backend, sizes: tuple[int, int, int], activation: str, dtype: str) -> None:
    batch, n_in, n_out = sizes
    x, w = drawn((batch, n_in), (n_in, n_out), dtype=dtype)
    w /= np.sqrt(n_in).astype(dtype)
    a, b = wide(x, w)
    truth = F[activation](a @ b)
    if activation:
        truth = np.concatenate([truth, np.ones((batch, 1))], axis=1)
    found = _dense.layer(backend.array(x), backend.array(w), activation)
    assert found.dtype == dtype
    close(backend, found, truth, 4.0)
    other = backend.numpy(_dense.layer(backend.array(x), backend.array(w), activation, ones=not activation))
    np.testing.assert_array_equal(other[:, :n_out], backend.numpy(found)[:, :n_out])
    assert other.shape == (batch, n_out + (not activation))
    assert (other[:, n_out:] == 1).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shapes", POPULATIONS, ids=str)
def test_layers_of_a_population(backend, shapes: tuple[tuple[int, ...], ...], dtype: str) -> None:
    x, w = drawn(*shapes, dtype=dtype)
    a, b = wide(x, w)
    close(backend, _dense.layer(backend.array(x), backend.array(w)), a @ b, 20.0)
    found = backend.numpy(_dense.layer(backend.array(x), backend.array(w), "tanh"))
    assert found.shape == (3, 7, 20)
    assert (found[..., -1] == 1).all()
    close(backend, backend.array(found[..., :-1]), np.tanh(a @ b), 20.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("sizes", [s for s in SIZES if s[1] > 1], ids=str)
def test_below(backend, sizes: tuple[int, int, int], activation: str, dtype: str) -> None:
    batch, n_in, n_out = sizes
    error, w, entered = drawn((batch, n_out), (n_in, n_out), (batch, n_in), dtype=dtype)
    e, b, h = wide(error, w, entered)
    found = _dense.below(backend.array(error), backend.array(w), activation, backend.array(entered))
    close(backend, found, (e @ b.T)[:, :-1] * SLOPES[activation](h[:, :-1]), 100.0 if n_out > 1 else 30.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", SLOPES)
def test_sloped(backend, monkeypatch: pytest.MonkeyPatch, activation: str, dtype: str) -> None:
    error, left = drawn((7, 63), (7, 63), dtype=dtype)
    left[2, :5] = 0.0
    e, h = wide(error, left)
    for blocks in (_launch.MAX_BLOCKS, 1):  # one of which goes on to all
        monkeypatch.setattr(_launch, "MAX_BLOCKS", blocks)
        close(backend, _dense.sloped(backend.array(error), activation, backend.array(left)), e * SLOPES[activation](h), 30.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_outer(backend, sizes: tuple[int, int, int], scale: float, dtype: str) -> None:
    rows, samples, columns = sizes
    first, second = drawn((samples, rows), (samples, columns), dtype=dtype)
    a, b = wide(first, second)
    close(backend, _dense.outer(backend.array(first), backend.array(second), scale), scale * a.T @ b, 2 * np.sqrt(samples))


def test_what_is_no_number_comes_through(backend) -> None:
    x, w = np.full((2, 3), np.nan), np.ones((3, 2))
    for activation in F:
        found = backend.numpy(_dense.layer(backend.array(x), backend.array(w), activation))
        assert np.isnan(found[:, :2]).all()


def test_any_layout_precision_and_nothing(backend) -> None:
    x, w = drawn((4, 6), (5, 6), dtype="float32")
    found = _dense.layer(backend.array(x.astype(float)), backend.array(w).T)
    assert found.dtype == np.float64
    close(backend, found, x.astype(float) @ w.T.astype(float), 20.0)
    assert _dense.layer(backend.array(x[:0]), backend.array(w).T, "relu").shape == (0, 6)
    assert (backend.numpy(_dense.outer(backend.array(x[:0]), backend.array(w[:0]))) == 0).all()
    np.testing.assert_array_equal(backend.numpy(_dense.layer(backend.array(x[:, :0]), backend.array(w[:0])).T), np.zeros((6, 4)))


def test_a_sum_depends_on_its_own_samples_alone(backend) -> None:
    """Its order is that of the inputs, whatever the batch."""
    if backend.name == "cpu":
        pytest.skip("on a CPU a library decides")
    x, w = drawn((70, 200), (200, 33), dtype="float32")
    whole = backend.numpy(_dense.layer(backend.array(x), backend.array(w)))
    np.testing.assert_array_equal(backend.numpy(_dense.layer(backend.array(x[13:30]), backend.array(w))), whole[13:30])
