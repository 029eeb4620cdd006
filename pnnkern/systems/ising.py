"""Ising machine as a trainable system: inputs are fields on hidden spins, which couple to output spins; both are found by annealing.

Each class has several output spins, so that an output, their mean, can move gradually. A nudge beta is a field ``beta target`` on the
outputs; nudged states come from the free one by a reverse anneal, which starts cold enough to keep most of it. Energies are compared by
the sampled states, so nudges are large and updates noisy. Laydevant, Markovic and Grollier, Nat. Commun. 15, 3671 (2024).

Parameters: "W1" (inputs, hidden), "W2" (hidden, classes x copies), "b1", "b2"; all kept in -1 .. 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .. import _array, random
from .._array import Array, Real
from .._errors import NudgeError
from .._gate import accepts_any, record
from ..networks import ising
from ._encoding import fitting, flat, one_hot
from ._samples import on_device
from ._typed import check_types
from .protocols import OuterProduct, Update, looped_population
from .writers import InPlace


@record
@dataclass(frozen=True)
class _Relaxed:
    inputs: Real
    states: list[Array]  # spins of the free phase and of each nudged one, (batch, hidden + outputs) int8
    output: Real


@accepts_any
@dataclass
class IsingMachine:
    """Hidden and output spins that are annealed.

    sizes : (hidden, classes). copies : output spins of a class. inputs : values of a sample. gain : of the inputs. sweeps : of an anneal.
    reads : anneals of which the lowest energy counts. reverse : where in the schedule, 0 hot to 1 cold, a reverse anneal starts.
    scale : weights are drawn uniform in +-scale / sqrt(n). limit : largest size of a parameter. rates : of W1 and W2 relative to the
    learning rate. Annealing is random: every call needs a key.
    """

    sizes: Sequence[int] = (120, 10)
    copies: int = 4
    inputs: int = 784
    gain: float = 1.0
    sweeps: int = 100
    reads: int = 1
    reverse: float = 0.5
    scale: float = 1.0
    limit: float = 1.0
    rates: Sequence[float] = (1.0, 1.0)
    parameters: dict[str, Array] = field(default_factory=dict)
    writers: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Array] = field(default_factory=dict)
    dtype: str = "float32"
    key: Any = None
    device: str = "cpu"

    has_energy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_types(self)
        if len(self.sizes) != 2 or min(*self.sizes, self.copies, self.inputs, self.sweeps, self.reads) < 1:
            raise ValueError("sizes (hidden, classes), copies, inputs, sweeps and reads must all be 1 or more")
        if len(self.rates) != 2:
            raise ValueError(f"rates must be two numbers, of W1 and of W2, got {len(self.rates)}")
        if not 0 <= self.reverse < 1:
            raise ValueError(f"reverse must lie in [0, 1), got {self.reverse}")
        xp, hidden, outputs = _array.device_namespace(self.device), self.sizes[0], self.sizes[1] * self.copies
        shapes = {"W1": (self.inputs, hidden), "W2": (hidden, outputs), "b1": (hidden,), "b2": (outputs,)}
        if not self.parameters:
            if self.key is None:
                raise ValueError("an Ising machine needs a key to draw its weights from, or its parameters")
            for name, shape in shapes.items():
                draws = random.uniform(random.fold_in(self.key, name), (1, int(np.prod(shape))), like=xp.empty(0, np.float32))
                size = self.scale / np.sqrt(shape[0]) if len(shape) == 2 else 0.0
                self.parameters[name] = (size * (2 * draws - 1)).astype(np.float32).reshape(shape)
        fitting(self.parameters, shapes, np.float32)
        for name in shapes:
            self.writers.setdefault(name, InPlace(-self.limit, self.limit, self.rates[0 if name.endswith("1") else 1]))
        self.graph = ising.SpinGraph.layers(hidden, outputs)

    # ----------------------------------------------------------------------------------------------------------------- physics
    def encode(self, images: Array) -> Array:
        """Images (batch, ...), uint8 or finite numbers, as inputs (batch, n) float32: uint8 as fractions of 255, times the gain."""
        return self.gain * flat(images, self.inputs, self.device, np.float32, bounded=False)

    def targets(self, labels: Array) -> Array:
        """(batch, classes): 1 at the label, -1 elsewhere."""
        return one_hot(labels, self.sizes[1], 1, -1, self.device, np.float32)

    def forward(self, inputs: Real, key: Any = None, sample: Any = 0) -> Array:
        """Mean of the output spins of each class, (batch, classes)."""
        return self.relax(inputs, key=key, sample=sample).output

    forward_population = looped_population(forward)

    def relax(self, inputs: Real, *, target: Real | None = None, nudges: tuple[float, ...] = (), hold: bool = False, key: Any = None,
              sample: Any = 0) -> _Relaxed:  # fmt: skip
        """The free state and the nudged ones. With `hold` outputs are held at the targets: spins know no fractions, so beta must be 1."""
        if key is None:
            raise ValueError("annealing is random, which needs a key: key=pnnkern.random.key(seed)")
        if hold and any(b != 1 for b in nudges):
            raise NudgeError(f"spins are held at their targets or not at all: beta must be 1, as in contrastive learning, got {nudges}")
        xp, p, hidden = _array.namespace(inputs), self.parameters, self.sizes[0]
        nodes, coupling = self.graph.n_nodes, self.parameters["W2"].reshape(-1)
        fields = xp.empty((len(inputs), nodes), np.float32)
        fields[:, :hidden] = inputs @ p["W1"] + p["b1"]
        fields[:, hidden:] = p["b2"]
        schedule = ising.default_schedule(self.graph, coupling, fields, self.sweeps)
        late = schedule[int(self.reverse * self.sweeps) :]
        sample = on_device(sample, inputs)
        start = ising.random_state(self.graph, len(inputs), key, sample=sample, like=fields)
        how: dict[str, Any] = {"reads": self.reads, "sample": sample}
        free = ising.anneal(start, self.graph, coupling, fields, schedule=schedule, key=random.fold_in(key, "free"), **how)
        states = [free]
        if target is None and nudges:
            raise ValueError("nudges need a target")
        wanted: Any = None if target is None else target.repeat(self.copies, axis=1)
        for n, beta in enumerate(nudges):
            clamped: Sequence[int] = ()
            begin, pulled = free, fields
            if hold:
                begin, clamped = free.copy(), range(hidden, nodes)
                begin[:, hidden:] = wanted
            else:
                pulled = fields.copy()
                pulled[:, hidden:] += np.float32(beta) * wanted
            states.append(
                ising.anneal(
                    begin, self.graph, coupling, pulled, schedule=late, clamped=clamped, key=random.fold_in(key, n), **how
                )
            )
        return _Relaxed(inputs, states, free[:, hidden:].reshape(len(inputs), -1, self.copies).mean(axis=2, dtype=np.float32))

    def contrast(self, relaxed: _Relaxed, a: int, b: int) -> dict[str, Update]:
        """dE/dparameter in phase b less that in phase a, mean over the batch."""
        xp, hidden = _array.namespace(relaxed.inputs), self.sizes[0]
        one, two = (relaxed.states[p].astype(np.float32) for p in (a, b))
        moved, batch = two - one, max(1, len(one))
        first = xp.concatenate([one[:, :hidden], two[:, :hidden]])
        second = xp.concatenate([one[:, hidden:], -two[:, hidden:]])
        return {
            "W1": OuterProduct(relaxed.inputs, moved[:, :hidden].copy(), -1 / batch), "W2": OuterProduct(first, second, 1 / batch),
            "b1": moved[:, :hidden].sum(axis=0) / -batch, "b2": moved[:, hidden:].sum(axis=0) / -batch,
        }  # fmt: skip


__all__ = ["IsingMachine"]
