"""One output for two classes: high for class 1, low for class 0, in every system and every loss, and read from the middle of the two."""

from typing import Any

import numpy as np
import pytest

import pnnkern as pnn
from pnnkern import _declared, learning, systems
from pnnkern.experiments import data, loop, recipe
from pnnkern.learning import CrossEntropy, Differential, Logits, MeanSquare, SquareError
from pnnkern.learning.metrics import accuracy, ratings

# kind: (recipe, overrides of a small one, targets (high, low) of its output, by hand from the recipe's keys, epochs)
SMALL = {
    "resistor-network": ("coupled-iris", [], (0.52, 0.48), 4),
    "spring-network": ("springs-iris", [], (0.015, 0.005), 2),
    "transistor-network": ("coupled-iris-transistors", [], (0.02, -0.02), 4),
    "hopfield": ("ep-digits", ["system.hidden=[16]"], (1.0, 0.0), 2),
    "hopfield-conv": ("ep-conv-digits", ["system.maps=[8]"], (1.0, 0.0), 2),
    "drn": ("drn-xs-mnist", ["system.hidden=[16]", "system.inputs=64", "rule.beta=0.1"], (1.0, 0.0), 2),
    "oscillators": ("oim-mnist", ["system.hidden=[16]", "system.inputs=64"], (1.0, -1.0), 2),
    "ising": ("ising-digits", ["system.hidden=[16]"], (1.0, -1.0), 4),
}


def dataset(kind: str) -> data.Dataset:
    """Setosa, class 1, and the other irises; or the digits 0 and 1."""
    if kind.endswith("network"):
        iris = data.load("iris")
        rest = (iris.train_labels == 0).astype(np.int64), (iris.test_labels == 0).astype(np.int64)
        return data.Dataset("setosa", "scikit-learn", iris.train_images, rest[0], iris.test_images, rest[1])
    return data.load("digits").only([0, 1])


def trainer(kind: str, device: str = "cpu") -> loop.Trainer:
    """The recipe's system with one output, its usual rule and optimiser."""
    name, small, _, epochs = SMALL[kind]
    found = recipe.find(name, [*small, f"training.epochs={epochs}", f"compute.device={device}"])
    where = {"device": device, "dtype": found.compute.dtype, "chunk": 64, "outputs": 1}
    system = found.system.of.build(found.system.values(), key=pnn.random.key(0), **where)
    t = found.training
    optimizer = learning.Adam(lr=t.lr) if t.optimizer == "adam" else learning.SGD(lr=t.lr)
    return loop.Trainer(system, _declared.made(found.rule.of, found.rule.values()), optimizer, dataset(kind), t)


@pytest.mark.parametrize("kind", SMALL)
def test_training_one_output_goes_up(kind: str) -> None:
    made = trainer(kind)
    for _ in range(made.steps):
        made.advance()
    labels = made.dataset.test_labels
    assert made.evaluate()[1] > 0.9 > max(labels.mean(), 1 - labels.mean())  # neither class alone is that common


@pytest.mark.parametrize("kind", SMALL)
def test_targets_of_one_output(kind: str, backend: Any) -> None:
    """`high` for class 1 and `low` for class 0; real targets between them; the loss that judges says the same."""
    made = trainer(kind, backend.device)
    high, low = SMALL[kind][2]
    outputs = backend.array(np.zeros((3, 1), made.system.targets(backend.array(np.array([0]))).dtype))
    for labels, share in ((np.array([0, 1, 0]), [[0], [1], [0]]), (np.array([[0.0], [1.0], [0.25]]), [[0], [1], [0.25]])):
        expected = low + (high - low) * np.array(share)
        got = made.system.targets(backend.array(labels))
        np.testing.assert_allclose(backend.numpy(got), expected, rtol=1e-6, atol=1e-12)
        aimed = made.rule.loss_on(made.system).targets(backend.array(labels), outputs)
        np.testing.assert_allclose(backend.numpy(aimed), expected, rtol=1e-6, atol=1e-12)
    assert made.rule.loss_on(made.system).middle == pytest.approx((high + low) / 2)


@pytest.mark.parametrize("kind", SMALL)
def test_one_output_has_two_classes_only(kind: str) -> None:
    with pytest.raises(ValueError, match="labels must be from 0 to 1, got 0 to 2"):
        trainer(kind).system.targets(np.array([0, 2]))


@pytest.mark.parametrize("hinge", [False, True])
def test_a_single_output_is_read_from_the_middle(hinge: bool) -> None:
    """0.5 lies midway between 0.6 and 0.4: 0.51 says 1 and 0.49 says 0, whatever the sign; the mean square by hand."""
    loss, outputs, labels = SquareError(0.6, 0.4, hinge), np.array([[0.51], [0.49], [0.51], [0.7]]), np.array([1, 0, 0, 1])
    found = ratings(loss, loss.scores(outputs), labels)
    assert found.tolist() == [True, True, False, True]
    assert accuracy(found.mean(), real=False) == 0.75
    errors = [0.51 - 0.6, 0.49 - 0.4, 0.51 - 0.4, 0.0 if hinge else 0.7 - 0.6]
    value, cotangent = loss(outputs, labels)
    assert value == pytest.approx(sum(e * e for e in errors) / 2)
    np.testing.assert_allclose(cotangent[:, 0], np.array(errors), atol=1e-15)


@pytest.mark.parametrize("loss", [Logits(2.0), Differential(2.0)], ids=lambda loss: type(loss).__name__)
def test_a_signed_score_alone_is_logistic_regression(loss: Any, backend: Any) -> None:
    """-log sigmoid(s) for class 1, -log sigmoid(-s) for class 0, and its derivative (sigmoid(s) - label) ds; s > 0 says 1."""
    labels = np.array([1, 0, 1, 0])
    if isinstance(loss, Logits):
        outputs = np.array([[0.4], [0.7], [-0.2], [-1.1]])
        s, ds = 2 * outputs, [np.full((4, 1), 2.0)]
    else:
        outputs = np.array([[3.0, 1.0], [2.0, 1.5], [1.0, 1.2], [0.1, 4.0]])
        plus, minus = outputs[:, :1], outputs[:, 1:]
        total = plus + minus
        s, ds = 2 * (plus - minus) / total, [4 * minus / total**2, -4 * plus / total**2]
    chance = 1 / (1 + np.exp(-s))
    right = np.where(labels[:, None] == 1, chance, 1 - chance)
    value, cotangent = loss(backend.array(outputs), backend.array(labels))
    assert float(value) == pytest.approx(-np.log(right).sum())
    expected = np.concatenate([(chance - labels[:, None]) * d for d in ds], axis=1)
    np.testing.assert_allclose(backend.numpy(cotangent), expected, rtol=1e-12)
    found = ratings(loss, loss.scores(backend.array(outputs)), backend.array(labels))
    assert backend.numpy(found).tolist() == [True, False, False, True]


@pytest.mark.parametrize("loss", [CrossEntropy(), MeanSquare()], ids=lambda loss: type(loss).__name__)
def test_one_detector_says_nothing(loss: Any) -> None:
    for call in (loss.scores, lambda p: loss(p, np.array([0, 1]))):
        with pytest.raises(ValueError, match="one detector alone says nothing, as only ratios count: two classes need two"):
            call(np.array([[1.0], [2.0]]))


def test_a_softmax_of_one_is_refused() -> None:
    """It is 1 whatever the network does: nothing could be learned."""
    with pytest.raises(ValueError, match="a softmax of one output is always 1: two classes need two outputs, or readout='state'"):
        systems.Hopfield(hidden=[5], outputs=1, inputs=4, readout="softmax", key=pnn.random.key(0))
    with pytest.raises(ValueError, match="of one class unit alone the chance is always 1: two classes need two"):
        systems.BoltzmannMachine(hidden=[5], outputs=1, inputs=4, key=pnn.random.key(0))


def test_the_report_reads_one_output_the_same_way() -> None:
    from pnnkern.experiments.pictures import circuits as draw

    loss, scores, labels = SquareError(0.6, 0.4), np.array([[0.55], [0.45], [0.58]]), np.array([1, 0, 0])
    assert draw.examples(scores, labels, loss).tolist() == [0, 1, 2]
    expected = [("class 1, read as 1", True, 0), ("class 0, read as 0", True, None), ("class 0, read as 1", False, None)]
    assert draw.titles(scores, labels, loss) == expected
