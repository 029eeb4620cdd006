"""The fitted read-out: the closed form, however the samples are split; and that nothing else changes."""

import numpy as np
import pytest
from toy_system import TwoLayers, clouds

from pnnkern import random
from pnnkern.learning import Batch, FittedReadout, moments, ridge_weights

KEY = random.key(7)


def test_weights_minimise_the_ridge_loss(backend: object) -> None:
    dice = np.random.default_rng(0)
    x, y, ridge = dice.normal(size=(40, 5)), dice.normal(size=(40, 2)), 0.3
    gram, cross = moments(backend.array(x), backend.array(y))  # type: ignore[attr-defined]
    w = backend.numpy(ridge_weights(gram, cross, ridge))  # type: ignore[attr-defined]
    # the same minimum by least squares on rows that stand for the penalty
    size = np.sqrt(ridge * np.mean((x**2).sum(axis=0)))
    rows = np.vstack([np.hstack([x, np.ones((40, 1))]), np.hstack([size * np.eye(5), np.zeros((5, 1))])])
    right = np.linalg.lstsq(rows, np.vstack([y, np.zeros((5, 2))]), rcond=None)[0]
    np.testing.assert_allclose(w, right, rtol=1e-9, atol=1e-12)


def test_batches_add_up_and_nothing_else_changes() -> None:
    x, y = clouds(90)
    system, rule = TwoLayers(hidden=12), FittedReadout(ridge=1e-6)
    kept = {name: p.copy() for name, p in system.parameters.items()}
    whole = rule.step(system, rule.init(system), Batch(x, y), KEY)[1]
    state = rule.init(system)
    for piece in (slice(0, 31), slice(31, 50), slice(50, 90)):
        updates, state, metrics = rule.step(system, state, Batch(x[piece], y[piece], np.arange(90)[piece]), KEY)
        assert updates == {}
    np.testing.assert_allclose(state["weights"], whole["weights"], rtol=1e-6)
    assert all((system.parameters[name] == kept[name]).all() for name in kept)
    test_x, test_y = clouds(60, seed=2)
    assert (rule.predict(system, state, Batch(test_x, test_y)).argmax(axis=1) == test_y).mean() > 0.9
    assert float(metrics["rating"]) > 0.8 * 40


def test_metrics_are_of_weights_that_have_not_seen_the_batch() -> None:
    x, y = clouds(60)
    system, rule = TwoLayers(hidden=12), FittedReadout()
    first, second = Batch(x[:30], y[:30]), Batch(x[30:], y[30:])
    _, state, metrics = rule.step(system, rule.init(system), first, KEY)
    assert float(metrics["loss"]) == 30 / 2  # all outputs 0, one target of each sample 1
    scores = rule.predict(system, state, second)
    metrics = rule.step(system, state, second, KEY)[2]
    assert float(metrics["loss"]) == pytest.approx(np.sum((scores - np.eye(3)[y[30:]]) ** 2) / 2, rel=1e-14)
    assert float(metrics["rating"]) == (scores.argmax(axis=1) == y[30:]).sum()


def test_real_targets_are_fitted() -> None:
    x, _ = clouds(50)
    system, rule = TwoLayers(hidden=20, outputs=2), FittedReadout(ridge=0.0)
    y = np.stack([x[:, 0], 1 - x[:, 1]], axis=1)
    state = rule.step(system, rule.init(system), Batch(x, y), KEY)[1]
    np.testing.assert_allclose(rule.predict(system, state, Batch(x, y)), y, atol=0.02)
