"""The `backend` fixture: where every physics test runs.

cpu: the CPU twins. host: the CUDA kernels by the host runner, on NumPy arrays. strict: the branch for GPUs on a stand-in for CuPy that takes
what the real one takes. cuda: a GPU, if there is one.
"""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import public_calls  # noqa: F401 (first: it watches the rooms that are imported after it)
import strict_cupy
from sharing import Share

from pnnkern import _array, _constants, _launch
from pnnkern.crossbar import _levels
from pnnkern.optics import _separable, _transfer

LAST = ("test_public_calls.py", "test_everything_was_called.py")  # files about what all the others have called
BACKENDS = ("cpu", "host", "strict", "cuda")


def cuda_reason() -> str | None:
    """Why the cuda backend cannot run here; None if it can."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed"
    import cupy

    return None if cupy.cuda.is_available() else "CuPy finds no usable GPU"


class Backend:
    """Where a test runs: `array` puts NumPy data there, `numpy` brings results back."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    @property
    def device(self) -> str:
        """What systems call the place: "cpu" or "cuda"."""
        return "cuda" if self.name in ("strict", "cuda") else "cpu"

    def array(self, x: object) -> object:
        return _array.device_namespace(self.device).asarray(x)

    def numpy(self, x: object) -> np.ndarray:
        return x.get() if self.device == "cuda" and hasattr(x, "get") else np.asarray(x)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backends", default=",".join(BACKENDS), help=f"comma-separated subset of {','.join(BACKENDS)}")
    parser.addoption("--share", type=Path, help="a new folder, the same for all processes that run the tests together")
    parser.addoption("--processes", type=int, default=1, help="how many these are")


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--share")
    config.pnnkern_share = Share(folder, config.getoption("--processes")) if folder else None  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Pytest's own loop, over the files that no other process runs; what repeats the calls of the others each process does with its own."""
    share = session.config.pnnkern_share  # type: ignore[attr-defined]
    if share is None or session.testsfailed or session.config.option.collectonly:
        return None
    mine = (item for item in session.items if item.path.name in LAST or share.mine(item.path))
    item = next(mine, None)
    while item is not None:
        following = next(mine, None)  # which says what may be torn down after this one
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of what all the others have called last, and note whether everything was selected."""
    items.sort(key=lambda item: LAST.index(item.path.name) if item.path.name in LAST else -1)
    narrowed = config.option.keyword or config.option.markexpr or config.getoption("--backends") != ",".join(BACKENDS)
    config.pnnkern_full_run = not narrowed and config.args in ([str(config.rootpath / "tests")], ["tests"])  # type: ignore[attr-defined]


def pytest_report_header(config: pytest.Config) -> str:
    chosen = config.getoption("--backends").split(",")
    reason = cuda_reason()
    ran = [b for b in BACKENDS if b in chosen and not (b == "cuda" and reason)]
    names = ", ".join(f"{b} (stands in for CuPy {strict_cupy.VERSION})" if b == "strict" else b for b in ran)
    return f"pnnkern backends: {names}" + (f" (cuda skipped: {reason})" if "cuda" in chosen and reason else "")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param not in request.config.getoption("--backends").split(","):
        pytest.skip("not among --backends")
    if request.param == "cuda":
        reason = cuda_reason()
        if reason:
            pytest.skip(reason)
    if request.param == "host":
        with _launch.host():
            yield Backend("host")
    elif request.param == "strict":
        with standing_in():
            yield Backend("strict")
    else:
        yield Backend(request.param)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of full data sets, from `PNNKERN_DATA`; tests that need it are skipped without it."""
    folder = os.environ.get("PNNKERN_DATA")
    if not folder:
        pytest.skip("PNNKERN_DATA does not name a folder of full data sets")
    return Path(folder)


@contextlib.contextmanager
def standing_in() -> Iterator[object]:
    """`import cupy` finds the stand-in. What was kept for one CuPy is not for another."""
    with strict_cupy.installed() as cupy:
        _forget_device()
        try:
            yield cupy
        finally:
            _forget_device()


@pytest.fixture
def cupy() -> Iterator[object]:
    """The stand-in for CuPy, also where the real one is."""
    with standing_in() as module:
        yield module


def _forget_device() -> None:
    """Empty the caches that are keyed by the device, and clear faults that nobody has asked for."""
    for (xp, number), word in _launch._words.items():
        with xp.cuda.Device(number):
            word.fill(0)
    for kept in (_constants._constants, _separable._plans, _transfer._cache):
        kept.clear()
    _levels.plan.cache_clear()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's own name; all backends that run the CUDA kernels get the same numbers."""
    name, values = request.node.name, getattr(request.node, "callspec", None)
    if values is not None and values.params.get("backend") in ("strict", "cuda"):
        name = name.replace(values.params["backend"], "host")
    return np.random.default_rng(list(name.encode()))
