"""Physics-aware training: measure forward, go back through the digital twin.

The loss and its cotangent are those of the measured outputs; the twin's vjp, taken at what was measured on the way, carries it to the
parameters. Works as long as the estimate is less than 90 degrees off the gradient. Wright, Onodera et al., Nature 601, 549 (2022).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from .._gate import accepts_any
from .._updates import gradients
from ..systems.protocols import Layered, Measurable, Modelled
from .metrics import Metrics, loss_and_metrics
from .rule import Batch, State, Supervised, Updates


@accepts_any
@dataclass(frozen=True)
class PhysicsAware(Supervised):
    """The rule: one physical pass, then the twin's derivative at what was measured."""

    kind: ClassVar[str] = "physics-aware"
    needs: ClassVar[tuple[type, ...]] = (Measurable, Modelled)

    def step(self, system: Any, state: State, batch: Batch, key: Any = None) -> tuple[Updates, State, Metrics]:
        def share(part: Batch) -> tuple[Updates, Metrics]:
            if isinstance(system, Layered):
                outputs, record = system.measure(part.inputs, key, part.index)
            else:
                outputs, record = system.forward(part.inputs, key, part.index), system.forward_saving(part.inputs)[1]
            cotangent, metrics = loss_and_metrics(self.loss_on(system), outputs, part.labels)
            return gradients(system.vjp(cotangent, record)), metrics

        updates, metrics = batch.sum(share)
        return updates, state, metrics
