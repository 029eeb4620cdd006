"""Pulsed devices whose steps are functions of a user: against the built-in devices, and pulses one after another in float64."""

import numpy as np
import pytest

from pnnkern import ScalarFunction, random
from pnnkern._errors import FaultError
from pnnkern.crossbar import FunctionStep, LinearStep, apply_pulses, clip_weights, device_cells, pulse_update, symmetry_point

KEY = random.key(3)
UP = ScalarFunction(lambda w, low, high, gamma=1.0: 1 - gamma * w / high, cuda="1 - gamma * w / high")
DOWN = ScalarFunction(lambda w, low, high, gamma=1.0: 1 - gamma * w / low, cuda="1 - gamma * w / low")


def devices(gamma_up: float, gamma_down: float, **settings: float) -> tuple[FunctionStep, LinearStep]:
    """The same device, by functions and as it is built in."""
    own = FunctionStep(up=UP.with_constants(gamma=gamma_up), down=DOWN.with_constants(gamma=gamma_down), **settings)
    return own, LinearStep(gamma_up=gamma_up, gamma_down=gamma_down, gamma_dtod=0.0, **settings)


@pytest.mark.parametrize("gammas", [(1.0, 1.0), (0.3, 0.8)], ids=["soft bounds", "two constants"])
def test_as_the_built_in_device(backend, gammas: tuple[float, float], rng: np.random.Generator) -> None:
    """Products of float32 come in another order: to a few last bits of a weight."""
    own, built_in = devices(*gammas, step=0.02, w_max=0.7)
    w = clip_weights(rng.normal(0, 0.2, (9, 7)).astype(np.float32), device=built_in, key=KEY)
    x, d = rng.normal(0, 1, (40, 9)).astype(np.float32), rng.normal(0, 1, (40, 7)).astype(np.float32)
    right = pulse_update(w, x, d, device=built_in, lr=0.03, key=KEY)
    found = backend.numpy(pulse_update(backend.array(w), backend.array(x), backend.array(d), device=own, lr=0.03, key=KEY))
    assert np.abs(found - right).max() < 3e-7 < 0.1 < np.abs(right - w).max()
    parts = backend.array(w)
    for part in (slice(0, 13), slice(13, 40)):  # the batch in two calls: the same bits
        parts = pulse_update(parts, backend.array(x[part]), backend.array(d[part]), device=own, lr=0.03, key=KEY, sample=part.start)
    assert np.array_equal(backend.numpy(parts), found)
    counts = rng.integers(-40, 40, w.shape).astype(np.int32)
    counts[0, :2] = 3000, -3000  # rounds of pulses, to the bounds
    right = apply_pulses(w, counts, device=built_in, key=KEY)
    found = backend.numpy(apply_pulses(backend.array(w), backend.array(counts), device=own, key=KEY))
    assert np.abs(found - right).max() < 1e-6
    like = backend.array(w)
    points = [backend.numpy(symmetry_point(device, (5, 4), key=KEY, like=like)) for device in (own, built_in)]
    assert np.abs(points[0] - points[1]).max() < 1e-7


def test_a_law_that_is_not_built_in(backend, rng: np.random.Generator) -> None:
    """Steps that shrink by the square of the distance, no randomness: the recurrence, pulse after pulse in float64. Negative steps are none."""
    quiet = {"step_dtod": 0.0, "noise": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}
    device = FunctionStep(
        up=ScalarFunction(
            lambda w, low, high: ((high - w) / (high - low)) ** 2, cuda="real part = (high - w) / (high - low);\nreturn part * part;"
        ),
        down=ScalarFunction(lambda w, low, high, a, b: a * (w - low) - b, constants={"a": 2.0, "b": 0.8}, cuda="a * (w - low) - b"),
        step=0.05, w_max=0.9, w_min=-0.4, **quiet,
    )  # fmt: skip
    w = rng.uniform(-0.4, 0.9, (5, 6)).astype(np.float32)
    counts = rng.integers(-60, 60, w.shape).astype(np.int32)
    right = w.astype(float)
    for at, count in np.ndenumerate(counts):
        for _ in range(abs(count)):
            step = ((0.9 - right[at]) / 1.3) ** 2 if count > 0 else -max(2 * (right[at] + 0.4) - 0.8, 0)
            right[at] = np.clip(right[at] + 0.05 * step, -0.4, 0.9)
    found = backend.numpy(apply_pulses(backend.array(w), backend.array(counts), device=device, key=KEY))
    assert np.abs(found - right).max() < 2e-6
    up, down = device.response(np.float64([[0.25]]), device_cells(device, (1, 1), key=KEY))
    assert [float(up[0, 0]), float(down[0, 0])] == pytest.approx([0.05 * 0.25, 0.05 * 0.5], rel=1e-6)


def test_a_weight_that_becomes_nan_is_found_at_the_next_pulse() -> None:
    root = ScalarFunction(lambda w, low, high: (high - w) ** 0.5 if w < 0.05 else (w - 1.0) ** 0.5, between=((-1, 0), (-1, 0), (0.5, 1)))
    device = FunctionStep(up=root, down=root, step=0.02)
    w = apply_pulses(np.zeros((1, 1), np.float32), np.full((1, 1), 20, np.int32), device=device, key=KEY)
    assert np.isnan(w).all()
    with pytest.raises(FaultError, match="a weight is NaN or outside the range of its cell"):
        apply_pulses(w, np.ones((1, 1), np.int32), device=device, key=KEY)


@pytest.mark.parametrize(
    ("up", "said"),
    [
        (np.sinh, "^up must be a pnnkern.ScalarFunction of w, low and high, one for all cells, got ufunc$"),
        (ScalarFunction(lambda w: w), r"^up must be a function of w, low, high \(and constants, with values\), got one of w: "),
    ],
)
def test_what_is_no_step(up: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        FunctionStep(up=up, down=DOWN)  # type: ignore[arg-type]


def test_its_numbers_are_checked_as_of_all_devices() -> None:
    with pytest.raises(ValueError, match="step of a pulsed device must be positive, got -1"):
        FunctionStep(up=UP, down=DOWN, step=-1)


def test_one_function_for_both_ways() -> None:
    assert FunctionStep(up=UP) == FunctionStep(up=UP, down=UP) != FunctionStep(up=UP, down=DOWN)
    quiet = {"step_dtod": 0.0, "noise": 0.0, "up_down": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}
    device = FunctionStep(up=UP, step=0.02, w_max=0.7, **quiet)
    up, down = device.response(np.float64([[0.35]]), device_cells(device, (1, 1), key=KEY))
    assert [float(up[0, 0]), float(down[0, 0])] == pytest.approx([0.01, 0.01], rel=1e-6)
