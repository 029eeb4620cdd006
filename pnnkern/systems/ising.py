"""Ising machine as a trainable system: inputs are fields on hidden spins, which couple to output spins; both are found by annealing.

Each class has several output spins, so that an output, their mean, can move gradually. A nudge beta is a field ``beta target`` on the
outputs; nudged states come from the free one by a reverse anneal, which starts cold enough to keep most of it. Energies are compared by
the sampled states, so nudges are large and updates noisy. Laydevant, Markovic and Grollier, Nat. Commun. 15, 3671 (2024).

Parameters: "W1" (inputs, hidden), "W2" (hidden, classes x copies), "b1", "b2"; all kept in -1 .. 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array, Key, Numbers, Real, Sample
from .._declared import Count, Positive, Range, Turns, check
from .._errors import NudgeError
from .._gate import accepts_any, record
from .._updates import Derivative, Factors
from ..networks import ising, oscillator
from ._encoding import check_parameters, one_hot
from ._imperfect import on_the_built
from ._layers import OneHiddenLayer, OneSize
from ._samples import on_device
from .protocols import looped_population
from .system import States, Target
from .writers import InPlace


@record
@dataclass(frozen=True)
class Spins(States):
    """Of each phase spins (batch, hidden + outputs) int8."""

    inputs: Real


@accepts_any
@dataclass(kw_only=True)
class IsingMachine(OneHiddenLayer):
    """Hidden and output spins, +-1, that are annealed. Biases learn at the rate of the weights of their layer.

    Annealing is random: every call needs a key. Everything is float32, but for the spins.
    """

    hidden: OneSize = (120,)  # spins of the hidden layer
    copies: Count = 4  # output spins of a class
    sweeps: Turns = 100  # of an anneal
    reads: Turns = 1  # anneals of which the lowest energy counts
    reverse: Annotated[float, Range(ge=0, lt=1)] = 0.5  # where in the schedule, 0 hot to 1 cold, a reverse anneal starts
    limit: Positive = 1.0  # weights keep to -limit .. limit

    kind: ClassVar[str] = "ising"
    recipe: ClassVar[str] = "ising-digits"
    has_energy: ClassVar[bool] = True
    nudged_by_reading: ClassVar[bool] = False  # nudges are fields

    def __post_init__(self) -> None:
        check(self)
        if self.dtype != "float32":
            raise ValueError(f"an Ising machine computes in float32: set compute.dtype=float32, got {self.dtype!r}")
        xp, hidden, outputs = _array.device_namespace(self.device), self.hidden[0], self.outputs * self.copies
        shapes = {"W1": (self.inputs, hidden), "W2": (hidden, outputs), "b1": (hidden,), "b2": (outputs,)}
        if not self.parameters:
            random.require_key(self.key, "the weights that an Ising machine begins with are random")
            for name, shape in shapes.items():
                draws = random.uniform(random.fold_in(self.key, name), (1, int(np.prod(shape))), like=xp.empty(0, np.float32))
                size = self.scale / np.sqrt(shape[0]) if len(shape) == 2 else 0.0
                self.parameters[name] = (size * (2 * draws - 1)).astype(np.float32).reshape(shape)
        check_parameters(self.parameters, shapes, np.float32)
        first, second = self.two_rates()
        for name in shapes:
            self.writers.setdefault(name, InPlace(-self.limit, self.limit, first if name.endswith("1") else second))
        self.graph = ising.SpinGraph.layers(hidden, outputs)

    @property
    def natural_loss(self) -> Target:
        return Target(high=1.0, low=-1.0)

    @property
    def natural_nudge(self) -> float:
        """A field that turns output spins over: energies are compared by the sampled states."""
        return 2.0

    @property
    def natural_hold(self) -> float:
        """1: outputs are held at their targets or not at all."""
        return 1.0

    # ----------------------------------------------------------------------------------------------------------------- physics
    def targets(self, labels: Numbers) -> Array:
        """(batch, classes): 1 at the label, -1 elsewhere."""
        return one_hot(labels, self.outputs, 1, -1, self.device, np.float32)

    def forward(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """Mean of the output spins of each class, (batch, classes), of the built machine as it is measured."""
        return self.relax(inputs, key=key, sample=sample).output

    @property
    def feature_count(self) -> int:
        """Spins."""
        return self.graph.n_nodes

    def read_features(self, inputs: Real, key: Key | None = None, sample: Sample = 0) -> Array:
        """The annealed spins, of the hidden, then of the output nodes (batch, spins), float32."""
        return self.relax(inputs, key=key, sample=sample).phases[0].astype(np.float32)

    forward_population = looped_population(forward)

    @on_the_built
    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Key | None = None,
              sample: Sample = 0) -> Spins:  # fmt: skip
        """The free state and the nudged ones. With `hold` outputs are held at the targets: spins know no fractions, so beta must be 1."""
        key = random.require_key(key, "annealing is random")
        if hold and any(b != 1 for b in nudges):
            raise NudgeError(f"spins are held at their targets or not at all: beta must be 1, as in contrastive learning, got {nudges}")
        p, hidden = self.parameters, self.sizes[0]
        nodes, coupling = self.graph.n_nodes, self.parameters["W2"].reshape(-1)
        fields = oscillator.drive(inputs, p["W1"], p["b1"], p["b2"])
        schedule = ising.default_schedule(self.graph, coupling, fields, self.sweeps)
        late = schedule[int(self.reverse * self.sweeps) :]
        sample = on_device(sample, inputs)
        start = ising.random_state(self.graph, len(inputs), key, sample=sample, like=fields)
        how: dict[str, Any] = {"reads": self.reads, "sample": sample}
        free = ising.anneal(start, self.graph, coupling, fields, schedule=schedule, key=random.fold_in(key, "free"), **how)
        states = [free]
        if target is None and nudges:
            raise ValueError("nudges need a target")
        spin_target: Any = None if target is None else target.repeat(self.copies, axis=1)
        for n, beta in enumerate(nudges):
            clamped: Sequence[int] = ()
            begin, pulled = free, fields
            if hold:
                begin, clamped = free.copy(), range(hidden, nodes)
                begin[:, hidden:] = spin_target
            else:
                pulled = fields.copy()
                pulled[:, hidden:] += np.float32(beta) * spin_target
            states.append(
                ising.anneal(
                    begin, self.graph, coupling, pulled, schedule=late, clamped=clamped, key=random.fold_in(key, n), **how
                )
            )
        return Spins(free[:, hidden:].reshape(len(inputs), -1, self.copies).mean(axis=2, dtype=np.float32), states, inputs)

    def contrast(self, relaxed: Spins, a: int, b: int) -> dict[str, Derivative]:
        """dE/dparameter in phase b less that in phase a, a sum over the batch: of the built machine, products of its spins."""
        hidden = self.sizes[0]
        across, moved, field = ising.contrast_between(relaxed.phases[a], relaxed.phases[b], hidden)
        return {"W1": Factors(relaxed.inputs, moved), "W2": across, "b1": field[:hidden], "b2": field[hidden:]}


__all__ = ["IsingMachine"]
