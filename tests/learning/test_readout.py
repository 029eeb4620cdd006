"""The fitted read-out: the closed form, however the samples are split; and that nothing else changes."""

from typing import Any

import numpy as np
import pytest
import strict_cupy
from toy_system import TwoLayers, clouds

from pnnkern import random
from pnnkern.experiments.data import Dataset
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.tables import Training
from pnnkern.learning import Adam, Batch, FittedReadout, moments, readout, ridge_weights
from pnnkern.systems import CrossbarNetwork

KEY = random.key(7)


def least_squares(x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """The same minimum by least squares on rows that stand for the penalty."""
    (n, features), size = x.shape, np.sqrt(ridge * np.mean((x**2).sum(axis=0)))
    rows = np.vstack([np.hstack([x, np.ones((n, 1))]), np.hstack([size * np.eye(features), np.zeros((features, 1))])])
    found: np.ndarray = np.linalg.lstsq(rows, np.vstack([y, np.zeros((features, y.shape[1]))]), rcond=None)[0]
    return found


def test_weights_minimise_the_ridge_loss(backend: object) -> None:
    dice = np.random.default_rng(0)
    x, y, ridge = dice.normal(size=(40, 5)), dice.normal(size=(40, 2)), 0.3
    gram, cross = moments(backend.array(x), backend.array(y))  # type: ignore[attr-defined]
    w = backend.numpy(ridge_weights(gram, cross, ridge))  # type: ignore[attr-defined]
    np.testing.assert_allclose(w, least_squares(x, y, ridge), rtol=1e-9, atol=1e-12)


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


@pytest.mark.parametrize(
    ("features", "outputs", "samples", "ridge"),
    [(1, 1, 9, 0.2), (15, 2, 20, 0.0), (16, 16, 33, 1e-3), (31, 10, 150, 1e-2), (32, 3, 129, 1e-4), (70, 35, 200, 0.0), (290, 4, 65, 0.5)],
)
def test_kernels_find_the_minimum(backend: Any, rng: np.random.Generator, features: int, outputs: int, samples: int, ridge: float) -> None:
    """Tiles and panels, whole and not; of classes and of real targets."""
    x, labels = rng.normal(size=(samples, features)).astype(np.float32), rng.integers(0, max(outputs, 2), samples)
    one_hot = (labels[:, None] == (1 if outputs == 1 else np.arange(outputs))).astype(float)
    double, real = x.astype(np.float64), rng.normal(size=(samples, outputs))
    for wanted, y in ((labels, one_hot), (real, real)):
        gram, cross = readout._moments(backend.array(x), backend.array(wanted), outputs)
        weights = readout._eliminated(gram, cross, ridge)
        scores = readout._scores(backend.array(x), weights)
        with_one = np.hstack([double, np.ones((samples, 1))])
        np.testing.assert_allclose(backend.numpy(gram), with_one.T @ with_one, rtol=1e-12, atol=1e-11)
        np.testing.assert_allclose(backend.numpy(cross), with_one.T @ y, rtol=1e-12, atol=1e-11)
        found = backend.numpy(weights)
        np.testing.assert_allclose(found, least_squares(double, y, ridge), rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(backend.numpy(scores), with_one @ found, rtol=1e-12, atol=1e-12)


def test_variables_that_others_make_up_have_no_weight(backend: Any, rng: np.random.Generator) -> None:
    """Without a penalty: fewer samples than features, a copy of a feature, and one that is always 0."""
    x, y = rng.normal(size=(50, 80)), rng.normal(size=(50, 3))
    x[:, 5], x[:, 40] = x[:, 4], 0.0
    gram, cross = readout._moments(backend.array(x), backend.array(y), 3)
    weights = readout._eliminated(gram, cross, 0.0)
    found = backend.numpy(weights)
    assert not found[[5, 40]].any()
    assert (found != 0).any(axis=1).sum() == 50
    np.testing.assert_allclose(backend.numpy(readout._scores(backend.array(x), weights)), y, atol=1e-7)


def test_what_is_not_finite_shows(backend: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(90, 40))
    x[3, 35] = np.nan
    gram, cross = readout._moments(backend.array(x), backend.array(np.arange(90) % 3), 3)
    assert np.isnan(backend.numpy(readout._eliminated(gram, cross, 0.1))).all()


def fitted(xp: Any, graph: Any) -> tuple[Trainer, dict[str, np.ndarray]]:
    """Steps of two shards and a half each, through random weights."""
    rng = np.random.default_rng(3)
    images, labels = rng.integers(0, 256, (91, 6)).astype(np.uint8), np.arange(91) % 3
    data = Dataset("toy", "here", images[:75], labels[:75], images[75:], labels[75:])
    device = "cpu" if xp is np else "cuda"
    system = CrossbarNetwork(inputs=6, hidden=(40,), outputs=3, key=KEY, device=device)
    rule = FittedReadout(ridge=1e-3)
    trainer = Trainer(system, rule, Adam(0.1), data, Training(epochs=2, batch=15, lr=0.1), graph=graph, chunk=6)
    for _ in range(10):
        trainer.advance()
    return trainer, trainer.saved()


def test_a_step_is_captured_on_a_gpu(cupy: Any) -> None:
    """As one graph, with the bits of steps one by one and the weights of the CPU."""
    trainer, on = fitted(cupy, "on")
    off, host = fitted(cupy, "off")[1], fitted(np, "off")[1]
    for name, value in on.items():
        np.testing.assert_array_equal(value, off[name], err_msg=name)
        np.testing.assert_allclose(value, host[name], rtol=1e-4, atol=1e-4, err_msg=name)
    assert trainer.way == "steps captured as a CUDA graph"
    with strict_cupy.counted() as events:
        trainer._device.step()  # type: ignore[union-attr]
    assert strict_cupy.totals(events) | {"copies": 0} == {"launches": 1, "operations": 0, "syncs": 0, "copies": 0}
