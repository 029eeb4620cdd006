"""Digests of FFTW's plans: two that give other last bits have other ones."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.fft

from pnnkern.optics import _fft

pytest.importorskip("pyfftw", reason="plans are FFTW's")
ROOT = Path(__file__).resolve().parents[2]
FIELD, WINDOW = (31, 33), (64, 72)
PLAN = "import numpy as np; from pnnkern.optics import _fft; _fft.engine({}, {}, np.dtype('c8')); print(_fft.plan_digests())"


def process(program: str, cache: Path) -> str:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "PNNKERN_CACHE_DIR": str(cache), "PNNKERN_FFT": "fftw",
    }  # fmt: skip
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_another_plan_has_another_digest(dtype: type) -> None:
    """SciPy's transforms in the place of one of the four, after which some last bits are others."""
    engine = _fft._FftwEngine(FIELD, WINDOW, np.dtype(dtype))
    mine = engine._digest()
    assert engine._digest() == mine
    for name in ("row_forward", "row_backward", "column_forward", "column_backward"):
        array, plan = engine.rows if "row" in name else engine.tile, getattr(engine, name)
        transform = scipy.fft.fft if "forward" in name else lambda x: scipy.fft.ifft(x, norm="forward")
        setattr(engine, name, lambda a=array, t=transform: np.copyto(a, t(a)))
        assert engine._digest() != mine
        setattr(engine, name, plan)
    assert engine._digest() == mine


def test_processes_that_share_plans_have_the_same_digests(tmp_path: Path) -> None:
    first = process(PLAN.format(FIELD, WINDOW), tmp_path)
    assert first.startswith("{'31x33 in 64x72 complex64': ")
    process(PLAN.format((16, 16), (32, 32)), tmp_path)
    assert process(PLAN.format(FIELD, WINDOW), tmp_path) == first
