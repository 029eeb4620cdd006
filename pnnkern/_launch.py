"""Launch kernels: find them, check their arguments, and run the CUDA version or its CPU twin.

A kernel's prototype in its `.cu` file is the only description of its arguments. It is parsed here, and every launch is checked
against it: CuPy itself checks nothing, and a wrong dtype or count would corrupt memory.
"""

import contextlib
import functools
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import _array
from ._errors import FaultError, LaunchError

BLOCK = 256  # threads of a 1-D launch
MAX_BLOCKS = 4096  # of a 1-D launch; the kernels stride over the rest

_TYPES = {
    "float": "float32", "double": "float64", "long long": "int64", "unsigned long long": "uint64", "int": "int32", "unsigned": "uint32",
    "unsigned int": "uint32", "short": "int16", "unsigned short": "uint16", "signed char": "int8", "unsigned char": "uint8",
    "pnn::complex<float>": "complex64", "pnn::complex<double>": "complex128",
}  # fmt: skip
_SUFFIX = {
    "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128", "int64": "i64", "uint64": "u64", "int32": "i32",
    "uint32": "u32", "int16": "i16", "uint16": "u16", "int8": "i8", "uint8": "u8",
}  # fmt: skip
_PROTOTYPE = re.compile(
    r'extern\s+"C"\s+__global__\s+(?:void\s+)?(?:__launch_bounds__\s*\([^()]*\)\s*)?(?:void\s+)?(pnn_\w+)\s*\(([^()]*)\)',
    re.DOTALL,
)
_PARAMETER = re.compile(r"^(const\s+)?(.+?)\s*(\*)?\s*(?:__restrict__\s+)?(\w+)$", re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"(pnnkern/[^"]+)"')


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: `pointer` to (or a scalar of) `dtype`; `const` data are only read."""

    name: str
    dtype: np.dtype[Any]
    pointer: bool
    const: bool


@dataclass(frozen=True)
class Prototype:
    """A kernel's name, its parameters in order, and the stem of the files that hold it ("optics/mask")."""

    name: str
    stem: str
    parameters: tuple[Parameter, ...]

    @property
    def has_fault(self) -> bool:
        """True if the kernel ends with `int* fault`, the word in which it flags values it cannot work with."""
        last = self.parameters[-1] if self.parameters else None
        return last is not None and last.name == "fault" and last.pointer and last.dtype == np.int32

    def checked(self, args: tuple[Any, ...]) -> list[Any]:
        """`args` with scalars converted to the declared types. Raises `LaunchError` naming the argument that does not fit."""
        expected = self.parameters[:-1] if self.has_fault else self.parameters
        if len(args) != len(expected):
            names = ", ".join(p.name for p in expected)
            raise LaunchError(f"{self.name}: takes {len(expected)} arguments ({names}), got {len(args)}")
        return [self._check(i, p, a) for i, (p, a) in enumerate(zip(expected, args, strict=True))]

    def _check(self, index: int, p: Parameter, a: Any) -> Any:
        where = f"{self.name}: argument {index} ({p.name})"
        if not p.pointer:
            kinds = "biu" if p.dtype.kind in "iu" else "biuf" + ("c" if p.dtype.kind == "c" else "")
            if _array.is_array(a) or np.asarray(a).dtype.kind not in kinds:
                raise LaunchError(f"{where} must be a scalar {p.dtype}, got {type(a).__name__} {a!r}")
            if p.dtype.kind in "iu" and not np.iinfo(p.dtype).min <= int(a) <= np.iinfo(p.dtype).max:
                raise LaunchError(f"{where} must fit {p.dtype}, got {a}")
            return p.dtype.type(a)
        if a is None:
            return None
        if not _array.is_array(a):
            raise LaunchError(f"{where} must be an array of {p.dtype}, got {type(a).__name__}")
        if a.dtype != p.dtype:
            raise LaunchError(f"{where} must be {p.dtype}, got {a.dtype}")
        if not a.flags.c_contiguous:
            raise LaunchError(f"{where} must be C-contiguous, got strides {a.strides} for shape {a.shape}")
        if not p.const and isinstance(a, np.ndarray) and not a.flags.writeable:
            raise LaunchError(f"{where} is written to, but the array is read-only")
        return a


# ------------------------------------------------------------------------------------------------------------------ sources
def kernel_folder() -> Path:
    """The folder of kernel sources, in an installed package or a checkout."""
    from . import kernels

    return Path(kernels.__file__).resolve().parent


def include_folder() -> Path:
    """The folder that holds `pnnkern/*.cuh`."""
    return kernel_folder() / "include"


@functools.cache
def flatten(stem: str) -> str:
    """Source of `<stem>.cu` with every `#include "pnnkern/..."` written out, with `#line` marks.

    CuPy's disk cache is keyed by the source text alone: with headers behind `-I`, an edited header would be served stale code.
    """
    seen: set[Path] = set()

    def expand(path: Path) -> Iterator[str]:
        yield f'#line 1 "{path.relative_to(kernel_folder()).as_posix()}"'
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = _INCLUDE.match(line)
            if include:
                header = include_folder() / include.group(1)
                if header not in seen:
                    seen.add(header)
                    yield from expand(header)
                yield f'#line {number + 1} "{path.relative_to(kernel_folder()).as_posix()}"'
            elif line.strip() != "#pragma once":
                yield line

    return "\n".join(expand(kernel_folder() / f"{stem}.cu")) + "\n"


@functools.cache
def prototypes(stem: str) -> dict[str, Prototype]:
    """Every `extern "C" __global__` kernel in `<stem>.cu`, by name."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", (kernel_folder() / f"{stem}.cu").read_text(), flags=re.DOTALL)
    found = {}
    for name, parameters in _PROTOTYPE.findall(text):
        parsed = [_parameter(name, p) for p in parameters.split(",")] if parameters.strip() else []
        found[name] = Prototype(name, stem, tuple(parsed))
    return found


def _parameter(kernel: str, text: str) -> Parameter:
    match = _PARAMETER.match(" ".join(text.split()))
    base = match.group(2).strip() if match else ""
    if match is None or base not in _TYPES:
        raise LaunchError(
            f"{kernel}: cannot read the parameter `{text.strip()}`; types are {', '.join(_TYPES)} and pointers to them"
        )
    return Parameter(match.group(4), np.dtype(_TYPES[base]), match.group(3) is not None, match.group(1) is not None)


def stems() -> list[str]:
    """The stems of all kernel files: "optics/mask", ..."""
    folder = kernel_folder()
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.glob("**/*.cu"))


def kernels() -> dict[str, Prototype]:
    """Every kernel there is, by name."""
    return {name: prototype for stem in stems() for name, prototype in prototypes(stem).items()}


# ------------------------------------------------------------------------------------------------------------------- faults
FAULTS: dict[int, str] = {}
_words: dict[int, Any] = {}  # one int32 word per GPU


def fault(code: int, message: str) -> int:
    """Register the message of a fault code that kernels may write; returns the code. Codes are unique across the package."""
    if FAULTS.setdefault(code, message) != message:
        raise ValueError(f"fault code {code} is taken by: {FAULTS[code]}")
    return code


def flag(bad: Any, code: int, say: Callable[[], str] | None = None) -> None:
    """Raise fault `code` where the 0-d boolean `bad` is true: on the CPU at once, in the words of `say()` if given; for an array on a GPU
    its fault word is set, without waiting for it, and `check` raises."""
    if _array.namespace(bad) is np:
        if bad:
            raise FaultError(FAULTS[code] if say is None else say())
        return
    xp, word = _array.cupy(), _word()
    xp.maximum(word, xp.where(bad, np.int32(code), np.int32(0)), out=word)


def _word() -> Any:
    """The fault word of the current GPU."""
    xp = _array.cupy()
    index = xp.cuda.runtime.getDevice()
    if index not in _words:
        _words[index] = xp.zeros(1, np.int32)
    return _words[index]


def _raise_fault(word: Any, name: str) -> None:
    code = int(word[0])
    if code:
        word[0] = 0
        raise FaultError(f"{name}: {FAULTS.get(code, f'fault {code}')}")


def check() -> None:
    """Read the fault words of all GPUs (synchronises) and raise `FaultError` if one is set."""
    for device, word in _words.items():
        _raise_fault(word, f"a kernel on GPU {device}")


# ------------------------------------------------------------------------------------------------------------------- launch
HOST_SHARED = 227 << 10  # bytes that a block may have on the host runner: as on an H100
DECLARED = 4 << 10  # of these, what a kernel that asks for more at launch may have declared itself


def shared_limit(like: Any) -> int:
    """Bytes of dynamic shared memory that a launch may ask for on the device of `like`."""
    if _array.device_of(like) != "cuda":
        return HOST_SHARED - DECLARED
    return int(like.device.attributes["MaxSharedMemoryPerBlockOptin"]) - DECLARED


@dataclass(frozen=True)
class HostOptions:
    """How the host runner executes kernels: thread order ("ascending", "descending", "shuffled"), seed, build, OS threads."""

    order: str = "ascending"
    seed: int = 0
    build: str = "fast"
    threads: int = 1


_host_options: ContextVar[HostOptions | None] = ContextVar("host_options", default=None)
launched: set[str] = set()  # names of the CUDA kernels launched so far, on the host runner or a GPU


@contextlib.contextmanager
def host(order: str = "ascending", seed: int = 0, build: str = "fast", threads: int = 1) -> Iterator[None]:
    """Within this context NumPy arrays take the CUDA branch: kernels by the host runner, library calls by SciPy."""
    active = _array.host_active.set(True)
    options = _host_options.set(HostOptions(order, seed, build, threads))
    try:
        yield
    finally:
        _host_options.reset(options)
        _array.host_active.reset(active)


def _flat(p: Parameter, value: Any) -> Any:
    """What a twin receives: scalars as they are, arrays one-dimensional as pointers are, a null pointer as an empty array."""
    if not p.pointer:
        return value
    return np.empty(0, p.dtype) if value is None else value.reshape(-1)


@functools.cache
def _twin(stem: str, name: str) -> Any:
    module = importlib.import_module(f"{__package__}.kernels.{stem.replace('/', '.')}")
    return getattr(module, name)


@functools.cache
def _host_module(stem: str, defines: tuple[tuple[str, Any], ...], build: str) -> Any:
    from .kernels import host as runner

    return runner.load(flatten(stem), f"{stem}.cu", defines=dict(defines), build=build)


@functools.cache
def _cuda_module(stem: str, defines: tuple[tuple[str, Any], ...]) -> Any:
    options = ("-std=c++17", *(f"-D{k}={v}" for k, v in defines))
    return _array.cupy().RawModule(code=flatten(stem), options=options)


def launch(
    stem: str,
    verb: str,
    dtype: DTypeLike,
    *args: Any,
    threads: int | None = None,
    grid: tuple[int, ...] = (1,),
    block: tuple[int, ...] = (BLOCK,),
    shared: int = 0,
    defines: Mapping[str, Any] | None = None,
) -> None:
    """Run kernel `pnn_<stem's last part>_<verb>` of the given dtype on the device that its arrays are on.

    stem, verb : "optics/mask", "phase": kernel `pnn_mask_phase_c64` of kernels/optics/mask.cu, or on the CPU its twin
        `pnn_mask_phase` of kernels/optics/mask.py.
    args : the prototype's arguments in order; None is a null pointer. A trailing `int* fault` is supplied here.
    threads : size of a 1-D grid-stride launch; or give `grid` and `block` (and `shared`, bytes of dynamic shared memory).
    defines : macros of the CUDA compilation.

    Raises `LaunchError` when an argument does not fit, `FaultError` when the kernel flags a value (on a GPU: at `pnn.check()`).
    """
    bare = f"pnn_{stem.rpartition('/')[2]}_{verb}"
    name = f"{bare}_{_SUFFIX[np.dtype(dtype).name]}"
    prototype = prototypes(stem).get(name)
    if prototype is None:
        raise LaunchError(f"{stem}.cu has no kernel {name}; it has {', '.join(prototypes(stem))}")
    values = prototype.checked(args)
    device = _array.device_of(*args)
    macros = tuple(sorted((defines or {}).items()))
    if threads is not None:
        grid, block = (max(1, min(-(-threads // BLOCK), MAX_BLOCKS)),), (BLOCK,)

    if device == "cuda":
        launched.add(name)
        if prototype.has_fault:
            values.append(_word())
        function = _cuda_module(stem, macros).get_function(name)
        if shared > 48 * 1024:
            function.max_dynamic_shared_size_bytes = shared
        function(grid, block, tuple(np.uint64(0) if v is None else v for v in values), shared_mem=shared)
        return

    word = np.zeros(1, np.int32)
    if prototype.has_fault:
        values.append(word)
    if device == "host":
        launched.add(name)
        options = _host_options.get() or HostOptions()
        module = _host_module(stem, macros, options.build)
        module.launch(name, grid, block, values, shared, order=options.order, seed=options.seed, threads=options.threads)
    else:
        _twin(stem, bare)(*(_flat(p, v) for p, v in zip(prototype.parameters, values, strict=True)))
    _raise_fault(word, bare)
