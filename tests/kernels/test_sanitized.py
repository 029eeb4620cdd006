"""The package's own kernels in the host runner's strict builds: no data race, no access out of bounds, no undefined arithmetic.

On odd shapes, so that the last blocks and warps are not full. The builds themselves are tested on planted bugs in `host/test_host.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pnnkern.kernels import host

import pnnkern as pnn
from pnnkern import _launch, optics, random
from pnnkern.learning import SGD, Adam

HERE = Path(__file__).parent
KEY = random.key(3)
STEMS = ("learning/optimizer", "optics/detector", "optics/layer", "optics/mask", "optics/spectrum", "random/draws")


def draws() -> list[np.ndarray]:
    sample = np.array([5, 2**40, 0])
    made = [random.words(KEY, (3, 33), sample=sample), random.bernoulli(KEY, np.full((3, 31), 0.4)), random.poisson(KEY, np.full((3, 7), 30.0))]
    made += [random.bernoulli(KEY, np.full((3, 31), 0.4, np.float32)), random.poisson(KEY, np.full((3, 7), 3.0, np.float32))]
    return made + [f(KEY, (3, 33), element0=3, dtype=t) for f in (random.uniform, random.normal) for t in (np.float32, np.float64)]


def light(real: str) -> list[np.ndarray]:
    """Masks, propagation, detectors and their derivatives, by library transforms and by the fused chain."""
    rng = np.random.default_rng(0)
    dtype = np.result_type(real, np.complex64)
    made = []
    for n in (13, 101):  # windows of 26 and 256 rows by pad
        u = (rng.standard_normal((2, n, n)) + 1j * rng.standard_normal((2, n, n))).astype(dtype)
        phase = rng.standard_normal((n, n)).astype(real)
        plan = optics.Propagator((n, n), pitch=4e-6, wavelength=6e-7, distance=1e-3, pad=2 if n == 13 else 2.53)
        assert plan.grid.window[0] == (27 if n == 13 else 256)
        masked = optics.phase_mask(u, phase)
        regions = optics.Regions((n, n), [(0, 3, 1, 8), (4, n, 2, 3)])
        made += [plan(masked), plan.vjp(masked, u), optics.intensity(u), optics.powers(u, regions)]
        made += [*optics.phase_mask_vjp(u, masked, phase, wrt=("field", "phase")), optics.powers_vjp(np.ones((2, 2), real), u, regions)]
        masks = optics.chain.phasor(np.stack([phase, phase]))
        out, saved = optics.chain.forward(u, masks, [plan] * 3, save=True)
        made += [out, *optics.chain.phase_adjoint(u, saved, masks, [plan] * 3, to_field=True)]
    return made


def optimizers(real: str) -> list[np.ndarray]:
    parameters = {"x": np.linspace(0, 1, 333).astype(real)}
    for optimizer in (Adam(0.1), SGD(0.1), SGD(0.1, momentum=0.5)):
        optimizer.apply(parameters, {"x": np.ones(333, real)})
    return [parameters["x"]]


def everything() -> list[np.ndarray]:
    return [*draws(), *light("float32"), *light("float64"), *optimizers("float32"), *optimizers("float64")]


@pytest.fixture(scope="module")
def expected() -> list[np.ndarray]:
    return everything()


def agree(got: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for a, b in zip(got, expected, strict=True):
        assert np.linalg.norm(a.astype(complex) - b) <= 3e-6 * np.linalg.norm(b)  # a value from poisoned memory is NaN and fails


@pytest.mark.parametrize(("build", "order"), [("checked", "shuffled"), ("race", "descending")])
def test_no_race_and_no_use_of_uninitialised_memory(build: str, order: str, expected: list[np.ndarray]) -> None:
    before = set(_launch.launched)
    _launch.launched.clear()
    try:
        with _launch.host(build=build, order=order, seed=7):
            agree(everything(), expected)
        assert _launch.launched >= {name for stem in STEMS for name in _launch.prototypes(stem)}
    finally:
        _launch.launched |= before


_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import test_sanitized
from pnnkern import _launch
with _launch.host(build="asan"):
    test_sanitized.everything()
print("finished")
"""


def test_no_access_out_of_bounds_and_no_undefined_arithmetic() -> None:
    path = str(Path(pnn.__file__).resolve().parents[1])
    environment = {**os.environ, "LD_PRELOAD": host.preload(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(HERE)], env=environment, capture_output=True, text=True, check=False, cwd=HERE
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "finished" in done.stdout
