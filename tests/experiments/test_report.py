"""The report: one page that holds its pictures, and figures that agree with the run."""

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pnnkern._errors import CheckpointError
from pnnkern.experiments import plots, recipe, report, run


@pytest.fixture(scope="module")
def reported(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("report") / "tiny"
    shutil.copytree(finished_run, folder)
    page = report.write(run.load(folder), images=10)
    return folder, page.read_text()


def test_the_page_holds_its_pictures(reported: tuple[Path, str]) -> None:
    folder, text = reported
    inside = [base64.b64decode(code) for code in re.findall(r'src="data:image/png;base64,([^"]+)"', text)]
    files = {p.stem: p.read_bytes() for p in (folder / "report").glob("*.png")}
    assert set(files) == {"curves", "masks", "fields", "detectors", "scores", "confusion"}
    assert sorted(inside) == sorted(files.values())
    for name, content in files.items():
        assert content.startswith(b"\x89PNG"), name
        width, height = int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
        assert width > 500, name
        assert height > 200, name
    assert "http" not in re.sub(r"data:image/png;base64,[^\"]+", "", text)  # self-contained


def test_the_page_says_what_the_run_came_to(reported: tuple[Path, str]) -> None:
    folder, text = reported
    done = run.load(folder)
    labels = done.trainer.dataset.test_labels
    right = done.trainer.test_scores().argmax(axis=1) == labels
    assert f"{100 * right.mean():.2f} %" in text
    assert f"{100 * done.meta['control']['test_accuracy']:.2f} %" in text
    assert "published point-neuron model and not converged physics" in text
    assert "its own exact-gradient control" in text
    assert "[training]" in text
    metrics = json.loads((folder / "report" / "metrics.json").read_text())
    assert metrics["metrics"]["test_accuracy"] == right.mean()
    chosen = np.unique(np.linspace(0, len(labels) - 1, 10).round().astype(int))
    same, wider, finer = metrics["checks"]
    assert same["accuracy"] == right[chosen].mean()
    assert same["same"] == 1
    assert f"{finer['same']:.1%} of the images are read as in the first row" in text
    assert "window 3 times" in wider["what"]
    assert "3 x 3 samples per neuron" in finer["what"]
    assert not list((folder / "report").glob(".*"))


def test_checks_are_the_same_masks_in_other_physics(finished_run: Path) -> None:
    done = run.load(finished_run)
    data, system = done.trainer.dataset, done.trainer.system
    rows = done.recipe.system.checks(done.trainer, np.arange(20)).rows
    for row, variant in zip(rows[1:], (system.variant(pad=3), system.variant(oversample=3)), strict=True):
        read = variant.forward(variant.encode(data.test_images)).argmax(axis=1)
        assert row["accuracy"] == np.mean(read == data.test_labels)
        assert row["same"] == np.mean(read == done.trainer.test_scores().argmax(axis=1))


def test_differential_detectors_are_drawn(tmp_path: Path, tiny: tuple[str, ...]) -> None:
    changes = (
        "system.detectors='differential'",
        "rule.loss='differential'",
        "system.detector_size=1",
        "training.epochs=1",
        "control.linear=false",
    )
    folder = tmp_path / "run"
    run.start(recipe.find("d2nn-digits", (*tiny, *changes)), folder, quiet=True)
    text = report.write(run.load(folder), images=5).read_text()
    assert "pair with the largest contrast wins" in text
    assert "linear control</div>" not in text


def test_confusion_counts() -> None:
    scores = np.eye(3)[[0, 0, 1, 2, 1, 1]]
    picture = plots.confusion(scores, np.array([0, 0, 1, 2, 2, 2]))
    assert picture.caption == "Counts of 6 test images. Most often confused: 2 read as 1, 2 times."
    assert plots.confusion(np.eye(3), np.arange(3)).caption == "Counts of 3 test images."


def test_nothing_to_report_yet(copied_run: Path) -> None:
    done = run.load(copied_run)
    done.trainer.losses.clear()
    with pytest.raises(CheckpointError, match="has no step of training to report on yet: go on with `pnnkern resume"):
        report.write(done)


def test_unwritable_report(copied_run: Path) -> None:
    (copied_run / "report").touch()
    with pytest.raises(CheckpointError, match=r"cannot write the report into .*report: File exists"):
        report.write(run.load(copied_run), images=1)
