"""How a device that was built differs from its model: parts off their values, wrong gains, offsets, noise of what is measured.

What is physical (`forward`, `relax` and the local rules that stand on it, `driver`, `forward_reading`) is of the built device; the twin
(`forward_saving`, `vjp`) knows the clean model alone. A part that is set to p is worth ``p (1 + mismatch z)``, z normal and drawn once
for each part from the system's key; rules compare what parts can see of the built device, and nobody tells them z.
"""

import copy
import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from .. import _array, _declared, random
from .._array import Array, Key, Sample
from .._checks import floats
from .._declared import Described, NotNegative, Share, check
from .protocols import numbered
from .system import System

LEAST = 0.01  # of what it was set to, that a part is always worth: a mismatch is no sign
T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class DeviceImperfections(Described):
    """How a device that was built differs from its model; zero is perfect. Offsets and noise in the unit of what they are of."""

    mismatch: NotNegative = 0.0  # relative rms of what the parts are worth, against what they were set to
    gain_mismatch: NotNegative = 0.0  # relative rms of the gain of each input and of each measured output
    input_offset: NotNegative = 0.0  # rms of the constant error of each input, in its unit
    output_offset: NotNegative = 0.0  # rms of the constant error of each measured output, in its unit
    measurement_noise: NotNegative = 0.0  # rms error of what is measured, fresh each time, in the unit of the outputs

    def __post_init__(self) -> None:
        check(self)

    @functools.cached_property
    def perfect(self) -> bool:
        """Whether the device is as its model."""
        return not any(_declared.values(self).values())

    @functools.cached_property
    def none(self) -> Self:
        """Perfection: no imperfection of these kinds."""
        return type(self)()

    @property
    def reads_exactly(self) -> bool:
        """Whether outputs are measured as they are."""
        return not (self.gain_mismatch or self.output_offset or self.measurement_noise)


@dataclass(frozen=True, kw_only=True)
class EdgeImperfections(DeviceImperfections):
    """Of a network of edges that have limits, at which some are stuck."""

    stuck_low: Share = 0.0  # fraction of the edges that stay at the lower limit
    stuck_high: Share = 0.0  # fraction of the edges that stay at the upper limit

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stuck_low + self.stuck_high > 1:
            raise ValueError(f"stuck_low and stuck_high are fractions of the same edges, got {self.stuck_low:g} and {self.stuck_high:g}")


@dataclass(frozen=True, kw_only=True)
class ThresholdImperfections(EdgeImperfections):
    """Of edges that conduct above a threshold: transistors and diodes."""

    # [V] rms of the constant error of each transistor's threshold, or of each diode's forward voltage, which is never below 0
    threshold_offset: NotNegative = 0.0


@dataclass(frozen=True, kw_only=True)
class SpringImperfections(EdgeImperfections):
    """Of springs, whose rest lengths can be wrong too."""

    rest_mismatch: NotNegative = 0.0  # relative rms of the rest lengths, against those of the model


@dataclass(frozen=True, kw_only=True)
class CouplingImperfections(DeviceImperfections):
    """Of layers of units that are coupled."""

    bias_offset: NotNegative = 0.0  # rms of the constant error of each unit's bias
    dead: Share = 0.0  # fraction of the couplings that stay at 0


@dataclass(frozen=True, kw_only=True)
class UnitImperfections(CouplingImperfections):
    """Of layers of units whose states are analog, and are measured with noise, too, wherever a rule compares them."""

    # relative rms of the slope of each unit: of its activation; of resistive networks' nodes, which leak, only downwards
    slope_mismatch: NotNegative = 0.0


@dataclass(frozen=True, kw_only=True)
class OscillatorImperfections(UnitImperfections):
    """Of oscillators, whose slope is how fast a phase answers to a force, and whose phases are measured, in radians."""

    detuning: NotNegative = 0.0  # rms of the natural frequencies about that of the frame, in the unit of the couplings


@dataclass(kw_only=True)
class Buildable(System):
    """A system whose device can be misbuilt. A subclass declares which imperfections there are."""

    imperfections: DeviceImperfections = field(default_factory=DeviceImperfections)

    def built(self) -> Self:
        """The device that was built, its parts worth what they are; this one where it is as its model. Its inputs and outputs are exact."""
        if self.imperfections.perfect:
            return self
        device = self._clean
        device.parameters = {name: self._as_built(name, values) for name, values in self.parameters.items()}
        return device

    @property
    def _clean(self) -> Self:
        """The model: this system where nothing is wrong with it."""
        if self.imperfections.perfect:
            return self
        model = copy.copy(self)
        model.imperfections = self.imperfections.none
        return model

    def _noted(self, relaxed: Any, key: Any, sample: Any) -> Any:
        """What has relaxed, with how its states are to be measured: with noise of this key and of these samples."""
        return relaxed

    def _as_built(self, name: str, values: Array) -> Array:
        """What parts are worth that are set to these values, (..., as the parameter)."""
        raise TypeError(f"{type(self).__name__} does not say what its parts are worth")

    # --------------------------------------------------------------------------------------------------- what is drawn only once
    @functools.cached_property
    def _fixed(self) -> dict[Any, Array]:
        return {}

    def _once(self, name: str, shape: tuple[int, ...], like: Array, draw: Callable[..., Array] = random.normal) -> Array:
        """The draws of this name, (*shape), in the dtype and on the device of `like`; they are made once."""
        if (found := self._fixed.get((name, shape))) is None:
            key = random.fold_in(random.require_key(self.key, "imperfections are random"), "built")
            flat = draw(random.fold_in(key, name), (1, int(np.prod(shape))), dtype=like.dtype, like=like)
            found = self._fixed[name, shape] = flat.reshape(shape)
        return found

    def _part_shape(self, name: str) -> tuple[int, ...]:
        """Of one device's parameter."""
        shape: tuple[int, ...] = self.parameters[name].shape
        return shape

    def _off(self, name: str, values: Array, mismatch: float, shape: tuple[int, ...]) -> Array:
        """Values (..., *shape) times ``1 + mismatch z`` of each part, at least `LEAST` of them."""
        if not mismatch:
            return values
        share = _array.namespace(values).maximum(1 + values.dtype.type(mismatch) * self._once(name, shape, values), LEAST)
        out: Array = values * share.astype(values.dtype)
        return out

    # ------------------------------------------------------------------------------------------------------- inputs and outputs
    def _entered(self, inputs: Array) -> Array:
        """What enters the device in the place of inputs (batch, ...). Raises TypeError and ValueError for what is no such array."""
        inputs = floats("inputs", inputs)
        if inputs.ndim < 2:
            raise ValueError(f"inputs must be (batch, ...), got shape {inputs.shape}")
        return self._distorted(inputs, "input", inputs.shape[1:], self.imperfections.input_offset)

    def _read(self, outputs: Array) -> Array:
        """Outputs (..., outputs) as they are read, without noise."""
        return self._distorted(outputs, "output", outputs.shape[-1:], self.imperfections.output_offset)

    def _distorted(self, values: Array, what: str, shape: tuple[int, ...], offset: float) -> Array:
        if gain := self.imperfections.gain_mismatch:
            values = values * (1 + values.dtype.type(gain) * self._once(f"{what} gain", shape, values))
        if offset:
            values = values + values.dtype.type(offset) * self._once(f"{what} offset", shape, values)
        return values

    def _measured(self, outputs: Array, key: Any = None, sample: Any = 0) -> Array:
        """Outputs (batch, outputs) as they are measured. key, sample : of the noise; see `pnnkern.random`."""
        return self._noisy(self._read(outputs), "measurement", key, sample)

    def _noisy(self, values: Array, what: int | str, key: Any, sample: Any) -> Array:
        """Values (batch, ...) with noise of one measurement."""
        if not (rms := self.imperfections.measurement_noise):
            return values
        own = random.fold_in(random.require_key(key, "the noise of what is measured is random"), what)
        out: Array = values + values.dtype.type(rms) * random.normal(own, values.shape, sample=sample, dtype=values.dtype, like=values)
        return out

    def _measured_of_members(self, outputs: Array, key: Any, sample: Any, first: Any) -> Array:
        """Outputs of a population (members, batch, outputs) as they are measured, each with the noise of its own number."""
        if not self.imperfections.measurement_noise:
            return self._read(outputs)
        key = random.require_key(key, "the noise of what is measured is random")
        numbers = enumerate(numbered(len(outputs), first))
        return _array.namespace(outputs).stack([self._measured(outputs[m], random.fold_in(key, n), sample) for m, n in numbers])


@dataclass(kw_only=True)
class BuildableEdges(Buildable):
    """Edges that have limits."""

    imperfections: EdgeImperfections = field(default_factory=EdgeImperfections)

    @property
    def bounds(self) -> dict[str, tuple[float, float]]:
        """Range of each parameter."""
        return {}

    def _as_built(self, name: str, values: Array) -> Array:
        return self._stuck(name, self._off(name, values, self.imperfections.mismatch, values.shape[-1:]))

    def built_of(self, other: "BuildableEdges", kept: np.ndarray) -> None:
        """Be built of those parts of another network that are `kept`, boolean (E,)."""
        if other.imperfections.perfect:
            return
        other.built()
        for (name, _), draws in other._fixed.items():
            of_edges = name.split()[0] in self.parameters
            mine = draws[_array.namespace(draws).asarray(kept)] if of_edges else draws
            self._fixed[name, mine.shape] = mine

    def _stuck(self, name: str, values: Array) -> Array:
        """Values (..., E) but those of stuck edges, which are at a limit."""
        low, high = self.imperfections.stuck_low, self.imperfections.stuck_high
        if not (low or high):
            return values
        xp, u = _array.namespace(values), self._once(f"{name} stuck", values.shape[-1:], values, random.uniform)
        least, most = self.bounds[name]
        out: Array = xp.where(u < low, least, xp.where(u > 1 - high, most, values)).astype(values.dtype)
        return out


@dataclass(kw_only=True)
class BuildableLayers(Buildable):
    """Layers of units that are coupled: parameters called b... (and a, of the inputs) are biases, all others couplings."""

    imperfections: CouplingImperfections = field(default_factory=CouplingImperfections)

    nudged_by_reading: ClassVar[bool] = True  # whether nudges go by what is measured of the outputs, or are the same whatever they are

    def _as_built(self, name: str, values: Array) -> Array:
        p, one = self.imperfections, self._part_shape(name)
        if name[0] in "ab":
            return values + values.dtype.type(p.bias_offset) * self._once(name, one, values) if p.bias_offset else values
        values = self._off(name, values, p.mismatch, one)
        if not p.dead or name[0] not in "WV":
            return values
        return values * (self._once(f"{name} dead", one, values, random.uniform) >= p.dead)

    def _slopes_of(self, shapes: Sequence[tuple[int, ...]], like: Array) -> list[Array]:
        """Of the units of each layer after the input, of these shapes."""
        spread = like.dtype.type(self.imperfections.slope_mismatch)  # type: ignore[attr-defined]
        return [self._slope(spread * self._once(f"slope {l}", shape, like)) for l, shape in enumerate(shapes, 1)]

    def _slope(self, off: Array) -> Array:
        """Slopes of units by how far they are off, relatively."""
        slope: Array = _array.namespace(off).maximum(1 + off, LEAST)
        return slope.astype(off.dtype)

    def _aimed(self, target: Array, true: Array, seen: Array) -> Array:
        """What outputs are pulled to by a nudge towards a target, as it sees `seen` in the place of the true outputs; all (batch, outputs)."""
        return target - (seen - true)


    def _aimed_at(self, target: Any, inputs: Array, see: Callable[[Array], Array]) -> Any:
        """As `_aimed`, by what entered the device. see : what makes of true outputs what nudges see."""
        if target is None or self.imperfections.reads_exactly or not self.nudged_by_reading:
            return target
        device: Any = self.built()
        true: Array = device.forward(inputs)
        return self._aimed(target, true, see(true)) if target.shape == true.shape else target


def on_the_built(relax: T) -> T:
    """Let a `relax` be that of the built device. Its outputs are nudged by what is measured of them."""

    @functools.wraps(relax)
    def relaxing(self: Any, inputs: Array, *, target: Array | None = None, key: Key | None = None, sample: Sample = 0, **how: Any) -> Any:
        if self.imperfections.perfect:
            return relax(self, inputs, target=target, key=key, sample=sample, **how)
        device, inputs = self.built(), self._entered(inputs)
        aimed = self._aimed_at(target, inputs, lambda true: self._measured(true, key, sample))
        found = relax(device, inputs, target=aimed, key=key, sample=sample, **how)
        measured = dataclasses.replace(found, output=self._measured(found.output, key, sample))
        return self._noted(measured, key, sample) if self.imperfections.measurement_noise else measured

    return relaxing  # type: ignore[return-value]
