"""Your own apparatus as a system: a function that measures, and a model of it if there is one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _array, _gate
from .._array import Array
from .._gate import accepts_any
from . import protocols
from ._encoding import fractions, given

Forward = Callable[..., Array]
Derivative = Callable[..., dict[str, Array]]


@accepts_any
class Apparatus:
    """What `from_callable` makes: `Measurable`."""

    def __init__(self, forward: Forward, parameters: dict[str, Array], encode: Callable[[Array], Array] | None) -> None:
        self.parameters, self._forward, self._encode = dict(parameters), forward, encode

    def encode(self, images: Array) -> Array:
        """Images or features as inputs: by the given function, or flat, uint8 brought to [0, 1], finite numbers as they are."""
        if self._encode is not None:
            return self._encode(images)
        values = np.asarray(_array.to_numpy(given(images, bounded=False))).reshape(len(images), -1)
        scaled = fractions(values, np.float32 if values.dtype == np.uint8 else values.dtype)
        return _array.namespace(*self.parameters.values()).asarray(scaled)

    def forward(self, inputs: Array, key: Any = None, sample: Any = 0) -> Array:
        """One pass of the apparatus, (batch, outputs)."""
        return self._forward(inputs, self.parameters, key, sample)

    forward_population = protocols.looped_population(forward)


@accepts_any
class ModelledApparatus(Apparatus):
    """What `from_callable` makes of an apparatus with a twin: `Measurable` and `Modelled`."""

    def __init__(self, twin: tuple[Forward, Derivative], *of: Any) -> None:
        super().__init__(*of)
        self._model, self._derivative = twin

    def forward_saving(self, inputs: Array) -> tuple[Array, Any]:
        """The twin's outputs, and its record: the inputs and the parameters."""
        parameters = dict(self.parameters)
        return self._model(inputs, parameters), (inputs, parameters)

    def vjp(self, cotangent: Array, record: Any) -> dict[str, Array]:
        """The twin's gradients."""
        return self._derivative(cotangent, *record)


def from_callable(
    forward: Forward, parameters: dict[str, Array], *, twin: tuple[Forward, Derivative] | None = None,
    encode: Callable[[Array], Array] | None = None,
) -> Apparatus:  # fmt: skip
    """Make a system of your own apparatus, or of any function of inputs and parameters.

    forward : ``forward(inputs, parameters, key, sample)`` -> real outputs (batch, n): one physical pass, whose noise, if it is simulated,
        is drawn from `key` for the global indices `sample`.
    parameters : name -> array; rules propose updates to them.
    twin : a digital model, ``model(inputs, parameters)`` and ``vjp(cotangent, inputs, parameters)`` -> {name: gradient}; check the second
        with `pnnkern.testing.check_vjp`. Without one, rules that need a model refuse.
    encode : what turns images or features (batch, ...) into inputs; by default they are flattened, uint8 brought to [0, 1].

    Your functions are given arrays of the library that `parameters` are of: torch tensors where these are torch's.
    """
    library = _gate.library(parameters)
    model = None if twin is None else (_speaking(library, twin[0]), _speaking(library, twin[1]))
    of = (_speaking(library, forward), parameters, None if encode is None else _speaking(library, encode))
    return Apparatus(*of) if model is None else ModelledApparatus(model, *of)


def _speaking(library: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a library's arrays as one of ours."""
    if not library:
        return function
    return lambda *args: _gate.taken(function(*_gate.given_back(library, args)))


__all__ = ["Apparatus", "ModelledApparatus", "from_callable"]
