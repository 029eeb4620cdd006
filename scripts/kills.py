"""kill -9 at random moments of processes that carry on runs, write sweeps and results, and launch points:
`python scripts/kills.py [KILLS [RECORD.json [KINDS]]]`.

After each kill: what a process said it had saved is there, nothing is half written, and nothing else is in its way. In the end every array of
every run is, to the bit, that of a run that nobody disturbed. Processes are forked from one that has all libraries loaded, as most of their
time would be spent on that; those of a launcher are real ones.
"""

import contextlib
import importlib.util
import json
import math
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import sklearn.linear_model  # noqa: F401

import pnnkern
from pnnkern import learning, systems  # noqa: F401
from pnnkern.experiments import advance, checkpoint, origin, recipe, results, run, status, sweep

ROOT = Path(__file__).resolve().parents[1]
KILLS = 2000
EPOCHS = 20
SETTINGS = {"training.epochs": EPOCHS, "compute.chunk": 17, "checkpoint.steps": 1, "checkpoint.seconds": 0.0, "control.linear": False}
SHARES = {"writer": 0.57, "sweep": 0.275, "results": 0.1, "worker": 0.025, "launcher": 0.015, "rank": 0.015}  # of all kills


def forked(work: Callable[[], object]) -> int:
    """A process that does some work, quietly, and ends."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            work()
            code = 0
        os._exit(code)
    return child


def killed(child: int, after: float, first: Callable[[], bool] = lambda: True) -> bool:
    """Kill a process so many seconds after `first` was true; False if it had come to its end by then. Raises where it failed."""
    end = math.inf
    while time.monotonic() < end:
        if end == math.inf and first():
            end = time.monotonic() + after
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            if code:
                raise AssertionError(f"a process failed with {code}")
            return False
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def written(folder: Path, seeds: int, **more: object) -> Path:
    """A sweep over so many seeds."""
    settings = "".join(f'"{key}" = {json.dumps(value)}\n' for key, value in (SETTINGS | more).items())
    folder.mkdir()
    (folder / "sweep.toml").write_text(f'recipe = "coupled-iris"\n[set]\n{settings}[grid]\n"training.seed" = "0..{seeds - 1}"\n')
    return folder / "sweep.toml"


def refuse_different(point: Path, alone: Path) -> None:
    """Raise unless both runs hold the same arrays, to the bit."""
    ours, theirs = (checkpoint.load(folder / run.CHECKPOINT).state for folder in (point, alone))
    both = ours.keys() & theirs.keys()
    different = [*(ours.keys() ^ theirs.keys()), *(name for name in both if not np.array_equal(ours[name], theirs[name]))]
    if different:
        raise AssertionError(f"{point} differs from an undisturbed run in {', '.join(different)}")


def undisturbed(folder: Path, seed: int) -> Path:
    """A run that nobody disturbs; the first leaves what it has loaded to all processes that are forked after it."""
    place = folder / f"alone-{seed}"
    if not place.exists():
        settings = [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()]
        run.start(recipe.find("coupled-iris", [*settings, f"training.seed={seed}"]), place, quiet=True)
    return place


def of_writer(kills: int, folder: Path, dice: random.Random) -> int:
    """Processes that carry on a point, with a checkpoint after each step. Returns how many points came to their end."""
    points: list[Path] = []
    for _ in range(kills):
        if not points or advance.is_done(points[-1]):
            if points:
                refuse_different(points[-1], undisturbed(folder, len(points) - 1))
            place = folder / f"writer-{len(points)}"
            file = written(place, 1)
            file.write_text(file.read_text().replace("0..0", f"{len(points)}..{len(points)}"))
            points.append(sweep.write(file, place / "b")[0][0].folder)
        while not _one_writer(points[-1], dice):  # it came to its end before it was killed
            if advance.is_done(points[-1]):
                break
    if not advance.is_done(points[-1]):
        killed(forked(lambda: advance.advance(points[-1], quiet=True)), 600)
    refuse_different(points[-1], undisturbed(folder, len(points) - 1))
    if stale := [path.name for path in points[-1].rglob(".*.tmp*")]:
        raise AssertionError(f"left over: {stale}")
    return len(points)


def _one_writer(point: Path, dice: random.Random) -> bool:
    """Carry on a point and kill the process. What it said it had saved must be there."""
    hear, say = os.pipe()

    def work() -> None:
        save = checkpoint.save

        def said(path: Path, state: Any, meta: Any) -> None:
            save(path, state, meta)
            if path.parent == point:
                os.write(say, int(state["progress/step"]).to_bytes(8, "little"))

        checkpoint.save = said
        advance.advance(point, quiet=True)

    child = forked(work)
    os.close(say)
    # at any moment, or, most often, once it has saved something
    waits = dice.random() < 0.8
    was_killed = killed(child, dice.uniform(0, 0.2), lambda: not waits or bool(select.select([hear], [], [], 0)[0]))
    heard = b""
    while piece := os.read(hear, 1 << 16):
        heard += piece
    os.close(hear)
    saved = int.from_bytes(heard[-8:], "little") if heard else 0
    if saved and int(checkpoint.load(point / run.CHECKPOINT).state["progress/step"]) < saved:
        raise AssertionError(f"step {saved} of {point} was saved, and is lost")
    recipe.read_run(point)
    if failure := advance.failure(point):
        raise AssertionError(f"{point} failed: {failure.message}")
    return was_killed


def of_sweep(kills: int, folder: Path, dice: random.Random) -> int:
    """Processes that write a sweep. Returns how many points it has."""
    file, count = written(folder / "sweeps", min(300, 2 * kills)), 0
    whole = sweep.write(file, folder / "whole")[0]
    took, made = 1.0, 0
    while count < kills:
        out = folder / f"made-{made}"
        made += 1
        while count < kills:
            began = time.monotonic()
            was_killed = killed(forked(lambda out=out: sweep.write(file, out)), dice.uniform(0, took))
            count += was_killed
            if not was_killed:
                took = time.monotonic() - began
                break
            for point in sweep.points(out) if (out / sweep.SWEEP).exists() else ():
                recipe.read_run(point.folder)
                sweep.read_point(point.folder)
        sweep.write(file, out)
        found = [(point.folder.name, point.values) for point in sweep.points(out)]
        if sorted(found, key=str) != sorted(((point.folder.name, point.values) for point in whole), key=str):
            raise AssertionError(f"{out} is not the sweep that was asked for")
        if stale := [path.name for path in out.glob(".*")]:
            raise AssertionError(f"left over in {out}: {stale}")
        shutil.rmtree(out)
    return len(whole)


def of_results(kills: int, folder: Path, dice: random.Random) -> int:
    """Processes that append to a file of results. Returns how many files came to their end, with every row in its place."""
    rows = np.arange(200.0)[:, None] * np.arange(1.0, 1500.0)
    count = made = 0
    while count < kills:
        path = folder / f"results-{made}.h5"
        while not path.exists():
            count += _one_appender(path, rows, dice)
        with h5py.File(path) as file:
            if not all(np.array_equal(file[name], factor * rows) for name, factor in (("one", 1), ("two", 2))):
                raise AssertionError(f"{path} does not hold what was appended")
        path.unlink()
        if stale := [other.name for other in folder.glob(f"*results-{made}*")]:
            raise AssertionError(f"left over: {stale}")
        made += 1
    return made


def _one_appender(path: Path, rows: np.ndarray, dice: random.Random) -> bool:
    """Go on with a file of results, a row of each array after the other, and kill the process. What it said was on the disk must be there."""
    hear, say = os.pipe()
    left = results.partial(path)
    seed = dice.random()

    def work() -> None:
        own = random.Random(seed)
        with pnnkern.results(path, resume=left.exists()) as out:
            for row in range(out.rows(), len(rows)):
                for name, factor in (("one", 1), ("two", 2)):
                    out.append(name, factor * rows[row : row + 1], axes=("row", "x"))
                if own.random() < 0.3:
                    out.flush()
                    os.write(say, out.rows().to_bytes(8, "little"))

    child = forked(work)
    os.close(say)
    was_killed = killed(child, dice.uniform(0, 0.15), lambda: bool(select.select([hear], [], [], 0)[0]))
    heard = b""
    while piece := os.read(hear, 1 << 16):
        heard += piece
    os.close(hear)
    saved = int.from_bytes(heard[-8:], "little") if heard else 0
    if not path.exists() and saved:
        with contextlib.suppress(InterruptedError), pnnkern.results(path, resume=True) as out:
            kept = out.rows()
            raise InterruptedError  # which leaves it for the next process
        if kept < saved:
            raise AssertionError(f"{saved} rows of {left} were on the disk, and {kept} are there")
    return was_killed


def of_worker(kills: int, folder: Path, dice: random.Random) -> int:
    """Processes that a launcher started for its points, and begins again. Returns how many points came to their end."""
    count = rounds = 0
    while count < kills:
        out, points = _launchable(folder / f"workers-{rounds}")
        launcher = _launcher(out)
        while launcher.poll() is None:
            time.sleep(dice.uniform(0, 1.0))
            workers = list(filter(None, (_process(checkpoint.holder(point)) for point in points)))
            if workers and count < kills:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(workers), signal.SIGKILL)
                    count += 1
        refuse_unfinished(out, folder)
        rounds += 1
    return 2 * rounds


def of_launcher(kills: int, folder: Path, dice: random.Random) -> int:
    """Launchers, whose points go on without them. Returns how many points came to their end."""
    count = rounds = 0
    while count < kills:
        out, points = _launchable(folder / f"launchers-{rounds}")
        while status.tally(out) != {"finished": len(points)}:
            launcher = _launcher(out)
            while launcher.poll() is None and not _any_held(points):
                time.sleep(0.05)
            time.sleep(dice.uniform(0, 1.0))
            if launcher.poll() is None and count < kills:
                launcher.kill()
                count += 1
            launcher.wait()
            while _any_held(points):
                time.sleep(0.05)
        refuse_unfinished(out, folder)
        rounds += 1
    return 2 * rounds


def of_rank(kills: int, folder: Path, dice: random.Random) -> int:
    """One of two ranks of MPI, which ends the other, too. Returns how many points came to their end."""
    count = rounds = 0
    while count < kills:
        points, _ = sweep.write(written(folder / f"ranks-{rounds}", 1), folder / f"ranks-{rounds}" / "b")
        point = points[0].folder
        while not advance.is_done(point):
            command = [mpiexec(), "-n", "2", sys.executable, "-m", "pnnkern", "advance", str(point), "--quiet"]
            both = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while both.poll() is None and not checkpoint.holder(point):
                time.sleep(0.05)
            time.sleep(dice.uniform(0, 1.0))
            if (ranks := _saying(str(point))) and count < kills:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(dice.choice(ranks), signal.SIGKILL)
                    count += 1
            both.wait()
        refuse_different(point, undisturbed(folder, 0))
        rounds += 1
    return rounds


def mpiexec() -> str:
    """That of the MPI that lies beside this Python, or on the path; "" if there is none."""
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec") or ""


def _saying(word: str) -> list[int]:
    """Python processes that have a word on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if word in words and words[0] == sys.executable:
                found.append(int(path.parent.name))
    return found


def _launchable(folder: Path) -> tuple[Path, list[Path]]:
    """A sweep over two seeds, and its points."""
    points, _ = sweep.write(written(folder, 2), folder / "b")
    return folder / "b", [point.folder for point in points]


def refuse_unfinished(out: Path, folder: Path) -> None:
    """Raise unless each point of a sweep is what a run comes to that nobody disturbed."""
    if (counts := status.tally(out)).keys() != {"finished"}:
        raise AssertionError(f"{out}: {counts}")
    for point in sweep.points(out):
        refuse_different(point.folder, undisturbed(folder, int(point.values["training.seed"])))


def _launcher(out: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pnnkern", "launch", str(out), "--no-estimate", "--retries", "50"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _process(holder: str) -> int:
    found = re.match(r"process (\d+) on ", holder)
    return int(found[1]) if found else 0


def _any_held(points: list[Path]) -> bool:
    return any(checkpoint.holder(point) for point in points)


KINDS: dict[str, Callable[[int, Path, random.Random], int]] = {
    "writer": of_writer, "sweep": of_sweep, "results": of_results, "worker": of_worker, "launcher": of_launcher, "rank": of_rank,
}  # fmt: skip


def carry_out(kills: int, seed: int = 0, kinds: tuple[str, ...] = tuple(SHARES)) -> dict[str, Any]:
    """So many kills, shared out to the kinds. Returns the record; raises AssertionError for anything that was lost."""
    total, found = sum(SHARES[kind] for kind in kinds), {}
    if "rank" in kinds and not (mpiexec() and importlib.util.find_spec("mpi4py")):
        print("rank: none, as there is no mpiexec with mpi4py", file=sys.stderr, flush=True)
        kinds = tuple(kind for kind in kinds if kind != "rank")
    with tempfile.TemporaryDirectory() as folder:
        undisturbed(Path(folder), 0)
        for kind in kinds:
            count, began = max(1, round(kills * SHARES[kind] / total)), time.monotonic()
            whole = KINDS[kind](count, Path(folder), random.Random(f"{seed} {kind}"))
            found[kind] = {"kills": count, "whole in the end": whole, "seconds": round(time.monotonic() - began, 1)}
            print(f"{kind}: {found[kind]}", file=sys.stderr, flush=True)
    return {"kills": sum(kind["kills"] for kind in found.values()), "lost": 0, "seed": seed, "kinds": found, "made": origin.here()}


def main(arguments: list[str]) -> None:
    kinds = tuple(arguments[2].split(",")) if len(arguments) > 2 else tuple(SHARES)
    record = carry_out(int(arguments[0]) if arguments else KILLS, kinds=kinds)
    text = json.dumps(record, indent=1)
    print(text)
    if len(arguments) > 1:
        Path(arguments[1]).write_text(f"{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
