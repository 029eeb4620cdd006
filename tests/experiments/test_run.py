"""Whole runs in processes of their own: killed, stopped, resumed, and refused."""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import public_calls
import pytest

import pnnkern
from pnnkern import cli
from pnnkern._errors import CheckpointError, DataError
from pnnkern.experiments import checkpoint, machine, recipe, run
from pnnkern.experiments.recipe import RecipeError
from pnnkern.optics import _fft

ROOT = Path(__file__).resolve().parents[2]
# 560 steps of a few milliseconds, each with its own checkpoint: most kills hit one that is being written
LONG = ("training.epochs=80", "checkpoint.steps=1", "checkpoint.seconds=0", "control.linear=false")


def process(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    """A pnnkern process. One FFT library: FFTW's plans, and so the last bits, may be measured anew by a process that runs alongside."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "PNNKERN_FFT": "scipy", "PNNKERN_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pnnkern", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes, **options)  # type: ignore[call-overload,no-any-return]


def wait_for_a_step(child: "subprocess.Popen[str]") -> None:
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith("step "):
            return
    pytest.fail(f"the run ended before its first step, with exit code {child.wait()}")


@pytest.fixture(scope="module")
def settings(tiny: tuple[str, ...]) -> list[str]:
    return [word for override in (*tiny, *LONG) for word in ("--set", override)]


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory, settings: list[str]) -> dict[str, np.ndarray]:
    folder = tmp_path_factory.mktemp("whole") / "run"
    child = process("run", "d2nn-digits", "--out", folder, *settings)
    _, errors = child.communicate()
    assert child.returncode == 0, errors
    return checkpoint.load(folder / run.CHECKPOINT).state


def assert_same(folder: Path, expected: dict[str, np.ndarray]) -> None:
    state = checkpoint.load(folder / run.CHECKPOINT).state
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        assert state[name].dtype == array.dtype, name
        assert state[name].tobytes() == array.tobytes(), name


def test_killed_at_twenty_random_moments(tmp_path: Path, settings: list[str], never_stopped: dict[str, np.ndarray]) -> None:
    """kill -9, resume, kill -9, ...: in the end every array is the same, to the bit, as in a run that was never killed."""
    folder, dice, kills = tmp_path / "run", random.Random(20), 0
    arguments: tuple[object, ...] = ("run", "d2nn-digits", "--out", folder, *settings)
    while kills < 20:
        child = process(*arguments)
        wait_for_a_step(child)
        time.sleep(dice.uniform(0, 0.08))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        assert child.returncode == -signal.SIGKILL, "the run ended too soon to be killed: make it longer"
        kills += 1
        arguments = ("resume", folder)
    child = process(*arguments)
    output, errors = child.communicate()
    assert child.returncode == 0, errors
    assert "test accuracy" in output
    assert_same(folder, never_stopped)
    assert not list(folder.glob(".*.tmp*"))


def test_signals_stop_cleanly(tmp_path: Path, settings: list[str], never_stopped: dict[str, np.ndarray]) -> None:
    folder, steps = tmp_path / "run", [0]
    arguments: tuple[object, ...] = ("run", "d2nn-digits", "--out", folder, *settings, "--set", "checkpoint.steps=0")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        child = process(*arguments)
        wait_for_a_step(child)
        child.send_signal(number)
        output, errors = child.communicate()
        assert child.returncode == run.STOPPED == 75, errors
        assert f"go on with: pnnkern resume {folder}" in output
        assert "Traceback" not in errors
        steps.append(int(checkpoint.load(folder / run.CHECKPOINT).state["progress/step"]))
        arguments = ("resume", folder)
    assert steps == sorted(set(steps))  # each got a little further
    child = process(*arguments)
    output, errors = child.communicate()
    assert child.returncode == 0, errors
    assert_same(folder, never_stopped)


# ---------------------------------------------------------------------------------------------------------- in this process
@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(run, "_say", said.append)
    return said


def test_full_disk_ends_in_one_line_and_keeps_the_checkpoint(copied_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For as long as the run is resumed, the system lets this process write files of 4000 bytes at most."""
    before = (copied_run / run.CHECKPOINT).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        code = cli.main(["resume", str(copied_run), "--quiet"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"pnnkern: error: cannot write the checkpoint {copied_run / run.CHECKPOINT}: File too large; the last good one is untouched"
    ]
    assert (copied_run / run.CHECKPOINT).read_bytes() == before
    assert not list(copied_run.glob(".*.tmp*"))


def test_a_finished_run(finished_run: Path) -> None:
    done = run.load(finished_run)
    summary = done.summary
    assert summary["recipe"] == "d2nn-digits"
    assert (summary["epochs"], summary["steps"], summary["finished"], summary["device"]) == (3, 21, True, "cpu")
    assert summary["out"] == str(finished_run)
    assert summary["seconds"] > 0
    labels = done.trainer.dataset.test_labels
    assert summary["metrics"]["test_accuracy"] == np.mean(done.trainer.test_scores().argmax(axis=1) == labels)
    assert summary["metrics"]["train_accuracy"] == pytest.approx(np.mean(done.trainer.accuracies[-7:]))
    assert 0 < summary["metrics"]["linear_control_accuracy"] < 1
    assert sorted(p.name for p in finished_run.iterdir()) == [".lock", "checkpoint.h5", "config.toml"]
    assert done.meta["environment"]["pnnkern"]


def test_more_epochs_for_a_finished_run(copied_run: Path) -> None:
    before = checkpoint.load(copied_run / run.CHECKPOINT).state
    done = run.resume(copied_run, ("training.epochs=4",), quiet=True)
    assert (done.trainer.step, done.summary["epochs"]) == (28, 4)
    assert recipe.read_run(copied_run).training.epochs == 4
    np.testing.assert_array_equal(done.trainer.losses[:21], before["progress/loss"])


def test_a_damaged_checkpoint_falls_back_and_says_so(copied_run: Path, say: list[str]) -> None:
    whole = checkpoint.load(copied_run / run.CHECKPOINT).state
    folder = copied_run.with_name("second")
    recipe_again = recipe.read_run(copied_run)
    run.start(recipe_again, folder, quiet=True)
    path = folder / run.CHECKPOINT
    shutil.copy(path, checkpoint.previous(path))
    path.write_bytes(path.read_bytes()[:1000])
    done = run.resume(folder, quiet=True)
    assert any("warning: checkpoint.h5 is damaged" in line and "going on from the one before it" in line for line in say)
    assert done.trainer.finished
    assert_same(folder, whole)
    assert (folder / "checkpoint.damaged.h5").exists()


def test_a_changed_environment_is_noted(copied_run: Path, say: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "environment", lambda device: {"numpy": "0.1"})
    run.resume(copied_run, quiet=True)
    assert any("-> 0.1" in line and "need not repeat to the bit" in line for line in say)


def test_the_environment_names_the_machine(finished_run: Path) -> None:
    """Against what the system, NumPy and the compiler say in words of their own."""
    then = run.load(finished_run).meta["environment"]
    assert then["cpu"] in Path("/proc/cpuinfo").read_text() or "model name" not in Path("/proc/cpuinfo").read_text()
    if "flags" in Path("/proc/cpuinfo").read_text():
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split()
        assert ("avx2" in then["cpu features"].split()) == ("avx2" in flags)
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]  # type: ignore[call-overload]
    assert "openblas" not in blas["name"] or "openblas" in then["blas"]
    assert then["thread layer"] in ("omp", "tbb", "workqueue")
    assert then["jit target"]


@pytest.mark.parametrize(
    ("key", "now", "says"),
    [
        ("cpu", "Abacus 3000", " -> Abacus 3000"),
        ("cpu features", "abacus", r"cpu features \+abacus -"),
        ("jit target", "generic", " -> generic"),
        ("blas", "mkl 1", " -> mkl 1"),
        ("thread layer", "beads", " -> beads"),
    ],
)
def test_another_machine_is_named(copied_run: Path, say: list[str], monkeypatch: pytest.MonkeyPatch, key: str, now: str, says: str) -> None:
    here = machine.describe()
    monkeypatch.setattr(machine, "describe", lambda: here | {key: now})
    run.resume(copied_run, quiet=True)
    note = next(line for line in say if line.startswith("note: "))
    assert re.search(rf"{key}.*{says}" if " -> " in says else says, note)
    assert "need not repeat to the bit" in note


def test_other_fft_plans_are_named(copied_run: Path, say: list[str]) -> None:
    if _fft.engine_name() != "fftw":
        pytest.skip("plans are FFTW's")
    run.resume(copied_run, quiet=True)
    assert say == []
    found = checkpoint.load(copied_run / run.CHECKPOINT)
    then = found.meta["environment"][machine.PLANS]
    assert re.search(r"(^|, )16x16 in 32x32 complex64 [0-9a-f]{8}(, |$)", then)
    changed = {machine.PLANS: f"{then[:-8]}0123abcd, 7x7 in 14x14 complex64 01234567"}  # the latter are no plans of this run
    checkpoint.save(copied_run / run.CHECKPOINT, found.state, found.meta | {"environment": found.meta["environment"] | changed})
    run.resume(copied_run, quiet=True)
    changes = f"the FFT plans of fields {then.split(', ')[-1][:-9]}"
    assert say == [f"note: changed since the checkpoint: {changes}; the run goes on, but need not repeat to the bit"]


def test_no_fftw_where_nothing_is_transformed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from pnnkern.experiments import recipe, run\n"
        "done = run.start(recipe.find('coupled-iris', ('training.epochs=1', 'control.linear=false')), pathlib.Path(sys.argv[1]), quiet=True)\n"
        "run.resume(pathlib.Path(sys.argv[1]), quiet=True)\n"
        "assert 'pyfftw' not in sys.modules\n"
        "assert 'fft plans' not in done.meta['environment']\n"
    )
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    subprocess.run([sys.executable, "-c", program, tmp_path / "r"], check=True, env=os.environ | {"PYTHONPATH": path})


def test_refusals(finished_run: Path, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    ordinary = recipe.find("d2nn-digits", tiny)
    with pytest.raises(
        RecipeError, match=f"already holds a run: go on with `pnnkern resume {finished_run}`, or choose another --out"
    ):
        run.start(ordinary, finished_run, quiet=True)
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot make the folder .*file/run: Not a directory"):
        run.start(ordinary, tmp_path / "file" / "run", quiet=True)
    for override, message in [
        ("system.detector_size=9", "detector"),
        ("rule.loss='differential'", "need each other, got rule.loss='differential'"),
        ("system.detectors='differential'", "need each other, got rule.loss='cross-entropy'"),
        ("system.input_size=20", "input_size must not exceed size = 16, got 20"),
    ]:
        with pytest.raises(RecipeError, match=message):
            run.start(recipe.find("d2nn-digits", (*tiny, override)), tmp_path / "new", quiet=True)
    with pytest.raises(DataError, match="4001 train images were asked for, mnist-small has 4000"):
        run.start(recipe.find("d2nn-digits", (*tiny, "data.train=4001")), tmp_path / "new", quiet=True)
    assert not (tmp_path / "new").exists()  # nothing is written before everything has been checked


def test_a_folder_in_use_is_refused(copied_run: Path) -> None:
    with checkpoint.lock(copied_run), pytest.raises(CheckpointError, match="another process works in"):
        run.resume(copied_run, quiet=True)


def test_own_data_from_a_relative_path(tmp_path: Path, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is kept absolute: the run can be resumed from elsewhere."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 9, 7)).astype(np.uint8)
    np.savez(tmp_path / "mine.npz", x_train=images, y_train=np.arange(40) % 3, x_test=images, y_test=np.arange(40) % 3)
    monkeypatch.chdir(tmp_path)
    own = (*tiny, "data.path=mine.npz", "data.train=0", "data.test=0", "training.epochs=1")
    run.start(recipe.find("d2nn-digits", own), Path("r"), quiet=True)
    monkeypatch.chdir(ROOT)
    again = run.resume(tmp_path / "r", quiet=True).trainer
    assert again.dataset.source == str(tmp_path / "mine.npz")
    assert again.system.outputs == len(again.system.regions) == 3  # as many as the data have classes, and no key says


@pytest.mark.parametrize("files", ["system.file", "system.plugin", "vowel by PNNKERN_DATA", "vowel by data.folder", "train"])
def test_a_run_finds_its_files_from_anywhere(files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begun with files named from one working directory, a run is gone on with, loaded, reported and compared from another."""
    here, there = tmp_path / "here", tmp_path / "there"
    [folder.mkdir() for folder in (here, there, here / "sets", here / "sets/vowel")]
    rng = np.random.default_rng(0)
    edges = [(i, (i + step) % 20) for i in range(20) for step in (1, 3, 7)]
    (here / "edges.txt").write_text("\n".join(f"{i} {j}" for i, j in edges))
    (here / "lab.py").write_text(
        "import numpy as np\nfrom pnnkern.systems import from_callable\n"
        "def bench(outputs):\n    return from_callable(lambda x, p: x @ p['w'], {'w': np.ones((4, outputs))})\n"
    )
    rows = [(n % 2, n % 8, n % 2, *rng.random(10), n % 3) for n in range(60)]
    (here / "sets/vowel/vowel.dat").write_text("\n".join(",".join(map(str, row)) for row in rows))
    common = ("training.epochs=1", "control.exact=false", "compute.threads=1")
    graph = ("system.graph=file", "system.file=edges.txt")
    small = ("system.nodes=30", "system.degree=6")
    name, changes = {
        "system.file": ("coupled-iris", graph), "train": ("coupled-iris", graph),
        "system.plugin": ("coupled-iris", ("system.kind=plugin", "system.plugin=lab.py:bench", "rule.kind=spsa")),
        "vowel by PNNKERN_DATA": ("coupled-vowel", small), "vowel by data.folder": ("coupled-vowel", (*small, "data.folder=sets")),
    }[files]  # fmt: skip
    monkeypatch.chdir(here)
    monkeypatch.setattr(public_calls, "paused", True)  # elsewhere these names are of no files
    monkeypatch.setenv("PNNKERN_DATA", "sets") if files.endswith("PNNKERN_DATA") else monkeypatch.delenv("PNNKERN_DATA", raising=False)

    def by_script(epochs: int, out: Path, edges: str) -> Any:
        system = pnnkern.systems.ResistorCircuit(graph="file", file=edges, features=4, outputs=3, key=pnnkern.random.key(0))
        return pnnkern.train(system, "coupled-learning", "iris", out=out, epochs=epochs, lr=3e-4, quiet=True)

    if files == "train":
        by_script(1, Path("r"), "edges.txt")
        by_script(2, Path("r"), "edges.txt")
    else:
        run.start(recipe.find(name, (*changes, *common)), Path("r"), quiet=True)
    monkeypatch.delenv("PNNKERN_DATA", raising=False)
    monkeypatch.chdir(there)
    folder = here / "r"
    if files == "train":
        done = by_script(3, folder, "../here/edges.txt")
        assert done.recipe.system.values()["file"] == str(here / "edges.txt")
        np.testing.assert_array_equal(pnnkern.load(folder).predict(np.full((2, 4), 0.3)), done.predict(np.full((2, 4), 0.3)))
        return
    assert cli.main(["resume", str(folder), "--set", "training.epochs=3", "--quiet"]) == 0
    assert len(run.load(folder).trainer.evaluations) == 3
    assert len(pnnkern.load(folder).evaluations) == 3
    assert cli.main(["report", str(folder)]) == 0
    assert cli.main(["compare", str(folder), str(folder)]) == 0


def test_the_data_folder_of_the_environment_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: tuple[str, ...]
) -> None:
    ordinary = recipe.find("d2nn-mnist", tiny)
    monkeypatch.delenv("PNNKERN_DATA", raising=False)
    assert run.absolute(ordinary) == ordinary
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PNNKERN_DATA", "sets")
    assert run.absolute(ordinary).data.folder == str(tmp_path / "sets")
    assert run.absolute(recipe.find("d2nn-digits", tiny)).data.folder == ""


@pytest.mark.parametrize("detectors", ["single", "differential"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_fall(tmp_path: Path, tiny: tuple[str, ...], detectors: str, dtype: str) -> None:
    """Both ways of reading the detectors learn in both precisions: 40 epochs on 50 images by heart, with planes so near that 16 neurons hold
    the light."""
    loss = "cross-entropy" if detectors == "single" else "differential"
    changes = (
        f"system.detectors='{detectors}'",
        f"rule.loss='{loss}'",
        f"compute.dtype='{dtype}'",
        "training.epochs=40",
        "control.linear=false",
        "system.spacing=5e-3",
    )
    done = run.start(recipe.find("d2nn-digits", (*tiny, *changes, "system.detector_size=1")), tmp_path / "r", quiet=True)
    assert np.mean(done.trainer.losses[-7:]) < 0.5 * np.mean(done.trainer.losses[:7])
    assert done.trainer.system.parameters["phase"].dtype == dtype


def test_threads_are_set_while_numba_is_at_work() -> None:
    """A recipe's thread count must not change the environment under a running pool: Numba then refuses to compile anything more."""
    program = (
        "import os; os.environ['NUMBA_NUM_THREADS'] = '2'\n"
        "import numba\n"
        "from pnnkern.experiments.ranks import use_threads\n"
        "numba.njit(parallel=True)(lambda n: sum([i for i in numba.prange(n)]))\n"
        "numba.set_num_threads(1)\n"
        "use_threads(1); assert numba.get_num_threads() == 1\n"
        "use_threads(2); assert numba.get_num_threads() == 2\n"
        "assert numba.njit(lambda x: x + 1)(1) == 2\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
