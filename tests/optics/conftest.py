"""Fixtures of the optics tests."""

import pytest


@pytest.fixture(params=["scipy", "fftw", "mkl"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each FFT library of the CPU in turn, where it is installed."""
    package = {"scipy": "scipy", "fftw": "pyfftw", "mkl": "mkl_fft"}[request.param]
    pytest.importorskip(package, reason=f"{request.param} comes with {package}")
    monkeypatch.setenv("PNNKERN_FFT", request.param)
    return request.param
