"""The functions that other people's tapes can record: what each is differentiable by, what comes out, and which axes it works through.

One table, `OPERATIONS`, of every public function with a `NAME_vjp` beside it; `pnnkern.torch` and `pnnkern.jax` are made from it. The rest says
how a call is taken apart into arrays, whole numbers, numbers and settings, which is what those libraries can carry, and put together again;
and how calls over a further axis (vmap) become one call, where the function has such an axis itself.

Convention of complex cotangents: g = dL/dRe + i dL/dIm, as everywhere in this package and in torch. JAX's is the conjugate.
"""

import ast
import dataclasses
import functools
import hashlib
import importlib
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from . import _array
from ._array import Array
from ._gate import accepts_any, array_checks
from ._updates import dense

Shape = tuple[Any, ...]  # integers, or torch's symbols for them
Arguments = Mapping[str, Any]


# ------------------------------------------------------------------------------------------------------------------ what comes out
def _shape(value: Any) -> Shape:
    return tuple(value.shape) if hasattr(value, "shape") else np.shape(value)


def _joined(shapes: Sequence[Shape]) -> Shape:
    """The shape that shapes which fit each other broadcast to; whether they fit, the function says."""
    out: list[Any] = []
    for axes in itertools.zip_longest(*(s[::-1] for s in shapes), fillvalue=1):
        out.append(next((n for n in axes if n != 1), 1))
    return tuple(out[::-1])


def _lead(op: "Operation", given: Arguments) -> Shape:
    """The leading axes of the result of a function of planes."""
    return _joined([_shape(v)[: max(0, len(_shape(v)) - op.own[n])] for n, v in given.items() if n in op.own and v is not None])


def _planes(op: "Operation", given: Arguments) -> Shape:
    """Leading axes and a plane, that of the fields and what is given per pixel, or the one that is asked for."""
    plane = given.get("out_shape")
    if plane is None:
        plane = _joined([_shape(v)[-2:] for n, v in given.items() if op.own.get(n) == 2])
    return (*_lead(op, given), *plane)


def _far(op: "Operation", given: Arguments) -> Shape:
    side, pads = importlib.import_module("pnnkern.optics._fft").window_side, importlib.import_module("pnnkern.optics._sampling").pads
    sides = zip(_shape(given["field"])[-2:], pads(given["pad"]), strict=True)
    return (*_lead(op, given), *(1 if n == 1 else side(int(n), p) for n, p in sides))


def _powers(op: "Operation", given: Arguments) -> Shape:
    return (*_lead(op, given), len(given["regions"]))


def _same(op: "Operation", given: Arguments) -> Shape:
    """That of the argument which also gives the dtype."""
    return _shape(given[op.like])


def _currents(op: "Operation", given: Arguments) -> Shape:
    return (*_shape(given["V"])[:-1], _shape(given["G"])[-1])


def _read(op: "Operation", given: Arguments) -> Shape:
    G = _shape(given["G"])
    return (*G[:-2], _shape(given["V"])[0], G[-1])


def _product(op: "Operation", given: Arguments) -> Shape:
    return _shape(given["x"])[0], _shape(given["W"])[1]


def _applied(op: "Operation", given: Arguments) -> Shape:
    outputs_of = importlib.import_module("pnnkern.crossbar.mapping").outputs_of
    return _shape(given["x"])[0], outputs_of(int(_shape(given["state"]["G"])[2]), given["description"])


def _arrays(op: "Operation", given: Arguments) -> Shape:
    d, (n_in, n_out) = given["description"], _shape(given["W"])
    return len(d.parts), n_in, d.columns(int(n_out))


def _outputs(op: "Operation", given: Arguments) -> Shape:
    """(batch, outputs) of a layered network."""
    return _shape(given[op.rows[0]])[0], _shape(given["weights"][-1])[1]


def _phases(op: "Operation", given: Arguments) -> Shape:
    fields = [_shape(given[n]) for n in ("x", "y") if given.get(n) is not None]
    return _joined([_shape(given["phase"]), *fields])


def _in_time(op: "Operation", given: Arguments) -> Shape:
    """What is kept of the states of an ODE."""
    batch, *of_sample = _shape(given["state"])
    return batch, int(given["steps"]) // int(given["every"]), *of_sample


# ------------------------------------------------------------------------------------------------ how a function is called, and its vjp
def _value(op: "Operation", given: dict[str, Any]) -> Array:
    return op.function(**given)


def _output(op: "Operation", given: dict[str, Any]) -> Array:
    """What is read of the state that a network relaxes to."""
    return op.function(**given).output


def _cosines(op: "Operation", given: dict[str, Any]) -> Array:
    state = op.function(**given).phase
    return _array.namespace(state).cos(state)


def _by_name(op: "Operation", cotangent: Array, given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Of a vjp that takes `wrt`."""
    wrt = tuple(name.rpartition(".")[2] for name in names)
    found = op.vjp(cotangent, **given, wrt=wrt)
    return dict(zip(names, (found,) if len(names) == 1 else found, strict=True))


def _of_layers(op: "Operation", cotangent: Array, given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Of a vjp that gives lists, of weights, backward weights if there are any, and biases."""
    parts = op.vjp(cotangent, **given)
    known = ("weights", "biases") if len(parts) == 2 else ("weights", "backward", "biases")
    return {name: [dense(d) for d in part] for name, part in zip(known, parts, strict=True)}


def _of_phases(op: "Operation", cotangent: Array, given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """The vjp is by J_ij = J_ji, one number; entries of an array are two, which share it. Fields of all samples add up."""
    settings = {n: v for n, v in given.items() if n != "phase"}
    of_pairs, x, y, second = op.vjp(cotangent, op.function(**given).phase, **settings)
    found = {n: g.sum(axis=0) if given.get(n) is not None and given[n].ndim == 1 else g for n, g in (("x", x), ("y", y))}
    if "coupling" in names:
        J = of_pairs.dense() / 2
        J[range(len(J)), range(len(J))] = 0
        found["coupling"] = J
    return found | {"second": second}


# -------------------------------------------------------------------------------------------------------------------------- the table
@dataclass(frozen=True, eq=False)
class Operation:
    """A function with a derivative.

    name : ROOM.NAME or ROOM.MODULE.NAME. by : the arguments that it has a derivative by; "state.G" is an entry of a dict.
    like : the argument of whose dtype the result is; `real` of the real one beside it. out : the shape of the result.
    own : argument -> how many of its last axes are its own. Axes in front of them are leading ones, which broadcast, or (`stacked`) are the
        same.
    rows : arguments whose first axis is samples, each of which is worked on by itself where nothing is random; as is the first axis of the
        result, if the `single` argument is one matrix.
    call, pull : how the function and its vjp are called, where that is not plain.
    """

    name: str
    by: tuple[str, ...]
    like: str
    out: Callable[["Operation", Arguments], Shape]
    real: bool = False
    own: Mapping[str, int] = field(default_factory=dict)
    stacked: bool = False
    rows: tuple[str, ...] = ()
    single: str = ""
    call: Callable[["Operation", dict[str, Any]], Array] = _value
    pull: Callable[["Operation", Array, dict[str, Any], tuple[str, ...]], dict[str, Any]] = _by_name

    @functools.cached_property
    def _module(self) -> Any:
        return importlib.import_module(f"pnnkern.{self.name.rpartition('.')[0]}")

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._module, self.name.rpartition(".")[2])
        return found

    @functools.cached_property
    def vjp(self) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self._module, f"{self.name.rpartition('.')[2]}_vjp")
        return found

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The function's, without what its derivative does not take; with what only that one takes."""
        own, vjps = (inspect.signature(f).parameters for f in (self.function, self.vjp))
        more = [p.replace(kind=p.KEYWORD_ONLY) for n, p in vjps.items() if n not in own and n not in ("cotangent", "wrt", "free")]
        return inspect.Signature([p for n, p in own.items() if n in vjps] + more)

    @functools.cached_property
    def form(self) -> "Form":
        """How it is called."""
        parameters = self.signature.parameters
        positional = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters.values())
        required = tuple(n for n, p in parameters.items() if p.default is p.empty)
        return Form(self.name, tuple(parameters), positional, required)

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """Arguments that need not be given, with what they are then."""
        return {n: p.default for n, p in self.signature.parameters.items() if p.default is not p.empty}

    @functools.cached_property
    def only_vjp(self) -> frozenset[str]:
        """Arguments of the derivative alone."""
        return frozenset(self.form.names) - frozenset(inspect.signature(self.function).parameters)

    def derivative(self, path: str) -> str | None:
        """The argument among `by` that an array of a call belongs to."""
        for name in self.by:
            if path == name or path.startswith(f"{name}."):
                return name
        return None

    def refuse(self, path: str) -> str:
        """The sentence for a derivative that there is not."""
        return (
            f"{self.name} has no derivative by {path}, only by {', '.join(self.by)}: give {path} as a value that is not differentiated "
            "(detach it, or stop_gradient)"
        )


_FIELD = {"field": 2}
_MEDIA = _FIELD | {"distance": 0, "wavelength": 0}
_RELAX: dict[str, Any] = {"by": ("weights", "biases"), "like": "weights", "out": _outputs, "call": _output, "pull": _of_layers}

OPERATIONS: tuple[Operation, ...] = (
    Operation("optics.amplitude_mask", ("field", "amplitude"), "field", _planes, own=_FIELD | {"amplitude": 2}),
    Operation("optics.detect", ("light",), "light", _same, rows=("light",)),
    Operation("optics.fraunhofer", ("field", "distance", "wavelength"), "field", _far, own=_MEDIA),
    Operation("optics.height_mask", ("field", "height"), "field", _planes,
              own=_FIELD | {"height": 2, "wavelength": 0, "index": 0, "absorption": 0, "index_medium": 0}),
    Operation("optics.intensity", ("field",), "field", _same, real=True, own=_FIELD),
    Operation("optics.lens", ("field", "focal_length"), "field", _planes,
              own=_FIELD | {"focal_length": 0, "wavelength": 0, "centre": 1}),
    Operation("optics.phase_mask", ("field", "phase"), "field", _planes, own=_FIELD | {"phase": 2}),
    Operation("optics.powers", ("field",), "field", _powers, real=True, own=_FIELD),
    Operation("optics.propagate", ("field", "distance", "wavelength"), "field", _planes, own=_MEDIA),
    Operation("optics.propagate_scaled", ("field", "distance", "wavelength"), "field", _planes, own=_MEDIA | {"out_pitch": 1}),
    Operation("optics.transmit", ("field", "transmission"), "field", _planes, own=_FIELD | {"transmission": 2}),
    Operation("crossbar.apply", ("x", "state.G"), "x", _applied, rows=("x",)),
    Operation("crossbar.conductances", ("W",), "W", _arrays),
    Operation("crossbar.convert", ("x",), "x", _same, rows=("x",)),
    Operation("crossbar.effective_conductance", ("G",), "G", _same, own={"G": 2}),
    Operation("crossbar.matmul", ("x", "W"), "x", _product, rows=("x",)),
    Operation("crossbar.read", ("V", "G"), "V", _read, rows=("V",), single="G"),
    Operation("crossbar.solve_currents", ("V", "G"), "G", _currents, own={"V": 2, "G": 2}, stacked=True),
    Operation("networks.convolutional.relax", rows=("images",), **_RELAX),
    Operation("networks.drn.relax", rows=("inputs",), **_RELAX),
    Operation("networks.hopfield.relax", rows=("inputs",), **_RELAX | {"by": ("weights", "backward", "biases")}),
    Operation("networks.oscillator.relax", ("coupling", "x", "y", "second"), "coupling", _phases, call=_cosines, pull=_of_phases),
    Operation("dynamics.integrate", ("state", "parameters", "weights", "drive"), "state", _in_time, rows=("state", "drive")),
)  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- a call, taken apart
# The leaves of arguments, by a template: ("array",) ("int",) ("float",) ("same", value) ("object", number), and ("tuple" | "list", ...),
# ("dict", (key, ...), ...), ("between", ...) of such.
Template = tuple[Any, ...]


@dataclass(frozen=True)
class Form:
    """The arguments of a function: how many may be given without their names, and which must be given."""

    function: str
    names: tuple[str, ...]
    positional: int
    required: tuple[str, ...]

    def named(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name. Raises TypeError for one too many, one that there is not, and one missing."""
        if len(args) > self.positional:
            without = "argument without its name" if self.positional == 1 else "arguments without their names"
            raise TypeError(f"{self.function} takes {self.positional} {without}, got {len(args)}")
        given = dict(zip(self.names, args, strict=False))
        for name, value in kwargs.items():
            if name in given:
                raise TypeError(f"{self.function} was given {name} twice")
            if name not in self.names:
                raise TypeError(f"{self.function} with a derivative takes no {name}, but {', '.join(self.names)}")
            given[name] = value
        for name in self.required:
            if name not in given:
                raise TypeError(f"{self.function} needs {name}")
        return given


@dataclass
class Parts:
    """The leaves of a call, by kind, in the order of its template. paths : of the arrays."""

    paths: list[str] = field(default_factory=list)
    arrays: list[Any] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)


def taken_apart(given: Mapping[str, Any], kinds: tuple[type, ...], parts: Parts) -> Template:
    """The template of arguments, whose leaves are put into `parts`; `kinds` are the types of arrays."""
    return "dict", tuple([(name, _node(value, name, kinds, parts)) for name, value in given.items()])


def _node(value: Any, path: str, kinds: tuple[type, ...], parts: Parts) -> Template:
    if isinstance(value, kinds):
        parts.paths.append(path)
        parts.arrays.append(value)
        return ("array",)
    if value is None or isinstance(value, bool | str):
        return "same", value
    if isinstance(value, int):
        parts.whole.append(value)
        return ("int",)
    if isinstance(value, float):
        parts.numbers.append(value)
        return ("float",)
    if type(value) in (tuple, list):
        kind = "tuple" if type(value) is tuple else "list"
        return kind, tuple([_node(v, f"{path}.{i}", kinds, parts) for i, v in enumerate(value)])
    if type(value) is dict:
        return "dict", tuple([(k, _node(v, f"{path}.{k}", kinds, parts)) for k, v in value.items()])
    if type(value).__name__ == "Between":  # of networks.oscillator, which is not imported for it
        return "between", _node(value.weights, f"{path}.weights", kinds, parts)
    parts.objects.append(value)
    return "object", len(parts.objects) - 1


def put_together(template: Template, arrays: Sequence[Any], whole: Sequence[int], numbers: Sequence[float], objects: Sequence[Any]) -> Any:
    """The arguments that were taken apart."""
    sources = {"array": iter(arrays), "int": iter(whole), "float": iter(numbers)}

    def made(node: Template) -> Any:
        kind = node[0]
        if kind in sources:
            return next(sources[kind])
        if kind == "same":
            return node[1]
        if kind == "object":
            return objects[node[1]]
        if kind == "dict":
            return {k: made(v) for k, v in node[1]}
        if kind == "between":
            weights = made(node[1])
            if not _array.is_array(weights):  # a shape is asked for, or nothing that is run
                return weights
            return importlib.import_module("pnnkern.networks.oscillator").Between(weights)
        values = [made(v) for v in node[1]]
        return tuple(values) if kind == "tuple" else values

    return made(template)


# Settings that libraries cannot carry go by a text that says them: equal texts are equal settings, in any process, so that what a compiler
# keeps on disk for one is right for the other. What has no text of its own is numbered, with a word that is this process's alone. A text of
# plain values alone is read again in a process that has not made it.
_settings: dict[str, tuple[Template, tuple[Any, ...]]] = {}
_numbered: dict[int, tuple[str, Any]] = {}


def settled(template: Template, *objects: Any) -> str:
    """The text of settings, by which `Call` finds them."""
    text = f"{template!r} {' '.join(map(_text, objects))}"
    text = text if len(text) < 200 or not objects else hashlib.sha256(text.encode()).hexdigest()
    _settings.setdefault(text, (template, objects))
    return text


def _setting(text: str) -> tuple[Template, tuple[Any, ...]]:
    """What a text says. Raises ValueError where another process has made it of descriptions, which it does not hold."""
    if text not in _settings:
        try:
            template = ast.literal_eval(text.strip())
        except (SyntaxError, ValueError):
            raise ValueError(
                "this program was saved by another process and holds settings that are no plain values, which only that one knows "
                f"({text:.100}): "
                "export functions whose settings are numbers, strings and arrays, and call the others outside of what is exported"
            ) from None
        _settings[text] = template, ()
    return _settings[text]


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | complex | str | np.dtype | np.generic):
        return repr(value)
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    if isinstance(value, tuple | list):
        return f"({' '.join(map(_text, value))})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = " ".join(f"{f.name}={_text(getattr(value, f.name))}" for f in dataclasses.fields(value))
        return f"{type(value).__module__}.{type(value).__qualname__}({inside})"
    if id(value) not in _numbered:
        _numbered[id(value)] = f"{type(value).__qualname__} {np.random.SeedSequence().entropy:x}", value
    return _numbered[id(value)][0]


# ---------------------------------------------------------------------------------------------------------- a call, without its arrays
@dataclass(frozen=True)
class Call:
    """A call of an operation without its arrays. paths : the names of these. text : of the settings."""

    op: Operation
    paths: tuple[str, ...]
    whole: tuple[int, ...]
    numbers: tuple[float, ...]
    text: str

    def arguments(self, arrays: Sequence[Any]) -> dict[str, Any]:
        template, objects = _setting(self.text)
        for path, a in zip(self.paths, arrays, strict=True):
            if not hasattr(a, "shape"):
                raise TypeError(f"{path} must be an array, got {type(a).__name__}")
        given: dict[str, Any] = put_together(template, arrays, self.whole, self.numbers, objects)
        return given

    @property
    def differentiable(self) -> tuple[int, ...]:
        """The numbers of the arrays that there is a derivative by."""
        return tuple(i for i, path in enumerate(self.paths) if self.op.derivative(path))

    def shape(self, arrays: Sequence[Any]) -> Shape:
        """Of the result, for arrays or what has their shapes."""
        return self.op.out(self.op, self.op.defaults | self.arguments(arrays))

    def check(self, arrays: Sequence[Any]) -> None:
        """Raise TypeError, as the function does, for what should be an array of some dtype and is not; these arrays need not have values."""
        given = self.arguments([np.broadcast_to(np.zeros((), a.dtype), a.shape) for a in arrays])
        for _, name, check in array_checks(self.op.function):
            if name in given:
                check(name, given[name])

    def like(self, arrays: Sequence[Any]) -> Any:
        """The array whose dtype the result has (or the real one beside it)."""
        return next(a for path, a in zip(self.paths, arrays, strict=True) if path.split(".")[0] == self.op.like)

    def random(self, arrays: Sequence[Any]) -> bool:
        return self.arguments(arrays).get("key") is not None


SECOND = (
    "pnnkern has first derivatives only: {name} cannot be differentiated twice (for a product with the Hessian take differences of first "
    "derivatives)"
)


@accepts_any
def run(call: Call, arrays: list[Any]) -> Array:
    """The result, on arrays of any library."""
    given = call.arguments(arrays)
    return call.op.call(call.op, {n: v for n, v in given.items() if n not in call.op.only_vjp})


@accepts_any
def pulled(call: Call, cotangent: Array, arrays: list[Any], wanted: tuple[int, ...]) -> list[Any]:
    """The derivatives by those of the arrays that are wanted, each of its array's shape and dtype."""
    op = call.op
    names = tuple(dict.fromkeys(n for n in (op.derivative(call.paths[i]) for i in wanted) if n))
    found = op.pull(op, cotangent, call.arguments(arrays), names)
    out = []
    for i in wanted:
        path, name = call.paths[i], op.derivative(call.paths[i])
        if name is None:
            raise TypeError(op.refuse(path))
        value, rest = found[name], path[len(name) + 1 :]
        if rest.isdigit():
            value = value[int(rest)]
        out.append(_as(value, arrays[i]))
    return out


def _as(value: Any, array: Array) -> Array:
    """A derivative in the dtype of what it is by, and where that is."""
    if isinstance(array, np.ndarray) and _array.is_array(value):
        value = _array.to_numpy(value)
    xp = _array.namespace(array)
    return xp.ascontiguousarray(xp.asarray(value, array.dtype)).reshape(array.shape)


# --------------------------------------------------------------------------------------------------------------- over a further axis
@dataclass(frozen=True)
class Batched:
    """A call over a further axis of some of its arrays, the first one, of `size`. mapped : which arrays have it.

    `forward` and `backward` take a function of arrays for one call and give the result with that axis in front: by one call, where the
    operation has such an axis, else by one after another. Arrays need `reshape`, `shape`, `ndim` and indices, and `expand` and `stack` of their
    library.
    """

    call: Call
    mapped: tuple[bool, ...]
    size: int
    expand: Callable[[Any, Shape], Any]
    stack: Callable[[list[Any]], Any]

    def forward(self, one: Callable[[list[Any]], Any], arrays: Sequence[Any]) -> Any:
        lead = self._lead(arrays)
        if lead is not None:
            return one([self._aligned(i, a, lead, self.mapped[i] or self.call.op.stacked) for i, a in enumerate(arrays)])
        if self._by_rows(arrays):
            out = one(self._merged(arrays))
            return out.reshape(self.size, -1, *out.shape[1:])
        return self.stack([one(some) for some in self._each(arrays)])

    def backward(
        self, one: Callable[[Any, list[Any]], list[Any]], cotangent: Any, arrays: Sequence[Any], wanted: tuple[int, ...]
    ) -> list[Any]:
        """The derivatives by the arrays that are wanted, each with the axis in front. cotangent : with the axis in front."""
        lead = self._lead(arrays)
        if lead is not None:
            all_mapped = [self.mapped[i] or self.call.op.stacked or i in wanted for i in range(len(arrays))]
            inside = [self._aligned(i, a, lead, all_mapped[i]) for i, a in enumerate(arrays)]
            return [d.reshape(self.size, *self._logical(i, arrays[i])) for i, d in zip(wanted, one(cotangent, inside), strict=True)]
        if self._by_rows(arrays) and all(self._row(i) for i in wanted):
            found = one(cotangent.reshape(-1, *cotangent.shape[2:]), self._merged(arrays))
            return [d.reshape(self.size, -1, *d.shape[1:]) for d in found]
        each = [one(cotangent[b], some) for b, some in enumerate(self._each(arrays))]
        return [self.stack(list(column)) for column in zip(*each, strict=True)]

    def _logical(self, i: int, array: Any) -> Shape:
        """The shape of an array in one of the calls."""
        return tuple(array.shape[1:] if self.mapped[i] else array.shape)

    def _each(self, arrays: Sequence[Any]) -> Iterator[list[Any]]:
        for b in range(self.size):
            yield [a[b] if m else a for a, m in zip(arrays, self.mapped, strict=True)]

    # leading axes: arrays are lined up so that the new axis is in front of all of them
    def _lead(self, arrays: Sequence[Any]) -> int | None:
        """How many leading axes one call has, if all arrays with the new axis have leading axes."""
        op = self.call.op
        for i, (path, m) in enumerate(zip(self.call.paths, self.mapped, strict=True)):
            if m and (path not in op.own or len(self._logical(i, arrays[i])) < op.own[path]):
                return None
        given = self.call.arguments([_Shaped(self._logical(i, a)) for i, a in enumerate(arrays)])
        return max((len(_shape(v)) - op.own[n] for n, v in given.items() if n in op.own and v is not None), default=0)

    def _aligned(self, i: int, array: Any, lead: int, spread: bool) -> Any:
        """The array with the new axis in front, if it has or shall have one, and room for all leading axes behind it."""
        path = self.call.paths[i]
        if not spread or path not in self.call.op.own:
            return array
        shape = self._logical(i, array)
        if not self.mapped[i]:
            array = self.expand(array, (self.size, *shape))
        return array.reshape(self.size, *(1,) * (lead - (len(shape) - self.call.op.own[path])), *shape)

    # rows: the new axis becomes part of theirs
    def _row(self, i: int) -> bool:
        return self.call.paths[i] in self.call.op.rows

    def _by_rows(self, arrays: Sequence[Any]) -> bool:
        if not self.call.op.rows or self.call.random(arrays) or "sample" in self.call.paths:
            return False
        several = any(path == self.call.op.single and a.ndim != 2 for path, a in zip(self.call.paths, arrays, strict=True))
        return not several and all(self._row(i) == m and 0 not in a.shape for i, (m, a) in enumerate(zip(self.mapped, arrays, strict=True)))

    def _merged(self, arrays: Sequence[Any]) -> list[Any]:
        return [a.reshape(-1, *a.shape[2:]) if self._row(i) else a for i, a in enumerate(arrays)]


@dataclass(frozen=True)
class _Shaped:
    """Stands for an array whose shape alone is asked for."""

    shape: Shape


def by_room(functions: Mapping[str, Any]) -> dict[str, Any]:
    """Functions by ROOM.MODULE.NAME as attributes of their rooms."""
    rooms: dict[str, Any] = {}
    for name, function in functions.items():
        room, *inner, last = name.split(".")
        inside = rooms.setdefault(room, SimpleNamespace())
        for module in inner:
            inside = inside.__dict__.setdefault(module, SimpleNamespace())
        setattr(inside, last, function)
    return rooms


__all__ = ["OPERATIONS", "SECOND", "Batched", "Call", "Operation", "Parts", "by_room", "pulled", "run", "settled", "taken_apart"]
