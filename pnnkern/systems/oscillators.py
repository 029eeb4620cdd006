"""Oscillator Ising machine as a trainable system: inputs are fields on hidden oscillators, which couple to output oscillators.

Parameters: "W1" (inputs, hidden) fields per input value, "b1" (hidden,) and "b2" (outputs,) fields, "W2" (hidden, outputs) couplings,
"K" (hidden + outputs,) second harmonics. Gower, arXiv:2505.02103 (2025).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array, Real
from .._gate import accepts_any, record
from ..networks import oscillator
from ..networks._layered import Factors
from ._encoding import fitting, flat, one_hot
from ._typed import check_types
from .protocols import OuterProduct, Update, looped_population
from .writers import InPlace


@record
@dataclass(frozen=True)
class _Relaxed:
    inputs: Real
    phases: oscillator.Phases

    @property
    def output(self) -> Array:
        return self.phases.output


@accepts_any
@dataclass
class OscillatorMachine:
    """Hidden and output oscillators that relax down their energy from phase pi/2, where no spin has decided.

    sizes : (hidden, outputs). inputs : values of a sample. gain : of the inputs. second : K at the start. step : of time. steps,
    nudged_steps : of the free and of each nudged relaxation, exactly so many with tolerance 0. high, low : targets of the outputs' cosines.
    scale : weights are drawn uniform in +-scale / sqrt(n). rates : of W1 and W2 relative to the learning rate (biases go with W2, K with
    `second_rate`, 0 keeps it).
    """

    sizes: Sequence[int] = (500, 10)
    inputs: int = 784
    gain: float = 1.0
    second: float = 0.0
    step: float = 0.1
    steps: int = 40
    nudged_steps: int = 20
    tolerance: float | None = 0.0
    high: float = 1.0
    low: float = -1.0
    scale: float = 1.0
    rates: Sequence[float] = (1.0, 1.0)
    second_rate: float = 0.0
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    key: Any = None
    device: str = "cpu"

    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_types(self)
        if len(self.sizes) != 2 or min(self.sizes) < 1 or self.inputs < 1:
            raise ValueError(f"sizes must be (hidden, outputs) of 1 or more, got {tuple(self.sizes)} with {self.inputs} inputs")
        if len(self.rates) != 2:
            raise ValueError(f"rates must be two numbers, of W1 and of W2, got {len(self.rates)}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")
        xp, (hidden, outputs) = _array.device_namespace(self.device), self.sizes
        shapes = {"W1": (self.inputs, hidden), "W2": (hidden, outputs), "b1": (hidden,), "b2": (outputs,), "K": (hidden + outputs,)}
        if not self.parameters:
            if self.key is None:
                raise ValueError("an oscillator machine needs a key to draw its weights from, or its parameters")
            for name, n in (("W1", self.inputs), ("W2", hidden)):
                draws = random.uniform(
                    random.fold_in(self.key, name), (1, int(np.prod(shapes[name]))), dtype=self.dtype, like=xp.empty(0, self.dtype)
                )
                self.parameters[name] = (self.scale / np.sqrt(n) * (2 * draws - 1)).astype(self.dtype).reshape(shapes[name])
            self.parameters |= {"b1": xp.zeros(hidden, self.dtype), "b2": xp.zeros(outputs, self.dtype)}
            self.parameters["K"] = xp.full(hidden + outputs, self.second, self.dtype)
        fitting(self.parameters, shapes, self.dtype)
        for name, rate in (("W1", self.rates[0]), ("W2", self.rates[1]), ("b1", self.rates[1]), ("b2", self.rates[1]), ("K", self.second_rate)):
            self.writers.setdefault(name, InPlace(rate=rate))

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images (batch, ...), uint8 or finite numbers, as inputs (batch, n): uint8 as fractions of 255, times the gain."""
        return self.gain * flat(images, self.inputs, self.device, self.dtype, bounded=False)

    def targets(self, labels: Array) -> Array:
        """(batch, outputs): `high` at the label, `low` elsewhere."""
        return one_hot(labels, self.sizes[-1], self.high, self.low, self.device, self.dtype)

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """Cosines of the free outputs (batch, outputs). Noise-free: `key` is not needed."""
        return self.relax(inputs).output

    forward_population = looped_population(forward)

    def _apparatus(self, inputs: Real) -> tuple[Any, dict[str, Any]]:
        """Couplings of all oscillators, and the other settings."""
        xp, (hidden, outputs), p = _array.namespace(inputs), self.sizes, self.parameters
        coupling = oscillator.Between(p["W2"])
        x = xp.empty((len(inputs), hidden + outputs), self.dtype)
        x[:, :hidden] = inputs @ p["W1"] + p["b1"]
        x[:, hidden:] = p["b2"]
        return coupling, {"x": x, "second": p["K"], "step": self.step, "tolerance": self.tolerance}

    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
              sample: Any = 0) -> _Relaxed:  # fmt: skip
        """The free phases and how far nudges move them."""
        coupling, how = self._apparatus(inputs)
        start = _array.namespace(inputs).full(how["x"].shape, np.pi / 2, self.dtype)
        free = oscillator.relax(start, coupling, steps=self.steps, **how)
        if not nudges:
            none = free.phase[None][:0]
            return _Relaxed(inputs, oscillator.Phases(free.phase, none, self.sizes[1], left=free.left, limit=free.limit))
        return _Relaxed(
            inputs,
            oscillator.respond(free.phase, coupling, nudges=nudges, target=target, hold=hold, steps=self.nudged_steps, **how),
        )

    def contrast(self, relaxed: _Relaxed, a: int, b: int) -> dict[str, Update]:
        """dE/dparameter in phase b less that in phase a, mean over the batch."""
        return self._named(relaxed.inputs, oscillator.contrast(relaxed.phases, a, b), 1 / max(1, len(relaxed.inputs)))

    def _named(self, inputs: Real, shares: tuple[Factors, Array, Array, Array], scale: float) -> dict[str, Update]:
        (first, second), dx, _, dK = shares
        hidden = self.sizes[0]
        across = OuterProduct(_array.contiguous(first[:, :hidden]), _array.contiguous(second[:, hidden:]))
        field = dx.sum(axis=0) * dx.dtype.type(scale)
        return {
            "W1": OuterProduct(inputs, _array.contiguous(dx[:, :hidden]), scale), "W2": across, "b1": field[:hidden], "b2": field[hidden:],
            "K": dK,
        }  # fmt: skip

    # -------------------------------------------------------------------------------------------------------------- exact twin
    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Cosines of the free outputs, and the phases for `vjp`."""
        relaxed = self.relax(inputs)
        return relaxed.output, relaxed

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Update]:
        """The exact derivative through the equilibrium, by the response of all phases to the cotangent."""
        coupling, how = self._apparatus(record.inputs)
        steps = max(self.steps, self.nudged_steps)
        shares = oscillator.relax_vjp(cotangent, record.phases.phase, coupling, steps=steps, **how)
        return self._named(record.inputs, shares, 1.0)


__all__ = ["OscillatorMachine"]
