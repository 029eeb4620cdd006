"""Keys, draws and their laws. Bits are compared in tests/kernels/random, so the laws are tested on the CPU twins, for all backends."""

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import pnnkern as pnn
from pnnkern import random
from pnnkern._errors import DeviceError, FaultError

if importlib.util.find_spec("numba"):
    from numba import njit
    from pnnkern.kernels.random import draws
else:  # a machine with a GPU and without Numba still compares the golden hashes

    def njit(function: Callable[..., object]) -> Callable[..., object]:
        return function


KEY = random.key(20)
GOLDEN = Path(__file__).with_name("golden_random.json")
SIGMAS = (
    4.5  # seeds are fixed, so a test passes always or never; of some 500 statistics, 4.5 sigma would be met once in 300 seeds
)


# ------------------------------------------------------------------------------------------------------------------------- keys
def test_key_is_the_seed_in_two_words() -> None:
    assert random.key(0x0123456789ABCDEF).tolist() == [0x89ABCDEF, 0x01234567]
    assert random.key(np.int32(7)).dtype == np.uint32


def test_fold_in_is_philox() -> None:
    # counter and key all ones: a published answer of Random123
    assert random.fold_in(random.key(2**64 - 1), 2**64 - 1).tolist() == [0x408F276D, 0x41C83B0E]


def test_names_fold_as_their_hash() -> None:
    n = int.from_bytes(hashlib.sha256(b"read noise").digest()[:8], "little")
    assert random.fold_in(KEY, "read noise").tolist() == random.fold_in(KEY, n).tolist()
    assert random.fold_in(KEY, "read noise").tolist() != random.fold_in(KEY, "shot noise").tolist()


def test_folds_differ_and_nest() -> None:
    folds = [random.fold_in(KEY, n) for n in range(20000)] + [random.fold_in(random.fold_in(KEY, n), 3) for n in range(2000)]
    assert len({tuple(f.tolist()) for f in [KEY, *folds]}) == 22001


# ------------------------------------------------------------------------------------------------------------------------ draws
def test_shapes_types_and_axes(backend) -> None:
    like = backend.array(np.empty(0))
    for draw, dtype in ((random.words, np.uint32), (random.uniform, np.float32), (random.normal, np.float32)):
        z = draw(KEY, (3, 2, 5), like=like)
        assert type(z) is type(like)
        assert z.shape == (3, 2, 5)
        assert z.dtype == dtype
        flat = backend.numpy(draw(KEY, (3, 10), like=like))
        assert backend.numpy(z).reshape(3, 10).tobytes() == flat.tobytes()  # elements in C order over the other axes
        assert backend.numpy(draw(KEY, 3, like=like)).tobytes() == flat[:, 0].tobytes()  # a number is so many samples
        assert draw(KEY, (0, 4), like=like).shape == (0, 4)
        assert draw(KEY, [2, 0], like=like).shape == (2, 0)
    assert random.normal(KEY, (2, 2), dtype="float64", like=like).dtype == np.float64
    assert random.uniform(KEY, (2, 2), dtype=np.float64, like=like).dtype == np.float64


def test_parameters_broadcast_and_keep_their_precision(backend) -> None:
    like = backend.array(np.empty(0))
    p = np.linspace(0, 1, 7)
    for draw, values, dtype in ((random.bernoulli, p, np.uint8), (random.poisson, 30 * p, np.int32)):
        row = backend.array(values)
        got = draw(KEY, row, (3, 7), sample=2)
        assert got.dtype == dtype
        assert (
            backend.numpy(got).tobytes() == backend.numpy(draw(KEY, backend.array(np.tile(values, (3, 1))), sample=2)).tobytes()
        )
        single = draw(KEY, float(values[3]), (3, 7), like=like)
        assert backend.numpy(single).tobytes() == backend.numpy(draw(KEY, backend.array(np.full((3, 7), values[3])))).tobytes()
        assert draw(KEY, 1, (2, 3), like=like).shape == (2, 3)
    wide = backend.array(np.full((1, 100000), 1 - 2.0**-40))  # as float32 this is 1
    assert backend.numpy(random.bernoulli(KEY, wide)).all()
    strided = backend.array(np.full((6, 8), 50.0))[::2, ::2]
    assert random.poisson(KEY, strided).shape == (3, 4)


def test_same_draws_on_every_backend_of_golden_hashes(backend) -> None:
    """SHA-256 of draws; after a deliberate change of the draws: PNNKERN_UPDATE_SNAPSHOT=1 pytest tests/test_random.py -k golden."""
    shape, where = (3, 1_000_003), {"sample": 2**40, "element0": 5}
    i = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    like = backend.array(np.empty(0))
    p = backend.array((i % 1000 / 1000).astype(np.float32))
    mean = backend.array((i % 4096 * (i % 7 + 1) ** 4 / 16).astype(np.float32))
    key = np.array([1, 2], np.uint32)
    found = {
        "words": random.words(key, shape, **where, like=like),
        "uniform float32": random.uniform(key, shape, **where, like=like),
        "uniform float64": random.uniform(key, shape, **where, dtype=np.float64, like=like),
        "normal float32": random.normal(key, shape, **where, like=like),
        "normal float64": random.normal(key, shape, **where, dtype=np.float64, like=like),
        "bernoulli": random.bernoulli(key, p, **where),
        "poisson": random.poisson(key, mean, **where),
        "permutation": random.permutation(key, 100_003, sample=5, like=like),
    }
    hashes = {name: hashlib.sha256(backend.numpy(z).tobytes()).hexdigest() for name, z in found.items()}
    if os.environ.get("PNNKERN_UPDATE_SNAPSHOT") and backend.name == "cpu":
        GOLDEN.write_text(json.dumps(hashes, indent=1) + "\n")
    assert hashes == json.loads(GOLDEN.read_text())


def test_certain_and_impossible(backend) -> None:
    p = backend.array(np.tile(np.array([0, 1], np.float32), (50, 1000)))
    assert backend.numpy(random.bernoulli(KEY, p)).tobytes() == backend.numpy(p).astype(np.uint8).tobytes()
    dark = backend.array(np.array([[0, np.finfo(np.float32).tiny, 1e-45]] * 100, np.float32))
    assert not backend.numpy(random.poisson(KEY, dark)).any()
    brightest = backend.numpy(random.poisson(KEY, backend.array(np.full((1, 1000), 2e9))))
    assert np.abs(brightest - 2e9).max() < 6 * np.sqrt(2e9)


# ---------------------------------------------------------------------------------------------------------------- permutations
def test_permutation_is_one(backend) -> None:
    like = backend.array(np.empty(0))
    for n in (0, 1, 2, 31, 1000):
        order = backend.numpy(random.permutation(KEY, n, like=like))
        assert order.dtype == np.int64
        assert np.array_equal(np.sort(order), np.arange(n))
        assert np.array_equal(order, random.permutation(KEY, n))
    assert not np.array_equal(random.permutation(KEY, 100, sample=1), random.permutation(KEY, 100))


def test_permutations_are_equally_likely() -> None:
    seen = np.zeros(24, int)
    powers = 4 ** np.arange(4)
    codes = {sum(c * p for c, p in zip(order, powers)): i for i, order in enumerate(_orders(4))}
    for sample in range(9600):
        seen[codes[int(random.permutation(KEY, 4, sample=sample) @ powers)]] += 1
    assert stats.chisquare(seen).pvalue > 1e-3


def _orders(n: int) -> Iterator[tuple[int, ...]]:
    import itertools

    return itertools.permutations(range(n))


def test_positions_are_uniform() -> None:
    """Which of 64 places each of 64 numbers takes; rank correlation of neighbours; fixed points, of mean and variance 1."""
    orders = np.stack([random.permutation(KEY, 64, sample=s) for s in range(3000)])
    counts = np.stack([np.bincount(orders[:, i], minlength=64) for i in range(64)])
    # rows and columns are both fixed: 63^2 degrees of freedom, variance n (63/64)^2 / 63 ... in units of the expectation
    chi2 = ((counts - 3000 / 64) ** 2 / (3000 / 64)).sum() * 63 / 64
    assert abs(chi2 - 63**2) < SIGMAS * np.sqrt(2 * 63**2)
    fixed = (orders == np.arange(64)).sum(1)
    assert abs(fixed.mean() - 1) < SIGMAS / np.sqrt(3000)
    centred = orders - 31.5
    neighbours = (centred[:, 1:] * centred[:, :-1]).mean() / (64**2 - 1) * 12
    assert abs(neighbours + 1 / 63) < SIGMAS / np.sqrt(3000 * 63)


# ------------------------------------------------------------------------------------------------------------------------ laws
def sigmas(value: float, mean: float, deviation: float) -> None:
    assert abs(value - mean) < SIGMAS * deviation, f"{value} is {(value - mean) / deviation:+.1f} sigma from {mean}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kolmogorov_smirnov(dtype: type) -> None:
    z = random.normal(random.key(1), (4, 250_000), dtype=dtype).ravel().astype(np.float64)
    u = random.uniform(random.key(2), (4, 250_000), dtype=dtype).ravel().astype(np.float64)
    assert stats.kstest(z, special.ndtr).pvalue > 1e-3
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert 0 < u.min() < 1e-5
    assert 1 - 1e-5 < u.max() < 1
    for flat in (u, special.ndtr(z)):
        assert stats.chisquare(np.bincount((flat * 4096).astype(int), minlength=4096)).pvalue > 1e-3


def test_bytes_of_words() -> None:
    w = random.words(random.key(3), (8, 1 << 18)).view(np.uint8).reshape(-1, 4)
    for column in w.T:
        assert stats.chisquare(np.bincount(column, minlength=256)).pvalue > 1e-3
    pairs = w[:, 0].astype(int) * 256 + w[:, 3]
    assert stats.chisquare(np.bincount(pairs, minlength=1 << 16)).pvalue > 1e-3


@njit
def _power_sums(z, edges, sums, above, below):
    for v in z:
        x, p = np.float64(v), 1.0
        for k in range(8):
            p *= x
            sums[k] += p
        for k in range(edges.size):
            above[k] += x > edges[k]
            below[k] += x < -edges[k]


@pytest.mark.parametrize(("dtype", "rounds"), [(np.float32, 8), (np.float64, 4)])
def test_moments_and_tails(dtype: type, rounds: int) -> None:
    edges, per = np.array([1, 2, 3, 4, 4.5, 5]), 1 << 22
    sums, above, below = np.zeros(8), np.zeros(6), np.zeros(6)
    for i in range(rounds):
        z = random.normal(random.fold_in(random.key(4), i), (1, per), dtype=dtype)
        _power_sums(z.ravel(), edges, sums, above, below)
    n = rounds * per

    def moment(k: int) -> float:  # (k - 1)!! for even k
        return 0.0 if k % 2 else float(np.prod(np.arange(k - 1, 0, -2)))

    for k in range(1, 9):
        sigmas(sums[k - 1] / n, moment(k), np.sqrt((moment(2 * k) - moment(k) ** 2) / n))
    for edge, a, b in zip(edges, above, below):
        expected = n * special.ndtr(-edge)
        for count in (a, b):
            if expected > 20:
                sigmas(count, expected, np.sqrt(expected))
            else:
                assert 1e-5 < stats.poisson.cdf(count, expected) < 1 - 1e-5


def hermite(z: np.ndarray) -> np.ndarray:
    """(3, n): Hermite polynomials of the draws, uncorrelated and of variance 1 for independent normals."""
    z = z.ravel().astype(np.float64)
    return np.stack([z, (z * z - 1) / np.sqrt(2), z * (z * z - 3) / np.sqrt(6)])


def uncorrelated(a: np.ndarray, b: np.ndarray) -> None:
    """Each of nine Hermite correlations of two sets of draws is 0 within its error 1/sqrt(n)."""
    worst = np.abs(hermite(a) @ hermite(b).T).max() / np.sqrt(a.size)
    assert worst < SIGMAS, f"{worst:.2f} sigma"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_correlation_across_elements_samples_keys_and_folds(dtype: type) -> None:
    def draw(key: np.ndarray, **where: int) -> np.ndarray:
        return random.normal(key, (256, 2048), dtype=dtype, **where)

    key = random.key(2024)
    z = draw(key)
    for lag in (1, 2, 3, 4, 5, 8, 64, 1024):
        uncorrelated(z[:, lag:], z[:, :-lag])
    for lag in (1, 2, 16, 128):
        uncorrelated(z[lag:], z[:-lag])
    uncorrelated(z, draw(key, sample=2**32))
    uncorrelated(z, draw(key, element0=2**34))
    for other in (2025, 2024 ^ 1 << 31, 2024 ^ 1 << 32, 2024 << 32):
        uncorrelated(z, draw(random.key(other)))
    folds = [draw(random.fold_in(key, n)) for n in (0, 1, 2, 1 << 32, 1 << 63)]
    for i, fold in enumerate(folds):
        uncorrelated(z, fold)
        uncorrelated(fold, folds[i - 1])


def test_words_of_neighbours_differ_in_half_their_bits() -> None:
    w = random.words(random.key(5), (128, 1024))
    for a, b in ((w[1:], w[:-1]), (w[:, 1:], w[:, :-1]), (w, random.words(random.key(4), (128, 1024)))):
        flips = np.unpackbits((a ^ b).view(np.uint8)).mean()
        sigmas(flips, 0.5, 0.5 / np.sqrt(32 * a.size))


@pytest.mark.parametrize("p", [1e-6, 0.01, 0.3, 0.5, 0.999])
def test_bernoulli(p: float) -> None:
    n = 1 << 22
    ones = random.bernoulli(random.fold_in(random.key(6), f"{p}"), p, (1, n))
    assert set(np.unique(ones).tolist()) <= {0, 1}
    if n * p > 20:
        sigmas(float(ones.sum()), n * p, np.sqrt(n * p * (1 - p)))
    else:
        assert 1e-5 < stats.poisson.cdf(ones.sum(), n * p) < 1 - 1e-5


@pytest.mark.parametrize("mean", [1e-4, 0.01, 0.7, 3, 9.99, 10, 12.5, 30, 200, 5e3, 1e6, 1e8, 1.9e9])
def test_poisson(mean: float) -> None:
    n = 1 << 19
    counts = random.poisson(random.key(7), mean, (1, n)).ravel().astype(np.int64)
    sigmas(counts.mean(), mean, np.sqrt(mean / n))
    sigmas(float(((counts - mean) ** 2).mean()), mean, np.sqrt((2 * mean**2 + mean) / n))
    if mean > 1e4:  # spread each count over its step of the distribution: uniform
        few = counts[:50000]
        spread = stats.poisson.cdf(few, mean) - random.uniform(random.key(8), (1, few.size)).ravel() * stats.poisson.pmf(
            few, mean
        )
        assert stats.kstest(spread, "uniform").pvalue > 1e-3
        return
    low, high = stats.poisson.ppf([10 / n, 1 - 10 / n], mean).astype(int)
    if high == low:
        assert counts.max() <= 2
        return
    seen = np.bincount(np.clip(counts, low, high) - low, minlength=high - low + 1)
    p = stats.poisson.pmf(np.arange(low, high + 1), mean)
    p[0], p[-1] = stats.poisson.cdf(low, mean), stats.poisson.sf(high - 1, mean)
    assert stats.chisquare(seen, p / p.sum() * n).pvalue > 1e-3


def test_own_logarithm_and_exponential() -> None:
    pytest.importorskip("numba")
    x = np.exp(np.random.default_rng(0).uniform(-80, 80, 100_000))
    y = np.random.default_rng(1).uniform(0, 10, 100_000)
    logs, exps = _log_and_exp(x, y)
    true = np.log(x.astype(np.longdouble))
    assert (np.abs(logs - true) / np.spacing(np.abs(true).astype(float))).max() < 2
    assert np.abs(exps / np.exp(-y.astype(np.longdouble)) - 1).max() < 4e-16


@njit
def _log_and_exp(x, y):
    logs, exps = np.empty_like(x), np.empty_like(y)
    for i in range(x.size):
        logs[i], exps[i] = draws.log(x[i]), draws.exp_neg(y[i])
    return logs, exps


# ---------------------------------------------------------------------------------------------------------------- other arrays
def test_torch_in_torch_out() -> None:
    torch = pytest.importorskip("torch")
    z = random.normal(KEY, (2, 3), like=torch.zeros(1))
    assert isinstance(z, torch.Tensor)
    assert z.numpy().tobytes() == random.normal(KEY, (2, 3)).tobytes()
    counts = random.poisson(KEY, torch.full((2, 3), 5.0), sample=torch.tensor([4, 2]))
    assert isinstance(counts, torch.Tensor)
    assert counts.numpy().tobytes() == random.poisson(KEY, np.full((2, 3), 5, np.float32), sample=np.array([4, 2])).tobytes()


def test_where_the_draws_are_made(cupy) -> None:
    rows = np.array([5, 0, 2])
    on_cpu = random.normal(KEY, (3, 4), sample=rows)
    for where in ({"like": cupy.empty(0)}, {"sample": cupy.asarray(rows)}, {"like": cupy.empty(0), "sample": cupy.asarray(rows)}):
        z = random.normal(KEY, (3, 4), **{"sample": rows, **where})
        assert isinstance(z, cupy.ndarray)
        assert z.get().tobytes() == on_cpu.tobytes()
    assert isinstance(random.bernoulli(KEY, 0.5, (2, 2), like=cupy.empty(0)), cupy.ndarray)
    assert isinstance(random.poisson(KEY, cupy.asarray(np.ones((2, 2)))), cupy.ndarray)
    assert isinstance(random.permutation(KEY, 5, like=cupy.empty(0)), cupy.ndarray)
    with pytest.raises(DeviceError, match="in one call: move all of them to one device"):
        random.normal(KEY, (3, 4), sample=cupy.asarray(rows), like=np.empty(0))
    with pytest.raises(DeviceError, match="in one call: move all of them to one device"):
        random.poisson(KEY, np.ones((3, 4)), sample=cupy.asarray(rows))


# ------------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random.key(-1), ValueError, r"seed must be an integer from 0 to below 2\^64, got -1"),
        (lambda: random.key(2**64), ValueError, "seed must be an integer"),
        (lambda: random.key(1.0), ValueError, "seed must be an integer .* got 1.0"),
        (lambda: random.key(True), ValueError, "seed must be an integer .* got True"),
        (lambda: random.fold_in(KEY, -3), ValueError, r"n must be an integer from 0 to below 2\^64, got -3"),
        (lambda: random.fold_in(7, 1), TypeError, r"key must be the uint32 \(2,\) array of pnnkern.random.key\(seed\) or .* got 7"),
        (lambda: random.normal(np.zeros(2), (1, 2)), TypeError, r"key must be the uint32 .* got float64 \(2,\)"),
        (lambda: random.normal(None, (1, 2)), TypeError, "key must be the uint32 .* got None"),
        (lambda: random.normal(KEY, ()), ValueError, "shape must have a first axis of samples"),
        (lambda: random.normal(KEY, (2, -1)), ValueError, "each size in shape must be an integer from 0 .* got -1"),
        (lambda: random.normal(KEY, (2, 1.5)), ValueError, "each size in shape must be an integer from 0 .* got 1.5"),
        (lambda: random.normal(KEY, (2, 2), dtype=np.float16), TypeError, "dtype must be float32 or float64, got float16"),
        (lambda: random.uniform(KEY, (2, 2), dtype=int), TypeError, "dtype must be float32 or float64, got int64"),
        (lambda: random.normal(KEY, (2, 2), sample=-1), ValueError, "sample must be an integer from 0 .* got -1"),
        (lambda: random.normal(KEY, (2, 2), sample=2**63 - 2), ValueError, "sample must be an integer from 0 to below 9223372036854775806"),
        (lambda: random.normal(KEY, (2, 2), sample=0.5), TypeError, "sample must be an integer or an array of integers, got float64"),
        (lambda: random.normal(KEY, (2, 2), sample=np.zeros(2)), TypeError, "sample must be an integer or an array of integers, got float64"),
        (lambda: random.normal(KEY, (2, 2), sample=[1, 2, 3]), ValueError, r"one for each of the 2 rows, got shape \(3,\)"),
        (lambda: random.normal(KEY, (2, 2), element0=-1), ValueError, "element0 must be an integer from 0"),
        (lambda: random.normal(KEY, (2, 2), element0=2**61 - 1), ValueError, r"elements must be numbered below 2\^61"),
        (lambda: random.poisson(KEY, 1, (2, 2), element0=2**48), ValueError, r"elements must be numbered below 2\^48"),
        (lambda: random.normal(KEY, (2, 2), like=3), TypeError, "like must be an array, got int"),
        (lambda: random.bernoulli(KEY, 0.5), ValueError, r"a single p needs a shape \(samples, ...\)"),
        (lambda: random.bernoulli(KEY, np.ones(3), (2, 4)), ValueError, r"p of shape \(3,\) does not broadcast to shape \(2, 4\)"),
        (lambda: random.bernoulli(KEY, np.ones((1, 1), complex)), TypeError, "p must be real, got complex128"),
        (lambda: random.poisson(KEY, "bright", (1, 1)), TypeError, "mean must be real, got <U6"),
        (lambda: random.permutation(KEY, -1), ValueError, "n must be an integer from 0"),
        (lambda: random.permutation(KEY, 5, sample=-1), ValueError, "sample must be an integer from 0"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def checked(draw: Callable[[], object]) -> None:
    """Draw, and read the fault words: a GPU reports late."""
    draw()
    pnn.check()


@pytest.mark.parametrize("value", [-1e-6, 1.000001, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("column", [0, 17, 36])
def test_probability_out_of_range(backend, value: float, dtype: type, column: int) -> None:
    p = np.full((2, 37), 0.5, dtype)
    p[1, column] = value
    with pytest.raises(FaultError, match=r"every probability must lie in \[0, 1\]"):
        checked(lambda: random.bernoulli(KEY, backend.array(p)))


@pytest.mark.parametrize("value", [-1e-6, 2.001e9, np.nan, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_out_of_range(backend, value: float, dtype: type) -> None:
    mean = np.full((2, 37), 5, dtype)
    mean[1, 17] = value
    with pytest.raises(FaultError, match=r"every Poisson mean must lie in \[0, 2e9\]"):
        checked(lambda: random.poisson(KEY, backend.array(mean)))


def test_negative_sample_index(backend) -> None:
    like, rows = backend.array(np.empty(0)), backend.array(np.array([3, -1, 2]))
    for draw in (
        lambda: random.words(KEY, (3, 5), sample=rows, like=like),
        lambda: random.uniform(KEY, (3, 5), sample=rows, like=like),
        lambda: random.normal(KEY, (3, 5), sample=rows, dtype=np.float64, like=like),
        lambda: random.bernoulli(KEY, 0.5, (3, 5), sample=rows, like=like),
        lambda: random.poisson(KEY, 2.0, (3, 5), sample=rows, like=like),
    ):
        with pytest.raises(FaultError, match="every sample index must be 0 or more"):
            checked(draw)


@pytest.mark.parametrize("draw", [random.words, random.uniform, random.normal, random.bernoulli, random.poisson])
def test_few_draws_are_made_as_many_are(draw: Any) -> None:
    """Calls that are small enough for one thread give the bits of one that is not."""
    chance = np.linspace(0, 1, 5000, dtype=np.float32)
    many = np.broadcast_to(chance, (8, 5000))
    given = draw in (random.bernoulli, random.poisson)
    whole = draw(KEY, np.ascontiguousarray(many)) if given else draw(KEY, (8, 5000))
    for s in range(8):
        part = draw(KEY, chance[None], sample=s) if given else draw(KEY, (1, 5000), sample=s)
        assert np.array_equal(part[0], whole[s])
