"""What the tests call: every call of a public function or method from outside, kept so that it can be made again with other arrays."""

import copy
import dataclasses
import functools
import inspect
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pnnkern import _array, _gate

EACH = 4  # calls kept of a function, of different types of arguments
TRIES = 2000  # calls looked at
MOST = 1 << 18  # bytes of arrays in a call
ONCE = {"pnnkern.learning.rule.Batch.sum"}  # what it is given may know the very shards, so that it cannot be called again with others


@dataclass(frozen=True)
class Call:
    """A call that came back: `of` is the function, method (its first argument is the object) or class."""

    name: str
    of: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def again(self, change: Callable[[Any], Any] = lambda x: x) -> tuple[Any, list[Any]]:
        """Its result with copies of the arguments, `change` applied to each array; and these arguments, as the call has left them."""
        args, kwargs = changed(change, copies((self.args, self.kwargs)))
        return self.of(*args, **kwargs), [*args, *kwargs.values()]


calls: dict[str, list[Call]] = {}
public: set[str] = set()  # names of all that could be called
_seen: dict[str, int] = {}
_inside = threading.local()
paused = False  # set by tests whose calls cannot be made again


def leaves(value: Any) -> Iterator[Any]:
    """The members of containers and records, however deep."""
    kind = _gate.kind_of(type(value))
    if kind == "members":
        for member in value.values() if isinstance(value, dict) else value:
            yield from leaves(member)
    elif kind == "record":
        for field in dataclasses.fields(value):  # not what is worked out when it is first asked for
            yield from leaves(vars(value)[field.name])
    else:
        yield value


def changed(change: Callable[[Any], Any], value: Any) -> Any:
    """`change` applied to each NumPy array in containers and records."""
    kind = _gate.kind_of(type(value))
    if kind == "members":
        if isinstance(value, dict):
            return {k: changed(change, v) for k, v in value.items()}
        members = [changed(change, v) for v in value]
        return type(value)(members) if type(value) in (tuple, list) else type(value)(*members)
    if kind == "record":
        made = copy.copy(value)
        made.__dict__.update({k: changed(change, v) for k, v in vars(value).items()})
        libraries = {k for k in (_gate.kind_of(type(v)) for v in leaves(made)) if k in ("torch", "jax", "numba")}
        made.__dict__["_library"] = libraries.pop() if libraries else ""
        return made
    return change(value) if type(value) is np.ndarray else value


def copies(value: Any) -> Any:
    """Deep copies, of what can be copied; functions, locks and plans of libraries stay."""
    return copy.deepcopy(value, _kept(value))


def _kept(value: Any) -> dict[int, Any]:
    """What `deepcopy` leaves as it is."""
    memo: dict[int, Any] = {}
    for leaf in leaves(value):
        if type(leaf) is not np.ndarray:
            try:
                copy.deepcopy(leaf)
            except TypeError:  # cannot be pickled
                memo[id(leaf)] = leaf
    return memo


def _signature(args: Any, kwargs: dict[str, Any]) -> Any:
    def of(value: Any) -> Any:
        return (value.dtype.str, value.ndim) if isinstance(value, np.ndarray) else type(value).__name__

    return tuple(of(v) for v in leaves(args)), tuple((k, *(of(v) for v in leaves(kwargs[k]))) for k in sorted(kwargs))


_signatures: dict[str, set[Any]] = {}


def _standing_in() -> bool:
    """Whether `import cupy` finds the stand-in."""
    strict = sys.modules.get("strict_cupy")
    return strict is not None and sys.modules.get("cupy") is strict.MODULES["cupy"]


def _worth_keeping(name: str, args: Any, kwargs: dict[str, Any]) -> bool:
    kept = calls.get(name, [])
    if name in ONCE or paused or _standing_in() or len(kept) >= EACH or _seen.get(name, 0) > TRIES or _array.host_active.get():
        return False
    _seen[name] = _seen.get(name, 0) + 1
    found = list(leaves((args, kwargs)))
    if any(_gate.kind_of(type(v)) not in ("", "numpy") for v in found) or not any(type(v) is np.ndarray for v in found):
        return False
    if sum(v.nbytes for v in found if type(v) is np.ndarray) > MOST:
        return False
    signature = _signature(args, kwargs)
    if signature in _signatures.setdefault(name, set()):
        return False
    _signatures[name].add(signature)
    return True


def _watched(name: str, of: Callable[..., Any], function: Any, first: int = 0) -> Any:
    """`function`, whose calls from outside are kept as calls of `of` without the first so many arguments."""
    public.add(name)

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        if getattr(_inside, "call", False) or threading.current_thread() is not threading.main_thread():
            return function(*args, **kwargs)
        if (first and type(args[0]) is not of) or not _worth_keeping(name, args[first:], kwargs):
            kept = None
        else:
            kept = Call(name, of, *copies((args[first:], kwargs)))
        _inside.call = True
        try:
            result = function(*args, **kwargs)
        finally:
            _inside.call = False
        if kept is not None:
            calls.setdefault(name, []).append(kept)
        return result

    # warnings name the first line outside of the package: this function passes for one of it
    inside = types.FunctionType(watched.__code__, globals() | {"__name__": "pnnkern.gate"}, closure=watched.__closure__)
    inside.__kwdefaults__ = watched.__kwdefaults__
    return functools.update_wrapper(inside, function)


def keeping(accepts_any: Any) -> Any:
    """The gate, with a record of who goes through it."""

    def gate(target: Any) -> Any:
        gated = accepts_any(target)
        name = f"{target.__module__}.{target.__qualname__}"
        if not isinstance(target, type):
            return _watched(name, gated, gated)
        for method, value in list(vars(gated).items()):
            if method == "__init__":
                gated.__init__ = _watched(name, gated, value, first=1)
            elif inspect.isfunction(value) and hasattr(value, "__wrapped__"):
                setattr(gated, method, _watched(f"{name}.{method}", value, value))
        return gated

    return gate


_gate.accepts_any, _gate.record = keeping(_gate.accepts_any), keeping(_gate.record)  # for the rooms that are imported from now on
