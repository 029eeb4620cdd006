"""Losses against expressions written out here, and their cotangents against central differences."""

import numpy as np
import pytest

from pnnkern.learning import CrossEntropy, Differential, Logits, MeanSquare, SquareError

RNG = np.random.default_rng(5)
POWERS = RNG.uniform(0.1, 2.0, (6, 10))
LABELS = np.array([0, 3, 9, 9, 1, 4])


def softmax_loss(scores: np.ndarray, labels: np.ndarray) -> float:
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return float(np.sum([-np.log(p[i, l]) for i, l in enumerate(labels)]))


def test_cross_entropy_value() -> None:
    expected = softmax_loss(10 * POWERS / POWERS.max(axis=1, keepdims=True), LABELS)
    assert CrossEntropy(10)(POWERS, LABELS)[0] == pytest.approx(expected, rel=1e-12)


def test_differential_value() -> None:
    plus, minus = POWERS[:, :5], POWERS[:, 5:]
    expected = softmax_loss(7 * (plus - minus) / (plus + minus), LABELS % 5)
    assert Differential(7)(POWERS, LABELS % 5)[0] == pytest.approx(expected, rel=1e-12)


def test_mean_square_value() -> None:
    q = POWERS / POWERS.sum(axis=1, keepdims=True)
    expected = np.sum([(q[i] - np.eye(10)[l]) @ (q[i] - np.eye(10)[l]) for i, l in enumerate(LABELS)])
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


# ------------------------------------------------------------------------------------------------------ one launch of all of it
BATCH = 531  # more than twice the threads of the block, and a rest


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def expected(loss: object, p: np.ndarray, y: np.ndarray, dtype: type) -> tuple[float, np.ndarray, float]:
    """Loss, cotangent and rating by matrices: the Jacobian of the scores, written out for each loss, and no kernel."""
    n, rows = p.shape[1], np.arange(len(p))
    jacobian = np.zeros((len(p), 1, n))
    if isinstance(loss, SquareError):
        target = np.where(np.eye(max(n, 2))[y][:, -n:] > 0, loss.high, loss.low) if y.ndim == 1 else loss.low + y * (loss.high - loss.low)
        target = target.astype(dtype).astype(np.float64)  # as outputs can come to it
        d = p - target
        if y.ndim == 1:
            right = (p.argmax(axis=1) if n > 1 else p[:, 0] > (loss.high + loss.low) / 2) == y
        else:
            right = ((d / (loss.high - loss.low)) ** 2).mean(axis=1)
        if loss.hinge:
            d = d * ~((d > 0) == (target > (loss.high + loss.low) / 2))
        return (d**2).sum() / 2, d, right.sum()
    if isinstance(loss, MeanSquare):
        total = p.sum(axis=1, keepdims=True)
        s, jacobian = p / total, np.eye(n)[None] / total[:, :, None] - (p / total**2)[:, :, None]
        d = s - np.eye(n)[y]
        return (d**2).sum(), 2 * np.einsum("bc,bci->bi", d, jacobian), (s.argmax(axis=1) == y).sum()
    if isinstance(loss, Differential):
        m = n // 2
        both = p[:, :m] + p[:, m:]
        s = loss.scale * (p[:, :m] - p[:, m:]) / both
        halves = np.eye(m)[None] * (2 * loss.scale / both**2)[:, :, None]
        jacobian = np.concatenate([halves * p[:, None, m:], -halves * p[:, None, :m]], axis=2)
    elif isinstance(loss, CrossEntropy):
        top = p.max(axis=1, keepdims=True)
        s = loss.scale * p / top
        jacobian = loss.scale * (np.eye(n)[None] / top[:, :, None] - (p / top**2)[:, :, None] * np.eye(n)[p.argmax(axis=1)][:, None, :])
    else:
        s, jacobian = loss.scale * p, np.tile(loss.scale * np.eye(n), (len(p), 1, 1))
    both_classes = np.concatenate([np.zeros((len(p), 1)), s], axis=1) if s.shape[1] == 1 else s
    chance = softmax(both_classes)
    g = chance - np.eye(chance.shape[1])[y]
    value, right = -np.log(chance[rows, y]).sum(), (both_classes.argmax(axis=1) == y).sum()
    return value, np.einsum("bc,bci->bi", g[:, -s.shape[1] :], jacobian), right


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "outputs", "classes"),
    [
        (CrossEntropy(10), 10, 10), (CrossEntropy(3.5), 2, 2), (Differential(10), 20, 10), (Differential(4), 2, 2), (MeanSquare(), 7, 7),
        (Logits(2.5), 10, 10), (Logits(1.5), 1, 2), (SquareError(0.9, -0.3), 10, 10), (SquareError(0.9, 0.1), 1, 2),
        (SquareError(1.0, 0.0, hinge=True), 5, 5), (SquareError(0.8, -0.2, hinge=True), 5, 0), (SquareError(0.8, -0.2), 1, 0),
    ],
    ids=repr,
)  # fmt: skip
def test_judgement(backend, rng, loss, outputs, classes, dtype) -> None:
    """Loss, cotangent and rating, of batches that fill the block more than once and of one sample."""
    for batch in (BATCH, 1):
        p = rng.uniform(0.05, 1.2, (batch, outputs)).astype(dtype)
        p = p if isinstance(loss, CrossEntropy | Differential | MeanSquare) else (3 * p - 1.5).astype(dtype)
        y = rng.integers(0, classes, batch) if classes else rng.random((batch, outputs))
        value, cotangent, right = (backend.numpy(x) for x in loss.judge(backend.array(p), backend.array(y)))
        exact = expected(loss, p.astype(np.float64), y, dtype)
        assert cotangent.dtype == dtype
        np.testing.assert_allclose(value, exact[0], rtol=1e-12)
        relative, absolute = (1e-6, 1e-6) if dtype == np.float32 else (1e-11, 1e-12)
        np.testing.assert_allclose(cotangent, exact[1], rtol=relative, atol=absolute)
        np.testing.assert_allclose(right, exact[2], rtol=1e-12)


def test_a_label_of_no_class_is_told_on_a_gpu(cupy) -> None:
    import pnnkern

    for loss, outputs in ((Logits(), 4), (Differential(), 8), (SquareError(), 4)):
        loss.judge(cupy.asarray(np.ones((3, outputs))), cupy.asarray(np.array([0, 4, 1])))
        with pytest.raises(ValueError, match="labels must be numbers of classes that the outputs stand for"):
            pnnkern.check()


# -------------------------------------------------------------------------------------------------------------------- bad input
LIGHT = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 1.0, 1.0]])
CLASSES = np.array([1, 0])
LOSSES = [CrossEntropy(), Differential(), MeanSquare(), Logits(), SquareError()]


def dark(loss: object) -> np.ndarray:
    """Powers with a sample whose scores by this loss would be 0 / 0."""
    powers = LIGHT.copy()
    powers[1, [0, 2] if isinstance(loss, Differential) else slice(None)] = 0
    return powers


@pytest.mark.parametrize("value", [0.0, np.inf])
@pytest.mark.parametrize("loss", [CrossEntropy(), Differential(), MeanSquare()], ids=lambda loss: type(loss).__name__)
def test_detectors_without_power_are_named(loss, value) -> None:
    powers = dark(loss)
    powers[powers == 0] = value
    for call in (lambda p: loss(p, CLASSES), loss.scores):
        with pytest.raises(ValueError, match="sample 1 of the batch has detectors that no light reaches, or infinite power"):
            call(powers)


@pytest.mark.parametrize("loss", [CrossEntropy(), Differential(), MeanSquare()], ids=lambda loss: type(loss).__name__)
def test_on_a_gpu_the_loss_says_so(cupy, loss) -> None:
    value, _ = loss(cupy.asarray(dark(loss)), cupy.asarray(CLASSES))
    assert np.isnan(float(value))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 4], ValueError, "labels must be from 0 to"),
        ([-1, 0], ValueError, "labels must be from 0 to"),
        ([0, 1, 1], ValueError, r"labels must be \(2,\), one for each sample, got shape \(3,\)"),
        ([0.0, 1.0], TypeError, "labels must be integers, got float64"),
        ([True, False], TypeError, "labels must be integers, got bool"),
    ],
)
def test_labels_of_classes_that_there_are_not(loss, labels, error, message) -> None:
    with pytest.raises(error, match=message):
        loss(LIGHT, np.array(labels))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_outputs_of_another_kind(loss) -> None:
    for outputs, error, message in (
        (LIGHT[0], ValueError, r"outputs must be \(any, any\), got shape \(4,\)"),
        (LIGHT[:0], ValueError, r"outputs must be \(any, any\), got shape \(0, 4\)"),
        (LIGHT * 1j, TypeError, "must be an array of float32 or float64, got complex128"),
        (LIGHT.tolist(), TypeError, "must be an array of float32 or float64, got list"),
    ):
        with pytest.raises(error, match=message):
            loss(outputs, CLASSES)
    with pytest.raises(TypeError, match="labels must be an array, got NoneType"):
        loss(LIGHT, None)


def test_one_output_tells_two_classes() -> None:
    """Labels 0 and 1 are right for one output: as the logistic loss has it, in closed form."""
    outputs = np.array([[0.3], [-1.2]])
    value, _ = SquareError(high=1.0, low=0.0)(outputs, np.array([1, 0]))
    assert value == pytest.approx(((0.3 - 1) ** 2 + 1.2**2) / 2)
    with pytest.raises(ValueError, match="labels must be from 0 to 1, got 0 to 2"):
        SquareError()(outputs, np.array([2, 0]))


def test_real_targets_have_the_shape_of_the_outputs() -> None:
    with pytest.raises(ValueError, match=r"real targets must have the shape \(2, 4\) of the outputs, got \(2, 1\)"):
        SquareError()(LIGHT, np.ones((2, 1)))
