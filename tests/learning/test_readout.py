"""The fitted read-out: the closed form, however the samples are split; and that nothing else changes."""

from typing import Any

import numpy as np
import pytest
import strict_cupy
from toy_system import TwoLayers, clouds

import pnnkern as pnn
from pnnkern import _launch, random
from pnnkern._errors import FaultError
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
    [
        (1, 1, 9, 0.2), (15, 2, 20, 0.0), (16, 16, 33, 1e-3), (31, 10, 150, 1e-2), (32, 3, 129, 1e-4), (64, 5, 90, 0.1), (70, 35, 200, 0.0),
        (290, 4, 65, 0.5),
    ],
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


def fit(solve: Any, backend: Any, x: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    gram, cross = moments(backend.array(x), backend.array(y))
    found: np.ndarray = backend.numpy(solve(gram, cross, ridge))
    pnn.check()
    return found


@pytest.mark.parametrize("solve", [ridge_weights, readout._eliminated])
@pytest.mark.parametrize("which", ["a copy", "a copy in another panel", "always 0", "always 0, last", "the constant", "few samples", "all 0"])
def test_features_that_others_make_up_are_a_fault(backend: Any, rng: np.random.Generator, solve: Any, which: str) -> None:
    """The same everywhere, without a penalty; with one, it tells them apart."""
    samples = 50 if which == "few samples" else 90
    x, y = rng.normal(size=(samples, 70)) * 10.0 ** rng.integers(-4, 4, 70), rng.normal(size=(samples, 3))
    made_up = {"a copy": (5, x[:, 3]), "a copy in another panel": (66, x[:, 3]), "always 0": (40, 0.0), "the constant": (33, 0.3)}
    if which in made_up:
        column, value = made_up[which]
        x[:, column] = value
    if which == "always 0, last":
        x[:, -1] = 0.0
    if which == "all 0":
        x[:] = 0.0
    with pytest.raises(FaultError, match="the weights of a read-out are not determined"):
        fit(solve, backend, x, y, 0.0)
    if which == "all 0":  # a penalty relative to the features is none
        with pytest.raises(FaultError, match="the weights of a read-out are not determined"):
            fit(solve, backend, x, y, 0.1)
    else:
        np.testing.assert_allclose(fit(solve, backend, x, y, 0.1), least_squares(x, y, 0.1), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("solve", [ridge_weights, readout._eliminated])
def test_features_of_very_different_size_are_no_fault(backend: Any, rng: np.random.Generator, solve: Any) -> None:
    """What is small is held against its own square, and what is almost a copy is not one."""
    x, y = rng.normal(size=(90, 70)), rng.normal(size=(90, 3))
    x[:, 50] = x[:, 3] + 1e-4 * x[:, 50]
    unit = 10.0 ** rng.integers(-6, 6, 70)
    found, right = fit(solve, backend, x * unit, y, 0.0), least_squares(x, y, 0.0)
    np.testing.assert_allclose(found[:-1] * unit[:, None], right[:-1], rtol=1e-5, atol=1e-6)


def test_what_is_not_finite_shows(backend: Any, rng: np.random.Generator) -> None:
    x = rng.normal(size=(90, 40))
    x[3, 35] = np.nan
    gram, cross = readout._moments(backend.array(x), backend.array(np.arange(90) % 3), 3)
    assert np.isnan(backend.numpy(readout._eliminated(gram, cross, 0.1))).all()


@pytest.mark.parametrize("count", [1, 4, 40])
@pytest.mark.parametrize("exponent", range(-14, 0))
def test_a_cpu_spares_itself_the_look_at_pivots_only_where_none_can_vanish(rng: np.random.Generator, count: int, exponent: int) -> None:
    """Of features that are copies, those that are the constant, and one that is large beside the others."""
    ridge = 10.0**exponent
    one_large = rng.normal(size=(60, count)) * (1.0 + 1e9 * np.eye(count)[0])
    for x in (np.repeat(rng.normal(size=(60, 1)), count, axis=1), np.ones((60, count)), one_large):
        gram = moments(x, x[:, :1])[0]
        squares = np.diagonal(gram)
        matrix = gram + np.diag(np.r_[np.full(count, ridge * squares[:-1].mean()), 0.0])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(np.linalg, "cholesky", lambda a: np.zeros_like(a))  # whoever looks finds nothing left
            spared = not readout._singular(matrix, squares, ridge)
        if spared:
            assert (np.diagonal(np.linalg.cholesky(matrix)) ** 2 > 0.9 * len(gram) * readout.ROUNDING * squares).all()
        assert spared or exponent < -8


@pytest.mark.parametrize(("build", "order"), [("fast", "shuffled"), ("race", "descending")])
def test_blocks_take_turns(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, build: str, order: str) -> None:
    """Two blocks for many tiles find the same bits, and no barrier is missing between two tiles."""
    x, y = rng.normal(size=(70, 150)), rng.normal(size=(70, 5))

    def all_of_it() -> list[np.ndarray]:
        gram, cross = readout._moments(x, y, 5)
        weights = readout._eliminated(gram, cross, 0.1)
        return [gram, cross, weights, readout._scores(x, weights)]

    with _launch.host():
        expected = all_of_it()
    monkeypatch.setattr(_launch, "MAX_BLOCKS", 2)
    with _launch.host(build=build, order=order, seed=3):
        for found, right in zip(all_of_it(), expected, strict=True):
            np.testing.assert_array_equal(found, right)


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
        if not name.startswith("rule/"):
            np.testing.assert_allclose(value, host[name], rtol=1e-5, atol=1e-6, err_msg=name)
    # Features, tanh of sums in float32, are below 1 and within two units in the last place (2^-24 each) of those of the CPU. So each product
    # of two is within 4 x 2^-24, and of a feature and a label within 2 x 2^-24, for each of 150 samples. A^-1 (condition 8e4) makes that
    # 1e-5 and more of weights: of these it is the fit that is compared, to that of the same moments by LAPACK. Rounding of float64 leaves
    # of it size x eps x condition x |W| = 41 x 2.2e-16 x 8e4 x 8 = 6e-9.
    np.testing.assert_allclose(on["rule/gram"], host["rule/gram"], rtol=0, atol=150 * 4 * 2.0**-24)
    np.testing.assert_allclose(on["rule/cross"], host["rule/cross"], rtol=0, atol=150 * 2 * 2.0**-24)
    np.testing.assert_allclose(on["rule/weights"], ridge_weights(on["rule/gram"], on["rule/cross"], 1e-3), rtol=1e-8, atol=1e-8)
    assert trainer.way == "steps captured as a CUDA graph"
    with strict_cupy.counted() as events:
        trainer._device.step()  # type: ignore[union-attr]
    assert strict_cupy.totals(events) | {"copies": 0} == {"launches": 1, "operations": 0, "syncs": 0, "copies": 0}
