"""One run on many ranks: what a launcher (mpiexec, srun) says of it, and how a process takes part, on threads and a GPU of its own.

A process that was started with others takes part in one run with them, unless `compute.ranks` is "off". Rank 0 alone holds the folder's lock,
writes and shows; all do the work.
"""

import contextlib
import ctypes
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _array, communicator
from .._errors import PnnError
from ..communicator import SERIAL, Communicator
from . import files, text
from .recipe import Recipe, RecipeError

if TYPE_CHECKING:
    from .tables import Compute

LAUNCHERS = (("PMI_SIZE", "PMI_RANK"), ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"), ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"))
INSTALL = "pip install 'pnnkern[mpi]'"


def started(environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """(rank, size) that the launcher of this process gave it; (0, 1) where it was started alone, as the script of a Slurm job is."""
    names = [*LAUNCHERS, *([("SLURM_STEP_NUM_TASKS", "SLURM_PROCID")] if "SLURM_STEP_ID" in environment else [])]
    for size, rank in names:
        with contextlib.suppress(KeyError, ValueError):
            return int(environment[rank]), int(environment[size])
    return 0, 1


@contextlib.contextmanager
def taking_part(compute: "Compute") -> Iterator[Communicator]:
    """Inside, this process is one of the ranks that were started together; alone, or already one, it stays what it is.

    A `PnnError` in here is one of all ranks, and said by rank 0. Anything else ends the job, with a line that says which rank it was.
    Raises `RecipeError` where MPI cannot be used.
    """
    if compute.ranks == "off" or started()[1] == 1 or communicator.here() is not SERIAL:
        yield communicator.here()
        return
    ranks = _processes(compute)
    quiet = warnings.catch_warnings(action="ignore") if ranks.rank else contextlib.nullcontext()  # rank 0 gives them
    try:
        with communicator.entered(ranks), quiet, communicator.together(ranks):
            _settle(ranks, compute)
            yield ranks
    except BaseException as error:
        if error is ranks.agreed:
            raise
        _end(ranks, error)
        raise
    finally:
        ranks.world.Free()


def _processes(compute: "Compute") -> Any:
    """The ranks, by MPI."""
    size = started()[1]
    if compute.ranks in ("cuda-mpi", "nccl") and compute.device != "cuda":
        raise RecipeError(f"compute.ranks={compute.ranks!r} moves arrays of GPUs, and compute.device is {compute.device!r}: set 'mpi'")
    try:
        from .. import _mpi
    except (ImportError, RuntimeError) as error:  # mpi4py finds no library of MPI where there is none
        raise RecipeError(
            f"this is one of {size} processes that were started together, to share a run they need MPI, and mpi4py cannot be used "
            f"({str(error).splitlines()[0]}): {INSTALL}, or set compute.ranks='off' for a run by each process"
        ) from error
    ranks = _mpi.Processes(compute.patience, compute.exact_sums)
    if ranks.size != size:
        raise RecipeError(
            f"{size} processes were started together, and MPI knows of {ranks.size}: mpi4py uses {library()}, which this launcher does not "
            f"speak with; start them by the mpiexec of that MPI, or by srun --mpi=pmi2 (MPICH) or --mpi=pmix (Open MPI)"
        )
    return ranks


def library() -> str:
    """The MPI that mpi4py uses, in a few words."""
    from mpi4py import MPI

    words = MPI.Get_library_version().split("\n")[0].replace("\t", " ").rstrip("\0").split()
    return " ".join(words)[:80].rstrip(",")


def takes_gpus() -> bool | None:
    """Whether that MPI takes arrays of GPUs; None where it does not say."""
    from mpi4py import MPI

    asked = getattr(ctypes.CDLL(MPI.__file__), "MPIX_Query_cuda_support", None)
    return None if asked is None else bool(asked())


_PROBE = """
import ctypes, mpi4py
from mpi4py import MPI
asked = getattr(ctypes.CDLL(MPI.__file__), "MPIX_Query_cuda_support", None)
words = " ".join(MPI.Get_library_version().split(chr(10))[0].replace(chr(0), "").split())[:80].rstrip(",")
print(f"{words}, MPI {'.'.join(map(str, MPI.Get_version()))}, mpi4py {mpi4py.__version__}|{'?' if asked is None else asked()}")
"""


def described() -> str:
    """What ranks would use here, in words: the MPI, whether it takes arrays of GPUs, NCCL; and which rank this is."""
    if importlib.util.find_spec("mpi4py") is None:
        return f"no: mpi4py is not installed ({INSTALL}); it lets mpiexec and srun start one run on many ranks"
    ours = ("PMI", "PMIX", "OMPI", "SLURM", "MPI_LOCAL")  # of a launcher, which is to know nothing of this
    around = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], env=around, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return "no: MPI does not start within 30 s"
    if done.returncode:
        return f"no: {text.plain((done.stderr.strip().splitlines() or ['MPI does not start'])[-1])}"
    words, aware = done.stdout.strip().rpartition("|")[::2]
    beside = Path(sys.executable).with_name("mpiexec")
    launcher = str(beside) if beside.exists() else shutil.which("mpiexec") or "no mpiexec"
    gpus = {"1": "takes arrays of GPUs", "0": "takes no arrays of GPUs"}.get(aware, "does not say whether it takes arrays of GPUs")
    rank, size = started()
    this = f"; this is rank {rank} of {size}" if size > 1 else ""
    return f"{words}, {launcher}; it {gpus}; NCCL: {_nccl()}{this}"


def _nccl() -> str:
    """The version of NCCL that CuPy has, or why there is none."""
    try:
        from cupy.cuda import nccl
    except ImportError:
        return "no"
    return str(nccl.get_version()) if getattr(nccl, "available", True) else "no"


def _settle(ranks: Any, compute: "Compute") -> None:
    """Give each rank its threads and its GPU, and refuse ranks that were not given the same."""
    from .._gpu_ranks import CudaAware, Nccl

    own = [platform.node(), *(sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [])]
    every = ranks.exchange([own] * ranks.size)
    if compute.device == "cuda":
        cupy = _array.cupy()
        local = sum(theirs[0] == own[0] for theirs in every[: ranks.rank])
        cupy.cuda.Device(local % cupy.cuda.runtime.getDeviceCount()).use()
    elif not compute.threads and "PNNKERN_NUM_THREADS" not in os.environ:
        _share_threads(max(1, _array.processors() // list(every).count(own)))  # those bound to processors of their own have all of them
    if compute.ranks == "cuda-mpi" and takes_gpus() is False:
        raise RecipeError(f"compute.ranks='cuda-mpi' gives arrays of GPUs to MPI, and {library()} takes none: set 'mpi' or 'nccl'")
    if compute.ranks in ("cuda-mpi", "nccl"):
        ranks.gpu = Nccl(ranks.world) if compute.ranks == "nccl" else CudaAware()


def _share_threads(threads: int) -> None:
    """Of a node whose processors all ranks may use. BLAS takes no more either, unless the environment says how many it has."""
    use_threads(threads)
    if not {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} & os.environ.keys():
        import threadpoolctl

        os.environ["OMP_NUM_THREADS"] = str(threads)  # of those that are loaded later
        threadpoolctl.threadpool_limits(threads, "blas")


def sums(compute: "Compute") -> dict[str, str]:
    """What the environment of a run says of its ranks: nothing, where their number decides on no bit."""
    return {} if compute.exact_sums else {"ranks": f"{communicator.here().size}, each of which adds its own shards first; then an allreduce"}


def remarks(recipe: Recipe, rule: Any) -> list[str]:
    """What a user should know of how this run is shared out."""
    ranks, batch, chunk = communicator.here(), recipe.training.batch, recipe.compute.chunk
    shards = -(-batch // chunk)
    if ranks.size == 1:
        return []
    if not rule.shared:
        return [f"rule.kind={recipe.rule.kind!r} moves parts by all samples of a batch at once: each of the {ranks.size} ranks does all of it"]
    if shards < ranks.size:
        return [
            f"a batch of {batch} samples is {shards} shard{'s' * (shards > 1)} of compute.chunk={chunk}, too few for {ranks.size} ranks: "
            f"{ranks.size - shards} of them will do nothing but wait; set compute.chunk={-(-batch // ranks.size)} in a new run"
        ]
    return []


@contextlib.contextmanager
def waiting(ranks: Any, doing: str, longer: float) -> Iterator[None]:
    """Inside, rank 0 works alone, and is waited for by so many seconds longer. doing : what it does, for messages."""
    if ranks.size == 1:
        yield
        return
    before, ranks.patience, ranks.doing = ranks.patience, ranks.patience + longer, doing
    try:
        yield
    finally:
        ranks.patience = before


def use_threads(threads: int) -> None:
    """Let the kernels use so many threads; 0 leaves it to the environment."""
    if threads:
        os.environ["PNNKERN_NUM_THREADS"] = str(threads)
        if "numba" in sys.modules:  # whose pool cannot grow once it is there, nor may the environment change under it
            import numba
            from numba.core import config

            numba.set_num_threads(min(threads, config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
        else:
            os.environ["NUMBA_NUM_THREADS"] = str(threads)  # read when Numba is first imported


def _end(ranks: Any, error: BaseException) -> None:
    """Say what went wrong on this rank, and end the job: exit code 2 for what a user can mend, 130 for Ctrl-C, 1 for the rest."""
    named = str(error) if isinstance(error, PnnError) or not str(error) else f"{type(error).__name__}: {error}"
    known = isinstance(error, PnnError | MemoryError | OSError)
    if not known and not isinstance(error, KeyboardInterrupt):
        waited = type(error).__name__ == "WaitError"
        named = str(error) if waited else named
        if not waited:
            traceback.print_exception(error)
    files.say(text.plain(f"rank {ranks.rank} of {ranks.size}: error: {' '.join((named or type(error).__name__).split())}"))
    ranks.end(2 if known else 130 if isinstance(error, KeyboardInterrupt) else 1)


__all__ = ["INSTALL", "described", "library", "remarks", "started", "sums", "takes_gpus", "taking_part", "use_threads", "waiting"]
