"""Your own apparatus as a system: a function that measures, and a model of it if there is one. What is wrong with it is said at once."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import _array, _gate
from .._array import Array, Key, Numbers, Sample
from .._gate import accepts_any
from . import protocols
from ._encoding import fractions, given
from .system import System, Target

Forward = Callable[..., Array]
Derivative = Callable[..., dict[str, Array]]


@accepts_any
@dataclass(kw_only=True)
class Apparatus(System):
    """What `from_callable` makes: `Measurable` and `Featured`.

    function : ``function(inputs, parameters[, key[, sample]])``. encoder : of samples, or None. towards : what outputs are trained to be.
    outputs : how many there are, 0 before the first pass.
    """

    function: Forward = field(repr=False)
    encoder: Callable[[Array], Array] | None = field(default=None, repr=False)
    towards: Target = field(default_factory=lambda: Target("cross-entropy"))
    outputs: int = 0

    def __post_init__(self) -> None:
        self._takes = _arity("forward", self.function, 2, "inputs, parameters, key, sample")
        if not self.parameters or not all(_array.is_array(p) and p.dtype.kind == "f" for p in self.parameters.values()):
            raise TypeError("parameters must be a dictionary of one or more arrays of floating numbers by their names")
        self.parameters = dict(self.parameters)

    @property
    def natural_loss(self) -> Target:
        return self.towards

    @property
    def feature_count(self) -> int:
        return self.outputs

    def encode(self, images: Numbers) -> Array:
        """Images or features as inputs: by the given function, or flat, uint8 brought to [0, 1], finite numbers as they are."""
        if self.encoder is not None:
            return self.encoder(images)
        values = np.asarray(_array.to_numpy(given(images, bounded=False))).reshape(len(images), -1)
        scaled = fractions(values, np.float32 if values.dtype == np.uint8 else values.dtype)
        return _array.namespace(*self.parameters.values()).asarray(scaled)

    def forward(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """One pass of the apparatus, (batch, outputs)."""
        out = self.function(*(inputs, self.parameters, key, sample)[: self._takes])
        _check_outputs("forward", out, len(inputs))
        return out

    def read_features(self, inputs: Numbers, key: Key | None = None, sample: Sample = 0) -> Array:
        """The outputs."""
        return self.forward(inputs, key, sample)

    forward_population = protocols.looped_population(forward)

    def try_out(self, samples: Any, key: Key | None = None) -> None:
        """One pass of some raw samples; raises ValueError or TypeError, in one line, for what is wrong with it."""
        out = self.forward(self.encode(samples), key)
        if not vars(self)["outputs"]:
            vars(self)["outputs"] = out.shape[1]


@accepts_any
@dataclass(kw_only=True)
class ModelledApparatus(Apparatus):
    """What `from_callable` makes of an apparatus with a twin: `Measurable` and `Modelled`.

    model, derivative : ``model(inputs, parameters)`` and ``derivative(cotangent, inputs, parameters)``.
    """

    model: Forward = field(repr=False)
    derivative: Derivative = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        _arity("the twin's model", self.model, 2, "inputs, parameters", exactly=True)
        _arity("the twin's derivative", self.derivative, 3, "cotangent, inputs, parameters", exactly=True)

    def forward_saving(self, inputs: Numbers) -> tuple[Array, Any]:
        """The twin's outputs, and its record: the inputs and the parameters."""
        parameters = dict(self.parameters)
        out = self.model(inputs, parameters)
        _check_outputs("the twin's model", out, len(inputs))
        return out, (inputs, parameters)

    def vjp(self, cotangent: Numbers, record: Any) -> dict[str, Array]:
        """The twin's gradients."""
        return self.back(cotangent, record)[0]

    def back(self, cotangent: Numbers, record: Any) -> tuple[dict[str, Array], Array | None]:
        """The twin's gradients, and that by the inputs where its derivative gives it as "inputs"."""
        found = self.derivative(cotangent, *record)
        shapes = {name: p.shape for name, p in self.parameters.items()} | {"inputs": record[0].shape}
        if not isinstance(found, dict):
            raise TypeError(f"the twin's derivative must give a dictionary of gradients by their names, got {type(found).__name__}")
        for name, gradient in found.items():
            if name not in shapes:
                raise ValueError(f"the twin's derivative gives a gradient of {name!r}, which is no parameter: {', '.join(shapes)}")
            got = getattr(gradient, "shape", type(gradient).__name__)
            if got != shapes[name]:
                raise ValueError(f"the twin's derivative must give {name} the shape {shapes[name]}, got {got}")
        return {name: gradient for name, gradient in found.items() if name in self.parameters}, found.get("inputs")

    def try_out(self, samples: Any, key: Key | None = None) -> None:
        super().try_out(samples, key)
        out, record = self.forward_saving(self.encode(samples))
        if out.shape[1] != self.outputs:
            raise ValueError(f"the twin's model must give {self.outputs} outputs as forward does, got {out.shape[1]}")
        missing = set(self.parameters) - set(self.vjp(out, record))
        if missing:
            raise ValueError(f"the twin's derivative must give a gradient of every parameter, and has none of {', '.join(sorted(missing))}")


def from_callable(
    forward: Forward, parameters: dict[str, Array], *, twin: tuple[Forward, Derivative] | None = None,
    encode: Callable[[Array], Array] | None = None, target: Target | None = None, example: Any = None,
) -> Apparatus:  # fmt: skip
    """Make a system of your own apparatus, or of any function of inputs and parameters.

    Parameters
    ----------
    forward : Forward
        ``forward(inputs, parameters, key, sample)`` -> real outputs (batch, n): one physical pass, whose noise, if it is simulated, is drawn
        from `key` for the global indices `sample`. It may leave out `sample`, or both.
    parameters : dict[str, Array]
        Name -> array; rules propose updates to them.
    twin : tuple[Forward, Derivative] | None
        A digital model, ``model(inputs, parameters)`` and ``vjp(cotangent, inputs, parameters)`` -> {name: gradient}; check the second with
        `pnnkern.testing.check_vjp`. Without one, rules that need a model refuse. In a `chain` the second also gives "inputs", the gradient by
        the inputs.
    encode : Callable[[Array], Array] | None
        What turns images or features (batch, ...) into inputs; by default they are flattened, uint8 brought to [0, 1].
    target : Target | None
        What outputs are trained to be, unless a rule says otherwise; by default scores, by their cross-entropy.
    example
        Raw samples (batch, ...) to try all of it with.

    Raises
    ------
    TypeError, ValueError
        In one line, for functions that cannot be called like that and, with an `example`, for outputs and gradients that have another shape or
        are no numbers.

    Notes
    -----
    Your functions are given arrays of the library that `parameters` are of: torch tensors where these are torch's.
    """
    library = _gate.library(parameters)
    of: dict[str, Any] = {
        "function": _speaking(library, forward), "parameters": parameters, "towards": target or Target("cross-entropy"),
        "encoder": None if encode is None else _speaking(library, encode),
    }  # fmt: skip
    if twin is None:
        made = Apparatus(**of)
    else:
        if not isinstance(twin, tuple | list) or len(twin) != 2 or not all(map(callable, twin)):
            raise TypeError("twin must be two functions, model(inputs, parameters) and vjp(cotangent, inputs, parameters)")
        made = ModelledApparatus(**of, model=_speaking(library, twin[0]), derivative=_speaking(library, twin[1]))
    if example is not None:
        made.try_out(example)
    return made


def _arity(what: str, function: Any, least: int, names: str, *, exactly: bool = False) -> int:
    """How many of the positional arguments called `names` a function takes, at least so many. Raises TypeError, in one line."""
    most = names.count(",") + 1
    if not callable(function):
        raise TypeError(f"{what} must be a function of ({names}), got {type(function).__name__}")
    try:
        signature = inspect.signature(inspect.unwrap(function))
    except (TypeError, ValueError):  # of a compiled library, which does not say
        return most
    for count in range(most, (most if exactly else least) - 1, -1):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count
    raise TypeError(f"{what} must take ({names}), and {getattr(function, '__name__', 'it')} takes {signature}")


def _check_outputs(what: str, out: Any, batch: int) -> None:
    """Raise TypeError or ValueError, in one line, for outputs that are no real numbers (batch, n)."""
    if not _array.is_array(out) or out.dtype.kind != "f":
        got = out.dtype if _array.is_array(out) else type(out).__name__
        raise TypeError(f"{what} must give an array of real floating numbers, got {got}")
    if out.ndim != 2 or len(out) != batch:
        raise ValueError(f"{what} must give outputs ({batch}, n), one row for each sample, got shape {out.shape}")
    if not _array.is_on_gpu(out) and not (fine := np.isfinite(out).all(axis=1)).all():
        raise ValueError(f"{what} gives NaN or infinite outputs, of sample {int(np.argmin(fine))} of the batch first")


def _speaking(library: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a library's arrays as one of ours."""
    if not library or not callable(function):
        return function

    def speaking(*args: Any) -> Any:
        return _gate.taken(function(*_gate.given_back(library, args)))

    speaking.__wrapped__ = function  # type: ignore[attr-defined]
    speaking.__name__ = getattr(function, "__name__", "it")
    return speaking


__all__ = ["Apparatus", "ModelledApparatus", "from_callable"]
