"""Tasks that are made here, and real targets: what they are, how they are judged, trained, controlled, reported and refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern._errors import DataError
from pnnkern.experiments import controls, data, recipe, report, run, tasks
from pnnkern.experiments.data import Dataset
from pnnkern.experiments.recipe import RecipeError
from pnnkern.learning import Logits, SquareError
from pnnkern.learning.metrics import accuracy, metrics, ratings


def named(name: str, chosen: dict[str, Any]) -> recipe.Recipe:
    """A recipe with some of its keys changed."""
    return recipe.find(name, [f"{key}={json.dumps(value)}" for key, value in chosen.items()])


def test_what_they_are() -> None:
    xor = data.load("xor")
    assert [int(a) ^ int(b) for a, b in xor.train_images] == xor.train_labels.tolist()
    assert (xor.real, xor.classes) == (False, 2)
    curve = data.load("curve")
    assert (curve.real, curve.classes, len(curve.train_labels), len(curve.test_labels)) == (True, 1, 16, 15)
    np.testing.assert_allclose(np.polyfit(curve.test_images[:, 0], curve.test_labels[:, 0], 2)[0], -2.2)
    plane = data.load("plane")
    assert controls.linear(plane)["test_accuracy"] == pytest.approx(1)
    assert not set(map(tuple, plane.train_images)) & set(map(tuple, plane.test_images))
    many = data.load("allostery:5x7")
    assert (many.train_images.shape, many.train_labels.shape, many.classes) == ((1, 5), (1, 7), 7)
    assert many.digest() == data.load("allostery:5x7").digest() != data.load("allostery:5x6").digest()
    for wrong in ("xor:2", "allostery", "allostery:3", "allostery:0x2", "curve:3x3"):
        with pytest.raises(DataError, match=r"is no task: there are xor, curve, plane, and allostery with its sources and targets"):
            data.load(wrong)
    with pytest.raises(DataError, match="the task plane has real targets and no classes to choose from"):
        plane.only([0, 1])
    assert len(plane.held_out(4).test_labels) == 8
    assert tasks.make("curve")[0].shape == (16, 1)


def test_accuracy_is_one_less_the_relative_error(rng: np.random.Generator) -> None:
    loss, labels = SquareError(0.7, 0.3), rng.random((9, 4))
    outputs = 0.3 + 0.4 * labels + 0.02 * rng.normal(size=(9, 4))
    error = np.sqrt((((outputs - 0.3) / 0.4 - labels) ** 2).mean())
    assert accuracy(metrics(loss, outputs, labels)["rating"] / len(labels), real=True) == pytest.approx(1 - error)
    halves = np.concatenate([ratings(loss, outputs[:4], labels[:4]), ratings(loss, outputs[4:], labels[4:])])
    assert accuracy(halves.mean(), real=True) == pytest.approx(1 - error)
    assert loss(outputs, labels)[0] == pytest.approx(((outputs - 0.3 - 0.4 * labels) ** 2).sum(axis=1).sum() / 2)
    assert metrics(Logits(), np.eye(3), np.array([0, 1, 1]))["rating"] == 2


def test_linear_control_is_least_squares(rng: np.random.Generator) -> None:
    x, y = rng.random((30, 3)), rng.random((30, 2))
    got = controls.linear(Dataset("toy", "here", x[:20], y[:20], x[20:], y[20:]))
    bordered = np.concatenate([x, np.ones((30, 1))], axis=1)
    answer = bordered[20:] @ np.linalg.lstsq(bordered[:20], y[:20], rcond=None)[0]
    assert got["test_accuracy"] == pytest.approx(1 - np.sqrt(((answer - y[20:]) ** 2).mean()))
    assert got["how"] == "least squares on 20 samples"


def test_a_row_of_real_targets_is_a_column(tmp_path: Path) -> None:
    """(n,) floating is (n, 1): one output, and a run of it learns."""
    x, y = np.linspace(0, 1, 8).reshape(8, 1), np.linspace(0.2, 0.8, 8)
    for name, labels in (("row", y), ("column", y[:, None]), ("mixed", (y, y[:, None]))):
        train, test = labels if isinstance(labels, tuple) else (labels, labels)
        np.savez(tmp_path / f"{name}.npz", x_train=x, y_train=train, x_test=x, y_test=test)
    row, column, mixed = (data.load(path=tmp_path / f"{name}.npz") for name in ("row", "column", "mixed"))
    assert row.train_labels.shape == row.test_labels.shape == (8, 1)
    assert (row.classes, row.real) == (1, True)
    assert row.digest() == column.digest() == mixed.digest()
    chosen = {"data.path": str(tmp_path / "row.npz"), "training.epochs": 5, "control.linear": False}
    made = run.assemble(named("transistor-curve", chosen), tmp_path).trainer
    for _ in range(5):
        made.advance()
    assert made.losses[-1] < made.losses[0]


def test_real_targets_of_your_own(tmp_path: Path) -> None:
    arrays = {"x_train": np.linspace(0, 1, 8).reshape(4, 2), "y_train": np.linspace(0, 1, 4)[:, None], "x_test": np.ones((1, 2)),
              "y_test": np.ones((1, 1))}  # fmt: skip
    np.savez(tmp_path / "mine.npz", **arrays)
    assert data.load(path=tmp_path / "mine.npz").real
    for change, message in (
        ({"y_train": 2 * arrays["y_train"]}, r"real targets y_train must be \(4, outputs\) in \[0, 1\], got \(4, 1\) up to 2"),
        ({"y_test": np.ones((1, 3))}, "must have as many outputs, got shapes"),
        ({"y_train": np.array([0.0, 1, 2, 1])}, r"must hold integer labels 0..C-1, got float64, or real targets in \[0, 1\], .* up to 2$"),
        ({"y_train": np.array([0.0, 1, -2, 1])}, r"or real targets in \[0, 1\], got values from -2$"),
        ({"y_train": np.array([0.0, 1, np.nan, 1])}, r"or real targets in \[0, 1\], got values with NaN$"),
        ({"y_train": np.ones(3)}, r"bad.npz: real targets y_train must be \(4, outputs\) in \[0, 1\], got \(3,\) up to 1$"),
        ({"y_train": np.array([0, 1, 0, 1])}, "bad.npz: y_train holds integer labels and y_test real targets: both must be the one or"),
    ):  # fmt: skip
        np.savez(tmp_path / "bad.npz", **(arrays | change))
        with pytest.raises(DataError, match=message):
            data.load(path=tmp_path / "bad.npz")


@pytest.mark.parametrize("rule", ["coupled-learning", "adjoint-learning", "frequency-propagation", "equilibrium-propagation"])
def test_eight_nodes_come_to_their_voltages(tmp_path: Path, rule: str) -> None:
    """What the run says of itself is what Kirchhoff's laws say of its conductances, solved here."""
    chosen = {"rule.kind": rule, "training.epochs": 150, "data.name": "allostery:3x5", "system.features": 3, "control.exact": False}
    if rule == "adjoint-learning":
        chosen["rule.loss"] = "mse"
    if rule == "equilibrium-propagation":
        chosen["rule.beta"] = 1e-5
    done = run.start(named("coupled-allostery", chosen), tmp_path / "r", quiet=True)
    system, sample = done.trainer.system, done.trainer.dataset
    k, edges, n = system.parameters["conductance"], system.network.edges, system.network.n_nodes
    laplacian = np.zeros((n, n))
    for (i, j), g in zip(edges, k, strict=True):
        laplacian[[i, j], [i, j]] += g
        laplacian[[i, j], [j, i]] -= g
    held, x = system.source_nodes, sample.test_images[0]
    free = np.setdiff1d(np.arange(n), held)
    v = np.zeros(n)
    v[held] = [*x, *(1 - x), 0.0, 1.0]
    v[free] = np.linalg.solve(laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, held)] @ v[held])
    error = np.sqrt((((v[system.target_nodes] - 0.3) / 0.4 - sample.test_labels[0]) ** 2).mean())
    metrics = done.summary["metrics"]
    assert metrics["test_accuracy"] == pytest.approx(1 - error)
    assert done.trainer.accuracies[0] < 0.9
    assert error < 0.01
    assert metrics["linear_control_accuracy"] == pytest.approx(1)
    if rule == "coupled-learning":
        page = report.write(done).read_text()
        assert "rms error relative to the targets' range, 1 test samples" in " ".join(page.split()).replace("&#x27;", "'")
        assert {"answers.png", "network.png", "conductances.png", "curves.png"} <= {p.name for p in (tmp_path / "r/report").iterdir()}


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("coupled-allostery", {"system.hinge": True}, r"real targets, which are to be met from both sides: set system.hinge=false$"),
        ("coupled-allostery", {"rule.kind": "in-silico", "rule.loss": "cross-entropy"},
         r"real targets, which need a square error: set rule.loss='mse'"),
        ("d2nn-digits", {"data.name": "plane"}, "plane has real .*: system.kind='d2nn' measures powers of light, which have none, as only"),
        ("d2nn-digits", {"data.name": "plane", "rule.loss": "mse"}, "powers of light, which have none"),
        ("coupled-regression", {"rule.kind": "in-silico", "rule.loss": "cross-entropy"},
         r"the task plane has real targets, .*: set rule.loss='mse'$"),
        ("coupled-regression", {"data.classes": [0, 1]}, "the task plane has real targets and no classes to choose from: leave data.classes"),
        ("coupled-regression", {"data.validation": 1}, "every 1-th training sample cannot be held out: .* plane has 32 training samples"),
        ("boltzmann-digits", {"data.name": "plane"}, "outputs of system.kind='boltzmann' are chances of classes, which have none"),
        ("boltzmann-digits", {"data.name": "plane", "rule.kind": "in-silico"}, "are chances of classes, which have none"),
        ("boltzmann-digits", {"rule.kind": "in-silico", "rule.loss": "mse"}, "logarithms of chances, which have no targets: .*'cross-entropy'"),
        ("ep-digits", {"data.name": "plane", "system.readout": "softmax"}, "a softmax has none: set system.readout='state'"),
        ("ep-digits", {"data.name": "plane", "rule.kind": "in-silico", "rule.loss": "cross-entropy"}, "set rule.loss='mse'"),
    ],
)
def test_refusals(tmp_path: Path, name: str, chosen: dict[str, Any], message: str) -> None:
    with pytest.raises((RecipeError, DataError), match=message):
        run.assemble(named(name, chosen), tmp_path)


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("d2nn-digits", {}, r"letters.npz has real targets, .*: labels of classes are given as integers, y.argmax\(1\)$"),
        ("coupled-allostery", {"system.hinge": True},
         r"letters.npz has real .* from both sides: set system.hinge=false; labels of classes are .*, y.argmax\(1\)$"),
    ],
)
def test_refusals_name_the_file_that_was_given(tmp_path: Path, name: str, chosen: dict[str, Any], message: str) -> None:
    images, labels = np.zeros((4, 28, 28), np.uint8), np.eye(4)
    np.savez(tmp_path / "letters.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    with pytest.raises(RecipeError, match=message):
        run.assemble(named(name, {**chosen, "data.path": str(tmp_path / "letters.npz")}), tmp_path)
