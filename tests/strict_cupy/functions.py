"""The functions of `cupy`, `cupy.fft`, `cupy.linalg`, `cupy.random` and `cupyx.scipy`: NumPy's, with CuPy's signatures and habits."""

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import capture, signatures
from .array import SCALARS, Capsule, from_interface, made_by, make, ndarray, perform, plain, supported
from .counting import note
from .runtime import getDevice
from .streams import get_current_stream

SOURCES = {
    "cupy": "numpy", "cupy.fft": "numpy.fft", "cupy.linalg": "numpy.linalg", "cupyx.scipy.fft": "scipy.fft",
    "cupyx.scipy.special": "scipy.special",
}  # fmt: skip
GEMM = {"dot", "vdot", "inner", "outer", "matmul", "tensordot", "einsum", "kron"}
FREE = {  # views and facts: nothing runs
    "broadcast_to", "broadcast_arrays", "moveaxis", "rollaxis", "swapaxes", "transpose", "expand_dims", "squeeze", "atleast_1d", "atleast_2d",
    "atleast_3d", "reshape", "ravel", "diagonal", "flip", "fliplr", "flipud", "split", "array_split", "hsplit", "vsplit", "ndim", "shape",
    "size", "real", "imag", "may_share_memory", "shares_memory",
}  # fmt: skip
WAITS = {"argwhere", "extract", "flatnonzero", "nonzero", "unique", "compress"}  # the shape of the result must be known
HOST = {"result_type", "promote_types", "can_cast", "broadcast_shapes", "isscalar", "issubdtype", "finfo", "iinfo", "dtype"}
LISTS = {
    "concatenate",
    "stack",
    "vstack",
    "hstack",
    "dstack",
    "column_stack",
    "row_stack",
    "block",
    "broadcast_arrays",
    "meshgrid",
}
MADE = {
    "arange",
    "linspace",
    "logspace",
    "geomspace",
    "eye",
    "identity",
    "tri",
    "indices",
    "fftfreq",
    "rfftfreq",
}  # from plain numbers


# ------------------------------------------------------------------------------------------------------------- elementwise
class Ufunc:
    """An elementwise function, with the keywords that CuPy's take: out, dtype, casting."""

    def __init__(self, path: str, nin: int, nout: int, source: Callable[..., Any]) -> None:
        self.path, self.nin, self.nout, self.source = path, nin, nout, source
        self.name = self.__name__ = path.rpartition(".")[2]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        wrong = set(kwargs) - {"out", "dtype", "casting"}
        if wrong or not self.nin <= len(args) <= self.nin + self.nout:
            raise TypeError(f"Wrong arguments {sorted(wrong) or len(args)} for {self.path}")
        if len(args) > self.nin:
            args, kwargs["out"] = args[: self.nin], args[self.nin]
        for x in args:
            if not isinstance(x, (ndarray, np.ndarray, *SCALARS)):
                raise TypeError(f"Unsupported type {type(x)} in {self.name}")
        if kwargs.get("out", self) is None:
            del kwargs["out"]
        if "out" in kwargs and not isinstance(kwargs["out"], ndarray):
            raise TypeError(f"{self.name} writes to arrays of the device, got {type(kwargs['out'])}")
        return perform("kernel", self.name, self.source, args, kwargs)


@functools.cache
def ufunc(name: str) -> Callable[..., Any] | None:
    """CuPy's function for an elementwise function of NumPy or SciPy; None where there is none."""
    if name == "matmul":
        return function("cupy.matmul")
    for module in ("cupy", "cupyx.scipy.special"):
        if signatures.ufunc(f"{module}.{name}"):
            return function(f"{module}.{name}")
    return None


# ------------------------------------------------------------------------------------------------------------------- others
@functools.cache
def function(path: str) -> Callable[..., Any]:
    """The stand-in of one function. Raises AttributeError for a name that CuPy lacks."""
    module, _, name = path.rpartition(".")
    if path in OWN:
        return functools.wraps(OWN[path])(_checked(path, OWN[path]))
    source = getattr(importlib.import_module(SOURCES[module]), name)
    found = signatures.ufunc(path)
    if found:
        return Ufunc(path, *found, source)
    signatures.signature(path)
    if name in HOST:
        return _checked(path, lambda *args, **kwargs: source(*_facts(args), **kwargs))
    return _checked(path, _computing(path, source))


def _facts(args: tuple[Any, ...]) -> list[Any]:
    return [a._values if isinstance(a, ndarray) else a for a in args]


def _checked(path: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*args: Any, **kwargs: Any) -> Any:
        signatures.check(path, args, kwargs)
        return call(*args, **kwargs)

    checked.__name__ = path.rpartition(".")[2]
    return checked


def _kind(path: str) -> str:
    module, _, name = path.rpartition(".")
    if name in GEMM:
        return "gemm"
    if name in MADE or name in ("fftshift", "ifftshift"):
        return "kernel"
    return "fft" if module.endswith("fft") else "solver" if module.endswith("linalg") else "kernel"


def _computing(path: str, source: Callable[..., Any]) -> Callable[..., Any]:
    """A function that works on device arrays: the first argument must be one (or a list of them)."""
    name, kind = path.rpartition(".")[2], _kind(path)

    def call(*args: Any, **kwargs: Any) -> Any:
        first = args[0] if args else next(iter(kwargs.values()), None)
        if name in LISTS:
            arrays = list(args if name in ("broadcast_arrays", "meshgrid") else first)
        else:
            arrays = [] if name in MADE or name == "einsum" else [first]
        for a in arrays:
            if not isinstance(a, ndarray):
                raise TypeError(f"{path} takes arrays of the device, got {type(a).__name__}")
        if name in WAITS or (name == "where" and len(args) + len(kwargs) == 1):
            note("sync", name)
        if name in FREE:
            return _viewed(source, args, kwargs)
        if name in ("concatenate", "stack"):
            args = (list(first), *args[1:])
        return perform(kind, name, source, args, kwargs)

    return call


def _viewed(source: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Nothing is computed; where NumPy has to copy, CuPy does."""
    owners = [a for a in args if isinstance(a, ndarray)]
    found = source(*[a._values if isinstance(a, ndarray) else a for a in args], **kwargs)

    def one(values: Any) -> Any:
        if not isinstance(values, np.ndarray):
            return values
        owner = next((o for o in owners if values is o._values), None)
        if owner is not None:
            return owner
        for owner in owners:
            if np.may_share_memory(values, owner._values) or not values.size:
                return owner._view(values)
        plain(owners[0], source.__name__)
        if capture.capturing(source.__name__):
            raise NotImplementedError("the stand-in captures no function that is a view at times")
        note("kernel", source.__name__)
        return make(values)

    return type(found)(one(v) for v in found) if isinstance(found, tuple | list) else one(found)


# ------------------------------------------------------------------------------------------------------- from the host, and made
def array(obj: Any, dtype: Any = None, copy: bool | None = True, order: str | None = "K", subok: bool = False, ndmin: int = 0,
          blocking: bool = False) -> ndarray:  # fmt: skip
    """Of a device array, of numbers, of a NumPy array (copied to the device), or of a list of device arrays."""
    if not isinstance(obj, ndarray) and hasattr(obj, "__cuda_array_interface__"):
        obj = from_interface(obj)
    if isinstance(obj, ndarray):
        if obj.device.id != getDevice():
            obj = obj.copy()
            copy = False
        as_is = (
            (dtype is None or np.dtype(dtype) == obj.dtype)
            and (order in ("K", "A", None) or obj.flags.c_contiguous)
            and obj.ndim >= ndmin
        )
        if as_is and not copy:
            return obj
        return perform("kernel", "copy", np.array, (obj,), {"dtype": dtype, "order": order or "K", "ndmin": ndmin})  # type: ignore[no-any-return]
    if isinstance(obj, list | tuple) and _holds_device(obj):
        return perform("kernel", "stack", np.array, (plain(obj, "array"),), {"dtype": dtype, "ndmin": ndmin})  # type: ignore[no-any-return]
    values = np.array(obj, dtype=dtype, order="C" if order in ("K", "A", None) else order, ndmin=ndmin)  # type: ignore[call-overload]
    supported(values.dtype)
    if values.ndim:
        capture.refuse("a copy from the host is frozen in a graph")
    return made_by("copy" if values.ndim else "kernel", "array" if values.ndim else "fill", lambda: values)  # type: ignore[no-any-return]


def _holds_device(values: Any) -> bool:
    return any(isinstance(v, ndarray) or (isinstance(v, list | tuple) and _holds_device(v)) for v in values)


def asarray(a: Any, dtype: Any = None, order: str | None = None, *, copy: bool | None = None, blocking: bool = False) -> ndarray:
    return array(a, dtype, copy, order)


def ascontiguousarray(a: Any, dtype: Any = None) -> ndarray:
    return array(a, dtype, False, "C", ndmin=1)


def asnumpy(a: Any, stream: Any = None, order: str = "C", out: Any = None, *, blocking: bool = True) -> np.ndarray:
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a)


def copyto(dst: ndarray, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    how = {"casting": casting} | ({} if where is None else {"where": where})
    perform("kernel", "copyto", np.copyto, (dst, src), how, changed=dst)


def empty(shape: Any, dtype: Any = float, order: str = "C") -> ndarray:
    return ndarray(shape, dtype, order=order)


def empty_like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    model = np.empty_like(a._values, dtype, order, shape=shape)  # type: ignore[call-overload]
    return ndarray(model.shape, model.dtype, order="F" if model.flags.fnc else "C")


def _filled(kind: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def filled(shape: Any, dtype: Any = float, order: str = "C") -> Any:
        return made_by(kind, name, lambda: getattr(np, name)(shape, supported(dtype), order))

    def like(a: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> Any:
        return made_by(kind, name, lambda: getattr(np, f"{name}_like")(a._values, dtype, order, shape=shape))

    return filled, like


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C") -> ndarray:
    return perform("kernel", "full", np.full, (shape, fill_value), {"dtype": dtype, "order": order})  # type: ignore[no-any-return]


def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: Any = None, shape: Any = None) -> ndarray:
    return perform("kernel", "full", np.full_like, (a, fill_value), {"dtype": dtype, "order": order, "shape": shape})  # type: ignore[no-any-return]


def from_dlpack(array: Any, *, device: Any = None, copy: Any = None) -> ndarray:
    """The array behind a capsule, which has been told to wait for the current stream."""
    if array.__dlpack_device__()[0] != 2:
        raise BufferError("the array is not on a CUDA device")
    capsule = array.__dlpack__(stream=get_current_stream().ptr or 1)
    if not isinstance(capsule, Capsule):
        raise TypeError("the stand-in takes capsules of its own arrays only")
    return capsule.array._view(capsule.array._values)


# ------------------------------------------------------------------------------------------------------------ linear algebra
BATCHED = 256  # unknowns, up to which CuPy solves a stack in one call


def solve(a: ndarray, b: ndarray) -> ndarray:
    """NaN where the matrix is singular, as cuSOLVER leaves it."""
    for x in (a, b):
        if not isinstance(x, ndarray):
            raise TypeError(f"cupy.linalg.solve takes arrays of the device, got {type(x).__name__}")
    if b.ndim == 1:
        if a.shape[-1] != b.size:
            raise ValueError("a must have (..., M, M) shape and b must have (M,) for one-dimensional b")
    elif a.shape[:-1] != b.shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K) for multidimensional b")
    calls = 1 if a.ndim == 2 or a.shape[-1] <= BATCHED else math.prod(a.shape[:-2])
    return perform("solver", "solve", _solved, (a, b), {}, calls)  # type: ignore[no-any-return]


def inv(a: ndarray) -> ndarray:
    return perform("solver", "inv", lambda m: _solved(m, np.broadcast_to(np.eye(m.shape[-1], dtype=m.dtype), m.shape)), (a,), {})  # type: ignore[no-any-return]


def _solved(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if b.ndim == 1:
        b = np.broadcast_to(b, a.shape[:-1])
        return _solved(a, b[..., None])[..., 0]
    out = np.empty(b.shape, np.result_type(a, b, np.float32))
    for index in np.ndindex(a.shape[:-2]):
        try:
            out[index] = np.linalg.solve(a[index], b[index])
        except np.linalg.LinAlgError:
            out[index] = np.nan
    return out


# --------------------------------------------------------------------------------------------------------------------- random
class Generator:
    """`cupy.random.Generator`, with the numbers of NumPy's."""

    def __init__(self, seed: Any = None) -> None:
        self._generator = np.random.default_rng(seed)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        path = f"cupy.random.Generator.{name}"
        signatures.signature(path)
        draw = getattr(self._generator, name)
        return _checked(path, lambda *args, **kwargs: perform("kernel", name, draw, args, kwargs))


def _draw(name: str) -> Callable[..., Any]:
    def draw(size: Any = None, dtype: Any = float) -> ndarray:
        note("kernel", name)
        return make(np.asarray(getattr(np.random.default_rng(0), name)(size, dtype)))

    return draw


def poisson(lam: Any = 1.0, size: Any = None, dtype: Any = int) -> ndarray:
    return perform("kernel", "poisson", np.random.default_rng(0).poisson, (lam, size), {})  # type: ignore[no-any-return]


_zeros, _zeros_like = _filled("memset", "zeros")
_ones, _ones_like = _filled("kernel", "ones")
OWN: dict[str, Callable[..., Any]] = {
    "cupy.array": array, "cupy.asarray": asarray, "cupy.asanyarray": asarray, "cupy.ascontiguousarray": ascontiguousarray,
    "cupy.asnumpy": asnumpy, "cupy.copyto": copyto, "cupy.empty": empty, "cupy.empty_like": empty_like, "cupy.zeros": _zeros,
    "cupy.zeros_like": _zeros_like, "cupy.ones": _ones, "cupy.ones_like": _ones_like, "cupy.full": full, "cupy.full_like": full_like,
    "cupy.from_dlpack": from_dlpack, "cupy.linalg.solve": solve, "cupy.linalg.inv": inv, "cupy.random.default_rng": Generator,
    "cupy.random.random": _draw("random"), "cupy.random.standard_normal": _draw("standard_normal"), "cupy.random.poisson": poisson,
}  # fmt: skip
