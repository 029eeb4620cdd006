"""Chains of stages: derivatives, and what physics-aware training keeps that in-silico training loses, in closed form."""

from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern._updates import dense
from pnnkern.learning import Batch, InSilico, PhysicsAware, SquareError, one_step
from pnnkern.systems import chain, from_callable

KEY = pnn.random.key(2)


def power_stage(made: float, modelled: float) -> Any:
    """The published toy: ``made x^theta``, of which the model is ``modelled x^theta``."""

    def derivative(g: np.ndarray, x: np.ndarray, p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        y, theta = modelled * x ** p["theta"], p["theta"]
        return {"theta": np.array([(g * y * np.log(x)).sum()]), "inputs": g * theta * y / x}

    return from_callable(
        lambda x, p: made * x ** p["theta"], {"theta": np.array([1.1])}, twin=(lambda x, p: modelled * x ** p["theta"], derivative),
    )  # fmt: skip


def shared(updates: dict[str, Any]) -> float:
    """The gradient by an exponent that all stages share."""
    return sum(float(dense(update)[0]) for update in updates.values())


def test_the_published_gap_of_ten_stages() -> None:
    """Ten stages of 2 x^1.1 modelled as 2.01 x^1.1, the output's gradient by the exponent: Wright et al. 2022, the authors' example 3."""
    x, n = 1.0, 10
    at = [x]
    for _ in range(n):
        at.append(2 * at[-1] ** 1.1)
    true, along = 0.0, 1.0
    for l in reversed(range(n)):
        true += along * at[l + 1] * np.log(at[l])
        along *= 1.1 * at[l + 1] / at[l]
    # of the loss (y - t)^2 / 2 with y - t = 1 in the rule's own pass, the gradient is that of y
    gaps = {}
    for rule in (PhysicsAware, InSilico):
        bench = chain([power_stage(2.0, 2.01) for _ in range(n)])
        inputs = np.full((1, 1), x)
        seen = bench.forward(inputs) if rule is PhysicsAware else bench.forward_saving(inputs)[0]

        class One(SquareError):
            def __call__(self, outputs: Any, labels: Any, seen: np.ndarray = seen) -> Any:
                return np.float64(0.5), np.ones_like(seen)

        updates, _ = one_step(rule(One()), bench, Batch(inputs, np.array([0])))
        gaps[rule] = 100 * (shared(updates) / true - 1)
    assert gaps[PhysicsAware] == pytest.approx(1.96, abs=0.005)
    assert gaps[InSilico] == pytest.approx(9.05, abs=0.005)


def dense_stage(shape: tuple[int, int], seed: int, gain: float = 1.0, noise: float = 0.0) -> Any:
    def measured(x: Any, p: dict[str, Any], key: Any = None, sample: Any = 0) -> Any:
        out = np.tanh(gain * x @ p["w"])
        return out + noise * pnn.random.normal(key, out.shape, sample=sample, dtype=np.float64) if noise else out

    def derivative(g: Any, x: Any, p: dict[str, Any]) -> dict[str, Any]:
        inner = g * (1 - np.tanh(x @ p["w"]) ** 2)
        return {"w": x.T @ inner, "inputs": inner @ p["w"].T}

    w = np.random.default_rng(seed).normal(size=shape) / np.sqrt(shape[0])
    return from_callable(measured, {"w": w}, twin=(lambda x, p: np.tanh(x @ p["w"]), derivative))


def test_derivatives_of_a_chain() -> None:
    bench = chain([dense_stage((4, 6), 0), dense_stage((6, 5), 1), dense_stage((5, 2), 2)], example=np.ones((3, 4)))
    x, g = np.random.default_rng(3).normal(size=(7, 4)), np.random.default_rng(4).normal(size=(7, 2))
    assert list(bench.parameters) == ["0.w", "1.w", "2.w"]
    found = bench.vjp(g, bench.forward_saving(x)[1])
    measured = bench.measure(x)
    for l in range(3):
        name = f"{l}.w"
        step = np.random.default_rng(5 + l).normal(size=bench.parameters[name].shape)
        values = []
        for sign in (1, -1):
            bench.parameters[name] += sign * 1e-6 * step
            values.append((bench.forward(x) * g).sum())
            bench.parameters[name] -= sign * 1e-6 * step
        assert (found[name] * step).sum() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)
    assert [h.shape for h in bench.hidden_outputs(measured[1])] == [(7, 6), (7, 5)]
    np.testing.assert_allclose(bench.layer_vjp(2, g, measured[1])["2.w"], found["2.w"], rtol=1e-12)
    out, record = bench.stage(0, x)
    np.testing.assert_allclose(out, bench.hidden_outputs(measured[1])[0])
    assert list(bench.stage_vjp(0, out, record)) == ["0.w"]


def test_each_stage_has_its_own_noise_and_a_population_runs() -> None:
    bench = chain([dense_stage((3, 3), 0, noise=0.1), dense_stage((3, 3), 0, noise=0.1)])
    x = np.zeros((2000, 3))
    values = bench.measure(x, KEY)
    one, two = values[1][1][0], values[0]
    assert abs(np.corrcoef(one.ravel(), (two - np.tanh(one @ bench.parameters["1.w"])).ravel())[0, 1]) < 0.05
    many = {"1.w": np.stack([bench.parameters["1.w"], np.zeros((3, 3))])}
    out = bench.forward_population(np.ones((4, 3)), many, KEY)
    assert out.shape == (2, 4, 3)
    assert np.abs(out[1]).max() < 0.5 < np.abs(out[0]).max() + 0.5


def test_refusals() -> None:
    with pytest.raises(ValueError, match="a chain needs at least one stage"):
        chain([])
    with pytest.raises(TypeError, match="stage 1 of a chain must be a system that can be measured, got int"):
        chain([dense_stage((2, 2), 0), 3])  # type: ignore[list-item]
    one = dense_stage((2, 2), 0)
    with pytest.raises(ValueError, match="one system cannot be two stages"):
        chain([one, one])
    blind = from_callable(lambda x, p: x @ p["w"], {"w": np.eye(2)}, twin=(lambda x, p: x @ p["w"], lambda g, x, p: {"w": x.T @ g}))
    with pytest.raises(ValueError, match="the twin of stage 1 must give the gradient by its inputs too"):
        chain([one, blind], example=np.ones((3, 2)))
