"""All of the package's own kernels in the host runner's builds, on shapes on which every loop goes round (`sanitized`): the values of the CPU
twins, no data race, no use of uninitialised memory, no access out of bounds, no undefined arithmetic.

The builds themselves are tested on planted bugs in `host/test_host.py`.
"""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from pnnkern.kernels import host

import pnnkern as pnn
from pnnkern import _launch, _sources

sys.path.insert(0, str(Path(__file__).parent))
import sanitized

HERE = Path(__file__).parent
LIMIT = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 3e-12}  # relative 2-norms


@pytest.fixture(scope="module")
def expected() -> dict[str, list[np.ndarray]]:
    return sanitized.everything()


def agree(got: np.ndarray, expected: np.ndarray) -> bool:
    """Counts, codes and states are equal; a value from poisoned memory is NaN and differs."""
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return False
    if got.dtype.kind not in "fc":
        return np.array_equal(got, expected)
    return bool(np.linalg.norm((got - expected).ravel()) <= LIMIT[got.real.dtype] * np.linalg.norm(expected.ravel()))


@pytest.mark.parametrize(("build", "order"), [("fast", "ascending"), ("checked", "shuffled"), ("race", "descending")])
def test_every_kernel(build: str, order: str, expected: dict[str, list[np.ndarray]]) -> None:
    sanitized.compile_all(build)
    before = set(_launch.launched)
    _launch.launched.clear()
    try:
        with _launch.host(build=build, order=order, seed=7), sanitized.tight():
            found = sanitized.everything()
        assert _launch.launched == set(_sources.kernels())
    finally:
        _launch.launched |= before
    assert found.keys() == expected.keys()
    for name, arrays in found.items():
        wrong = [i for i, (a, b) in enumerate(zip(arrays, expected[name], strict=True)) if not agree(a, b)]
        assert not wrong, f"{name}: arrays {wrong} of {len(arrays)} are not the CPU's"


def test_threads_stride() -> None:
    """The grids that the calls above rely on."""
    with _launch.host(), sanitized.tight(), mock.patch.object(host.Module, "launch") as seen:
        _launch.launch("optics/mask", "phasor", float, 1000, np.zeros(1000), np.zeros(1000, complex), threads=1000)
    assert seen.call_args.args[1:3] == ((sanitized.BLOCKS,), (sanitized.BLOCK,))


_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import sanitized
from pnnkern import _launch, _sources
sanitized.compile_all("asan")
with _launch.host(build="asan"), sanitized.tight():
    sanitized.everything()
print("launched", len(_launch.launched), "of", len(_sources.kernels()))
"""


def test_no_access_out_of_bounds_and_no_undefined_arithmetic() -> None:
    path = str(Path(pnn.__file__).resolve().parents[1])
    environment = {**os.environ, "LD_PRELOAD": host.preload(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(HERE)], env=environment, capture_output=True, text=True, check=False, cwd=HERE
    )
    assert done.returncode == 0, done.stderr[-3000:]
    count = len(_sources.kernels())
    assert f"launched {count} of {count}" in done.stdout
