"""Raw kernels: compiled by the project's host runner, held to what a GPU takes."""

import contextlib
import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from pnnkern.kernels import host

from . import capture
from .array import ndarray
from .counting import StrictError, note
from .runtime import CARDS, SHARED, Device, getDevice

SHEET = json.loads((Path(__file__).parents[2] / "data/benchmarks/kernel-sheet.json").read_text())["kernels"]
FAULT = "int* fault"  # the word in which kernels of all streams flag what they cannot work with
GRID, BLOCK, THREADS = (2**31 - 1, 65535, 65535), (1024, 1024, 64), 1024
FIRST_LINE = re.compile(r'#line 1 "(.+)"')
FLAGS = re.compile(
    r"--?(std=c\+\+17|gpu-architecture=sm_\d+|arch=sm_\d+|(ftz|fmad|prec-div|prec-sqrt)=(true|false)|default-device|lineinfo)$"
)


class CUDADriverError(RuntimeError):
    pass


class NVRTCError(RuntimeError):
    pass


# -------------------------------------------------------------------------------------------------------------------- NVRTC
class _Compiler:
    """`cupy.cuda.nvrtc`: a cubin is the source and its options, which the host runner compiles when it is loaded."""

    def __init__(self) -> None:
        self.programs: dict[int, dict[str, Any]] = {}

    def create(self, src: str, name: str, headers: Any, include_names: Any) -> int:
        if headers or include_names:
            raise NVRTCError("the stand-in takes flattened sources only")
        handle = max(self.programs, default=0) + 1
        self.programs[handle] = {"source": src, "name": name, "options": None}
        return handle

    def compile(self, prog: int, options: Any) -> None:
        _defines(options)
        self.programs[prog]["options"] = list(options)

    def cubin(self, prog: int) -> bytes:
        if self.programs[prog]["options"] is None:
            raise NVRTCError("NVRTC_ERROR_INVALID_PROGRAM: it has not been compiled")
        return json.dumps(self.programs[prog]).encode()

    def destroy(self, prog: int) -> None:
        del self.programs[prog]


_compiler = _Compiler()
nvrtc = SimpleNamespace(
    NVRTCError=NVRTCError, createProgram=_compiler.create, compileProgram=_compiler.compile, getCUBIN=_compiler.cubin,
    getProgramLog=lambda prog: "", destroyProgram=_compiler.destroy,
    getVersion=lambda: (0, 1),  # no compiler's: what it makes lies beside real cubins in the disk cache
    getSupportedArchs=lambda: (75, 80, 86, 89, 90, 100, 120),
)  # fmt: skip


def _defines(options: Any) -> dict[str, str]:
    """Macros among the options. Raises NVRTCError for an option that the project does not compile with (fast maths above all)."""
    found = {}
    for option in options:
        if option.startswith("-D"):
            name, _, value = option.removeprefix("-D").partition("=")
            found[name] = value or "1"
        elif not FLAGS.match(option):
            raise NVRTCError(f"NVRTC_ERROR_INVALID_OPTION: {option}")
    return found


def _architecture(options: Any) -> str | None:
    return next((o.rpartition("sm_")[2] for o in options if "sm_" in o), None)


# ------------------------------------------------------------------------------------------------------------------ modules
_dry = False


@contextlib.contextmanager
def dry(really: bool = True) -> Iterator[None]:
    """Within this context kernels are checked and counted, but do not run: where only their number is of interest, and they are slow."""
    global _dry
    before, _dry = _dry, really
    try:
        yield
    finally:
        _dry = before


@functools.cache
def _loaded(source: str, defines: tuple[tuple[str, str], ...]) -> host.Module:
    """Under the name in its first `#line`, as the host backend calls it too: so it is compiled once for both."""
    named = FIRST_LINE.match(source)
    return host.load(source, named[1] if named else "cuda.cu", defines=dict(defines))


class RawModule:
    """A module from source (`code`) or from what `nvrtc.getCUBIN` gave (`path`)."""

    def __init__(self, *, code: str | None = None, path: str | None = None, options: tuple[str, ...] = (), backend: str = "nvrtc",
                 translate_cucomplex: bool = False, enable_cooperative_groups: bool = False, name_expressions: Any = None,
                 jitify: Any = None) -> None:  # fmt: skip
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        if not isinstance(options, tuple) or (path is not None and not isinstance(path, str)):
            raise TypeError("options must be a tuple, path a str")
        program = {"source": code, "options": options}
        if path is not None:
            program = json.loads(Path(path).read_bytes())
            architecture = _architecture(program["options"])
            if architecture != Device().compute_capability:
                raise CUDADriverError(
                    f"CUDA_ERROR_NO_BINARY_FOR_GPU: made for sm_{architecture}, not for {Device().compute_capability}"
                )
        defines = _defines(program["options"])
        self._suffix = "".join(f" {k}={v}" for k, v in defines.items())
        self._module = _loaded(program["source"], tuple(sorted(defines.items())))

    def get_function(self, name: str) -> "RawKernel":
        if name not in self._module.parameters:
            raise CUDADriverError(f"CUDA_ERROR_NOT_FOUND: named symbol not found: {name}")
        return RawKernel(self._module, name, self._suffix)


class RawKernel:
    """One kernel."""

    def __init__(self, module: host.Module, name: str, suffix: str) -> None:
        self.name, self._module, self.macros, self._limits = name, module, suffix.strip(), dict[int, int]()
        variants = [v["shared"] for k, v in SHEET.items() if k.partition(" ")[0] == name]
        self._static = SHEET.get(name + suffix, {}).get("shared", max(variants, default=0))

    @property
    def shared_size_bytes(self) -> int:
        """Static shared memory of a block."""
        return self._static

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """What a launch on the current device may ask for."""
        return self._limits.get(getDevice(), SHARED - self._static)

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, size: int) -> None:
        limit = CARDS[getDevice()].shared_optin
        if size + self._static > limit:
            raise CUDADriverError(
                f"CUDA_ERROR_INVALID_VALUE: {self.name}: {size} dynamic + {self._static} static bytes of shared memory, {limit} at most"
            )
        self._limits[getDevice()] = size

    def __call__(self, grid: Any, block: Any, args: tuple[Any, ...], *, shared_mem: int = 0, stream: Any = None) -> None:
        later = capture.capturing(self.name)
        if not later:
            note("launch", self.name)
        for given, most, what in ((grid, GRID, "grid"), (block, BLOCK, "block")):
            if not isinstance(given, tuple) or not 1 <= len(given) <= 3:
                raise TypeError(f"{self.name}: the {what} must be a tuple of 1 to 3 numbers, got {given!r}")
            if not all(0 < n <= limit for n, limit in zip(given, most, strict=False)):
                raise StrictError(f"{self.name}: a {what} of {given}, {most[: len(given)]} at most and 1 at least")
        if np.prod(block) > THREADS:
            raise CUDADriverError(f"CUDA_ERROR_INVALID_VALUE: {self.name}: {block} are more than {THREADS} threads in a block")
        if shared_mem > self.max_dynamic_shared_size_bytes:
            raise CUDADriverError(
                f"CUDA_ERROR_INVALID_VALUE: {self.name}: {shared_mem} bytes of dynamic shared memory beside {self._static} static ones, "
                f"{self.max_dynamic_shared_size_bytes} without a larger max_dynamic_shared_size_bytes"
            )
        if later:
            [self._value(i, a, used=False) for i, a in enumerate(args)]
            capture.write_down("launch", self.name, lambda: self._run(grid, block, args, shared_mem))
        else:
            self._run(grid, block, args, shared_mem)

    def _run(self, grid: Any, block: Any, args: tuple[Any, ...], shared_mem: int) -> None:
        values = [self._value(i, a) for i, a in enumerate(args)]
        if _dry:
            self._pretend(values)
            return
        self._module.launch(self.name, grid, block, values, shared_mem)

    def _pretend(self, values: list[Any]) -> None:
        """Ones for numbers and zeros for whole ones, which are counts and faults, wherever the kernel might write."""
        for parameter, value in zip(self._module.parameters[self.name], values, strict=True):
            if isinstance(value, np.ndarray) and not parameter.startswith("const "):
                value.fill(1 if value.dtype.kind in "fc" else 0)

    def _value(self, index: int, a: Any, used: bool = True) -> Any:
        """An argument as the host runner takes it. used : now, not when a graph is launched."""
        parameter = self._module.parameters[self.name][index] if index < len(self._module.parameters[self.name]) else "?"
        where = f"{self.name}: argument {index} ({parameter})"
        if a is None or (isinstance(a, np.uint64) and a == 0 and "*" in parameter):
            return None
        if isinstance(a, ndarray):
            if a._memory.device != getDevice():
                raise StrictError(f"{where} is on device {a._memory.device}, the launch on {getDevice()}")
            if not a._c_contiguous:
                raise StrictError(f"{where} is not C-contiguous: a kernel sees an address only")
            if not parameter.startswith("const ") and not a._values.flags.writeable:
                raise StrictError(f"{where} is written to, but is the view of a broadcast")
            if not used:
                return a._values
            if parameter == FAULT:
                a._memory.flag()
            else:
                a._memory.use(where, write=not parameter.startswith("const "))
            return a._values
        if isinstance(a, np.ndarray):
            raise TypeError(f"{where}: a NumPy array was given to a kernel on the GPU")
        plain = {int: ("long long", np.int64), float: ("double", np.float64)}.get(type(a))
        if plain is not None and parameter.rpartition(" ")[0] == plain[0]:  # CuPy makes 8 bytes of either
            return plain[1](a)
        if not isinstance(a, np.generic):
            raise StrictError(f"{where}: {type(a).__name__} {a!r} goes over as 8 bytes, whatever the parameter is")
        return a
