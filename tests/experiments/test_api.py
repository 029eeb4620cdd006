"""Training from Python: in memory, in a folder, resumed, loaded; systems of one's own take part in everything."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import pnnkern as pnn
from pnnkern._errors import CheckpointError, DataError
from pnnkern.experiments import compare, recipe, run
from pnnkern.experiments.recipe import RecipeError
from pnnkern.learning import PEPG, SPSA, FittedReadout, InSilico, PhysicsAware
from pnnkern.systems import OscillatorMachine, from_callable

KEY = pnn.random.key(11)
HOW: dict[str, Any] = {"epochs": 2, "batch": 32, "quiet": True}


def digits() -> tuple[np.ndarray, ...]:
    data = pnn.load_data("digits").head(160, 60)
    return data.train_images, data.train_labels, data.test_images, data.test_labels


def machine() -> OscillatorMachine:
    return OscillatorMachine(inputs=64, hidden=[12], key=KEY, steps=10, nudged_steps=5)


def bench(seed: int = 0) -> Any:
    w = 0.1 * np.random.default_rng(seed).normal(size=(64, 10))
    model = (lambda x, p: x @ p["w"], lambda g, x, p: {"w": x.T @ g, "inputs": g @ p["w"].T})
    return from_callable(lambda x, p: 1.1 * x @ p["w"], {"w": w}, twin=model)


def test_five_lines_in_memory() -> None:
    system = machine()
    trained = pnn.train(system, "equilibrium-propagation", digits(), lr=0.5, optimizer="sgd", epochs=20, batch=8, quiet=True)
    assert trained.metrics["test_accuracy"] > 0.5
    assert len(trained.evaluations) == 20
    assert trained.folder is None
    assert trained.system is system
    scores = trained.predict(digits()[2])
    right = (scores.argmax(axis=1) == digits()[3]).mean()
    assert right == pytest.approx(trained.metrics["test_accuracy"])
    assert trained.accuracy(*digits()[2:]) == pytest.approx(right)
    assert trained.passes == 3 * 20 * 160  # a free phase of each sample, and one nudged to either side
    assert pnn.evaluate(system, trained.rule, digits()) == pytest.approx({k: trained.metrics[k] for k in ("test_accuracy", "test_loss")})
    with pytest.raises(ValueError, match="as many labels as samples, got 3 and 60"):
        trained.accuracy(digits()[2], [0, 1, 2])
    with pytest.raises(ValueError, match="train with out=FOLDER"):
        trained.report()


def test_a_system_is_tested_as_it_is() -> None:
    """Of known weights, whose answers are worked out here; nothing moves."""
    x_test, y_test = digits()[2:]
    system = bench()
    before = system.parameters["w"].copy()
    found = pnn.evaluate(system, "physics-aware", digits())
    scores = 1.1 * x_test.reshape(60, 64) / 255 @ before
    assert found["test_accuracy"] == pytest.approx((scores.argmax(axis=1) == y_test).mean())
    assert np.array_equal(system.parameters["w"], before)
    with pytest.raises(RecipeError, match="cannot train"):
        pnn.evaluate(system, "coupled-learning", digits())


def test_a_recipe_is_run_from_python(tmp_path: Path) -> None:
    few = {"data.train": 64, "data.test": 32, "training.epochs": 2, "system.hidden": [8], "control.linear": False, "control.exact": False}
    there = pnn.run("crossbar-digits", few, out=tmp_path / "r", quiet=True)
    beside = run.start(recipe.find("crossbar-digits", [f"{k}={json.dumps(v)}" for k, v in few.items()]), tmp_path / "s", quiet=True)
    assert there.metrics == beside.summary["metrics"]
    assert pnn.run("crossbar-digits", few, quiet=True).evaluations == there.evaluations  # in memory
    assert len(pnn.run("crossbar-digits", few | {"training.epochs": 3}, out=tmp_path / "r", quiet=True).evaluations) == 3  # gone on with
    with pytest.raises(RecipeError, match=r"holds another run: system.hidden differ"):
        pnn.run("crossbar-digits", few | {"system.hidden": [9]}, out=tmp_path / "r", quiet=True)
    with pytest.raises(RecipeError, match="no recipe is called 'crosbar-digits'"):
        pnn.run("crosbar-digits")


def test_data_and_what_they_come_to_without_physics() -> None:
    data = pnn.load_data("digits")
    assert (data.classes, len(data.train_labels)) == (10, 1437)
    x = data.train_images.reshape(1437, 64) / np.float32(255)
    by_hand = LogisticRegression(max_iter=200).fit(x, data.train_labels)
    share = by_hand.score(data.test_images.reshape(360, 64) / np.float32(255), data.test_labels)
    assert pnn.linear_control(data)["test_accuracy"] == pytest.approx(share)


@pytest.mark.parametrize("rule", [PEPG(pairs=2, sigma=0.05), FittedReadout(), SPSA(c=0.01), PhysicsAware()])
def test_a_run_in_a_folder_goes_on_to_the_bit_and_is_loaded(tmp_path: Path, rule: Any) -> None:
    whole = pnn.train(bench(), rule, digits(), out=tmp_path / "whole", **HOW)
    half = pnn.train(bench(), rule, digits(), out=tmp_path / "half", **HOW | {"epochs": 1})
    assert len(half.evaluations) == 1
    again = pnn.train(bench(), rule, digits(), out=tmp_path / "half", **HOW)
    assert (again.losses, again.evaluations) == (whole.losses, whole.evaluations)
    assert all(np.array_equal(again.system.parameters[n], p) for n, p in whole.system.parameters.items())
    assert all(np.array_equal(again.state[n], s) for n, s in whole.state.items())
    loaded = pnn.load(tmp_path / "half", bench(seed=5))
    assert np.array_equal(loaded.predict(digits()[2]), whole.predict(digits()[2]))
    assert type(loaded.rule) is type(rule)
    assert loaded.passes == whole.passes == 2 * 160 * rule.passes
    assert loaded.metrics["test_accuracy"] == whole.metrics["test_accuracy"]


def test_systems_of_a_kind_are_made_again_from_the_folder_alone(tmp_path: Path) -> None:
    trained = pnn.train(machine(), InSilico(), digits(), out=tmp_path / "r", controls=True, **HOW)
    loaded = pnn.load(tmp_path / "r")
    assert (type(loaded.system), loaded.system.hidden, loaded.system.outputs) == (OscillatorMachine, [12], 10)
    assert np.array_equal(loaded.predict(digits()[2]), trained.predict(digits()[2]))
    assert "linear_control_accuracy" in trained.metrics
    page = trained.report()
    assert json.loads((page.parent / "metrics.json").read_text())["metrics"] == trained.metrics


def test_a_calibrated_system_is_calibrated_by_the_same_samples_wherever_it_is_loaded(tmp_path: Path) -> None:
    """ADC ranges are those of the run, whose samples its recipe names: outputs of the loaded system are equal to the bit."""
    tiny = ("system.hidden=[8]", "system.adc_bits=6", "data.train=100", "data.test=20", "training.epochs=1", "control.linear=false")
    done = run.start(recipe.find("crossbar-digits", (*tiny, "control.exact=false")), tmp_path / "r", quiet=True)
    images = done.trainer.dataset.test_images
    np.testing.assert_array_equal(pnn.load(tmp_path / "r").predict(images), done.trainer.test_scores())
    again = run.load(tmp_path / "r")
    np.testing.assert_array_equal(again.trainer.test_scores(), done.trainer.test_scores())


def test_outputs_do_not_follow_from_the_samples_taken(tmp_path: Path) -> None:
    tiny = ("system.hidden=[8]", "data.train=3", "data.test=2", "training.epochs=1", "control.linear=false", "control.exact=false")
    assert run.assemble(recipe.find("ff-digits", tiny), tmp_path).trainer.system.outputs == 10


def test_your_own_has_controls_and_is_compared(tmp_path: Path) -> None:
    one = pnn.train(bench(), PhysicsAware(), digits(), out=tmp_path / "one", controls=True, **HOW)
    assert {"linear_control_accuracy", "exact_gradient_accuracy"} <= set(one.metrics)
    pnn.train(bench(), SPSA(c=0.01), digits(), out=tmp_path / "two", **HOW)
    rows = compare.collect([tmp_path / "one", tmp_path / "two"])
    assert [row["differs"]["rule.kind"] for row in rows] == ["physics-aware", "spsa"]


PLUGIN = """
import numpy as np
import pnnkern as pnn

def bench(key, outputs):
    w = 0.1 * pnn.random.normal(key, (64, outputs), dtype=np.float64)
    model = (lambda x, p: x @ p["w"], lambda g, x, p: {"w": x.T @ g})
    return pnn.systems.from_callable(lambda x, p: 1.1 * x @ p["w"], {"w": w}, twin=model)
"""


def test_a_recipe_names_your_own_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_lab.py").write_text(PLUGIN)
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[data]\nname = "digits"\ntrain = 160\ntest = 60\n[system]\nplugin = "my_lab.py:bench"\n[rule]\nkind = "physics-aware"\n')
    monkeypatch.chdir(tmp_path)
    chosen = pnn.experiments.recipe.find(str(recipe), ["training.epochs=1"])
    run.start(chosen, tmp_path / "r", quiet=True)
    monkeypatch.chdir(tmp_path.parent)
    done = run.resume(tmp_path / "r", ("training.epochs=2",), quiet=True)
    assert done.finished
    assert done.summary["metrics"]["exact_gradient_accuracy"] > 0.5
    assert pnn.load(tmp_path / "r").metrics["test_accuracy"] == done.summary["metrics"]["test_accuracy"]
    for wrong, message in (
        ("my_lab.py", "must be FILE.py:FUNCTION"), ("none.py:bench", "the file .*none.py does not exist"),
        ("my_lab.py:other", "there is no function 'other'"), ("my_lab.py:np", "there is no function 'np'"),
    ):  # fmt: skip
        monkeypatch.chdir(tmp_path)
        with pytest.raises(RecipeError, match=message):
            run.start(pnn.experiments.recipe.find(str(recipe), [f"system.plugin={wrong}"]), tmp_path / "x", quiet=True)


def test_what_does_not_fit_is_one_line(tmp_path: Path) -> None:
    data = digits()
    with pytest.raises(TypeError, match=r"system must be one of pnnkern.systems, such as from_callable makes, got int"):
        pnn.train(3, InSilico(), data)
    with pytest.raises(RecipeError, match="no rule is of kind 'insilico': the nearest is 'in-silico'"):
        pnn.train(bench(), "insilico", data)
    with pytest.raises(DataError, match="no data set is called 'digit'"):
        pnn.train(bench(), "in-silico", "digit")
    with pytest.raises(RecipeError, match="which lacks"):
        pnn.train(bench(), "equilibrium-propagation", data, quiet=True)
    with pytest.raises(RecipeError, match=r"training\.epochs"):
        pnn.train(bench(), "in-silico", data, epochs=0)
    pnn.train(bench(), InSilico(), data, out=tmp_path / "r", **HOW)
    with pytest.raises(RecipeError, match=r"holds another run: rule\.kind"):
        pnn.train(bench(), SPSA(), data, out=tmp_path / "r", **HOW)
    with pytest.raises(CheckpointError, match="cannot be made again"):
        pnn.load(tmp_path / "r")
    blind = from_callable(lambda x, p: x @ p["w"] / 0, {"w": np.ones((64, 10))})
    with pytest.raises(ValueError, match="forward gives NaN"), np.errstate(all="ignore"):
        pnn.train(blind, SPSA(), data, out=tmp_path / "nan", **HOW)
    assert not (tmp_path / "nan").exists()
