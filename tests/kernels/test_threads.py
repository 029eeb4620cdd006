"""Twins with Numba's threads and without: the same bits from every kernel there is, and no threads where there is little to do."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pnnkern.kernels import _threads

from pnnkern import _sources

HERE = Path(__file__).parent

REORDERED = "networks/layered _columns"  # its sums have an order of their own in every process that compiles it for threads; see there

_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import numba, sanitized, test_threads
from pnnkern.kernels import _threads
from pnnkern.kernels.networks import layered

_threads._layer.start()
twins = [(name, twin) for name, twin in test_threads.twins() if name != test_threads.REORDERED]
layered._columns = layered._columns.alone
found = {}
for _threads._layer.single, _threads.SMALL in ((True, 0), (False, -1)):
    found[_threads._layer.single] = sanitized.everything()
print(*(name for name, arrays in found[True].items() if [a.tobytes() for a in arrays] != [a.tobytes() for a in found[False][name]]), sep=", ")
print(*(name for name, twin in twins if not len(twin.alone.signatures) == len(twin.together.signatures) > 0), sep=", ")
print(numba.get_num_threads(), len(found[True]), len(twins))
"""


def twins() -> Iterator[tuple[str, Any]]:
    """All functions of kernels that are compiled with threads and without."""
    for stem in _sources.stems():
        module = import_module(f"pnnkern.kernels.{stem.replace('/', '.')}")
        yield from ((f"{stem} {name}", value) for name, value in vars(module).items() if hasattr(value, "together"))


def test_threads_do_not_change_bits() -> None:
    """All calls of all kernels: on one thread, and shared out to three however little there is to do."""
    environment = os.environ | {"NUMBA_NUM_THREADS": "3", "PYTHONPATH": os.pathsep.join([str(HERE), *(p for p in sys.path if p)])}
    done = subprocess.run([sys.executable, "-c", _CHILD, str(HERE)], env=environment, capture_output=True, text=True, check=False, cwd=HERE)
    assert done.returncode == 0, done.stderr[-3000:]
    differ, not_called, counts = done.stdout.splitlines()
    assert differ == ""
    assert not_called == ""
    threads, calls, several = map(int, counts.split())
    assert threads == 3
    assert calls > 40
    assert several > 40


@pytest.mark.parametrize(
    ("threads", "size", "compiled"), [("1", 4, "1 0"), ("1", 100000, "1 0"), ("2", 4, "1 0"), ("2", 16384, "1 0"), ("2", 16385, "0 1")]
)
def test_threads_are_for_calls_of_much_work(threads: str, size: int, compiled: str) -> None:
    """Nor is code for several threads compiled for those of little, or where there is but one."""
    code = f"""
import numpy as np
from pnnkern.kernels.learning import optimizer
from pnnkern.learning import SGD
SGD().apply({{"x": np.ones({size})}}, {{"x": np.ones({size})}})
print(len(optimizer._sgd.alone.signatures), len(optimizer._sgd.together.signatures))
"""
    environment = os.environ | {"NUMBA_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == compiled


@pytest.mark.parametrize(("work", "small"), [(lambda n: n, "alone"), (lambda n: n + 1, "together"), (None, "together")])
def test_work_decides_where_threads_run(work: Callable[..., float] | None, small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_threads._layer, "single", False)
    monkeypatch.setattr(_threads._layer, "any_caller", True)
    call = _threads.choose(lambda n: n, lambda n: "alone", lambda n: "together", work)
    assert call(_threads.SMALL) == small
    assert call(10 * _threads.SMALL) == "together"
    monkeypatch.setattr(_threads._layer, "single", True)
    assert call(10 * _threads.SMALL) == "alone"


def test_work_is_counted_by_a_calls_own_arguments() -> None:
    """What takes the first few by names of its own would be wrong once they changed places."""
    counted = [(name, twin) for name, twin in twins() if twin.work]
    assert [name for name, twin in twins() if not twin.work] == [REORDERED]
    for name, twin in counted:
        *own, rest = inspect.signature(twin.work).parameters.values()
        assert rest.kind is rest.VAR_POSITIONAL, name
        assert [p.name for p in own] == list(inspect.signature(twin).parameters)[: len(own)], name


def test_code_for_one_thread_and_for_several_may_be_of_different_processes(tmp_path: Path) -> None:
    """They share names of helpers, of which those for one thread have become parts of their callers: each way to load them, in either order."""
    code = """
import sys
import numpy as np
from pnnkern import crossbar, random
from pnnkern.kernels import _threads
for small in map(int, sys.argv[1:]):
    _threads.SMALL = small
    out = crossbar.convert(np.linspace(-1, 1, 900).reshape(30, 30), crossbar.DAC(7, 0.5, stochastic=True), key=random.key(1))
    print(out.sum())
"""
    own = {"NUMBA_NUM_THREADS": "2", "PNNKERN_CACHE_DIR": str(tmp_path)}
    environment = os.environ | own | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    said = set()
    for order in (["1000000"], ["0"], ["1000000", "0"], ["0", "1000000"]):
        done = subprocess.run([sys.executable, "-c", code, *order], env=environment, capture_output=True, text=True, check=True)
        said |= set(done.stdout.split())
    assert len(said) == 1
