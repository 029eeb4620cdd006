"""The `backend` fixture: every physics test runs on the CPU twins, on the CUDA kernels by the host runner, and on a GPU if there is one."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pnnkern import _launch
from pnnkern.optics import _layer, _transfer

sys.path.insert(0, str(Path(__file__).parent))
import fake_cupy

BACKENDS = ("cpu", "host", "cuda")


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

    def array(self, x: object) -> object:
        if self.name == "cuda":
            import cupy

            return cupy.asarray(x)
        return np.asarray(x)

    def numpy(self, x: object) -> np.ndarray:
        return x.get() if self.name == "cuda" and hasattr(x, "get") else np.asarray(x)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backends", default=",".join(BACKENDS), help="comma-separated subset of cpu,host,cuda")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the test that all kernels ran last, and note whether everything was selected."""
    items.sort(key=lambda item: item.path.name == "test_all_kernels_ran.py")
    narrowed = config.option.keyword or config.option.markexpr or config.getoption("--backends") != ",".join(BACKENDS)
    config.pnnkern_full_run = not narrowed and config.args in ([str(config.rootpath / "tests")], ["tests"])  # type: ignore[attr-defined]


def pytest_report_header(config: pytest.Config) -> str:
    chosen = config.getoption("--backends").split(",")
    reason = cuda_reason()
    ran = [b for b in BACKENDS if b in chosen and not (b == "cuda" and reason)]
    return f"pnnkern backends: {', '.join(ran)}" + (f" (cuda skipped: {reason})" if "cuda" in chosen and reason else "")


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
    else:
        yield Backend(request.param)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of full data sets, from `PNNKERN_DATA`; tests that need it are skipped without it."""
    folder = os.environ.get("PNNKERN_DATA")
    if not folder:
        pytest.skip("PNNKERN_DATA does not name a folder of full data sets")
    return Path(folder)


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The stand-in for CuPy. Where the real one is at work the same calls run on it by `backend`, and there is nothing to stand in for."""
    if "cupy" in sys.modules and not isinstance(sys.modules["cupy"], fake_cupy._Module):
        pytest.skip("the real CuPy is in use here")
    with fake_cupy.installed(monkeypatch):
        _forget_device()
        yield sys.modules["cupy"]
        _forget_device()


def _forget_device() -> None:
    """What was kept for one CuPy is not for another."""
    _launch._words.clear()
    _layer._twiddles.cache_clear()
    _transfer._cache.clear()


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the test's own name."""
    return np.random.default_rng(list(request.node.name.encode()))
