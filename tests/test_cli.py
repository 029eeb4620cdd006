"""The command line: exit codes, one line for bad input, one JSON object for machines."""

import contextlib
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from pnnkern import _array
from pnnkern.cli import app, main
from pnnkern.experiments import bench, checkpoint, machine
from pnnkern.experiments.checkpoint import previous
from pnnkern.experiments.run import load

ROOT = Path(__file__).resolve().parents[1]
TINY = [
    word
    for setting in (
        "system.layers=2", "system.size=16", "system.input_size=14", "system.detector_size=2", "data.train=40", "data.test=20",
        "training.batch=8", "control.iterations=10",
    )
    for word in ("--set", setting)
]  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["run", "d2nn-digits", "--out", str(folder), "--epochs", "1", "--quiet", *TINY]) == 0
    return folder


@pytest.fixture
def copy(done: Path, tmp_path: Path) -> Path:
    shutil.copytree(done, tmp_path / "run")
    return tmp_path / "run"


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    result: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


def refused(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr of a command that must end with exit code 2."""
    assert main([str(a) for a in arguments]) == 2
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("pnnkern: error: ")
    assert captured.out == ""
    return lines[0]


def test_run_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "r"
    assert (
        main(["run", "d2nn-digits", "--out", str(folder), "--epochs", "2", "--seed", "3", "--threads", "1", "--json", *TINY]) == 0
    )
    result = last_line(capsys)
    assert set(result) >= {"recipe", "metrics", "epochs", "seconds", "device", "out"}
    assert (result["recipe"], result["epochs"], result["device"], result["out"]) == ("d2nn-digits", 2, "cpu", str(folder))
    metrics = result["metrics"]
    assert isinstance(metrics, dict)
    assert 0 <= metrics["test_accuracy"] <= 1
    assert 0 <= metrics["linear_control_accuracy"] <= 1
    config = (folder / "config.toml").read_text()
    assert "seed = 3" in config
    assert "threads = 1" in config


def test_run_prints_the_control_beside_the_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "d2nn-digits", "--out", str(tmp_path / "r"), "--epochs", "1", *TINY]) == 0
    captured = capsys.readouterr()
    assert "test accuracy: " in captured.out
    assert "linear control accuracy: " in captured.out
    assert f"pictures: pnnkern report {tmp_path / 'r'}" in captured.out
    assert "linear control: " in captured.err
    assert "step 1/5  epoch 1/1  loss " in captured.err  # plain lines where there is no terminal
    assert "\x1b" not in captured.err


def test_resume_report_export_json(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", str(copy), "--epochs", "2", "--quiet", "--json"]) == 0
    assert last_line(capsys)["epochs"] == 2
    assert main(["report", str(copy), "--images", "4", "--json"]) == 0
    result = last_line(capsys)
    assert Path(str(result["report"])).read_text().startswith("<!doctype html>")
    assert "metrics" in result
    assert main(["export", str(copy), "--what", "height", "--json"]) == 0
    assert last_line(capsys)["files"] == [str(copy / "height.npz")]
    assert main(["export", str(copy), "--what", "phase", "-o", str(copy / "p.npy")]) == 0
    assert np.load(copy / "p.npy").shape == (2, 16, 16)
    assert "2 x 16 x 16" in capsys.readouterr().out


def test_export_for_the_workshop(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def made(*options: object) -> list[str]:
        assert main(["export", str(done), "--json", *map(str, options)]) == 0
        return [Path(f).name for f in last_line(capsys)["files"]]  # type: ignore[attr-defined]

    (tmp_path / "slm.csv").write_text("grey, 7.5e-4\n0, 0\n255, 6.3\n")
    assert made("--what", "height", "-o", tmp_path / "h.stl", "--base", 5e-4, "--index", 1.5) == ["h-1.stl", "h-2.stl"]
    assert made("--what", "phase", "-o", tmp_path / "p.tiff", "--levels", 218, "--bits", 8) == ["p-1.tiff", "p-2.tiff"]
    named = ["p-1.bmp", "p-1.bmp.json", "p-2.bmp", "p-2.bmp.json"]
    assert made("--what", "phase", "-o", tmp_path / "p.bmp", "--wavelength-table", tmp_path / "slm.csv") == named
    gone = ["export", done, "--what", "phase", "-o", tmp_path / "q.png", "--wavelength-table", tmp_path / "gone.csv"]
    assert "gone.csv cannot be read: No such file" in refused(gone, capsys)


def test_compare(done: Path, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", str(copy), "--epochs", "3", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["compare", str(done), str(copy)]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["run", "recipe", "epochs"]
    assert first.endswith("training.epochs=1")
    assert second.endswith("training.epochs=3")
    assert main(["compare", str(done), str(copy), "--json"]) == 0
    rows = last_line(capsys)["runs"]
    assert isinstance(rows, list)
    assert [row["epochs"] for row in rows] == [1, 3]
    assert [row["differs"] for row in rows] == [{"training.epochs": 1}, {"training.epochs": 3}]
    with h5py.File(copy / "checkpoint.h5") as file:
        assert rows[1]["test_accuracy"] == file["arrays/progress/evaluations"][-1, 1]


def test_a_bar_on_a_terminal(tmp_path: Path) -> None:
    """With a terminal as standard error: a bar with loss, accuracy, samples per second and the time left."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pnnkern", "run", "d2nn-digits", "--out", str(tmp_path / "r"), "--epochs", "1", *TINY]
    environment = os.environ | {
        "TERM": "xterm",
        "COLUMNS": "120",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert child.wait() == 0
    for word in ("100 %", "epoch 1/1", "loss", "accuracy", "samples/s", "left"):
        assert word in shown.decode()


def test_list_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert "d2nn-mnist-differential" in capsys.readouterr().out
    assert main(["list", "--json"]) == 0
    assert "d2nn-digits" in last_line(capsys)["recipes"]  # type: ignore[operator]
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for word in ("numpy ", "threads: ", "cuda: ", "fft: ", "PNNKERN_DATA"):
        assert word in text
    assert main(["info", "--json"]) == 0
    assert "versions" in last_line(capsys)


def test_bench_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"case": "c", "work": "w", "name": "pnnkern", "ms": 2.0, "device": "cpu"}]
    monkeypatch.setattr(bench, "run", lambda name, device, budget: rows)
    assert main(["bench", "optics", "--json"]) == 0
    out = capsys.readouterr().out.splitlines()
    result = json.loads(out[-1])
    assert result["rows"] == rows
    assert out[0] == f"On {machine.processor()}:"  # a figure without its machine tells nothing
    assert result["machine"]["cpu"] in out[0]
    assert result["machine"]["numpy"] == np.__version__
    assert "metrics" in result
    assert main(["bench", "list"]) == 0
    assert "optics" in capsys.readouterr().out


@pytest.mark.parametrize("command", [c.name or c.callback.__name__ for c in app.registered_commands])  # type: ignore[union-attr]
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Example: pnnkern {command}" in text
    assert "--json" in text


def test_bare_command_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "d2nn-digit"], "no recipe is called 'd2nn-digit': the nearest is 'd2nn-digits'"),
        (["run", "d2nn-digits", "--set", "training.lrr=1"], "unknown key 'training.lrr': the nearest is 'training.lr'"),
        (["run", "d2nn-digits", "--set", "system.pitch=-1e-3"], "system.pitch: input should be greater than 0, got -0.001"),
        (["run", "d2nn-digits", "--set", "system.pitch=0"], "system.pitch: input should be greater than 0, got 0"),
        (["run", "d2nn-digits", "--set", "system.wavelength=nan"], "system.wavelength: input should be"),
        (["run", "d2nn-digits", "--epochs", "0"], "training.epochs: input should be greater than or equal to 1, got 0"),
        (["run", "d2nn-digits", "--epochs", "-1"], "training.epochs: input should be greater than or equal to 1, got -1"),
        (["run", "d2nn-digits", "--seed", "-1"], "training.seed: input should be greater than or equal to 0, got -1"),
        (["run", "d2nn-digits", "--epochs", "many"], "Invalid value for '--epochs'"),
        (["run", "d2nn-digits", "--device", "gpu"], "compute.device: input should be 'cpu' or 'cuda', got 'gpu'"),
        (["run", "d2nn-digits", "--sed", "3"], "No such option: --sed"),
        (["run"], "Missing argument 'RECIPE'"),
        (["rum"], "No such command 'rum'"),
        (
            ["run", "d2nn-digits", "--set", "data.name=mnist-smal"],
            "no data set is called 'mnist-smal': the nearest is 'mnist-small'",
        ),
        (["run", "d2nn-digits", "--set", "data.path=gone.npz"], "gone.npz does not exist"),
        (["run", "d2nn-mnist"], "name their folder with --data-dir or the environment variable PNNKERN_DATA"),
        (["run", "d2nn-mnist", "--data-dir", "gone"], "gone does not exist"),
        (["resume", "gone"], "gone holds no run: there is no config.toml in it"),
        (["report", "gone"], "gone holds no run"),
        (["export", "gone", "--what", "phase"], "gone holds no run"),
        (["bench", "optic"], "no benchmark is called 'optic': the nearest is 'optics'"),
        (["bench", "optics", "--device", "tpu"], "unknown device 'tpu': it is 'cpu' or 'cuda'"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[object], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PNNKERN_DATA", raising=False)
    assert message in refused(arguments, capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["info"], ["run", "d2nn-digits", *TINY]])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PNNKERN_NUM_THREADS", "many", "PNNKERN_NUM_THREADS must be a positive integer, got 'many'"),
        ("PNNKERN_FFT", "cufft", "PNNKERN_FFT must be 'auto', 'lanes', 'scipy', 'fftw' or 'mkl', got 'cufft'"),
    ],
)
def test_bad_environment_is_one_line(
    command: list[object], name: str, value: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    assert message in refused([*command, "--quiet"] if command[0] == "run" else command, capsys)


@pytest.mark.parametrize("arguments", [["run", "d2nn-digits", "--device", "cuda"], ["bench", "optics", "--device", "cuda"]])
def test_no_gpu(
    arguments: list[object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message names what to install, also on machines that have a GPU (here CuPy is made to be absent)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_array.importlib.util, "find_spec", lambda name: None)
    line = refused(arguments, capsys)
    assert 'pip install "pnnkern[cuda13]"' in line
    assert 'pnnkern[cuda12]"' in line
    assert list(tmp_path.iterdir()) == []


def test_data_folder_without_the_files(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = refused(["run", "d2nn-mnist", "--data-dir", tmp_path, "--out", tmp_path / "r"], capsys)
    assert (
        "lacks train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (or .gz)" in line
    )
    assert not (tmp_path / "r").exists()


def test_output_folders_that_cannot_be(done: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert f"already holds a run: go on with `pnnkern resume {done}`" in refused(
        ["run", "d2nn-digits", "--out", done, *TINY], capsys
    )
    (tmp_path / "file").touch()
    line = refused(["run", "d2nn-digits", "--out", tmp_path / "file", *TINY], capsys)
    assert "cannot make the folder" in line
    line = refused(["export", done, "--what", "phase", "-o", tmp_path / "file" / "x.npy"], capsys)
    assert "cannot write" in line


def test_damaged_checkpoints(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest = copy / "checkpoint.h5"
    shutil.copy(newest, previous(newest))
    newest.write_bytes(newest.read_bytes()[:500])
    readers = (
        ["report", copy, "--images", 4], ["export", copy, "--what", "phase"], ["compare", copy], ["resume", copy, "--quiet"]
    )  # fmt: skip
    for arguments in readers:
        assert main([str(word) for word in arguments]) == 0
        assert "checkpoint.h5 is damaged (its digest is wrong); going on from the one before it" in capsys.readouterr().err, arguments
    newest.write_bytes(b"x")
    previous(newest).write_bytes(b"y")
    assert "no usable checkpoint in" in refused(["resume", copy, "--quiet"], capsys)


def test_checkpoint_of_a_newer_version(copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    saved = checkpoint.load(copy / "checkpoint.h5")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "VERSION", 99)
        checkpoint.save(copy / "checkpoint.h5", saved.state, saved.meta)
    assert "has checkpoint format 99, written by pnnkern" in refused(["report", copy], capsys)


def test_broken_config(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "config.toml").write_text("[data")
    assert "config.toml is no valid TOML" in refused(["resume", copy], capsys)


@pytest.mark.parametrize(("wavelength", "ratio"), [("0.75e-3", "533"), ("1e-4", "4e+03")])
def test_a_pitch_in_millimetres_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str], wavelength: str, ratio: str) -> None:
    """0.4 instead of 0.4e-3 m: one warning in one line that gives the ratio to the wavelength."""
    settings = ["--set", "system.pitch=0.4", "--set", f"system.wavelength={wavelength}", "--quiet"]
    main(["run", "d2nn-digits", "--out", str(tmp_path / "r"), "--epochs", "1", *TINY, *settings])
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "pitch" in line]
    assert line.startswith(f"pnnkern: warning: pitch / wavelength = {ratio}: ")


def test_python_m(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "pnnkern", "rum"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("pnnkern: error: No such command 'rum'")


# ------------------------------------------------------------------------------------------------------------ rules x systems
def test_matrix_is_derived(capsys: pytest.CaptureFixture[str]) -> None:
    """Every cell says what a try says: a rule steps where the matrix has a cross, and refuses with the cell's reason elsewhere."""
    from pnnkern.experiments.recipe import kinds
    from pnnkern.systems.protocols import lacks

    assert main(["list", "--matrix", "--json"]) == 0
    result = last_line(capsys)
    rows, populations = result["matrix"], result["populations"]
    assert isinstance(rows, list)
    rules, systems = kinds("rule"), {name: system for name, system in kinds("system").items() if name != "plugin"}
    assert len(rows) == len(rules) * len(systems)
    for row in rows:
        reason = lacks(systems[row["system"]], *rules[row["rule"]].needs)
        assert (row["trains"], row["reason"]) == (not reason and not row["needs"], reason)
    assert {"rule": "spsa", "system": "d2nn", "recipe": "d2nn-digits", "trains": True, "needs": "", "reason": ""} in rows
    assert main(["list", "--matrix"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in (*rules, *systems))
    assert set(populations) == set(systems)
    assert populations["resistor-network"] == "in one pass"
    assert populations["d2nn"] == "in one pass of fields, member by member with photodetectors"
    assert populations["spring-network"] == "member by member"
    alone = ", ".join(sorted(name for name, way in populations.items() if way == "member by member"))
    assert f"member by member: {alone}" in text.splitlines()[-1]


@pytest.mark.parametrize("rule", ["physics-aware", "direct-feedback", "spsa"])
def test_other_rules_run_beside_their_exact_control(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: str) -> None:
    """The same network and budget by exact gradients, as a run of its own in the folder `exact`; passes are counted."""
    settings = ["--set", f"rule.kind={rule}", "--set", "system.misalignment=1e-4", "--epochs", "1", "--quiet", *TINY]
    assert main(["run", "d2nn-digits", "--out", str(tmp_path / "r"), *settings, "--json"]) == 0
    result = last_line(capsys)
    assert isinstance(result["metrics"], dict)
    assert 0 <= result["metrics"]["exact_gradient_accuracy"] <= 1
    samples = len(load(tmp_path / "r").trainer.dataset.train_labels)
    assert result["passes"] == {"spsa": 2}.get(rule, 1) * samples
    assert load(tmp_path / "r" / "exact").recipe.rule.kind == "in-silico"
    assert load(tmp_path / "r" / "exact").trainer.passes == 0
    assert main(["report", str(tmp_path / "r"), "--images", "4"]) == 0
    assert "exact gradients" in (tmp_path / "r" / "report" / "index.html").read_text()
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "r"), str(tmp_path / "r" / "exact"), "--out", str(tmp_path / "c.png"), "--json"]) == 0
    first, second = last_line(capsys)["runs"]
    assert (first["passes"], second["passes"]) == (result["passes"], 0)
    assert first["at_equal_passes"] == first["test_accuracy"]
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


def test_features_do_not_fit_a_network_of_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "d2nn-digits", "--out", str(tmp_path / "r"), "--set", "data.name=iris"]
    assert main([*command, "--quiet"]) == 2
    assert "images must be (batch, height, width), got shape (64, 4)" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_rule_that_cannot_train_the_system_is_refused_before_anything_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "d2nn-digits", "--out", str(tmp_path / "r"), "--set", "rule.kind=equilibrium-propagation", "--quiet"]
    assert main(command) == 2
    message = capsys.readouterr().err
    assert "cannot train a system of kind 'd2nn', which lacks equilibria that can be nudged" in message
    assert "it trains " in message
    assert "hopfield" in message.rpartition("it trains")[2]
    assert not (tmp_path / "r").exists()
