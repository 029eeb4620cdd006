"""One run on many ranks, by real processes of MPI: the bits of a run by one, stops and starts, faults that end the job with a line."""

import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rank_cells
from small_recipes import QUICK

import pnnkern
from pnnkern import communicator
from pnnkern.cli import main
from pnnkern.experiments import checkpoint, ranks, recipe, tables
from pnnkern.experiments import run as runs
from pnnkern.experiments.recipe import RecipeError
from pnnkern.experiments.run import CHECKPOINT

ROOT = Path(pnnkern.__file__).resolve().parents[1]
TESTS = Path(rank_cells.__file__).parent
beside = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(beside) if beside.exists() else shutil.which("mpiexec")
needs_mpi = pytest.mark.skipif(MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="mpi4py and an mpiexec are not installed")
LONG = 120.0  # seconds after which a job is taken to hang


def launched(count: int, *words: str, **environment: str) -> subprocess.Popen[str]:
    """The job of so many ranks, `python words` each."""
    assert MPIEXEC is not None
    around = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{TESTS}", "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"} | environment
    return subprocess.Popen(
        [MPIEXEC, "-n", str(count), sys.executable, *words], env=around, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )


def ended(job: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error; a job that hangs is a failure."""
    try:
        out, err = job.communicate(timeout=LONG)
    except subprocess.TimeoutExpired:
        job.kill()
        raise AssertionError(f"the job hangs: {job.communicate()}") from None
    return job.returncode, out, err


def assert_same(found: dict[str, np.ndarray], alone: dict[str, np.ndarray]) -> None:
    assert found.keys() == alone.keys()
    for name, value in alone.items():
        assert found[name].dtype == value.dtype, name
        np.testing.assert_array_equal(found[name], value, err_msg=name)


# ------------------------------------------------------------------------------------------------------- every rule, every writer
States = dict[str, np.ndarray]


def states_of(cells: dict[str, recipe.Recipe]) -> States:
    """Of cells that are trained here and now."""
    return {f"{name}|{key}": array for name, chosen in cells.items() for key, array in rank_cells.trained(chosen).items()}


@pytest.fixture(scope="module")
def alone() -> States:
    """States of all cells, trained by this process alone."""
    before = os.environ.get("PNNKERN_NUM_THREADS")
    found = states_of(rank_cells.cells())
    if before is None:
        del os.environ["PNNKERN_NUM_THREADS"]
    return found


@pytest.fixture(scope="module")
def by_ranks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, str], list[States]]:
    """The states that each of so many ranks has come to; one job for each number of them, in which large arrays are those from so many on."""
    jobs = {2: ("4096", "exact", "inexact"), 3: ("16", "exact", "gpu"), 4: ("1000", "exact")}
    folders: dict[int, Path] = {}

    def states(count: int, part: str) -> list[States]:
        if count not in folders:
            folders[count] = tmp_path_factory.mktemp("ranks")
            code, _, err = ended(launched(count, str(TESTS / "rank_cells.py"), str(folders[count]), *jobs[count]))
            assert code == 0, err
        return [dict(np.load(folders[count] / f"{part}.{rank}.npz")) for rank in range(count)]

    return states


@needs_mpi
@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_rule_and_writer_comes_to_the_bits_of_one_process(alone: States, by_ranks: Any, count: int) -> None:
    """A batch is four shards, an evaluation two pieces."""
    assert {name.partition("|")[0] for name in alone} >= {*rank_cells.SYSTEM, "pulsed", "tiki-taka-v2", "mixed-precision", "rheostats", "d2nn"}
    for found in by_ranks(count, "exact"):
        assert_same(found, alone)


@needs_mpi
def test_arrays_of_gpus_go_by_the_host_by_mpi_and_by_nccl(cupy: object, by_ranks: Any) -> None:
    """On the stand-in for CuPy; NCCL is played. The shares come back to their GPU, and to the bits of one process."""
    single = states_of(rank_cells.of_gpus())
    for way in rank_cells.WAYS:
        for found in by_ranks(3, way):
            assert_same(found, single)
        one, *others = by_ranks(3, f"{way}-inexact")
        assert len(one) == len(single)
        for other in others:
            assert_same(other, one)
        for name in (name for name in one if "|parameters" in name):
            np.testing.assert_allclose(one[name], single[name], rtol=1e-4, atol=1e-5)


@needs_mpi
def test_inexact_sums_are_near_and_the_same_on_all_ranks(alone: States, by_ranks: Any) -> None:
    one, *others = by_ranks(2, "inexact")
    for other in others:
        assert_same(other, one)
    assert {name.partition("|")[0] for name in one} == {*rank_cells.INEXACT}
    differ = {name for name, value in one.items() if not np.array_equal(value, alone[name])}
    assert any(name.startswith("in-silico|parameters") for name in differ), "shares were added in another order"
    assert not any(name.startswith("pulsed|") for name in differ if "progress" not in name), "pulses are written sample by sample, in order"
    for name in (name for name in one if "|parameters" in name):
        np.testing.assert_allclose(one[name], alone[name], rtol=1e-9, atol=1e-12)


# --------------------------------------------------------------------------------------------------------------- the command line
SMALL = [
    *QUICK, "system.hidden=[9]", "training.batch=29", "compute.chunk=8", "data.train=58", "data.test=58", "checkpoint.steps=4",
    "training.schedule='constant'",
]  # fmt: skip


def settings(*more: str) -> list[str]:
    return [word for setting in (*SMALL, *more) for word in ("--set", setting)]


def run_words(folder: Path, *more: str) -> list[str]:
    return ["-m", "pnnkern", "run", "crossbar-digits", "--out", str(folder), *settings(*more)]


def rank_of(job: subprocess.Popen[str], rank: int, folder: Path) -> int:
    """The process of a rank."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, around = (path / "cmdline").read_bytes().split(b"\0"), (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words and b"mpiexec" not in words[0] and f"PMI_RANK={rank}".encode() in around:
            return int(path.name)
    raise AssertionError(f"rank {rank} is not there: {job.poll()}")


def until_saved(job: subprocess.Popen[str], folder: Path) -> None:
    end = time.monotonic() + LONG
    while not (folder / CHECKPOINT).exists():
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def steps_of(folder: Path) -> int:
    return int(checkpoint.load(folder / CHECKPOINT).state["progress/step"])


def straight(tmp_path: Path, epochs: int) -> dict[str, np.ndarray]:
    """The state after so many epochs by this process alone, in one go."""
    chosen = recipe.find("crossbar-digits", [*SMALL, f"training.epochs={epochs}", "training.seed=3"])
    runs.start(chosen, tmp_path / "straight", quiet=True)
    return checkpoint.load(tmp_path / "straight" / CHECKPOINT).state


@needs_mpi
def test_a_run_is_stopped_and_goes_on_with_other_ranks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A signal to one of three ranks stops all after the same step; two ranks go on, then one process: as if nothing had been."""
    folder = tmp_path / "run"
    job = launched(3, *run_words(folder, "training.epochs=100000", "training.seed=3"))
    until_saved(job, folder)
    os.kill(rank_of(job, 1, folder), signal.SIGTERM)
    code, out, err = ended(job)
    assert code == runs.STOPPED, err
    assert out.count("go on with: pnnkern resume") == 1
    assert "rank" not in err, "nothing went wrong"
    assert err.count("rule: ") == 1, "rank 0 alone speaks"
    assert "Traceback" not in err
    stopped = steps_of(folder)
    epochs = stopped // 2 + 2
    changes = ["--set", "compute.ranks='mpi'", "--set", "compute.patience=60.0"]
    code, out, err = ended(launched(2, "-m", "pnnkern", "resume", str(folder), "--epochs", str(epochs), "--quiet", *changes))
    assert code == 0, err
    assert out.count("pictures:") == 1
    assert main(["resume", str(folder), "--epochs", str(epochs + 1), "--quiet"]) == 0
    assert "need not repeat" not in capsys.readouterr().err
    assert_same(checkpoint.load(folder / CHECKPOINT).state, straight(tmp_path, epochs + 1))
    sessions = checkpoint.load(folder / CHECKPOINT).meta["sessions"]
    assert [(s["step"], s["ranks"]) for s in sessions] == [(0, 3), (stopped, 2), (2 * epochs, 1)]


@needs_mpi
def test_a_rank_that_is_killed_ends_the_job_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    job = launched(2, *run_words(folder, "training.epochs=100000", "training.seed=3"))
    until_saved(job, folder)
    os.kill(rank_of(job, 1, folder), signal.SIGKILL)
    code, _, _ = ended(job)
    assert code not in (0, 2, runs.STOPPED)
    saved = steps_of(folder)
    assert main(["resume", str(folder), "--epochs", str(saved // 2 + 1), "--quiet"]) == 0
    assert_same(checkpoint.load(folder / CHECKPOINT).state, straight(tmp_path, saved // 2 + 1))


@needs_mpi
def test_controls_and_python_on_ranks(tmp_path: Path) -> None:
    """`pnnkern.train` with both controls, on two ranks and on one process. Who writes and who computes the linear control says so."""
    program = (
        "import sys, numpy as np, pnnkern as pnn\n"
        "from pnnkern.experiments import checkpoint, controls\n"
        "def told(module, name):\n"
        "    function = getattr(module, name)\n"
        "    setattr(module, name, lambda *given: (print(name, file=sys.stderr), function(*given))[1])\n"
        "told(checkpoint, 'save'), told(controls, 'linear')\n"
        "from pnnkern import learning, random, systems\n"
        "rng = np.random.default_rng(5)\n"
        "x = rng.random((150, 6)); y = (x[:, 0] > x[:, 1]).astype(int)\n"
        "system = systems.CrossbarNetwork(inputs=6, hidden=(5,), outputs=2, key=random.key(1))\n"
        "done = pnn.train(system, learning.SPSA(), (x, y, x, y), out=sys.argv[1], epochs=2, batch=150, controls=True, quiet=True)\n"
        "print(sorted(done.metrics.items()))\n"
    )
    folder = tmp_path / "ranks"
    code, out, err = ended(launched(2, "-c", program, str(folder)))
    assert code == 0, err
    lines = out.splitlines()
    assert len(lines) == 2
    assert lines[0] == lines[1]
    assert "exact_gradient_accuracy" in lines[0]
    assert "linear_control_accuracy" in lines[0]
    around = os.environ | {"PYTHONPATH": str(ROOT)}
    single = subprocess.run([sys.executable, "-c", program, str(tmp_path / "one")], env=around, capture_output=True, text=True, check=False)
    assert single.stdout.splitlines() == lines[:1], single.stderr
    assert sorted(err.splitlines()) == sorted(single.stderr.splitlines()) == ["linear", "save", "save", "save"], "by rank 0 alone"
    for name in ("", "exact"):
        assert_same(checkpoint.load(folder / name / CHECKPOINT).state, checkpoint.load(tmp_path / "one" / name / CHECKPOINT).state)


# -------------------------------------------------------------------------------------------------------------------------- faults
FAULT = """
import sys, time
from pnnkern.cli import main, _fail
from pnnkern._errors import DataError, PnnError
from pnnkern.communicator import any_of
from pnnkern.experiments import ranks, tables
what, at = sys.argv[1], int(sys.argv[2])
try:
    with ranks.taking_part(tables.Compute(patience=1.0, threads=1)) as here:
        here.doing = "step 7"
        if here.rank == at:
            if what == "hangs":
                time.sleep(60)
            raise {"data": DataError, "bug": KeyError, "disk": OSError}[what]("no such thing")
        any_of(here, [False])
except PnnError as error:
    sys.exit(2 if error.said else _fail(str(error)))
"""


@needs_mpi
def test_a_rank_that_fails_ends_the_job_with_a_line() -> None:
    for at in (0, 2):
        code, _, err = ended(launched(3, "-c", FAULT, "data", str(at)))
        where = "" if at == 0 else "rank 2 of 3: "
        assert (code, err) == (2, f"pnnkern: error: {where}no such thing\n")
    code, _, err = ended(launched(2, "-c", FAULT, "bug", "1"))
    assert code == 1
    assert "rank 1 of 2: error: KeyError: 'no such thing'" in err
    assert "Traceback" in err
    code, _, err = ended(launched(2, "-c", FAULT, "disk", "1"))
    assert code == 2
    assert "rank 1 of 2: error: OSError: no such thing" in err
    assert "Traceback" not in err


@needs_mpi
def test_a_point_of_a_sweep_is_advanced_by_ranks(tmp_path: Path) -> None:
    """Done, once; held by another process: later, on all ranks; refused: noted, and said, by one."""
    (tmp_path / "sweep.toml").write_text('recipe = "crossbar-digits"\n[grid]\n"training.lr" = [0.01]\n')
    words = settings("training.epochs=2")
    assert main(["sweep", str(tmp_path / "sweep.toml"), "--out", str(tmp_path / "s"), *words]) == 0
    (point,) = (path.parent for path in (tmp_path / "s").glob("*/point.json"))
    with checkpoint.lock(point):
        code, out, err = ended(launched(2, "-m", "pnnkern", "advance", str(point), "--quiet"))
        assert (code, out.count("another process works in")) == (runs.STOPPED, 1), err
    code, out, err = ended(launched(2, "-m", "pnnkern", "advance", str(point), "--quiet"))
    assert (code, out.count("finished: ")) == (0, 1), err
    damaged = (point / CHECKPOINT).read_bytes()[:-9]
    for name in (CHECKPOINT, "checkpoint.prev.h5"):
        (point / name).write_bytes(damaged)
    (point / "config.toml").write_text((point / "config.toml").read_text().replace("epochs = 2", "epochs = 3"))
    code, _, err = ended(launched(2, "-m", "pnnkern", "advance", str(point), "--quiet"))
    assert (code, err.count("error: ")) == (2, 1), err
    assert json.loads((point / "error.json").read_text())["tries"] == 1


@needs_mpi
def test_a_rank_that_hangs_is_waited_for_so_long_and_no_longer() -> None:
    began = time.monotonic()
    code, _, err = ended(launched(2, "-c", FAULT, "hangs", "1"))
    assert time.monotonic() - began < 40
    assert code == 1
    assert "rank 0 of 2: error: waited 1" in err
    assert "at step 7" in err
    assert "compute.patience" in err


SIZES = """
import time
import numpy as np
from pnnkern.communicator import alone
from pnnkern.experiments import ranks, tables
with ranks.taking_part(tables.Compute(patience=1.0, threads=1)) as here:
    def part(to, rank, size):
        return {"words": "x" * (size * (rank + 1)), "bytes": np.full(size * (to + 2 * rank), to - rank, np.int8), "tail": (rank, to)}
    for size in (0, 1, 40, 300, 311, 317, 400, 1000, 40_000):  # around what fits into a block, for some and not for others
        for mixed in (True, False):  # the last rank to itself: one that has nothing to say
            found = here.exchange([part(to if mixed else 0, here.rank, size) for to in range(here.size)])
            for rank, got in enumerate(found):
                wanted = part(here.rank if mixed else 0, rank, size)
                assert got["words"] == wanted["words"] and got["tail"] == wanted["tail"]
                assert got["bytes"].tolist() == wanted["bytes"].tolist()
    with ranks.waiting(here, "something slow", 60.0):
        assert alone(here, lambda: time.sleep(2.0) or "done") == "done"
    assert here.patience == 1.0
    print("all")
"""


@needs_mpi
def test_messages_of_all_sizes_and_a_slow_rank_0() -> None:
    """Who waits for rank 0's own work waits longer than for a rank."""
    code, out, err = ended(launched(3, "-c", SIZES))
    assert (code, out.count("all")) == (0, 3), err


@needs_mpi
def test_ranks_with_different_runs_are_refused(tmp_path: Path) -> None:
    program = "import os, sys\nfrom pnnkern.cli import main\nsys.exit(main([*sys.argv[1:], '--seed', os.environ['PMI_RANK']]))"
    words = run_words(tmp_path / "run")[2:]
    code, _, err = ended(launched(2, "-c", program, *words, "--set", "training.epochs=1"))
    assert code == 2
    assert err.count("error") == 1
    assert "rank 1 has another run than rank 0" in err
    assert not (tmp_path / "run").exists()


# --------------------------------------------------------------------------------------------------------------- without any MPI
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        ({"PMI_RANK": "2", "PMI_SIZE": "4"}, (2, 4)),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "3"}, (1, 3)),
        ({"SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "8", "SLURM_NTASKS": "8"}, (5, 8)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8", "SLURM_JOB_ID": "3"}, (0, 1)),  # a batch script: one process, whatever the job has
        ({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "8"}, (0, 1)),
        ({"PMI_RANK": "", "PMI_SIZE": "x"}, (0, 1)),
    ],
)
def test_who_was_started_together(environment: dict[str, str], expected: tuple[int, int]) -> None:
    assert ranks.started(environment) == expected


@pytest.fixture
def of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PMI_RANK": "0", "PMI_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)


def test_without_mpi4py_there_is_one_clear_error(
    of_four: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert main(run_words(tmp_path / "run", "training.epochs=1")[2:]) == 2
    said = capsys.readouterr().err
    assert "one of 4 processes" in said
    assert "pip install 'pnnkern[mpi]'" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()
    assert main(run_words(tmp_path / "run", "training.epochs=1", "compute.ranks='off'")[2:]) == 0


def test_an_mpi_that_is_not_the_launchers_is_an_error(of_four: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Alone:
        rank, size = 0, 1

    fake = type(sys)("pnnkern._mpi")
    fake.Processes = lambda patience, exact: Alone()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pnnkern._mpi", fake)
    monkeypatch.setattr(pnnkern, "_mpi", fake, raising=False)
    monkeypatch.setattr(ranks, "library", lambda: "Some MPI 1.0")
    message = "4 processes were started together, and MPI knows of 1: mpi4py uses Some MPI"
    with pytest.raises(RecipeError, match=message), ranks.taking_part(tables.Compute()):
        pass


def test_ways_of_gpus_need_a_gpu(of_four: None) -> None:
    message = r"compute\.ranks='nccl' moves arrays of GPUs, and compute\.device is 'cpu'"
    with pytest.raises(RecipeError, match=message), ranks.taking_part(tables.Compute(device="cpu", ranks="nccl")):
        pass


def test_a_process_alone_needs_no_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for way in ("auto", "mpi", "off"):
        with ranks.taking_part(tables.Compute(ranks=way)) as here:  # type: ignore[arg-type]
            assert here.size == 1


# ------------------------------------------------------------------------------------------------------------------ what is said
def remarks(size: int, *more: str, rule: str = "in-silico") -> list[str]:
    chosen = recipe.find("d2nn-digits", [*QUICK, *more])
    with communicator.threads(size) as all_ranks, communicator.entered(all_ranks[0]):
        return ranks.remarks(chosen, recipe.kinds("rule")[rule])


def test_ranks_with_nothing_to_do_are_told_of() -> None:
    found = remarks(3, "training.batch=50", "compute.chunk=64")
    assert found == [
        "a batch of 50 samples is 1 shard of compute.chunk=64, too few for 3 ranks: 2 of them will do nothing but wait; set compute.chunk=17 "
        "in a new run"
    ]
    assert remarks(3, "training.batch=50", "compute.chunk=17") == []
    assert remarks(1, "training.batch=50", "compute.chunk=64") == []
    assert "each of the 2 ranks does all of it" in remarks(2, rule="continual-ep")[0]


def test_the_record_says_where_ranks_decide_on_bits() -> None:
    with communicator.threads(3, exact=False) as all_ranks, communicator.entered(all_ranks[0]):
        assert ranks.sums(tables.Compute()) == {}
        assert ranks.sums(tables.Compute(exact_sums=False)) == {"ranks": "3, each of which adds its own shards first; then an allreduce"}


def test_inexact_sums_are_recorded_and_other_ranks_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert main(run_words(folder, "training.epochs=1", "compute.exact_sums=false")[2:]) == 0
    assert checkpoint.load(folder / CHECKPOINT).meta["environment"]["ranks"] == "1, each of which adds its own shards first; then an allreduce"
    assert main(["resume", str(folder), "--epochs", "2", "--quiet"]) == 0
    assert "need not repeat" not in capsys.readouterr().err
    found = checkpoint.load(folder / CHECKPOINT)
    found.meta["environment"]["ranks"] = found.meta["environment"]["ranks"].replace("1", "4")
    checkpoint.save(folder / CHECKPOINT, found.state, found.meta)
    assert main(["resume", str(folder), "--epochs", "3", "--quiet"]) == 0
    assert "note: changed since the checkpoint: ranks 4, each of which" in capsys.readouterr().err
    assert main(["resume", str(folder), "--set", "compute.exact_sums=true"]) == 2
    assert "compute.exact_sums cannot change while a run goes on" in capsys.readouterr().err


def test_what_mpi_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'pnnkern[mpi]'" in ranks.described()
    monkeypatch.undo()
    monkeypatch.setattr(ranks, "_PROBE", "raise SystemExit('no library')")
    if importlib.util.find_spec("mpi4py"):
        assert ranks.described() == "no: no library"


@needs_mpi
def test_the_mpi_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.search(r"(MPICH|Open MPI|Intel).*mpi4py \d.*mpiexec; it .*arrays of GPUs; NCCL: ", ranks.described())
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setenv("PMI_RANK", "2")
    assert ranks.described().endswith("; this is rank 2 of 4")


def test_threads_of_a_node_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks that may use the same processors divide them; one that is bound to its own has them; who says threads has them."""

    class Told:
        def __init__(self, rank: int, every: list[list[Any]]) -> None:
            self.rank, self.size, self.every, self.gpu = rank, len(every), every, None

        def exchange(self, parts: Any) -> Any:
            return [[platform.node(), *processors] for processors in self.every]

    given: list[int] = []
    monkeypatch.setattr(ranks, "use_threads", given.append)
    monkeypatch.setattr(os, "sched_getaffinity", lambda which: set(range(8)))
    monkeypatch.delenv("PNNKERN_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shared, own = list(range(8)), [8, 9]
    ranks._settle(Told(1, [shared, shared, own]), tables.Compute())
    ranks._settle(Told(0, [shared, own, own]), tables.Compute())
    ranks._settle(Told(0, [shared] * 16), tables.Compute())
    ranks._settle(Told(0, [shared, shared]), tables.Compute(threads=3))
    assert given == [4, 8, 1]
    monkeypatch.setenv("PNNKERN_NUM_THREADS", "2")
    ranks._settle(Told(0, [shared, shared]), tables.Compute())
    assert given == [4, 8, 1]


def test_gpus_are_shared_out_by_local_rank(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told:
        rank, size, gpu = 3, 4, None

        def exchange(self, parts: Any) -> Any:
            return [["elsewhere"], [platform.node()], [platform.node()], [platform.node()]]

    used: list[int] = []
    monkeypatch.setattr(cupy.cuda.Device, "use", lambda device: used.append(int(device)))
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 2, raising=False)
    ranks._settle(Told(), tables.Compute(device="cuda"))
    assert used == [0], "the third rank of this node, on the first of its two GPUs"


def test_an_mpi_without_gpus_is_not_given_their_arrays(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Told:
        rank, size, gpu = 0, 1, None

        def exchange(self, parts: Any) -> Any:
            return parts

    monkeypatch.setattr(ranks, "library", lambda: "Some MPI 1.0")
    monkeypatch.setattr(ranks, "takes_gpus", lambda: False)
    with pytest.raises(RecipeError, match=r"and Some MPI 1\.0 takes none: set 'mpi' or 'nccl'"):
        ranks._settle(Told(), tables.Compute(device="cuda", ranks="cuda-mpi"))
    monkeypatch.setattr(ranks, "takes_gpus", lambda: None)  # it does not say: the user does
    ranks._settle(Told(), tables.Compute(device="cuda", ranks="cuda-mpi"))
