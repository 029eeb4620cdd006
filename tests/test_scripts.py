"""Scripts that draw what networks learn run, shortened, and leave a picture."""

import re
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import ROOT, script

ERRORS = {
    "misalignment": ("masks misplaced", [0.0, 0.8e-3], [0.0, 0.4e-3], 1e3), "height_error": ("heights", [2e-4], [1e-4], 1e6),
    "levels": ("levels", [2], [3], 1.0),
}  # fmt: skip


GALLERY = sorted((ROOT / "scripts/gallery").glob("*.py"))
SHORTENED = [
    ("gallery/recovery", {"EPOCHS": 4, "EVERY": 2}, 1, "after the cut: median test accuracy"),
    ("gallery/allostery", {"STEPS": 20}, 8, "%"),
    ("gallery/modes", {"STEPS": 60}, 1, "curvature: "),
    ("gallery/wires", {}, 32, "1 ohm a segment: median error of a column 16: "),
    ("gallery/ageing", {"BATCH": 16}, 2, "one factor for each chip: median error after a second "),
    ("gallery/phase_retrieval", {"STEPS": 4}, 64, "of the light in the picture"),
    ("gallery/flow", {"STEPS": 5}, 16, "step 5: pressures are off by "),
    ("gallery/tolerances", {"EPOCHS": 0.05, "BUILT": 1, "KINDS": ERRORS}, 20, "masks misplaced, trained with errors: 0: "),
    ("gallery/slm", {"DISTANCES": (1e-3, 1.0), "EPOCHS": 1}, 20, "1000 mm: test accuracy "),
    ("gallery/rules", {"EPOCHS": 1, "RATES": (1.0,)}, 1, "coupled-learning: "),
    ("gallery/misbuilt", {"EPOCHS": 1, "MISMATCH": [0.4]}, 1, "2 points: 2 finished"),
    ("readme_picture", {"SIZE": 20, "PLANES": 2, "CELLS": 8, "SIDE": 8, "STEPS": 2}, 1, "flow: pressures off by "),
]


@pytest.mark.parametrize(("name", "shorter", "argument", "says"), SHORTENED, ids=[row[0] for row in SHORTENED])
def test_scripts_draw(name: str, shorter: dict[str, Any], argument: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                      capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.syspath_prepend(ROOT / "scripts")  # some import others
    module, out = script(name), tmp_path / "out.png"
    for constant, value in shorter.items():
        monkeypatch.setattr(module, constant, value)
    module.main(str(out), argument)
    assert out.read_bytes().startswith(b"\x89PNG")
    assert says in capsys.readouterr().out


def test_all_of_the_gallery_is_run() -> None:
    assert {path.stem for path in GALLERY} == {name.split("/")[1] for name, *_ in SHORTENED if "/" in name}


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_scripts_of_the_gallery(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Short, with a title that is underlined for its page, and large by one flag, which `--help` has."""
    lines = path.read_text().splitlines()
    assert len(lines) < 100
    assert lines[2] == "=" * len(lines[1])
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    (full,) = re.findall(r"--full\s+the large simulation: (?:up to )?(\d+)", said)
    (small,) = re.findall(r'type=int, default=(\d+)', path.read_text())
    assert int(full) > int(small)
    assert f"const={full}," in path.read_text()


def test_a_script_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, name in ((["--largest", "16"], "wires.png"), (["--largest", "16", "--out", "mine.png"], "mine.png")):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["wires.py", *words])
        runpy.run_path(str(ROOT / "scripts/gallery/wires.py"), run_name="__main__")
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_damage_is_felt_and_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss rises by the cut and falls again."""
    module = script("gallery/recovery")
    monkeypatch.setattr(module, "EPOCHS", 40)
    losses = module.learn(0)[0]
    trained, cut, end = losses[40 // module.EVERY], losses[40 // module.EVERY + 1], losses[-1]
    assert cut > 1.3 * trained
    assert end < cut
    assert np.isfinite(losses).all()


@pytest.mark.parametrize(("size", "ohms"), [(16, 0.1), (64, 0.1), (32, 0.5)])
def test_wires_cost_what_two_ladders_do(size: int, ohms: float) -> None:
    """Where little drops: r G n^2 / 3, twice."""
    exact, estimated = script("gallery/wires").errors(size, ohms)
    assert estimated == pytest.approx(2 * ohms * 13e-6 * size**2 / 3, rel=0.1)
    assert exact == pytest.approx(estimated, rel=0.2)


def test_one_factor_undoes_most_of_a_year() -> None:
    module, rng = script("gallery/ageing"), np.random.default_rng(0)
    weights, inputs, tests = rng.normal(size=module.SHAPE), rng.normal(size=(32, module.SHAPE[0])), rng.normal(size=(64, module.SHAPE[0]))
    plain, compensated = module.chip(3, weights, inputs, tests)
    assert plain[-1] > 2 * compensated[-1]
    assert (np.diff(plain) > 0).all()
    assert plain[0] == pytest.approx(compensated[0], rel=1e-2)


def test_pressures_come_to_what_was_wanted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script("gallery/flow").main(str(tmp_path / "out.png"), 30)
    off = [float(line.split(" by ")[1].split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert off[-1] < off[0] / 10


def test_few_levels_can_be_trained_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three levels: worse than as designed, and better after training with few of them; without an error what is built is the design."""
    module = script("gallery/tolerances")
    monkeypatch.setattr(module, "EPOCHS", 1)
    digits = module.data.load("mnist-small")
    naive, trained = module.train(32, digits), module.train(32, digits, "levels")
    perfect, few = module.accuracies(naive, digits, "levels", [0, 3]).mean(axis=1)
    share = np.mean(naive.forward(naive.encode(digits.test_images)).argmax(axis=1) == digits.test_labels)
    assert perfect == pytest.approx(share)
    assert share > 0.7
    assert few < perfect - 0.2
    assert module.accuracies(trained, digits, "levels", [3]).mean() > few + 0.1


def test_pixels_spread_light_as_they_should() -> None:
    """Far away light of pixels with random phases is all over lambda z / p, of which a window of n pixels has (n p^2 / lambda z)^2, before the
    sinc^2 of a pixel, which there is one."""
    module, size = script("gallery/slm"), 256
    far = abs(np.array(module.DISTANCES) - 0.2) < 0.15  # metres: speckles are small beside the window
    for wavelength in module.WAVELENGTHS:
        share = module.passed_on(size, wavelength, 1)
        assert (np.diff(share) < 0).all()
        assert share[far] == pytest.approx((size * module.PITCH**2 / wavelength / np.array(module.DISTANCES)[far]) ** 2, rel=0.15)
        assert (module.passed_on(size, wavelength, 4) > share).all()


def test_rates_are_chosen_on_held_out_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    module, asked = script("gallery/rules"), []

    def learned(name: str, rule: str, seed: int, rate: float, validation: int = 0) -> tuple[int, np.ndarray]:
        asked.append((seed, rate, validation))
        return 1, np.array([1.0 / rate, *[{0.3: 0.5, 1.0: 0.8, 3.0: 0.7}[rate]] * 5])

    monkeypatch.setattr(module, "learned", learned)
    assert module.chosen("coupled-iris", "spsa") == 1.0
    assert asked == [(0, rate, 4) for rate in module.RATES]


def test_kernels_beside_another_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What became slower is counted; what the other checkout has not is left out."""
    module, waits = script("beside"), {"pnn_here": 0.02, "pnn_there": 0.005}

    def waiting(pnn: Any) -> dict[str, Any]:
        end = waits[pnn.__name__]

        def busy() -> None:
            start = time.process_time()
            while time.process_time() < start + end:
                pass

        return {"busy": busy, "new": lambda: pnn.optics if pnn.__name__ == "pnn_here" else pnn.of_tomorrow, "still": lambda: None}

    monkeypatch.setattr(module, "ROOMS", (waiting, module.optimisers))
    monkeypatch.setattr(module, "ROUNDS", 3)
    monkeypatch.setattr(module, "SLOWER", 3.0)
    assert module.main(str(module.HERE), "busy", "new", "Adam") == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["busy"].endswith("slower")
    assert "cannot be run there: module 'pnn_there' has no attribute 'of_tomorrow'" in lines["new"]
    assert 0.2 < float(lines["Adam"].split()[3]) < 5
    assert "still" not in lines
    with pytest.raises(SystemExit, match="must be a checkout of pnnkern"):
        module.main(str(tmp_path))


def test_golden_runs_see_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same twice; one loss, one parameter or the end of a run changed is named and counts."""
    module, file = script("golden_runs"), tmp_path / "golden.json"
    only = ["--only", "transistor-xor"]
    assert module.main(["record", str(file), *only]) == 0
    assert module.main(["compare", str(file), *only]) == 0
    assert "the same to the bit\n1 of 1 runs" in capsys.readouterr().out
    train = module.carry_out

    def bent(what: str) -> Any:
        def carry_out(name: str, overrides: list[str]) -> Any:
            found = train(name, overrides)
            if what == "loss":
                found.losses[1] = np.nextafter(found.losses[1], 9)
            elif what == "gate":
                found.parameters["gate"][3] *= 1 + 1e-3
            else:
                raise ValueError("it broke")
            return found

        return carry_out

    for what, says in (("loss", "0.0e+00"), ("gate", "(gate)"), ("end", "does not run: ValueError: it broke (before: ran)")):
        monkeypatch.setattr(module, "carry_out", bent(what))
        assert module.main(["compare", str(file), *only]) == 1
        assert says in capsys.readouterr().out


def test_steps_beside_another_checkout(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """This one beside itself; what cannot be done is a line."""
    module = script("steps_beside")
    assert module.main([str(module.HERE), "transistor-xor", "nothing", "--seconds", "0.2"]) == 0
    head, line, missing = capsys.readouterr().out.splitlines()
    assert head.split()[-5:] == ["there", "here", "ratio", "there", "here"]
    name, there, here, ratio, *memory = line.split()
    assert name == "transistor-xor"
    assert all(float(value) > 0 for value in (there, here, ratio, *memory))
    assert missing.startswith("nothing ")
    assert "no recipe" in missing
    assert module.main([str(tmp_path)]) == 2
    assert "must be a checkout of pnnkern" in capsys.readouterr().err


def test_focal_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Brightest where the closed form of the light on the axis has its maximum, which is nearer than the focus; ended half way it goes on."""
    module, out = script("focal_scan"), tmp_path / "scan.h5"
    propagate, calls = module.optics.propagate, []

    def ended(*arguments: Any, **settings: Any) -> Any:
        calls.append(settings["distance"])
        if len(calls) == 20:
            raise KeyboardInterrupt
        return propagate(*arguments, **settings)

    monkeypatch.setattr(module.optics, "propagate", ended)
    with pytest.raises(KeyboardInterrupt):
        module.main([str(out), "--small"])
    module.main([str(out), "--small"])
    assert len(calls) == 41 + 1
    z = np.linspace(0.8, 1.2, 41) * module.FOCAL
    turn = np.pi / module.WAVELENGTH * (0.45 * 128 * module.PITCH) ** 2 / 2 * (1 / z - 1 / module.FOCAL)
    right = z[np.argmax((np.sinc(turn / np.pi) / z) ** 2)]
    assert abs(module.brightest(out) - right) < 1.5 * (z[1] - z[0])
    assert "brightest at " in capsys.readouterr().out
