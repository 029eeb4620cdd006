"""Runs of misbuilt systems say what the model's parameters are worth on them without training in place."""

import json
from pathlib import Path
from typing import Any

import pytest

from pnnkern.cli import main
from pnnkern.experiments.run import load
from pnnkern.learning import InSilico

FEW = ["--set", "data.train=60", "--set", "data.test=30", "--epochs", "3", "--set", "control.linear=false", "--quiet", "--json"]
WRONG = ["--set", "system.mismatch=0.5"]


def run(capsys: pytest.CaptureFixture[str], folder: Path, recipe: str, *settings: str) -> dict[str, Any]:
    assert main(["run", recipe, "--out", str(folder), *settings, *FEW]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]
    return found


def test_deployed_beside_trained_in_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What exact gradients of the model come to on the model, and on what was built: in the metrics, the report and the comparison."""
    metrics = run(capsys, tmp_path / "r", "ep-digits", "--set", "system.hidden=[12]", *WRONG)
    whole, exact = load(tmp_path / "r"), load(tmp_path / "r" / "exact")
    assert exact.recipe.system.values()["mismatch"] == 0.0
    assert exact.trainer.system.perfect
    assert metrics["exact_gradient_accuracy"] == exact.trainer.evaluate()[1]
    system = whole.trainer.system
    system.parameters.update(exact.trainer.system.parameters)
    data = whole.trainer.dataset
    scores = InSilico().predict(system, {}, whole.trainer.batch_of(data.test_images[:30], data.test_labels[:30], 0))
    assert metrics["deployed_accuracy"] == pytest.approx(float((scores.argmax(axis=1) == data.test_labels).mean()))
    assert main(["report", str(tmp_path / "r"), "--images", "4"]) == 0
    assert "deployed without training" in (tmp_path / "r" / "report" / "index.html").read_text()
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "r"), str(tmp_path / "r" / "exact")]) == 0
    assert "deployed" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "r"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["deployed_accuracy"] == metrics["deployed_accuracy"]


def test_in_silico_is_deployed_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = run(capsys, tmp_path / "r", "coupled-iris", "--set", "system.nodes=25", "--set", "rule.kind=in-silico", *WRONG)
    assert metrics["deployed_accuracy"] == metrics["test_accuracy"]


def test_nothing_is_said_where_nothing_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "deployed_accuracy" not in run(capsys, tmp_path / "r", "coupled-iris", "--set", "system.nodes=25")
    assert main(["compare", str(tmp_path / "r")]) == 0
    assert "deployed" not in capsys.readouterr().out


def test_a_misbuilt_network_of_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its control is of the masks as designed."""
    settings = ["--set", "rule.kind=physics-aware", "--set", "system.misalignment=4e-4", "--set", "system.size=40", "--set", "system.layers=2"]
    metrics = run(capsys, tmp_path / "r", "d2nn-digits", *settings, "--set", "system.input_size=20", "--set", "system.detector_size=4")
    assert load(tmp_path / "r" / "exact").trainer.system.imperfections.perfect
    assert 0 <= metrics["deployed_accuracy"] <= 1
