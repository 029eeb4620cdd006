"""Sweeps: which points there are, that each is a run like any other, and that saying something twice does no harm."""

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pnnkern import random
from pnnkern.cli import main
from pnnkern.experiments import advance, checkpoint, collect, compare, controls, recipe, run, samplers, status, sweep
from pnnkern.experiments.recipe import RecipeError

IRIS = """
recipe = "coupled-iris"
[set]
"training.epochs" = 2
"control.iterations" = 20
"""
GRID = IRIS + """
[grid]
"training.seed" = "0..2"
"training.lr" = [0.01, 0.03]
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    """Writes a sweep of that text, with options, and gives its folder."""

    def write(text: str, **options: Any) -> Path:
        (tmp_path / "sweep.toml").write_text(text)
        sweep.write(tmp_path / "sweep.toml", tmp_path / "b", **options)
        return tmp_path / "b"

    return write


def values(folder: Path) -> list[dict[str, Any]]:
    return [point.values for point in sweep.points(folder)]


# ---------------------------------------------------------------------------------------------------------------------- points
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
    shutil.rmtree(sweep.points(folder)[2].folder)
    written(GRID)
    assert not left.exists()
    assert len(sweep.points(folder)) == 6


def test_a_recipe_beside_the_sweep_and_paths_of_data(written: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text('[system]\nkind = "resistor-network"\n[data]\npath = "x.npz"\n[rule]\nkind = "coupled-learning"\n')
    monkeypatch.chdir(tmp_path)
    (point,) = sweep.points(written('recipe = "mine.toml"\n'))
    assert point.values == {}
    assert recipe.read_run(point.folder).data.path == os.path.realpath(tmp_path / "x.npz")


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


def test_folders_that_are_no_sweep(tmp_path: Path, copied_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("status", "collect", "launch"):
        assert main([command, str(tmp_path)]) == 2
        assert "holds no sweep: there is no sweep.toml in it" in capsys.readouterr().err
    assert main(["advance", str(copied_run)]) == 2
    assert "is no point of a sweep" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------------------------------- advance
def state(folder: Path) -> str:
    found: str = status.of_point(sweep.read_point(folder))["state"]
    return found


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
    assert main(["advance", str(point), "--quiet"]) == 0
    assert not (point / advance.ERROR).exists()


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


# -------------------------------------------------------------------------------------------------------------------- controls
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


def test_a_control_that_is_none_is_refused(written: Any) -> None:
    point = sweep.points(written(GRID))[0].folder
    assert advance.advance(point, quiet=True).code == 0
    (place,) = (point.parent / sweep.CONTROLS).glob("linear-*")
    (place / "result.json").write_text('{"test_accuracy": "a lot"}')
    failed = advance.advance(sweep.points(point.parent)[1].folder, quiet=True)
    assert failed.code == 2
    assert "holds no result of a control: remove it, and it is made again" in failed.message


# ------------------------------------------------------------------------------------------------------------ status, collect
@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of six points of which three are finished, one failed, one is stopped and one pending; not to be changed."""
    folder = tmp_path_factory.mktemp("half")
    (folder / "sweep.toml").write_text(GRID)
    points, _ = sweep.write(folder / "sweep.toml", folder / "b")
    for point in points[:4]:
        assert advance.advance(point.folder, quiet=True).code == 0
    text = (points[3].folder / run.CONFIG).read_text()
    (points[3].folder / run.CONFIG).write_text(text.replace("epochs = 2", "epochs = 4"))
    advance.note(points[4].folder, "it fell\nover", 1)
    return folder / "b"


def test_status(half: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(half), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["states"] == {"finished": 3, "stopped": 1, "pending": 1, "failed": 1}
    assert [row["state"] for row in found["points"]] == ["finished"] * 3 + ["stopped", "failed", "pending"]
    assert found["points"][0]["values"] == {"training.seed": 0, "training.lr": 0.01}
    assert main(["status", str(half)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "3 finished, 1 stopped, 1 pending, 1 failed"
    assert lines[5].split()[1:] == ["failed", "0", "of", "2", "-", "-", "seed=2,", "lr=0.01", "it", "fell", "over"]


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


# ---------------------------------------------------------------------------------------------------------------------- Optuna
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
