"""Launch kernels: check their arguments, and run the CUDA version or its CPU twin.

Every launch is held against the kernel's prototype: CuPy itself checks nothing, and a wrong dtype or count would corrupt memory. What
can be worked out once for a kernel (its checks, compiled to one Python function, its twin, its handle on a GPU) is kept in a plan.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from . import _array, _compile
from ._errors import DeviceError, FaultError, LaunchError, PnnError
from ._sources import SUFFIX, Parameter, Prototype, flatten, prototypes

if TYPE_CHECKING:
    from ._own import Own

BLOCK = 256  # threads of a 1-D launch
MAX_BLOCKS = 4096  # of a 1-D launch; the kernels stride over the rest
PLAIN_SHARED = 48 << 10  # bytes of shared memory, static and dynamic, that a block may have without being granted more

# ------------------------------------------------------------------------------------------------------------------- faults
FAULTS: dict[int, str] = {}
_errors: dict[int, type[PnnError]] = {}  # what is raised for a fault that is no `FaultError`
_words: dict[tuple[Any, int], Any] = {}  # one int32 word per GPU, by CuPy module and number


def fault(code: int, message: str, error: type[PnnError] = FaultError) -> int:
    """Register the message of a fault code that kernels may write, and what is raised for it; returns the code. Codes are unique across the
    package."""
    if FAULTS.setdefault(code, message) != message:
        raise ValueError(f"fault code {code} is taken by: {FAULTS[code]}")
    if error is not FaultError:
        _errors[code] = error
    return code


def flag(bad: Any, code: int, say: Callable[[], str] | None = None) -> None:
    """Raise fault `code` where the 0-d boolean `bad` is true: on the CPU at once, in the words of `say()` if given; for an array on a GPU
    its fault word is set, without waiting for it, and `check` raises."""
    if _array.namespace(bad) is np:
        if bad:
            raise _errors.get(code, FaultError)(FAULTS[code] if say is None else say())
        return
    # one atomic of our own: other streams may flag faults of theirs in the same word at the same time
    launch("flag", "raise", "uint8", code, bad.view(np.uint8), grid=(1,), block=(1,))


def _word() -> Any:
    """The fault word of the current GPU."""
    xp = _array.cupy()
    key = xp, xp.cuda.runtime.getDevice()
    if key not in _words:
        _words[key] = _array.on_all_streams(xp.zeros(1, np.int32))
    return _words[key]


def _raise_fault(word: Any, name: str) -> None:
    code = int(word[0])
    if code:
        word[0] = 0
        raise _errors.get(code, FaultError)(f"{name}: {FAULTS.get(code, f'fault {code}')}")


def check() -> None:
    """Wait for all work on all GPUs, on whatever stream, and raise `FaultError`, or what stands for its code, if a kernel has flagged a bad
    value."""
    for (xp, ordinal), word in list(_words.items()):
        with xp.cuda.Device(ordinal) as device:
            device.synchronize()
            _raise_fault(word, f"a kernel on GPU {ordinal}")


# ------------------------------------------------------------------------------------------------------------- where kernels run
@dataclass(frozen=True)
class HostOptions:
    """How the host runner executes kernels: thread order ("ascending", "descending", "shuffled"), seed, build, OS threads."""

    order: str = "ascending"
    seed: int = 0
    build: str = "fast"
    threads: int = 1


_host_options: ContextVar[HostOptions] = ContextVar("host_options", default=HostOptions())  # noqa: B039 (it is frozen)
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


@functools.cache
def _host_module(stem: str, defines: tuple[tuple[str, Any], ...], build: str, own: str = "") -> Any:
    from .kernels import host as runner

    return runner.load(flatten(stem, own), f"{stem}.cu", defines=dict(defines), build=build)


HOST_SHARED = 227 << 10  # bytes that a block may have on the host runner: as on an H100
DECLARED = 4 << 10  # of these, what a kernel that asks for more at launch may have declared itself


def shared_limit(like: Any) -> int:
    """Bytes of dynamic shared memory that a launch may ask for on the device of `like`."""
    if _array.device_of(like) != "cuda":
        return HOST_SHARED - DECLARED
    return _opt_in(_array.cupy(), like.data.device_id) - DECLARED


HOST_MULTIPROCESSORS = 132  # as on an H100


def multiprocessors(like: Any) -> int:
    """How many multiprocessors the device of `like` has."""
    return HOST_MULTIPROCESSORS if _array.device_of(like) != "cuda" else _multiprocessors(_array.cupy(), like.data.device_id)


@functools.cache
def _multiprocessors(xp: Any, gpu: int) -> int:
    return int(xp.cuda.Device(gpu).attributes["MultiProcessorCount"])


@functools.cache
def _opt_in(xp: Any, gpu: int) -> int:
    """Bytes of shared memory that a block on this GPU may be granted."""
    return int(xp.cuda.Device(gpu).attributes["MaxSharedMemoryPerBlockOptin"])


# --------------------------------------------------------------------------------------------------------------------- arguments
def _checked(prototype: Prototype, gpu: int | None, index: int, a: Any) -> Any:
    """Argument `index` as its parameter takes it: scalars of its type (int and float for the 64-bit ones), arrays as they are.

    gpu : the GPU that arrays must be on, None for the CPU. Raises `LaunchError` naming the argument that does not fit, `DeviceError`
    for an array on another device. This is the careful version of what `_compiled` makes.
    """
    p = prototype.parameters[index]
    where = f"{prototype.name}: argument {index} ({p.name})"
    if not p.pointer:
        return _scalar(p, a, where)
    if a is None:
        return None
    if not _array.is_array(a):
        raise LaunchError(f"{where} must be an array of {p.dtype}, got {type(a).__name__}")
    here = a.data.device_id if _array.is_on_gpu(a) else None
    if here != gpu:
        places = f"{where} on {_array.place(here)}, others on {_array.place(gpu)}"
        raise DeviceError(f"{places}, in one call: move all of them to one device")
    if a.dtype != p.dtype:
        raise LaunchError(f"{where} must be {p.dtype}, got {a.dtype}")
    if not a.flags.c_contiguous:
        raise LaunchError(f"{where} must be C-contiguous, got strides {a.strides} for shape {a.shape}")
    if here is not None:
        return a
    if not a.flags.writeable:
        if not p.const:
            raise LaunchError(f"{where} is written to, but the array is read-only")
        return np.asarray(_Writable(a))
    return a.view(np.ndarray)


class _Writable:
    """An array that must not be written as one that could be: what a kernel only reads is the same for it, where Numba makes another
    version, or cannot."""

    def __init__(self, array: np.ndarray) -> None:
        interface = array.__array_interface__
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}
        self.array = array  # which lives as long


def _scalar(p: Parameter, a: Any, where: str) -> Any:
    kinds = {"f": (float, np.floating), "c": (float, complex, np.inexact)}.get(p.dtype.kind, ())
    if not isinstance(a, (int, np.integer, np.bool_, *kinds)):
        raise LaunchError(f"{where} must be a scalar {p.dtype}, got {type(a).__name__} {a!r:.60}")
    number: Any = a
    if p.dtype.kind in "iu" and not np.iinfo(p.dtype).min <= number <= np.iinfo(p.dtype).max:
        raise LaunchError(f"{where} must fit {p.dtype}, got {a}")
    plain: dict[str, Any] = {"int64": int, "float64": float}  # what Numba and CuPy take for 8 bytes
    return plain.get(p.dtype.name, p.dtype.type)(a)


def _compiled(prototype: Prototype, array: type, gpu: int | None, then: str, **used: Any) -> Callable[..., Any]:
    """The checks of a prototype as one Python function of its arguments: what fits passes in a few comparisons, the rest goes to `_checked`.

    array : the type of arrays. then : the last line, where `{arguments}` stands for what was checked, and `extra` for the function's
    first argument. used : other names in it. A null pointer becomes an empty array on the CPU, a 64-bit zero on a GPU; arrays on the CPU
    become one-dimensional, as pointers are.
    """
    names = [f"a{i}" for i in range(len(prototype.given))]
    space = {"array": array, "gpu": gpu, "slow": functools.partial(_checked, prototype, gpu), **used}
    lines = [f"def checked({', '.join(['extra', *names])}):"]
    for i, (a, p) in enumerate(zip(names, prototype.given, strict=True)):
        space |= {f"one{i}": p.dtype.type(1), f"dtype{i}": p.dtype, f"null{i}": np.empty(0, p.dtype) if gpu is None else np.uint64(0)}
        slow = f"{a} = slow({i}, {a})"
        if p.pointer:
            lines.append(f"    if {a} is None: {a} = null{i}")
            unlike = f"type({a}) is not array or {a}.dtype is not dtype{i}"
            if gpu is None:
                lines.append(f"    elif {unlike} or not (flags := {a}.flags).c_contiguous or not flags.writeable: {slow}")
                lines.append(f"    if {a}.ndim != 1: {a} = {a}.ravel()")
            else:
                lines.append(f"    elif {unlike} or not {a}._c_contiguous or {a}.data.device_id != gpu: {slow}")
        elif p.dtype.name == "float64":
            lines.append(f"    if type({a}) is not float: {slow}")
        elif p.dtype.kind in "iu":
            limits = np.iinfo(p.dtype)
            lines.append(f"    if type({a}) is not int or not {limits.min} <= {a} <= {limits.max}: {slow}")
            if p.dtype.name != "int64":
                lines.append(f"    else: {a} = one{i} * {a}")  # as type(a), at a fifth of the price
        else:
            lines.append(f"    {a} = one{i} * {a} if type({a}) is float else slow({i}, {a})")
    exec("\n".join([*lines, "    " + then.format(arguments=", ".join(names))]), space)
    compiled: Callable[..., Any] = space["checked"]
    return compiled


# ------------------------------------------------------------------------------------------------------------------------- plans
@dataclass
class _OnGPU:
    """A kernel loaded on one GPU: its handle, its checks, its fault word, and the dynamic shared memory that a block may have."""

    xp: Any
    ordinal: int
    kernel: Any
    arguments: Callable[..., tuple[Any, ...]]
    word: Any
    granted: int

    def __call__(self, args: tuple[Any, ...], grid: tuple[int, ...], block: tuple[int, ...], shared: int) -> None:
        if self.xp.cuda.runtime.getDevice() != self.ordinal:
            with self.xp.cuda.Device(self.ordinal):
                self(args, grid, block, shared)
            return
        values = self.arguments(self.word, *args)
        if shared > self.granted:
            self._grant(shared)
        self.kernel(grid, block, values, shared_mem=shared)

    def _grant(self, shared: int) -> None:
        """Let a block have more than 48 KiB, which counts what the kernel declares, too."""
        whole, limit = shared + self.kernel.shared_size_bytes, _opt_in(self.xp, self.ordinal)
        if whole > limit:
            raise LaunchError(f"{self.kernel.name}: a block needs {whole} bytes of shared memory, and may have {limit} on this GPU")
        self.kernel.max_dynamic_shared_size_bytes = shared
        self.granted = shared


@dataclass
class _Plan:
    """What is worked out once for a kernel and its macros."""

    prototype: Prototype
    bare: str
    defines: tuple[tuple[str, Any], ...]
    own: "Own | None"
    gpus: dict[tuple[type, int], _OnGPU] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = self.prototype.given
        self.count, self.has_fault = len(given), self.prototype.has_fault
        self.pointers = tuple(i for i, p in enumerate(given) if p.pointer)

    @functools.cached_property
    def twin(self) -> Callable[..., None]:
        """Check the arguments and call the CPU twin."""
        module = importlib.import_module(f"{__package__}.kernels.{self.prototype.stem.replace('/', '.')}")
        then = f"twin({{arguments}}{', extra' * self.has_fault})"
        twin = getattr(module, self.bare)
        return _compiled(self.prototype, np.ndarray, None, then, twin=twin if self.own is None else twin.of(*self.own.compiled))

    def on_gpu(self, a: Any) -> _OnGPU:
        """The kernel on the GPU of array `a`, compiled or loaded if need be."""
        xp, ordinal = _array.cupy(), a.data.device_id
        with xp.cuda.Device(ordinal) as device:
            with _telling(self.own):
                architecture = f"sm_{device.compute_capability}"
                image = _compile.cubin(_array.nvrtc(), self.prototype.stem, architecture, dict(self.defines), self.own)
                kernel = xp.RawModule(path=str(image)).get_function(self.prototype.name)
            then = f"return ({{arguments}},{' extra,' * self.has_fault})"
            arguments = _compiled(self.prototype, type(a), ordinal, then)
            word = _word() if self.has_fault else None
            return _OnGPU(xp, ordinal, kernel, arguments, word, PLAIN_SHARED - kernel.shared_size_bytes)


_plans: dict[tuple[Any, ...], _Plan] = {}


def _telling(own: "Own | None") -> contextlib.AbstractContextManager[None]:
    """Within this context what a compiler says is told of the user's functions in the kernel, if there are any."""
    return contextlib.nullcontext() if own is None else own.telling()


def _plan(stem: str, verb: str, dtype: DTypeLike, defines: Mapping[str, Any] | None, own: "Own | None" = None) -> _Plan:
    bare = f"pnn_{stem.rpartition('/')[2]}_{verb}"
    name = f"{bare}_{SUFFIX.get(np.dtype(dtype).name, np.dtype(dtype).name)}"
    prototype = prototypes(stem).get(name)
    if prototype is None:
        raise LaunchError(f"{stem}.cu has no kernel {name}; it has {', '.join(prototypes(stem))}")
    return _Plan(prototype, bare, tuple(sorted((defines or {}).items())), own)


# ------------------------------------------------------------------------------------------------------------------------ launch
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
    own: "Own | None" = None,
) -> None:
    """Run kernel `pnn_<stem's last part>_<verb>` of the given dtype on the device that its arrays are on.

    stem, verb : "optics/mask", "phase": kernel `pnn_mask_phase_c64` of kernels/optics/mask.cu, or on the CPU its twin
        `pnn_mask_phase` of kernels/optics/mask.py.
    args : the prototype's arguments in order; None is a null pointer. A trailing `int* fault` is supplied here.
    threads : size of a 1-D grid-stride launch; or give `grid` and `block` (and `shared`, bytes of dynamic shared memory).
    defines : macros of the CUDA compilation. own : functions of a user in the kernel (`_own`).

    Raises `LaunchError` when an argument does not fit, `DeviceError` for arrays on different devices, `FaultError` when the kernel
    flags a value (on a GPU: at `pnn.check()`).
    """
    key = (stem, verb, dtype, tuple(defines.items()) if defines else None, own)
    plan = _plans.get(key)
    if plan is None:
        plan = _plans[key] = _plan(stem, verb, dtype, defines, own)
    if len(args) != plan.count:
        names = ", ".join(p.name for p in plan.prototype.given)
        raise LaunchError(f"{plan.prototype.name}: takes {plan.count} arguments ({names}), got {len(args)}")
    first: Any = None
    for i in plan.pointers:
        first = args[i]
        if first is not None:
            break
    if threads is not None:
        grid, block = (max(1, min(-(-threads // BLOCK), MAX_BLOCKS)),), (BLOCK,)

    if _array.is_on_gpu(first):
        where = type(first), first.data.device_id
        gpu = plan.gpus.get(where)
        if gpu is None:
            gpu = plan.gpus[where] = plan.on_gpu(first)
        launched.add(plan.prototype.name)
        gpu(args, grid, block, shared)
        return
    word = np.zeros(1, np.int32) if plan.has_fault else None
    if _array.host_active.get():
        _on_host(plan, args, word, grid, block, shared)
    else:
        plan.twin(word, *args)
    if word is not None:
        _raise_fault(word, plan.bare)


def _on_host(plan: _Plan, args: tuple[Any, ...], word: Any, grid: tuple[int, ...], block: tuple[int, ...], shared: int) -> None:
    """Run the CUDA kernel by the host runner, which takes NumPy scalars of the very type."""
    values = [_checked(plan.prototype, None, i, a) for i, a in enumerate(args)]
    values = [v if p.pointer else p.dtype.type(v) for v, p in zip(values, plan.prototype.given, strict=True)]
    if word is not None:
        values.append(word)
    launched.add(plan.prototype.name)
    options = _host_options.get()
    with _telling(plan.own):
        module = _host_module(plan.prototype.stem, plan.defines, options.build, "" if plan.own is None else plan.own.text)
    module.launch(plan.prototype.name, grid, block, values, shared, order=options.order, seed=options.seed, threads=options.threads)


__all__ = ["BLOCK", "MAX_BLOCKS", "check", "fault", "flag", "host", "launch", "launched", "multiprocessors", "shared_limit"]
