"""Ladder sweeps against dense tridiagonal systems: word and bit lines, shared and own factors, threads and warps."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pnnkern import _launch
from pnnkern.crossbar import _ladders
from pnnkern.crossbar._ladders import Ladders

sys.path.insert(0, str(Path(__file__).parent))
from nodal_truth import worst


def by_lines(g: np.ndarray, wire: np.ndarray, f: np.ndarray, bit: bool) -> np.ndarray:
    """(n_in, n_out) by the nodal matrix of every line; wire[k] is the segment on the driven side of node k, or below row k."""
    if bit:  # driven at the last row
        g, f, wire = g[::-1].T, f[::-1].T, wire[::-1]
    x = np.empty(f.shape)
    for l in range(len(g)):
        n = len(wire)
        A = np.diag(g[l] + wire)
        for k in range(1, n):
            A[k - 1, k - 1] += wire[k]
            A[k, k - 1] -= wire[k]
            A[k - 1, k] -= wire[k]
        x[l] = np.linalg.solve(A, f[l])
    return x.T[::-1] if bit else x


@pytest.mark.parametrize("shape", [(1, 1, 1), (31, 33, 1), (9, 12, 5), (2, 100, 3), (67, 4, 1)])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("warps", [0, 1 << 60])  # a thread, or a warp, for each line and right-hand side
def test_sweeps(
    backend,
    shape: tuple[int, int, int],
    own: bool,
    dtype: str,
    warps: int,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_ladders, "WARPS", warps)
    n_in, n_out, rhs = shape
    g = rng.uniform(1e-3, 1, (n_in, n_out, rhs if own else 1)).astype(dtype)
    before, after = rng.uniform(0.5, 50, n_out).astype(dtype), rng.uniform(0.5, 50, n_in).astype(dtype)
    f = rng.random(shape).astype(dtype)
    ladders = Ladders(backend.array(g), before, after)
    for family, wire in enumerate((before, after)):
        expected = np.stack(
            [by_lines(g[..., r if own else 0].astype(float), wire.astype(float), f[..., r].astype(float), family == 1) for r in range(rhs)], -1
        )  # fmt: skip
        on = backend.array(f.copy())
        apart = backend.numpy(ladders.sweep(family, on))
        assert apart.dtype == dtype
        assert worst(apart, expected) < (2e-5 if dtype == "float32" else 1e-12)
        assert ladders.sweep(family, on, on) is on
        assert np.array_equal(backend.numpy(on), apart)


def test_perfect_and_open_segments(backend, rng: np.random.Generator) -> None:
    """1e20 is a perfect segment and 0 an open one: what hangs behind it only sees its own cells."""
    g = rng.uniform(0.1, 1, (4, 6, 1))
    before = np.array([1.0, 1e20, 1e20, 0.0, 1e20, 1e20])
    f = rng.random((4, 6, 1))
    x = backend.numpy(Ladders(backend.array(g), before, np.ones(4)).sweep(0, backend.array(f)))
    near = f[:, :3].sum((1, 2)) / (1 + g[:, :3].sum((1, 2)))
    far = f[:, 3:].sum((1, 2)) / g[:, 3:].sum((1, 2))
    assert worst(x[..., 0], np.repeat(np.stack([near, far], 1), 3, 1)) < 1e-13


@pytest.mark.parametrize("order", ["descending", "shuffled"])
def test_scan_in_any_order_of_threads(order: str, rng: np.random.Generator) -> None:
    """With barriers missing, the order in which the host runner takes the threads of a warp would show."""
    g, f = rng.uniform(0.1, 1, (3, 70, 1)), rng.random((3, 70, 2))
    plain = Ladders(g, np.full(70, 20.0), np.full(3, 20.0)).sweep(0, f)
    with _launch.host(order=order, seed=3):
        assert np.allclose(Ladders(g, np.full(70, 20.0), np.full(3, 20.0)).sweep(0, f), plain, rtol=1e-13)
