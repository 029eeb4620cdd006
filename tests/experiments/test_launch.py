"""Sweeps are carried out by processes of this machine, by Dask and by a real Slurm, and nothing that was finished is lost on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slurm_node

from pnnkern.cli import main
from pnnkern.experiments import advance, checkpoint, estimate, launch, recipe, run, status, sweep
from pnnkern.experiments.recipe import RecipeError

ROOT = Path(__file__).resolve().parents[2]
ALONE = {"control.linear": False, "control.exact": False}
IRIS = 'recipe = "coupled-iris"\n[set]\n"control.linear" = false\n"control.exact" = false\n'


def made(folder: Path, epochs: int = 2, last: int = 1, more: str = "") -> Path:
    """A sweep over seeds 0 to `last`, or one of its own choice."""
    chosen = f'[grid]\n"training.seed" = "0..{last}"\n"training.epochs" = [{epochs}]\n' if last >= 0 else ""
    (folder / "sweep.toml").write_text(IRIS + more + chosen)
    sweep.write(folder / "sweep.toml", folder / "b")
    return folder / "b"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pnnkern", *map(str, arguments)]


def process(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(*arguments), cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def steps(folder: Path) -> int:
    """How many steps the last checkpoint in a folder has; 0 without one."""
    try:
        return int(checkpoint.load(folder / run.CHECKPOINT).state["progress/step"])
    except checkpoint.CheckpointError:
        return 0


def wait_for(what: Any, seconds: float = 60.0, every: float = 0.05) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(every)


def assert_as_alone(folder: Path, tmp_path: Path) -> None:
    """Each point has, to the bit, what a run of its recipe comes to that nobody disturbed."""
    for point in sweep.points(folder):
        alone = tmp_path / f"alone-{point.number}"
        settings = [f"{key}={json.dumps(value)}" for key, value in (point.values | ALONE).items()]
        run.start(recipe.find("coupled-iris", settings), alone, quiet=True)
        ours, theirs = (checkpoint.load(f / run.CHECKPOINT).state for f in (point.folder, alone))
        assert ours.keys() == theirs.keys()
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array, err_msg=name)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Slurm of one node, which commands of this process then speak to."""
    with slurm_node.started(tmp_path / "slurm") as config:
        monkeypatch.setenv("SLURM_CONF", str(config))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield


def told(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
    return done.stdout


# ----------------------------------------------------------------------------------------------------------------------- local
def test_processes_of_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(tmp_path)
    prefix = tmp_path / "prefix"
    prefix.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/said"\nexec "$@"\n')
    prefix.chmod(0o755)
    assert main(["launch", str(folder), "--at-most", "2", "--json", "--prefix", f"'{prefix}' nice"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["states"] == {"finished": 2}
    first, *ended = captured.err.splitlines()
    assert first.startswith("estimate: ")
    assert first in (folder / estimate.LOG).read_text()
    assert sorted(line.split()[1:] for line in ended) == sorted([point.folder.name, "finished"] for point in sweep.points(folder))
    assert_as_alone(folder, tmp_path)
    assert "finished: " in (sweep.points(folder)[0].folder / launch.LOG).read_text()
    said = sorted((tmp_path / "said").read_text().splitlines())
    assert said == sorted(f"nice {sys.executable} -m pnnkern advance {point.folder}" for point in sweep.points(folder))
    assert main(["launch", str(folder)]) == 0
    assert capsys.readouterr().err == ""


def test_a_signal_stops_all_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = made(tmp_path, epochs=4000)
    points = [point.folder for point in sweep.points(folder)]
    launcher = process("launch", folder, "--at-most", 2, "--no-estimate")
    wait_for(lambda: all("step " in _log(point) for point in points))
    launcher.send_signal(signal.SIGTERM)
    output, errors = launcher.communicate(timeout=60)
    assert launcher.returncode == 75, errors
    assert "2 stopped" in output
    assert all(steps(point) for point in points)
    assert "Traceback" not in errors
    assert not list(folder.glob(".halt*"))


def _log(point: Path) -> str:
    return (point / launch.LOG).read_text() if (point / launch.LOG).exists() else ""


def _running(points: list[Path]) -> bool:
    return all(checkpoint.holder(point) for point in points)


def test_a_process_that_is_killed_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two tries are ended by kill -9 from inside; the third comes through. With one retry less the point has failed, and says so."""
    folder = made(tmp_path, last=0)
    (point,) = (point.folder for point in sweep.points(folder))
    tries = tmp_path / "tries"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import os, pathlib, signal\n"
        f"tries = pathlib.Path({str(tries)!r})\n"
        "before = tries.read_text() if tries.exists() else ''\n"
        "tries.write_text(before + 'x')\n"
        "if len(before) < 2:\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    assert launch.Attempt(str(point), retries=1)() == -signal.SIGKILL
    failure = advance.failure(point)
    assert failure is not None
    assert failure.message == "the process was killed by SIGKILL; what it said is in log.txt"
    assert status.of_point(sweep.read_point(point))["state"] == "failed"
    tries.unlink()
    assert launch.Attempt(str(point), retries=2)() == 0
    assert len(tries.read_text()) == 3
    assert advance.failure(point) is None


def test_what_is_wrong_with_the_recipe_is_not_tried_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(tmp_path, last=0, more='"data.path" = "nowhere.npz"\n')
    assert main(["launch", str(folder)]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("estimate: none, as ")
    assert errors[1].endswith("nowhere.npz does not exist")
    (point,) = sweep.points(folder)
    failure = advance.failure(point.folder)
    assert failure is not None
    assert failure.tries == 1


def test_a_launcher_that_is_killed_leaves_its_points_whole(tmp_path: Path) -> None:
    folder = made(tmp_path, epochs=60)
    points = [point.folder for point in sweep.points(folder)]
    launcher = process("launch", folder, "--at-most", 2, "--no-estimate")
    wait_for(lambda: _running(points))
    launcher.kill()
    launcher.communicate()
    second = process("launch", folder, "--no-estimate")  # leaves what others work on to them
    second.communicate(timeout=60)
    wait_for(lambda: status.tally(folder) == {"finished": 2})
    assert_as_alone(folder, tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--executor", "slrm"], "no executor is called 'slrm': the nearest is 'slurm'"),
        (["--slurm", "partition=gpu"], "settings of sbatch are for the executor slurm, got 'partition=gpu' for 'local'"),
        (["--executor", "slurm", "--slurm", "partition"], "--slurm takes key=value as sbatch knows it, such as partition=gpu, got 'partition'"),
        (["--scheduler", "slurm"], "a scheduler is for the executor dask, got 'slurm' for 'local'"),
    ],
)
def test_engines_that_are_none(tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made(tmp_path)
    assert main(["launch", str(folder), "--no-estimate", *words]) == 2
    assert capsys.readouterr().err == f"pnnkern: error: {message}\n"
    with pytest.raises(RecipeError):
        launch._settings(["=3"])


# ------------------------------------------------------------------------------------------------------------------------ Dask
def test_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed", reason="dask is not installed: pip install 'pnnkern[dask]'")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = made(tmp_path)
    assert main(["launch", str(folder), "--executor", "dask", "--at-most", "2", "--no-estimate"]) == 0
    assert "2 finished" in capsys.readouterr().out
    assert_as_alone(folder, tmp_path)


# ----------------------------------------------------------------------------------------------------------------------- Slurm
def test_slurm(tmp_path: Path, cluster: None, capsys: pytest.CaptureFixture[str]) -> None:
    """An array of four; one of its jobs meets its time limit, is saved and queued again; the node fails once while two are at work."""
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'pnnkern[sweep]'")
    folder = made(tmp_path, more='[list]\n"training.seed" = [0, 1, 2, 3]\n"training.epochs" = [500, 500, 20, 20]\n', last=-1)
    points = [point.folder for point in sweep.points(folder)]
    limits = ["--at-most", "2", "--slurm", "mem=400M", "--slurm", "time=60"]
    assert main(["launch", str(folder), "--executor", "slurm", "--no-estimate", *limits]) == 0
    assert "submitted 4 points as the job array 1;" in capsys.readouterr().err

    wait_for(lambda: all("step " in _log(point) for point in points[:2]), 120)
    # what Slurm sends before the end of the time, to the job's own process; it tries again for as long as the job is there
    hurry = subprocess.Popen(["scancel", "--signal=USR2", "1_0"], stderr=subprocess.DEVNULL)
    wait_for(lambda: steps(points[0]) > 0 and "1_0" in _waiting_jobs(), 120, every=0.3)
    hurry.kill()
    hurry.wait()
    before, host = steps(points[0]), told("sinfo", "-h", "-o", "%n").strip()
    assert _any(points)
    told("scontrol", "update", f"nodename={host}", "state=down", "reason=test")
    wait_for(lambda: not _any(points))

    def done() -> bool:
        subprocess.run(["scontrol", "update", f"nodename={host}", "state=resume"], capture_output=True, check=False)  # if it is not yet
        _start_now()
        return status.tally(folder) == {"finished": 4}

    wait_for(done, 240)
    sessions = checkpoint.load(points[0] / run.CHECKPOINT).meta["sessions"]
    assert sessions[1]["step"] == before > 0
    assert_as_alone(folder, tmp_path)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pnnkern` on the path, on the processors where a GPU is asked for, as there is none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    on_cpu = 'for word; do shift; [ "$word" = cuda ] && word=cpu; set -- "$@" "$word"; done'
    (folder / "pnnkern").write_text(f'#!/bin/sh\n{on_cpu}\nexec {sys.executable} -m pnnkern "$@"\n')
    (folder / "pnnkern").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def interrupted(job: str, began: Any, finished: Any) -> None:
    """Send a job the signal that Slurm sends before its time is over, once it has begun, and wait until it is finished all the same."""
    wait_for(began, 120)
    hurry = subprocess.Popen(["scancel", "--signal=USR1", job], stderr=subprocess.DEVNULL)
    wait_for(lambda: job in _waiting_jobs() or finished(), 180, every=0.3)
    hurry.kill()
    hurry.wait()

    def done() -> bool:
        _start_now()
        return bool(finished())

    wait_for(done, 240)


def test_a_script_for_slurm(tmp_path: Path, cluster: None, program: None) -> None:
    """scripts/slurm/array.sh: what is stopped by the signal is queued again, and finished."""
    folder = made(tmp_path, more='[list]\n"training.seed" = [0, 1]\n"training.epochs" = [400, 5]\n', last=-1)
    first = sorted(folder.glob("*/point.json"))[0].parent  # as the script counts them
    limits = ["--array=0-1", "--mem=400M", "--cpus-per-task=1", f"--output={tmp_path}/log-%a"]
    told("sbatch", *limits, str(ROOT / "scripts/slurm/array.sh"), str(folder))
    interrupted("1_0", lambda: checkpoint.holder(first) or steps(first), lambda: status.tally(folder) == {"finished": 2})
    assert_as_alone(folder, tmp_path)


@pytest.mark.parametrize(("script", "gpus"), [("gpu", "--gres=gpu:1"), ("gpus", "--gpus-per-node=2")])
def test_a_script_for_gpus(tmp_path: Path, cluster: None, program: None, monkeypatch: pytest.MonkeyPatch, script: str, gpus: str) -> None:
    """scripts/slurm/gpu.sh, and gpus.sh with two ranks: a run that is stopped by the signal is queued again, and goes on."""
    ranks = 2 if script == "gpus" else 1
    if ranks > 1:
        pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install 'pnnkern[mpi]'")
        monkeypatch.setenv("SLURM_MPI_TYPE", "pmi2")
    out, chosen = tmp_path / "run", {"training.epochs": 300, "compute.chunk": 8, **ALONE}
    settings = [f"{key}={json.dumps(value)}" for key, value in chosen.items()]
    limits = [gpus, f"--ntasks-per-node={ranks}", "--mem=900M", "--cpus-per-task=1", f"--output={tmp_path}/log"]
    told("sbatch", *limits, str(ROOT / f"scripts/slurm/{script}.sh"), "coupled-iris", str(out), *(f"--set={one}" for one in settings))

    def finished() -> bool:
        return (out / run.CHECKPOINT).exists() and bool(checkpoint.load(out / run.CHECKPOINT).meta["finished"])

    interrupted("1", lambda: checkpoint.holder(out) or steps(out), finished)
    sessions = checkpoint.load(out / run.CHECKPOINT).meta["sessions"]
    assert len(sessions) == 2, (tmp_path / "log").read_text()
    run.start(recipe.find("coupled-iris", settings), tmp_path / "alone", quiet=True)
    ours, theirs = (checkpoint.load(folder / run.CHECKPOINT).state for folder in (out, tmp_path / "alone"))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def _any(points: list[Path]) -> bool:
    return any(checkpoint.holder(point) for point in points)


def _waiting_jobs() -> list[str]:
    return told("squeue", "-h", "-r", "-t", "PD", "-o", "%i").split()


def _start_now() -> None:
    """A job that was queued again would wait for two minutes: here two seconds, as slurmd refuses one of the second in which it ended."""
    waiting = [line.split() for line in told("squeue", "-h", "-r", "-t", "PD", "-o", "%A %r").splitlines()]
    time.sleep(2.1)
    for job, reason in waiting:
        if reason == "BeginTime":
            subprocess.run(["scontrol", "update", f"jobid={job}", "starttime=now"], capture_output=True, check=False)


def test_workers_of_dask_that_are_jobs_of_slurm(tmp_path: Path, cluster: None) -> None:
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install 'pnnkern[dask]'")
    folder = made(tmp_path)
    jobs = {"CORES": "1", "PROCESSES": "1", "MEMORY": "1GB", "INTERFACE": "lo", "WALLTIME": "00:10:00", "LOG_DIRECTORY": str(tmp_path / "logs")}
    environment = {f"DASK_JOBQUEUE__SLURM__{key}": value for key, value in jobs.items()}
    words = ("launch", folder, "--executor", "dask", "--scheduler", "slurm", "--at-most", 2, "--no-estimate")
    launcher = process(*words, **environment)
    assert launcher.communicate(timeout=240)[1].count(" finished\n") == 2
    assert launcher.returncode == 0
    assert_as_alone(folder, tmp_path)
    assert list((tmp_path / "logs").iterdir()), "they were jobs"


def test_a_cluster_of_dask_that_is_not_described(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install 'pnnkern[dask]'")
    folder = made(tmp_path)
    words = ("launch", folder, "--executor", "dask", "--scheduler", "slurm", "--no-estimate")
    launcher = process(*words, DASK_CONFIG=str(tmp_path), HOME=str(tmp_path))
    _, err = launcher.communicate(timeout=120)
    assert launcher.returncode == 2, err
    assert "error: dask-jobqueue has no cluster for these settings of ~/.config/dask/jobqueue.yaml: " in err
    assert "Traceback" not in err


def test_slurm_that_refuses(tmp_path: Path, cluster: None, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed: pip install 'pnnkern[sweep]'")
    folder = made(tmp_path)
    assert main(["launch", str(folder), "--executor", "slurm", "--no-estimate", "--slurm", "partition=none"]) == 2
    assert "Slurm does not take the sweep: " in capsys.readouterr().err
    assert main(["status", str(folder)]) == 0


# ------------------------------------------------------------------------------------------------------------------ many at once
def test_points_advanced_by_many_processes_at_once(tmp_path: Path) -> None:
    """Four processes say `advance` to the same two points: each point is done once, and the others find it in work or finished."""
    folder = made(tmp_path, epochs=20)
    points = [point.folder for point in sweep.points(folder)]
    running = [process("advance", points[n % 2], "--quiet") for n in range(4)]
    ended = [(one.communicate()[1], one.returncode) for one in running]
    assert {code for _, code in ended} <= {0, 75}, ended
    assert status.tally(folder) == {"finished": 2}
    assert_as_alone(folder, tmp_path)
