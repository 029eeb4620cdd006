"""Folders of sweeps: whole or not at all, and the same however often they are written."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sweeps import GRID

from pnnkern.cli import main
from pnnkern.experiments import compare, recipe, sweep
from pnnkern.experiments.recipe import RecipeError


def test_again_adds_only_what_is_new(written: Any, tmp_path: Path) -> None:
    folder = written(GRID)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.toml") if path.parent != folder}
    written(GRID)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.toml") if path.parent != folder} == before
    written(GRID.replace("0..2", "0..3"))
    numbers = [(point.number, point.values["training.seed"]) for point in sweep.points(folder)]
    assert numbers == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3)]


def test_what_a_killed_process_left_is_cleared(written: Any) -> None:
    folder = written(GRID)
    left = folder / ".0123456789ab.tmp0123456789abcdef"
    left.mkdir()
    (left / "config.toml").write_text("half")
    (folder / ".sweep.toml.tmp0123456789abcdef").write_text("half")
    shutil.rmtree(sweep.points(folder)[2].folder)
    written(GRID)
    assert not list(folder.glob(".*"))
    assert len(sweep.points(folder)) == 6


def test_a_recipe_beside_the_sweep_and_paths_of_data(written: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text('[system]\nkind = "resistor-network"\n[data]\npath = "x.npz"\n[rule]\nkind = "coupled-learning"\n')
    monkeypatch.chdir(tmp_path)
    (point,) = sweep.points(written('recipe = "mine.toml"\n'))
    assert point.values == {}
    assert recipe.read_run(point.folder).data.path == os.path.realpath(tmp_path / "x.npz")


def test_a_folder_that_is_there(written: Any, tmp_path: Path, copied_run: Path) -> None:
    """An empty one is taken, and that of a run refused."""
    (tmp_path / "b").mkdir()
    assert len(sweep.points(written(GRID))) == 6
    with pytest.raises(RecipeError, match="holds a run: choose another --out for a sweep"):
        sweep.write(tmp_path / "sweep.toml", copied_run)


def test_folders_that_are_no_sweep(tmp_path: Path, copied_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("status", "collect", "launch"):
        assert main([command, str(tmp_path)]) == 2
        assert "holds no sweep: there is no sweep.toml in it" in capsys.readouterr().err
    assert main(["advance", str(copied_run)]) == 2
    assert "is no point of a sweep" in capsys.readouterr().err


def test_what_a_sampler_is_told(half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished points with what they came to; those that are not finished as not known."""
    rows = [compare.row_of(point.folder)["test_accuracy"] for point in sweep.points(half)]
    row_of = compare.row_of
    monkeypatch.setattr(compare, "row_of", lambda folder: row_of(folder) | {"config": {"data.validation": 4}})  # as if it were held out
    told = list(sweep._results(half, [replace(point, values={"n": point.number}) for point in sweep.points(half)]))
    assert told == [({"n": n}, rows[n] if n < 3 else None) for n in range(6)]
