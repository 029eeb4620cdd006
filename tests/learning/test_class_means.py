"""Targets of classes that the untrained system's own outputs say: Stern et al., Phys. Rev. X 11, 021045 (2021), section V."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern import load, random
from pnnkern._updates import dense
from pnnkern.cli import main
from pnnkern.experiments import recipe
from pnnkern.experiments.loop import Trainer
from pnnkern.experiments.run import assemble
from pnnkern.learning import Batch, CoupledLearning, EquilibriumPropagation, NearestTarget, coupled_learning_update, one_step
from pnnkern.systems import Hopfield, ResistorCircuit
from pnnkern.testing import check_vjp

KEY = random.key(5)
OWN = ("rule.targets=class-means", "control.linear=false", "control.exact=false")


def circuit(**how: Any) -> ResistorCircuit:
    return ResistorCircuit(**{"nodes": 20, "features": 2, "outputs": 2, "spread": 0.3, "hinge": False, "key": KEY, "dtype": "float64"} | how)


def aims(outputs: np.ndarray, labels: np.ndarray, amplitude: float) -> np.ndarray:
    """As far from the mean of all as the class means, times the amplitude."""
    middle = outputs.mean(axis=0)
    return np.array([middle + amplitude * (outputs[labels == c].mean(axis=0) - middle) for c in range(labels.max() + 1)])


def trainer(*sets: str) -> Trainer:
    return assemble(recipe.find("coupled-iris", (*OWN, "system.hinge=false", "system.nodes=30", *sets)), Path("unused")).trainer


@pytest.mark.parametrize("more", [{}, {"samples": "misclassified"}])
def test_steps_go_towards_them(more: dict[str, Any], rng: np.random.Generator) -> None:
    system = circuit()
    x, labels = system.encode(rng.random((30, 2))), np.arange(30) % 3  # three classes of two outputs
    target = aims(system.forward(x), labels, 1.5)
    weights = None
    if more:
        d = system.forward(x)[:, None] - target
        weights = ((d**2).sum(axis=2).argmin(axis=1) != labels).astype(float)
        assert 0 < weights.sum() < 30
    wanted = coupled_learning_update(*system.resistors(x), target[labels], eta=0.05, weights=weights)
    updates, metrics = one_step(CoupledLearning(0.05, targets="class-means", amplitude=1.5, **more), system, Batch(x, labels, chunk=7))
    np.testing.assert_allclose(dense(updates["conductance"]) / 30, wanted, rtol=1e-10, atol=1e-13 * abs(wanted).max())
    assert metrics["loss"] == pytest.approx(((system.forward(x) - target[labels]) ** 2).sum() / 2)
    nearest = ((system.forward(x)[:, None] - target) ** 2).sum(axis=2).argmin(axis=1)
    assert metrics["rating"] == (nearest == labels).sum()


def test_targets_are_of_all_training_samples() -> None:
    """Of the untrained network, whatever the batches, and the same after a restart."""
    one = trainer("training.batch=7")
    images, labels = one.dataset.train_images, one.dataset.train_labels
    wanted = aims(one.system.forward(one.system.encode(images)), labels, 2.0)
    np.testing.assert_allclose(one.state["class_targets"], wanted, rtol=1e-12)
    one.advance()
    saved, later = one.saved(), trainer("training.batch=7")
    later.restore(saved)
    for at in (one, later):
        for _ in range(3):
            at.advance()
    assert np.array_equal(one.state["class_targets"], later.state["class_targets"])
    assert np.array_equal(one.system.parameters["conductance"], later.system.parameters["conductance"])
    moved = trainer("training.batch=7", "rule.amplitude=3.0").state["class_targets"]
    middle = one.system.forward(one.system.encode(images)).mean(axis=0)
    assert abs(moved - wanted).max() == pytest.approx(abs(wanted - middle).max() / 2, rel=0.05)


@pytest.mark.parametrize("rule", ["coupled-learning", "equilibrium-propagation"])
def test_recipes_learn(rule: str) -> None:
    one = trainer(f"rule.kind={rule}")
    before, worse = one.evaluate()
    for _ in range(60):
        one.advance()
    after, better = one.evaluate()
    assert after < 0.7 * before
    assert better > max(worse, 0.8)


def test_a_run_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [word for key in (*OWN, "system.hinge=false", "system.nodes=20", "training.epochs=3") for word in ("--set", key)]
    assert main(["run", "coupled-iris", "--out", str(tmp_path / "a"), "--quiet", *sets]) == 0
    told = capsys.readouterr().out
    done = load(tmp_path / "a")
    data = assemble(recipe.find("coupled-iris", (*OWN, "system.hinge=false")), Path("unused")).trainer.dataset
    share = (done.predict(data.test_images).argmax(axis=1) == data.test_labels).mean()
    assert share == pytest.approx(done.metrics["test_accuracy"])
    assert f"{100 * share:.2f}" in told
    assert main(["report", str(tmp_path / "a")]) == 0


@pytest.mark.parametrize(
    ("name", "sets", "line"),
    [
        ("coupled-iris", (), "rule.targets='class-means' are to be met from both sides: set system.hinge=false"),
        ("ep-digits", ("system.readout=softmax",), "here these are chances of classes: leave it at 'one-hot'"),
        ("coupled-regression", (), "has real targets, which need a square error: set rule.targets='one-hot'"),
    ],
)
def test_what_has_none_is_refused(name: str, sets: tuple[str, ...], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for key in (*OWN, *sets) for word in ("--set", key)]
    assert main(["run", name, "--out", str(tmp_path / "a"), *words]) == 2
    assert line in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_real_targets_from_python(rng: np.random.Generator) -> None:
    system = circuit()
    with pytest.raises(ValueError, match=r"rule\.targets='class-means' needs labels that are classes"):
        one_step(EquilibriumPropagation(1e-5, targets="class-means"), system, Batch(system.encode(rng.random((4, 2))), rng.random((4, 2))))
    machine = Hopfield(inputs=4, hidden=[3], outputs=2, key=KEY)
    with pytest.raises(ValueError, match=r"labels must be all of 0 \.\. 1 if there are 2 classes"):
        one_step(EquilibriumPropagation(0.1, targets="class-means"), machine, Batch(rng.random((4, 4), np.float32), np.array([0, 2, 0, 2])))


# ------------------------------------------------------------------------------------------------------------------- the loss
def test_the_nearest_target_is_the_answer(rng: np.random.Generator) -> None:
    target, outputs, labels = rng.normal(size=(4, 3)), rng.normal(size=(6, 3)), np.array([0, 1, 2, 3, 0, 1])
    loss = NearestTarget(target)
    scores = loss.scores(outputs)
    distances = np.array([[np.linalg.norm(o - t) for t in target] for o in outputs])
    np.testing.assert_allclose(scores, -(distances**2) / 2, rtol=1e-12)
    value, _ = loss(outputs, labels)
    assert value == pytest.approx((distances[np.arange(6), labels] ** 2).sum() / 2)
    assert NearestTarget().value(scores, labels) == pytest.approx(value)
    check_vjp(lambda o: np.atleast_1d(loss(o, labels)[0]), lambda c, o, wrt: loss(o, labels)[1] * c, outputs, wrt="o")
    with pytest.raises(ValueError, match="class_targets are missing"):
        NearestTarget().scores(outputs)
    with pytest.raises(ValueError, match=r"class_targets must be \(classes, 3\), got shape \(4, 2\)"):
        NearestTarget(target[:, :2])(outputs, labels)
    with pytest.raises(ValueError, match="labels must"):
        loss(outputs, labels + 1)
