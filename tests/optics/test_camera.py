"""The camera: laws of its noise, its clipping and its levels; derivatives by the noise that was drawn."""

import numpy as np
import pytest
from scipy import stats

import pnnkern as pnn
from pnnkern.optics import Camera, detect, detect_vjp
from pnnkern.testing import check_split, check_vjp

KEY = pnn.random.key(4)


def test_ideal_camera_returns_the_light(backend, rng: np.random.Generator) -> None:
    light = rng.random((3, 5, 7)).astype(np.float32)
    assert np.array_equal(backend.numpy(detect(backend.array(light), Camera())), light)


@pytest.mark.parametrize("mean", [0.3, 4.0, 700.0])
def test_shot_noise_is_poisson(backend, mean: float) -> None:
    light = np.full((50, 1000), mean / 80)
    counts = backend.numpy(detect(backend.array(light), Camera(photons=80.0), key=KEY)) * 80
    assert np.allclose(counts, np.rint(counts), atol=1e-6)
    counts = np.rint(counts).astype(int)
    assert abs(counts.mean() - mean) < 4.5 * np.sqrt(mean / counts.size)
    low, high = stats.poisson.ppf([1e-3, 1 - 1e-3], mean).astype(int)
    edges = np.unique(np.linspace(low, high, 12).astype(int))
    cumulative = np.r_[0, stats.poisson.cdf(edges, mean), 1]
    seen = np.histogram(counts, np.r_[-1, edges, np.inf] + 0.5)[0]
    assert stats.chisquare(seen, np.diff(cumulative) * counts.size).pvalue > 1e-3


def test_read_noise_is_normal(backend) -> None:
    camera = Camera(photons=1e4, read_noise=30.0)
    light = np.zeros((40, 2000))
    got = backend.numpy(detect(backend.array(light), camera, key=KEY)).ravel() * 1e4 / 30
    assert stats.kstest(got, "norm").pvalue > 1e-3
    silent = backend.numpy(detect(backend.array(light), Camera(photons=1e4), key=KEY))
    assert not silent.any()  # no light, no shot noise


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_levels_and_saturation(backend, dtype: str) -> None:
    """bits = 3, full well 70: levels 0, 10, ..., 70; ties to even, as IEEE rounds."""
    light = np.array([[-3, 0, 4.9, 5.0, 5.1, 15.0, 34, 36, 69, 71, 1e6]], dtype)
    got = backend.numpy(detect(backend.array(light), Camera(full_well=70.0, bits=3)))
    assert got.dtype == dtype
    assert np.allclose(got, [[0, 0, 0, 0, 10, 20, 30, 40, 70, 70, 70]])
    assert np.allclose(backend.numpy(detect(backend.array(light), Camera(full_well=70.0)))[0, [0, 2, -1]], [-3, 4.9, 70])


@pytest.mark.parametrize(
    "camera", [Camera(photons=50.0), Camera(read_noise=0.1), Camera(photons=9.0, read_noise=2.0, full_well=40.0, bits=6)]
)
def test_any_split_reads_the_same(backend, camera: Camera, rng: np.random.Generator) -> None:
    check_split(detect, backend.array(rng.random((7, 5, 6)).astype(np.float32)), camera, key=KEY, sample=11)


def test_two_kinds_of_noise_are_independent() -> None:
    light = np.full((200, 500), 1.0)
    shot = detect(light, Camera(photons=1e4), key=KEY) - light
    read = detect(light, Camera(photons=1e4, read_noise=100.0), key=KEY) - light - shot
    assert abs(np.corrcoef(shot.ravel(), read.ravel())[0, 1]) < 4.5 / np.sqrt(light.size)


def test_straight_through_derivative(backend, rng: np.random.Generator) -> None:
    light, g = rng.uniform(-10, 90, (4, 6)), rng.standard_normal((4, 6))
    got = backend.numpy(detect_vjp(backend.array(g), backend.array(light), Camera(full_well=70.0, bits=3)))
    assert np.array_equal(got, g * ((light >= 0) & (light <= 70)))
    check_vjp(detect, detect_vjp, backend.array(light), Camera(full_well=70.0), wrt="light", steps=1e-4)


def test_pathwise_derivative_is_that_of_the_mean_loss() -> None:
    """d/dm E[n^2] = d/dm (m + m^2) = 1 + 2m, of which "mean" sees 2m only."""
    m, n = 6.0, 400_000
    light = np.full((n, 1), m)
    camera = Camera(photons=1.0)
    reading = detect(light, camera, key=KEY)
    for shot, expected in (("pathwise", 1 + 2 * m), ("mean", 2 * m)):
        slopes = detect_vjp(2 * reading, light, camera, key=KEY, shot=shot)
        assert slopes.mean() == pytest.approx(expected, abs=4.5 * slopes.std() / np.sqrt(n))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: detect(np.ones((2, 3)), Camera(photons=10.0)), ValueError, r"has noise, which needs a key: key=pnnkern.random.key\(seed\)"),
        (lambda: detect(np.ones((2, 3)), Camera(read_noise=1.0)), ValueError, "has noise, which needs a key"),
        (lambda: detect(np.ones((2, 3), complex), Camera()), TypeError, "light must be an array of float32 or float64, got complex128"),
        (lambda: detect(-np.ones((2, 3)), Camera(photons=10.0), key=KEY), ValueError, r"every Poisson mean must lie in \[0, 2e9\]"),
        (lambda: Camera(bits=0, full_well=1.0), ValueError, "bits must be an integer from 1 to 24, got 0"),
        (lambda: Camera(bits=8), ValueError, "bits = 8 needs full_well"),
        (lambda: Camera(photons=-1.0), ValueError, "photons must be one positive, finite number"),
        (lambda: Camera(read_noise=-1.0), ValueError, "read_noise must be finite and not negative"),
        (lambda: detect_vjp(np.ones((2, 3)), np.ones((2, 3)), Camera(), shot="none"), ValueError, "shot must be 'pathwise' or 'mean'"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
