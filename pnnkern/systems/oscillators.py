"""Oscillator Ising machine as a trainable system: inputs are fields on hidden oscillators, which couple to output oscillators.

Parameters: "W1" (inputs, hidden) fields per input value, "b1" (hidden,) and "b2" (outputs,) fields, "W2" (hidden, outputs) couplings,
"K" (hidden + outputs,) second harmonics. Gower, arXiv:2505.02103 (2025).
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from .. import _array, _constants, random
from .._array import Array, Key, Real, Sample
from .._declared import NotNegative, Positive, Turns, check
from .._gate import accepts_any
from .._updates import Derivative, Factors
from ..networks import oscillator
from ..networks.layered import Phases
from ._encoding import check_parameters
from ._imperfect import OscillatorImperfections, on_the_built
from ._layers import GradedOutputs, OneHiddenLayer, OneSize, check_dtype
from ._settling import MeasuredPhases, as_measured
from .protocols import looped_population
from .system import Quantity
from .writers import InPlace


@accepts_any
@dataclass(kw_only=True)
class OscillatorMachine(OneHiddenLayer, GradedOutputs):
    """An oscillator Ising machine with one hidden layer. Outputs are cosines of phases; couplings in the inverse unit of time.

    Hidden and output oscillators relax down their energy from phase pi/2, where no spin has decided, exactly so many steps with tolerance 0.
    Biases learn at the rate of W2.
    """

    hidden: OneSize = (500,)  # oscillators of the hidden layer
    low: float = -1.0  # target of the other classes
    second: float = 0.0  # strength of the second harmonic at the start
    second_rate: NotNegative = 0.0  # how fast it learns, relative to training.lr
    step: Positive = 0.1  # of time, in the inverse unit of the couplings
    steps: Turns = 40  # of time, of the free relaxation
    nudged_steps: Turns = 20  # of time, of each nudged relaxation
    tolerance: float | None = 0.0
    imperfections: OscillatorImperfections = field(default_factory=OscillatorImperfections)

    _own: ClassVar[Any] = None  # slopes and detuning of the built machine's oscillators, where it has any

    kind: ClassVar[str] = "oscillators"
    recipe: ClassVar[str] = "oim-mnist"
    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check(self)
        check_dtype(self.dtype)
        first, second = self.two_rates()
        xp, (hidden, outputs) = _array.device_namespace(self.device), self.sizes
        shapes = {"W1": (self.inputs, hidden), "W2": (hidden, outputs), "b1": (hidden,), "b2": (outputs,), "K": (hidden + outputs,)}
        if not self.parameters:
            random.require_key(self.key, "the weights that an oscillator machine begins with are random")
            for name, n in (("W1", self.inputs), ("W2", hidden)):
                draws = random.uniform(
                    random.fold_in(self.key, name), (1, int(np.prod(shapes[name]))), dtype=self.dtype, like=xp.empty(0, self.dtype)
                )
                self.parameters[name] = (self.scale / np.sqrt(n) * (2 * draws - 1)).astype(self.dtype).reshape(shapes[name])
            self.parameters |= {"b1": xp.zeros(hidden, self.dtype), "b2": xp.zeros(outputs, self.dtype)}
            self.parameters["K"] = xp.full(hidden + outputs, self.second, self.dtype)
        check_parameters(self.parameters, shapes, self.dtype)
        for name, rate in (("W1", first), ("W2", second), ("b1", second), ("b2", second), ("K", self.second_rate)):
            self.writers.setdefault(name, InPlace(rate=rate))

    # ----------------------------------------------------------------------------------------------------------------- physics
    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Cosines of the free outputs (batch, outputs) of the built machine.

        Parameters
        ----------
        key
            Of the noise that they are measured with.
        """
        return self.relax(inputs, key=key, sample=sample).output

    @property
    def feature_count(self) -> int:
        """Oscillators."""
        return sum(self.sizes)

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Cosines of the free phases, of the hidden, then of the output oscillators (batch, oscillators)."""
        (phase,) = self.relax(inputs, key=key, sample=sample).states
        return self._noisy(_array.namespace(phase).cos(phase), "features", key, sample)

    forward_population = looped_population(forward)

    def trajectory(self, inputs: Real, points: int = 50) -> tuple[np.ndarray, Array]:
        """The way to the free state of the built machine: times (points,), seconds, and phases (batch, points, oscillators), radians.

        The first is the start, and the others follow at equal times to the end of `steps`.
        """
        device = self.built()
        coupling, how = device._apparatus(inputs)
        points = min(points, self.steps + 1)
        numbers = np.arange(points) * self.steps // max(1, points - 1)
        start = _constants.constant(np.full(sum(self.sizes), np.pi / 2), self.dtype, inputs)
        xp = _array.namespace(inputs)
        phases = [xp.repeat(start[None], len(inputs), axis=0)]
        for steps in np.diff(numbers):
            phases.append(oscillator.relax(phases[-1], coupling, **(how | {"steps": int(steps), "tolerance": 0.0, "on_failure": "flag"})).phase)
        return numbers * self.step, xp.stack(phases, axis=1)

    def _apparatus(self, inputs: Real) -> tuple[Any, dict[str, Any]]:
        """Couplings of all oscillators, and the other settings."""
        p = self.parameters
        coupling, x = oscillator.Between(p["W2"]), oscillator.drive(inputs, p["W1"], p["b1"], p["b2"])
        return coupling, {"x": x, "second": p["K"], "step": self.step, "tolerance": self.tolerance} | (self._own or {})

    def built(self) -> Self:
        device, p, shape = super().built(), self.imperfections, (sum(self.sizes),)
        if p.slope_mismatch or p.detuning:
            like = self.parameters["K"]
            slopes = {"slopes": self._slopes_of([shape], like)[0]} if p.slope_mismatch else {}
            detuning = {"detuning": like.dtype.type(p.detuning) * self._once("detuning", shape, like)} if p.detuning else {}
            vars(device)["_own"] = slopes | detuning
        return device

    def _noted(self, relaxed: Phases, key: Any, sample: Any) -> Phases:
        return MeasuredPhases.of(relaxed, (self.imperfections.measurement_noise, key, sample))

    @on_the_built
    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Key | None = None,
              sample: Sample = 0) -> Phases:  # fmt: skip
        """The free phases and how far nudges move them."""
        coupling, how = self._apparatus(inputs)
        start = _constants.constant(np.full(sum(self.sizes), np.pi / 2), self.dtype, inputs)
        found = oscillator.phases(
            start, coupling, outputs=self.sizes[1], nudges=nudges, target=target, hold=hold, steps=self.steps, nudged_steps=self.nudged_steps,
            **how,
        )  # fmt: skip
        return replace(found, inputs=inputs)

    def contrast(self, relaxed: Phases, a: int, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b less that in phase a, a sum over the batch: of the built machine, products of its waves as measured."""
        hidden, phases = self.sizes[0], as_measured(relaxed, a, relaxed, b)
        return self._by_name(relaxed.inputs, *oscillator.contrast_between(*phases, hidden))

    def _by_name(self, inputs: Real, across: Factors, dx: Array, field: Array, dK: Array) -> dict[str, Derivative]:
        """Shares of couplings, of fields of the hidden oscillators, of all fields and of second harmonics, by the names of the parameters."""
        hidden = self.sizes[0]
        return {"W1": Factors(inputs, dx), "W2": across, "b1": field[:hidden], "b2": field[hidden:], "K": dK}

    # -------------------------------------------------------------------------------------------------------------- exact twin
    def forward_saving(self, inputs: Real) -> tuple[Array, Any]:
        """Cosines of the free outputs, and the phases for `vjp`."""
        relaxed = self._clean.relax(inputs)
        return relaxed.output, relaxed

    def vjp(self, cotangent: Real, record: Any) -> dict[str, Derivative]:
        """The exact derivative through the equilibrium, by the response of all phases to the cotangent."""
        coupling, how = self._apparatus(record.inputs)
        steps = max(self.steps, self.nudged_steps)
        factors, dx, _, dK = oscillator.relax_vjp(cotangent, record.states[0], coupling, steps=steps, **how)
        hidden, contiguous = self.sizes[0], _array.contiguous
        across = Factors(contiguous(factors.first[:, :hidden]), contiguous(factors.second[:, hidden:]))
        return self._by_name(record.inputs, across, contiguous(dx[:, :hidden]), dx.sum(axis=0), dK)

    # ------------------------------------------------------------------------------------------------------ for other programs
    def exports(self) -> dict[str, Quantity]:
        return super().exports() | {"K": Quantity("second harmonics of the hidden, then the output oscillators")}


__all__ = ["OscillatorMachine"]
