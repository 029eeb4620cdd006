"""Fixtures of the optics tests."""

import pytest


@pytest.fixture(params=["lanes", "scipy", "fftw", "mkl"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What transforms on the CPU, each in turn, where it is installed."""
    package = {"lanes": "numba", "scipy": "scipy", "fftw": "pyfftw", "mkl": "mkl_fft"}[request.param]
    pytest.importorskip(package, reason=f"{request.param} comes with {package}")
    monkeypatch.setenv("PNNKERN_FFT", request.param)
    return request.param
