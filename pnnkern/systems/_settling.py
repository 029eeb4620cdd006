"""What systems of layers that settle have in common: settings, parameters by name, and what rules ask of them.

Parameters are weights "W1", "W2", ... and biases "b1", "b2", ..., from the input upwards.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from .. import _array, random
from .._array import Array, Key, Real, Sample
from .._declared import Turns, check
from .._gate import accepts_any, record
from .._updates import Derivative, scaled
from ..networks.layered import Equilibrium, Phases, softmax
from ._encoding import check_parameters
from ._imperfect import UnitImperfections, on_the_built
from ._layers import DenseLayers, GradedOutputs, Rates, check_dtype
from .protocols import stacked
from .system import Target
from .writers import InPlace


@record
@dataclass(frozen=True)
class MeasuredPhases(Phases):
    """Phases of a device whose states are measured with noise, of each phase its own, when they are looked at.

    noise : rms, key and sample. scores : the last layer is a softmax read-out, whose state is no measured one.
    """

    noise: tuple[float, Any, Any]
    scores: bool

    @classmethod
    def of(cls, phases: Phases, noise: tuple[float, Any, Any], scores: bool = False) -> Self:
        """These phases, to be measured."""
        return cls(**{f.name: getattr(phases, f.name) for f in dataclasses.fields(Phases)}, noise=noise, scores=scores)

    def seen(self, phase: int) -> list[Array]:
        """The states of a phase as they are measured."""
        rms, key, sample = self.noise
        states = self.states if phase == 0 else [s + m[phase - 1] for s, m in zip(self.states, self.moved, strict=True)]
        read = len(states) - self.scores
        own = [random.fold_in(key, f"state {phase} {l}") for l in range(read)]
        return [
            s + s.dtype.type(rms) * random.normal(own[l], s.shape, sample=sample, dtype=s.dtype, like=s) if l < read else s
            for l, s in enumerate(states)
        ]


def as_measured(one: Phases, a: int, two: Phases, b: int) -> tuple[Phases, int, int]:
    """Phase a of `one` and phase b of `two`, with the noise that they are measured with: of which phases, and their numbers there."""
    if not isinstance(one, MeasuredPhases) or not isinstance(two, MeasuredPhases):
        return (one, a, b) if one is two else (one.beside(a, two, b), 0, 1)
    one.pairs(a, a), two.pairs(b, b)  # refuse numbers of no phase
    first, second = one.seen(a), two.seen(b)
    moved = [(y - x)[None] for x, y in zip(first, second, strict=True)]
    return Phases(one.inputs, first, moved, one.output, left=one.left, limit=one.limit), 0, 1


@accepts_any
@dataclass(kw_only=True)
class Settling(GradedOutputs):
    """Layers that settle. Parameters are given, or drawn with `key`, biases zero.

    Parameters
    ----------
    nudged_sweeps : int | None
        Of each nudged state, None for as many as of the free one.
    tolerance : float | None
        0 makes exactly so many sweeps, else they are the most, and not to settle is an error; None is that of the dtype.
    """

    sweeps: Turns = 15  # over all layers, of the free state
    nudged_sweeps: int | None = None
    tolerance: float | None = 0.0
    imperfections: UnitImperfections = field(default_factory=UnitImperfections)
    bias_rates: Rates = ()  # of the biases, relative to training.lr; as `rates` if empty

    physics: ClassVar[Any] = None  # the module of `pnnkern.networks`
    least_weight: ClassVar[float] = -float("inf")
    _slopes: ClassVar[Any] = None  # of the units of the built device, where they differ
    in_place: ClassVar[bool] = False  # weights move at once, in one pass without a gradient array, whatever the optimiser

    # ------------------------------------------------------------------------------------------------ what a system says of itself
    def _parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all parameters, W and b of each layer in turn."""
        raise TypeError(f"{type(self).__name__} does not say what shape its parameters have")

    def _draw_weights(self, like: Array) -> dict[str, Array]:
        """All weights, drawn with `key`."""
        raise TypeError(f"{type(self).__name__} does not say how its weights are drawn")

    def _physics_settings(self) -> dict[str, Any]:
        """Settings of the physics beyond sweeps and tolerance."""
        return {}

    @property
    def _letters(self) -> str:
        """That names of parameters begin with, in the order in which the physics gives lists of them."""
        return "Wb"

    @property
    def has_energy(self) -> bool:
        return True

    # -------------------------------------------------------------------------------------------------------------- parameters
    def _set_up(self) -> None:
        """Check the settings, draw what is not given, and name the writers."""
        check_dtype(self.dtype)
        shapes = self._parameter_shapes()
        layers = sum(name.startswith("b") for name in shapes)
        for name in ("rates", "bias_rates"):
            if len(getattr(self, name)) not in (0, layers):
                raise ValueError(f"{name} must be one number for each of the {layers} layers, got {len(getattr(self, name))}")
        if not self.parameters:
            random.require_key(self.key, "the weights that a layered network begins with are random")
            xp = _array.device_namespace(self.device)
            drawn = self._draw_weights(xp.empty(0, self.dtype))
            self.parameters = {name: drawn[name] if name in drawn else xp.zeros(shape, self.dtype) for name, shape in shapes.items()}
        check_parameters(self.parameters, shapes, self.dtype)
        for name in shapes:
            rate = self._rate(name)
            if name.startswith("b"):
                if len(self.bias_rates) or rate != 1:
                    self.writers.setdefault(name, InPlace(rate=rate))
            elif self.in_place or len(self.rates):
                self.writers.setdefault(name, InPlace(self.least_weight, rate=rate))

    def _rate(self, name: str) -> float:
        """Of a parameter, relative to the learning rate."""
        rates = self.bias_rates if name.startswith("b") and len(self.bias_rates) else self.rates
        return rates[int(name[1:]) - 1] if len(rates) else 1.0

    def _part_shape(self, name: str) -> tuple[int, ...]:
        return self._parameter_shapes()[name]

    def _parameters_of(self, letter: str) -> list[Array]:
        """The parameters whose names begin with a letter, from the input upwards."""
        return [self.parameters[name] for name in self._parameter_shapes() if name.startswith(letter)]

    @property
    def weights(self) -> list[Array]:
        return self._parameters_of("W")

    @property
    def biases(self) -> list[Array]:
        return self._parameters_of("b")

    def _by_name(self, parts: Sequence[Sequence[Any]]) -> dict[str, Derivative]:
        """Lists of weights (, backward weights) and biases, one for each layer, by their names; what is no parameter is dropped."""
        named = {f"{letter}{l}": value for letter, part in zip(self._letters, parts, strict=True) for l, value in enumerate(part, 1)}
        return {name: value for name, value in named.items() if name in self.parameters}

    @property
    def _unit_shapes(self) -> list[tuple[int, ...]]:
        """Of the layers after the input."""
        return [shape for name, shape in self._parameter_shapes().items() if name.startswith("b")]

    def built(self) -> Self:
        device = super().built()
        if self.imperfections.slope_mismatch:
            vars(device)["_slopes"] = self._slopes_of(self._unit_shapes, self.parameters["b1"])
        return device

    def _noted(self, relaxed: Phases, key: Any, sample: Any) -> Phases:
        noise = (self.imperfections.measurement_noise, key, sample)
        return MeasuredPhases.of(relaxed, noise, scores=getattr(self, "readout", "state") == "softmax")

    # ----------------------------------------------------------------------------------------------------------------- physics
    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Free outputs (batch, outputs) of the built network.

        Parameters
        ----------
        key
            Of the noise that they are measured with.
        """
        return self.relax(inputs, key=key, sample=sample).output

    def forward_population(
        self, inputs: Real, parameters: dict[str, Array], key: Key | None = None, sample: Sample = 0, *, first: Sample = 0
    ) -> Array:
        """Free outputs of a population, (members, batch, outputs), all relaxed at once."""
        with stacked(self, parameters, first):
            device = self.built()
            how = device._free_settings()
            outputs: Array = self.physics.relax_many(self._entered(inputs), device.weights, device.biases, **how)
        return self._measured_of_members(outputs, key, sample, first)

    @property
    def feature_count(self) -> int:
        """Values of the layer below the outputs; where there is none, outputs."""
        return int(self._parameter_shapes()[f"W{len(self.below_outputs) + 1}"][0]) if self.below_outputs else self.outputs

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """The free state of the layer below the outputs, (batch, feature_count); where there is none, outputs."""
        free, below = self.relax(inputs, key=key, sample=sample), len(self.below_outputs)
        return self._noisy(free.states[below - 1].reshape(len(inputs), -1), "features", key, sample) if below else free.output

    def _free_settings(self) -> dict[str, Any]:
        """Settings of the free relaxation."""
        own: dict[str, Any] = {} if self._slopes is None else {"slopes": self._slopes}
        return {"sweeps": self.sweeps, "tolerance": self.tolerance} | own | self._physics_settings()

    def _continual_settings(self) -> dict[str, Any]:
        """Settings of continual equilibrium propagation."""
        return self._free_settings()

    def _response_settings(self) -> dict[str, Any]:
        """Settings with sweeps enough for a free state and for one that is moved from it."""
        return self._free_settings() | {"sweeps": max(self.sweeps, self.nudged_sweeps or 0)}

    @on_the_built
    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Key | None = None,
              sample: Sample = 0) -> Phases:  # fmt: skip
        """The free state and how far nudges move it."""
        relaxed: Phases = self.physics.phases(
            inputs, self.weights, self.biases, nudges=nudges, target=target, hold=hold, nudged_sweeps=self.nudged_sweeps,
            **self._free_settings(),
        )  # fmt: skip
        return relaxed

    # ---------------------------------------------------------------------------------------------------------------- learning
    def contrast(self, relaxed: Phases, a: int, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b less that in phase a, a sum over the batch: of the built network, products of its states as measured."""
        return self._by_name(self.built()._contrast(*as_measured(relaxed, a, relaxed, b)))

    def contrast_between(self, one: Phases, a: int, two: Phases, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b of `two` less that in phase a of `one`, a sum over the batch; their parameters may differ."""
        return self._by_name(self.built()._contrast(*as_measured(one, a, two, b)))

    def _contrast(self, relaxed: Phases, a: int, b: int) -> Sequence[Sequence[Any]]:
        """The contrast in lists, as the physics gives it."""
        shares: Sequence[Sequence[Any]] = self.physics.contrast(relaxed, a, b, mean=False)
        return shares

    def continual_moves(self, relaxed: Phases, target: Real, *, nudge: float, steps: int, rate: float) -> dict[str, Array]:
        """How far each parameter moves on the way of `steps` nudged sweeps, a parameter at its share of `rate`.

        Parts of the built network move by what they feel, whatever they are worth.
        """
        device = self.built()
        target = self._aimed_at(target, relaxed.inputs, lambda _: relaxed.output)
        rates = [[rate * self._rate(f"{letter}{l}") for l in range(1, len(self.biases) + 1)] for letter in self._letters]
        ends = self.physics.continual(
            relaxed.inputs, target, device.weights, device.biases, nudge=nudge, rates=rates, steps=steps, free=relaxed,
            **device._continual_settings(),
        )  # fmt: skip
        return {name: end - device.parameters[name] for name, end in self._by_name(ends).items()}

    # -------------------------------------------------------------------------------------------------------------- exact twin
    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Free outputs, and the state for `vjp`."""
        free: Equilibrium = self.physics.relax(inputs, self.weights, self.biases, **self._free_settings())
        return free.output, (inputs, free)

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """The exact derivative through the equilibrium, by the response of all nodes to the cotangent."""
        inputs, free = record
        shares = self.physics.relax_vjp(cotangent, inputs, self.weights, self.biases, free=free, **self._response_settings())
        return self._by_name(shares)


@accepts_any
@dataclass(kw_only=True)
class DenseSettling(DenseLayers, Settling):
    """Layers that settle, fully connected from one to the next. Weights are written in one pass, without a gradient array."""

    imperfections: UnitImperfections = field(default_factory=UnitImperfections)  # a dataclass takes that of the first of its bases

    in_place: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)
        self._set_up()

    @property
    def _entrances(self) -> int:
        """Nodes of the input layer."""
        return self.inputs

    def _parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for l, (below, above) in enumerate(zip((self._entrances, *self.sizes), self.sizes, strict=False), 1):
            shapes |= {f"W{l}": (below, above), f"b{l}": (above,)}
        return shapes

    def _draw_weights(self, like: Array) -> dict[str, Array]:
        return {f"W{l}": w for l, w in enumerate(self._initial(self.key, like), 1)}

    def _initial(self, key: Any, like: Array) -> list[Array]:
        weights: list[Array] = self.physics.initial((self._entrances, *self.sizes), key, gain=self.scale, dtype=self.dtype, like=like)
        return weights


@accepts_any
@dataclass(kw_only=True)
class HopfieldUnits(Settling):
    """Layers of Hopfield units.

    Parameters
    ----------
    readout : Literal['state', 'softmax']
        "state", the outputs are units that are nudged by their square error, or "softmax", they are scores beside the energy whose
        cross-entropy nudges the layer below.
    """

    activation: Literal["hard-sigmoid", "sigmoid", "tanh"] = "hard-sigmoid"  # of the units
    readout: Literal["state", "softmax"] = "state"  # outputs are units with a square error, or scores with a cross-entropy
    nudged_sweeps: Turns = 15  # over all layers, of each nudged state

    @property
    def natural_loss(self) -> Target:
        return super().natural_loss if self.readout == "state" else Target("cross-entropy", scale=1.0, real=False)

    @property
    def unmet(self) -> Mapping[str, str]:
        sharp = self.activation == "hard-sigmoid"
        return {"Holomorphic": "system.activation='sigmoid' or 'tanh', got 'hard-sigmoid'"} if sharp else {}

    def _physics_settings(self) -> dict[str, Any]:
        return {"activation": self.activation, "readout": self.readout}

    def _aimed(self, target: Array, true: Array, seen: Array) -> Array:
        return super()._aimed(target, *((true, seen) if self.readout == "state" else (softmax(true), softmax(seen))))

    def _set_up(self) -> None:
        if self.readout == "softmax" and (self.high, self.low) != (1.0, 0.0):
            raise ValueError(f"the targets of a softmax are 1 and 0: leave high and low as they are, got {self.high:g} and {self.low:g}")
        super()._set_up()
        if self.readout == "softmax" and self.biases[-1].size == 1:
            raise ValueError("a softmax of one output is always 1: two classes need two outputs, or readout='state'")

    def holomorphic_contrast(self, inputs: Real, target: Real, *, radius: float, points: int) -> dict[str, Derivative]:
        """The gradient of the cost by nudges on a circle, a sum over the batch; only smooth activations can be followed there.

        It is that of the built network, free of noise.
        """
        device, inputs = self.built(), self._entered(inputs)
        target = self._aimed_at(target, inputs, self._read)
        means = self.physics.holomorphic_contrast(
            inputs, target, device.weights, device.biases, radius=radius, points=points, **device._response_settings()
        )
        return {name: scaled(mean, len(inputs)) for name, mean in self._by_name(means).items()}


__all__ = ["DenseSettling", "HopfieldUnits", "Settling"]
