"""Which points a sweep has: grids, lists, draws that are those of their key, and proposals that learn; what is none is refused."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeps import GRID, IRIS, values

from pnnkern import random
from pnnkern.cli import main
from pnnkern.experiments import advance, recipe, samplers, sweep
from pnnkern.experiments.recipe import RecipeError


def test_a_grid_is_every_combination(written: Any) -> None:
    folder = written(GRID)
    assert values(folder) == [{"training.seed": seed, "training.lr": lr} for seed in (0, 1, 2) for lr in (0.01, 0.03)]
    for point in sweep.points(folder):
        config = recipe.read_run(point.folder)
        assert point.folder.name == recipe.digest(config)
        assert (config.training.seed, config.training.lr) == tuple(point.values.values())
        assert (config.training.epochs, config.control.iterations) == (2, 20)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["sweep.toml", *(p.folder.name for p in sweep.points(folder))])


def test_lists_stand_side_by_side(written: Any) -> None:
    grid, listed = '[grid]\n"training.seed" = [5, 6]\n', '[list]\n"rule.kind" = ["coupled-learning", "spsa"]\n"training.lr" = [0.1, 0.2]\n'
    assert values(written(IRIS + grid + listed)) == [
        {"training.seed": seed, "rule.kind": kind, "training.lr": lr}
        for seed in (5, 6)
        for kind, lr in (("coupled-learning", 0.1), ("spsa", 0.2))
    ]


def test_a_range_may_be_of_one_number_and_below_zero(written: Any) -> None:
    assert values(written(IRIS + '[grid]\n"training.seed" = "3..3"\n')) == [{"training.seed": 3}]
    assert list(samplers.choose(samplers.Asked(recipe="x", grid={"a": "-2..0"}))) == [{"a": -2}, {"a": -1}, {"a": 0}]


def test_draws_are_those_of_their_key(written: Any, tmp_path: Path) -> None:
    text = 'count = 40\nseed = 3\n' + IRIS + (
        '[random]\n"training.lr" = { low = 1e-3, high = 0.1, log = true }\n"training.batch" = { low = 3, high = 5, integer = true }\n'
        '"rule.variant" = { choices = ["positive", "negative"] }\n"rule.eta" = { low = 0.1, high = 0.5 }\n'
    )
    found = values(written(text))
    shares = random.uniform(random.fold_in(random.key(3), "training.lr"), (40,), dtype="float64")
    np.testing.assert_allclose([v["training.lr"] for v in found], 1e-3 * 100**shares, rtol=1e-5)  # six digits
    batches = [v["training.batch"] for v in found]
    assert set(batches) == {3, 4, 5}
    assert all(type(batch) is int for batch in batches)
    assert {v["rule.variant"] for v in found} == {"positive", "negative"}
    etas = np.array([v["rule.eta"] for v in found])
    assert 0.1 <= etas.min() < 0.15 < 0.45 < etas.max() <= 0.5
    (tmp_path / "sweep.toml").write_text(text)
    points, new = sweep.write(tmp_path / "sweep.toml", tmp_path / "b", count=45)  # more draws begin with the same ones
    assert (len(points), new) == (45, 5)
    assert [point.values for point in points[:40]] == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"recipe: field required"),
        ("recipe = 3", r"recipe: input should be a valid string, got 3"),
        ('recipe = "coupled-irs"', r"no recipe is called 'coupled-irs': the nearest is 'coupled-iris'"),
        ("recipe = ", r"no valid TOML"),
        (IRIS + '[gird]\n"training.lr" = [1.0]', r"unknown key 'gird': the nearest is 'grid'; keys of the recipe go under \[set\] or \[grid\]"),
        (IRIS + '[grid]\n"training.lrr" = [1.0]', r"the point training.lrr=1.0 cannot be: unknown key 'training.lrr': the nearest is"),
        (IRIS + '[grid]\n"training.lr" = [1.0, -1.0]', r"the point training.lr=-1.0 cannot be: training.lr: input should be greater than 0"),
        (IRIS + '[grid]\n"training.lr" = []', r"training.lr has no value: leave it out, or give it one"),
        (IRIS + '[grid]\n"training.lr" = 0.1', r"grid.training.lr: input should be a valid list, got 0.1"),
        (IRIS + '[grid]\n"training.seed" = "0-3"', r'a range of whole numbers such as "0..9", got \'0-3\''),
        (IRIS + '[grid]\n"training.seed" = "3..0"', r"training.seed must go upward, over 100000 numbers at most, got 3..0"),
        (IRIS + '[grid]\n"training.seed" = "0..99999"\n"training.lr" = [0.1, 0.2]', r"these are 200000 points, and a sweep has 100000 at most"),
        (IRIS + '[grid]\n"training.epochs" = [3]', r"training.epochs stands under \[set\] and under \[grid\]"),
        (IRIS + '[list]\n"training.lr" = [0.1]\n"training.seed" = [1, 2]', r"training.lr has 1, training.seed has 2"),
        (IRIS + '[random]\n"training.lr" = { low = 0.1, high = 0.2 }', r"\[random\] needs count"),
        ("count = 3\n" + IRIS, r"count is for draws of \[random\], which is empty"),
        ("count = 3\n" + IRIS + '[random]\n"training.lr" = { low = 0.2, high = 0.1 }', r"low must be below high, got 0.2 and 0.1"),
        ("count = 3\n" + IRIS + '[random]\n"training.lr" = { low = 0.0, high = 0.1, log = true }', r"logarithm must be above 0, got low 0"),
        ("count = 3\n" + IRIS + '[random]\n"training.batch" = { low = 1.5, high = 3, integer = true }', r"must be whole, got 1.5 and 3"),
        ("count = 3\n" + IRIS + '[random]\n"training.lr" = { choices = [] }', r"at least 1 item"),
        ("count = 3\n" + IRIS + '[random]\n"training.lr" = { choices = [0.1], low = 1 }', r"extra inputs are not permitted"),
        ('sampler = "optuna"\n' + GRID, r"optuna chooses the values of \[random\]"),
        (IRIS + '[grid]\n"rule.kind" = ["forward-forward"]', r"cannot train a system of kind 'resistor-network', which lacks"),
    ],
)  # fmt: skip
def test_what_is_no_sweep_is_refused_in_one_line(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sweep.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        sweep.write(tmp_path / "sweep.toml", tmp_path / "b")
    assert main(["sweep", str(tmp_path / "sweep.toml"), "--out", str(tmp_path / "b")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "b").exists()


def test_optuna_learns_from_what_is_finished(written: Any, tmp_path: Path) -> None:
    """Proposals gather where results are best, and each round adds points."""
    optuna = pytest.importorskip("optuna", reason="optuna is not installed")
    asked = samplers.Asked.model_validate(
        {"recipe": "coupled-iris", "sampler": "optuna", "count": 15, "random": {"training.lr": {"low": 0.0, "high": 1.0}}}
    )
    first = [v["training.lr"] for v in samplers.choose(asked)]
    assert len(set(first)) == 15
    assert np.ptp(first) > 0.5
    results = [({"training.lr": lr}, -((lr - 0.3) ** 2)) for lr in np.linspace(0, 1, 40).round(6).tolist()]
    later = np.array([v["training.lr"] for v in samplers.choose(asked, results)])
    assert abs(np.median(later) - 0.3) < 0.1
    assert optuna is not None


def test_optuna_needs_samples_held_out(written: Any, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed")
    spreads = '[random]\n"training.lr" = { low = 0.01, high = 0.1 }\n"rule.eta" = { choices = [0.01, 0.1] }\n'
    text = 'sampler = "optuna"\ncount = 2\n' + IRIS + spreads
    folder = written(text.replace("[set]", '[set]\n"data.validation" = 4'))
    assert len(sweep.points(folder)) == 2
    assert advance.advance(sweep.points(folder)[0].folder, quiet=True).code == 0
    written(text.replace("[set]", '[set]\n"data.validation" = 4'))
    assert len(sweep.points(folder)) == 4
    shutil.rmtree(folder)
    written(text)
    with pytest.raises(RecipeError, match=r"would choose by the test set: set data\.validation"):
        written(text)
