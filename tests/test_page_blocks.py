"""Pages that are run: what their blocks print and draw is what they say of it. Each page runs as its reader would, in an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import public_calls
import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "scripts"))
import run_blocks  # noqa: E402 (of the scripts)

PAGES = sorted(page for part in ("tutorials", "howto", "theory") for page in (DOCS / part).glob("*.md") if page.stem != "index")
Names = dict[str, Any]
CLAIMS: dict[str, Callable[[Names], None]] = {}  # of pages, by the names that their blocks leave


def claims(page: str) -> Callable[[Callable[[Names], None]], None]:
    def keep(check: Callable[[Names], None]) -> None:
        CLAIMS[page] = check

    return keep


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_calls, "paused", True)  # elsewhere a page's functions and files are not there
    names = with_lab(page, tmp_path) if "my_lab/" in page.read_text() else run_blocks.run(page, tmp_path)
    shown = set(re.findall(r"_static/drawn/([\w.-]+)", page.read_text()))
    assert {path.name for path in tmp_path.glob("*.png")} >= shown
    CLAIMS[f"{page.parent.name}/{page.stem}"](names)


def with_lab(page: Path, folder: Path) -> Names:
    """Numbers that a page's blocks leave, run where the package docs/examples/my_lab is installed: in a process of its own, which kinds of
    systems and rules are filed in."""
    lab, site = folder / "my_lab", folder / "site"
    shutil.copytree(DOCS / "examples" / "my_lab", lab)
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, "--target", str(site), str(lab)], check=True, timeout=300)
    command = [sys.executable, "-c", NUMBERS, str(page), str(folder)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "scripts", site)))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    numbers: Names = json.loads(done.stdout.splitlines()[-1])
    return numbers


NUMBERS = """
import json, sys
from pathlib import Path
import run_blocks
names = run_blocks.run(Path(sys.argv[1]), Path(sys.argv[2]))
print(json.dumps({name: float(value) for name, value in names.items() if hasattr(value, "real") and getattr(value, "size", 1) == 1}
      | {name: value.tolist() for name, value in names.items() if hasattr(value, "tolist")}))
"""


def test_commands_that_fail_are_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in ("pnnkern run no-such-recipe --out runs/x", "rm -r runs"):
        with pytest.raises(RuntimeError, match="cannot be run"):
            run_blocks.commands(f"# what comes next\n{line}\n")


def test_pictures_have_names_of_their_own() -> None:
    drawn = [name for page in PAGES for name in re.findall(r"savefig\(\"([\w.-]+)\"", page.read_text())]
    assert len(set(drawn)) == len(drawn)


def test_claims_are_of_pages() -> None:
    assert CLAIMS.keys() <= {f"{page.parent.name}/{page.stem}" for page in PAGES}
    missing = {f"{page.parent.name}/{page.stem}" for page in PAGES} - CLAIMS.keys()
    assert not missing


# ----------------------------------------------------------------------------------------------------------- what the pages say
@claims("theory/dynamics")
def dynamics(names: Names) -> None:
    assert (names["law"].states, names["law"].parameters) == (("q", "v"), ("k", "b"))
    states, by_weights = names["states"], names["by_weights"]
    assert states.shape == (2, 4, 2, 8)
    assert np.abs(states[1] - 2 * states[0]).max() > 0.1 * np.abs(states[0]).max()  # a spring that is not linear
    more = {**names["given"], "weights": names["given"]["weights"] * 1.001}
    after = names["dynamics"].integrate(names["law"], np.zeros((2, 2, 8)), names["dt"], names["steps"], every=100, **more)
    change = ((after**2).sum() - (states**2).sum()) / 2
    assert change == pytest.approx(0.001 * by_weights @ names["given"]["weights"], rel=0.02)


@claims("tutorials/optics")
def _(names: Names) -> None:
    assert (names["up"] - names["down"]) / 2 == pytest.approx(np.vdot(names["gradient"], names["step"]), rel=1e-5)
    assert names["untrained"] < 0.3 < 0.85 < names["trained"]  # "a great deal"
    assert names["trained"] == pytest.approx(names["linear"], abs=0.05)  # "about what a linear classifier does"
    assert names["deployed"] < names["trained"] - 0.15
    assert names["recovered"] > names["deployed"] + 0.15


@claims("tutorials/crossbar")
def _(names: Names) -> None:
    errors = names["errors"]
    assert errors["all of it"] > max(value for name, value in errors.items() if name != "all of it")
    assert errors["PCM: and reading"] > errors["PCM: programming"]
    assert names["mended"][-1] < names["plain"][-1] / 2  # "mends most of it"
    exact, deployed, aware, linear = (np.mean(names["accuracies"][name]) for name in
                                      ("in exact arithmetic", "in-silico", "hardware-aware", "linear classifier"))  # fmt: skip
    assert deployed < aware < exact  # "gives back a part of what deployment cost"
    assert max(deployed, aware) < linear  # "nothing here beats the linear classifier"


@claims("tutorials/relaxation")
def _(names: Names) -> None:
    assert names["cosine"](names["propagated"], names["gradient"]) > 0.99999
    assert 0.9 < names["cosine"](names["coupled"], names["gradient"]) < 0.9999  # "no gradient, but points along with it"
    betas = np.log(names["betas"])
    for variant, order in (("positive", 1), ("centred", 2)):
        slope = np.polyfit(betas[3:], np.log(names["off"][variant])[3:], 1)[0]
        assert slope == pytest.approx(order, abs=0.15)
    iris = {name: np.mean(found) for name, found in names["iris"].items()}
    assert min(iris["equilibrium propagation"], iris["coupled learning"]) > iris["exact, deployed"] + 0.02
    assert max(iris.values()) < names["control"] + 0.04  # "no more than that is to be expected"
    rings = names["rings"]
    assert rings["linear"] < 0.6
    assert min(rings["equilibrium propagation"], rings["exact gradients"]) > 0.9
    assert rings["untrained, read out"] > 0.9  # "so do its hidden units before any training"


@claims("howto/own-data")
def _(names: Names) -> None:
    assert names["run"].metrics["test_accuracy"] > 0.8
    assert len(names["y_test"]) == 150


@claims("howto/own-apparatus")
def _(names: Names) -> None:
    blind, aware = (names[run].metrics["test_accuracy"] for run in ("blind", "aware"))
    assert 0.6 < blind < aware
    assert len(names["run"].evaluations) == 2  # "one epoch more"


@claims("howto/own-device")
def _(names: Names) -> None:
    """By the tables that the page made."""
    assert names["written"].std() == pytest.approx(0.4e-6 + 0.03 * 10e-6, rel=0.02)
    assert names["day"].mean() == pytest.approx(10e-6 * 86401**-0.035, rel=0.01)
    assert np.abs(names["siemens"] - names["up"]).max() < 0.03 * names["up"].max()
    assert names["run"].metrics["test_accuracy"] > 0.7


@claims("howto/own-system")
def _(names: Names) -> None:
    assert names["difference"] == pytest.approx(np.sum(np.array(names["slope"]) * names["step"]), rel=1e-6)


@claims("howto/own-rule")
def _(names: Names) -> None:
    assert np.abs(np.array(names["found"]) - names["exact"]).max() < 1e-2 * np.abs(names["exact"]).max()


@claims("howto/print-a-mask")
def _(names: Names) -> None:
    phase = names["trained"].parameters["phase"]
    relief = names["heights"] * (1.7227 - 1) / names["wavelength"]  # in turns
    assert np.abs(np.exp(2j * np.pi * relief) - np.exp(1j * phase)).max() < 1e-5
    assert abs(names["common"]) == pytest.approx(1, abs=1e-9)


@claims("howto/drive-an-slm")
def _(names: Names) -> None:
    assert (
        np.abs(names["error"]).max() < 1.1 * np.diff(names["measured"]).max() / 5 / 2
    )  # half a grey level, 5 to a line of the table
    efficiency = names["efficiency"]
    for period in (5, 10, 20):
        ideal = np.sinc(1 / period) ** 2
        assert efficiency(period) == pytest.approx(ideal, rel=2e-3)  # 16 samples stand for a pixel
        assert efficiency(period, blur=0.5) < efficiency(period, levels=8) <= ideal
    assert efficiency(5, blur=0.5) < efficiency(20, blur=0.5)


@claims("howto/restart")
def _(names: Names) -> None:
    assert names["same"].all()
    assert names["parts"].metrics == names["whole"].metrics


@claims("theory/optics")
def _(names: Names) -> None:
    assert names["on_axis"] == pytest.approx(names["closed_form"], rel=1e-3)


@claims("theory/crossbar")
def _(names: Names) -> None:
    assert names["current"] == pytest.approx(names["closed_form"], rel=1e-12)


@claims("theory/networks")
def _(names: Names) -> None:
    assert names["volts"] == pytest.approx(2 / 3, rel=1e-12)
    assert names["agree"] == pytest.approx(1 / (1 + np.exp(-1.0)), abs=0.01)  # four standard errors


@claims("theory/learning")
def _(names: Names) -> None:
    np.testing.assert_allclose(names["update"], names["closed_form"], rtol=1e-6)


@claims("tutorials/gradient-free")
def _(names: Names) -> None:
    for measured, expected in zip(names["cosines"], names["expected"], strict=True):
        assert np.mean(measured) == pytest.approx(expected, rel=0.25, abs=0.03)
    one, eight = names["curves"]["SPSA, 1 direction"].mean(axis=0), names["curves"]["SPSA, 8 directions"].mean(axis=0)
    spent = len(one) * 2 // 16  # epochs of eight directions that cost as much
    assert one[-1] < eight[spent - 1]  # "one direction went further for the passes that it cost"
    assert names["chance"] < 0.6 < 0.9 < min(result for _, _, result in names["rules"].values())


@claims("tutorials/physics-aware")
def _(names: Names) -> None:
    angles = np.mean(names["angles"], axis=1)
    assert angles[0] < 1e-3  # "at a mismatch of 0 ... it is exact"
    assert (np.diff(angles) > 5).all()
    assert angles[-1] < 90
    deployed, noisy, aware = (np.mean(names["accuracies"][name], axis=1) for name in names["rules"])
    np.testing.assert_allclose(aware[0], deployed[0])
    assert aware[-1] > deployed[-1] + 0.1  # "gets the device as it is"
    assert noisy[2] > deployed[2]  # "helps with errors of the size and kind of that noise"


@claims("tutorials/layer-local")
def _(names: Names) -> None:
    assert max(np.abs(names["before"])) < min(names["after"])  # layers align
    assert names["goodness"]["right label"].mean() > 1.5 * names["goodness"]["wrong label"].mean()
    found = {name: np.mean(values) for name, values in names["found"].items()}
    assert min(found.values()) > 0.85
    assert max(found.values()) < found["linear"] + 0.015  # "none comes past the controls by more than its error"


@claims("tutorials/spins")
def _(names: Names) -> None:
    assert np.abs(names["sampled"] - names["exact"]).max() < 4 / np.sqrt(20_000)
    assert np.corrcoef(names["sampled"], names["exact"])[0, 1] > 0.99
    assert names["hits"][-1] > 0.6 > 0.3 > names["hits"][0]
    divergence, persistent, exact = (names["curves"][by] for by in ("contrastive divergence", "persistent", "exact gradients"))
    assert np.log(14) < exact[-1] < persistent[-1] < divergence[-1] < exact[0] - 2
    accuracies = names["accuracies"]
    assert accuracies["contrastive-learning"] == pytest.approx(accuracies["in-silico"], abs=0.03)
    assert accuracies["contrastive-learning"] < accuracies["linear"] + 0.01
