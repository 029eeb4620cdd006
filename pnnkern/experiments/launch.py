"""Carry out the points of a sweep by somebody else's engine: processes of this machine, Dask, or Slurm by submitit. Here nothing is scheduled.

Whatever the engine, a point is carried out by `pnnkern advance POINT` in a process of its own, whose words are in POINT/log.txt. So one that
dies takes nothing with it, and what an engine loses is begun again where its last checkpoint lies.
"""

import contextlib
import dataclasses
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _array
from .._errors import PnnError, nearest
from . import advance, estimate, files, signals, status, sweep
from .advance import BROKEN
from .recipe import RecipeError
from .run import STOPPED

EXECUTORS = ("local", "slurm", "dask")
LOG = "log.txt"
_THREADS = ("PNNKERN_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
POLL = 0.3  # seconds between two looks at a process, and at whether it is to stop
# of a job of Slurm that was not told otherwise
SPARE = 1.5  # times what was estimated
SHORTEST = 10  # minutes
SIGNALLED = 120  # seconds before its end
MOST_QUEUED = 10_000  # times


class LaunchError(PnnError, RuntimeError):
    """An engine that is not there, or does not take the work."""


@dataclass
class Attempt:
    """Carry out a point, again where it breaks off, in processes of this machine. Called where an engine says; it may be pickled.

    prefix : words before the command, "mpiexec -n 4" for one. halt : a file whose coming tells it to stop.
    """

    folder: str
    retries: int
    prefix: tuple[str, ...] = ()
    threads: int = 0
    halt: str = ""
    _process: Any = dataclasses.field(default=None, repr=False)

    def __call__(self) -> int:
        """The exit code of the last try."""
        for left in range(self.retries, -1, -1):
            code = self._once()
            if code in (0, STOPPED, advance.REFUSED) or not left:
                break
        if code < 0 or (code not in (0, STOPPED) and not advance.failure(Path(self.folder))):  # it could not say why itself
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            advance.note(Path(self.folder), f"the process {how}; what it said is in {LOG}", BROKEN)
        return code

    def _once(self) -> int:
        environment = os.environ | ({name: str(self.threads) for name in _THREADS if name not in os.environ} if self.threads else {})
        command = [*self.prefix, sys.executable, "-m", "pnnkern", "advance", self.folder]
        with open(Path(self.folder) / LOG, "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
            )
        told = False
        try:
            while self._process.poll() is None:
                if not told and self.halt and os.path.exists(self.halt):
                    self._process.terminate()
                    told = True
                time.sleep(POLL)
            code: int = self._process.returncode
            return code
        finally:
            if self._process.poll() is None:
                self._process.terminate()

    def checkpoint(self) -> Any:
        """What submitit asks for shortly before the time is over: the run is saved, and this is submitted again."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)
            # not `wait`, which may be what this interrupts; the process stays to be waited for
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        return DelayedSubmission(dataclasses.replace(self, _process=None))


def launch(
    out: Path, executor: str = "local", *, retries: int = 2, at_most: int = 0, prefix: Sequence[str] = (), scheduler: str = "",
    settings: Sequence[str] = (), estimated: bool = True,
) -> dict[str, int]:  # fmt: skip
    """Carry out all points of a sweep that are not finished. Returns how many are in which state then.

    executor : "local" and "dask" wait for the end, or for a signal, upon which the runs save and stop; "slurm" submits a job array.
    retries : of a point whose process breaks off. at_most : points at a time; 0: one for each processor. scheduler : of Dask: its address,
    "slurm" for workers that are Slurm's jobs, "" for processes of this machine. settings : ``key=value`` of sbatch. estimated : whether to
    time some steps of the first point before.
    """
    there = sweep.points(out)
    if executor not in EXECUTORS:
        raise RecipeError(f"no executor is called {executor!r:.40}: {nearest(executor, EXECUTORS)}")
    for what, given, of in (("settings of sbatch are", settings, "slurm"), ("a scheduler is", [scheduler] if scheduler else [], "dask")):
        if given and executor != of:
            raise RecipeError(f"{what} for the executor {of}, got {next(iter(given))!r} for {executor!r}")
    asked = _settings(settings)
    states = [status.of_point(point)["state"] for point in there]
    waiting = [point for point, state in zip(there, states, strict=True) if state not in ("finished", "running")]
    if not waiting:
        return status.tally(out)
    needs = estimate.of_sweep(out, waiting[0]) if estimated else {}
    attempts = [Attempt(str(point.folder), retries, tuple(prefix)) for point in waiting]
    if executor == "slurm":
        _submit(out, attempts, at_most, asked, needs)
        return status.tally(out)
    workers = min(at_most or _array.processors(), len(attempts))
    halt = out / f".halt-{os.getpid()}"
    with signals.noted() as stop, _halting(halt), _engine(executor, workers, scheduler) as engine:
        for attempt in attempts:
            attempt.threads, attempt.halt = max(1, _array.processors() // workers), str(halt)
        _wait(engine, attempts, stop, halt)
    return status.tally(out)


def _wait(engine: Executor, attempts: list[Attempt], stop: Callable[[], bool], halt: Path) -> None:
    """Have all attempts carried out, and say of each how it ended. After a signal no other is begun."""
    left: dict[Future[int], Attempt] = {engine.submit(attempt): attempt for attempt in attempts}
    done = 0
    while left:
        over, _ = wait(left, timeout=POLL, return_when=FIRST_COMPLETED)
        for future in over:
            attempt = left.pop(future)
            if future.cancelled():
                continue
            done += 1
            files.say(f"[{done}/{len(attempts)}] {_ended(attempt, future)}")
        if stop() and not halt.exists():
            halt.touch()
            for future in left:
                future.cancel()


def _ended(attempt: Attempt, future: "Future[int]") -> str:
    name = Path(attempt.folder).name
    if error := future.exception():
        return f"{name}: its engine failed: {type(error).__name__}: {error}"
    code = future.result()
    if code == 0:
        return f"{name} finished"
    if code == STOPPED:
        return f"{name} goes on later"
    failed = advance.failure(Path(attempt.folder))
    return f"{name} failed: {failed.message if failed else f'exit code {code}'}"


@contextlib.contextmanager
def _halting(halt: Path) -> Iterator[None]:
    try:
        yield
    finally:
        files.remove(halt)


@contextlib.contextmanager
def _engine(executor: str, workers: int, scheduler: str) -> Iterator[Executor]:
    if executor == "local":
        with ThreadPoolExecutor(workers) as pool:  # threads that each wait for a process
            yield pool
        return
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise LaunchError('the executor dask is not installed: pip install "pnnkern[dask]"') from error
    with contextlib.ExitStack() as stack:
        if scheduler == "slurm":
            try:
                from dask_jobqueue import SLURMCluster
            except ModuleNotFoundError as error:
                raise LaunchError('workers by Slurm need dask-jobqueue: pip install "pnnkern[dask]"') from error
            try:
                cluster: Any = stack.enter_context(SLURMCluster())  # as ~/.config/dask/jobqueue.yaml says
            except (ValueError, TypeError, RuntimeError) as error:
                said = " ".join(str(error).split())
                raise LaunchError(f"dask-jobqueue has no cluster for these settings of ~/.config/dask/jobqueue.yaml: {said}") from error
            cluster.scale(workers)
        elif scheduler:
            cluster = scheduler
        else:
            cluster = stack.enter_context(
                distributed.LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
            )
        try:
            client = stack.enter_context(distributed.Client(cluster, timeout=30))
        except (OSError, ValueError) as error:
            raise LaunchError(f"no scheduler of Dask answers at {scheduler}: {error}") from error
        yield stack.enter_context(client.get_executor(pure=False, retries=3))


# ----------------------------------------------------------------------------------------------------------------------- Slurm
def _submit(out: Path, attempts: list[Attempt], at_most: int, settings: dict[str, Any], needs: dict[str, float]) -> None:
    """Submit a job array. Slurm sends a signal before the time is over, upon which the run is saved and its job queued again."""
    try:
        import submitit
    except ModuleNotFoundError as error:
        raise LaunchError('the executor slurm is not installed: pip install "pnnkern[sweep]"') from error
    settings = {"requeue": True, "mem": f"{math.ceil(SPARE * needs.get('bytes', 2**30) / 2**20)}M", **settings}
    try:
        executor = submitit.AutoExecutor(folder=out / "slurm" / "%j", cluster="slurm", slurm_max_num_timeout=MOST_QUEUED)
        executor.update_parameters(
            timeout_min=max(SHORTEST, math.ceil(SPARE * needs.get("seconds", 3600) / 60)), name=out.resolve().name,
            slurm_array_parallelism=at_most or len(attempts), slurm_signal_delay_s=SIGNALLED, slurm_additional_parameters=settings,
        )  # fmt: skip
        with executor.batch():
            jobs = [executor.submit(attempt) for attempt in attempts]
    except (RuntimeError, submitit.core.utils.FailedJobError, ValueError) as error:
        first = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise LaunchError(f"Slurm does not take the sweep: {first}") from error
    parent = jobs[0].job_id.partition("_")[0]
    files.say(f"submitted {len(jobs)} points as the job array {parent}; look with: pnnkern status {out}, stop with: scancel {parent}")


def _settings(settings: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise RecipeError(f"--slurm takes key=value as sbatch knows it, such as partition=gpu, got {setting!r}")
        found[key.strip().lstrip("-")] = value.strip()
    return found
