"""Runs side by side: thirty of them, unfinished, broken and hostile ones, their means, and the picture of them all."""

import csv
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from pnnkern._errors import CheckpointError
from pnnkern.cli import main
from pnnkern.experiments import checkpoint, compare, plots, recipe
from pnnkern.experiments.recipe import RecipeError

ROOT = Path(__file__).resolve().parents[2]
RATES, SEEDS = (0.01, 0.02, 0.05, 0.1, 0.2), range(5)
SAID = {"data": "digits", "source": "somewhere", "environment": {}}  # what a checkpoint says of every run
BROKEN = ("damaged", "empty", "file", "gone", "no-toml", "other-file", "no-progress", "no-seconds")
HOSTILE = '=<b>$x\\alpha$_\x1b[31m"'


def accuracy(rate: float, seed: int, epoch: int) -> float:
    return round(0.5 + rate + 0.01 * seed + 0.02 * epoch, 6)


def write(folder: Path, config: dict[str, Any], accuracies: list[float], meta: dict[str, Any]) -> None:
    """A run whose test accuracies are given."""
    folder.mkdir()
    (folder / "config.toml").write_text(tomli_w.dumps(config))
    step = {"step": np.array(0), "loss": np.zeros(0), "accuracy": np.zeros(0)}
    state = {f"progress/{name}": value for name, value in step.items()}
    state["progress/evaluations"] = np.array([[1.0, a] for a in accuracies]).reshape(-1, 2)
    checkpoint.save(folder / "checkpoint.h5", state, meta | {"config": config})


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """25 runs of five rates and five seeds, the last one stopped after one of three epochs; one that has just begun; eight that are none."""
    above = tmp_path_factory.mktemp("many")
    meta = SAID | {"seconds": 61.2, "passes_per_epoch": 100, "control": {"test_accuracy": 0.875, "how": "logistic regression"}}
    for rate in RATES:
        for seed in SEEDS:
            config = recipe.find("d2nn-digits", (f"training.lr={rate}", f"training.seed={seed}", "training.epochs=3", "rule.kind=spsa")).table()
            epochs = 1 if (rate, seed) == (0.2, 4) else 3
            write(above / f"lr{rate}-seed{seed}", config, [accuracy(rate, seed, e) for e in range(1, epochs + 1)], meta)
    for name in ("damaged", "empty", "fresh", "no-toml", "other-file"):
        (above / name).mkdir()
    for name in ("damaged", "fresh", "other-file"):
        shutil.copy(above / "lr0.01-seed0" / "config.toml", above / name)
    (above / "damaged" / "checkpoint.h5").write_bytes((above / "lr0.01-seed0" / "checkpoint.h5").read_bytes()[:900])
    (above / "no-toml" / "config.toml").write_text("[data")
    checkpoint.save(above / "other-file" / "checkpoint.h5", {"x": np.zeros(3)}, {"config": config | {"training": {"lr": "much"}}})
    whole = recipe.find("d2nn-digits").table()
    write(above / "no-seconds", whole, [0.5], SAID | {"seconds": None})
    write(above / "no-progress", whole, [0.5], meta)
    checkpoint.save(above / "no-progress" / "checkpoint.h5", {"progress/evaluations": np.zeros(3)}, meta | {"config": whole})
    (above / "file").touch()
    return [*sorted(above.iterdir()), above / "gone"]


def test_every_folder_is_a_row(thirty: list[Path]) -> None:
    rows = {Path(row["run"]).name: row for row in compare.collect(thirty)}
    assert len(rows) == len(thirty) == 34
    assert {name for name, row in rows.items() if row["state"] == "broken"} == set(BROKEN)
    assert {name for name, row in rows.items() if row["state"] == "unfinished"} == {"fresh", "lr0.2-seed4"}
    for name, problem in (
        ("damaged", "checkpoint.h5 is damaged"), ("empty", "holds no run"), ("file", "holds no run"), ("gone", "holds no run"),
        ("no-toml", "no valid TOML"),
        ("no-progress", "checkpoint.h5 is of no run"), ("no-seconds", "checkpoint.h5 is of no run"),
        ("other-file", "checkpoint.h5 was made by a recipe that is none"), ("fresh", "there is no checkpoint yet"),
    ):  # fmt: skip
        assert problem in rows[name]["problem"]
        assert "\n" not in rows[name]["problem"]
    whole = rows["lr0.05-seed3"]
    assert (whole["epochs"], whole["of"], whole["passes"], whole["test_accuracy"]) == (3, 3, 300, accuracy(0.05, 3, 3))
    assert whole["at_equal_passes"] == accuracy(0.05, 3, 1)  # the run that was stopped has one epoch of 100
    assert whole["differs"] == {"training.seed": 3, "training.lr": 0.05}
    assert (rows["lr0.2-seed4"]["epochs"], rows["lr0.2-seed4"]["of"]) == (1, 3)


HOLD = """
import sys
from pathlib import Path
from pnnkern.experiments import checkpoint
with checkpoint.lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_in_which_a_process_works_is_read_and_left_alone(thirty: list[Path]) -> None:
    (folder,) = [path for path in thirty if path.name == "lr0.05-seed0"]
    where = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], env=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.readline() == "held\n"
        before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        (row,) = compare.collect([folder])
        assert (row["state"], row["epochs"]) == ("finished", 3)
        assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
        worker.stdin.close()
    assert worker.returncode == 0


@pytest.mark.parametrize("key", ["training.seed", "seed"])
def test_mean_and_spread_over_seeds(thirty: list[Path], key: str) -> None:
    found = {group["differs"]["training.lr"]: group for group in compare.groups(compare.collect(thirty), [key])}
    assert set(found) == set(RATES)
    for rate, group in found.items():
        seeds = [0, 1, 2, 3] if rate == 0.2 else [0, 1, 2, 3, 4]
        values = [accuracy(rate, seed, 3) for seed in seeds]
        mean = sum(values) / len(values)
        assert group["n"] == len(seeds)
        assert group["values"] == {"training.seed": seeds}
        assert group["test_accuracy"] == pytest.approx(mean, abs=1e-12)
        assert group["test_accuracy_deviation"] == pytest.approx((sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5, abs=1e-12)
        assert group["linear_control_accuracy_deviation"] == 0
        assert group["exact_gradient_accuracy"] is None
    assert [found[rate]["left_out"] for rate in (0.01, 0.02, 0.2)] == [1, 0, 1]  # the one that has just begun, and the one that was stopped


def test_other_keys_and_names_that_are_none(thirty: list[Path]) -> None:
    rows = compare.collect(thirty)
    by_rate = compare.groups(rows, ["training.lr"])
    assert sorted(group["n"] for group in by_rate) == [4, 5, 5, 5, 5]
    both = compare.groups(rows, ["lr", "seed"])
    assert [group["n"] for group in both] == [24]
    with pytest.raises(RecipeError, match=r"no single key of these runs is 'training.sed': the nearest is 'training.seed'"):
        compare.groups(rows, ["training.sed"])
    with pytest.raises(RecipeError, match=r"no single key of these runs is 'kind': it may be system.kind or rule.kind"):
        compare.groups(rows, ["kind"])


def test_the_command(thirty: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", *map(str, thirty), "--over", "seed", "--out", str(tmp_path / "c.svg"), "--csv", str(tmp_path / "t.csv")]
    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert len(result["runs"]) == 34
    assert len(result["groups"]) == 5
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert [float(row["test_accuracy"]) for row in rows] == [group["test_accuracy"] for group in result["groups"]]
    assert [row["training.lr"] for row in rows] == [str(rate) for rate in RATES]
    assert main(["compare", *map(str, thirty), "--csv", str(tmp_path / "t.csv")]) == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert len(rows) == 34
    assert {row["state"] for row in rows} == {"finished", "unfinished", "broken"}
    lines = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert len(lines) == 24 * 3 + 1
    assert float(lines[0]["test accuracy"]) == accuracy(0.01, 0, 1)


def test_nothing_that_can_be_read(thirty: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(thirty[-1])]) == 2
    assert "gone cannot be compared: holds no run" in capsys.readouterr().err
    with pytest.raises(CheckpointError, match="nor can the other 1"):
        compare.collect([thirty[-1], thirty[-1]])


@pytest.mark.parametrize("width", [50, 80, 132])
def test_the_table_fits_the_terminal(
    thirty: list[Path], width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["compare", *map(str, thirty[:-1]), "--over", "seed"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert [line for line in lines if line.startswith("lr0.05-seed3")]  # without the path that all have in common
    head = lines[0].split()
    assert head[0] == "run"
    assert {"test", "differs"} <= set(head)
    for rate in RATES:
        for seed in SEEDS:
            (line,) = [line for line in lines if line.startswith(f"lr{rate}-seed{seed}")]
            assert f"{100 * accuracy(rate, seed, 1 if (rate, seed) == (0.2, 4) else 3):.2f} %" in line
    for name in (set(BROKEN) - {"gone"}) | {"fresh"}:
        assert any(line.startswith(name) for line in lines)


def test_the_picture_names_every_run(thirty: list[Path], tmp_path: Path) -> None:
    rows = compare.collect(thirty[:-1])
    for found in (None, compare.groups(rows, ["seed"])):
        compare.draw(rows, tmp_path / "c.svg", found)
        words = [element.text for element in xml.parse(tmp_path / "c.svg").iter("{http://www.w3.org/2000/svg}text")]
        for folder in thirty[:-1]:
            assert folder.name in words
        assert words.count("broken") == len(BROKEN) - 1
        assert ("lr=0.05: mean of 5" in words) == bool(found)
        assert "physical passes of single samples while training" in words
    with pytest.raises(RecipeError, match=r"must end in .png or .svg, got 'c.pdf'"):
        compare.draw(rows, tmp_path / "c.pdf")


def test_no_two_names_in_the_picture_overlap(thirty: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Legible: names stand clear of each other, and inside of the picture."""
    drawn: list[Any] = []
    monkeypatch.setattr(plots, "svg", lambda figure: drawn.append(figure) or b"")
    from pnnkern.experiments import comparison

    comparison.picture(compare.collect(thirty[:-1]))
    (figure,) = drawn
    boxes = [label.get_window_extent() for label in figure.axes[1].get_yticklabels()]
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == 33
    assert all(lower.y1 <= upper.y0 for lower, upper in itertools.pairwise(boxes))
    assert min(box.x0 for box in boxes) > figure.axes[0].get_window_extent().x1


def test_names_of_somebody_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders may be called anything, and a checkpoint say anything: nothing of it is taken for a command, a formula, a tag or mathematics."""
    config = recipe.find("d2nn-digits", ("training.epochs=1",)).table() | {"summary": HOSTILE}
    folders = [tmp_path / HOSTILE, tmp_path / "_b$\\frac$"]
    for n, folder in enumerate(folders):
        config = config | {"training": config["training"] | {"seed": n}}
        write(folder, config, [0.5], SAID | {"seconds": 1.0})
    write(tmp_path / "named", config | {"recipe": HOSTILE}, [0.5], SAID | {"seconds": 1.0})  # a row that says why it is none
    words = ["compare", *map(str, folders), str(tmp_path / "named"), "--out", str(tmp_path / "c.svg"), "--csv", str(tmp_path / "t.csv")]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out + captured.err
    assert "\\u001b" in captured.out
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert [row[rows[0].index("state")] for row in rows[1:]] == ["finished", "finished", "broken"]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    texts = [element.text or "" for element in xml.parse(tmp_path / "c.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert any("_b$\\frac$" in text for text in texts)
    assert any("<b>$x\\alpha$" in text for text in texts)


@pytest.mark.parametrize("name", ["checkpoint.h5", "config.toml"])
def test_what_a_run_lives_by_is_not_written_over(copied_run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of a run named by mistake, where a table was to go."""
    before = (copied_run / name).read_bytes()
    assert main(["compare", str(copied_run), "--csv", str(copied_run / name)]) == 2
    message = f"pnnkern: error: cannot write {copied_run / name}: it belongs to a run, choose another name\n"
    assert capsys.readouterr().err == message
    assert (copied_run / name).read_bytes() == before


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_table_without_a_name(copied_run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(copied_run), "--csv", name]) == 2
    assert capsys.readouterr().err.endswith(": Is a directory\n")
