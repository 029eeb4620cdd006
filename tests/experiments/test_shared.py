"""Controls that several runs have in common are made once, and waited for."""

import os
import shutil
import threading
from typing import Any

import pytest
from sweeps import GRID

from pnnkern.experiments import advance, checkpoint, controls, run, sweep


def test_controls_are_made_once(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four points by two rules: one linear control for all, an exact-gradient control for each seed."""
    text = GRID.replace('"training.lr" = [0.01, 0.03]', '"rule.eta" = [0.01, 0.02]').replace("0..2", "0..1")
    folder, made, linear = written(text), [], controls.linear

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return linear(*arguments)

    monkeypatch.setattr(controls, "linear", counted)
    points = sweep.points(folder)
    done = [advance.advance(point.folder, quiet=True) for point in points]
    assert [(one.code, one.message) for one in done] == [(0, f"finished: {point.folder}") for point in points]
    assert len(made) == 1
    kinds = sorted(path.name.partition("-")[0] for path in (folder / sweep.CONTROLS).iterdir())
    assert kinds == ["exact", "exact", "linear"]
    metas = [checkpoint.load(point.folder / run.CHECKPOINT).meta for point in points]
    assert len({meta["control"]["test_accuracy"] for meta in metas}) == 1
    by_seed = {point.values["training.seed"]: meta["exact"]["test_accuracy"] for point, meta in zip(points, metas, strict=True)}
    for point, meta in zip(points, metas, strict=True):
        assert meta["exact"]["test_accuracy"] == by_seed[point.values["training.seed"]]
        assert not (point.folder / run.EXACT).exists()


def test_a_control_in_work_is_waited_for(written: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    point = sweep.points(written(GRID))[0].folder
    assert advance.advance(point, quiet=True).code == 0
    (place,) = (point.parent / sweep.CONTROLS).glob("linear-*")
    result = (place / "result.json").read_bytes()
    (place / ".result.json.tmp0123456789abcdef").write_text("half")
    (place / "result.json").unlink()
    shutil.rmtree(point)
    second = sweep.points(point.parent)[0].folder
    held = checkpoint.lock(place)
    held.__enter__()
    monkeypatch.setattr(controls, "linear", lambda *_: pytest.fail("it is made by another process"))
    release = threading.Timer(1.0, lambda: ((place / "result.json").write_bytes(result), held.__exit__(None, None, None)))
    release.start()
    assert advance.advance(second, quiet=True).code == 0
    release.join()
    assert f"waiting: process {os.getpid()} on" in capsys.readouterr().err
    assert sorted(path.name for path in place.iterdir()) == [".lock", "result.json"]


def test_a_control_that_is_none_is_refused(written: Any) -> None:
    point = sweep.points(written(GRID))[0].folder
    assert advance.advance(point, quiet=True).code == 0
    (place,) = (point.parent / sweep.CONTROLS).glob("linear-*")
    (place / "result.json").write_text('{"test_accuracy": "a lot"}')
    failed = advance.advance(sweep.points(point.parent)[1].folder, quiet=True)
    assert failed.code == 2
    assert "holds no result of a control: remove it, and it is made again" in failed.message
