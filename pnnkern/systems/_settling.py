"""What systems of layers that settle have in common: settings, parameters by name, and what rules ask of them.

Parameters are weights "W1", "W2", ... and biases "b1", "b2", ..., from the input upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .. import _array
from .._array import Array, Real
from .._gate import accepts_any
from ..networks._layered import Equilibrium, Factors, Phases
from ._encoding import fitting, one_hot
from .protocols import OuterProduct, Update, stacked
from .writers import InPlace


@accepts_any
@dataclass(kw_only=True)
class Settling:
    """Layers that settle.

    gain : of the inputs. sweeps, nudged_sweeps : of the free and of each nudged relaxation; exactly so many with tolerance 0, else at
        most, and not to settle is an error. high, low : targets of the outputs, of the sample's class and of the others.
    parameters : given, or drawn with `key`, weights uniform in +-scale / sqrt(values that a unit sees) and biases zero. rates : of W1, W2,
        ... relative to the learning rate, and bias_rates of the biases. device, dtype : of the arrays.
    """

    gain: float = 1.0
    sweeps: int = 15
    nudged_sweeps: int | None = None
    tolerance: float | None = 0.0
    high: float = 1.0
    low: float = 0.0
    scale: float = 1.0
    rates: Sequence[float] = ()
    bias_rates: Sequence[float] = ()
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    key: Any = None
    device: str = "cpu"

    room: ClassVar[Any] = None  # the module of the physics
    floor: ClassVar[float] = -float("inf")  # of the weights
    in_place: ClassVar[bool] = False  # weights move at once, in one pass without a gradient array, whatever the optimiser

    # ------------------------------------------------------------------------------------------------------- what a kind says
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all parameters, W and b of each layer in turn."""
        raise TypeError(f"{type(self).__name__} does not say what shape its parameters have")

    def _drawn(self, like: Array) -> dict[str, Array]:
        """All weights, drawn with `key`."""
        raise TypeError(f"{type(self).__name__} does not say how its weights are drawn")

    def _kind(self) -> dict[str, Any]:
        """Settings of the physics beyond what all have."""
        return {}

    @property
    def has_energy(self) -> bool:
        return True

    # -------------------------------------------------------------------------------------------------------------- parameters
    def _set_up(self) -> None:
        """Check the settings, draw what is not given, and name the writers."""
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")
        shapes = self._shapes()
        layers = sum(name.startswith("b") for name in shapes)
        for name in ("rates", "bias_rates"):
            if len(getattr(self, name)) not in (0, layers):
                raise ValueError(f"{name} must be one number for each of the {layers} layers, got {len(getattr(self, name))}")
        if not self.parameters:
            if self.key is None:
                raise ValueError("a layered network needs a key to draw its weights from, or its parameters")
            xp = _array.device_namespace(self.device)
            drawn = self._drawn(xp.empty(0, self.dtype))
            self.parameters = {name: drawn[name] if name in drawn else xp.zeros(shape, self.dtype) for name, shape in shapes.items()}
        fitting(self.parameters, shapes, self.dtype)
        for name in shapes:
            l = int(name[1:]) - 1
            rate = self.rates[l] if self.rates else 1.0
            if name.startswith("b"):
                if self.bias_rates or rate != 1:
                    self.writers.setdefault(name, InPlace(rate=self.bias_rates[l] if self.bias_rates else rate))
            elif self.in_place or self.rates:
                self.writers.setdefault(name, InPlace(self.floor, rate=rate))

    def _all(self, letter: str) -> list[Array]:
        """The parameters of one letter, from the input upwards."""
        return [self.parameters[name] for name in self._shapes() if name.startswith(letter)]

    @property
    def weights(self) -> list[Array]:
        return self._all("W")

    @property
    def biases(self) -> list[Array]:
        return self._all("b")

    def _named(self, parts: Sequence[Sequence[Any]]) -> dict[str, Update]:
        """Shares of weights (, backward weights) and biases by their names; those of what is no parameter are dropped."""
        letters = "Wb" if len(parts) == 2 else "WVb"
        named = {f"{letter}{l}": share for letter, part in zip(letters, parts, strict=True) for l, share in enumerate(part, 1)}
        return {n: OuterProduct(*s) if isinstance(s, Factors) else s for n, s in named.items() if n in self.parameters}

    # ----------------------------------------------------------------------------------------------------------------- physics
    def targets(self, labels: Array) -> Array:
        """(batch, outputs): `high` at the label, `low` elsewhere."""
        return one_hot(labels, self.biases[-1].size, self.high, self.low, self.device, self.dtype)

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """Free outputs (batch, outputs). Noise-free: `key` is not needed."""
        return self.relax(inputs).output

    def forward_population(
        self, inputs: Real, parameters: dict[str, Array], key: Any = None, sample: Any = 0, *, first: Any = 0
    ) -> Array:
        """Free outputs of a population, (members, batch, outputs), all relaxed at once."""
        with stacked(self, parameters, first):
            outputs: Array = self.room.relax_many(inputs, self.weights, self.biases, **self._settings())
        return outputs

    def _settings(self) -> dict[str, Any]:
        return {"sweeps": self.sweeps, "tolerance": self.tolerance} | self._kind()

    def _moves(self) -> dict[str, Any]:
        """Settings of continual equilibrium propagation."""
        return self._settings()

    def _long(self) -> dict[str, Any]:
        """Settings with sweeps enough for a free state and a nudged one."""
        return self._settings() | {"sweeps": max(self.sweeps, self.nudged_sweeps or 0)}

    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
              sample: Any = 0) -> Phases:  # fmt: skip
        """The free state and how far nudges move it."""
        relaxed: Phases = self.room.phases(
            inputs, self.weights, self.biases, nudges=nudges, target=target, hold=hold, nudged_sweeps=self.nudged_sweeps, **self._settings()
        )
        return relaxed

    # ---------------------------------------------------------------------------------------------------------------- learning
    def contrast(self, relaxed: Phases, a: int, b: int) -> dict[str, Update]:
        """dE/dparameter in phase b less that in phase a, mean over the batch."""
        return self._named(self._contrast(relaxed, a, b))

    def contrast_between(self, one: Phases, a: int, two: Phases, b: int) -> dict[str, Update]:
        """dE/dparameter in phase b of `two` less that in phase a of `one`, mean over the batch; their parameters may differ."""
        return self.contrast(one.beside(a, two, b), 0, 1)

    def _contrast(self, relaxed: Phases, a: int, b: int) -> Sequence[Sequence[Any]]:
        shares: Sequence[Sequence[Any]] = self.room.contrast(relaxed, a, b)
        return shares

    def continual_contrast(self, relaxed: Phases, target: Real, *, nudge: float, steps: int, rate: float) -> dict[str, Update]:
        """What continual equilibrium propagation adds up to. On the way the parameters of a layer move at its share of `rate`."""
        rates = [rate * share for share in (self.rates or [1.0] * len(self.biases))]
        ends = self.room.continual(
            relaxed.inputs, target, self.weights, self.biases, nudge=nudge, rates=rates, steps=steps, free=relaxed, **self._moves()
        )
        by = {name: rates[int(name[1:]) - 1] for name in self.parameters}
        return {name: (self.parameters[name] - end) * (1 / by[name] if by[name] else 0.0) for name, end in self._named(ends).items()}

    # -------------------------------------------------------------------------------------------------------------- exact twin
    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Free outputs, and the state for `vjp`."""
        free: Equilibrium = self.room.relax(inputs, self.weights, self.biases, **self._settings())
        return free.output, (inputs, free)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Update]:
        """The exact derivative through the equilibrium, by the response of all nodes to the cotangent."""
        inputs, free = record
        return self._named(self.room.relax_vjp(cotangent, inputs, self.weights, self.biases, free=free, **self._long()))


@accepts_any
@dataclass(kw_only=True)
class HopfieldUnits(Settling):
    """Layers of Hopfield units.

    activation : "hard-sigmoid", "sigmoid" or "tanh". readout : "state", the outputs are units that are nudged by their square error, or
        "softmax", they are scores beside the energy whose cross-entropy nudges the layer below; judge them by `learning.losses.Logits`.
    """

    activation: str = "hard-sigmoid"
    readout: str = "state"

    def _kind(self) -> dict[str, Any]:
        return {"activation": self.activation, "readout": self.readout}

    def _set_up(self) -> None:
        self.room.check_kind(self.activation, self.readout)
        if self.readout == "softmax" and (self.high, self.low) != (1.0, 0.0):
            raise ValueError(f"the targets of a softmax are 1 and 0: leave high and low as they are, got {self.high:g} and {self.low:g}")
        super()._set_up()

    def holomorphic_contrast(self, inputs: Real, target: Real, *, radius: float, points: int) -> dict[str, Update]:
        """The gradient of the cost by nudges on a circle; only the smooth activations can be followed there."""
        shares = self.room.holomorphic_contrast(inputs, target, self.weights, self.biases, radius=radius, points=points, **self._long())
        return self._named(shares)


__all__ = ["HopfieldUnits", "Settling"]
