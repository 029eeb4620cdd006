"""The report: one page that holds its pictures, and figures that agree with the run."""

import base64
import csv
import dataclasses
import io
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import pnnkern
from pnnkern._errors import CheckpointError
from pnnkern.experiments import checkpoint, machine, origin, plots, recipe, report, run
from pnnkern.experiments.pictures import circuits, crossbar, d2nn
from pnnkern.systems import D2NN
from pnnkern.systems.d2nn import Geometry


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
    assert f"{100 * finer['same']:.1f} % of the images are read as in the first row" in text
    assert "window 3 times" in wider["what"]
    assert "3 x 3 samples per neuron" in finer["what"]
    assert not list((folder / "report").glob(".*"))


def test_checks_are_the_same_masks_in_other_physics(finished_run: Path) -> None:
    done = run.load(finished_run)
    data, system = done.trainer.dataset, done.trainer.system
    rows = d2nn.checks(done.trainer, np.arange(20)).rows
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


def test_a_network_trained_by_classes_alone_is_drawn(tmp_path: Path) -> None:
    """A logistic loss has no targets to draw beside what was read."""
    small = ("rule.kind=in-silico", "training.epochs=1", "control.linear=false", "control.exact=false")
    done = run.start(recipe.find("coupled-iris", small), tmp_path / "run", quiet=True)
    assert "read as" in report.write(done, images=10).read_text()


def test_confusion_counts() -> None:
    scores = np.eye(3)[[0, 0, 1, 2, 1, 1]]
    picture = plots.confusion(scores.argmax(axis=1), np.array([0, 0, 1, 2, 2, 2]), 3)
    assert picture.caption == "Counts of 6 test samples. Most often confused: 2 read as 1, 2 times."
    assert picture.tables[""] == b"true class,read as 0,read as 1,read as 2\n0,2,0,0\n1,0,1,0\n2,0,2,1\n"
    assert plots.confusion(np.arange(3), np.arange(3), 3).caption == "Counts of 3 test samples."


def test_nothing_to_report_yet(copied_run: Path) -> None:
    done = run.load(copied_run)
    done.trainer.losses.clear()
    with pytest.raises(CheckpointError, match="has no step of training to report on yet: go on with `pnnkern resume"):
        report.write(done)


def test_unwritable_report(copied_run: Path) -> None:
    (copied_run / "report").touch()
    with pytest.raises(CheckpointError, match=r"cannot write the report into .*report: File exists"):
        report.write(run.load(copied_run), images=1)


# ------------------------------------------------------------------------------------------------------------------- pictures
@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that pictures are made of, as they are made."""
    figures: list[Any] = []
    real = plots.svg

    def noted(figure: Any) -> bytes:
        figures.append(figure)
        return real(figure)

    monkeypatch.setattr(plots, "svg", noted)
    return figures


def words(svg: bytes) -> list[str]:
    return ["".join(element.itertext()) for element in xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def trained(losses: list[float], accuracies: list[float], evaluations: list[tuple[float, float]], real: bool = False) -> Any:
    return SimpleNamespace(
        steps_per_epoch=len(losses) // max(1, len(evaluations)), step=len(losses), losses=losses, accuracies=accuracies,
        evaluations=evaluations, dataset=SimpleNamespace(real=real),
    )  # fmt: skip


@pytest.mark.parametrize("floor", [0.05, -0.4])
def test_the_accuracy_axis_shows_the_whole_curve(drawn: list[Any], floor: float) -> None:
    """From the first batch to the last, however bad the start was (for real targets below 0), with the controls as lines."""
    accuracies = [floor, 0.2, 0.5, 0.9, 0.95, 0.97, 0.97, 0.98]
    losses = [3.0, 2.5, 1.0, 0.5, 0.3, 0.2, 0.1, 0.01]
    picture = plots.curves(trained(losses, accuracies, [(0.6, 0.91), (0.2, 0.96)], floor < 0), {"linear control": 0.6, "exact gradients": 1.0})
    (figure,) = drawn
    for axis, values in zip(figure.axes, (losses, [100 * a for a in accuracies]), strict=True):
        (low, high), (left, right) = axis.get_ylim(), axis.get_xlim()
        assert low <= min(values)
        assert high >= max(values)
        assert left <= 1 / 4
        assert right >= 2
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[1].get_lines()}
    np.testing.assert_allclose(lines["linear control, test set"], 60)
    np.testing.assert_allclose(lines["exact gradients, test set"], 100)
    np.testing.assert_allclose(lines["test set"], [91, 96])
    assert figure.axes[1].get_ylim()[1] >= 100
    assert ("1 − rms error (%)" if floor < 0 else "accuracy (%)") in words(picture.svg)
    rows = list(csv.DictReader(io.StringIO(picture.tables[""].decode())))
    assert [float(row["training accuracy"]) for row in rows] == accuracies
    assert [float(row["training loss"]) for row in rows] == losses
    assert [row["test accuracy"] for row in rows] == ["", "", "", "0.91", "", "", "", "0.96"]
    assert {row["linear control, test accuracy"] for row in rows} == {"0.6"}


def test_losses_have_their_unit_and_a_running_mean_as_long_as_the_run(drawn: list[Any]) -> None:
    losses = list(np.geomspace(4e-3, 4e-5, 200))
    picture = plots.curves(trained(losses, [0.5] * 200, [(1e-3, 0.5)] * 2), {}, "V2")
    axis = drawn[0].axes[0]
    assert axis.get_ylabel() == "loss (mV²)"
    mean = axis.get_lines()[1]
    assert len(mean.get_xdata()) == 200
    assert mean.get_xdata()[0] == 1 / 100
    assert mean.get_xdata()[-1] == 2
    truth = [1e6 * np.mean(losses[max(0, i - 12) : max(0, i - 12) + min(25, i + 13, 25 - max(0, i + 13 - 200))]) for i in (0, 100, 199)]
    np.testing.assert_allclose(mean.get_ydata()[[0, 100, 199]], truth)
    assert next(csv.reader(io.StringIO(picture.tables[""].decode())))[2:4] == ["training loss (V²)", "test loss (V²)"]


def test_every_picture_has_its_numbers_and_units(reported: tuple[Path, str]) -> None:
    """Beside each PNG an SVG, whose text is text, and CSV; colour bars and axes carry units."""
    folder = reported[0] / "report"
    done = run.load(reported[0])
    for png in folder.glob("*.png"):
        assert png.with_suffix(".svg").exists()
        assert list(folder.glob(f"{png.stem}*.csv")), png
    shown = {name: " ".join(words((folder / f"{name}.svg").read_bytes())) for name in ("masks", "fields", "detectors", "scores", "confusion")}
    for name, needed in (
        ("masks", ("phase (rad)", "2π", "height (mm)", "x (mm)", "y (mm)")),
        ("fields", ("amplitude / largest of the plane", "x, y (mm)", "on the detectors")),
        ("detectors", ("share of the detected power (%)",)), ("scores", ("mean score (largest = 1)",)),
        ("confusion", ("share of the true class (%)", "true class")),
    ):  # fmt: skip
        assert all(word in shown[name] for word in needed), name
    table = list(csv.reader(io.StringIO((folder / "masks-1.csv").read_text())))
    half = 1e3 * 0.4e-3 * 16 / 2
    np.testing.assert_allclose(np.array(table[0][1:], float), np.linspace(-half + 0.2, half - 0.2, 16), rtol=1e-5)
    phases = np.mod(done.trainer.system.parameters["phase"][0], 2 * np.pi)
    np.testing.assert_allclose(np.array(table[1:], float)[:, 1:], phases, rtol=1e-5, atol=1e-6)
    field = np.array(list(csv.reader(io.StringIO((folder / "fields-1-0.csv").read_text())))[1:], float)[:, 1:]
    assert field.max() == pytest.approx(1)  # the brightest incoming amplitude
    assert "400 µm, 0.53 wavelengths each" in reported[1]
    assert "2π is 1.04 mm of height" in reported[1]


def test_colours_suit_what_they_show(drawn: list[Any]) -> None:
    """Cyclic for phases, from 0 on for amplitudes and conductances, about 0 for what has a sign."""
    system = D2NN(geometry=Geometry(layers=2, size=8, input_size=4, detector_size=1, outputs=4), start="pi")
    d2nn.masks(system, np.zeros((2, 8, 8)))
    d2nn.fields(system.geometry, [np.ones((1, 8, 8))] * 3, [], np.array([3]), np.array([3]))
    for figure, name, limits in zip(drawn, ("twilight", "inferno"), ((0, 2 * np.pi), (0, 1)), strict=True):
        assert figure.axes[0].images[0].get_cmap().name == name
        assert figure.axes[0].images[0].get_clim() == limits
    drawn.clear()
    crossbar.receptive_fields(np.random.default_rng(0).normal(size=(17, 3)), 4)
    low, high = drawn[0].axes[0].images[0].get_clim()
    assert low == -high
    crossbar.conductances(np.full((2, 5, 6), 25e-6))
    assert drawn[1].axes[0].images[0].get_clim() == (0, pytest.approx(25))
    assert "conductance (µS)" in [axis.get_ylabel() for axis in drawn[1].axes]


@pytest.mark.parametrize(("voltages", "name"), [((0.0, 0.4), "viridis"), ((-0.3, 0.4), "coolwarm")])
def test_voltages_of_both_signs_are_shown_about_zero(drawn: list[Any], voltages: tuple[float, float], name: str) -> None:
    network = SimpleNamespace(edges=np.array([[0, 1], [1, 2], [2, 3], [3, 0]]), n_nodes=4)
    system = SimpleNamespace(network=network, source_nodes=np.array([0]), target_nodes=np.array([2]), volts=0.45)
    states = np.array([[voltages[0], 0.1, 0.2, voltages[1]]])
    picture = circuits.network(system, np.array([1e-3, 2e-3, 3e-3, 4e-3]), states, [("one", True, 0)])
    points = drawn[0].axes[0].collections[1]
    assert points.get_cmap().name == name
    assert points.get_clim() == ((0, 450) if name == "viridis" else (-450, 450))
    assert "voltage (mV)" in words(picture.svg)
    assert "1 to 4 mS" in picture.caption
    rows = list(csv.DictReader(io.StringIO(picture.tables["nodes"].decode())))
    assert [row["kind"] for row in rows] == ["source", "node", "output", "node"]
    assert [float(row["voltage (V), one"]) for row in rows] == states[0].tolist()


def test_ageing_is_a_curve_against_the_logarithm_of_time(drawn: list[Any]) -> None:
    times = np.array([60.0, 3600.0, 86400.0, 365.25 * 86400.0])
    aged = {"none": np.array([[0.9, 0.8, 0.7, 0.6], [0.8, 0.7, 0.6, 0.5]]), "global": np.full((2, 4), 0.9)}
    picture = crossbar.ageing(times, aged, np.array([0.92, 0.9]), 0.93, 100)
    (axis,) = drawn[0].axes
    assert axis.get_xscale() == "log"
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["1 min", "1 h", "1 d", "1 month", "1 a"]
    lines = {line.get_label(): line.get_ydata() for line in axis.get_lines()}
    np.testing.assert_allclose(lines["no compensation"], [85, 75, 65, 55])
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == pytest.approx(55 - 10 / 2**0.5)
    assert band.max() == pytest.approx(85 + 10 / 2**0.5)
    rows = list(csv.DictReader(io.StringIO(picture.tables[""].decode())))
    assert [float(row["seconds since programming"]) for row in rows] == times.tolist()
    assert [float(row["no compensation: mean"]) for row in rows] == pytest.approx([0.85, 0.75, 0.65, 0.55])
    assert [float(row["no compensation: standard deviation"]) for row in rows] == pytest.approx([0.1 / 2**0.5] * 4)
    assert [float(row["no compensation: chip 2"]) for row in rows] == [0.8, 0.7, 0.6, 0.5]


CROSSBAR = (
    "system.hidden=[6]", "data.pool=7", "system.inputs=16", "training.epochs=1", "data.train=64", "data.test=16", "control.exact=false"
)  # fmt: skip


def test_a_crossbar_is_priced_and_aged_chip_by_chip(tmp_path: Path) -> None:
    done = run.start(recipe.find("crossbar-digits", CROSSBAR), tmp_path / "run", quiet=True)
    text = report.write(done, images=8).read_text()
    costs = done.trainer.system.estimate()
    shown = dict(re.findall(r"<tr><td>([^<]+)</td><td class=number>([^<]+)</td></tr>", text))
    powers = {"pJ": 1e-12, "nJ": 1e-9, "ns": 1e-9, "µs": 1e-6, "mm²": 1e-6, "µm²": 1e-12, "T/J": 1e12, "G/J": 1e9}
    for words_, key in (("energy per inference", "energy_per_inference_j"), ("latency", "latency_s"), ("area", "area_m2")):
        number, unit = shown[words_].rsplit(" ", 1)
        assert float(number.replace(" ", "")) * powers[unit] == pytest.approx(costs[key], rel=5.01e-3)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "run" / "report" / "ageing.csv").read_text())))
    for kind in ("no compensation", "one factor per array", "one factor per column"):
        for row in rows:
            chips = [float(row[f"{kind}: chip {c}"]) for c in range(1, 9)]
            assert float(row[f"{kind}: mean"]) == pytest.approx(np.mean(chips))
            assert float(row[f"{kind}: standard deviation"]) == pytest.approx(np.std(chips, ddof=1))
    assert len({tuple(row[f"no compensation: chip {c}"] for row in rows) for c in range(1, 9)}) > 1  # other chips, other draws
    assert "after a year" not in text


# ----------------------------------------------------------------------------------------------------------------- provenance
def test_the_page_says_where_it_comes_from(reported: tuple[Path, str]) -> None:
    folder, text = reported
    done = run.load(folder)
    (session,) = done.meta["sessions"]
    assert session["step"] == 0
    for key in ("date", "host", "command"):
        assert session[key]
        told = session[key].replace("T", " ") if key == "date" else session[key]
        assert told in re.sub(r"&#x27;", "'", text)
    for name, version in checkpoint.versions().items():
        assert f"<tr><td>{name}</td><td>{version}</td></tr>" in text
    assert "<tr><td>device</td><td>cpu</td></tr>" in text
    assert machine.FEATURES not in text
    assert json.loads((folder / "report" / "metrics.json").read_text())["run"] == done.meta["sessions"]


def test_a_run_that_went_on_has_two_sessions(copied_run: Path) -> None:
    done = run.resume(copied_run, ("training.epochs=4",), quiet=True)
    assert [session["step"] for session in done.meta["sessions"]] == [0, 21]
    assert "gone on at step 21" in report.write(done, images=2).read_text()


def test_a_run_of_before_sessions_has_a_report(copied_run: Path) -> None:
    done = run.load(copied_run)
    del done.meta["sessions"]
    assert "this report" in report.write(done, images=2).read_text()


def test_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the user's checkout, if there is one; no git, or one that hangs, is no matter."""
    monkeypatch.chdir(tmp_path)
    assert "folder commit" not in origin.here()
    if shutil.which("git"):
        for command in (["init", "-q"], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "m"]):
            subprocess.run(["git", *command], check=True, capture_output=True)
        asked = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
        assert origin.here()["folder commit"] == asked.stdout.strip()
    assert origin.here()["pnnkern"] == pnnkern.__version__
    for error in (FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5), PermissionError()):

        def fail(*_: Any, error: Exception = error, **__: Any) -> None:
            raise error

        monkeypatch.setattr(origin.subprocess, "run", fail)
        assert {"commit", "folder commit"}.isdisjoint(origin.here())


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["/v/bin/python", "/v/bin/pnnkern", "run", "a b"], "pnnkern run 'a b'"),
        (["/v/bin/python3", "-m", "pnnkern", "run"], "python3 -m pnnkern run"),
        (["python", "mine.py"], "python mine.py"),
        ([], ""),
    ],
)
def test_commands(typed: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin.sys, "orig_argv", typed)
    assert origin.command() == told


# ------------------------------------------------------------------------------------------------------------------- the page
class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_nothing_of_somebody_else_becomes_a_tag(copied_run: Path) -> None:
    done = run.load(copied_run)
    evil = '<script>alert(1)</script>"\'><img src=x onerror=alert(1)>\x1b[31m\udcff{}$'
    hostile = dataclasses.replace(done.recipe, recipe=evil, summary=evil)
    done = dataclasses.replace(done, recipe=hostile, folder=done.folder)
    done.meta["environment"] = {evil: evil, "gpu": evil}
    done.meta["sessions"] = [{"date": evil, "host": evil, "command": evil, "commit": evil, "pnnkern": evil}]
    done.meta["control"] = {"how": evil, "test_accuracy": 0.5}
    done.trainer.dataset = dataclasses.replace(done.trainer.dataset, name=evil, source=evil)
    text = report.write(done, images=2).read_text()
    parsed = _Tags()
    parsed.feed(text)
    assert "script" not in {tag for tag, _ in parsed.tags}
    assert all(str(attributes["src"]).startswith("data:image/png") for tag, attributes in parsed.tags if tag == "img")
    assert not [a for _, attributes in parsed.tags for a in attributes if a.startswith("on")]
    assert "\x1b" not in text


def test_the_page_suits_a_telephone(reported: tuple[Path, str]) -> None:
    """Every picture has a version for narrow pages, whose letters are larger on them; tables scroll by themselves."""
    parsed = _Tags()
    parsed.feed(reported[1])
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    narrow = [attributes for tag, attributes in parsed.tags if tag == "source"]
    assert len(images) == len(narrow) > 0
    for wide, small in zip(images, narrow, strict=True):
        assert small["media"] == "(max-width: 640px)"
        widths = []
        for address in (wide["src"], small["srcset"]):
            content = base64.b64decode(str(address).partition(",")[2])
            widths.append(int.from_bytes(content[16:20], "big"))
        assert widths[0] <= plots.WIDE * 130
        assert widths[1] <= plots.NARROW * 220  # letters of 8 points are 10 pixels high on a page of 360
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [a for tag, a in parsed.tags if tag == "meta"]
    tables = [n for n, (tag, _) in enumerate(parsed.tags) if tag == "table"]
    assert tables
    assert all(parsed.tags[n - 1] == ("div", {"class": "wide"}) for n in tables)
    assert ".wide { overflow-x: auto; }" in reported[1]


def test_a_long_run_is_a_small_file(drawn: list[Any]) -> None:
    """A million steps of training: each row of the table is the mean of some, and the picture holds no more than a page can show."""
    steps, epochs = 300_000, 5
    rng = np.random.default_rng(0)
    losses, accuracies = rng.random(steps) + 0.1, rng.random(steps)
    picture = plots.curves(trained(losses.tolist(), accuracies.tolist(), [(0.5, 0.1 * e) for e in range(epochs)]), {})
    assert len(picture.svg) < 1_500_000
    band = drawn[0].axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert len(band) < 9000
    np.testing.assert_allclose([band.min(), band.max()], [losses.min(), losses.max()])
    rows = list(csv.DictReader(io.StringIO(picture.tables[""].decode())))
    assert len(rows) == steps / 15
    means = [float(row["training loss, mean of 15 batches"]) for row in rows[:2]]
    np.testing.assert_allclose(means, [losses[:15].mean(), losses[15:30].mean()])
    assert (rows[-1]["step"], float(rows[-1]["epoch"])) == ("300000", 5.0)
    assert [(float(row["epoch"]), float(row["test accuracy"])) for row in rows if row["test accuracy"]] == [
        (pytest.approx(e + 1), pytest.approx(0.1 * e)) for e in range(epochs)
    ]
