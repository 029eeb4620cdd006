"""`PiecewiseStep.of`: devices by measured trains of pulses and by functions, against the law that made the trains."""

from collections.abc import Callable

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import crossbar
from pnnkern.crossbar import PiecewiseStep

KEY = pnn.random.key(17)
QUIET = {"step_dtod": 0.0, "noise": 0.0, "up_down_dtod": 0.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}
LOW, HIGH = 2e-6, 30e-6  # siemens
LAWS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {  # what one pulse makes of a conductance, up and down
    "soft": (lambda g: g + 6e-7 * (HIGH - g) / (HIGH - LOW), lambda g: g - 8e-7 * (g - LOW) / (HIGH - LOW)),
    "hard": (lambda g: min(g + 2e-7, HIGH), lambda g: max(g - 3e-7, LOW)),  # both trains end flat
    "exponential": (lambda g: g + 1e-6 * np.exp(-(g - LOW) / 6e-6), lambda g: g - 1e-6 * np.exp((g - HIGH) / 6e-6)),
}


def train(start: float, pulses: int, law: Callable[[float], float]) -> np.ndarray:
    values = [start]
    for _ in range(pulses):
        values.append(law(values[-1]))
    return np.array(values)


def replayed(backend, device: PiecewiseStep, start: float, pulses: int, sign: int) -> np.ndarray:
    """Weights after each pulse."""
    w, one, found = backend.array(np.full((1, 1), start, np.float32)), backend.array(np.full((1, 1), sign, np.int32)), []
    for _ in range(pulses):
        w = crossbar.apply_pulses(w, one, device=device, key=KEY)
        found.append(backend.numpy(w).item())
    return np.array(found)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("noise", [0.0, 5e-8])
def test_measured_trains_come_back(backend, law: str, noise: float, rng: np.random.Generator) -> None:
    """300 pulses up and 170 down, in siemens; the device repeats them to 1.5 % of its range."""
    up = train(LOW, 300, LAWS[law][0])
    down = train(up[-1], 170, LAWS[law][1])
    seen = [t + noise * rng.standard_normal(len(t)) for t in (up, down)]
    device = PiecewiseStep.of(*seen, **QUIET)
    low, high = min(t.min() for t in seen), max(t.max() for t in seen)
    for t, sign in ((up, 1), (down, -1)):
        weights = (-0.6 + 1.2 * (t - low) / (high - low)).clip(-0.6, 0.6)
        got = replayed(backend, device, weights[0], len(t) - 1, sign)
        assert np.abs(got - weights[1:]).max() < 0.015 * 1.2


def test_a_saturated_device_does_not_move() -> None:
    device = PiecewiseStep.of(train(LOW, 300, LAWS["hard"][0]), train(HIGH, 170, LAWS["hard"][1]), **QUIET)
    assert (device.up[-1], device.down[0]) == (0, 0)
    inside = 1.2 * 2e-7 / (HIGH - LOW) / device.step
    np.testing.assert_allclose(device.up[:-1], inside, rtol=1e-6)
    np.testing.assert_allclose(device.down[1:], 1.5 * inside, rtol=1e-6)


def test_trains_in_weights_and_within_given_conductances() -> None:
    trains = train(LOW, 300, LAWS["soft"][0]), train(HIGH, 170, LAWS["soft"][1])
    siemens = PiecewiseStep.of(*trains, conductances=(0.0, 40e-6), w_min=-1.0, w_max=1.0, **QUIET)
    weights = PiecewiseStep.of(*(t / 20e-6 - 1 for t in trains), conductances=None, w_min=-1.0, w_max=1.0, **QUIET)
    assert siemens.up[0] == siemens.up[3]  # below the start of the train: as at its start
    assert siemens.up[-1] == 0  # where it has never been
    assert siemens.down[-1] == siemens.down[-9]
    assert (weights.w_min, weights.w_max) == (-1.0, 1.0)
    at = -0.1  # 18 uS of 0 to 40, and of the trains' own range
    law = 1.0 / 20e-6 * 6e-7 * (HIGH - 18e-6) / (HIGH - LOW)
    assert np.interp(at, np.linspace(-1, 1, 65), siemens.up) * siemens.step == pytest.approx(law, rel=0.02)


def test_functions_of_conductances(backend) -> None:
    """The same device by functions of siemens as by functions of weights."""
    device = PiecewiseStep.of(lambda g: 3e-7 * (1 - g / 40e-6), lambda g: 2e-7 + 0 * g, conductances=(1e-6, 25e-6), **QUIET)
    same = PiecewiseStep.of(
        lambda w: 3e-7 * (1 - (13e-6 + w * 20e-6) / 40e-6) / 20e-6, lambda w: 2e-7 / 20e-6 + 0 * w, **QUIET
    )
    for side in ("up", "down"):
        np.testing.assert_allclose(getattr(device, side), getattr(same, side), rtol=1e-9)
    assert device.step == pytest.approx(same.step)
    np.testing.assert_allclose(replayed(backend, device, 0.0, 3, -1), -0.01 * np.arange(1, 4), rtol=1e-5)


@pytest.mark.parametrize(
    ("up", "down", "step"),
    [
        (lambda w: np.where(w >= 0, 0.0, 0.01), lambda w: np.where(w <= 0, 0.0, 0.02), 0.02),  # none at weight 0: the largest
        (lambda w: 0.01 * (1 - w / 0.6).clip(0, 1), lambda w: 0.01 * (1 + w / 0.6).clip(0, 1), 0.01),
        (lambda w: 0.01, lambda w: np.where(w < 0.0, 0.0, 0.01), 0.01),
    ],
)
def test_flat_ends_of_functions(up, down, step: float) -> None:
    device = PiecewiseStep.of(up, down, nodes=9, **QUIET)
    assert device.step == pytest.approx(step)
    w = np.linspace(-0.6, 0.6, 9)
    np.testing.assert_allclose(np.array(device.up) * step, np.broadcast_to(up(w), 9), atol=1e-15)
    np.testing.assert_allclose(np.array(device.down) * step, np.broadcast_to(down(w), 9), atol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PiecewiseStep.of(lambda w: 0 * w, lambda w: 0 * w), "zero everywhere cannot be written"),
        (lambda: PiecewiseStep.of(lambda w: -0.01 + 0 * w, lambda w: 0.01), "steps up must be finite and 0 or more, got -0.01 to -0.01"),
        (lambda: PiecewiseStep.of(lambda w: 0.01, lambda w: np.nan * w), "steps down must be finite and 0 or more"),
        (lambda: PiecewiseStep.of([1e-6], [2e-6, 1e-6]), "up must be a function or two or more finite values"),
        (lambda: PiecewiseStep.of([1e-6, 2e-6], [2e-6, np.inf]), "down must be a function or two or more finite values"),
        (lambda: PiecewiseStep.of([2e-6, 1e-6], [2e-6, 1e-6]), "the train up must lead up, got 2e-06 to 1e-06"),
        (lambda: PiecewiseStep.of([1e-6, 2e-6], [1e-6, 2e-6, 3e-6]), "the train down must lead down"),
        (lambda: PiecewiseStep.of([1e-6, 2e-6], [2e-6, 1e-6], conductances=(3e-6, 1e-6)), r"conductances must be \(lowest, highest\)"),
        (lambda: PiecewiseStep.of([1e-6, 2e-6], [2e-6, 1e-6], nodes=1), "nodes must be 2 or more"),
        (lambda: PiecewiseStep(w_min=1e-6, w_max=25e-6), r"w_min <= 0 <= w_max.*PiecewiseStep.of\(..., conductances="),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
