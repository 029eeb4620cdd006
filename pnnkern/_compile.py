"""CUDA C to cubins: one NVRTC call of our own, and a disk cache keyed by all that decides the machine code.

CuPy's own compilation adds `-ftz=true`, which flushes subnormal float32 numbers that the CPU keeps, and is keyed by less.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ._errors import DeviceError
from ._sources import flatten
from .kernels import _cache

# IEEE arithmetic. Where contract 4 forbids contraction, kernels spell out __fmul_rn and its relatives.
OPTIONS = ("--std=c++17", "--ftz=false", "--prec-div=true", "--prec-sqrt=true", "--fmad=true")


class NVRTC(Protocol):
    """The compiler library through the interface of `cupy.cuda.nvrtc`."""

    def getVersion(self) -> tuple[int, int]: ...
    def createProgram(self, src: str, name: str, headers: tuple[str, ...], include_names: tuple[str, ...]) -> int: ...
    def compileProgram(self, prog: int, options: tuple[str, ...]) -> None: ...
    def getProgramLog(self, prog: int) -> str: ...
    def getCUBIN(self, prog: int) -> bytes: ...
    def destroyProgram(self, prog: int) -> None: ...


def cubin(nvrtc: NVRTC, stem: str, architecture: str, defines: Mapping[str, Any]) -> Path:
    """The compiled `<stem>.cu` for an architecture ("sm_90"), from the disk cache or compiled now.

    defines : macros. Raises `DeviceError` with NVRTC's words if it does not compile, or where it can be written nowhere.
    """
    return compiled(nvrtc, flatten(stem), f"{stem}.cu", architecture, defines)


def compiled(nvrtc: NVRTC, source: str, name: str, architecture: str, defines: Mapping[str, Any]) -> Path:
    """`cubin` for a flattened source; name : for messages and of the file in the cache."""
    options = (f"--gpu-architecture={architecture}", *OPTIONS, *(f"-D{k}={v}" for k, v in sorted(defines.items())))
    key = _cache.key(source, options, tuple(nvrtc.getVersion()))
    return _cache.kept(
        "cubin", f"{Path(name).stem}-{architecture}-{key}.cubin", lambda: _compile(nvrtc, source, name, architecture, options)
    )


def _compile(nvrtc: NVRTC, source: str, name: str, architecture: str, options: tuple[str, ...]) -> bytes:
    program = nvrtc.createProgram(source, name, (), ())
    try:
        try:
            nvrtc.compileProgram(program, options)
        except Exception as error:  # of a class that depends on the library behind it
            log = nvrtc.getProgramLog(program).strip("\0\n ")
            version = ".".join(str(n) for n in nvrtc.getVersion())
            raise DeviceError(f"{name} does not compile for {architecture} with NVRTC {version}:\n{log or error}") from error
        return nvrtc.getCUBIN(program)
    finally:
        nvrtc.destroyProgram(program)
