"""A full disk is waited for: a run of days does not end by it at once, and what needs room says how much."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from pnnkern.cli import main
from pnnkern.experiments import checkpoint, recipe, run
from pnnkern.experiments.run import CHECKPOINT, EXACT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Makes a disk that takes some writes, then none for so many tries, then all; returns the tries in vain."""

    def full(tries: int, *, before: int = 0, number: int = errno.ENOSPC) -> list[int]:
        write, done, vain = os.write, [], []

        def small(handle: int, content: bytes | memoryview) -> int:
            if handle < 3:
                return write(handle, content)
            done.append(handle)
            if before < len(done) <= before + tries:
                vain.append(handle)
                raise OSError(number, os.strerror(number))
            return write(handle, content)

        monkeypatch.setattr(os, "write", small)
        return vain

    monkeypatch.setattr(run, "AGAIN", 0.01)
    return full


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_run_waits_for_room(
    finished_run: Path, tmp_path: Path, tiny: tuple[str, ...], disk: Callable[..., list[int]], number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    vain = disk(7, before=3, number=number)
    run.start(recipe.find("d2nn-digits", (*tiny, "checkpoint.steps=5", "checkpoint.seconds=0")), tmp_path / "r", quiet=True)
    assert len(vain) == 7
    (line,) = capsys.readouterr().err.splitlines()
    size = len(checkpoint._encode(checkpoint.load(tmp_path / "r" / CHECKPOINT).state, {}))
    assert line.startswith(f"warning: cannot write the checkpoint {tmp_path / 'r' / CHECKPOINT}: {os.strerror(number)}: ")
    needed, free = _numbers(line.partition("; the last")[0])
    assert size // 2 < needed < 2 * size
    assert 0.5 < free / shutil.disk_usage(tmp_path).free < 2
    assert line.endswith(
        f"are free in {tmp_path / 'r'}; the last good one is untouched; trying again for 1 h 00 min (checkpoint.patience), or until a signal"
    )
    found, whole = (checkpoint.load(folder / CHECKPOINT).state for folder in (tmp_path / "r", finished_run))
    assert all(found[name].tobytes() == array.tobytes() for name, array in whole.items())


def _numbers(line: str) -> list[int]:
    return [int(word) for word in line.split() if word.isdigit()]


def test_patience_ends(copied_run: Path, disk: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]) -> None:
    before = (copied_run / CHECKPOINT).read_bytes()
    vain = disk(10**6, before=1)  # config.toml
    began = time.monotonic()
    assert main(["resume", str(copied_run), "--quiet", "--epochs", "4", "--set", "checkpoint.patience=0.5"]) == 2
    assert 0.5 <= time.monotonic() - began < 30
    assert len(vain) > 5
    *_, error = capsys.readouterr().err.splitlines()
    assert error.startswith(f"pnnkern: error: cannot write the checkpoint {copied_run / CHECKPOINT}: No space left on device: ")
    assert error.endswith(f"are free in {copied_run}; the last good one is untouched")
    assert (copied_run / CHECKPOINT).read_bytes() == before
    assert not list(copied_run.glob(".*.tmp*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("when", ["in the waiting", "before it"])
def test_a_signal_ends_the_waiting(
    copied_run: Path, disk: Callable[..., list[int]], monkeypatch: pytest.MonkeyPatch, number: int, when: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = (copied_run / CHECKPOINT).read_bytes()
    disk(10**6, before=1)
    calls: list[float] = []

    def sleep(seconds: float) -> None:
        calls.append(seconds)
        if len(calls) == 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(run, "AGAIN", 10.0)
    if when == "before it":
        monkeypatch.setattr(checkpoint, "save", _signalled(checkpoint.save, number))
    else:
        monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=time.monotonic, perf_counter=time.perf_counter, sleep=sleep))
    assert main(["resume", str(copied_run), "--quiet", "--epochs", "4"]) == run.STOPPED
    captured = capsys.readouterr()
    assert "stopped at step 28 of 28, not saved; go on with: pnnkern resume" in captured.out
    assert "cannot write the checkpoint" in captured.err
    assert (copied_run / CHECKPOINT).read_bytes() == before
    assert run.load(copied_run).trainer.step == 21


def _signalled(work: Callable[..., None], number: int) -> Callable[..., None]:
    def wrapped(*arguments: object) -> None:
        os.kill(os.getpid(), number)
        work(*arguments)

    return wrapped


def test_the_exact_control_waits_for_room(tmp_path: Path, tiny: tuple[str, ...], disk: Callable[..., list[int]]) -> None:
    """Its folder and recipe are written when the main run is through: two files before, and then a disk that is full for a while."""
    vain = disk(5, before=2)
    exact = ("rule.kind='direct-feedback'", "control.linear=false", "training.epochs=1")
    done = run.start(recipe.find("d2nn-digits", (*tiny, *exact)), tmp_path / "r", quiet=True)
    assert len(vain) == 5
    assert done.finished
    assert checkpoint.load(tmp_path / "r" / EXACT / CHECKPOINT).meta["config"]["recipe"] == "d2nn-digits-exact"


def test_a_new_run_does_not_wait(
    tmp_path: Path, tiny: tuple[str, ...], disk: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to lose."""
    disk(10**6)
    settings = [word for override in tiny for word in ("--set", override)]
    assert main(["run", "d2nn-digits", "--out", str(tmp_path / "r"), "--quiet", *settings]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "config.toml: No space left on device: " in line


def test_what_else_needs_room_says_how_much(
    copied_run: Path, tmp_path: Path, disk: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    disk(10**6)
    for command in (
        ["report", copied_run, "--images", 4], ["export", copied_run, "--what", "phase"], ["compare", copied_run, "--out", tmp_path / "c.png"],
    ):  # fmt: skip
        assert main([str(word) for word in command]) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("pnnkern: error: cannot write ")
        needed, _ = _numbers(line.rpartition("No space left on device: ")[2])
        assert needed > 100
    assert not [p for p in tmp_path.rglob(".*.tmp*")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_log_on_a_full_disk(tmp_path: Path, tiny: tuple[str, ...]) -> None:
    """Progress, notes and warnings are dropped; a result that cannot be told is one line."""
    settings = [word for override in tiny for word in ("--set", override)]
    command = [sys.executable, "-m", "pnnkern", "run", "d2nn-digits", *settings, "--out"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with open("/dev/full", "w") as full:
        done = subprocess.run([*command, tmp_path / "a"], stderr=full, stdout=subprocess.PIPE, env=environment, text=True, check=False)
        assert done.returncode == 0
        assert "test accuracy" in done.stdout
        done = subprocess.run([*command, tmp_path / "b", "-q"], stdout=full, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    assert "pnnkern: error: a file, or standard output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    for name in "ab":
        assert run.load(tmp_path / name).finished
