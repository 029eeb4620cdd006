"""What the other tests have called, called again: with arrays of other libraries, in other layouts, and with what is no such array."""

import importlib
import inspect
import os
import warnings
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import public_calls
import pytest
import scipy.sparse
from public_calls import Call, leaves

from pnnkern._errors import PnnError
from pnnkern._gate import kind_of

ROOMS = ("optics", "optics.chain", "crossbar", "networks", "networks.boltzmann", "networks.convolutional", "networks.drn", "networks.graphs",
         "networks.hopfield", "networks.ising", "networks.oscillator", "networks.potts", "dynamics", "learning", "systems", "random",
         "testing")  # fmt: skip


def kept() -> list[Call]:
    """All calls that were kept, in an order of their own."""
    return [call for name in sorted(public_calls.calls) for call in public_calls.calls[name]]


def exported() -> dict[str, Any]:
    """Public functions, classes and methods by their names: those that have a parameter which may be an array."""
    found: dict[str, Any] = {}
    for room in ROOMS:
        module = importlib.import_module(f"pnnkern.{room}")
        own = [n for n, v in vars(module).items() if not n.startswith("_") and getattr(v, "__module__", "") == module.__name__]
        for name in getattr(module, "__all__", own):
            thing = getattr(module, name)
            if isinstance(thing, ModuleType) or not callable(thing) or getattr(thing, "_is_protocol", False):
                continue
            found[f"{thing.__module__}.{thing.__qualname__}"] = thing
            if isinstance(thing, type):
                for method, value in inspect.getmembers(thing, inspect.isfunction):
                    if method == "__call__" or not method.startswith("_"):
                        found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def takes_arrays(thing: Any) -> bool:
    """Whether a parameter is called an array, or may be anything (`key` and `wrt` are known not to be)."""
    if isinstance(thing, type) and thing.__init__ is object.__init__:
        return False
    return any(
        "Array" in str(p.annotation) or "Real" in str(p.annotation) or "Field" in str(p.annotation) or p.annotation is Any
        for p in inspect.signature(thing).parameters.values()
        if p.name not in ("key", "wrt", "self", "cls", "sample")
    )


# numbers and settings alone, however they are annotated
NO_ARRAYS = {
    "pnnkern.crossbar.solve.IV", "pnnkern.crossbar.wires.as_wires", "pnnkern.learning.equilibrium.contrastive_learning",
    "pnnkern.networks.graphs.read_edges",
    "pnnkern.systems.apparatus.from_callable",  # looks itself whose arrays its functions speak
}  # fmt: skip


def test_the_gate_stands_before_every_public_callable() -> None:
    def guarded(name: str, thing: Any) -> bool:
        names = [f"{c.__module__}.{c.__qualname__}" for c in thing.__mro__] if isinstance(thing, type) else [name]
        return not public_calls.public.isdisjoint(names)

    open_doors = {name for name, thing in exported().items() if takes_arrays(thing) and not guarded(name, thing)}
    assert open_doors - NO_ARRAYS == set()


# --------------------------------------------------------------------------------------------------------------- other libraries
class Torch:
    name = "torch"

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch")

    def of(self, x: np.ndarray) -> Any:
        return self.torch.from_numpy(x) if x.dtype.kind in "biufc" and x.dtype.isnative else x

    def numpy(self, x: Any) -> np.ndarray:
        return x.detach().numpy()

    def address(self, x: Any) -> int:
        return int(x.data_ptr())

    def is_one(self, x: Any) -> bool:
        return isinstance(x, self.torch.Tensor)


class Jax:
    name = "jax"

    def __init__(self) -> None:
        self.jax = pytest.importorskip("jax")
        self.jax.config.update("jax_enable_x64", True)

    def of(self, x: np.ndarray) -> Any:
        return self.jax.numpy.asarray(x) if x.dtype.kind in "biufc" and x.dtype.isnative else x

    def numpy(self, x: Any) -> np.ndarray:
        return np.asarray(x)

    def address(self, x: Any) -> int:
        return int(x.unsafe_buffer_pointer())

    def is_one(self, x: Any) -> bool:
        return isinstance(x, self.jax.Array)


def compare(library: Any, expected: Any, found: Any, where: str, given: Any = ()) -> None:
    """Both are of the same make; what is a NumPy array in one is an array of the library in the other, with the same values and dtype."""
    pairs = list(zip(leaves(expected), leaves(found), strict=True))
    for want, got in pairs:
        if isinstance(want, np.ndarray | np.generic) and want.dtype.kind in "biufc" and not isinstance(got, given):
            assert library.is_one(got), f"{where}: {type(got).__name__} came back"
            values = library.numpy(got)
            assert values.dtype == want.dtype, f"{where}: {values.dtype} came back for {want.dtype}"
            np.testing.assert_array_equal(values, want, err_msg=where)
        else:
            assert type(got) is type(want), f"{where}: {type(got).__name__} for {type(want).__name__}"


@pytest.mark.parametrize("library", [Torch, Jax], ids=lambda c: c.name)
def test_arrays_of_other_libraries(library: Any) -> None:
    """The same kind, values and dtypes come back; what the function writes in place is written in place; what it returns of its arguments
    is at the same address."""
    if not kept():
        pytest.skip("no other test has called anything")
    speak = library()
    wrong = []
    for call in kept():
        if "fields" in call.kwargs:
            continue  # which are of this very array: a copy is another
        expected, after = call.again()
        in_place = written(call, after)
        try:
            found, others = call.again(speak.of)
            compare(speak, expected, found, call.name)
            if speak.name == "torch":
                compare(speak, after, others, f"{call.name}, written in place", given=np.generic)
                addresses = {speak.address(x) for x in leaves(others) if speak.is_one(x)}
                inputs = [x for x in leaves(after) if type(x) is np.ndarray]
                for want, got in zip(leaves(expected), leaves(found), strict=True):
                    if type(want) is np.ndarray and any(want is x for x in inputs):
                        assert speak.address(got) in addresses, f"{call.name}: a copy came back"
        except Exception as error:
            if speak.name == "jax" and any(in_place) and isinstance(error, TypeError | ValueError):
                continue  # arrays of JAX cannot be written
            wrong.append(f"{call.name}: {type(error).__name__}: {str(error).strip()[:200]}")
    assert not wrong, f"{len(wrong)} of {len(kept())} calls:\n" + "\n".join(wrong)


def written(call: Call, after: Any) -> list[bool]:
    """Which arrays of a call it has written: those that it has left with other values, and the parameter of a writer, which is written
    whether its values come out as others or not."""
    values = (*call.args, *call.kwargs.values())
    names = [*inspect.signature(call.of).parameters][: len(call.args)] + [*call.kwargs]
    before = [(name, x) for name, value in zip(names, values, strict=False) for x in leaves(value) if type(x) is np.ndarray]
    pairs = zip(before, [x for x in leaves(after) if type(x) is np.ndarray], strict=False)
    of_writer = call.name.startswith("pnnkern.systems.writers.")
    return [
        (of_writer and name == "parameter") or not np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for (name, a), b in pairs
    ]


# ------------------------------------------------------------------------------------------------------------------- other layouts
class Subclass(np.ndarray):
    """An array of somebody who derives a class of it."""


def unaligned(x: np.ndarray) -> np.ndarray:
    raw = np.empty(x.nbytes + 1, np.uint8)[1:]
    out = raw[: x.nbytes].view(x.dtype).reshape(x.shape)
    out[...] = x
    return out


def spaced(x: np.ndarray) -> np.ndarray:
    out = np.zeros([2 * n + 1 for n in x.shape], x.dtype)[(..., *(slice(1, 2 * n + 1, 2) for n in x.shape))]
    out[...] = x
    return out


def backwards(x: np.ndarray) -> np.ndarray:
    return np.flip(np.flip(x).copy())


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[np.ndarray], Any]] = {
    "columns first": lambda x: x.copy(order="F"),
    "spaced": spaced,
    "backwards": backwards,
    "read-only": read_only,
    "unaligned": unaligned,
    "a subclass": lambda x: x.view(Subclass),
    "a matrix": lambda x: np.asmatrix(x) if x.ndim == 2 else x.view(Subclass),
}


def wider(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, x[..., :1]], axis=-1) if x.ndim else x[None]


def without(axis: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.delete(x, slice(None), axis=axis % x.ndim) if x.ndim else x[None][:0]


def filled(value: Any) -> Callable[[np.ndarray], np.ndarray]:
    def change(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        if x.size:
            x.flat[x.size // 2] = np.array(value).astype(x.dtype)
        return x

    return change


OTHER = {"f4": "f8", "f8": "f4", "c8": "c16", "c16": "c8", "i4": "i8", "i8": "i4"}

# what may be refused, by a sentence; what is not refused is right, or a matter of taste
HOSTILE: dict[str, Callable[[np.ndarray], Any]] = {
    "None": lambda x: None,
    "a string": lambda x: "conductance",
    "a number": lambda x: 1.5,
    "an object": lambda x: object(),
    "a list": lambda x: x.tolist(),
    "a ragged list": lambda x: [[1.0], [1.0, 2.0]],
    "an empty list": lambda x: [],
    "a dict": lambda x: {"a": x},
    "complex": lambda x: x + 1j * np.abs(x),
    "integers": lambda x: np.real(x).astype(np.int64),
    "booleans": lambda x: x.astype(bool),
    "half precision": lambda x: np.real(x).astype(np.float16),
    "the other precision": lambda x: x.astype(OTHER.get(x.dtype.str[1:], "f8")),
    "the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "objects": lambda x: x.astype(object),
    "strings": lambda x: x.astype(str),
    "nothing along the first axis": without(0),
    "nothing along the last axis": without(-1),
    "one more axis": lambda x: x[None],
    "one axis less": lambda x: x[0] if x.ndim and len(x) else x,
    "no axis": lambda x: x.reshape(-1)[:1].reshape(()),
    "a longer last axis": wider,
    "a shorter first axis": lambda x: x[:-1] if x.ndim else x,
    "NaN": filled(np.nan),
    "infinite": filled(np.inf),
    "huge": filled(1e30),
    "negative": lambda x: -x if x.dtype.kind in "ifc" else x,
    "zero": lambda x: np.zeros_like(x),
    "far integers": lambda x: x + 10**6 if x.dtype.kind in "iu" and x.dtype.itemsize > 2 else x,
    "masked": lambda x: np.ma.masked_array(x, mask=np.zeros(x.shape, bool)),
    "sparse": lambda x: scipy.sparse.csr_matrix(np.abs(x.reshape(1, -1))),
}
NEVER = ("masked", "sparse")  # taken for an array
CASES = int(os.environ.get("PNNKERN_FUZZ_CASES", "6000"))  # in all


def changed_at(place: int, change: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray], Any]:
    """`change` for the array that is met as number `place`, the others as they are."""
    met = iter(range(10**9))
    return lambda x: change(x) if next(met) == place else x


def holds_record(value: Any) -> bool:
    """Whether a result of another call is in it."""
    kind = kind_of(type(value))
    return kind == "record" or (kind == "members" and any(map(holds_record, value.values() if isinstance(value, dict) else value)))


def places(call: Call) -> list[int]:
    """The numbers of the arrays of a call, but for those in results of other calls, which are for those that made them to read."""
    names = list(inspect.signature(call.of).parameters)[: len(call.args)] + list(call.kwargs)
    found, number = [], 0
    for name, value in zip(names, (*call.args, *call.kwargs.values()), strict=False):
        count = sum(type(x) is np.ndarray for x in leaves(value))
        found += range(number, number + count) if name != "record" and not holds_record(value) else ()
        number += count
    return found


def of_a_test(call: Call) -> bool:
    """Whether what answers is a test's own: a system, a function, a law (each takes a compilation); or what checks functions."""
    modules = {type(v).__module__.rpartition(".")[2] for v in leaves((call.args, call.kwargs))}
    rooms = ("pnnkern.testing.", "pnnkern.systems.apparatus.", "pnnkern.dynamics.")
    return call.name.startswith(rooms) or any(m.startswith("test_") for m in modules)


def cases(kinds: dict[str, Callable[[np.ndarray], Any]], most: int) -> list[tuple[Call, int, str]]:
    """A share of all calls with one array changed in one way, by a hash of what is changed in what: the same in every run."""
    every = {
        f"{call.name} {place} {kind} {n}": (call, place, kind)
        for n, call in enumerate(kept()) if not of_a_test(call) for place in places(call) for kind in kinds
    }  # fmt: skip
    return [every[key] for key in sorted(every, key=lambda key: zlib.crc32(key.rpartition(" ")[0].encode()))[:most]]


def same(expected: Any, found: Any) -> bool:
    """Equal up to the last bits, which may depend on how a sum was vectorised."""
    pairs = list(zip(leaves(expected), leaves(found), strict=True))
    return all(
        np.allclose(a, b, rtol=1e-4 if np.asarray(a).dtype.itemsize <= 8 else 1e-9, atol=1e-6, equal_nan=True)
        for a, b in pairs
        if isinstance(a, np.ndarray | np.generic | float) and np.asarray(a).dtype.kind in "fciub"
    )


def test_every_layout_gives_the_same() -> None:
    wrong, expected = [], {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for call, place, kind in cases(LAYOUTS, CASES // 2):
            if "fields" in call.kwargs:
                continue
            if id(call) not in expected:
                result, after = call.again()
                expected[id(call)] = result, after, written(call, after)
            result, after, in_place = expected[id(call)]
            try:
                found, others = call.again(changed_at(place, LAYOUTS[kind]))
                if not same(result, found) or not same(after, others):
                    wrong.append(f"{call.name}, array {place} {kind}: other values")
            except Exception as error:
                if kind == "read-only" and in_place[place] and isinstance(error, TypeError | ValueError):
                    continue
                wrong.append(f"{call.name}, array {place} {kind}: {type(error).__name__}: {str(error).strip()[:200]}")
    assert not wrong, f"{len(wrong)} calls:\n" + "\n".join(sorted(wrong))


def test_what_is_no_such_array_is_refused_in_a_sentence() -> None:
    wrong = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part that is thrown away
        for call, place, kind in cases(HOSTILE, CASES - CASES // 2):
            try:
                call.again(changed_at(place, HOSTILE[kind]))
            except (ValueError, TypeError, PnnError, MemoryError) as error:
                if not str(error) or len(str(error)) > 1000 or "numba" in type(error).__module__:
                    wrong.append(f"{call.name}, array {place} {kind}: {type(error).__name__}: {str(error).strip()[:200]}")
            except Exception as error:
                wrong.append(f"{call.name}, array {place} {kind}: {type(error).__name__}: {str(error).strip()[:200]}")
            else:
                if kind in NEVER:
                    wrong.append(f"{call.name}, array {place} {kind}: taken")
    assert not wrong, f"{len(wrong)} calls:\n" + "\n".join(sorted(wrong))
