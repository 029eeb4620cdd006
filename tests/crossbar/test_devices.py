"""Conductance devices: programming, drift, relaxation and reading against the published fits, written out here in microsiemens."""

import numpy as np
import pytest
from scipy import stats

import pnnkern as pnn
from pnnkern.crossbar import DEVICES, Custom, device, drift, drift_compensation, flicker, program

KEY = pnn.random.key(31)
CELLS = 40_000
SIGMAS = 4.5


def pcm_sigma(g: float) -> float:
    r = g / 25
    return 0.26348 + 1.9650 * r - 1.1731 * r * r


def joshi_sigma(g: float) -> float:
    return -0.00178767 * g * g + 0.07585724 * g + 0.28638599


def hermes_sigma(g: float) -> float:
    r = g / 20.7
    return 0.16603222 + 4.71806468 * r - 8.48101252 * r**2 + 4.68961419 * r**3


def wan_sigma(g: float) -> float:
    r = g / 40
    return 0.348 + 16.030 * r - 43.853 * r**2 + 45.393 * r**3 - 16.815 * r**4


PROGRAMMING = [
    ("pcm", 20.0, pcm_sigma), ("pcm", 5.0, pcm_sigma), ("pcm-joshi", 20.0, joshi_sigma), ("pcm-hermes", 12.0, hermes_sigma),
    ("pcm-hermes-single", 6.0, lambda g: 0.15781817 + 2.32443916 * (g / 10.35) - 2.16310839 * (g / 10.35) ** 2 + 0.68841818 * (g / 10.35) ** 3),
    ("reram", 50.0, lambda g: 0.0112185391 + 0.01129027418 * g), ("rram", 25.0, wan_sigma),
    ("rram-cubic", 25.0, lambda g: 1.053 + 0.2374 * g - 0.01167 * g**2 + 1.536e-4 * g**3),
    ("rram-milo", 150.0, lambda g: 4.782321 - 0.009107 * g), ("sonos", 8.0, lambda g: 0.1988665 * (1 - np.exp(-g / 1.763115))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "g", "sigma"), PROGRAMMING)
def test_programming_noise_is_the_published_one(name: str, g: float, sigma) -> None:
    got = program(np.full(CELLS, g * 1e-6), name, key=KEY) * 1e6
    expected = sigma(g)
    assert abs(got.mean() - g) < SIGMAS * expected / np.sqrt(CELLS)
    assert abs(got.std() / expected - 1) < SIGMAS / np.sqrt(2 * CELLS)
    assert stats.kstest((got - g) / expected, "norm").pvalue > 1e-3


def test_every_device_is_among_the_tested() -> None:
    assert {name for name, _, _ in PROGRAMMING} | {"ideal"} == set(DEVICES)


def test_programming_noise_scales_with_the_range() -> None:
    half = pnn.crossbar.PCM(g_max=12.5e-6)
    assert half.programming_noise(np.array([10e-6]))[0] == pytest.approx(pcm_sigma(20.0) / 2 * 1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_programming_on_every_backend(backend, dtype: str) -> None:
    """The definition: max(target + sigma z, 0), z the normals of the key folded with the purpose."""
    target = np.linspace(0, 25e-6, 143).reshape(11, 13).astype(dtype)
    got = backend.numpy(program(backend.array(target), "pcm", key=KEY, sample=3))
    z = pnn.random.normal(pnn.random.fold_in(KEY, "programming"), (1, 143), sample=3, dtype=dtype).reshape(11, 13).astype(float)
    r = target.astype(float) / 25e-6
    expected = np.maximum(target + (0.26348 + 1.9650 * r - 1.1731 * r * r) * 1e-6 * z, 0)
    assert got.dtype == dtype
    assert np.allclose(got, expected, rtol=0, atol=25e-6 * (4e-7 if dtype == "float32" else 1e-15))
    assert (got == 0).any()  # some of the cells asked for next to nothing


def test_attempts_and_keys_differ() -> None:
    target = np.full((50, 40), 10e-6, np.float32)
    first = program(target, key=KEY)
    assert np.array_equal(first, program(target, key=KEY))
    others = [program(target, key=KEY, sample=1), program(target, key=pnn.random.key(32))]
    for other in others:
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < SIGMAS / np.sqrt(first.size)


# ----------------------------------------------------------------------------------------------------------------------- drift
@pytest.mark.parametrize("g", [0.5, 6.0, 20.0])
def test_drift_exponents_are_the_published_ones(g: float) -> None:
    r = g / 25
    mean = np.clip(-0.0155 * np.log(r) + 0.0244, 0.049, 0.1)
    std = np.clip(-0.0125 * np.log(r) - 0.0059, 0.008, 0.045)
    got = drift(np.full(CELLS, g * 1e-6), time=3600.0, key=KEY)
    nu = -np.log(got / (g * 1e-6)) / np.log((3600 + 20) / 20)
    folded = stats.foldnorm(mean / std, scale=std)
    assert stats.kstest(nu, folded.cdf).pvalue > 1e-3
    assert abs(nu.mean() - folded.mean()) < SIGMAS * std / np.sqrt(CELLS)


def test_hermes_exponents() -> None:
    mean, std = device("pcm-hermes").exponents(np.array([0.2 * 20.7e-6, 0.05 * 20.7e-6, 0.8 * 20.7e-6]))
    assert np.allclose(
        mean, [-0.0436 * 0.04 - 0.0126 * 0.2 + 0.0736, -0.0387 * np.log(0.05) - 0.0182, -0.0436 * 0.64 - 0.0126 * 0.8 + 0.0736]
    )
    assert np.allclose(
        std, [-0.0117 * np.log(0.2) - 0.0057, -0.0117 * np.log(0.05) - 0.0057, -0.0118 * 0.64 + 0.0093 * 0.8 + 0.0073]
    )
    _, std = device("pcm-hermes-single").exponents(np.array([0.5 * 10.35e-6]))
    assert np.allclose(std, -0.0165 * 0.25 + 0.0116 * 0.5 + 0.0104)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_drift_on_every_backend(backend, dtype: str) -> None:
    G = np.linspace(1e-9, 25e-6, 150).reshape(10, 15).astype(dtype)
    got = backend.numpy(drift(backend.array(G), time=1000.0, key=KEY, sample=2))
    r = G.astype(float) / 25e-6
    z = pnn.random.normal(pnn.random.fold_in(KEY, "drift"), (1, 150), sample=2, dtype=dtype).reshape(10, 15)
    mean, std = np.clip(-0.0155 * np.log(r) + 0.0244, 0.049, 0.1), np.clip(-0.0125 * np.log(r) - 0.0059, 0.008, 0.045)
    expected = G * 51.0 ** -np.abs(mean + std * z)
    assert got.dtype == dtype
    assert np.allclose(got, expected, rtol=3e-6 if dtype == "float32" else 1e-13, atol=0)


def test_same_key_is_the_same_history() -> None:
    """One exponent for each cell at all times: log G falls on one line through the programmed state."""
    G = program(np.full((30, 40), 12e-6), key=KEY)
    exponents = [-np.log(drift(G, time=t, key=KEY) / G) / np.log1p(t / 20.0) for t in (1.0, 60.0, 86400.0, 3e7)]
    for nu in exponents[1:]:
        assert np.allclose(nu, exponents[0], rtol=1e-12)
    assert np.array_equal(drift(G, time=0.0, key=KEY), G)
    assert not np.allclose(-np.log(drift(G, time=60.0, key=KEY, sample=1) / G) / np.log(4.0), exponents[0])
    again = drift(drift(G, time=60.0, key=KEY), time=60.0, key=KEY)  # drifting twice is not drifting longer
    assert not np.allclose(again, drift(G, time=120.0, key=KEY), rtol=1e-3)


def test_exponents_follow_the_target_if_it_is_given() -> None:
    target = np.full(CELLS, 2e-6)
    G = program(target, key=KEY)
    nu = -np.log(drift(G, time=3600.0, key=pnn.random.key(5), target=target)[G > 0] / G[G > 0]) / np.log(181.0)
    mean, std = -0.0155 * np.log(0.08) + 0.0244, -0.0125 * np.log(0.08) - 0.0059
    assert stats.kstest(nu, stats.foldnorm(mean / std, scale=std).cdf).pvalue > 1e-3


@pytest.mark.parametrize(("time", "shift", "spread"), [
    (3600.0, -0.08900206 * np.log(3600.0), 0.04201137 * np.log(3600.0) + 0.41183342), (0.5, 0.0, 0.41183342),
])  # fmt: skip
def test_reram_relaxes_with_the_logarithm_of_time(time: float, shift: float, spread: float) -> None:
    moved = (drift(np.full(CELLS, 40e-6), time=time, device="reram", key=KEY) - 40e-6) * 1e6
    assert abs(moved.mean() - shift) < SIGMAS * spread / np.sqrt(CELLS)
    assert abs(moved.std() / spread - 1) < SIGMAS / np.sqrt(2 * CELLS)


@pytest.mark.parametrize(("name", "time", "sigma"), [
    ("rram", 86400.0, lambda r: 0.701 + 22.086 * r - 50.773 * r**2 + 47.095 * r**3 - 16.458 * r**4),
    ("rram", 2 * 86400.0, lambda r: 0.782 + 20.274 * r - 43.507 * r**2 + 37.062 * r**3 - 11.934 * r**4),
    ("sonos", 3 * 86400.0, lambda r: 0.3104318 * (1 - np.exp(-r * 40 / 1.9890332))),
    ("sonos", 1.5 * 86400.0, lambda r: 0.27159275 * (1 - np.exp(-r * 40 / 1.9021189))),
])  # fmt: skip
def test_spread_at_a_time_is_the_measured_one(name: str, time: float, sigma) -> None:
    """Programming and relaxation together, from the target."""
    target = np.full(CELLS, 0.3 * 40e-6)
    later = drift(program(target, name, key=KEY), time=time, device=name, key=KEY, target=target) * 1e6
    assert abs(later.std() / sigma(0.3) - 1) < SIGMAS / np.sqrt(2 * CELLS)
    assert abs(later.mean() - 12.0) < SIGMAS * sigma(0.3) / np.sqrt(CELLS)


def test_devices_without_drift_stay() -> None:
    G = np.full((3, 4), 100e-6)
    later = drift(G, time=1e6, device="rram-milo")
    assert np.array_equal(later, G)
    assert later is not G


# --------------------------------------------------------------------------------------------------------------------- reading
def test_read_noise_is_the_published_one() -> None:
    G, time = np.array([20e-6, 1e-6, 1e-9]), 3600.0
    q = np.minimum(0.0088 / (G / 25e-6) ** 0.65, 0.2)
    root = np.sqrt(np.log((time + 20 + 250e-9) / 500e-9))
    assert np.allclose(device("pcm").read_noise(G, time), G * q * root, rtol=1e-12)
    assert np.allclose(device("pcm").read_noise(G / 2, time, programmed=G), G / 2 * q * root, rtol=1e-12)
    r, root = 0.5, np.sqrt(np.log((10 + 300 + 512e-9) / 1024e-9))
    q = 0.0069 * r**3 - 0.0280 * r**2 + 0.0211 * r + 0.0123
    assert np.allclose(device("pcm-hermes").read_noise(np.array([r * 20.7e-6]), 10.0), r * 20.7e-6 * q * root)
    low = -0.0117 * np.log(0.1) - 0.0069
    assert np.allclose(device("pcm-hermes").read_noise(np.array([0.1 * 20.7e-6]), 10.0), 0.1 * 20.7e-6 * low * root)
    sigma = 0.0277316483 * np.log10(50.0) * np.sqrt(np.log((100 + 1e-6) / 2e-6)) * 1e-6
    assert np.allclose(device("reram").read_noise(np.array([50e-6]), 100.0), sigma)
    assert np.allclose(device("sonos").read_noise(np.array([8e-6]), 0.0), 12.58037e-8 * (1 - np.exp(-800 / 215.36557)))
    assert np.allclose(device("rram").read_noise(np.array([8e-6])), 8e-8)


def test_flicker_is_frozen_read_noise(backend) -> None:
    G = np.full((100, 200), 10e-6, np.float32)
    got = backend.numpy(flicker(backend.array(G), time=60.0, programmed=backend.array(G), key=KEY)).astype(float)
    sigma = 10e-6 * 0.0088 / 0.4**0.65 * np.sqrt(np.log(80 / 500e-9))
    assert abs(got.std() / sigma - 1) < SIGMAS / np.sqrt(2 * G.size)
    assert np.array_equal(got, backend.numpy(flicker(backend.array(G), time=60.0, programmed=backend.array(G), key=KEY)))


def test_your_own_device() -> None:
    mine = Custom(
        g_max=1e-3, programming=lambda g: 0.1 * g, exponent=lambda g: (0.5, 0.0), t0=2.0, relaxed=lambda g, t: (1e-6 * t, 0.0),
        reading=lambda g, t: 0.01 * g,
    )  # fmt: skip
    G = np.full((200, 100), 1e-4)
    assert abs(program(G, mine, key=KEY).std() / 1e-5 - 1) < SIGMAS / np.sqrt(2 * G.size)
    assert np.allclose(drift(G, time=6.0, device=mine, key=KEY), 1e-4 / 2 + 6e-6)
    assert np.allclose(mine.read_noise(G, 1.0), 1e-6)
    assert np.array_equal(program(G, "ideal" if G.max() < 25e-6 else Custom(g_max=1e-3)), G)  # nothing random, no key


# ---------------------------------------------------------------------------------------------------------------- compensation
def test_compensation_undoes_common_drift_exactly(rng: np.random.Generator) -> None:
    G, V = rng.random((20, 6)), rng.random((15, 20))
    left = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.0])
    for twice, estimator in ((lambda I: np.stack([I, I]), "two-reads"), (lambda I: I, "absolute")):
        assert np.allclose(drift_compensation(twice(V @ G), twice(V @ (0.7 * G)), estimator=estimator), [1 / 0.7])
        factors = drift_compensation(twice(V @ G), twice(V @ (G * left)), per_column=True, estimator=estimator)
        assert np.allclose(factors, [1 / 0.9, 1 / 0.8, 1 / 0.7, 1 / 0.6, 2.0, 1.0])


def test_compensation_lessens_the_error_of_drifted_products(rng: np.random.Generator) -> None:
    G = program(rng.uniform(0, 25e-6, (200, 30)), key=KEY)
    later = drift(G, time=86400.0, key=KEY)
    V = rng.uniform(0, 0.2, (50, 200))
    errors = [
        np.abs(V @ later * factor - V @ G).mean()
        for factor in (
            1.0, *(drift_compensation(np.stack([V @ G] * 2), np.stack([V @ later] * 2), per_column=each) for each in (False, True))
        )
    ]
    assert errors[1] < errors[0] / 5
    assert errors[2] < errors[1]


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: program(np.array([1e-6]), "pmc", key=KEY), ValueError, "no conductance device is called 'pmc': the nearest is 'pcm'"),
    (lambda: program(np.array([30e-6]), key=KEY), ValueError, "target must lie in the device's range 0 to 2.5e-05 S, got 3e-05 to 3e-05 S"),
    (lambda: program(np.array([1e-6]), "rram-milo", key=KEY), ValueError, "target must lie in the device's range 5e-05 to 0.000225 S"),
    (lambda: program(np.array([-1e-6]), key=KEY), ValueError, "target must not be negative or NaN"),
    (lambda: program(np.array([np.nan]), key=KEY), ValueError, "target must not be negative or NaN"),
    (lambda: program(np.array([1e-6])), ValueError, "programming is random, which needs a key: key=pnnkern.random.key"),
    (lambda: program(np.array([1]), key=KEY), TypeError, "target must be an array of float32 or float64"),
    (lambda: program(np.array([1e-6]), key=KEY, sample=-1), ValueError, "sample must be an integer from 0"),
    (lambda: drift(np.array([1e-6]), time=-1.0, key=KEY), ValueError, "time must be finite and 0 or more"),
    (lambda: drift(np.array([1e-6]), time=np.nan, key=KEY), ValueError, "time must be finite and 0 or more"),
    (lambda: drift(np.array([1e-6]), time=1.0), ValueError, "drift is random, which needs a key"),
    (lambda: drift(np.array([1e-6]), time=1.0, key=KEY, target=np.ones(2)), ValueError, "target must be like G"),
    (lambda: flicker(np.array([1e-6]), time=0.0), ValueError, "flicker is random, which needs a key"),
    (lambda: drift_compensation(np.ones((2, 3)), np.ones((2, 3))), ValueError, r"must be \(2, tests, n_out\), each read twice"),
    (lambda: drift_compensation(np.ones((3, 2, 3)), np.ones((3, 2, 3))), ValueError, r"before and after must be \(2, tests, n_out\)"),
    (lambda: drift_compensation(np.ones((2, 3)), np.ones((3, 3)), estimator="absolute"), ValueError, r"must be \(tests, n_out\) of the same"),
    (lambda: drift_compensation(np.ones((2, 3)), np.ones((2, 3)), estimator="mean"), ValueError, "one of two-reads, absolute, got 'mean'"),
    (lambda: drift(np.array([1e-6]), time=1.0, key=KEY, stuck=np.ones(1)), ValueError, r"stuck must be boolean like G \(1,\), got float64"),
    (lambda: flicker(np.array([1e-6]), time=1.0, key=KEY), ValueError, "read noise of PCM goes by the conductances that were programmed"),
    (lambda: flicker(np.array([1e-6]), time=1.0, key=KEY, programmed=np.ones(2)), ValueError, r"programmed must have the shape \(1,\) of G"),
    (lambda: pnn.crossbar.PCM(g_min=1.0), ValueError, "a device needs 0 <= g_min < g_max"),
    (lambda: pnn.crossbar.RRAM(times=(2.0, 1.0)), ValueError, "times must increase, one for each of the 3 spreads"),
])  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
