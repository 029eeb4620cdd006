"""CUDA C to cubins: one NVRTC call of our own, and a disk cache keyed by all that decides the machine code.

CuPy's own compilation adds `-ftz=true`, which flushes subnormal float32 numbers that the CPU keeps, and is keyed by less.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ._errors import DeviceError
from ._sources import flatten
from .kernels import _cache

if TYPE_CHECKING:
    from ._own import Own

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


def cubin(nvrtc: NVRTC, stem: str, architecture: str, defines: Mapping[str, Any], own: "Own | None" = None) -> Path:
    """The compiled `<stem>.cu` for an architecture ("sm_90"), from the disk cache or compiled now.

    defines : macros. own : a user's functions in it. Raises `DeviceError` with NVRTC's words if it does not compile, or where it can be written
    nowhere.
    """
    if own is None:
        return compiled(nvrtc, flatten(stem), f"{stem}.cu", architecture, defines)
    return compiled(nvrtc, flatten(stem, own.text), f"{stem}.cu", architecture, defines, own.objects(architecture))


def compiled(
    nvrtc: NVRTC, source: str, name: str, architecture: str, defines: Mapping[str, Any], objects: tuple[str, ...] = ()
) -> Path:  # fmt: skip
    """`cubin` for a flattened source; name : for messages and of the file in the cache. objects : PTX of what it calls."""
    options = (f"--gpu-architecture={architecture}", *OPTIONS, *(f"-D{k}={v}" for k, v in sorted(defines.items())))
    if objects:
        options = (*options, "--relocatable-device-code=true")
    key = _cache.key(source, options, tuple(nvrtc.getVersion()), *objects)

    def make() -> bytes:
        image = _compile(nvrtc, source, name, architecture, options)
        return _linked(image, objects, name, architecture) if objects else image

    return _cache.kept("cubin", f"{Path(name).stem}-{architecture}-{key}.cubin", make)


def _linked(image: bytes, objects: tuple[str, ...], name: str, architecture: str) -> bytes:
    """A relocatable cubin and the PTX of what it calls as one cubin, by nvJitLink, which needs no driver."""
    try:
        from cuda.bindings import nvjitlink
    except ModuleNotFoundError as error:
        raise DeviceError("what numba-cuda has compiled is linked by nvJitLink: pip install cuda-bindings nvidia-nvjitlink") from error
    handle = None
    try:
        handle = nvjitlink.create(1, [f"-arch={architecture}"])
        nvjitlink.add_data(handle, nvjitlink.InputType.CUBIN, image, len(image), name)
        for number, ptx in enumerate(objects):
            text = ptx.encode()
            nvjitlink.add_data(handle, nvjitlink.InputType.PTX, text, len(text), f"own {number}")
        nvjitlink.complete(handle)
        linked = bytearray(nvjitlink.get_linked_cubin_size(handle))
        nvjitlink.get_linked_cubin(handle, linked)
        return bytes(linked)
    except Exception as error:  # of a class of that library, which may be missing as a whole
        said = " ".join(str(error).split())
        raise DeviceError(f"{name} cannot be linked for {architecture} with what numba-cuda has compiled: {said}") from error
    finally:
        if handle is not None:
            nvjitlink.destroy(handle)


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
