"""Losses against expressions written out here, and their cotangents against central differences."""

import numpy as np
import pytest

from pnnkern.learning import CrossEntropy, Differential, MeanSquare

RNG = np.random.default_rng(5)
POWERS = RNG.uniform(0.1, 2.0, (6, 10))
LABELS = np.array([0, 3, 9, 9, 1, 4])


def softmax_loss(scores: np.ndarray, labels: np.ndarray) -> float:
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return float(np.mean([-np.log(p[i, l]) for i, l in enumerate(labels)]))


def test_cross_entropy_value() -> None:
    expected = softmax_loss(10 * POWERS / POWERS.max(axis=1, keepdims=True), LABELS)
    assert CrossEntropy(10)(POWERS, LABELS)[0] == pytest.approx(expected, rel=1e-12)


def test_differential_value() -> None:
    plus, minus = POWERS[:, :5], POWERS[:, 5:]
    expected = softmax_loss(7 * (plus - minus) / (plus + minus), LABELS % 5)
    assert Differential(7)(POWERS, LABELS % 5)[0] == pytest.approx(expected, rel=1e-12)


def test_mean_square_value() -> None:
    q = POWERS / POWERS.sum(axis=1, keepdims=True)
    expected = np.mean([(q[i] - np.eye(10)[l]) @ (q[i] - np.eye(10)[l]) for i, l in enumerate(LABELS)])
    assert MeanSquare()(POWERS, LABELS)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("loss", "labels"), [(CrossEntropy(10), LABELS), (Differential(10), LABELS % 5), (MeanSquare(), LABELS)])
def test_cotangents(loss: object, labels: np.ndarray) -> None:
    _, cotangent = loss(POWERS, labels)
    step = 1e-6
    for index in np.ndindex(POWERS.shape):
        up, down = POWERS.copy(), POWERS.copy()
        up[index] += step
        down[index] -= step
        assert cotangent[index] == pytest.approx((loss(up, labels)[0] - loss(down, labels)[0]) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("loss", [CrossEntropy(), Differential(), MeanSquare()])
def test_only_ratios_of_the_powers_count(loss: object) -> None:
    assert loss(POWERS, LABELS % 5)[0] == pytest.approx(loss(POWERS * 1e-9, LABELS % 5)[0], rel=1e-12)


def test_differential_refuses_an_odd_number_of_detectors() -> None:
    with pytest.raises(ValueError, match="even number of detectors, got 9"):
        Differential()(POWERS[:, :9], LABELS % 4)
