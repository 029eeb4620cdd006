"""The array of the stand-in: values that only kernels, CuPy's functions and explicit copies can reach."""

import contextlib
import ctypes
import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import capture, order, signatures
from .counting import StrictError, note
from .runtime import Device, current, getDevice
from .streams import get_current_stream, key_of

SCALARS = (bool, int, float, complex, np.number, np.bool_)
_addresses: "weakref.WeakValueDictionary[int, Memory]" = weakref.WeakValueDictionary()


class Memory:
    """An allocation on one device, shared by the views of it, and which stream worked on it last."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.size, self.ptr = values, values.nbytes, values.__array_interface__["data"][0]
        self.origin, self.generation = key_of(get_current_stream()), order.generation
        self.device = self.origin[0]
        self.writes: order.Marks = {}  # the last one, or several that need no order among themselves
        self.reads: order.Marks = {}  # since then
        _addresses[self.ptr] = self

    def use(self, name: str, write: bool = False) -> None:
        """One piece of work of the current stream on it. Raises StrictError where that may come too early."""
        key = self._current_key()
        for mark in (*self.writes.items(), *(self.reads.items() if write else ())):
            if not order.before(mark, key):
                raise StrictError(
                    f"{name}: a stream {'writes' if write else 'reads'} what another may not be done with: "
                    "synchronise, or let it wait for an event"
                )
        _, n = order.issue(key)
        if write:
            self.writes, self.reads = {key: n}, {}
        else:
            self.reads[key] = n

    def flag(self) -> None:
        """The current stream may write one of several words to it, whichever comes last: no order is needed until it is read."""
        key, n = order.issue(self._current_key())
        self.writes[key] = n

    def _current_key(self) -> order.Key:
        if self.generation != order.generation:  # a time that is over: all of it is done
            self.generation, self.writes, self.reads = order.generation, {}, {}
        return key_of(get_current_stream())

    def __del__(self, order: Any = order) -> None:  # the module may be gone when the interpreter ends
        """CuPy gives the memory to whoever asks next on the stream that it was made on, whatever another stream does with it."""
        marks = (*self.writes.items(), *self.reads.items())
        if self.generation == order.generation and not all(order.before(mark, self.origin) for mark in marks):
            order.hazards.append(f"{self.size} bytes were given back while another stream might still work on them")


class MemoryPointer:
    """`ndarray.data`: an address on a device."""

    def __init__(self, mem: Memory, offset: int) -> None:
        self.mem, self.device_id, self.ptr = mem, mem.device, mem.ptr + offset

    @property
    def device(self) -> Device:
        return Device(self.device_id)


class Flags:
    """What CuPy says of the layout; `writeable` is not among it."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata
        self.fnc, self.forc = flags.fnc, flags.forc

    def __getitem__(self, name: str) -> bool:
        if name not in ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA"):
            raise KeyError(f"{name} is not defined for cupy.ndarray.flags")
        return bool(getattr(self, name.lower()))


class Capsule:
    """What `__dlpack__` gives: the array, and the stream that its consumer waits on."""

    def __init__(self, array: "ndarray", stream: int | None) -> None:
        self.array, self.stream = array, stream


def empty(shape: Any, dtype: Any, order: str = "C") -> np.ndarray:
    """Uninitialised memory, in which nobody will take what was there for zeros."""
    values = np.empty(shape, dtype, order=order)
    values.view(np.uint8 if values.dtype == bool else values.dtype).fill(
        1 if values.dtype == bool else np.nan if values.dtype.kind in "fc" else np.iinfo(values.dtype).max - 85
    )
    return values


def supported(dtype: Any) -> np.dtype[Any]:
    """The dtype; TypeError for one that has no place on a GPU."""
    found = np.dtype(dtype)
    if found.kind not in "biufc" or found in (np.dtype(np.longdouble), np.dtype(np.clongdouble)):
        raise ValueError(f"Unsupported dtype {found}")
    return found


def here(x: "ndarray", name: str) -> "ndarray":
    """`x` itself, if it is on the current device."""
    if x._memory.device != getDevice():
        raise StrictError(f"{name}: an array of device {x._memory.device} is used while device {getDevice()} is current")
    return x


def plain(x: Any, name: str) -> Any:
    """An argument as NumPy takes it: values of device arrays, also in lists and tuples. Raises TypeError for an array of the host."""
    if isinstance(x, ndarray):
        here(x, name)
        if not capture.capturing(name):
            x._memory.use(name)
        return x._values
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}: a NumPy array of shape {x.shape} meets the device in {name}")
    if type(x) in (tuple, list):
        return type(x)(plain(v, name) for v in x)
    return x


def wrap(result: Any) -> Any:
    """Results as device arrays: NumPy's scalars are arrays without axes here."""
    if type(result) in (tuple, list):
        return type(result)(wrap(v) for v in result)
    if isinstance(result, np.ndarray | np.generic):
        return make(np.asarray(result))
    return result


def make(values: np.ndarray) -> "ndarray":
    """A new array of the current device with these values, which are its own, from the work of the current stream."""
    supported(values.dtype)
    capture.allocated()
    array = ndarray.__new__(ndarray)
    array._values, array._memory = values, Memory(values)
    if not capture.capturing("result"):
        array._memory.use("result", write=True)
    return array


def made_by(kind: str, name: str, compute: Callable[[], Any]) -> Any:
    """New arrays of what `compute` gives, one event; while a stream is being captured they get their values at every launch of the graph."""
    if not capture.capturing(name):
        note(kind, name)
        return wrap(compute())
    results = wrap(compute())
    several = results if type(results) in (tuple, list) else (results,)
    arrays = [a for a in several if isinstance(a, ndarray)]
    for a in arrays:
        a._values = np.array(a._values)
        capture.poison(a._values)

    def again() -> None:
        values = compute()
        values = [v for v in (values if type(values) in (tuple, list) else (values,)) if isinstance(v, np.ndarray | np.generic)]
        for a, v in zip(arrays, values, strict=True):
            a._memory.use(name, write=True)
            a._values[...] = v

    capture.write_down(kind, name, again)
    return results


def perform(
    kind: str, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], times: int = 1,
    changed: "ndarray | None" = None,
) -> Any:  # fmt: skip
    """Call NumPy's function on the values, count it, and give device arrays back (`out` itself, if given).

    changed : an array that the function writes to, beside `out`.
    """
    out = kwargs.get("out")
    kwargs = {key: plain(value, name) for key, value in kwargs.items()}
    args = tuple([plain(a, name) for a in args])
    if capture.capturing(name):
        if kind in ("gemm", "solver"):
            current.broken = True
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")

        def compute() -> Any:
            with np.errstate(all="ignore"):
                return function(*args, **kwargs)

        if out is None and changed is None:
            return made_by(kind, name, compute)
        written = [array for array in (out, changed) if array is not None]

        def again() -> None:
            compute()
            for array in written:
                array._memory.use(name, write=True)

        capture.write_down(kind, name, again)
        return None if out is None else out
    note(kind, name, times)
    with np.errstate(all="ignore"):
        result = function(*args, **kwargs)
    for array in (out, changed):
        if array is not None:
            array._memory.use(name, write=True)
    return wrap(result) if out is None else out


class ndarray(np.lib.mixins.NDArrayOperatorsMixin):
    """No NumPy array, and none becomes of it but by `get()`."""

    __module__ = "cupy"
    __slots__ = ("__weakref__", "_memory", "_values")
    __array_priority__ = 100
    _values: np.ndarray
    _memory: Memory

    def __init__(self, shape: Any, dtype: Any = float, memptr: Any = None, strides: Any = None, order: str = "C") -> None:
        if memptr is not None or strides is not None:
            raise NotImplementedError("the stand-in makes no arrays on memory that is there already")
        capture.allocated()
        self._values = empty(shape, supported(dtype), order)
        self._memory = Memory(self._values)

    def _view(self, values: np.ndarray) -> "ndarray":
        array = ndarray.__new__(ndarray)
        array._values, array._memory = values, self._memory
        return array

    # -------------------------------------------------------------------------------------------------------- what it is
    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        self._values = self._values.view()
        self._values.shape = shape

    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    strides = property(lambda self: self._values.strides)
    itemsize = property(lambda self: self._values.itemsize)
    nbytes = property(lambda self: self._values.nbytes)
    flags = property(lambda self: Flags(self._values.flags))
    _c_contiguous = property(lambda self: self._values.flags.c_contiguous)
    _f_contiguous = property(lambda self: self._values.flags.f_contiguous)
    device = property(lambda self: Device(self._memory.device))
    T = property(lambda self: self._view(self._values.T))
    mT = property(lambda self: self._view(self._values.mT))

    @property
    def base(self) -> "ndarray | None":
        return None if self._values.flags.owndata else self

    @property
    def data(self) -> MemoryPointer:
        return MemoryPointer(self._memory, self._values.__array_interface__["data"][0] - self._memory.ptr)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        strides = None if self._values.flags.c_contiguous else self.strides
        address = self.data.ptr if self.size else 0
        return {"shape": self.shape, "typestr": self.dtype.str, "descr": self.dtype.descr, "strides": strides, "data": (address, False),
                "version": 3, "stream": get_current_stream().ptr or 1}  # fmt: skip

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self._memory.device

    def __dlpack__(
        self, *, stream: int | None = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ) -> Capsule:
        return Capsule(self, stream)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator["ndarray"]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # --------------------------------------------------------------------------------------------------- to and from the host
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly."
        )

    def get(self, stream: Any = None, order: str = "C", out: np.ndarray | None = None, blocking: bool = True) -> np.ndarray:
        values = self._read("get", stream)
        if out is None:
            return np.array(values, order=order)  # type: ignore[call-overload,no-any-return]
        out[...] = values
        return out

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype or arr.shape != self.shape:
            raise TypeError(f"set takes a NumPy array of dtype {self.dtype} and shape {self.shape}")
        capture.refuse("a copy from the host is frozen in a graph")
        note("copy", "set")
        here(self, "set")._memory.use("set", write=True)
        self._values[...] = arr

    def _read(self, name: str, stream: Any = None) -> np.ndarray:
        """The host waits for a copy by the current stream of the array's device."""
        capture.refuse("the host waits for a value")
        note("sync", name)
        with self.device, stream or contextlib.nullcontext():
            self._memory.use(name)
            order.finish(order.so_far(key_of(get_current_stream())))
        return self._values

    def item(self) -> Any:
        return self._read("item").item()

    def tolist(self) -> Any:
        return self._read("tolist").tolist()

    def tobytes(self, order: str = "C") -> bytes:
        return self._read("tobytes").tobytes(order)  # type: ignore[arg-type]

    def __float__(self) -> float:
        return float(self._read("float"))

    def __int__(self) -> int:
        return int(self._read("int"))

    def __complex__(self) -> complex:
        return complex(self._read("complex"))

    def __bool__(self) -> bool:
        return bool(self._read("bool"))

    def __format__(self, spec: str) -> str:
        return format(self._read("format"), spec)

    def __repr__(self) -> str:
        return repr(self._read("repr"))

    def __str__(self) -> str:
        return str(self._read("str"))

    # ------------------------------------------------------------------------------------------------------------- indexing
    def _index(self, index: Any) -> tuple[tuple[Any, ...], bool]:
        """The index as NumPy takes it, and whether it gathers."""
        parts, gathers = [], False
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, ndarray):
                part = plain(part, "indexing")
            elif isinstance(part, list | np.ndarray):
                part = np.asarray(part, None if np.size(part) else np.int32)
                capture.refuse("an index from the host is frozen in a graph")
                note("copy" if part.ndim else "kernel", "index")
            elif not (part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)) or isinstance(part, bool):
                raise IndexError(f"an index of {type(part).__name__} is not offered by the stand-in")
            if isinstance(part, np.ndarray):
                gathers = True
                if part.dtype.kind not in "biu":
                    raise IndexError(f"arrays used as indices must be of integer or boolean type. (actual: {part.dtype.type})")
                if part.dtype.kind == "b":
                    capture.refuse("the size of what a mask selects is waited for")
                    note("sync", "mask")
            parts.append(part)
        if gathers and not capture.capturing("indexing"):
            self._inside(parts)
        return tuple(parts), gathers

    def _inside(self, parts: list[Any]) -> None:
        """CuPy takes indices that are out of range modulo the length."""
        taken = [1 if p is not None and p is not Ellipsis else 0 for p in parts]
        taken = [p.ndim if isinstance(p, np.ndarray) and p.dtype.kind == "b" else n for p, n in zip(parts, taken, strict=True)]
        axis = 0
        for part, n in zip(parts, taken, strict=True):
            if isinstance(part, np.ndarray) and part.dtype.kind != "b" and part.size:
                length = self.shape[axis]
                if part.max() >= length or part.min() < -length:
                    raise StrictError(f"an index out of range for an axis of length {length}: CuPy wraps around without a word")
            axis += n if part is not Ellipsis else self.ndim - sum(taken)

    def __getitem__(self, index: Any) -> "ndarray":
        parts, gathers = self._index(index)
        if not gathers:
            return self._view(np.asarray(self._values[(*parts, Ellipsis)] if Ellipsis not in parts else self._values[parts]))
        values = plain(self, "getitem")
        if capture.capturing("getitem"):  # indices have no values yet
            lengths = np.empty(self.shape, np.uint8)
            safe = tuple(np.zeros_like(p) if isinstance(p, np.ndarray) else p for p in parts)
            out = ndarray(lengths[safe].shape, self.dtype)

            def gather() -> None:
                self._memory.use("getitem")
                out._memory.use("getitem", write=True)
                out._values[...] = values[parts]

            capture.write_down("kernel", "getitem", gather)
            return out
        note("kernel", "getitem")
        return make(np.asarray(values[parts]))

    def __setitem__(self, index: Any, value: Any) -> None:
        parts, gathers = self._index(index)
        here(self, "setitem")
        if isinstance(value, list | tuple) and not gathers:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        values = plain(value, "setitem")
        if capture.capturing("setitem"):

            def put() -> None:
                self._memory.use("setitem", write=True)
                self._values[parts] = values

            capture.write_down("kernel", "setitem", put)
            return
        note("kernel", "setitem")
        if gathers:
            self._scatters_once(parts, values)
        elif isinstance(values, np.ndarray):
            place = self._values[parts]
            same = place.shape == values.shape and place.strides == values.strides and place.flags.c_contiguous
            if same and place.dtype == values.dtype and np.may_share_memory(place, values):
                if place.__array_interface__["data"] == values.__array_interface__["data"]:
                    return
                raise StrictError("setitem copies between parts of one array that overlap: on a GPU the order is open")
        self._memory.use("setitem", write=True)
        self._values[parts] = values

    @staticmethod
    def _scatters_once(parts: tuple[Any, ...], values: Any) -> None:
        arrays = [p for p in parts if isinstance(p, np.ndarray)]
        if len(arrays) == 1 and arrays[0].dtype.kind != "b" and np.ndim(values) and len(np.unique(arrays[0])) < arrays[0].size:
            raise StrictError("setitem with an index twice: on a GPU it is open which value stays")

    # --------------------------------------------------------------------------------------------------------- NumPy's protocols
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from . import functions

        found = functions.ufunc(ufunc.__name__)
        if found is None or method != "__call__":
            return NotImplemented
        if "out" in kwargs:
            if len(kwargs["out"]) != 1:
                raise ValueError("The 'out' parameter must have exactly one array value")
            kwargs["out"] = kwargs["out"][0]
        if ufunc.__name__ in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
            inputs = tuple(x.item() if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in inputs)  # as CuPy does
        return found(*inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from . import functions

        path = func.__module__.replace("numpy", "cupy", 1) + "." + func.__name__
        if path not in signatures.LINES:
            return NotImplemented
        return functions.function(path)(*args, **kwargs)

    # -------------------------------------------------------------------------------------------------------------- methods
    @property
    def real(self) -> "ndarray":
        return self._view(self._values.real)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> "ndarray":
        if self.dtype.kind == "c":
            return self._view(self._values.imag)
        return made_by("memset", "imag", lambda: np.zeros_like(self._values))  # type: ignore[no-any-return]

    @imag.setter
    def imag(self, value: Any) -> None:
        self.imag[...] = value

    def conj(self) -> "ndarray":
        return self if self.dtype.kind != "c" else perform("kernel", "conj", np.conj, (self,), {})  # type: ignore[no-any-return]

    conjugate = conj

    def astype(self, dtype: Any, order: str = "K", casting: Any = None, subok: Any = None, copy: bool | None = True) -> "ndarray":
        if not copy and np.dtype(dtype) == self.dtype and (order == "K" or self._values.flags.c_contiguous):
            return self
        return perform("kernel", "astype", np.ndarray.astype, (self, supported(dtype)), {"order": order})  # type: ignore[no-any-return]

    def copy(self, order: str = "C") -> "ndarray":
        """On the current device, wherever the array is."""
        with self.device:
            if not capture.capturing("copy"):
                self._memory.use("copy")
        return made_by("kernel", "copy", lambda: self._values.copy(order))  # type: ignore[arg-type,no-any-return]

    def __copy__(self) -> "ndarray":
        return self.copy()

    def __deepcopy__(self, memo: Any) -> "ndarray":
        return self.copy()

    def fill(self, value: Any) -> None:
        perform("kernel", "fill", np.ndarray.fill, (self, value), {}, changed=self)

    def view(self, dtype: Any = None, type: Any = None) -> "ndarray":
        return self._view(self._values.view() if dtype is None else self._values.view(dtype))

    def nonzero(self) -> tuple["ndarray", ...]:
        note("sync", "nonzero")
        return perform("kernel", "nonzero", np.ndarray.nonzero, (self,), {})  # type: ignore[no-any-return]


def _viewing(name: str) -> Callable[..., Any]:
    """A method that gives a view, or a copy where no view is possible."""

    def method(self: ndarray, *args: Any, **kwargs: Any) -> ndarray:
        signatures.check(f"cupy.ndarray.{name}", args, kwargs)
        values = getattr(self._values, name)(*args, **kwargs)
        if values.size and not np.may_share_memory(values, self._values):
            plain(self, name)
            return made_by("kernel", name, lambda: getattr(self._values, name)(*args, **kwargs))  # type: ignore[no-any-return]
        return self._view(values)

    return method


def _computing(name: str, kind: str = "kernel") -> Callable[..., Any]:
    """A method with NumPy's meaning and CuPy's signature."""
    function = getattr(np.ndarray, name, None) or getattr(np, name)

    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        signatures.check(f"cupy.ndarray.{name}", args, kwargs)
        if isinstance(kwargs.get("indices", args[0] if args else None), list | np.ndarray) and name == "take":
            note("copy", "take")
            args = (make(np.array(args[0])), *args[1:])
        return perform(kind, name, function, (self, *args), kwargs, changed=self if name in ("sort", "partition") else None)

    return method


for _name in ("reshape", "ravel", "transpose", "swapaxes", "squeeze", "diagonal"):
    setattr(ndarray, _name, _viewing(_name))
for _name in itertools.chain(
    (
        "sum",
        "prod",
        "mean",
        "var",
        "std",
        "max",
        "min",
        "ptp",
        "argmax",
        "argmin",
        "all",
        "any",
        "cumsum",
        "cumprod",
        "clip",
        "round",
    ),
    ("repeat", "take", "argsort", "sort", "trace", "flatten", "searchsorted", "partition", "argpartition"),
):
    setattr(ndarray, _name, _computing(_name))
ndarray.dot = _computing("dot", "gemm")  # type: ignore[attr-defined]


def owner_of(address: int) -> Memory:
    """The allocation that an address lies in."""
    owner = next((m for m in list(_addresses.values()) if m.ptr <= address < m.ptr + max(1, m.size)), None)
    if owner is None:
        raise ValueError(f"the address {address:#x} is not on a device")
    return owner


def from_interface(x: Any) -> ndarray:
    """The array that `__cuda_array_interface__` describes, on the same memory; the memory must be one of the stand-in's."""
    described = x.__cuda_array_interface__
    address, shape = described["data"][0], described["shape"]
    owner = owner_of(address)
    dtype = np.dtype(described["typestr"])
    raw = (ctypes.c_char * (owner.ptr + owner.size - address)).from_address(address)
    values = np.ndarray(shape, dtype, raw, strides=described.get("strides"))
    array = ndarray.__new__(ndarray)
    array._values, array._memory = values, owner
    return array
