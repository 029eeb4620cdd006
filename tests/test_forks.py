"""Children of a process that has used its threads, and callers on several threads: none hangs, and all results are equal to the bit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600  # seconds, of which compiling takes most; what hangs takes all


def said(*command: str, **environment: str) -> str:
    """What a Python process prints that has two threads to use."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), *(p for p in sys.path if p)])
    threads = dict.fromkeys(("PNNKERN_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    where = os.environ | threads | {"PYTHONPATH": path} | environment
    done = subprocess.run([sys.executable, *command], env=where, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def pools(way: str, **environment: str) -> str:
    return said(str(ROOT / "tests/pools.py"), way, **environment)


@pytest.mark.parametrize("way", ["fork", "forkserver", "spawn"])
def test_multiprocessing(way: str) -> None:
    assert pools(way) == "equal"


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib(backend: str) -> None:
    assert pools(f"joblib-{backend}") == "equal"


def test_torch_data_loader() -> None:
    pytest.importorskip("torch")
    assert pools("torch") == "equal"


def test_host_runner(request: pytest.FixtureRequest) -> None:
    if "host" not in request.config.getoption("--backends").split(","):
        pytest.skip("not among --backends")
    assert pools("host") == "equal"


@pytest.mark.parametrize("layer", ["default", "workqueue"])
def test_four_threads_at_once(layer: str) -> None:
    """Numba ends a process in which two threads call "workqueue" at a time."""
    assert pools("threads", NUMBA_THREADING_LAYER=layer) == "equal"


def test_other_libraries_in_a_fork() -> None:
    assert pools("fork", NUMBA_THREADING_LAYER="workqueue", PNNKERN_FFT="scipy") == "equal"


def test_a_child_uses_threads_where_its_parent_has_not() -> None:
    """And leaves them behind itself."""
    assert said("-c", GENERATIONS) == "child True False, grandchild False True"


GENERATIONS = """
import os
from pnnkern import random
from pnnkern.kernels import _threads

def born(name, end):
    if os.fork():
        os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
    random.normal(random.key(1), (200, 2000))
    print(name, _threads._layer.any_caller, _threads._layer.left_behind, end=end, flush=True)

random.normal(random.key(1), (2, 9))  # too small for threads
born("child", ", ")
born("grandchild", "")
"""


def test_no_lock_is_held_in_a_child() -> None:
    """Of those that another thread holds when its process is forked: a fork waits for them."""
    assert said("-c", LOCKS) == "0 0 0"


LOCKS = """
import os, threading
import numba.core.compiler_lock
from pnnkern import _constants, random
from pnnkern.kernels import _jit
from pnnkern.optics import _fft

_jit.njit(parallel=True)(lambda: None)

def forked_while_held(lock):
    held = threading.Event()
    def hold():
        with lock:
            held.set()
            threading.Event().wait(0.3)
    threading.Thread(target=hold).start()
    held.wait()
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(not lock.acquire(timeout=5))

print(*map(forked_while_held, (_constants._constants._lock, _fft._planning, numba.core.compiler_lock.global_compiler_lock._lock)))
"""


def test_a_child_that_ends_leaves_the_files_of_its_parent(tmp_path: Path) -> None:
    """Compiled code of a process that has no cache folder: `sys.exit` in a child runs what was registered for the end of its parent."""
    assert said("-c", SCRATCH, TMPDIR=str(tmp_path)) == "True"
    assert not list(tmp_path.iterdir())


SCRATCH = """
import os, sys
from pnnkern.kernels import _cache

folder = _cache._scratch()
if not os.fork():
    sys.exit()
os.wait()
print(folder.is_dir())
"""


def test_a_gpu_that_was_used_before_a_fork_is_refused() -> None:
    words = said("-c", GPU)
    assert words.startswith("DeviceError: this process was forked by one that has used the GPU, and CUDA works in no such child: start it by")


GPU = """
import os
import strict_cupy
from pnnkern import _array

with strict_cupy.installed():
    _array.cupy()
    if not os.fork():
        assert _array.namespace(_array.np.ones(1)) is _array.np  # the CPU is there
        try:
            _array.cupy()
        except Exception as error:
            print(f"{type(error).__name__}: {error}", flush=True)
        os._exit(0)
    os.wait()
"""
