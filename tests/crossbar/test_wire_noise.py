"""Noise of cells through wires: against arrays that are solved again and again, against SuperLU's voltages, and its bound."""

import sys
from pathlib import Path

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern.crossbar import WireFields, Wires, effective_conductance, noise_through_wires, read_covariance, wire_noise
from pnnkern.crossbar.wire_noise import _largest

sys.path.insert(0, str(Path(__file__).parent))
from nodal_truth import cells, lines

KEY = pnn.random.key(5)
SIGMAS = 4.5
WIRES = Wires(20.0, 30.0, 10.0, 5.0)


def across(G: np.ndarray, V: np.ndarray, pair: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Voltages across the cells (batch, n_in, n_out) of the reads V, and (n_out, n_in, n_out) of one volt at each output, by SuperLU."""
    array = lines(G, WIRES.word, WIRES.bit, WIRES.source, WIRES.load, pair)
    w, u = array.solve(V)
    a, b = array.solve(np.zeros((G.shape[1], len(G))), np.eye(G.shape[1]))
    return w - u, a - b


@pytest.mark.parametrize("shape", [(1, 1), (6, 9), (18, 5)])
@pytest.mark.parametrize("limit", [None, 6000])
def test_covariance_and_draws(backend, shape: tuple[int, int], limit: int | None, rng: np.random.Generator) -> None:
    """Both formulas with the voltages of nodal analysis; the draws are the normals of the key, one for each cell and read."""
    G, V, sigma = cells(rng, *shape), rng.uniform(0, 0.2, (5, shape[0])), cells(rng, *shape, low=0, high=1e-6)
    F, A = across(G, V)
    on = [backend.array(x) for x in (V, G, sigma)]
    got = backend.numpy(read_covariance(*on, wires=WIRES, memory_limit=limit))
    expected = np.einsum("kl,bkl,ikl,jkl->bij", sigma**2, F**2, A, A)
    assert np.abs(got - expected).max() < 1e-11 * expected.max()
    z = pnn.random.normal(KEY, (5, G.size), sample=7, dtype=np.float64).reshape(5, *shape)
    noise = backend.numpy(wire_noise(*on, wires=WIRES, key=KEY, sample=7, memory_limit=limit))
    expected = -np.einsum("kl,bkl,bkl,jkl->bj", sigma, z, F, A)
    assert np.abs(noise - expected).max() < 1e-11 * np.abs(expected).max()


def test_pairs(backend, rng: np.random.Generator) -> None:
    G, V = cells(rng, 6, 5), rng.uniform(-0.2, 0.2, (3, 6))
    F, A = across(G, V, pair=True)
    wires = Wires(WIRES.word, WIRES.bit, WIRES.source, WIRES.load, "interleaved")
    got = backend.numpy(read_covariance(backend.array(V), backend.array(G), 1e-6, wires=wires))
    assert np.allclose(got, 1e-12 * np.einsum("bkl,ikl,jkl->bij", F**2, A, A), rtol=1e-10)


def test_covariance_is_that_of_arrays_solved_with_their_noise(rng: np.random.Generator) -> None:
    """4000 noisy arrays 6 x 8 at 1 %, each solved exactly; correlations between outputs are far from zero."""
    G, V, n = cells(rng, 6, 8), rng.uniform(0, 0.2, (1, 6)), 4000
    wires = Wires(300.0, 300.0)
    noisy = G * (1 + 0.01 * rng.standard_normal((n, *G.shape)))
    currents = np.einsum("i,nij->nj", V[0], effective_conductance(noisy, wires=wires))
    C = read_covariance(V, G, 0.01 * G, wires=wires)[0]
    sd = np.sqrt(np.diag(C))
    z = (np.cov(currents.T) - C) / np.sqrt((np.outer(sd, sd) ** 2 + C**2) / n)
    assert np.abs(z).max() < SIGMAS
    correlation = C / np.outer(sd, sd)
    assert np.abs(correlation - np.eye(8)).max() > 0.1
    draws = wire_noise(np.repeat(V, n, 0), G, 0.01 * G, wires=wires, key=KEY)
    z = (np.cov(draws.T) - C) / np.sqrt((np.outer(sd, sd) ** 2 + C**2) / n)
    assert np.abs(z).max() < SIGMAS
    assert np.abs(draws.mean(0) / sd * np.sqrt(n)).max() < SIGMAS


def test_without_wires_it_is_the_exact_noise(rng: np.random.Generator) -> None:
    """sum_i sigma_ij^2 V_i^2, and outputs that know nothing of each other."""
    G, V = cells(rng, 7, 4), rng.uniform(0, 0.2, (2, 7))
    C = read_covariance(V, G, 0.1 * G, wires=0.0)
    expected = (V**2) @ (0.1 * G) ** 2
    assert np.allclose(np.einsum("bjj->bj", C), expected, rtol=1e-12)
    assert np.abs(C - np.einsum("bj,jk->bjk", expected, np.eye(4))).max() < 1e-15 * expected.max()


@pytest.mark.parametrize(
    ("spread", "wires"), [(0.01, Wires(1.0, 1.0)), (0.05, Wires(10.0, 5.0, 50.0, 20.0)), (0.2, Wires(40.0, 40.0))]
)
def test_first_order_and_its_bound(spread: float, wires: Wires, rng: np.random.Generator) -> None:
    G, V = cells(rng, 12, 15, low=1e-4, high=1e-3), rng.uniform(0, 0.2, (10, 12))
    dG = spread * G * rng.standard_normal((10, 12, 15)).clip(-4, 4)
    dI, bound = noise_through_wires(dG, V, G, wires=wires, memory_limit=9000)
    exact = np.einsum("bi,bij->bj", V, effective_conductance(G + dG, wires=wires) - effective_conductance(G, wires=wires))
    rest = np.abs(exact - dI)
    assert (rest <= bound + 1e-18).all()
    assert np.abs(rest).max() < 3 * spread**2 * np.abs(V @ G).max()  # second order
    assert np.linalg.norm(exact - dI) < 0.1 * np.linalg.norm(exact)
    half, _ = noise_through_wires(dG[3] / 2, V, G, wires=wires)
    assert np.allclose(half[3], dI[3] / 2, rtol=1e-10)


def test_bound_is_infinite_when_a_cell_may_double(rng: np.random.Generator) -> None:
    G, V = cells(rng, 3, 4), np.ones((1, 3))
    _, bound = noise_through_wires(3 * G, V, G, wires=Wires(1e6, 1e6))
    assert np.isinf(bound).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_split_of_the_batch(backend, dtype: str, rng: np.random.Generator) -> None:
    """1 x 24, 4 x 6 and 24 x 1 reads: the same draws; sums differ by rounding only."""
    G = backend.array(cells(rng, 9, 7).astype(dtype))
    V = backend.array(rng.uniform(0, 0.2, (24, 9)).astype(dtype))
    plan = {"wires": WIRES, "key": KEY}
    whole = backend.numpy(wire_noise(V, G, 1e-6, sample=3, **plan))
    assert whole.dtype == dtype
    eps = np.finfo(dtype).eps * 20 * np.abs(whole).max()
    for size in (1, 6):
        parts = [backend.numpy(wire_noise(V[i : i + size], G, 1e-6, sample=3 + i, **plan)) for i in range(0, 24, size)]
        assert np.abs(np.concatenate(parts) - whole).max() < eps
    order = rng.permutation(24)
    shuffled = wire_noise(V[order], G, 1e-6, sample=3 + order, memory_limit=2000, **plan)
    assert np.abs(backend.numpy(shuffled) - whole[order]).max() < eps
    again = wire_noise(V, G, 1e-6, sample=100, **plan)
    assert abs(np.corrcoef(backend.numpy(again).ravel(), whole.ravel())[0, 1]) < 0.4


def test_fields_for_many_calls(backend, rng: np.random.Generator) -> None:
    G, V = backend.array(cells(rng, 9, 7)), backend.array(rng.uniform(0, 0.2, (5, 9)))
    fields = WireFields(G, wires=WIRES)
    expected = backend.numpy(wire_noise(V, G, 1e-6, wires=WIRES, key=KEY, sample=2))
    for limit in (None, 4000):
        got = backend.numpy(wire_noise(V, G, 1e-6, wires=WIRES, key=KEY, sample=2, fields=fields, memory_limit=limit))
        assert np.abs(got - expected).max() < 1e-12 * np.abs(expected).max()
    with pytest.raises(ValueError, match="fields belong to another array or other wires"):
        wire_noise(V, G, 1e-6, wires=1.0, key=KEY, fields=fields)
    with pytest.raises(ValueError, match="fields belong to another array or other wires"):
        wire_noise(V, 2 * G, 1e-6, wires=WIRES, key=KEY, fields=fields)


@pytest.mark.parametrize(("r", "terminal", "n"), [(1.0, 0.0, 1), (1.0, 0.0, 40), (2.0, 50.0, 17), (0.0, 3.0, 9)])
def test_softest_mode_of_a_wire(r: float, terminal: float, n: int) -> None:
    """Node k sees r (k + 1) + terminal of the way to the driver; the bound needs at least the largest eigenvalue, and is near it."""
    k = np.arange(1, n + 1)
    largest = np.linalg.eigvalsh(r * np.minimum(k[:, None], k) + terminal).max()
    assert largest * (1 - 1e-12) <= _largest(r, terminal, n) < 1.2 * largest


G, V = np.full((4, 5), 1e-5), np.ones((2, 4))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: wire_noise(V, G, 1e-6, wires=1.0, key=None), ValueError, "noise is random, which needs a key"),
        (lambda: wire_noise(V, G, -1e-6, wires=1.0, key=KEY), ValueError, "sigma must be finite and not negative"),
        (lambda: wire_noise(V, G, G.T.copy(), wires=1.0, key=KEY), ValueError, r"sigma must be a number or like G \(4, 5\)"),
        (lambda: wire_noise(V[:, :3].copy(), G, 1e-6, wires=1.0, key=KEY), ValueError, r"V must be \(..., batch, n_in\)"),
        (lambda: wire_noise(V[None], G[None], 1e-6, wires=1.0, key=KEY), ValueError, r"one array \(n_in, n_out\) at a time"),
        (lambda: wire_noise(V, G, 1e-6, wires=1.0, key=KEY, sample=np.arange(3)), ValueError, "one index, or 2 indices, one for each row"),
        (lambda: read_covariance(V, G, np.nan, wires=1.0), ValueError, "sigma must be finite"),
        (lambda: noise_through_wires(G[:2], V, G, wires=1.0), ValueError, r"dG must be float64 \(2, 4, 5\) or \(4, 5\), got"),
        (lambda: noise_through_wires(-2 * G, V, G, wires=1.0), ValueError, r"G \+ dG must not be negative"),
    ],
)
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
