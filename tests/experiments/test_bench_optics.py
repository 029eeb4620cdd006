"""Benchmarks of optics: other libraries do the same work, rows of a small size."""

import numpy as np
import pytest

from pnnkern.experiments.bench import _optics_peers, optics
from pnnkern.optics import propagate

LIGHT = {"distance": 2e-3, "wavelength": 0.6e-6, "pitch": 8e-6}


@pytest.mark.filterwarnings("ignore:Method .* raised an exception:UserWarning")  # hcipy tries one FFT library after the other
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", list(_optics_peers.LIBRARIES))
def test_other_libraries_give_the_same_field(name: str, dtype: str, rng: np.random.Generator) -> None:
    for needed in _optics_peers.LIBRARIES[name]:
        pytest.importorskip(needed, reason=f"{name} is not installed")
    u = (rng.standard_normal((3, 32, 32)) + 1j * rng.standard_normal((3, 32, 32))).astype(dtype)
    got = _optics_peers.propagations(u, **LIGHT)[name]()
    exact = propagate(u.astype(complex), method="angular_spectrum", band_limit=False, **LIGHT)
    assert got.dtype == dtype
    # theirs is a transfer function in the precision of the field
    assert np.linalg.norm(got - exact) / np.linalg.norm(exact) < (1e-2 if dtype == "complex64" else 1e-10)


@pytest.mark.filterwarnings("ignore:Method .* raised an exception:UserWarning")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_rows(dtype: str) -> None:
    rows = optics.angular_spectrum("cpu", 0.1, batch=2, n=16, dtype=dtype)
    absent = {r["name"] for r in rows if "absent" in r}
    assert {r["name"] for r in rows} >= {"pnnkern (scipy)", "scipy.fft, whole batch", *_optics_peers.LIBRARIES}
    assert absent <= {"torch", *_optics_peers.LIBRARIES}
    for row in rows:
        if row["name"] not in absent:
            assert row["ms"] > 0
            assert row["error"] < (1e-2 if row["name"] in _optics_peers.LIBRARIES and dtype == "complex64" else 1e-6)
    ours, alone = optics.far_field("cpu", 0.1, batch=2, n=16)
    assert alone["ratios"] == {"pnnkern": pytest.approx(alone["ms"] / ours["ms"])}
