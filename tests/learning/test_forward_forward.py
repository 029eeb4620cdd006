"""Forward-forward: its loss and cotangent against their definitions, labels in samples, and that layers learn by themselves."""

from typing import Any

import numpy as np
import pytest
import strict_cupy
from toy_system import TwoLayers, clouds

import pnnkern as pnn
from pnnkern import _array, _launch, random
from pnnkern._updates import dense
from pnnkern.experiments.data import Dataset
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.tables import Training
from pnnkern.learning import Adam, Batch, ForwardForward, forward_forward_loss, goodness, one_step, paired_loss, with_label
from pnnkern.learning.forward_forward import _Pairs, _parts, _with_labels
from pnnkern.systems import CrossbarNetwork, writers

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
def test_layers_learn_without_each_other(options: dict[str, Any]) -> None:
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


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_pairs_are_drawn_and_written_as_the_functions_say(backend: Any, kind: Any) -> None:
    dice = np.random.default_rng(3)
    samples = (dice.uniform(0, 255 if kind == np.uint8 else 1, (37, 5, 4))).astype(kind)
    labels, index = dice.integers(0, 4, 37), dice.integers(0, 2**40, 37)
    wrong = (labels + 1 + (random.words(KEY, (37, 1), sample=index)[:, 0] % 3).astype(int)) % 4
    out, twice = _with_labels(backend.array(samples), backend.array(labels), 4, 0.7, 2, KEY, backend.array(index))
    right = np.concatenate([with_label(samples, own, 4, 0.7, 2) for own in (labels, wrong)])
    np.testing.assert_array_equal(backend.numpy(out), right)
    np.testing.assert_array_equal(backend.numpy(twice), np.concatenate([index, index]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 300), (70, 7, 37), (130, 5)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_goodness_and_its_sum(backend: Any, rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> None:
    h = rng.normal(size=shape).astype(dtype)
    found, parts = _parts(backend.array(h))
    g = np.array([np.mean(one.astype(float) ** 2) for one in h])
    np.testing.assert_allclose(backend.numpy(found), g, rtol=1e-13)
    np.testing.assert_allclose(backend.numpy(parts).sum(), g.sum(), rtol=1e-13)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_goes_on_has_an_rms_of_one(backend: Any, rng: np.random.Generator, dtype: str, pairs: bool) -> None:
    """But for a sample of zeros, which stays one; losses of logits of any size; more samples than parts of a sum, and values than threads."""
    h = (rng.normal(size=(140, 300)) * rng.uniform(0.1, 40, 140)[:, None]).astype(dtype)
    h[3] = 0.0
    g = np.mean(h.astype(float) ** 2, axis=1)
    xp = _array.device_namespace(backend.device)
    pair = _Pairs(None, None, xp.empty((2, 70 if pairs else 140)), xp.full(140, 9.0), outputs=backend.array(h))
    pair.goodness, parts = _parts(pair.outputs)
    threshold = xp.empty(1)
    cotangent = backend.numpy(pair.learn(0, int(pairs), 900.0, 0.9, 140, 1, parts, backend.array(np.zeros(1)), threshold))
    tau, sign = g.mean(), np.where(np.arange(140) < 70, -1.0, 1.0)
    logit = 900 * (np.tile(g[70:] - g[:70], 2) if pairs else sign * (g - tau)) / tau
    with np.errstate(over="ignore"):
        slope = sign * 900 / tau / (1 + np.exp(-logit))
    epsilon = float(np.finfo(dtype).eps)
    assert np.abs(logit).max() > 750  # beyond the range of exp()
    np.testing.assert_allclose(backend.numpy(threshold), tau, rtol=1e-13)
    np.testing.assert_allclose(backend.numpy(pair.losses)[0], np.logaddexp(0, logit)[: 70 if pairs else None], rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(backend.numpy(pair.ratings), g / tau, rtol=1e-13)
    np.testing.assert_allclose(cotangent, (2 / 300 * slope)[:, None] * h, rtol=1e-9 + epsilon, atol=1e-37)
    level = backend.numpy(pair.inputs)
    assert not level[3].any()
    np.testing.assert_allclose(level, h / np.maximum(np.sqrt(g), 1e-300)[:, None], rtol=3 * epsilon)


@pytest.mark.parametrize("pairs", [False, True])
def test_a_tie_is_not_right(backend: Any, rng: np.random.Generator, pairs: bool) -> None:
    """Sums of losses and of right ratings, over more samples than threads of a block."""
    losses, ratings = rng.normal(size=(2, 700 if pairs else 1400)), rng.integers(0, 3, 1400).astype(float)
    sums = _Pairs(None, None, backend.array(losses), backend.array(ratings)).rated(pairs)
    right = sum(own > other for own, other in zip(ratings[:700], ratings[700:], strict=True))
    np.testing.assert_allclose(backend.numpy(sums), [*(losses.sum(axis=1) * (1 if pairs else 0.5)), right], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("build", "order"), [("fast", "shuffled"), ("race", "descending")])
def test_blocks_take_turns(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, build: str, order: str) -> None:
    """Two blocks for many samples find the same bits, and no barrier is missing between two samples."""
    h, samples, labels = rng.normal(size=(140, 300)), rng.uniform(size=(40, 300)), rng.integers(0, 3, 40)

    def all_of_it() -> list[np.ndarray]:
        pair, threshold = _Pairs(None, None, np.empty((2, 140)), np.empty(140), outputs=h), np.empty(1)
        pair.goodness, parts = _parts(h)
        cotangent = pair.learn(0, 0, 3.0, 0.9, 140, 1, parts, np.full(1, 0.3), threshold)
        pair.losses[1] = pair.losses[0]
        return [pair.goodness, parts, cotangent, pair.inputs, pair.rated(False), *_with_labels(samples, labels, 3, 0.5, 2, KEY, np.arange(40))]

    with _launch.host():
        expected = all_of_it()
    monkeypatch.setattr(_launch, "MAX_BLOCKS", 2)
    with _launch.host(build=build, order=order, seed=3):
        for found, right in zip(all_of_it(), expected, strict=True):
            np.testing.assert_array_equal(found, right)


VALUES, CLASSES, HIDDEN = 12, 3, 9


def expected(rule: ForwardForward, w: list[np.ndarray], samples: np.ndarray, labels: np.ndarray, index: np.ndarray, before: np.ndarray) -> Any:
    """A step of perfect arrays by its definition: thresholds, loss, how many are right; and each layer's loss by its own weights."""
    words = random.words(random.fold_in(KEY, "wrong"), (len(labels), 1), sample=index)[:, 0]
    wrong = (labels + 1 + (words % (CLASSES - 1)).astype(int)) % CLASSES
    x = np.concatenate([with_label(samples, own, CLASSES) for own in (labels, wrong)]) / 255.0
    n, ratings, thresholds, losses = len(labels), np.zeros(2 * len(labels)), [], []
    for l, own in enumerate(w):

        def outputs(w: np.ndarray, x: np.ndarray = x, last: bool = l == len(w) - 1) -> np.ndarray:
            a = x @ w[:-1] + w[-1]
            return a if last else np.tanh(a)

        h = outputs(own)
        g = np.mean(h**2, axis=1)
        tau = rule.memory * before[l] + (1 - rule.memory) * g.mean() if before[l] > 0 else g.mean()

        def loss(w: np.ndarray, outputs: Any = outputs, tau: float = tau) -> float:
            g = np.mean(outputs(w) ** 2, axis=1)
            if rule.against == "pair":
                return float(np.log1p(np.exp(-rule.sharpness * (g[:n] - g[n:]) / tau)).sum())
            sides = np.log1p(np.exp(-rule.sharpness * (g[:n] / tau - 1))), np.log1p(np.exp(rule.sharpness * (g[n:] / tau - 1)))
            return float(sum(side.sum() for side in sides)) / 2

        thresholds.append(tau)
        losses.append(loss)
        if rule.last_counts or l < len(w) - 1:
            ratings += g / tau
        x = h / np.sqrt(g)[:, None]
    return thresholds, sum(loss(own) for loss, own in zip(losses, w, strict=True)), (ratings[:n] > ratings[n:]).sum(), losses


@pytest.mark.parametrize("options", [{}, {"against": "pair"}, {"last_counts": False, "sharpness": 9.0}], ids=str)
@pytest.mark.parametrize("chunk", [0, 4])
@pytest.mark.parametrize("begun", [False, True])
def test_a_step_is_what_its_definition_says(backend: Any, options: dict[str, Any], chunk: int, begun: bool) -> None:
    """Thresholds, loss, rating, and gradients that are those of each layer's own loss, by differences."""
    dice, rule = np.random.default_rng(5), ForwardForward(**options)
    device = "cuda" if backend.name in ("strict", "cuda") else "cpu"
    system = CrossbarNetwork(inputs=VALUES, hidden=(HIDDEN, 7), outputs=CLASSES, key=KEY, dtype="float64", device=device)
    samples, labels, index = dice.integers(0, 256, (11, VALUES)).astype(np.uint8), dice.integers(0, CLASSES, 11), np.arange(50, 61)
    before = np.array([0.3, 0.0, 1.7]) * begun
    batch = Batch(*map(backend.array, (samples, labels, index)), system.encode, chunk)
    updates, state, metrics = rule.step(system, {"threshold": backend.array(before)}, batch, KEY)
    w = [backend.numpy(system.parameters[f"w{l}"]) for l in range(3)]
    thresholds, loss, right, losses = expected(rule, w, samples, labels, index, before)
    np.testing.assert_allclose(backend.numpy(state["threshold"]), thresholds, rtol=1e-12)
    assert float(metrics["loss"]) == pytest.approx(loss, rel=1e-12)
    assert float(metrics["rating"]) == right
    scale = 0.5 if rule.against == "threshold" else 1.0  # updates are those of all that is held against the threshold, two for each sample
    for l, own in enumerate(w):
        along = dice.normal(size=own.shape)
        slope = (losses[l](own + 1e-5 * along) - losses[l](own - 1e-5 * along)) / 2e-5
        assert scale * np.vdot(backend.numpy(dense(updates[f"w{l}"])), along) == pytest.approx(slope, rel=1e-6, abs=1e-8)


def trained(xp: Any, graph: Any, **options: Any) -> tuple[Trainer, dict[str, np.ndarray]]:
    """Steps of two shards and a half each."""
    dice = np.random.default_rng(3)
    images, labels = dice.integers(0, 256, (91, 6)).astype(np.uint8), np.arange(91) % 3
    data = Dataset("toy", "here", images[:75], labels[:75], images[75:], labels[75:])
    system = CrossbarNetwork(inputs=6, hidden=(9, 8), outputs=3, activation="relu", key=KEY, device="cpu" if xp is np else "cuda")
    trainer = Trainer(system, ForwardForward(**options), Adam(0.01), data, Training(epochs=2, batch=15, lr=0.01), graph=graph, chunk=6)
    for _ in range(10):
        trainer.advance()
    return trainer, trainer.saved()


@pytest.mark.parametrize("options", [{}, {"against": "pair"}], ids=str)
def test_a_step_is_captured_on_a_gpu(cupy: Any, options: dict[str, Any]) -> None:
    """As one graph, with the bits of steps one by one and the weights of the CPU."""
    trainer, on = trained(cupy, "on", **options)
    off, host = trained(cupy, "off", **options)[1], trained(np, "off", **options)[1]
    for name, value in on.items():
        np.testing.assert_array_equal(value, off[name], err_msg=name)
        np.testing.assert_allclose(value, host[name], rtol=1e-4, atol=1e-4, err_msg=name)
    assert trainer.way == "steps captured as a CUDA graph"
    with strict_cupy.counted() as events:
        trainer._device.step()  # type: ignore[union-attr]
    assert strict_cupy.totals(events) | {"copies": 0} == {"launches": 1, "operations": 0, "syncs": 0, "copies": 0}
