"""Coupled learning that does not wait for equilibrium, as a rule: voltages and conductances move at once.

Stern, Dillavou, Miskin, Durian and Liu, Phys. Rev. Research 4, L022037 (2022).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import _array
from .._array import Array, Key
from .._declared import NotNegative, Positive, Share, Turns
from .._gate import accepts_any
from .._updates import Set
from ..systems.protocols import Measurable, Resistive
from .coupled import coupled_dynamics
from .metrics import Metrics, metrics
from .rule import Batch, Rule, State, Updates


@accepts_any
@dataclass(frozen=True)
class CoupledDynamics(Rule):
    """The rule: `coupled_dynamics`, for a while with each batch, without an optimiser, a learning rate or its schedule.

    The state is the voltages of both copies (samples, n_nodes): the next batch finds them where the last one left them, sample by sample;
    those that no batch had yet start at equilibrium. Before the first batch there are none.
    """

    eta: Share = 0.0  # how far outputs are moved towards their targets, a fraction; 0: the system's own
    rate: Positive = 3000.0  # [S/(V² s)] at which conductances learn
    capacitance: Positive = 1e-9  # [F] of every node
    dt: NotNegative = 0.0  # [s] of one step in time; 0: half of the longest that is stable, at all times
    steps: Turns = 100  # in time, with each batch

    kind: ClassVar[str] = "coupled-dynamics"
    shared: ClassVar[bool] = False  # parts move after each nudged step, by all samples
    functions: ClassVar[Mapping[str, str]] = {"learning.coupled_dynamics": ""}
    natural: ClassVar[Mapping[str, str]] = {"eta": "natural_hold"}
    needs: ClassVar[tuple[type, ...]] = (Measurable, Resistive)
    passes: ClassVar[int] = 3  # the one that is measured, and both copies

    def init(self, system: Any, key: Key | None = None) -> State:
        super().init(system, key)
        k = system.parameters["conductance"]
        return {name: _array.namespace(k).zeros((0, system.network.n_nodes)) for name in _COPIES}

    def step(self, system: Any, state: State, batch: Batch, key: Key | None = None) -> tuple[Updates, State, Metrics]:
        x, y = batch.inputs, batch.targets(system)
        measured = metrics(self.loss_on(system), system.forward(x, key, batch.index), batch.labels)
        begun = [state[name][: len(x)] for name in _COPIES]
        new = len(begun[0])
        if new < len(x):
            begun = _joined(begun, self._moved(system, x[new:], y[new:], None, 0)[1])
        move, copies = self._moved(system, x, y, begun, self.steps)
        later = _joined(copies, [state[name][len(x) :] for name in _COPIES])
        return {"conductance": Set(system.parameters["conductance"] + move)}, dict(zip(_COPIES, later, strict=True)), measured

    def _moved(self, system: Any, x: Array, y: Array, states: Any, steps: int) -> tuple[Array, tuple[Array, Array]]:
        """By how much the conductances that were built have moved, and the voltages."""
        net, k, sources, values, targets = system.resistors(x)
        low, high = system.bounds["conductance"]
        moved, copies = coupled_dynamics(
            net, k, sources, values, targets, y, eta=self.fitted(system).eta, rate=self.rate, capacitance=self.capacitance, dt=self.dt,
            steps=steps, limits=(min(low, float(k.min())), max(high, float(k.max()))), states=states,
            errors=lambda target, output: system.pulls(output, target),
        )  # fmt: skip
        return moved - k, copies


def _joined(one: Any, two: Any) -> list[Array]:
    """The samples of both, of each copy."""
    return [_array.namespace(a).concatenate([a, b]) for a, b in zip(one, two, strict=True)]


_COPIES = ("free", "clamped")

__all__ = ["CoupledDynamics"]
