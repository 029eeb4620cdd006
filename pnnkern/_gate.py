"""The gate: what comes into public functions and classes, what it is turned into, and what goes back.

`accepts_any` stands before every public function, and every public class, that takes arrays. Arrays of torch, JAX, Numba and other libraries
become NumPy or CuPy arrays on the same memory, on the stream of their library, and results the same kind again; `numpy.matrix` and other
subclasses become plain arrays; what would silently mean something else (masked and sparse arrays, tracers, bfloat16) is refused. Behind the
gate there are only NumPy and CuPy. What a signature calls an `Array` has to be one.
"""

import contextlib
import copy
import dataclasses
import functools
import inspect
import types
import typing
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ._array import Array, Field, Real, cupy, is_array, masked, place
from ._errors import DeviceError, DeviceMemoryError, out_of_memory

T = TypeVar("T", bound=Callable[..., Any])

_records: set[type] = set()  # classes of results that hold arrays: they go out with arrays of the caller's kind, and come in with them

# What the gate makes of a value is a matter of its type: "numpy", "cupy", "torch", "jax", "numba", "other" (on a GPU, of any other library);
# "members" (a container of values), "record"; "subclass" (of NumPy's arrays); "masked", "sparse", "tracer"; "" for anything else.
_kinds: dict[type, str] = {}


def kind_of(t: type) -> str:
    """The kind that the values of a type are of, worked out once for each.

    Looks at the type alone: in CuPy and torch the interfaces are properties that do work when they are asked for.
    """
    found = _kinds.get(t)
    if found is None:
        found = _kinds[t] = _kind_of(t)
    return found


def _kind_of(t: type) -> str:
    library = t.__module__.partition(".")[0]
    if t in (tuple, list) or issubclass(t, dict) or (issubclass(t, tuple) and hasattr(t, "_fields")):
        return "members"
    if t in _records:
        return "record"
    if masked(t):
        return "masked"
    if issubclass(t, np.ndarray) and library != "cupy":
        return "numpy" if t is np.ndarray else "subclass"
    if library == "torch":
        return "torch" if hasattr(t, "requires_grad") else ""
    if library in ("jax", "jaxlib"):
        tracer = any(base.__name__ == "Tracer" for base in t.__mro__)
        return "tracer" if tracer else "jax" if hasattr(t, "__dlpack__") else ""
    if ".sparse" in t.__module__ and hasattr(t, "todense"):
        return "sparse"
    if hasattr(t, "__cuda_array_interface__"):
        return {"cupy": "cupy", "numba": "numba", "numba_cuda": "numba"}.get(library, "other")
    return ""


_PLAIN = ("", "numpy")
_LIBRARIES = ("torch", "jax", "numba", "other")


def _strangers(values: Iterable[Any], found: list[Any]) -> list[Any]:
    """Add to `found` what does not work as it is on the current CPU: arrays on a GPU, of other libraries, or that are refused."""
    for value in values:
        t = type(value)
        kind = _kinds.get(t)
        if kind is None:
            kind = kind_of(t)
        if kind in _PLAIN:
            continue
        if kind == "members":
            _strangers(value.values() if isinstance(value, dict) else value, found)
        elif kind != "record" or value._library:
            found.append(value)
    return found


def _map(convert: Callable[[Any], Any], value: Any, kind: str) -> Any:
    """`convert` applied to the members of containers and records, however deep, and to anything else; records are then of `kind`."""
    t = type(value)
    if kind_of(t) == "record":
        if value._library == kind:
            return value
        made = copy.copy(value)
        made.__dict__.update({name: _map(convert, v, kind) for name, v in vars(value).items()}, _library=kind)
        return made
    if kind_of(t) != "members":
        return convert(value)
    if issubclass(t, dict):
        return {k: _map(convert, v, kind) for k, v in value.items()}
    members = (_map(convert, v, kind) for v in value)
    return t(members) if t in (tuple, list) else t(*members)


# ------------------------------------------------------------------------------------------------------------------- what comes in
_REFUSED = {
    "masked": "a masked array was given, whose mask would be lost: fill it first, x.filled(value)",
    "sparse": "a sparse array was given: kernels work on dense ones, x.toarray()",
    "tracer": "a tracer of JAX was given: kernels run on values. Within jit, grad and vmap call the function of pnnkern.jax of the same name, "
    "where there is one (docs/other-code.md), else call it through jax.pure_callback",
}  # fmt: skip


def _native(x: Any) -> Any:
    """An array of any kind as NumPy or CuPy array on the same memory; anything that is no array as it is.

    The order in which protocols are asked: torch's own type first, which says whether a gradient is wanted; then DLPack, which waits for
    the stream that writes the array; the CUDA array interface last, since one without a stream (version 2, as JAX's) waits for nothing.
    """
    kind = kind_of(type(x))
    if kind in _REFUSED:
        raise TypeError(_REFUSED[kind])
    if kind == "subclass":
        return np.asarray(x)
    if kind == "torch":
        return _of_torch(x)
    if kind == "jax":
        if x.dtype.kind not in "biufc":  # bfloat16, keys
            raise TypeError(f"a JAX array of {x.dtype} was given, which kernels cannot read: use x.astype('float32')")
        return np.from_dlpack(x) if _gpu(x) is None else cupy().from_dlpack(x)
    if kind in ("numba", "other"):
        return cupy().from_dlpack(x) if hasattr(x, "__dlpack__") else cupy().asarray(x)
    return x


def _of_torch(x: Any) -> Any:
    """A torch tensor on the same memory."""
    if x.requires_grad:
        import torch

        if torch.is_grad_enabled():
            raise TypeError(
                "a torch tensor that requires grad was given: functions on arrays record no tape. For gradients call the function of "
                "pnnkern.torch of the same name, where there is one (docs/other-code.md); else pass x.detach(), or call it within "
                "torch.no_grad()"
            )
        x = x.detach()
    if not x.is_cuda and (x.device.type != "cpu" or str(x.layout) != "torch.strided" or str(x.dtype) == "torch.bfloat16"):
        raise TypeError(
            f"a torch tensor ({x.dtype}, {x.layout}, on {x.device}) was given, which kernels cannot read: it must be dense, of float32 or the "
            "like (not bfloat16), and on the CPU or a CUDA device"
        )
    if x.is_conj() or x.is_neg():
        x = x.resolve_conj().resolve_neg()
    return cupy().from_dlpack(x) if x.is_cuda else x.numpy()


_ON_GPU = (2, 13)  # DLPack's device types: CUDA memory, and managed memory


def _gpu(x: Any) -> int | None:
    """The GPU that an array of any library is on, None for the CPU and for what is no array."""
    kind = kind_of(type(x))
    if kind == "cupy":
        return int(x.data.device_id)
    if kind == "torch":
        return int(x.device.index) if x.is_cuda else None
    if kind not in _LIBRARIES:
        return None
    if hasattr(x, "__dlpack_device__"):
        device, number = x.__dlpack_device__()
        return int(number) if device in _ON_GPU else None
    address = x.__cuda_array_interface__["data"][0]  # which does not say: asarray would copy to the current one
    return int(cupy().cuda.runtime.pointerGetAttributes(address).device)


# ------------------------------------------------------------------------------------------------------------------- what goes back
def _shared(y: Any) -> Any:
    """An array as other libraries take it over: a copy where it must not be written, or is of strides that they do not know."""
    if isinstance(y, np.generic):
        return np.array(y)
    if isinstance(y, np.ndarray) and not (y.flags.writeable and y.flags.forc and y.dtype.isnative):
        return np.array(y, dtype=y.dtype.newbyteorder("="), order="C")
    return y


def _restore(kind: str) -> Callable[[Any], Any]:
    """The function that turns a native array into one of another library, on the same memory."""
    take: Callable[[Any], Any]
    if kind == "torch":
        import torch

        take = torch.from_dlpack
    elif kind == "jax":
        import jax.numpy as jnp

        take = jnp.from_dlpack
    elif kind == "numba":
        from numba import cuda

        take = cuda.as_cuda_array
    else:
        return lambda y: y
    return lambda y: take(_shared(y)) if is_array(y) or isinstance(y, np.generic) else y


def given_back(kind: str, value: Any) -> Any:
    """Native arrays, in whatever containers and records, as arrays of another library ("torch", "jax", "numba"; "" leaves them)."""
    return _map(_restore(kind), value, kind) if kind else value


def taken(value: Any) -> Any:
    """Arrays of any library, in whatever containers and records, as native ones."""
    return _map(_native, value, "")


def library(value: Any) -> str:
    """The library whose arrays are in `value`: "torch", "jax", "numba", "other"; "" for NumPy, CuPy and none at all."""
    kinds = (x._library if kind_of(type(x)) == "record" else kind_of(type(x)) for x in _strangers((value,), []))
    return next((kind for kind in kinds if kind in _LIBRARIES), "")


class Stream:
    """A stream of another library, as the CUDA stream protocol has it."""

    def __init__(self, address: int) -> None:
        self.address = address

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.address


_busy: deque[tuple[Any, Any]] = deque()  # (event, arrays): what must not be given back before the event has happened


def _hold(arrays: Any) -> None:
    """Keep arrays until the current stream has done what it was asked so far, though their owner may let go of them now.

    What is done is let go of at the next call.
    """
    while _busy and _busy[0][0].done:
        _busy.popleft()
    event = cupy().cuda.Event(disable_timing=True)
    event.record()
    _busy.append((event, arrays))


@contextlib.contextmanager
def _at(arrays: list[Any]) -> Iterator[None]:
    """The GPU that these arrays are on made current, and the current stream of the library that the first foreign one belongs to.

    Raises `DeviceError` for arrays on different GPUs.
    """
    gpus = {gpu for gpu in map(_gpu, arrays) if gpu is not None}
    if len(gpus) > 1:
        raise DeviceError(f"arrays on {' and '.join(map(place, sorted(gpus)))} in one call: move all of them to one device")
    if not gpus:
        yield
        return
    xp, gpu = cupy(), gpus.pop()
    foreign = [x for x in arrays if kind_of(type(x)) in _LIBRARIES]
    with contextlib.ExitStack() as stack:
        if xp.cuda.runtime.getDevice() != gpu:
            stack.enter_context(xp.cuda.Device(gpu))
        if foreign and kind_of(type(foreign[0])) == "torch":
            import torch

            stream = torch.cuda.current_stream(foreign[0].device).cuda_stream
            stack.enter_context(xp.cuda.Stream.from_external(Stream(stream)))
        yield
        elsewhere = [x for x in foreign if kind_of(type(x)) != "torch"]  # torch gives memory back in the order of the stream we are on
        if elsewhere:
            _hold(elsewhere)


def _within(records: list[Any]) -> list[Any]:
    """What strangers there are, with those inside of records in the place of the records."""
    found: list[Any] = []
    for x in records:
        if kind_of(type(x)) == "record":
            found += _within(_strangers(vars(x).values(), []))
        else:
            found.append(x)
    return found


# -------------------------------------------------------------------------------------------------------- what signatures call arrays
Check = Callable[[str, Any], None]


def _is(sort: Any) -> Check:
    def check(name: str, value: Any) -> None:
        if not is_array(value) and not isinstance(value, np.generic):
            raise TypeError(f"{name} must be {sort.words}, got {type(value).__name__}")
        if sort.dtypes and value.dtype not in sort.dtypes:
            advice = f": use {name}.astype(numpy.{sort.dtypes[0]})" if value.dtype.kind in "biuf" else ""
            raise TypeError(f"{name} must be {sort.numbers}, got {value.dtype}{advice}")

    return check


def _are_arrays(inner: Check, container: str) -> Check:
    def check(name: str, value: Any) -> None:
        if not isinstance(value, tuple | list) and not (is_array(value) and value.ndim):
            raise TypeError(f"{name} must be a {container} of arrays, got {type(value).__name__}")
        for i, member in enumerate(value):
            inner(f"{name}[{i}]", member)

    return check


def _is_dict(inner: Check) -> Check:
    def check(name: str, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a dict of arrays, got {type(value).__name__}")
        for key, member in value.items():
            inner(f"{name}[{key!r}]", member)

    return check


def _or_none(inner: Check) -> Check:
    def check(name: str, value: Any) -> None:
        if value is not None:
            inner(name, value)

    return check


def _check_of(annotation: Any) -> Check | None:
    """The check that an annotation stands for: `Array`, `Real` or `Field`, a tuple, list or dict of them, or one of these or None."""
    if annotation in (Array, Real, Field):
        return _is(annotation)
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType) and len(inner) == 2 and type(None) in inner:
        check = _check_of(inner[0] if inner[1] is type(None) else inner[1])
        return None if check is None else _or_none(check)
    if origin in (list, Sequence) or (origin is tuple and inner[1:] == (...,)):
        check = _check_of(inner[0])
        return None if check is None else _are_arrays(check, "tuple" if origin is tuple else "list")
    if origin is dict and inner[0] is str:
        check = _check_of(inner[1])
        return None if check is None else _is_dict(check)
    return None


def array_checks(function: Callable[..., Any]) -> list[tuple[int, str, Check]]:
    """(position, name, check) of the parameters of a function that have to be arrays."""
    found = []
    for i, p in enumerate(inspect.signature(function).parameters.values()):
        check = _check_of(p.annotation)
        if check is not None and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            found.append((i, p.name, check))
    return found


# ------------------------------------------------------------------------------------------------------------------------- the gate
_MISSING = object()  # an argument that was not given


def _function(function: T, checks: Sequence[tuple[int, str, Check]] | None = None) -> T:
    checks = array_checks(function) if checks is None else checks

    def run(args: Any, kwargs: Any) -> Any:
        for i, name, check in checks:
            value = args[i] if i < len(args) else kwargs.get(name, _MISSING)
            if value is not _MISSING:
                check(name, value)
        return function(*args, **kwargs)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        strangers = _strangers(args, [])
        if kwargs:
            _strangers(kwargs.values(), strangers)
        if not strangers:
            return run(args, kwargs)
        foreign = library(strangers)
        with _at(_within(strangers)):
            try:
                if not foreign and all(kind_of(type(x)) == "cupy" for x in strangers):
                    return run(args, kwargs)
                inside, named = taken(args), taken(kwargs)
                dicts = [(own, new, dict(new)) for own, new in zip((*args, *kwargs.values()), (*inside, *named.values()), strict=True)
                         if isinstance(new, dict)]  # fmt: skip
                result = run(inside, named)
            except MemoryError as error:
                if isinstance(error, DeviceMemoryError):
                    raise
                raise out_of_memory(error, "work on fewer samples at a time, or give a smaller memory_limit where there is one") from error
            for own, new, old in dicts:  # what the function has put into a dict of the caller's
                own.update({name: given_back(foreign, v) for name, v in new.items() if v is not old.get(name)})
            return given_back(foreign, result)

    return wrapper  # type: ignore[return-value]


def _made(init: Callable[..., None]) -> Callable[..., None]:
    """The `__init__` of a record: made of arrays of another library, it holds them."""
    gated = _function(init, ())

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if not _strangers((args, kwargs), []):
            return init(self, *args, **kwargs)
        gated(self, *args, **kwargs)
        foreign = library((args, kwargs))
        if foreign:
            self.__dict__.update(vars(given_back(foreign, self)))

    return wrapper


def _class(cls: Any) -> Any:
    own = () if dataclasses.is_dataclass(cls) else None  # which look at their fields themselves
    for name, value in list(vars(cls).items()):
        if name.startswith("_") and name not in ("__init__", "__call__"):
            continue
        if name == "__init__" and cls in _records:
            cls.__init__ = _made(value)
        elif inspect.isfunction(value):
            setattr(cls, name, _function(value, own if name == "__init__" else None))
        elif isinstance(value, staticmethod | classmethod):
            setattr(cls, name, type(value)(_function(value.__func__)))
        elif isinstance(value, property) and cls in _records:
            setattr(cls, name, property(_function(typing.cast(Any, value.fget)), doc=value.__doc__))
    return cls


def accepts_any(target: T) -> T:
    """Let a function, or the public methods of a class, written for NumPy and CuPy take arrays of torch, JAX, Numba and others too, and give
    the same kind back; work is done on the GPU that the arrays are on.

    What a function puts into a dict that it is given is put there in the same kind.
    """
    return _class(target) if isinstance(target, type) else _function(target)


def record(cls: Any) -> Any:
    """`accepts_any` for a dataclass of results: returned to a caller with torch tensors, it holds torch tensors, and can be given back."""
    _records.add(cls)
    cls._library = ""
    return accepts_any(cls)


__all__ = ["Stream", "accepts_any", "array_checks", "given_back", "kind_of", "library", "record", "taken"]
