"""Rules with a state of their own, as recipes name them: they learn, go on to the bit wherever they stopped, and refuse in one line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pnnkern.cli import main
from pnnkern.experiments import checkpoint, matrix, recipe, run

DIGITS = ("data.train=40", "data.test=20", "training.batch=16", "control.linear=false", "control.exact=false")
LIGHT = ("system.layers=2", "system.size=16", "system.input_size=14", "system.detector_size=2", *DIGITS)
TOYS: dict[str, tuple[str, ...]] = {
    "ff-digits": ("system.hidden=[12, 9]", *DIGITS),
    "ff-d2nn-digits": ("rule.width=2", *LIGHT),
    "pepg-iris": ("data.train=30", "rule.pairs=3", "control.linear=false", "control.exact=false"),
    "readout-digits": ("system.feature_grid=6", *LIGHT),
}
STATES = {
    "ff-digits": {"threshold"},
    "ff-d2nn-digits": {"threshold"},
    "pepg-iris": {"w0.sigma", "w1.sigma"},
    "readout-digits": {"gram", "cross", "weights"},
}


def words(settings: Sequence[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def states(folder: Path) -> dict[str, np.ndarray]:
    return checkpoint.load(folder / run.CHECKPOINT).state


def assert_same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    assert set(one) == set(two)
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name], err_msg=name)


@pytest.mark.parametrize("name", TOYS)
def test_resumed_from_the_command_line(name: str, tmp_path: Path) -> None:
    """Two epochs straight through, and one that is gone on with: the same to the bit, the rule's state with them."""
    settings = words((*TOYS[name], "training.schedule='constant'"))
    assert main(["run", name, "--out", str(tmp_path / "whole"), "--epochs", "2", "--quiet", *settings]) == 0
    assert main(["run", name, "--out", str(tmp_path / "half"), "--epochs", "1", "--quiet", *settings]) == 0
    before = states(tmp_path / "half")
    assert main(["resume", str(tmp_path / "half"), "--set", "training.epochs=2", "--quiet"]) == 0
    whole = states(tmp_path / "whole")
    assert_same(states(tmp_path / "half"), whole)
    kept = {path.removeprefix("rule/") for path in whole if path.startswith("rule/")}
    assert kept == STATES[name]
    assert all((before[f"rule/{path}"] != whole[f"rule/{path}"]).any() for path in kept)
    if name == "readout-digits":
        assert (before["parameters/phase"] == whole["parameters/phase"]).all()


def trainer(name: str, device: str) -> Any:
    settings = (*TOYS[name], "training.epochs=2", f"compute.device='{device}'")
    return run.assemble(recipe.find(name, settings), Path("unused")).trainer


@pytest.mark.parametrize("name", TOYS)
def test_restored_in_the_midst_of_an_epoch(backend: Any, name: str) -> None:
    """Where its state lies on a GPU, it does again."""
    if backend.name == "host":
        pytest.skip("the same arrays as on a CPU")
    whole, half, other = (trainer(name, backend.device) for _ in range(3))
    for _ in range(4):
        whole.advance()
    half.advance()
    other.restore(half.saved())
    for _ in range(3):
        other.advance()
    assert_same(other.saved(), whole.saved())
    assert {type(value) for value in other.state.values()} == {type(value) for value in whole.state.values()}
    np.testing.assert_array_equal(other.test_scores(), whole.test_scores())


def test_the_matrix_has_them() -> None:
    cells = matrix.collect()
    assert cells["forward-forward"]["crossbar"].trains
    assert cells["forward-forward"]["d2nn"].needs.startswith("system.between='photodetector'")
    for rule, kinds in {"forward-forward": {"crossbar", "d2nn"}, "fitted-readout": set(cells["spsa"]), "pepg": set(cells["spsa"])}.items():
        assert {kind for kind, cell in cells[rule].items() if not cell.reason} == kinds


def refused(capsys: pytest.CaptureFixture[str], folder: Path, name: str, *settings: str) -> str:
    assert main(["run", name, "--out", str(folder), "--quiet", *words((*TOYS[name], *settings))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert not folder.exists()
    return line


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "r"
    long = refused(capsys, folder, "ff-digits", "rule.width=100")
    assert "a label of width 100 of 10 classes is longer than a sample: it takes 1000 values, and there are 784" in long
    field = refused(capsys, folder, "ff-d2nn-digits", "system.between='field'")
    assert "rule.kind='forward-forward' needs system.between='photodetector'" in field
    other = refused(capsys, folder, "readout-digits", "rule.kind='forward-forward'")
    assert "needs system.between='photodetector'" in other


def test_one_class_and_real_targets_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pnnkern.learning import ForwardForward
    from pnnkern.random import key
    from pnnkern.systems import CrossbarNetwork

    with pytest.raises(ValueError, match="forward-forward tries each label: it needs two classes or more, with an output each, got 1"):
        ForwardForward().init(CrossbarNetwork(inputs=16, hidden=(4,), outputs=1, key=key(0)))
    plane = ("data.name='plane'", "data.train=0", "data.test=0", "system.inputs=2")
    line = refused(capsys, tmp_path / "r", "ff-digits", *plane)
    assert "rule.kind='forward-forward' tells classes apart" in line
