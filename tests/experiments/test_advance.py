"""A point is advanced whatever its state: the run is like any other, and what failed is written down and forgotten."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeps import GRID, state

from pnnkern.cli import main
from pnnkern.experiments import advance, checkpoint, controls, recipe, run, status, sweep


def test_a_point_is_a_run_like_any_other(written: Any, tmp_path: Path) -> None:
    """Started, stopped, gone on with: in the end every array is what `pnnkern run` with the same settings comes to."""
    folder = written(GRID)
    point = sweep.points(folder)[3]
    assert state(point.folder) == "pending"
    done = advance.advance(point.folder, quiet=True)
    assert done.code == 0
    assert state(point.folder) == "finished"
    settings = ["training.epochs=2", "control.iterations=20", "training.seed=1", "training.lr=0.03"]
    alone = run.start(recipe.find("coupled-iris", settings), tmp_path / "alone", quiet=True)
    ours, theirs = (checkpoint.load(f / run.CHECKPOINT) for f in (point.folder, tmp_path / "alone"))
    assert ours.state.keys() == theirs.state.keys()
    for name, array in theirs.state.items():
        np.testing.assert_array_equal(ours.state[name], array, err_msg=name)
    for control in ("control", "exact"):
        assert ours.meta[control]["test_accuracy"] == theirs.meta[control]["test_accuracy"]
    assert done.run is not None
    assert done.run.summary["metrics"] == alone.summary["metrics"]
    before = (point.folder / run.CHECKPOINT).stat().st_mtime_ns
    assert advance.advance(point.folder, quiet=True) == advance.Outcome(0, f"nothing to do: {point.folder} is finished")
    assert (point.folder / run.CHECKPOINT).stat().st_mtime_ns == before


def test_a_point_that_another_process_works_on(written: Any, capsys: pytest.CaptureFixture[str]) -> None:
    point = sweep.points(written(GRID))[0]
    with checkpoint.lock(point.folder):
        assert state(point.folder) == "running"
        assert main(["advance", str(point.folder), "--quiet"]) == 75
        assert f"another process works in {point.folder} (process {os.getpid()} on " in capsys.readouterr().out
        assert f"process {os.getpid()} on" in status.of_point(point)["holder"]
    assert state(point.folder) == "pending"


def test_to_look_is_not_to_hold(written: Any) -> None:
    """A glance at a lock, which takes a moment, does not keep a run from starting."""
    folder = sweep.points(written(GRID))[0].folder
    with checkpoint.lock(folder):
        pass
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            checkpoint.holder(folder)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(200):
            with checkpoint.lock(folder):
                pass
    finally:
        over.set()
        looking.join()


def test_a_stop_is_not_a_failure(written: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    point = sweep.points(written(GRID.replace('"training.epochs" = 2', '"training.epochs" = 3000')))[0]
    monkeypatch.setattr(controls, "linear", lambda *_: os.kill(os.getpid(), 15))
    assert main(["advance", str(point.folder), "--quiet"]) == 75
    monkeypatch.undo()
    assert "go on with: pnnkern advance" in capsys.readouterr().out
    assert state(point.folder) == "stopped"
    assert advance.failure(point.folder) is None


def test_a_failure_is_written_down_and_forgotten(written: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(GRID.replace("[set]", f'[set]\n"data.path" = "{tmp_path}/none.npz"'))
    point = sweep.points(folder)[0].folder
    for tries in (1, 2):
        assert main(["advance", str(point), "--quiet"]) == 2
        assert capsys.readouterr().err == f"pnnkern: error: the data file {os.path.realpath(tmp_path)}/none.npz does not exist\n"
        failure = advance.failure(point)
        assert failure is not None
        assert (failure.code, failure.tries) == (2, tries)
        assert failure.message.endswith("none.npz does not exist")
        assert state(point) == "failed"
    generator = np.random.default_rng(0)
    x, y = generator.uniform(size=(20, 4)), np.arange(20) % 3
    np.savez(tmp_path / "none.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (point / ".error.json.tmp0123456789abcdef").write_text("half")
    assert main(["advance", str(point), "--quiet"]) == 0
    assert not list(point.glob("*error.json*"))


def test_what_nobody_foresaw_is_kept_with_its_trace(written: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    point = sweep.points(written(GRID))[0].folder

    def fails(*_: Any) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(controls, "linear", fails)
    assert main(["advance", str(point), "--quiet"]) == 1
    assert capsys.readouterr().err == "pnnkern: error: ZeroDivisionError: by nothing\n"
    failure = advance.failure(point)
    assert failure is not None
    assert failure.code == 1
    assert any("in fails" in line for line in failure.traceback)


def test_more_epochs_are_gone_on_with(written: Any) -> None:
    point = sweep.points(written(GRID))[0].folder
    assert advance.advance(point, quiet=True).code == 0
    text = (point / run.CONFIG).read_text()
    (point / run.CONFIG).write_text(text.replace("epochs = 2", "epochs = 4"))
    assert state(point) == "stopped"
    done = advance.advance(point, quiet=True)
    assert done.run is not None
    assert len(done.run.trainer.evaluations) == 4
