"""Currents by conjugate gradients, through curved characteristics and in gated circuits, against nodal analysis of each."""

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

from pnnkern._errors import ConvergenceError
from pnnkern.crossbar import IV, Wires, cubic_iv, effective_conductance, sinh_iv, solve_currents, solve_currents_vjp
from pnnkern.crossbar import solve as module
from pnnkern.crossbar._ladders import Ladders, iterations
from pnnkern.testing import check_vjp

sys.path.insert(0, str(Path(__file__).parent))
from nodal_truth import cells, gated, lines, worst

WIRES = Wires(20.0, 30.0, 10.0, 5.0)


@pytest.mark.parametrize(
    ("shape", "topology"),
    [((1, 1), "lines"), ((9, 14), "lines"), ((18, 5), "lines"), ((40, 40), "lines"), ((18, 5), "interleaved"), ((40, 40), "interleaved")],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conjugate_gradients(backend, shape: tuple[int, int], dtype: str, topology: str, rng: np.random.Generator) -> None:
    G, V = cells(rng, *shape).astype(dtype), rng.uniform(0, 0.2, (5, shape[0])).astype(dtype)
    wires = Wires(20.0, 30.0, 10.0, 5.0, topology)
    got = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=wires, method="cg", memory_limit=40 * G.nbytes))
    expected = V @ lines(G, 20.0, 30.0, 10.0, 5.0, topology == "interleaved").T()
    assert got.dtype == dtype
    assert np.abs(got - expected).max() < (1e-5 if dtype == "float32" else 1e-10) * np.abs(expected).max()


def test_methods_agree_and_auto_takes_the_cheaper(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    G, V = cells(rng, 40, 30), rng.uniform(0, 0.2, (2, 40))
    both = [solve_currents(V, G, wires=5.0, method=m) for m in ("tree", "cg", "auto")]
    assert worst(both[1], both[0]) < 1e-9
    assert np.array_equal(both[2], both[1])  # two reads do not pay for T
    many = np.repeat(V, 500, 0)
    monkeypatch.setattr(module, "Ladders", None)
    assert np.array_equal(solve_currents(many, G, wires=5.0), many @ effective_conductance(G, wires=5.0))
    assert np.array_equal(solve_currents(V, G, wires=1e5), V @ effective_conductance(G, wires=1e5))  # would take 1e4 iterations


def test_perfect_wires_and_open_cells(backend, rng: np.random.Generator) -> None:
    """No wire, a wire of one family only, and rows, columns and cells that carry nothing."""
    G, V = cells(rng, 8, 7), rng.uniform(-0.2, 0.2, (3, 8))
    G[2], G[:, 3], G[5, 5] = 0, 0, 0
    for wires in (Wires(0.0, 0.0), Wires(0.0, 50.0), Wires(50.0, 0.0), Wires(0.0, 0.0, 100.0, 200.0)):
        got = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=wires, method="cg"))
        expected = V @ effective_conductance(G, wires=wires)
        assert np.abs(got - expected).max() < 1e-10 * np.abs(expected).max()
    for wires in (
        Wires(np.inf, 1.0),
        Wires(1.0, np.inf),
        Wires(1.0, 1.0, np.inf, np.inf),
    ):  # open ones: nodes that nothing reaches
        assert not backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=wires, method="cg")).any()
    assert not solve_currents(V, 0 * G, wires=5.0, method="cg").any()
    assert not solve_currents(0 * V, G, wires=5.0, method="cg").any()


def test_a_conductance_for_each_read(backend, rng: np.random.Generator) -> None:
    """A stack with one read each is one batch; with more it is an array at a time."""
    G = cells(rng, 6, 9, 7)
    for reads in (1, 3):
        V, q = rng.uniform(0, 0.2, (6, reads, 9)), rng.standard_normal((6, reads, 7))
        on = [backend.array(x) for x in (q, V, G)]
        got = backend.numpy(solve_currents(*on[1:], wires=WIRES, method="cg", memory_limit=40 * 9 * 7 * 8))
        slopes = solve_currents_vjp(*on, wires=WIRES, method="cg", memory_limit=40 * 9 * 7 * 8)
        expected = solve_currents_vjp(*on, wires=WIRES, method="tree")
        for n in range(6):
            assert worst(got[n], V[n] @ lines(G[n], 20.0, 30.0, 10.0, 5.0).T()) < 1e-8
        for a, b in zip(slopes, expected):
            a, b = backend.numpy(a), backend.numpy(b)
            assert np.abs(a - b).max() < 1e-8 * np.abs(b).max()


@pytest.mark.parametrize("method", ["tree", "cg"])
def test_derivatives(backend, method: str, rng: np.random.Generator) -> None:
    G, V = backend.array(cells(rng, 9, 7)), backend.array(rng.uniform(0, 0.2, (3, 9)))
    plan = {"wires": WIRES, "method": method, "tolerance": 1e-13}
    check_vjp(solve_currents, solve_currents_vjp, V, G, wrt=("V", "G"), steps={"V": 1e-2, "G": 1e-8}, rtol=1e-6, **plan)


# --------------------------------------------------------------------------------------------------------------------- iterations
@pytest.mark.parametrize(("n", "low", "r"), [(32, 1e-5, 1.0), (64, 1e-5, 10.0), (48, 1e-4, 40.0)])
def test_iterations_stay_below_their_bound(n: int, low: float, r: float, rng: np.random.Generator) -> None:
    G = cells(rng, n, n, low=low, high=10 * low)
    drive = np.zeros((n, n, 2))
    drive[:, 0] = rng.uniform(0, 1, (n, 2)) / r
    _, _, done = Ladders(G[..., None], np.full(n, 1 / r), np.full(n, 1 / r)).solve(drive, None, 1e-10, 500)
    assert 1 <= done <= iterations(G.max(), 1 / r, 1 / r, G.shape, 1e-10)


def test_not_converged_is_said_with_the_residual(rng: np.random.Generator) -> None:
    """Wires as bad as the cells: the bound is thousands of iterations, and three do not do."""
    G, V = cells(rng, 40, 40, low=1e-2, high=1e-1), np.ones((1, 40))
    with pytest.raises(ConvergenceError, match=r"not converged to 1e-10 in 3 iterations: the residual is \d.*method='tree'"):
        solve_currents(V, G, wires=100.0, method="cg", max_iterations=3)
    settled = solve_currents(V, G, wires=100.0, method="cg")
    assert np.abs(settled - V @ effective_conductance(G, wires=100.0)).max() < 1e-8 * np.abs(settled).max()


# ---------------------------------------------------------------------------------------------------------------- characteristics
def curved(G: np.ndarray, V: np.ndarray, f, r: float) -> np.ndarray:
    """Kirchhoff's law with cells of current G f(v), by SciPy's root finder."""
    M, N = G.shape

    def excess(x: np.ndarray) -> np.ndarray:
        w, u = x.reshape(2, M, N)
        i = G * f(w - u)
        left = np.concatenate([V[:, None], w[:, :-1]], 1)
        below = np.concatenate([u[1:], np.zeros((1, N))], 0)
        at_word, at_bit = (left - w) / r - i, (below - u) / r + i
        at_word[:, :-1] -= (w[:, :-1] - w[:, 1:]) / r
        at_bit[1:] += (u[:-1] - u[1:]) / r
        return np.concatenate([at_word.ravel(), at_bit.ravel()]) * r

    start = np.concatenate([np.repeat(V[:, None], N, 1).ravel(), np.zeros(M * N)])
    found = scipy.optimize.root(excess, start, tol=1e-13)
    return found.x.reshape(2, M, N)[1, -1] / r


@pytest.mark.parametrize(
    ("iv", "f"),
    [
        (sinh_iv(0.1), lambda v: 0.1 * np.sinh(v / 0.1)),
        (cubic_iv(20.0), lambda v: v + 20 * v**3),
        (IV(np.arctan, lambda v: 1 / (1 + v * v)), np.arctan),
    ],
)
def test_curved_cells(backend, iv: IV, f, rng: np.random.Generator) -> None:
    G, V = cells(rng, 5, 6, low=1e-4, high=1e-3), rng.uniform(-0.5, 0.5, (3, 5))
    got = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=100.0, iv=iv))
    expected = np.stack([curved(G, v, f, 100.0) for v in V])
    assert np.abs(got - expected).max() < 1e-8 * np.abs(expected).max()
    assert np.abs(got - V @ effective_conductance(G, wires=100.0)).max() > 1e-3 * np.abs(expected).max()


def test_a_steep_characteristic_is_reached_from_far(rng: np.random.Generator) -> None:
    """3 V on sinh(v / 20 mV): slopes of 1e65 at the first guess. The wires take nearly all of the voltage."""
    G, V = cells(rng, 4, 4, low=1e-4, high=1e-3), np.full((1, 4), 3.0)
    got = solve_currents(V, G, wires=50.0, iv=sinh_iv(0.02), tolerance=1e-8)
    v = scipy.optimize.brentq(lambda v: G[:1, :1].item() * 0.02 * np.sinh(v / 0.02) - (3 - v) / 100, 0, 3)
    one = solve_currents(V[:, :1].copy(), G[:1, :1].copy(), wires=50.0, iv=sinh_iv(0.02), tolerance=1e-8)
    assert one.item() == pytest.approx((3 - v) / 100, rel=1e-6)
    assert np.isfinite(got).all()
    assert (got > 0).all()


def test_curved_derivatives_and_precision(backend, rng: np.random.Generator) -> None:
    G, V = cells(rng, 3, 4, low=1e-4, high=1e-3), rng.uniform(-0.5, 0.5, (2, 3))
    plan = {"wires": 100.0, "iv": sinh_iv(0.2)}
    check_vjp(solve_currents, solve_currents_vjp, backend.array(V), backend.array(G), wrt=("V", "G"), tolerance=1e-12,
              steps={"V": 1e-3, "G": 1e-7}, rtol=1e-5, directions=1, **plan)  # fmt: skip
    exact = backend.numpy(solve_currents(backend.array(V), backend.array(G), **plan))
    single = backend.numpy(solve_currents(backend.array(V.astype("f4")), backend.array(G.astype("f4")), **plan))
    assert single.dtype == np.float32
    assert np.abs(single - exact).max() < 2e-5 * np.abs(exact).max()


def test_newton_that_stops_early_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NEWTON", 3)
    with pytest.raises(ConvergenceError, match=r"not converged to 1e-10 in 3 Newton steps: the largest mismatch of a cell is \d"):
        solve_currents(np.array([[0.3, -0.2]]), np.full((2, 1), 1e-4), wires=100.0, iv=sinh_iv(0.03))


# -------------------------------------------------------------------------------------------------------------------------- gated
@pytest.mark.parametrize("topology", ["gated", "gated-interleaved"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gated_circuits(backend, topology: str, dtype: str, rng: np.random.Generator) -> None:
    G = cells(rng, 2, 12, 5, low=1e-4, high=1e-3).astype(dtype)
    wires = Wires(20.0, 30.0, 10.0, 5.0, topology)
    V = (0.2 * (rng.random((2, 4, 12)) > 0.4)).astype(dtype)
    V[0, 1] = 0  # every gate shut
    got = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=wires, memory_limit=8000))
    expected = np.array([[gated(G[a].astype(float), V[a, b] > 0, 0.2, wires) for b in range(4)] for a in range(2)])
    assert got.dtype == dtype
    assert not got[0, 1].any()
    assert np.abs(got - expected).max() < (1e-6 if dtype == "float32" else 1e-13) * np.abs(expected).max()
    if dtype == "float64":
        check_vjp(
            solve_currents, solve_currents_vjp, backend.array(V), backend.array(G), wires=wires, wrt="G", steps=1e-7, rtol=1e-6
        )


@pytest.mark.parametrize("topology", ["gated", "gated-interleaved"])
def test_gated_circuits_read_at_a_negative_voltage(backend, topology: str, rng: np.random.Generator) -> None:
    G, wires = cells(rng, 12, 5, low=1e-4, high=1e-3), Wires(20.0, 30.0, 10.0, 5.0, topology)
    V = -0.2 * (rng.random((4, 12)) > 0.4)
    V[1], V[2] = 0, -0.2  # every gate shut, every gate open
    got = backend.numpy(solve_currents(backend.array(V), backend.array(G), wires=wires))
    expected = np.array([gated(G, v < 0, -0.2, wires) for v in V])
    assert np.abs(got - expected).max() < 1e-13 * np.abs(expected).max()
    check_vjp(solve_currents, solve_currents_vjp, backend.array(V), backend.array(G), wires=wires, wrt="G", steps=1e-7, rtol=1e-6)


def test_gated_with_perfect_wires_is_the_plain_product(rng: np.random.Generator) -> None:
    G, V = cells(rng, 8, 5), 0.2 * (rng.random((3, 8)) > 0.5)
    assert np.allclose(solve_currents(V, G, wires=Wires(0, 0, topology="gated")), V @ G, rtol=1e-13)
    sign = np.tile([1, -1], 4)
    got = solve_currents(V, G, wires=Wires(0, 0, topology="gated-interleaved"))
    assert np.allclose(got, (V * sign) @ G, rtol=1e-12, atol=1e-20)


# ---------------------------------------------------------------------------------------------------------------------- bad input
G, V = np.full((4, 5), 1e-5), np.ones((2, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: solve_currents(V.T.copy(), G, wires=1.0), ValueError, r"V must be \(..., batch, n_in\) for G .* got V \(4, 2\)"),
        (lambda: solve_currents(V, -G, wires=1.0), ValueError, "conductances must be finite and not negative"),
        (lambda: solve_currents(V, G, wires=1.0, method="lu"), ValueError, "method must be 'auto', 'tree' or 'cg', got 'lu'"),
        (lambda: solve_currents(V, G, wires=1.0, tolerance=0.0), ValueError, "tolerance must lie between 0 and 1"),
        (lambda: solve_currents(V, G, wires=1.0, method="tree", iv=sinh_iv(1.0)), ValueError, "no effective conductance: use method='cg'"),
        (lambda: solve_currents(V, G, wires=1.0, iv=np.sinh), TypeError, "iv must be an IV, such as sinh_iv"),
        (lambda: solve_currents(V, G, wires=1.0, iv=IV(np.sin, lambda v: -np.cos(v))), ValueError, "slope of the characteristic must be"),
        (lambda: sinh_iv(0.0), ValueError, "v0 must be positive"),
        (lambda: cubic_iv(-1.0), ValueError, "a must not be negative"),
        (lambda: solve_currents(V * [1, 2, 0, 1], G, wires=Wires(1, 1, topology="gated")), ValueError, "V must be 0 or one read voltage"),
        (lambda: solve_currents(V * [1, -1, 0, 1], G, wires=Wires(1, 1, topology="gated")), ValueError, "V must be 0 or one read voltage"),
        (lambda: solve_currents_vjp(V @ G, V, G, wires=Wires(1, 1, topology="gated")), ValueError, "no derivative by V, only by G"),
        (lambda: solve_currents_vjp(V, V, G, wires=1.0), ValueError, r"cotangent must be float64 \(2, 5\) like the currents"),
        (lambda: solve_currents(V[:, :3].copy(), G[:3].copy(), wires=Wires(1, 1, topology="gated-interleaved")), ValueError, "in pairs"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
