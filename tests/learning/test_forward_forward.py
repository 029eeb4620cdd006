"""Forward-forward: its loss and cotangent against their definitions, labels in samples, and that layers learn by themselves."""

from typing import Any

import numpy as np
import pytest
from toy_system import TwoLayers, clouds

import pnnkern as pnn
from pnnkern import random
from pnnkern.learning import Adam, Batch, ForwardForward, forward_forward_loss, goodness, one_step, paired_loss, with_label
from pnnkern.systems import writers

KEY = random.key(5)


def test_loss_is_the_published_one(backend: object) -> None:
    dice = np.random.default_rng(0)
    h, positive = dice.normal(size=(7, 3, 5)), np.arange(7) < 4
    g = np.array([np.mean(one**2) for one in h])
    right = np.where(positive, np.log1p(np.exp(-3 * (g / 0.8 - 1))), np.log1p(np.exp(3 * (g / 0.8 - 1))))
    arrays = backend.array(h), backend.array(positive)  # type: ignore[attr-defined]
    loss, _ = forward_forward_loss(*arrays, 0.8, 3.0)
    np.testing.assert_allclose(backend.numpy(goodness(arrays[0])), g, rtol=1e-12)  # type: ignore[attr-defined]
    np.testing.assert_allclose(backend.numpy(loss), right, rtol=1e-12)  # type: ignore[attr-defined]


def test_cotangent_is_the_derivative() -> None:
    dice = np.random.default_rng(1)
    h, positive = dice.normal(size=(4, 6)), np.array([True, False, True, False])
    pnn.testing.check_vjp(
        lambda h: forward_forward_loss(h, positive, 0.7, 2.0)[0],
        lambda c, h, wrt: forward_forward_loss(h, positive, 0.7, 2.0)[1] * c[:, None], h, wrt=("h",),
    )  # fmt: skip


def test_loss_of_pairs_and_its_derivative(backend: object) -> None:
    h = np.random.default_rng(2).normal(size=(8, 3, 5))
    g = (h**2).mean(axis=(1, 2))
    loss, _ = paired_loss(backend.array(h), 0.8, 3.0)  # type: ignore[attr-defined]
    np.testing.assert_allclose(backend.numpy(loss), np.log1p(np.exp(-3 * (g[:4] - g[4:]) / 0.8)), rtol=1e-12)  # type: ignore[attr-defined]
    pnn.testing.check_vjp(
        lambda h: paired_loss(h, 0.8, 3.0)[0],
        lambda c, h, wrt: paired_loss(h, 0.8, 3.0)[1] * np.concatenate([c, c])[:, None, None], h, wrt=("h",),
    )  # fmt: skip
    with pytest.raises(ValueError, match="pairs need an even number of outputs, right ones and as many wrong ones, got 7"):
        paired_loss(h[:7], 0.8)


def test_labels_are_written_over_the_first_values() -> None:
    images = np.full((2, 3, 4), 7, np.uint8)
    out = with_label(images, np.array([1, 0]), 3, level=0.5)
    assert out.dtype == np.uint8
    assert out.shape == images.shape
    assert out[0].ravel().tolist() == [0, 127, 0] + [7] * 9
    assert out[1].ravel()[:3].tolist() == [127, 0, 0]
    assert (images == 7).all()
    wide = with_label(images, np.array([1, 2]), 3, width=4)
    assert wide.reshape(2, 3, 4)[:, :, 0].tolist() == [[0, 255, 0], [0, 0, 255]]
    assert (np.ptp(wide.reshape(2, 3, 4), axis=2) == 0).all()
    with pytest.raises(ValueError, match="a label of 5 classes is longer than a sample: it takes 5 values, and there are 4"):
        with_label(np.zeros((2, 4)), np.array([1, 0]), 5)
    with pytest.raises(ValueError, match="a label of width 2 of 3 classes is longer than a sample: it takes 6 values, and there are 4"):
        with_label(np.zeros((2, 4)), np.array([1, 0]), 3, width=2)


def test_wrong_labels_are_wrong_and_belong_to_the_sample() -> None:
    seen: list[np.ndarray] = []

    class Watched(TwoLayers):
        def encode(self, images: np.ndarray) -> np.ndarray:
            seen.append(np.asarray(images)[:, :3].argmax(axis=1))
            return super().encode(images)

    x, y = clouds(30)
    rule, system = ForwardForward(), Watched()
    one_step(rule, system, Batch(x, y, np.arange(30)), KEY)
    one_step(rule, system, Batch(x[10:], y[10:], np.arange(10, 30)), KEY)
    whole, part = seen[0].reshape(2, 30), seen[1].reshape(2, 20)
    assert (whole[0] == y).all()
    assert (whole[1] != y).all()
    assert len(set(whole[1])) == 3
    assert (whole[:, 10:] == part).all()  # by the number of the sample, however the batch is split


@pytest.mark.parametrize("options", [{}, {"against": "pair"}, {"last_counts": False}])
def test_layers_learn_without_each_other(backend: object, options: dict[str, Any]) -> None:
    x, y = clouds(80)
    system, optimizer = TwoLayers(hidden=16), Adam()
    rule = ForwardForward(**options)
    state = rule.init(system, KEY)
    before = rule.predict(system, rule.step(system, state, Batch(x, y), KEY)[1], Batch(x, y))
    for step in range(150):
        updates, state, metrics = rule.step(system, state, Batch(x, y, np.arange(80)), random.fold_in(KEY, step))
        assert set(updates) == {"W1", "W2"}
        writers.apply(system, updates, optimizer, 0.02, len(y))
    scores = rule.predict(system, state, Batch(x, np.zeros_like(y)))
    right = (scores.argmax(axis=1) == y).mean()
    assert right > 0.9 > (before.argmax(axis=1) == y).mean()
    assert float(metrics["rating"]) > 0.9 * len(y)
    assert (state["threshold"] > 0).all()


def test_the_number_of_the_first_sample_stands_for_all() -> None:
    """100 means 100, 101, ...: wrong labels and noise are those of these samples."""
    x, y = clouds(12)
    rule = ForwardForward()
    by_first, by_all = (one_step(rule, TwoLayers(), Batch(x, y, index), KEY)[0] for index in (100, np.arange(100, 112)))
    np.testing.assert_array_equal(by_first["W1"].value, by_all["W1"].value)

    class Noisy(TwoLayers):
        def stage(self, stage: int, inputs: Any, key: Any = None, sample: Any = 0) -> tuple[Any, Any]:
            out, record = super().stage(stage, inputs, key, sample)
            return out + 0.1 * random.normal(random.fold_in(key, stage), out.shape, sample=sample, dtype=np.float64), record

    by_first, by_all = (one_step(rule, Noisy(), Batch(x, y, index), KEY)[0] for index in (100, np.arange(100, 112)))
    np.testing.assert_array_equal(by_first["W1"].value, by_all["W1"].value)
