"""Noise of cells against its definition and closed forms; the same for any split of a batch; stuck cells."""

import numpy as np
import pytest
from scipy import stats

import pnnkern as pnn
from pnnkern.crossbar import DAC, GaussianNoise, LognormalNoise, TelegraphNoise, device, read, read_vjp, stuck_cells, stuck_masks
from pnnkern.testing import check_split, check_vjp

KEY = pnn.random.key(77)
SIGMAS = 4.5
BY_CELL = [GaussianNoise(relative=0.6, clipped=True), LognormalNoise(0.4), TelegraphNoise(4e-6, 0.3, p=0.3)]


def cells(noise, G: np.ndarray, batch: int, sample: int = 0) -> np.ndarray:
    """(batch, n_in, n_out): the conductances that each sample meets, from the documented draws. Rows take whole quads of four."""
    (n_in, n_out), key = G.shape, pnn.random.fold_in(KEY, "cells")
    shape = (batch, n_in, -(-n_out // 4) * 4)
    if isinstance(noise, TelegraphNoise):
        up = pnn.random.bernoulli(key, noise.p, shape, sample=sample)[..., :n_out]
        return np.maximum(G + (noise.amplitude + noise.relative * G) * (up - noise.p), 0)
    z = pnn.random.normal(key, shape, sample=sample, dtype=G.dtype)[..., :n_out].astype(float)
    if isinstance(noise, LognormalNoise):
        return G * np.exp(noise.s * z - noise.s**2 / 2)
    return np.maximum(G + noise.relative * G * z, 0)


@pytest.mark.parametrize("noise", BY_CELL, ids=["clipped", "lognormal", "telegraph"])
@pytest.mark.parametrize(
    ("shape", "dtype"), [((3, 5, 7), "float64"), ((2, 33, 13), "float32"), ((1, 1, 1), "float64"), ((9, 530, 14), "float64")]
)
def test_cells_are_drawn_on_the_fly(backend, noise, shape: tuple[int, int, int], dtype: str, rng: np.random.Generator) -> None:
    batch, n_in, n_out = shape
    V, G = rng.uniform(-0.2, 0.2, (batch, n_in)).astype(dtype), rng.uniform(0, 25e-6, (n_in, n_out)).astype(dtype)
    got = backend.numpy(read(backend.array(V), backend.array(G), noise=noise, key=KEY, sample=11))
    expected = np.einsum("bi,bij->bj", V.astype(float), cells(noise, G, batch, 11))
    scale = np.abs(V).max() * G.max() * n_in
    assert np.abs(got - expected).max() < (1e-6 if dtype == "float32" else 1e-14) * scale


@pytest.mark.parametrize("noise", BY_CELL, ids=["clipped", "lognormal", "telegraph"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_backend_and_split_gives_the_same_bits(noise, dtype: str, rng: np.random.Generator) -> None:
    V, G = rng.uniform(-0.2, 0.2, (256, 6)).astype(dtype), rng.uniform(0, 25e-6, (6, 5)).astype(dtype)
    whole = read(V, G, noise=noise, key=KEY, sample=3)
    for rows in (16, 1):
        parts = [read(V[a : a + rows], G, noise=noise, key=KEY, sample=3 + a) for a in range(0, 256, rows)]
        assert np.array_equal(np.concatenate(parts), whole)
    check_split(read, V[:9], G, noise=noise, key=KEY, sample=3)
    with pnn._launch.host():
        assert np.array_equal(read(V[:40], G, noise=noise, key=KEY, sample=3), whole[:40])
    g = rng.standard_normal((40, 5)).astype(dtype)
    both = [read_vjp(g, V[:40], G, noise=noise, key=KEY, sample=3)]
    with pnn._launch.host():
        both.append(read_vjp(g, V[:40], G, noise=noise, key=KEY, sample=3))
    for a, b in zip(*both):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("noise", BY_CELL, ids=["clipped", "lognormal", "telegraph"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_bits_by_slices_of_the_inputs(noise, dtype: str, rng: np.random.Generator) -> None:
    """More slices than a block has threads for, more quads than it takes at a time; 64 inputs, one after another, then the next ones."""
    V, G = rng.uniform(-0.2, 0.2, (9, 530)).astype(dtype), rng.uniform(0, 25e-6, (530, 14)).astype(dtype)
    whole = read(V, G, noise=noise, key=KEY, sample=3)
    with pnn._launch.host(order="shuffled", seed=4):
        assert np.array_equal(read(V, G, noise=noise, key=KEY, sample=3), whole)
    alone = [np.where((np.arange(530) // 64 == k), V, 0).astype(dtype) for k in range(9)]
    total = sum(read(v, G, noise=noise, key=KEY, sample=3) for v in alone)
    assert np.array_equal(total, whole)


def test_gaussian_noise_of_a_split_batch(rng: np.random.Generator) -> None:
    """One normal for each output, whose bits do not depend on the split; the products may differ in the last bit."""
    V, G = rng.uniform(-0.2, 0.2, (256, 6)), rng.uniform(0, 25e-6, (6, 5))
    whole = read(V, G, noise="pcm", output_noise=1e-8, key=KEY)
    for rows in (16, 1):
        parts = [read(V[a : a + rows], G, noise="pcm", output_noise=1e-8, key=KEY, sample=a) for a in range(0, 256, rows)]
        assert np.allclose(np.concatenate(parts), whole, rtol=1e-12, atol=1e-20)


# --------------------------------------------------------------------------------------------------------------- distributions
def test_gaussian_noise_is_exact_in_distribution(rng: np.random.Generator) -> None:
    """One normal for each output against one for each cell: the same mean, variance and distribution, outputs independent."""
    V, G = rng.uniform(-0.2, 0.2, 9), rng.uniform(2e-6, 20e-6, (9, 3))
    reads, noise = 20_000, GaussianNoise(relative=0.1, sigma=1e-7)
    got = read(np.tile(V, (reads, 1)), G, noise=noise, key=KEY)
    sigma = np.sqrt((V**2) @ (1e-14 + (0.1 * G) ** 2))
    z = (got - V @ G) / sigma
    assert np.abs(z.mean(0)).max() < SIGMAS / np.sqrt(reads)
    assert np.abs(z.var(0) - 1).max() < SIGMAS * np.sqrt(2 / reads)
    assert all(stats.kstest(column, "norm").pvalue > 1e-3 for column in z.T)
    assert np.abs(np.corrcoef(z.T) - np.eye(3)).max() < SIGMAS / np.sqrt(reads)
    by_cell = read(np.tile(V, (reads, 1)), G, noise=GaussianNoise(relative=0.1, sigma=1e-7, clipped=True), key=KEY)
    assert stats.ks_2samp(got[:, 0], by_cell[:, 0]).pvalue > 1e-3
    tail = (np.abs(z) > 3).mean()
    assert abs(tail - 2 * stats.norm.sf(3)) < SIGMAS * np.sqrt(2 * stats.norm.sf(3) / z.size)


def test_the_first_argument_is_the_size() -> None:
    assert GaussianNoise(1e-7) == GaussianNoise(sigma=1e-7)
    assert LognormalNoise(0.2).s == 0.2
    assert TelegraphNoise(1e-7) == TelegraphNoise(amplitude=1e-7)


def test_spreads() -> None:
    G = np.linspace(1e-6, 20e-6, 7)
    both = GaussianNoise(sigma=2e-6, relative=0.1, device="pcm", time=50.0).spread(G, G)
    assert np.allclose(both, np.sqrt(4e-12 + (0.1 * G) ** 2 + device("pcm").read_noise(G, 50.0) ** 2), rtol=1e-12)
    assert np.array_equal(GaussianNoise(sigma=lambda g: 0.2 * g).spread(G), 0.2 * G)
    assert np.allclose(GaussianNoise(sigma=lambda g: g * g).slope(G), 2 * G, rtol=1e-3)
    assert np.array_equal(GaussianNoise().spread(G), 0 * G)


@pytest.mark.parametrize("s", [0.1, 0.8])
def test_lognormal_moments(s: float) -> None:
    reads, g = 20_000, 5e-6
    got = read(np.ones((reads, 1)), np.full((1, 2), g), noise=LognormalNoise(s), key=KEY) / g
    law = stats.lognorm(s, scale=np.exp(-(s**2) / 2))
    assert got.min() > 0
    assert np.abs(got.mean(0) - 1).max() < SIGMAS * law.std() / np.sqrt(reads)
    assert stats.kstest(got[:, 0], law.cdf).pvalue > 1e-3


def test_telegraph_has_two_states() -> None:
    reads, g = 20_000, 5e-6
    got = read(np.ones((reads, 1)), np.full((1, 1), g), noise=TelegraphNoise(1e-6, 0.2, p=0.25), key=KEY).ravel()
    low, high = g - 2e-6 * 0.25, g + 2e-6 * 0.75
    assert np.allclose(np.unique(np.round(got * 1e9)), np.round([low * 1e9, high * 1e9]))
    assert abs((got > g).mean() - 0.25) < SIGMAS * np.sqrt(0.25 * 0.75 / reads)
    assert (read(np.ones((50, 1)), np.full((1, 4), g), noise=TelegraphNoise(1e-6, p=1.0), key=KEY) == g).all()


def test_clipped_noise_is_never_negative() -> None:
    got = read(np.ones((20_000, 1)), np.full((1, 1), 1e-6), noise=GaussianNoise(sigma=1e-6, clipped=True), key=KEY).ravel()
    assert got.min() == 0
    assert abs((got == 0).mean() - stats.norm.cdf(-1)) < SIGMAS * np.sqrt(0.16 * 0.84 / got.size)
    mean = 1e-6 * (stats.norm.cdf(1) + stats.norm.pdf(1))  # of max(1 + z, 0)
    assert abs(got.mean() - mean) < SIGMAS * 1e-6 / np.sqrt(got.size)


# ------------------------------------------------------------------------------------------------------------------ derivative
@pytest.mark.parametrize(
    "noise", [*BY_CELL, GaussianNoise(relative=0.1, sigma=1e-7), "pcm"], ids=["clipped", "lognormal", "telegraph", "gaussian", "pcm"]
)
def test_derivatives_hold_the_draws(backend, noise, rng: np.random.Generator) -> None:
    V, G = backend.array(rng.uniform(-0.2, 0.2, (4, 5))), backend.array(rng.uniform(4e-6, 20e-6, (5, 6)))
    check_vjp(
        read, read_vjp, V, G, wrt=("V", "G"), steps={"V": 1e-4, "G": 1e-10}, rtol=1e-4, noise=noise, output_noise=1e-7, key=KEY, sample=5
    )


# ---------------------------------------------------------------------------------------------------------------------- frozen
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_frozen_noise_is_one_draw_for_all_samples(backend, dtype: str, rng: np.random.Generator) -> None:
    V, G = rng.uniform(-0.2, 0.2, (6, 5)).astype(dtype), rng.uniform(0, 20e-6, (2, 5, 7)).astype(dtype)
    noise = GaussianNoise(relative=0.8, frozen=True)
    got = backend.numpy(read(backend.array(V), backend.array(G), noise=noise, dac=DAC(None), key=KEY, sample=50))
    z = pnn.random.normal(pnn.random.fold_in(KEY, "cells"), (1, G.size), dtype=dtype).reshape(G.shape)
    met = np.maximum(G + 0.8 * G.astype(float) * z, 0)
    assert (met == 0).any()
    assert np.allclose(got, V @ met, rtol=0, atol=2e-5 * (1e-6 if dtype == "float32" else 1e-14))


@pytest.mark.parametrize("wires", [None, 50.0])
def test_derivatives_meet_the_frozen_cells(backend, wires, rng: np.random.Generator) -> None:
    V, G = backend.array(rng.uniform(-0.2, 0.2, (4, 5))), backend.array(rng.uniform(4e-6, 20e-6, (5, 6)))
    noise = GaussianNoise(relative=0.1, sigma=1e-7, frozen=True)
    check_vjp(read, read_vjp, V, G, wrt=("V", "G"), steps={"V": 1e-4, "G": 1e-10}, rtol=1e-4, noise=noise, key=KEY, wires=wires)


# ----------------------------------------------------------------------------------------------------------------------- stuck
def test_stuck_cells(backend, rng: np.random.Generator) -> None:
    G = rng.uniform(5e-6, 20e-6, (100, 90)).astype(np.float32)
    got = backend.numpy(stuck_cells(backend.array(G), low=0.05, high=0.02, g_min=1e-6, g_max=25e-6, key=KEY))
    low, high = got == np.float32(1e-6), got == np.float32(25e-6)
    for mask, share in ((low, 0.05), (high, 0.02)):
        assert abs(mask.mean() - share) < SIGMAS * np.sqrt(share / G.size)
    assert np.array_equal(got[~(low | high)], G[~(low | high)])
    masks = [backend.numpy(m) for m in stuck_masks(backend.array(G), low=0.05, high=0.02, key=KEY)]
    assert np.array_equal(masks[0], low)
    assert np.array_equal(masks[1], high)
    given = backend.numpy(stuck_cells(backend.array(G), low=backend.array(low), g_min=0.0))
    assert np.array_equal(given, np.where(low, 0, G))


# ------------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GaussianNoise(sigma=-1.0), "sigma of a noise must be finite and 0 or more"),
        (lambda: GaussianNoise(device="pmc"), "the nearest is 'pcm'"),
        (lambda: LognormalNoise(np.nan), "s of a lognormal noise must be finite"),
        (lambda: TelegraphNoise(p=1.5), "must be a probability"),
        (lambda: read(np.ones((2, 3)), np.ones((3, 2)), noise="pcm"), "noise of a read is random, which needs a key"),
        (lambda: read(np.ones((2, 3)), -np.ones((3, 2)), noise=LognormalNoise(), key=KEY), "G must not be negative or NaN"),
        (lambda: read(np.ones((2, 3)), -np.ones((3, 2)), noise=GaussianNoise(frozen=True), key=KEY), "G must not be negative or NaN"),
        (lambda: read(np.ones((2, 3)), np.ones((3, 2)), noise=GaussianNoise(sigma=lambda g: -g), key=KEY), "must not be negative or NaN"),
        (lambda: stuck_cells(np.ones((2, 3)), low=0.5), "which cells are stuck is random"),
        (lambda: stuck_cells(np.ones((2, 3)), low=0.7, high=0.6, key=KEY), "at most 1 together"),
        (lambda: stuck_cells(np.ones((2, 3)), low=1.5, key=KEY), "fraction of the cells"),
        (lambda: stuck_cells(np.ones((2, 3)), low=np.ones((3, 2), bool)), r"boolean like G \(2, 3\)"),
    ],
)  # fmt: skip
def test_bad_input(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_no_noise_is_no_description() -> None:
    with pytest.raises(TypeError, match="noise must be a GaussianNoise"):
        read(np.ones((2, 3)), np.ones((3, 2)), noise=0.1, key=KEY)
