"""What this installation is and what it can use."""

import importlib.metadata
import importlib.util
import os
import shutil
from typing import Any

from .. import _array
from .._errors import DeviceError
from ..kernels import _cache
from ..optics import _fft
from . import checkpoint, data, machine, ranks


def collect() -> dict[str, Any]:
    """Versions, devices, backends, threads and folders."""
    installed = sorted(
        n for n in (d.metadata["Name"] or "" for d in importlib.metadata.distributions()) if n.lower().startswith("cupy")
    )
    try:
        cupy = _array.cupy()
        count = cupy.cuda.runtime.getDeviceCount()
        names = [cupy.cuda.runtime.getDeviceProperties(i)["name"].decode() for i in range(count)]
        cuda = f"{', '.join(names)} (driver CUDA {cupy.cuda.runtime.driverGetVersion()}, CuPy {cupy.__version__})"
    except DeviceError as error:
        cuda = f"no: {str(error).removeprefix('a GPU was asked for, but ')}"
    here = machine.describe()
    result: dict[str, Any] = {
        "versions": checkpoint.versions(),
        "cpu": machine.processor(),
        "threads": _array.threads(),
        "thread layer": here["thread layer"],
        "jit target": here["jit target"],
        "blas": here["blas"],
        "fft": _fft.described(),
        "cuda": cuda,
        "mpi": ranks.described(),
        "host runner": shutil.which("g++") or "no: g++ is not installed (it runs the CUDA kernels on the CPU, in tests)",
        "caches": {
            "kernels and FFT plans": str(_cache.folder()),
            "CuPy": os.environ.get("CUPY_CACHE_DIR", "~/.cupy/kernel_cache"),
        },
        "data": {"PNNKERN_DATA": os.environ.get("PNNKERN_DATA", "not set"), "shipped": ", ".join(data.SHIPPED)},
    }
    if len(installed) > 1:
        result["warning"] = f"more than one CuPy is installed ({', '.join(installed)}): they break each other, keep one"
    return result
