"""What a sweep has come to, whatever the state of its points: means over seeds, tables, a picture."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from sweeps import GRID

from pnnkern.cli import main
from pnnkern.experiments import collect, compare, sweep
from pnnkern.experiments.recipe import RecipeError


def test_collect_puts_seeds_together(half: Path, tmp_path: Path) -> None:
    rows = collect.collect(half)
    assert [row["state"] for row in rows] == ["finished"] * 3 + ["stopped", "failed", "pending"]
    first, second = collect.groups(rows)
    accuracies = [row["test_accuracy"] for row in rows]
    assert (first["differs"], first["n"], first["left_out"]) == ({"training.lr": 0.01}, 2, 1)
    assert first["test_accuracy"] == pytest.approx((accuracies[0] + accuracies[2]) / 2)
    assert first["test_accuracy_deviation"] == pytest.approx(abs(accuracies[0] - accuracies[2]) / 2**0.5)
    assert (second["n"], second["left_out"], second["test_accuracy"], second["test_accuracy_deviation"]) == (1, 2, accuracies[1], None)
    assert [group["differs"] for group in collect.groups(rows, ["seed"])] == [{"training.seed": seed} for seed in (0, 1, 2)]
    with pytest.raises(RecipeError, match="no single key of these runs is 'sed'"):
        collect.groups(rows, ["sed"])


def test_collect_writes_tables_and_a_picture(half: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["collect", str(half), "--out", str(tmp_path / "p.svg"), "--csv", str(tmp_path / "t.csv"), "--h5", str(tmp_path / "t.h5")]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "6 points: 3 finished, 1 stopped, 1 pending, 1 failed" in shown
    assert "test accuracy" in (tmp_path / "p.svg").read_text()
    rows = (tmp_path / "t.csv").read_text().splitlines()
    assert len(rows) == 7
    assert rows[0].startswith("point,state,")
    assert rows[0].endswith("training.seed,training.lr")
    with h5py.File(tmp_path / "t.h5") as file:
        assert file["state"].asstr()[()].tolist() == ["finished"] * 3 + ["stopped", "failed", "pending"]
        assert file["values/training.lr"][()].tolist() == [0.01, 0.03] * 3
        accuracy = file["test_accuracy"][()]
        assert np.isnan(accuracy[4:]).all()
        row = compare.row_of(sweep.points(half)[1].folder)
        assert accuracy[1] == row["test_accuracy"]
        np.testing.assert_array_equal(file[f"curves/{sweep.points(half)[1].folder.name}"][()], row["curve"])
        assert file["seconds"].attrs["units"] == "s"


def test_collect_of_nothing_yet(written: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(GRID)
    assert main(["collect", str(folder)]) == 0
    assert "6 points: 6 pending" in capsys.readouterr().out
    assert not (folder / "collected.png").exists()
