"""Kernels of graphs by themselves: single precision, odd numbers of columns and lanes, a node without neighbours."""

import numpy as np
import pytest

from pnnkern import _launch, random
from pnnkern.networks import ResistorNetwork, graphs


@pytest.mark.parametrize("columns", [1, 3, 31, 33, 70])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_contrast(backend, columns: int, dtype: str, rng: np.random.Generator) -> None:
    net = ResistorNetwork(graphs.delaunay(57, random.key(1))[0], 57)
    a, b = (rng.standard_normal((57, columns)).astype(dtype) for _ in range(2))
    got = backend.numpy(net.drop_products(backend.array(a), backend.array(b), -0.5))
    i, j = net.edges.T
    expected = -0.5 * ((a[i].astype(float) - a[j]) * (b[i].astype(float) - b[j])).sum(axis=1)
    assert got.dtype == dtype
    assert np.abs(got - expected).max() < (1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_update_keeps_to_its_limits(backend, dtype: str, rng: np.random.Generator) -> None:
    net = ResistorNetwork(graphs.lattice(5, 7), 35)
    a, g = rng.standard_normal((35, 5)).astype(dtype), np.ones(net.n_edges, dtype)
    i, j = net.edges.T
    change = 0.1 * ((a[i] - a[j]) ** 2).sum(axis=1)
    k = backend.array(g.copy())
    net.update(backend.array(a), backend.array(a), k, -0.1, limits=(0.25, 2.0))
    assert np.abs(backend.numpy(k) - (1 - change).clip(0.25)).max() < 1e-6
    k = backend.array(g.copy())
    flat = a.copy()
    flat[j[0]] = flat[i[0]]  # edge 0 feels nothing and does not move
    net.update(backend.array(flat), backend.array(flat), k, 0.1, step=0.5, limits=(0.25, 2.0))
    moved = backend.numpy(k)
    assert moved[0] == 1
    assert set(moved.tolist()) <= {1.0, 1.5}


def test_laplacian_of_an_isolated_node(backend) -> None:
    net = ResistorNetwork(np.array([[0, 2]]), 3)
    v, free = backend.array(np.array([[1.0, 2.0], [5.0, 5.0], [3.0, -1.0]])), backend.array(np.array([1, 1, 0], np.uint8))
    out = backend.numpy(net.laplacian(backend.array(np.array([2.0])), v, free))
    assert out.tolist() == [[-4.0, 6.0], [0.0, 0.0], [0.0, 0.0]]


def test_more_rows_than_threads() -> None:
    """Above 2^20 work items the threads stride."""
    n = 66_000
    net = ResistorNetwork(np.stack([np.arange(n - 1), np.arange(1, n)], axis=1), n)
    v = np.cumsum(np.arange(n, dtype=float) % 7)[:, None] * np.ones((1, 17))
    with _launch.host():
        got = net.drop_products(v, v)
        out = net.laplacian(np.ones(n - 1), v, np.ones(n, np.uint8))
    assert np.allclose(got, 17 * (np.arange(1, n) % 7) ** 2)
    assert np.allclose(out[1:-1], (2 * v[1:-1] - v[:-2] - v[2:]))
